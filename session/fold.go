package session

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// recentLines is how many events the state keeps for the therapist's line; the
// whole record is in the log.
const recentLines = 80

// Apply folds one event into s. It is the only way that a state changes and
// knows no rule: what follows from a fact stands in the fact. Only the owner of
// s may call it. It fails where the event does not follow on the last one, or
// is of a type that it does not know; s is then unchanged.
func (s *State) Apply(e Event) error {
	if e.Seq != s.Seq+1 {
		return fmt.Errorf("event %d does not follow on %d", e.Seq, s.Seq)
	}
	if !s.scratch && e.Prev != s.Head {
		return fmt.Errorf("event %d: the chain is broken", e.Seq)
	}
	if err := s.fold(e); err != nil {
		return err
	}
	s.Seq, s.Head, s.Recorded = e.Seq, e.Hash, e.Recorded
	if e.Command != "" && !s.scratch {
		if s.done == nil {
			s.done = map[string]uint64{}
		}
		s.done[doneKey(e.Seat, e.Command)] = e.Seq
	}
	if c := s.Chaperone(e.Seat); c != nil && ownTap(e.Fact) && e.At.After(c.Confirmed) { // a report of before is no older tap
		c.Confirmed = e.At
	}
	if !s.scratch && LineKind(e.Fact) != "" { // no rule reads them
		if len(s.Recent) >= 2*recentLines {
			s.Recent = s.Recent[recentLines:]
		}
		line := e
		s.Recent = add(s.Recent, &line)
	}
	return nil
}

func doneKey(seat SeatID, command string) string { return string(seat) + "/" + command }

// ownTap reports whether a fact shows that the chaperone is there, awake, with
// the phone in hand: "confirmed 3 min ago". A connection does not.
func ownTap(f Fact) bool {
	switch f.(type) {
	case ChaperoneConfirmed, ChaperoneArrived, CheckInDone, ChaperoneGoing, ChaperoneWithThem, ChaperoneReported, VitalsRecorded, CriterionSettled, AlarmAcknowledged:
		return true
	}
	return false
}

