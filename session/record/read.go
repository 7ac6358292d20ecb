package record

import (
	"maps"
	"slices"
	"time"

	"belay/session"
)

// reader collects, event by event, what the state does not keep: what was before,
// and what is over.
type reader struct {
	s       *session.State
	out     Record
	clients map[session.SeatID]*Client
	alarms  []string         // ids, beside out.Alarms
	calls   []session.SeatID // chaperones, beside out.Calls
	lost    []gone           // beside out.Interruptions
}

type gone struct {
	what string
	seat session.SeatID
}

func (r *reader) name(id session.SeatID) string {
	if seat, ok := r.s.Seat(id); ok && seat.Name != "" {
		return seat.Name
	}
	return string(id)
}

func (r *reader) entry(e session.Event, text string) Entry {
	return Entry{At: e.At, By: r.name(e.Seat), Text: text}
}

// dueBefore is the look that a check-in answers: it has to be known before the
// event is folded.
func (r *reader) dueBefore(e session.Event) *time.Time {
	f, ok := e.Fact.(session.CheckInDone)
	if !ok {
		return nil
	}
	if c := r.s.Client(f.Client); c != nil {
		return moment(c.CheckIn.Due)
	}
	return nil
}

func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func (r *reader) client(id session.SeatID) *Client {
	if r.clients[id] == nil {
		r.clients[id] = &Client{Seat: id}
	}
	return r.clients[id]
}

func (r *reader) read(e session.Event, due *time.Time) {
	switch f := e.Fact.(type) {
	case session.PhaseMoved:
		c := r.client(f.Client)
		c.Phases = append(c.Phases, Phase{f.To, e.At, r.name(e.Seat), f.Reason})
		if f.To == session.Closed {
			c.ReleasedAt = moment(e.At)
		}
	case session.ConsentGiven:
		c := r.client(f.Client)
		c.ConsentGiven, c.ConsentAt = f.Version, moment(e.At)
	case session.OrderCorrected:
		c := r.client(f.Client)
		c.Orders = append(c.Orders, r.entry(e, r.s.Line(e)))
	case session.DoseAuthorized:
		c := r.client(f.Client)
		c.Authorizations = append(c.Authorizations, r.entry(e, r.s.Line(e)))
	case session.DoseRecorded:
		// Later readings settle a check anew: what counts is how each stood at the dose.
		if state := r.s.Client(f.Client); state != nil && r.client(f.Client).gates == nil {
			r.client(f.Client).gates = maps.Clone(state.Gates)
		}
	case session.CheckInDone:
		c := r.client(f.Client)
		c.CheckIns = append(c.CheckIns, CheckIn{due, e.At, r.name(e.Seat)})
	case session.InterventionRecorded:
		c := r.client(f.Client)
		c.Interventions = append(c.Interventions, r.entry(e, f.Text))
	case session.AddendumAdded:
		r.out.Addenda = append(r.out.Addenda, r.entry(e, f.Text))
	case session.PeerLost:
		r.loses("connection", f.Seat, e.At)
	case session.PeerJoined:
		r.returns("connection", f.Seat, e.At)
	case session.PictureLost:
		r.loses("picture", f.Client, e.At)
	case session.PictureReturned:
		r.returns("picture", f.Client, e.At)
	case session.SoundLost:
		r.loses("sound", f.Client, e.At)
	case session.SoundReturned:
		r.returns("sound", f.Client, e.At)
	case session.VoiceLost:
		r.loses("voice", f.Client, e.At)
	case session.VoiceReturned:
		r.returns("voice", f.Client, e.At)
	default:
		r.readAlarm(e)
		r.readCall(e)
	}
}

func (r *reader) loses(what string, seat session.SeatID, at time.Time) {
	r.out.Interruptions = append(r.out.Interruptions, Interruption{Who: r.name(seat), What: what, From: at})
	r.lost = append(r.lost, gone{what, seat})
}

func (r *reader) returns(what string, seat session.SeatID, at time.Time) {
	for i, one := range r.lost {
		if one == (gone{what, seat}) && r.out.Interruptions[i].To == nil {
			r.out.Interruptions[i].To = moment(at)
		}
	}
}

