package session

import (
	"fmt"
	"maps"
	"strings"
	"time"
	"unicode/utf8"
)

// lateAfter is how long after its due time a deadline may be decided before the
// event says that it was late.
const lateAfter = 2 * time.Second

// Decide returns the events that a command causes, or a *Refusal. It is pure
// and the only place with rules; s is not changed. A command that was done
// before causes no second event: no events and no error. The events come
// complete but for the chain: see Link.
func Decide(s *State, c Command, now time.Time) ([]Event, error) {
	now = Instant(now)
	if now.Before(s.Recorded) {
		now = s.Recorded
	}
	if _, again := s.Done(c.Seat, c.ID); again {
		return nil, nil
	}
	if _, clock := c.Do.(ReachDeadline); clock && c.Seat == Clock && s.Seq > 0 {
		if due, ok := NextDeadline(s); !ok || due.After(now) {
			return nil, nil // nothing is due: the usual answer, without a copy of the state
		}
	}
	d := &decision{State: s.clone(), cmd: c, now: now}
	if err := d.check(); err != nil {
		return nil, err
	}
	if r := d.dated(); r != nil {
		return nil, r
	}
	if err := d.decide(); err != nil {
		return nil, err
	}
	return d.events, d.err
}

// Done returns the last event that a command of this seat caused.
func (s *State) Done(seat SeatID, command string) (uint64, bool) {
	if command == "" {
		return 0, false
	}
	seq, ok := s.done[doneKey(seat, command)]
	return seq, ok
}

// Fold returns the state after e and leaves s as it was.
func Fold(s *State, e Event) (*State, error) {
	n := s.clone()
	n.scratch, n.done = s.scratch, maps.Clone(s.done) // the one map that Apply writes into
	return n, n.Apply(e)
}

