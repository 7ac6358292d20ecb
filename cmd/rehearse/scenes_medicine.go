package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"belay/cmd/internal/person"
	"belay/session"
	"belay/signaling/protocol"
)

// holdMedicine: the client is lost for forty seconds while the medicine is held,
// and the hold ends by the clock alone.
func (p *play) holdMedicine() error {
	first := p.clients[0]
	if err := p.after(first, 5); err != nil {
		return err
	}
	p.tell("%s's connection is cut for forty seconds.", first.seat.Name)
	if err := p.cut(first, 40*time.Second, true); err != nil {
		return err
	}
	for _, c := range p.clients {
		if err := p.after(c, 12); err != nil {
			return err
		}
		if err := p.inPhase(c, session.Active); err != nil {
			return err
		}
		if err := p.does(p.therapist, session.RecordHold{Client: c.seat.ID, Number: 1, Outcome: "swallowed"}); err != nil {
			return err
		}
	}
	p.tell("The hold is over.")
	return p.probes(p.therapist, "returning before T+45 without a reason", session.NeedsReason, session.MarkReturning{Client: first.seat.ID})
}

// loseTherapist: the laptop is away for fifteen seconds; the chaperone is asked to sit with them.
func (p *play) loseTherapist() error {
	p.tell("The therapist's connection is cut for fifteen seconds.")
	return p.cut(p.therapist, 15*time.Second, true)
}

// coverCamera: the picture stands still while the sound goes on.
func (p *play) coverCamera() error {
	if !p.e.media {
		return nil
	}
	first := p.clients[0]
	over := p.causes(session.PictureGone, session.CallUnanswered)
	defer over()
	p.tell("%s's picture stands still.", first.seat.Name)
	covered := person.Gap{From: time.Now()}
	first.CoverCamera(true)
	lost := func(want bool) func(session.View) bool {
		return func(v session.View) bool {
			c, ok := of(v, first.seat.ID)
			return ok && (c.PictureLost != nil) == want
		}
	}
	_, err := p.sees(p.therapist, "that the picture stands still", lost(true))
	if err == nil { // and it goes on until that is an alarm, at whatever speed
		_, err = p.sees(p.therapist, "an alarm for it", func(v session.View) bool {
			return slices.ContainsFunc(v.Alarms, func(a session.AlarmView) bool {
				return a.Condition == session.PictureGone && a.Client == first.seat.ID && a.Ended == nil
			})
		})
	}
	first.CoverCamera(false)
	if err == nil {
		_, err = p.sees(p.therapist, "that the picture is back", lost(false))
	}
	covered.To = time.Now()
	p.e.note(func() { p.e.covers = append(p.e.covers, covered) })
	return err
}

// loseServer takes the server away in the middle, and calls for help without it.
// A server of our own is killed and started again; from one that is somebody
// else's, therapist and client are only cut off.
func (p *play) loseServer() error {
	if err := p.after(p.clients[0], 22); err != nil {
		return err
	}
	over := p.causes(session.ClientGone, session.TherapistGone, session.ChaperoneGone, session.CallUnanswered, session.CheckInMissed, session.VitalsMissed)
	defer over()
	heard := make(chan protocol.Direct, 4)
	p.hears(func(m protocol.Direct) {
		select {
		case heard <- m:
		default: // nobody sends so many
		}
	})
	defer p.hears(nil)
	if p.house == nil {
		return p.cutOff(heard)
	}
	return p.killServer(heard)
}

func (p *play) cutOff(heard <-chan protocol.Direct) error {
	p.tell("Therapist and client lose the server.")
	away := []*actor{p.therapist, p.clients[0]}
	for _, a := range away {
		a.Cut(time.Second)
	}
	if p.e.media { // the data channel is a part of it
		call := p.callDirectly(heard)
		p.e.note(func() { p.e.directs = append(p.e.directs, call) })
	}
	for _, a := range away {
		ctx, cancel := p.within(2 * backWithin)
		err := a.Open(ctx)
		cancel()
		if err != nil {
			return fmt.Errorf("%s does not come back: %w", a.seat.ID, err)
		}
	}
	return nil
}