func (s *State) fold(e Event) error {
	switch f := e.Fact.(type) {
	case SessionCreated:
		s.foldCreated(e, f)
	case SeatAdded:
		s.addSeat(f.Seat)
	case SeatUpdated:
		s.updateSeat(f.Seat, func(seat *Seat) { seat.Name, seat.Pronouns, seat.Phone = f.Name, f.Pronouns, f.Phone })
	case OrderCorrected:
		s.with(f.Client, func(c *ClientState) { c.Order = f.Order })
	case Rescheduled:
		s.foldRescheduled(e, f)
	case ClientIntroduced:
		s.updateSeat(f.Client, func(seat *Seat) { seat.Name, seat.Pronouns = f.Name, f.Pronouns })
		s.with(f.Client, func(c *ClientState) { c.Introduced = true })

	case InvitationIssued:
		// A fresh link turns nobody out: the page of a client under the medicine
		// has to find its way back. Withdrawing one does (InvitationRevoked).
		s.Links = set(s.Links, f.Seat, Invitation{Hash: f.Hash, Issued: e.At, Expires: f.Expires, Devices: s.Links[f.Seat].Devices})
		s.dropWaiting(func(w DeviceAsked) bool { return w.Seat == f.Seat })
	case InvitationRevoked:
		link := s.Links[f.Seat]
		link.Revoked, link.Devices = true, nil
		s.Links = set(s.Links, f.Seat, link)
		s.dropWaiting(func(w DeviceAsked) bool { return w.Seat == f.Seat })
	case DeviceAsked:
		s.Waiting = add(s.Waiting, f)
		s.nextRequest++
	case DeviceAdmitted:
		link := s.Links[f.Seat]
		link.Devices = add(link.Devices, f.Device)
		s.Links = set(s.Links, f.Seat, link)
		s.dropWaiting(func(w DeviceAsked) bool { return w.Request == f.Request })
	case DeviceRefused:
		link := s.Links[f.Seat]
		for _, w := range s.Waiting {
			if w.Request == f.Request {
				link.Refused = add(link.Refused, w.Device)
			}
		}
		s.Links = set(s.Links, f.Seat, link)
		s.dropWaiting(func(w DeviceAsked) bool { return w.Request == f.Request })

	case PeerJoined:
		p := Presence{Conn: e.Conn, Peer: f.Peer, Since: e.At, Node: f.Node, Media: f.Media, Relay: f.Relay}
		switch before := s.Presence[f.Seat]; {
		case f.Instead:
			p.Instead = e.At
		case before.Peer == f.Peer:
			p.Instead = before.Instead
		}
		s.Presence = set(s.Presence, f.Seat, p)
	case PeerLost:
		p := s.Presence[f.Seat]
		p.Conn, p.Since, p.Left = "", e.At, f.Left
		s.Presence = set(s.Presence, f.Seat, p)
	case PictureLost:
		s.with(f.Client, func(c *ClientState) { c.PictureLost = e.At })
	case PictureReturned:
		s.with(f.Client, func(c *ClientState) { c.PictureLost = time.Time{} })
	case SoundLost:
		s.with(f.Client, func(c *ClientState) { c.SoundLost = e.At })
	case SoundReturned:
		s.with(f.Client, func(c *ClientState) { c.SoundLost = time.Time{} })
	case VoiceLost:
		s.with(f.Client, func(c *ClientState) { c.VoiceLost = e.At })
	case VoiceReturned:
		s.with(f.Client, func(c *ClientState) { c.VoiceLost = time.Time{} })
	case RoomOpened:
		s.drop(Deadline{Kind: DueOpen})
	case DeviceChecked:
		s.Devices = set(s.Devices, f.Seat, f.CheckDevice)

	case AddressStated:
		s.with(f.Client, func(c *ClientState) { a := f.StateAddress; c.Stated = &a })
	case TodayAnswered:
		s.with(f.Client, func(c *ClientState) { a := f.AnswerToday; c.Today = &a })
	case ConsentGiven:
		s.with(f.Client, func(c *ClientState) { c.ConsentGiven = f.Version })
	case ChaperoneAllowed:
		s.with(f.Client, func(c *ClientState) { c.ChaperoneSees = f.See })
	case MusicSet:
		s.with(f.Client, func(c *ClientState) { c.Music = f.On })
	case PhaseMoved:
		s.with(f.Client, func(c *ClientState) { s.foldPhase(c, e, f) })
	case GatePassed:
		s.gate(f.Client, f.Gate, GateState{"passed", "", e.At, e.Seat, f.Values})
	case GateOverridden:
		s.gate(f.Client, f.Gate, GateState{"overridden", f.Reason, e.At, e.Seat, nil})
	case GateReopened:
		s.with(f.Client, func(c *ClientState) {
			c.Gates = set(c.Gates, f.Gate, GateState{"open", f.Reason, e.At, e.Seat, c.Gates[f.Gate].Values})
		})
	case ChaperoneConfirmed:
		if c := s.Chaperone(f.Chaperone); c != nil {
			c.Parts = set(c.Parts, f.Part, e.At)
		}
	case ChaperoneArrived:
		if c := s.Chaperone(f.Chaperone); c != nil {
			c.Arrived, c.Leaving = e.At, time.Time{}
		}
	case ChaperoneLeaving:
		if c := s.Chaperone(f.Chaperone); c != nil {
			c.Leaving = e.At
		}

	case DoseAuthorized:
		s.with(f.Client, func(c *ClientState) {
			c.Auth = &Authorization{Number: f.Number, Mg: f.Mg, Tablets: f.Tablets, At: e.At, Lapses: f.Lapses}
			s.due(Deadline{At: f.Lapses, Kind: DueLapse, Client: f.Client})
		})
	case AuthorizationEnded:
		s.with(f.Client, func(c *ClientState) {
			c.Auth = c.Auth.ended(f.Why)
			s.drop(Deadline{Kind: DueLapse, Client: f.Client})
		})
	case DoseRecorded:
		s.with(f.Client, func(c *ClientState) { s.foldDose(c, e, f) })
	case DoseWitnessed:
		s.withDose(f.Client, f.Number, func(d *Dose) { d.WitnessedBy = e.Seat })
	case DoseCorrected:
		s.withDose(f.Client, f.Number, func(d *Dose) {
			d.Corrections = add(d.Corrections, DoseCorrection{At: f.WasAt, Mg: f.WasMg, Tablets: f.WasTablets, Reason: f.Reason, By: e.Seat, On: e.Recorded})
			d.At, d.Mg = e.At, f.Mg
			if f.Tablets > 0 {
				d.Tablets = f.Tablets
			}
		})
		s.with(f.Client, func(c *ClientState) { s.foldWindows(c, e, f.Windows, f.CheckIn) })
	case HoldRecorded:
		s.withDose(f.Client, f.Number, func(d *Dose) { d.Outcome = f.Outcome })
	case DeadlineReached:
		s.Deadlines = slices.DeleteFunc(slices.Clone(s.Deadlines), func(d Deadline) bool {
			return d.Kind == f.Kind && d.Client == f.Client && d.At.Equal(f.Due)
		})
	case WordsOffered:
		s.with(f.Client, func(c *ClientState) { c.WordsOffered = f.Text })

	case VitalsRecorded:
		s.with(f.Client, func(c *ClientState) {
			v := f.Vitals
			v.At, v.By = e.At, e.Seat
			c.Vitals = add(c.Vitals, v)
			slices.SortStableFunc(c.Vitals, func(a, b Vitals) int { return a.At.Compare(b.At) })
			s.drop(Deadline{Kind: DueRemeasure, Client: f.Client})
			if !f.Remeasure.IsZero() {
				s.due(Deadline{At: f.Remeasure, Kind: DueRemeasure, Client: f.Client})
			}
		})
	case SideEffectRecorded:
		s.with(f.Client, func(c *ClientState) {
			c.SideEffects = add(c.SideEffects, SideEffect{ID: f.ID, Kind: f.Kind, Note: f.Note, Onset: e.At, By: e.Seat})
		})
	case SideEffectResolved:
		s.with(f.Client, func(c *ClientState) {
			for i := range c.SideEffects {
				if c.SideEffects[i].ID == f.ID {
					at := e.At
					c.SideEffects = change(c.SideEffects, i, func(one *SideEffect) { one.Resolved, one.Action = &at, f.Action })
				}
			}
		})
	case RatingRecorded:
		s.with(f.Client, func(c *ClientState) {
			c.Ratings = add(c.Ratings, Rating{f.Scale, f.Value, e.At, e.Seat})
		})
	case CheckInDone:
		s.with(f.Client, func(c *ClientState) {
			if e.At.After(c.CheckIn.Last) {
				c.CheckIn.Last, c.CheckIn.By = e.At, e.Seat
			}
			c.CheckIn.Due = f.NextDue
			s.drop(Deadline{Kind: DueCheckIn, Client: f.Client})
			if !f.NextDue.IsZero() {
				s.due(Deadline{At: f.NextDue, Kind: DueCheckIn, Client: f.Client})
			}
		})
	case InterventionRecorded, NoteWritten, HelpAsked, EmergencyCardOpened, AddendumAdded, ReportedLate:
		// They stand in the record; nothing follows from them.

	case WatchBegan, WatchEnded, AlarmRaised, AlarmEscalated, AlarmShown, AlarmAcknowledged, AlarmEnded, AlarmCleared:
		s.foldAlarm(e)
	case ChaperoneCalled:
		if c := s.Chaperone(f.Chaperone); c != nil {
			c.Call = c.Call.with(f, e.At)
		}
	case ChaperoneGoing:
		if c := s.Chaperone(f.Chaperone); c != nil && c.Call != nil {
			call := *c.Call
			call.Going, c.Call = e.At, &call
		}
	case ChaperoneWithThem:
		if c := s.Chaperone(f.Chaperone); c != nil && c.Call != nil {
			call := *c.Call
			call.With, c.Call = e.At, &call
		}
	case CallEnded:
		if c := s.Chaperone(f.Chaperone); c != nil {
			c.Call = nil
		}
	case ChaperoneReported:
		if c := s.Chaperone(f.Chaperone); c != nil {
			c.Call = nil
		}

	case CriterionSettled:
		s.with(f.Client, func(c *ClientState) {
			c.Criteria = set(c.Criteria, f.Criterion, GateState{"passed", "", e.At, e.Seat, f.Values})
		})
	case CriterionReopened:
		s.with(f.Client, func(c *ClientState) {
			c.Criteria = set(c.Criteria, f.Criterion, GateState{"open", f.Reason, e.At, e.Seat, c.Criteria[f.Criterion].Values})
		})
	case SummaryWritten:
		s.with(f.Client, func(c *ClientState) { c.Summary = f.Text })
	case CodeEntered:
		s.with(f.Client, func(c *ClientState) { c.CPT = f.CPT })
	case SessionSigned:
		s.SignedAt, s.SignedBy = e.At, e.Seat
		s.Deadlines, s.Watches = nil, nil
	default:
		return &UnknownFactError{Type: FactName(e.Fact), Schema: e.Schema, Seal: "none"}
	}
	return nil
}

