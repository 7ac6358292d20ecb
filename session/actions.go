package session

import (
	"errors"
	"time"
)

// actions lists what the seat can do at all, whether now, and if not, why not.
// Where a rule goes beyond the permission table, the reason is Decide's own: the
// command is tried on a scratch state, so a screen and the rules cannot disagree.
func (l look) actions(v *View) {
	role := l.seat.Role
	rows := permissionsOf[role]
	v.Actions = make([]ActionView, 0, len(rows)*max(1, len(l.Clients)))
	for _, row := range rows {
		if !namesClient[row.Act] {
			v.Actions = append(v.Actions, l.action(row, "", nil))
			continue
		}
		if row.Phases == nil { // for everybody at once
			v.Actions = append(v.Actions, l.action(row, "", nil))
		}
		for _, c := range l.Clients {
			if role != Client || l.actsFor(l.seat.ID, c.Seat) {
				v.Actions = append(v.Actions, l.action(row, c.Seat, c))
			}
		}
	}
	primaries(v)
}

// namesClient says of each act whether it is about one client.
var namesClient = func() map[string]bool {
	names := map[string]bool{}
	for act := range acts {
		_, names[act] = clientOf(acts.empty(act))
	}
	return names
}()

func (l look) action(row Permission, client SeatID, c *ClientState) ActionView {
	v := ActionView{Act: row.Act, Client: client, Allowed: true}
	switch {
	case !l.SignedAt.IsZero() && !row.Signed:
		v.Allowed, v.Reason = false, "The record is signed. Use an addendum."
		return v
	case c != nil && row.Phases != nil && !Permitted(l.seat.Role, row.Act, c.Phase):
		v.Allowed, v.Reason = false, notInPhase(row.Act, c.Phase)
		return v
	}
	do, number := l.probe(row.Act, c)
	v.Number = number
	if do == nil {
		return v
	}
	_, err := Decide(l.State, Command{Seat: l.seat.ID, Do: do}, l.now)
	var r *Refusal
	if errors.As(err, &r) {
		if r.Code == NeedsReason {
			v.Needs, v.Reason = "reason", r.Words
		} else {
			v.Allowed, v.Reason = false, r.Words
		}
	}
	return v
}

// probe returns the command whose refusal is the reason why an action is not
// allowed now; nil where the permission table says all there is to say.
func (l look) probe(act string, c *ClientState) (do Act, number int) {
	switch act {
	case "HideFromChaperone":
		return HideFromChaperone{Client: c.Seat}, 0
	case "Reschedule":
		return Reschedule{StartsAt: l.now.Add(time.Hour)}, 0
	case "Admit":
		return Admit{Client: c.Seat}, 0
	case "AuthorizeDose":
		n := len(c.Doses) + 1
		mg := c.Order.DoseMg
		if n > 1 {
			mg = min(mg, c.Order.TotalMg-c.taken())
			if mg <= 0 {
				mg = c.Order.DoseMg
			}
		}
		return AuthorizeDose{Client: c.Seat, Number: n, Mg: mg, Tablets: c.Order.Tablets}, n
	case "RecordDose":
		n := len(c.Doses) + 1
		if k := len(c.Doses); k > 0 && (c.Auth == nil || c.Auth.Ended != "") {
			if last := c.Doses[k-1]; last.WitnessedBy == "" && isTherapist(l.role(last.By)) != isTherapist(l.seat.Role) {
				n = k // the other side's tap is still to be witnessed
			}
		}
		return RecordDose{Client: c.Seat, Number: n}, n
	case "MarkReturning":
		return MarkReturning{Client: c.Seat}, 0
	case "Release":
		return Release{Client: c.Seat}, 0
	case "Cancel":
		return Cancel{Client: c.Seat, Reason: "probe"}, 0
	case "WithdrawAuthorization":
		return WithdrawAuthorization{Client: c.Seat}, 0
	case "CallChaperone":
		return CallChaperone{Client: c.Seat}, 0
	case "CheckIn":
		if c == nil {
			return CheckIn{}, 0
		}
		return nil, 0
	case "Sign":
		return Sign{}, 0
	case "AddAddendum":
		return AddAddendum{Text: "probe"}, 0
	case "Arrive":
		return Arrive{}, 0
	case "GoIn":
		return GoIn{}, 0
	case "BeWith":
		return BeWith{}, 0
	case "ReportBack":
		return ReportBack{Well: true}, 0
	}
	return nil, 0
}

// order of what comes first, for "one primary action at a time".
var primaryOrder = map[Role][]string{
	Therapist:   {"RecordDose", "AuthorizeDose", "Admit", "MarkReturning", "BeginReleaseCheck", "Release", "Sign", "AddAddendum"},
	CoTherapist: {"RecordDose", "Admit", "MarkReturning", "BeginReleaseCheck"},
	Client:      {"RecordDose", "SettleGate"},
	Chaperone:   {"ReportBack", "BeWith", "GoIn", "Arrive", "CheckIn"},
}

// primaries marks, per client, the first action of that order that is allowed
// now without a further reason.
func primaries(v *View) {
	marked := map[SeatID]bool{}
	for _, act := range primaryOrder[v.You.Role] {
		for i := range v.Actions {
			a := &v.Actions[i]
			booster := a.Act == "AuthorizeDose" && a.Number > 1 // possible, never what comes next by itself
			if a.Act == act && a.Allowed && a.Needs == "" && !booster && !marked[a.Client] {
				a.Primary, marked[a.Client] = true, true
			}
		}
	}
}

// Summarize returns what lists show of s. Only the owner of s may call it.
func Summarize(s *State) Summary {
	sum := Summary{ID: s.ID, Owner: s.Owner, Practice: s.Practice, StartsAt: s.StartsAt, Signed: !s.SignedAt.IsZero(), Arrived: []SeatID{}, At: s.Pace.Wall(s.Recorded)}
	for _, seat := range s.Seats {
		if s.Present(seat.ID) {
			sum.Arrived = append(sum.Arrived, seat.ID)
		}
	}
	for _, c := range s.Clients {
		seat, _ := s.Seat(c.Seat)
		client := SummaryClient{Seat: c.Seat, Name: seat.Name, Pronouns: seat.Pronouns, Phase: c.Phase, T0: at(c.Windows.T0), Number: c.Order.Number, Of: c.Order.Of}
		if c.Phase == Lobby || c.Phase == CheckingIn || c.Phase == Ready {
			for _, g := range Gates {
				if !c.passed(g.ID) {
					client.OpenGates = append(client.OpenGates, g.Title)
				}
			}
		}
		sum.Clients = append(sum.Clients, client)
	}
	for _, a := range s.Alarms {
		if a.Priority.Rank() > sum.Alarm.Rank() {
			sum.Alarm = a.Priority
		}
	}
	return sum
}