func (p *play) killServer(heard <-chan protocol.Direct) error {
	everybody := p.everybody()
	p.tell("The server is killed.")
	k := kill{at: time.Now(), back: map[session.SeatID]time.Duration{}, t0: map[session.SeatID]time.Time{}}
	if err := p.house.kill(); err != nil {
		return err
	}
	call := p.callDirectly(heard)
	p.e.note(func() { p.e.directs = append(p.e.directs, call) })
	if err := p.house.start(p.ctx); err != nil {
		return err
	}
	k.up = time.Now()
	for seat, screen := range everybody {
		ctx, cancel := p.within(2 * backWithin)
		if err := screen.Open(ctx); err == nil {
			k.back[seat] = max(time.Since(k.up), 1)
		}
		cancel()
	}
	k.gap = p.longestGap(k.at, time.Now())
	for _, c := range p.clients {
		if v, err := p.client(c); err == nil && v.T0 != nil {
			k.t0[c.seat.ID] = *v.T0
		}
	}
	p.e.note(func() { p.e.kills = append(p.e.kills, k) })
	p.tell("It was away for %s; everybody is back.", k.up.Sub(k.at).Round(time.Millisecond))
	return nil
}

// hears says who is told of messages over data channels.
func (p *play) hears(f func(protocol.Direct)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.onDirect = f
}

func (p *play) direct(_ session.SeatID, m protocol.Direct) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.onDirect != nil {
		p.onDirect(m)
	}
}

// callDirectly has the first client ask for help over the data channel.
func (p *play) callDirectly(heard <-chan protocol.Direct) direct {
	first := p.clients[0]
	d := direct{client: first.seat.ID}
	began := time.Now()
	first.SayDirect(protocol.Direct{Kind: "help", ID: "rehearsed"})
	limit := time.NewTimer(2 * helpWithin)
	defer limit.Stop()
	for {
		select {
		case m := <-heard:
			switch {
			case m.Kind == "help" && d.heard == 0:
				d.heard = time.Since(began)
				p.therapist.SayDirect(protocol.Direct{Kind: "seen", ID: m.ID})
			case m.Kind == "seen" && m.ID == "rehearsed":
				d.seen = true
				return d
			}
		case <-limit.C:
			return d
		}
	}
}

// askHelp: the client asks for help, and is told step by step what is true.
func (p *play) askHelp() error {
	first := p.clients[0]
	if err := p.after(first, 27); err != nil {
		return err
	}
	// Whatever came before must be over: who is still with them need not be called.
	if _, err := p.sees(p.chaperone, "the end of the call before", func(v session.View) bool { return v.Call == nil }); err != nil {
		return err
	}
	over := p.causes(session.HelpAskedFor, session.CallUnanswered)
	defer over()
	therapist, chaperone := &p.therapist.minds, &p.chaperone.minds
	therapist.blind.Store(true)
	therapist.deaf.Store(true)
	chaperone.asleep.Store(true)
	defer func() {
		therapist.blind.Store(false)
		therapist.deaf.Store(false)
		chaperone.asleep.Store(false)
		p.therapist.minds.look()
	}()
	stage := func(want string) error {
		_, err := p.sees(first, "that help is "+want, func(v session.View) bool {
			return v.Clients[0].Help != nil && v.Clients[0].Help.Stage == want
		})
		return err
	}
	p.tell("%s asks for help; nobody answers for fifteen seconds.", first.seat.Name)
	if err := p.does(first, session.AskHelp{Client: first.seat.ID}); err != nil {
		return err
	}
	if err := stage("calling"); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(p.ctx, promptly+p.e.wall(15*time.Second), errors.New("the call for help did not climb to its second rung"))
	defer cancel()
	var id string
	_, err := p.therapist.Await(ctx, func(v session.View) bool {
		i := slices.IndexFunc(v.Alarms, func(a session.AlarmView) bool {
			return a.Condition == session.HelpAskedFor && a.Ended == nil && a.Rung >= 2
		})
		if i >= 0 {
			id = v.Alarms[i].ID
		}
		return i >= 0
	})
	if err != nil {
		return err
	}
	for _, step := range []struct {
		by    *actor
		act   session.Act
		stage string
	}{
		{p.therapist, session.ShowAlarm{Alarm: id}, "known"},
		{p.chaperone, session.GoIn{}, "coming"},
		{p.chaperone, session.BeWith{}, "with"},
	} {
		if err := errors.Join(p.does(step.by, step.act), stage(step.stage)); err != nil {
			return err
		}
	}
	return errors.Join(
		p.does(p.chaperone, session.ReportBack{Well: true, Words: "wanted some water"}),
		p.does(p.therapist, session.AcknowledgeAlarm{Alarm: id, Priority: session.High}, session.ClearAlarm{Alarm: id, Words: "the chaperone was with them"}))
}