func (s *State) foldCreated(e Event, f SessionCreated) {
	s.ID, s.Owner, s.Practice, s.Pace = e.Log, f.Owner, f.Practice, f.Pace
	s.StartsAt, s.OpensAt, s.Settings = f.StartsAt, f.OpensAt, f.Settings
	s.Presence, s.Devices, s.Links = map[SeatID]Presence{}, map[SeatID]CheckDevice{}, map[SeatID]Invitation{}
	for _, seat := range f.Seats {
		s.addSeat(seat)
	}
	for _, c := range s.Clients {
		c.Order, c.PhaseSince = f.Orders[c.Seat], e.At
	}
	s.dueBefore(e, f.OpensAt, f.ChaperoneDue)
}

func (s *State) foldRescheduled(e Event, f Rescheduled) {
	later := f.StartsAt.Sub(f.WasAt)
	s.StartsAt, s.OpensAt = f.StartsAt, f.OpensAt
	links := make(map[SeatID]Invitation, len(s.Links))
	for seat, link := range s.Links {
		link.Expires = link.Expires.Add(max(0, later))
		links[seat] = link
	}
	s.Links = links
	if f.Afresh {
		s.Devices = map[SeatID]CheckDevice{}
		for _, c := range s.Clients {
			c.Stated, c.Today = nil, nil
		}
		for _, p := range s.Chaperones {
			p.Parts, p.Arrived, p.Leaving = map[ChaperonePart]time.Time{}, time.Time{}, time.Time{}
		}
	}
	s.dueBefore(e, f.OpensAt, f.ChaperoneDue)
}

