package session

import "time"

// reachDeadlines decides every deadline up to now, soonest first. What was
// decided once has left the state and gives no second event.
func (d *decision) reachDeadlines() error {
	for len(d.Deadlines) > 0 && !d.Deadlines[0].At.After(d.now) && d.err == nil {
		due := d.Deadlines[0]
		before := len(d.events)
		d.reach(due)
		if len(d.events) == before || len(d.Deadlines) > 0 && d.Deadlines[0] == due {
			// No rule took it: say that it was reached, so that it cannot hold the others up.
			d.reached(due)
		}
	}
	return nil
}

// late reports whether a due time lies longer back than a server that is awake
// needs. A practice session's seconds pass faster than the server's.
func (d *decision) late(due time.Time) bool {
	return d.now.Sub(due) > time.Duration(float64(lateAfter)*max(1, d.Pace.Rate))
}

func (d *decision) reached(due Deadline) {
	d.emitAt(due.At, DeadlineReached{Client: due.Client, Kind: due.Kind, Due: due.At, Late: d.late(due.At)})
}

func (d *decision) reach(due Deadline) {
	c := d.Client(due.Client)
	switch due.Kind {
	case DueOpen:
		d.emitAt(due.At, RoomOpened{Due: due.At, Late: d.late(due.At)})
	case DueChaperone:
		d.reached(due)
		for _, p := range d.Chaperones {
			if p.Arrived.IsZero() && !d.allEnded() {
				d.raise(ChaperoneNotArrived, "", p.Seat, due.At, due.At, "")
			}
		}
	case DueLapse:
		if c.Auth != nil {
			d.emitAt(due.At, AuthorizationEnded{Client: c.Seat, Number: c.Auth.Number, Why: lapsed, Late: d.late(due.At)})
		}
	case DueHold:
		d.reached(due)
		if c.Phase == Absorbing {
			d.moveAt(due.At, c, Active, "")
		}
	case DueOverdue:
		d.reached(due)
		if c.Phase == Absorbing || c.Phase == Active {
			d.raise(ActiveOverdue, c.Seat, "", due.At, due.At, "")
		}
	case DueVitals:
		d.reached(due)
		if c.Phase.Dosed() && !c.measuredSince(due.At.Add(-10*time.Minute)) {
			d.raise(VitalsMissed, c.Seat, "", due.At, due.At, "")
		}
	case DueRemeasure:
		d.reached(due)
		if !c.Phase.Ended() {
			d.raise(VitalsMissed, c.Seat, "", due.At, due.At, "measure again")
		}
	case DueCheckIn:
		d.reached(due)
		if c.Phase.Dosed() {
			d.raise(CheckInMissed, c.Seat, "", due.At, due.At, "")
		}
	case DueReleaseBy:
		d.reached(due)
		if c.Phase.Dosed() {
			d.raise(NotReleased, c.Seat, "", due.At, due.At, "")
		}
	case DueWatch:
		for _, w := range d.Watches {
			if w.Condition == due.Condition && w.Client == due.Client && w.Subject == due.Subject {
				d.raise(w.Condition, w.Client, w.Subject, w.Since, w.Due, "")
				return
			}
		}
	case DueRungOfLadder:
		d.emitAt(due.At, AlarmEscalated{Alarm: due.Alarm, Rung: due.Rung, Due: due.At, Late: d.late(due.At)})
		if a := d.Alarm(due.Alarm); a != nil && due.Rung < len(a.Ladder) {
			d.act(due.Alarm, due.Rung)
		}
	default: // reminders: the window opens, the planned end, the earliest release
		d.reached(due)
	}
}

func (c *ClientState) measuredSince(t time.Time) bool {
	return len(c.Vitals) > 0 && !c.Vitals[len(c.Vitals)-1].At.Before(t)
}

func (s *State) allEnded() bool {
	for _, c := range s.Clients {
		if !c.Phase.Ended() {
			return false
		}
	}
	return true
}