// observe is what a therapist writes meanwhile, and the reading at T+40.
func (p *play) observe() error {
	for _, c := range p.clients {
		id := c.seat.ID
		if err := p.after(c, 32); err != nil {
			return err
		}
		begun := p.therapist.Now().Add(-20 * time.Second)
		err := p.does(p.therapist,
			session.WriteNote{Text: secretNote, Begun: &begun},
			session.RecordSideEffect{Client: id, Kind: "dizziness", Note: secretEffect},
			session.Rate{Client: id, Scale: "dissociation", Value: 2})
		if err != nil {
			return err
		}
		if err := p.does(p.chaperone, reading(id, 128, 81, 76)); err != nil {
			return err
		}
		if err := p.does(p.therapist, session.ResolveSideEffect{Client: id, ID: "e1", Action: "passed by itself"}); err != nil {
			return err
		}
	}
	p.tell("Notes are written, blood pressure is taken.")
	return nil
}

// missCheckIn: the chaperone does not look in, and the reminder climbs its ladder.
func (p *play) missCheckIn() error {
	first := p.clients[0]
	if err := p.after(first, 46); err != nil {
		return err
	}
	over := p.causes(session.CheckInMissed, session.CallUnanswered)
	defer over()
	p.e.note(func() { p.e.causes[len(p.e.causes)-2].ladder = true })
	p.chaperone.minds.asleep.Store(true)
	p.tell("%s does not look in any more.", p.chaperone.seat.Name)
	ctx, cancel := context.WithTimeoutCause(p.ctx, promptly+p.e.wall(22*time.Minute), errors.New("the ladder of a missed check-in did not climb"))
	defer cancel()
	_, err := p.therapist.Await(ctx, func(v session.View) bool {
		for _, a := range v.Alarms {
			if a.Condition == session.CheckInMissed && a.Ended == nil && a.Rung >= 3 {
				return true
			}
		}
		return false
	})
	p.chaperone.minds.asleep.Store(false)
	if err != nil {
		return err
	}
	if err := p.does(p.chaperone, session.CheckIn{}); err != nil {
		return err
	}
	_, err = p.sees(p.therapist, "that somebody has looked in", func(v session.View) bool {
		for _, a := range v.Alarms {
			if a.Condition == session.CheckInMissed && a.Ended == nil {
				return false
			}
		}
		return true
	})
	p.tell("The alarm has climbed to its end; %s has looked in.", p.chaperone.seat.Name)
	return err
}

// bringBack marks every client as returning, inside the window.
func (p *play) bringBack() error {
	for _, c := range p.clients {
		if err := p.after(c, 78); err != nil {
			return err
		}
		err := p.does(p.therapist, session.MarkReturning{Client: c.seat.ID},
			session.OfferWords{Client: c.seat.ID, Text: "What would you like to keep from this?"})
		if err != nil {
			return err
		}
		if _, err := p.sees(c, "the reflection words", func(v session.View) bool { return v.Clients[0].Words != "" }); err != nil {
			return err
		}
		// On a crowded machine the story itself can come late, and its alarm is right.
		if v, err := p.client(c); err == nil && v.Windows != nil && p.therapist.Now().After(v.Windows.Overdue) {
			late := cause{condition: session.ActiveOverdue, from: v.Windows.Overdue, to: p.therapist.Now()}
			p.e.note(func() { p.e.causes = append(p.e.causes, late) })
		}
		p.tell("%s is returning.", c.seat.Name)
	}
	return nil
}

// takeOver: the chaperone goes on in another window; the first one is replaced at once.
func (p *play) takeOver() error {
	old := p.chaperone.Person
	began := time.Now()
	p.e.note(func() { // what the first one was told counts too
		p.e.acks[p.chaperone.seat.ID] = append(p.e.acks[p.chaperone.seat.ID], old.Acks()...)
		p.e.screens[p.chaperone.seat.ID].lastSeq = 0 // another window begins anew
	})
	if err := p.join(p.chaperone); err != nil {
		return err
	}
	ctx, cancel := p.within(promptly)
	defer cancel()
	var ended *person.Ended
	err := old.AwaitEnd(ctx)
	if !errors.As(err, &ended) || ended.Code != protocol.CloseReplaced {
		err = fmt.Errorf("the first window ended with %v", err)
	} else {
		err = nil
	}
	p.e.note(func() { p.e.links = append(p.e.links, link{"a newer window takes the seat over at once", err}) })
	p.tell("%s has gone on in another window, within %s.", p.chaperone.seat.Name, time.Since(began).Round(time.Millisecond))
	return old.Close()
}