// dueBefore sets the deadlines of the time before a visit.
func (s *State) dueBefore(e Event, opens, chaperone time.Time) {
	s.drop(Deadline{Kind: DueOpen})
	if opens.After(e.Recorded) {
		s.due(Deadline{At: opens, Kind: DueOpen})
	}
	if len(s.Chaperones) > 0 {
		s.due(Deadline{At: chaperone, Kind: DueChaperone})
	}
}

// with is the call after a further one: whom it was about before is not forgotten.
func (c *Call) with(f ChaperoneCalled, since time.Time) *Call {
	next := &Call{Client: f.Client, Alarm: f.Alarm, Sit: f.Sit, Since: since}
	if c != nil && !c.Sit {
		next.Also = slices.DeleteFunc(c.clients(), func(id SeatID) bool { return id == f.Client })
	}
	return next
}

// ended is the authorisation once it holds no longer.
func (a *Authorization) ended(why string) *Authorization {
	if a == nil {
		return nil
	}
	over := *a
	over.Ended = why
	return &over
}

func (s *State) addSeat(seat Seat) {
	s.Seats = add(s.Seats, seat)
	switch seat.Role {
	case Client:
		s.Clients = append(s.Clients, &ClientState{Seat: seat.ID, Phase: Scheduled,
			Gates: map[GateID]GateState{}, Criteria: map[CriterionID]GateState{}})
	case Chaperone:
		s.Chaperones = append(s.Chaperones, &ChaperoneState{Seat: seat.ID, Parts: map[ChaperonePart]time.Time{}})
	}
}

func (s *State) updateSeat(id SeatID, f func(*Seat)) {
	for i := range s.Seats {
		if s.Seats[i].ID == id {
			s.Seats = change(s.Seats, i, f)
		}
	}
}

func (s *State) with(id SeatID, f func(*ClientState)) {
	if c := s.Client(id); c != nil {
		f(c)
	}
}

func (s *State) gate(client SeatID, id GateID, state GateState) {
	s.with(client, func(c *ClientState) { c.Gates = set(c.Gates, id, state) })
}

func (s *State) withDose(id SeatID, number int, f func(*Dose)) {
	if c := s.Client(id); c != nil && number >= 1 && number <= len(c.Doses) {
		c.Doses = change(c.Doses, number-1, f)
	}
}

func (s *State) dropWaiting(which func(DeviceAsked) bool) {
	s.Waiting = slices.DeleteFunc(slices.Clone(s.Waiting), which)
}

