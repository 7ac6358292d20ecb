package session

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// Lateness says what becomes of an act that reaches the log after its time: it was
// noted while the log could not be written, or stood in a tail of the log that a
// failover lost.
type Lateness string

// What becomes of it.
const (
	// Noted is a fact from the room. It is taken down also while the log can't be
	// written, and enters it afterwards with the time at which it happened.
	Noted Lateness = "noted"
	// Anew is decided by the rules as things stand when it arrives.
	Anew Lateness = "anew"
	// Kept authorises something, moves a phase, or names what may be another thing by
	// then (an alarm, a request). It is not done any more: ReportedLate keeps it.
	Kept Lateness = "kept"
)

// lateness is the table. What is not in it is Kept: nothing follows from it late.
var lateness = map[string]Lateness{
	"RecordDose": Noted, "RecordSwallowed": Noted, "RecordHold": Noted,
	"RecordVitals": Noted, "RecordSideEffect": Noted, "Rate": Noted, "RecordIntervention": Noted, "WriteNote": Noted, "CheckIn": Noted,
	"AskHelp": Noted, "RaiseAlarm": Noted, "CallChaperone": Noted, "GoIn": Noted, "BeWith": Noted, "ReportBack": Noted,
	"Arrive": Noted, "AnnounceLeaving": Noted, "OpenCard": Noted,

	"CreateSession": Anew, "JoinPeer": Anew, "LosePeer": Anew, "ReportPicture": Anew, "ReportSound": Anew, "ReportVoice": Anew,
	"IssueInvitation": Anew, "RevokeInvitation": Anew, "OpenLink": Anew, "ReachDeadline": Anew,
	"AddSeat": Anew, "UpdateSeat": Anew, "CorrectOrder": Anew, "CheckDevice": Anew, "IntroduceSelf": Anew, "StateAddress": Anew, "AnswerToday": Anew,
	"GiveConsent": Anew, "AllowChaperone": Anew, "HideFromChaperone": Anew, "SetMusic": Anew, "Reschedule": Anew, "SettleGate": Anew, "ReopenGate": Anew, "ConfirmChaperone": Anew,
	"WithdrawAuthorization": Anew, "CorrectDose": Anew, "OfferWords": Anew,
	"SettleCriterion": Anew, "ReopenCriterion": Anew, "WriteSummary": Anew, "EnterCode": Anew, "AddAddendum": Anew,
}

// LatenessOf returns what becomes of an act that comes late.
func LatenessOf(act string) Lateness {
	if l, ok := lateness[act]; ok {
		return l
	}
	return Kept
}

// DecideLate returns the events of a command that was given at the time at, and
// reaches the log only now. It refuses nothing: what the rules do not take, and what
// is not done late, becomes a ReportedLate, so that nothing vanishes. A command that
// was done before causes no second event. It is pure, as Decide is.
//
// A dose is recorded in any case. Where no authorisation covers the time at which it
// was taken, it is one past open checks, with the alarm of that.
func DecideLate(s *State, c Command, at, now time.Time) ([]Event, error) {
	now = Instant(now)
	if now.Before(s.Recorded) {
		now = s.Recorded
	}
	if at = Instant(at); at.After(now) || at.IsZero() {
		at = now
	}
	if _, again := s.Done(c.Seat, c.ID); again {
		return nil, nil
	}
	fresh := func() *decision { return &decision{State: s.clone(), cmd: c, now: now, at: at} }
	if join, ok := c.Do.(JoinPeer); ok && s.Presence[join.Seat].Conn != "" {
		return nil, nil // somebody sits there: an older connection takes no seat back
	}
	var refusal *Refusal
	switch LatenessOf(FactName(c.Do)) {
	case Kept:
		return fresh().reportedLate("What it asked for is not done late. Please do it again where it is still wanted.")
	case Noted, Anew:
		d := fresh()
		err := d.check()
		if err == nil {
			err = d.decide()
		}
		switch {
		case errors.As(err, &refusal):
		case err != nil:
			return nil, err
		case len(d.events) == 0 && LatenessOf(FactName(c.Do)) == Noted:
			refusal = refuse(AlreadySo, "Nothing more followed from it.")
		default:
			return d.events, d.err
		}
	}
	if dose, ok := c.Do.(RecordDose); ok {
		if d := fresh(); d.tookAllTheSame(dose, refusal) {
			return d.events, d.err
		}
	}
	return fresh().reportedLate(refusal.Words)
}