// Replay folds a whole log.
func Replay(events []Event) (*State, error) {
	s := &State{}
	for _, e := range events {
		if err := s.Apply(e); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// NextDeadline returns the next session time at which the clock has something to say.
func NextDeadline(s *State) (time.Time, bool) {
	if len(s.Deadlines) == 0 {
		return time.Time{}, false
	}
	return s.Deadlines[0].At, true
}

// decision is one command being decided: a scratch state that each emitted
// event is folded into, so that later rules see what earlier ones caused.
type decision struct {
	*State
	cmd    Command
	now    time.Time
	at     time.Time // when a command that comes after a while was given; zero: now
	events []Event
	err    error // a fact that the fold does not know: a mistake of ours
}

// emit adds an event that happened now.
func (d *decision) emit(f Fact) { d.emitAt(d.when(f), f) }

// emitAt adds an event that happened at another time.
func (d *decision) emitAt(at time.Time, f Fact) {
	log := d.ID
	if create, ok := d.cmd.Do.(CreateSession); ok {
		log = create.ID
	}
	e := Event{Schema: Schema, Log: log, Seq: d.Seq + 1, Recorded: d.now, At: Instant(at), Seat: d.cmd.Seat,
		Conn: d.cmd.Conn, Command: d.cmd.ID, Fact: f}
	if err := d.Apply(e); err != nil {
		if d.err == nil {
			d.err = fmt.Errorf("decide %s: %w", FactName(d.cmd.Do), err)
		}
		return
	}
	d.events = append(d.events, e)
}

// check holds what is true of every command: its id, its sizes, the permission table.
func (d *decision) check() error {
	if len(d.cmd.ID) > MaxCommandID || !utf8.ValidString(d.cmd.ID) {
		return refuse(BadValue, "The command's id is longer than %d characters, or no text.", MaxCommandID)
	}
	if r := sizes(d.cmd.Do); r != nil {
		return r
	}
	if create, ok := d.cmd.Do.(CreateSession); ok {
		if d.cmd.Seat != Server {
			return refuse(NotYourRole, "Only the console creates sessions.")
		}
		if d.Seq != 0 {
			return refuse(AlreadySo, "This session exists already.")
		}
		return create.validate()
	}
	if d.Seq == 0 {
		return refuse(NoSuchThing, "There is no such session.")
	}
	if r := d.permit(d.cmd); r != nil {
		return r
	}
	return nil
}

// decide is the dispatch: one case per act, each with its rules in a method.
func (d *decision) decide() error {
	d.enter()
	switch a := d.cmd.Do.(type) {
	case CreateSession:
		return d.create(a)
	case JoinPeer:
		return d.joinPeer(a)
	case LosePeer:
		return d.losePeer(a)
	case ReportPicture:
		d.reportPicture(a)
	case ReportSound:
		d.report(sound, a.Client, a.Lost, a.Since)
	case ReportVoice:
		d.report(voice, a.Client, a.Lost, a.Since)
	case IssueInvitation:
		return d.issueInvitation(a)
	case RevokeInvitation:
		return d.revokeInvitation(a)
	case OpenLink:
		return d.openLink(a)
	case AdmitDevice:
		return d.answerDevice(a.Request, true)
	case RefuseDevice:
		return d.answerDevice(a.Request, false)
	case ReachDeadline:
		return d.reachDeadlines()

	case AddSeat:
		return d.addsSeat(a)
	case UpdateSeat:
		return d.updatesSeat(a)
	case CorrectOrder:
		return d.correctOrder(a)
	case CheckDevice:
		return d.checkDevice(a)
	case IntroduceSelf:
		return d.introduce(a)
	case StateAddress:
		d.emit(AddressStated{a})
	case AnswerToday:
		d.emit(TodayAnswered{a})
	case GiveConsent:
		return d.consent(a)
	case AllowChaperone:
		if d.Client(a.Client).ChaperoneSees != a.See {
			d.emit(ChaperoneAllowed(a))
		}
	case HideFromChaperone:
		if !d.Client(a.Client).ChaperoneSees {
			return refuse(AlreadySo, "No chaperone sees or hears %s.", d.name(a.Client))
		}
		d.emit(ChaperoneAllowed{Client: a.Client})
	case SetMusic:
		if d.Client(a.Client).Music != a.On {
			d.emit(MusicSet(a))
		}
	case Reschedule:
		return d.reschedule(a)
	case Admit:
		return d.admit(a)
	case SettleGate:
		return d.settleGate(a)
	case ReopenGate:
		return d.reopenGate(a)
	case OverrideGate:
		return d.overrideGate(a)
	case ConfirmChaperone:
		return d.confirmChaperone(a)
	case Arrive:
		return d.arrive()

	case AuthorizeDose:
		return d.authorize(a)
	case WithdrawAuthorization:
		return d.withdraw(a)
	case RecordDose:
		return d.recordDose(a)
	case RecordSwallowed:
		return d.recordSwallowed(a)
	case CorrectDose:
		return d.correctDose(a)
	case RecordHold:
		return d.recordHold(a)
	case MarkReturning:
		return d.markReturning(a)
	case OfferWords:
		d.emit(WordsOffered{a})

	case RecordVitals:
		return d.recordVitals(a)
	case RecordSideEffect:
		return d.recordSideEffect(a)
	case ResolveSideEffect:
		return d.resolveSideEffect(a)
	case Rate:
		return d.rate(a)
	case RecordIntervention:
		return d.recordAt(a.At, a.Text, InterventionRecorded{a.Client, a.Text})
	case WriteNote:
		return d.recordAt(a.Begun, a.Text, NoteWritten{a.Text})
	case CheckIn:
		return d.checkIn(a)

	case AskHelp:
		return d.askHelp(a)
	case RaiseAlarm:
		return d.raiseAlarm(a)
	case ShowAlarm:
		return d.showAlarm(a)
	case AcknowledgeAlarm:
		return d.acknowledge(a)
	case AcknowledgeAlarms:
		return d.acknowledgeAll(a)
	case ClearAlarm:
		return d.clearAlarm(a)
	case CallChaperone:
		return d.callChaperone(a)
	case GoIn:
		return d.goIn()
	case BeWith:
		return d.beWith()
	case ReportBack:
		return d.reportBack(a)
	case AnnounceLeaving:
		return d.announceLeaving(a)
	case OpenCard:
		d.emit(EmergencyCardOpened(a))

	case BeginReleaseCheck:
		return d.beginReleaseCheck(a)
	case SettleCriterion:
		return d.settleCriterion(a)
	case ReopenCriterion:
		return d.reopenCriterion(a)
	case Release:
		return d.release(a)
	case EndEarly:
		return d.end(a.Client, EndedEarly, a.Reason)
	case Transfer:
		return d.end(a.Client, Transferred, a.Reason)
	case Cancel:
		return d.cancel(a)
	case WriteSummary:
		if r := needs(a.Text, "The summary is empty."); r != nil {
			return r
		}
		d.emit(SummaryWritten(a))
	case EnterCode:
		return d.enterCode(a)
	case Sign:
		return d.sign()
	case AddAddendum:
		return d.addendum(a)
	default:
		return refuse(NoSuchThing, "There is no command %q.", FactName(a))
	}
	return nil
}

// enter moves clients from scheduled to the lobby when a person acts after the
// room opened: it is their coming in that moves the phase, never the clock.
func (d *decision) enter() {
	if role := d.role(d.cmd.Seat); role == RoleServer || role == RoleClock || role == "" || d.now.Before(d.OpensAt) {
		return
	}
	switch d.cmd.Do.(type) {
	case Cancel, RecordSwallowed, CorrectOrder, Reschedule: // they name the phase that they leave, or leave it
		return
	}
	if d.SignedAt.IsZero() {
		d.openLobby()
	}
}

func (d *decision) openLobby() {
	for _, c := range d.Clients {
		if c.Phase == Scheduled {
			d.move(c, Lobby, "")
		}
	}
}

func (d *decision) move(c *ClientState, to Phase, reason string) {
	d.moveAt(d.now, c, to, reason)
}

func (d *decision) moveAt(at time.Time, c *ClientState, to Phase, reason string) {
	d.emitAt(at, PhaseMoved{c.Seat, c.Phase, to, reason})
}

func needs(text, words string) *Refusal {
	if strings.TrimSpace(text) == "" {
		return refuse(NeedsReason, "%s", words)
	}
	return nil
}

// reported checks a time that a person reports: never in the future, and not
// older than a day. A nil time is now, or when a late command was given.
func (d *decision) reported(at *time.Time) (time.Time, *Refusal) {
	if at == nil || at.IsZero() {
		return d.happened(), nil
	}
	t := Instant(*at)
	switch {
	case t.After(d.now.Add(5 * time.Second)):
		return t, refuse(BadValue, "That time lies in the future. Nothing was recorded: please check it.")
	case t.After(d.now):
		return d.now, nil
	case t.Before(d.now.Add(-24 * time.Hour)):
		return t, refuse(BadValue, "That time lies more than a day back. Nothing was recorded: please check it.")
	}
	return t, nil
}

// recordAt records a fact of words with the time at which it happened or was begun.
func (d *decision) recordAt(at *time.Time, text string, f Fact) error {
	if r := needs(text, "There is no text to record."); r != nil {
		return r
	}
	t, r := d.reported(at)
	if r != nil {
		return r
	}
	d.emitAt(t, f)
	return nil
}