func (s *State) foldPhase(c *ClientState, e Event, f PhaseMoved) {
	c.Phase, c.PhaseSince = f.To, e.At
	switch {
	case f.To == Integrating || f.To == ReleaseCheck:
		s.drop(Deadline{Kind: DueWindow, Client: c.Seat})
		s.drop(Deadline{Kind: DueOverdue, Client: c.Seat})
	case f.To == Absorbing && !c.Windows.T0.IsZero(): // back under the medicine: what still lies ahead is watched again
		w := c.Windows
		for _, due := range []Deadline{{At: w.VitalsDue, Kind: DueVitals}, {At: w.Offered, Kind: DueWindow}, {At: w.Overdue, Kind: DueOverdue},
			{At: w.PlannedEnd, Kind: DuePlannedEnd}, {At: w.ReleaseFrom, Kind: DueReleaseFrom}, {At: w.ReleaseBy, Kind: DueReleaseBy}} {
			if due.Client = c.Seat; due.At.After(e.Recorded) {
				s.due(due)
			}
		}
	case f.To.Ended():
		if f.To == Closed {
			c.ReleasedAt = e.At
		}
		c.EndReason, c.CheckIn.Due = f.Reason, time.Time{}
		s.Deadlines = slices.DeleteFunc(slices.Clone(s.Deadlines), func(d Deadline) bool {
			return d.Client == c.Seat && d.Kind != DueRungOfLadder && d.Kind != DueWatch
		})
		if c.Auth != nil && c.Auth.Ended == "" {
			c.Auth = c.Auth.ended("the visit has ended")
		}
	}
}

func (s *State) foldDose(c *ClientState, e Event, f DoseRecorded) {
	c.Doses = add(c.Doses, Dose{Number: f.Number, Mg: f.Mg, Tablets: f.Tablets, At: e.At, By: e.Seat,
		PastGates: f.PastGates, OpenGates: f.OpenGates, Reason: f.Reason})
	c.Auth = nil
	s.drop(Deadline{Kind: DueLapse, Client: c.Seat})
	s.foldWindows(c, e, f.Windows, f.CheckIn)
}

// foldWindows takes over the windows that a dose or its correction set. A
// deadline that was reached before stays reached unless it now lies ahead again.
func (s *State) foldWindows(c *ClientState, e Event, w Windows, checkIn time.Time) {
	first := c.Windows.T0.IsZero()
	old := c.Windows
	c.Windows = w
	set := func(kind DeadlineKind, before, at time.Time) {
		pending := s.has(Deadline{Kind: kind, Client: c.Seat})
		s.drop(Deadline{Kind: kind, Client: c.Seat})
		holds := kind == DueHold && c.Phase == Absorbing // only its end leads out of the hold, also where it lies back
		if first || pending || holds || at.After(e.Recorded) && !at.Equal(before) {
			s.due(Deadline{At: at, Kind: kind, Client: c.Seat})
		}
	}
	if c.Phase.Ended() && !first {
		return // a correction after the end: the values are kept, nothing is due
	}
	set(DueHold, old.HoldEnds, w.HoldEnds)
	if c.Phase != Integrating && c.Phase != ReleaseCheck {
		set(DueWindow, old.Offered, w.Offered)
		set(DueOverdue, old.Overdue, w.Overdue)
	}
	set(DueVitals, old.VitalsDue, w.VitalsDue)
	set(DuePlannedEnd, old.PlannedEnd, w.PlannedEnd)
	set(DueReleaseFrom, old.ReleaseFrom, w.ReleaseFrom)
	set(DueReleaseBy, old.ReleaseBy, w.ReleaseBy)
	if !checkIn.IsZero() && !checkIn.Equal(c.CheckIn.Due) {
		c.CheckIn.Due = checkIn
		s.due(Deadline{At: checkIn, Kind: DueCheckIn, Client: c.Seat})
	}
}

