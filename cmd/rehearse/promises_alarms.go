package main

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"belay/cmd/internal/person"
	"belay/session"
)

// outage returns when a server that was away at the due time could be expected to
// have caught up, in session time.
func (e *evidence) outage(due time.Time, pace session.Pace) (until time.Time, was bool) {
	for _, k := range e.kills {
		if wall := pace.Wall(due); !wall.Before(k.at.Add(-e.alarmWithin)) && !wall.After(k.up) {
			return pace.Of(k.up), true
		}
	}
	return due, false
}

func alarmsInTime(e *evidence) error {
	var pace session.Pace
	var errs []error
	all := map[string]session.AlarmRaised{}
	raised := map[string]time.Time{}
	ended := map[string]time.Time{}
	shows := map[string]time.Time{} // when a rung first put it on the therapist's screen
	late := func(what string, due, recorded time.Time) {
		from, was := e.outage(due, pace)
		allowed := e.alarmWithin
		if was {
			allowed += e.alarmWithin // it starts first
		}
		if d := e.wall(recorded.Sub(from)); d > allowed {
			errs = append(errs, fmt.Errorf("%s came %s late", what, d.Round(time.Millisecond)))
		}
	}
	reached := func(id string, rung int, at time.Time) {
		_, already := shows[id]
		if ladder := all[id].Ladder; !already && rung < len(ladder) && slices.Contains(ladder[rung].Do, session.DoShow) {
			shows[id] = at
		}
	}
	for _, event := range e.events {
		switch f := event.Fact.(type) {
		case session.SessionCreated:
			pace = f.Pace
		case session.AlarmRaised:
			all[f.Alarm], raised[f.Alarm] = f, event.Recorded
			reached(f.Alarm, 0, event.Recorded)
			if known(f) {
				late("“"+f.Words+"”", f.Due, event.Recorded)
			}
		case session.AlarmEnded:
			ended[f.Alarm] = event.Recorded
		case session.AlarmEscalated:
			reached(f.Alarm, f.Rung, event.Recorded)
			due := f.Due
			if due.Before(raised[f.Alarm]) { // nobody could know before
				due = raised[f.Alarm]
			}
			late(fmt.Sprintf("rung %d of “%s”", f.Rung+1, all[f.Alarm].Words), due, event.Recorded)
		}
	}
	if len(all) == 0 {
		return errNotSeen
	}
	for seat, s := range e.screens {
		if s.role != session.Therapist {
			continue
		}
		for id, from := range shows {
			until, over := ended[id]
			if _, seen := s.alarms[id]; !seen && (!over || e.wall(until.Sub(from)) > e.alarmWithin) && !e.absent(seat, pace.Wall(from)) {
				errs = append(errs, fmt.Errorf("“%s” never stood on the therapist's screen", all[id].Words))
			}
		}
		for id, at := range s.alarms {
			if d := e.wall(at.Sub(shows[id])); d > e.alarmWithin && !e.absent(seat, pace.Wall(shows[id])) {
				errs = append(errs, fmt.Errorf("“%s” stood on the therapist's screen %s after it was raised", all[id].Words, d.Round(time.Millisecond)))
			}
		}
	}
	return errors.Join(errs...)
}

// known reports whether the server knew of the condition when its alarm was due:
// a frozen picture is known only some seconds after it froze.
func known(f session.AlarmRaised) bool {
	return f.Condition != session.PictureGone && f.Condition != session.SoundGone && f.Condition != session.VoiceGone
}

// absent reports whether a screen had no connection at a moment on the wall, or
// had just come back: it is told later then.
func (e *evidence) absent(seat session.SeatID, wall time.Time) bool {
	return slices.ContainsFunc(e.away[seat], func(a person.Absence) bool {
		return wall.After(a.From.Add(-e.alarmWithin)) && wall.Before(a.To.Add(e.alarmWithin))
	})
}

// goneBy is what the loss of each role's connection is called.
var goneBy = map[session.Role]session.Condition{
	session.Client: session.ClientGone, session.Therapist: session.TherapistGone, session.Chaperone: session.ChaperoneGone}

