package main

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"belay/session"
	"belay/signaling/protocol"
)

// minds is what moves somebody without the script: they look at each view and do
// what a person would. Its switches let the script keep them from it.
type minds struct {
	wake   chan struct{} // holds a token when there is a new view
	quit   chan struct{}
	once   sync.Once
	direct func(from session.SeatID, m protocol.Direct)

	blind  atomic.Bool // therapist: alarms do not stand on the screen
	deaf   atomic.Bool // therapist: acknowledges nothing
	asleep atomic.Bool // chaperone: does nothing
}

func (m *minds) init() {
	m.wake, m.quit = make(chan struct{}, 1), make(chan struct{})
}

func (m *minds) look() {
	select {
	case m.wake <- struct{}{}:
	default:
	}
}

func (m *minds) end() { m.once.Do(func() { close(m.quit) }) }

// lives runs somebody's reflexes until their end: after each view, and at least
// twice in a minute of the session.
func (p *play) lives(a *actor, reflex func(context.Context, session.View)) {
	p.reflexes.Go(func() {
		ctx, cancel := context.WithCancel(p.ctx)
		defer cancel()
		stop := context.AfterFunc(ctx, a.minds.end)
		defer stop()
		every := time.NewTicker(max(p.e.wall(30*time.Second), 10*time.Millisecond))
		defer every.Stop()
		for {
			select {
			case <-a.minds.quit:
				return
			case <-a.minds.wake:
			case <-every.C:
			}
			screen := p.everybody()[a.seat.ID]
			if v, ok := screen.View(); ok {
				step, done := context.WithTimeout(ctx, promptly)
				reflex(step, v)
				done()
			}
		}
	})
}

// tries sends an act that may come too late: then there is nothing to do.
func (p *play) tries(ctx context.Context, a *actor, act session.Act) {
	if screen := p.everybody()[a.seat.ID]; screen != nil {
		_, _ = screen.Do(ctx, act)
	}
}

// watches is the therapist's: alarms stand on the screen and are acknowledged.
func (p *play) watches() func(context.Context, session.View) {
	shown, acked := map[string]bool{}, map[string]bool{}
	return func(ctx context.Context, v session.View) {
		for _, alarm := range v.Alarms {
			if !alarm.Shown && !shown[alarm.ID] && !p.therapist.minds.blind.Load() {
				shown[alarm.ID] = true
				p.tries(ctx, p.therapist, session.ShowAlarm{Alarm: alarm.ID})
			}
			// One that has climbed to a higher priority wants to be acknowledged anew.
			rung := alarm.ID + string(alarm.Priority)
			if alarm.Mine && alarm.Acknowledged == nil && alarm.Priority != session.Low && !acked[rung] && !p.therapist.minds.deaf.Load() {
				acked[rung] = true
				p.tries(ctx, p.therapist, session.AcknowledgeAlarm{Alarm: alarm.ID, Priority: alarm.Priority})
			}
		}
	}
}

// minds the client is the chaperone's: goes in when called, looks in in time,
// measures when asked.
func (p *play) mindsClient(ctx context.Context, v session.View) {
	if p.chaperone.minds.asleep.Load() {
		return
	}
	if v.Call != nil {
		switch v.Call.Stage {
		case "called":
			p.tries(ctx, p.chaperone, session.GoIn{})
		case "going":
			p.tries(ctx, p.chaperone, session.BeWith{})
		case "with":
			p.tries(ctx, p.chaperone, session.ReportBack{Well: true})
		}
		return
	}
	for _, c := range v.Clients {
		if c.VitalsAsk {
			p.tries(ctx, p.chaperone, reading(c.Seat, 124, 79, 72))
		}
	}
	now := p.everybody()[p.chaperone.seat.ID].Now()
	due := slices.ContainsFunc(v.Clients, func(c session.ClientView) bool {
		return c.Look != nil && c.Look.Due != nil && c.Look.Due.Sub(now) < c.Look.Every.D()/3
	})
	if due && !p.forgets.checkIns {
		p.tries(ctx, p.chaperone, session.CheckIn{})
	}
}

func reading(client session.SeatID, systolic, diastolic, heart int) session.RecordVitals {
	return session.RecordVitals{Client: client, Systolic: systolic, Diastolic: diastolic, HeartRate: heart, Source: "home cuff"}
}