func (r *reader) readAlarm(e session.Event) {
	alarm := func(id string) *Alarm {
		if i := slices.Index(r.alarms, id); i >= 0 {
			return &r.out.Alarms[i]
		}
		return &Alarm{}
	}
	switch f := e.Fact.(type) {
	case session.AlarmRaised:
		r.alarms = append(r.alarms, f.Alarm)
		r.out.Alarms = append(r.out.Alarms, Alarm{Words: f.Words, Priority: f.Ladder[0].Priority, Since: f.Since, Raised: e.Recorded, Late: f.Late, Acknowledged: []Entry{}})
	case session.AlarmEscalated:
		if a := r.s.Alarm(f.Alarm); a != nil && a.Priority.Rank() > alarm(f.Alarm).Priority.Rank() {
			alarm(f.Alarm).Priority = a.Priority
		}
	case session.AlarmAcknowledged:
		a := alarm(f.Alarm)
		a.Acknowledged = append(a.Acknowledged, r.entry(e, ""))
	case session.AlarmEnded:
		alarm(f.Alarm).Ended, alarm(f.Alarm).Why = moment(e.At), f.Why
	case session.AlarmCleared:
		if f.Words != "" {
			entry := r.entry(e, f.Words)
			alarm(f.Alarm).Resolved = &entry
		}
	}
}

func (r *reader) readCall(e session.Event) {
	// A chaperone is on one call at a time: the last one.
	last := func(chaperone session.SeatID) *Call {
		for i, seat := range slices.Backward(r.calls) {
			if seat == chaperone {
				return &r.out.Calls[i]
			}
		}
		return &Call{}
	}
	switch f := e.Fact.(type) {
	case session.ChaperoneCalled:
		r.calls = append(r.calls, f.Chaperone)
		r.out.Calls = append(r.out.Calls, Call{Who: r.name(f.Chaperone), To: r.name(f.Client), At: e.At})
	case session.ChaperoneGoing:
		last(f.Chaperone).Going = moment(e.At)
	case session.ChaperoneWithThem:
		last(f.Chaperone).With = moment(e.At)
	case session.ChaperoneReported:
		words := "all well"
		if !f.Well {
			words = "needs help"
		}
		if f.Words != "" {
			words += ": " + f.Words
		}
		entry := r.entry(e, words)
		last(f.Chaperone).Report = &entry
	}
}

// close adds what stands in the state at the end.
func (r *reader) close() Record {
	out := r.out
	out.SettingsVersion, out.ConsentVersion = r.s.Settings.Version, r.s.Settings.ConsentVersion
	if !r.s.SignedAt.IsZero() {
		out.SignedAt, out.SignedBy = moment(r.s.SignedAt), r.name(r.s.SignedBy)
	}
	for _, c := range r.s.Clients {
		one := r.client(c.Seat)
		one.ChaperoneSees = c.ChaperoneSees
		one.Vitals, one.SideEffects, one.Ratings = slices.Clone(c.Vitals), slices.Clone(c.SideEffects), slices.Clone(c.Ratings)
		gates := c.Gates
		if one.gates != nil {
			gates = one.gates
		}
		for _, gate := range session.Gates {
			one.Gates = append(one.Gates, r.settled(gate.Title, gates[gate.ID]))
		}
		for _, row := range session.Criteria {
			state := c.Criteria[row.ID]
			// Nobody settles the time: it passes.
			if from := c.Windows.ReleaseFrom; row.ID == session.CriterionTime && !from.IsZero() && !r.s.Recorded.Before(from) {
				state = session.GateState{State: "passed", At: from}
			}
			one.Criteria = append(one.Criteria, r.settled(row.Title, state))
		}
		if one.ReleasedAt != nil {
			one.ReadyAt = ready(c)
		}
		out.Clients = append(out.Clients, *one)
	}
	return out
}

func (r *reader) settled(title string, state session.GateState) Settled {
	s := Settled{Title: title, State: "open", Reason: state.Reason, At: moment(state.At), Values: state.Values}
	if state.State != "" {
		s.State = state.State
	}
	if state.By != "" && state.By != session.Clock && state.By != session.Server {
		s.By = r.name(state.By)
	}
	return s
}

// ready is when the last criterion of a client who was released was met.
func ready(c *session.ClientState) *time.Time {
	last := c.Windows.ReleaseFrom
	for _, state := range c.Criteria {
		if state.State == "passed" && state.At.After(last) {
			last = state.At
		}
	}
	return moment(last)
}