func nobodyUnnoticed(e *evidence) error {
	var errs []error
	seen := false
	noticed := func(c session.Condition, from time.Time) bool {
		return slices.ContainsFunc(e.events, func(event session.Event) bool {
			f, ok := event.Fact.(session.AlarmRaised)
			return ok && f.Condition == c && !event.Recorded.Before(from)
		})
	}
	for _, c := range e.cuts {
		if !c.promised {
			continue
		}
		seen = true
		if !noticed(goneBy[e.screens[c.seat].role], c.at) {
			errs = append(errs, fmt.Errorf("%s was away for %s of the session's time, and nobody was told", c.seat, time.Duration(float64(c.back)*e.rate).Round(time.Second)))
		}
	}
	for seat, s := range e.screens {
		for _, a := range e.unplanned(seat) {
			if s.role == session.Chaperone || !e.open || a.To.Sub(a.From) < e.wall(goneAfter)+noticeWithin {
				continue
			}
			seen = true
			if !noticed(goneBy[s.role], e.pace().Of(a.From)) {
				errs = append(errs, fmt.Errorf("%s had no connection for %s, and nobody was told", seat, a.To.Sub(a.From).Round(time.Second)))
			}
		}
	}
	for range e.covers {
		seen = true
		if !noticed(session.PictureGone, time.Time{}) {
			errs = append(errs, errors.New("a picture stood still, and nobody was told"))
		}
	}
	if slices.ContainsFunc(e.causes, func(c cause) bool { return c.condition == session.CheckInMissed && c.ladder }) {
		seen = true
		if !slices.ContainsFunc(e.events, func(event session.Event) bool {
			f, ok := event.Fact.(session.AlarmEscalated)
			return ok && f.Rung == 2
		}) {
			errs = append(errs, errors.New("a missed check-in never went up its ladder"))
		}
	}
	if !seen {
		return errNotSeen
	}
	return errors.Join(errs...)
}

const (
	goneAfter    = 10 * time.Second // a client or a therapist without a connection is an alarm, by the session's clock
	noticeWithin = 5 * time.Second  // and that of a server that died is noticed
)

// unplanned are the times in which a screen had no connection although the script had
// not cut it: a server that is somebody else's died, say.
func (e *evidence) unplanned(seat session.SeatID) (all []person.Absence) {
	for _, a := range e.away[seat] {
		if e.several && !e.byScript(seat, a) {
			all = append(all, a)
		}
	}
	return all
}

// byScript reports whether a screen had no connection because the script had cut it.
func (e *evidence) byScript(seat session.SeatID, a person.Absence) bool {
	return slices.ContainsFunc(e.cuts, func(c cut) bool {
		return c.seat == seat && a.From.Sub(c.wall).Abs() < time.Second
	})
}

// pace is the session's clock.
func (e *evidence) pace() (p session.Pace) {
	for _, event := range e.events {
		if f, ok := event.Fact.(session.SessionCreated); ok {
			p = f.Pace
		}
	}
	return p
}

func alarmsHaveCause(e *evidence) error {
	var errs []error
	said := map[string]bool{}
	condition := map[string]session.AlarmRaised{}
	at := map[string]time.Time{}
	blame := func(id string, rung int) {
		f := condition[id]
		if said[id] || e.caused(f, at[id]) || f.Ladder[rung].Priority == session.Low {
			return
		}
		said[id] = true
		errs = append(errs, fmt.Errorf("“%s” (%s, %s)", f.Words, f.Condition, f.Ladder[rung].Priority))
	}
	for _, event := range e.events {
		switch f := event.Fact.(type) {
		case session.AlarmRaised:
			condition[f.Alarm], at[f.Alarm] = f, event.Recorded
			blame(f.Alarm, 0)
		case session.AlarmEscalated:
			if rungs := condition[f.Alarm].Ladder; f.Rung < len(rungs) {
				blame(f.Alarm, f.Rung)
			}
		}
	}
	return errors.Join(errs...)
}

// caused reports whether the script provoked an alarm between its condition's
// beginning and when it was raised, or a screen really had no connection then.
func (e *evidence) caused(f session.AlarmRaised, raised time.Time) bool {
	for seat, s := range e.screens {
		if goneBy[s.role] == f.Condition && (seat == f.Client || seat == f.Subject) && slices.ContainsFunc(e.unplanned(seat), func(a person.Absence) bool {
			wall := e.pace().Wall(raised)
			return wall.After(a.From) && wall.Before(a.To.Add(e.alarmWithin))
		}) {
			return true
		}
	}
	return slices.ContainsFunc(e.causes, func(c cause) bool {
		return c.condition == f.Condition && !raised.Before(c.from) && (c.to.IsZero() || !f.Since.After(c.to))
	})
}