func (s *State) foldAlarm(e Event) {
	switch f := e.Fact.(type) {
	case WatchBegan:
		s.Watches = add(s.Watches, f.Watch)
		s.due(Deadline{At: f.Due, Kind: DueWatch, Client: f.Client, Subject: f.Subject, Condition: f.Condition})
	case WatchEnded:
		s.dropWatch(f.Condition, f.Client, f.Subject)
	case AlarmRaised:
		s.dropWatch(f.Condition, f.Client, f.Subject)
		s.nextAlarm++
		a := &Alarm{ID: f.Alarm, Condition: f.Condition, Client: f.Client, Subject: f.Subject, Words: f.Words, Since: f.Since,
			Raised: e.Recorded, Late: f.Late, Ladder: f.Ladder, MayAck: f.MayAck, MayClear: f.MayClear, ClientToo: f.ClientToo}
		s.Alarms = append(s.Alarms, a)
		s.climb(a, 0)
		for i, rung := range f.Ladder[min(1, len(f.Ladder)):] {
			s.due(Deadline{At: rung.Due, Kind: DueRungOfLadder, Client: f.Client, Alarm: f.Alarm, Rung: i + 1})
		}
	case AlarmEscalated:
		if a := s.Alarm(f.Alarm); a != nil {
			s.climb(a, f.Rung)
		}
		s.drop(Deadline{Kind: DueRungOfLadder, Alarm: f.Alarm, Rung: f.Rung, Client: s.alarmClient(f.Alarm)})
	case AlarmShown:
		if a := s.Alarm(f.Alarm); a != nil {
			a.Shown = e.At
		}
	case AlarmAcknowledged:
		if a := s.Alarm(f.Alarm); a != nil {
			a.Acknowledged, a.AckBy = e.At, e.Seat
			s.Deadlines = slices.DeleteFunc(slices.Clone(s.Deadlines), func(d Deadline) bool {
				return d.Kind == DueRungOfLadder && d.Alarm == a.ID && d.Rung < a.silentUntil() && a.Ladder[d.Rung].UnlessAcked
			})
		}
	case AlarmEnded:
		if a := s.Alarm(f.Alarm); a != nil {
			a.Ended = e.At
		}
		s.dropRungs(f.Alarm)
	case AlarmCleared:
		s.Alarms = slices.DeleteFunc(slices.Clone(s.Alarms), func(a *Alarm) bool { return a.ID == f.Alarm })
		s.dropRungs(f.Alarm)
	}
}

// climb puts an alarm on a rung of its ladder. A higher priority than the one
// that was acknowledged ends the silence.
func (s *State) climb(a *Alarm, rung int) {
	if rung >= len(a.Ladder) {
		return
	}
	step := a.Ladder[rung]
	if step.Priority.Rank() > a.Priority.Rank() {
		a.Acknowledged, a.AckBy = time.Time{}, ""
	}
	a.Rung, a.Priority = rung, step.Priority
	for _, do := range step.Do {
		a.OnScreen = a.OnScreen || do != DoPrompt && do != DoPromptOut
		switch do {
		case DoPromptOut:
			a.Loud = true
		case DoReach, DoDialCard, DoBackup:
			a.Dial = true
		case DoEmergency:
			a.Dial, a.Card = true, true
		}
	}
}

// silentUntil is the rung that ends the silence of whoever acknowledges the alarm now:
// the first of a higher priority. What lies behind it is not acknowledged.
func (a *Alarm) silentUntil() int {
	for i := a.Rung + 1; i < len(a.Ladder); i++ {
		if a.Ladder[i].Priority.Rank() > a.Priority.Rank() {
			return i
		}
	}
	return len(a.Ladder)
}

func (s *State) alarmClient(id string) SeatID {
	if a := s.Alarm(id); a != nil {
		return a.Client
	}
	return ""
}

func (s *State) dropRungs(alarm string) {
	s.Deadlines = slices.DeleteFunc(slices.Clone(s.Deadlines), func(d Deadline) bool {
		return d.Kind == DueRungOfLadder && d.Alarm == alarm
	})
}

func (s *State) dropWatch(c Condition, client, subject SeatID) {
	s.Watches = slices.DeleteFunc(slices.Clone(s.Watches), func(w Watch) bool {
		return w.Condition == c && w.Client == client && w.Subject == subject
	})
	s.drop(Deadline{Kind: DueWatch, Client: client, Subject: subject, Condition: c})
}

func sameDeadline(a, b Deadline) bool { a.At, b.At = time.Time{}, time.Time{}; return a == b }

func (s *State) has(d Deadline) bool {
	return slices.ContainsFunc(s.Deadlines, func(x Deadline) bool { return sameDeadline(x, d) })
}

// pending returns when a deadline of a client is due; zero: there is none.
func (s *State) pending(kind DeadlineKind, client SeatID) time.Time {
	for _, d := range s.Deadlines {
		if d.Kind == kind && d.Client == client {
			return d.At
		}
	}
	return time.Time{}
}

func (s *State) drop(d Deadline) {
	if s.has(d) {
		s.Deadlines = slices.DeleteFunc(slices.Clone(s.Deadlines), func(x Deadline) bool { return sameDeadline(x, d) })
	}
}

// due sets a deadline, replacing the same one at another time.
func (s *State) due(d Deadline) {
	s.drop(d)
	at, _ := slices.BinarySearchFunc(s.Deadlines, d, func(a, b Deadline) int {
		return cmp.Or(a.At.Compare(b.At), -1) // after those of the same time
	})
	s.Deadlines = slices.Insert(slices.Clone(s.Deadlines), at, d)
}