// reportedLate keeps the command as it was given.
func (d *decision) reportedLate(why string) ([]Event, error) {
	body, err := json.Marshal(d.cmd.Do)
	if err != nil {
		return nil, fmt.Errorf("keep %s: %w", FactName(d.cmd.Do), err)
	}
	d.emit(ReportedLate{Act: FactName(d.cmd.Do), Body: string(body), Refused: why})
	return d.events, d.err
}

// tookAllTheSame records a dose that was tapped at its time and is refused now: what
// has happened can always be recorded. It reports whether it did.
func (d *decision) tookAllTheSame(a RecordDose, why *Refusal) bool {
	c := d.Client(a.Client)
	switch why.Code {
	case NotAuthorized, GatesOpen, NotNow, BeyondOrder:
	default:
		return false
	}
	if c == nil || a.Number <= len(c.Doses) {
		return false
	}
	open, _ := c.openGates()
	f := DoseRecorded{Client: a.Client, Number: len(c.Doses) + 1, Mg: c.Order.DoseMg, Tablets: max(c.Order.Tablets, 1),
		PastGates: true, OpenGates: open, Reason: "It was tapped at that time and reached the record late. " + why.Words}
	if c.Auth != nil && c.Auth.Number == a.Number {
		f.Mg, f.Tablets = c.Auth.Mg, c.Auth.Tablets
	}
	d.take(c, d.at, f)
	d.raiseAnew(TakenPastGates, a.Client, "", d.now, d.now, "reported late")
	return true
}

// happened returns when what the command reports happened, unless it says so itself.
func (d *decision) happened() time.Time {
	if d.at.IsZero() {
		return d.now
	}
	return d.at
}

// when returns the time at which a fact happened. What follows from a late command
// follows now: an alarm that was raised late begins its ladder now.
func (d *decision) when(f Fact) time.Time {
	switch f.(type) {
	case AlarmRaised, AlarmEscalated, AlarmEnded, AlarmCleared, WatchBegan, WatchEnded, ChaperoneCalled, CallEnded,
		PhaseMoved, AuthorizationEnded, GateReopened, CriterionReopened:
		return d.now
	}
	return d.happened()
}

// authorizedThen says why a dose was not authorised when it was taken, or nil.
func (d *decision) authorizedThen(c *ClientState, number int) *Refusal {
	if d.at.IsZero() || c.Auth == nil {
		return c.authorized(number, d.now)
	}
	then := *c
	auth := *c.Auth
	if then.Auth = &auth; auth.Ended == lapsed {
		auth.Ended = "" // since then: its time is looked at all the same
	}
	if d.at.Before(auth.At.Add(-clocksDiffer)) {
		return refuse(NotAuthorized, "No dose was authorised when it was taken. If it has been swallowed, the therapist records that with “It has already been swallowed”.")
	}
	if r := then.authorized(number, d.at); r != nil {
		return r
	}
	// Since it lapsed an earlier dose may have been corrected: total and window rest on that.
	if r := c.withinOrder(AuthorizeDose{Client: c.Seat, Number: number, Mg: auth.Mg}, d.at); r != nil {
		return refuse(r.Code, "%s%s", r.Words, swallowed)
	}
	return nil
}

// clocksDiffer is by how much the clocks of two nodes may, so that an order of times
// is not believed.
const clocksDiffer = 2 * time.Second
