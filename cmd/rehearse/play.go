package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"

	"belay/cmd/internal/person"
	"belay/session"
	"belay/signaling/protocol"
)

// play is one session being played. Its scenes run one after the other in one
// goroutine; beside them each person has reflexes of their own (reflexes.go).
type play struct {
	ctx   context.Context
	out   io.Writer // what happens, as it happens
	e     *evidence
	speed float64
	house *house // nil: the server is somebody else's

	place     string       // of the server
	stay      func() error // in place of all that comes after the dose; nil: the whole visit
	visitor   *person.Visitor
	state     string // where the client is today
	id        string // of the session
	consent   string
	therapist *actor
	clients   []*actor
	chaperone *actor
	reflexes  sync.WaitGroup

	// What the script leaves out so that a test can see that it is missed.
	forgets forgets

	mu       sync.Mutex // guards the persons of the actors, and onDirect
	onDirect func(protocol.Direct)
}

// forgets are acts that a rehearsal can leave out.
type forgets struct {
	checkIns bool   // the chaperone does not look in
	doors    bool   // nobody tries what must not open
	after    string // scenes after this one are not played; "": all are
}

// actor is somebody of the script, and their screen.
type actor struct {
	seat    session.Seat
	order   session.Order
	visitor *person.Visitor
	server  string // where their page is; "": where the session was made
	link    string // the invitation; none of the therapist's
	place   string
	*person.Person
	minds minds
}

// serves is the server that somebody's page is at.
func (p *play) serves(a *actor) string { return cmp.Or(a.server, p.place) }

// everybody is all screens that are open now.
func (p *play) everybody() map[session.SeatID]*person.Person {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := map[session.SeatID]*person.Person{}
	for _, a := range p.cast() {
		if a.Person != nil {
			all[a.seat.ID] = a.Person
		}
	}
	return all
}

func (p *play) cast() []*actor {
	return append([]*actor{p.therapist, p.chaperone}, p.clients...)
}

// tell prints what happens, with the session's time.
func (p *play) tell(format string, args ...any) {
	when := "      "
	if p.therapist.Person != nil {
		if v, ok := p.therapist.View(); ok && len(v.Clients) > 0 && v.Clients[0].T0 != nil {
			t := p.therapist.Now().Sub(*v.Clients[0].T0)
			when = fmt.Sprintf("T+%02d:%02d", int(t.Minutes()), int(t.Seconds())%60)
		}
	}
	fmt.Fprintf(p.out, "%-8s %s\n", when, fmt.Sprintf(format, args...))
}

// within bounds something that should take no time at all. Wall time.
func (p *play) within(d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(p.ctx, d, fmt.Errorf("not within %s", d))
}

const promptly = 20 * time.Second

// does sends acts, one after the other, each of which must be done.
func (p *play) does(a *actor, acts ...session.Act) error {
	for _, act := range acts {
		ctx, cancel := p.within(promptly)
		began := time.Now()
		answer, err := a.Do(ctx, act)
		cancel()
		if err == nil {
			p.e.note(func() { p.e.took[p.serves(a)] = append(p.e.took[p.serves(a)], time.Since(began)) })
			err = answer.Err()
		}
		if err != nil {
			return fmt.Errorf("%s: %s: %w", a.seat.ID, session.FactName(act), err)
		}
	}
	return nil
}

// probes sends an act that must be refused.
func (p *play) probes(a *actor, what, code string, act session.Act) error {
	ctx, cancel := p.within(promptly)
	defer cancel()
	answer, err := a.Do(ctx, act)
	if err != nil {
		return fmt.Errorf("%s: %s: %w", a.seat.ID, session.FactName(act), err)
	}
	p.e.note(func() { p.e.probes = append(p.e.probes, probe{what, code, codeOf(answer.Refused)}) })
	return nil
}

// sees waits until a screen shows something. The words say what.
func (p *play) sees(a *actor, what string, ok func(session.View) bool) (session.View, error) {
	ctx, cancel := p.within(promptly)
	defer cancel()
	v, err := a.Await(ctx, ok)
	if err != nil {
		return v, fmt.Errorf("%s does not see %s: %w", a.seat.ID, what, err)
	}
	return v, nil
}

// until waits for a time of the session; one that has passed is no reason to wait.
func (p *play) until(t time.Time) error {
	for {
		left := p.e.wall(t.Sub(p.therapist.Now()))
		if left <= 0 {
			return nil
		}
		select {
		case <-time.After(min(left, time.Minute)): // the clock is looked at again: it may be corrected
		case <-p.ctx.Done():
			return context.Cause(p.ctx)
		}
	}
}

// after waits until a client's clock shows T+ so many minutes.
func (p *play) after(a *actor, minutes float64) error {
	c, err := p.client(a)
	if err != nil {
		return err
	}
	if c.T0 == nil {
		return fmt.Errorf("%s has not dosed", a.seat.ID)
	}
	return p.until(c.T0.Add(time.Duration(minutes * float64(time.Minute))))
}

// client is what the therapist's screen shows of a client.
func (p *play) client(a *actor) (session.ClientView, error) {
	v, ok := p.therapist.View()
	if ok {
		if c, ok := of(v, a.seat.ID); ok {
			return c, nil
		}
	}
	return session.ClientView{}, fmt.Errorf("the therapist's screen does not show %s", a.seat.ID)
}

func of(v session.View, client session.SeatID) (session.ClientView, bool) {
	i := slices.IndexFunc(v.Clients, func(c session.ClientView) bool { return c.Seat == client })
	if i < 0 {
		return session.ClientView{}, false
	}
	return v.Clients[i], true
}

// inPhase waits until the therapist's screen shows a client in a phase.
func (p *play) inPhase(a *actor, phase session.Phase) error {
	_, err := p.sees(p.therapist, fmt.Sprintf("%s in phase %s", a.seat.ID, phase), func(v session.View) bool {
		c, ok := of(v, a.seat.ID)
		return ok && c.Phase == phase
	})
	return err
}

// causes says that from now on alarms of these kinds are the script's own doing,
// until the function that it returns is called, and a moment more at both ends.
func (p *play) causes(conditions ...session.Condition) (over func()) {
	// A screen's clock may be a little ahead of the server's.
	moment := time.Duration(p.e.rate * float64(time.Second))
	from := p.therapist.Now().Add(-moment)
	var first int
	p.e.note(func() {
		first = len(p.e.causes)
		for _, c := range conditions {
			p.e.causes = append(p.e.causes, cause{condition: c, from: from})
		}
	})
	return func() {
		to := p.therapist.Now().Add(moment)
		p.e.note(func() {
			for i := range conditions {
				p.e.causes[first+i].to = to
			}
		})
	}
}

// join opens the page of a seat whose door is open.
func (p *play) join(a *actor) error {
	o := p.e.options(a.seat)
	o.URL, o.Cookies = a.visitor.Socket(a.place), a.visitor.Jar()
	heard := o.View
	o.View = func(at time.Time, v session.View) {
		heard(at, v)
		a.minds.look()
	}
	o.Direct = a.minds.direct
	joined, err := person.Join(o)
	if err != nil {
		return err
	}
	p.e.note(func() { p.e.screens[a.seat.ID].now, p.e.sits[a.seat.ID] = joined.Now, p.serves(a) })
	p.mu.Lock()
	a.Person = joined
	p.mu.Unlock()
	ctx, cancel := p.within(promptly)
	defer cancel()
	if err := joined.Open(ctx); err != nil {
		return fmt.Errorf("%s does not get in: %w", a.seat.ID, err)
	}
	return nil
}

// gone collects what a screen has seen before it is closed.
func (p *play) gone(a *actor) error {
	p.e.note(func() {
		p.e.acks[a.seat.ID] = append(p.e.acks[a.seat.ID], a.Acks()...)
		p.e.away[a.seat.ID] = append(p.e.away[a.seat.ID], a.Absences()...)
	})
	return a.Close()
}

// cut breaks somebody's connection off for some of the session's time, and waits
// until they are there again.
func (p *play) cut(a *actor, away time.Duration, promised bool) error {
	gone := map[session.Role]session.Condition{session.Client: session.ClientGone, session.Therapist: session.TherapistGone, session.Chaperone: session.ChaperoneGone}
	defer p.causes(gone[a.seat.Role], session.CallUnanswered)()
	wall := p.e.wall(away)
	began := time.Now()
	c := cut{seat: a.seat.ID, at: a.Now(), wall: began, away: wall, promised: promised}
	a.Cut(wall)
	select {
	case <-time.After(wall + 10*time.Millisecond): // the old connection must be seen to be gone
	case <-p.ctx.Done():
		return context.Cause(p.ctx)
	}
	ctx, cancel := p.within(wall + 2*backWithin)
	defer cancel()
	if err := a.Open(ctx); err == nil {
		c.back = time.Since(began)
	}
	c.gap = p.longestGap(began, time.Now())
	p.e.note(func() { p.e.cuts = append(p.e.cuts, c) })
	return nil
}

// longestGap is the longest time without a frame between therapist and clients.
func (p *play) longestGap(from, to time.Time) (longest time.Duration) {
	for _, pair := range p.pairs() {
		longest = max(longest, pair.by.Flow(pair.of.seat.ID).Picture.LongestGap(from, to))
	}
	return longest
}

// pairs are all who see each other, in both directions.
func (p *play) pairs() (all []struct{ by, of *actor }) {
	if !p.e.media {
		return nil
	}
	for _, c := range p.clients {
		all = append(all, struct{ by, of *actor }{p.therapist, c}, struct{ by, of *actor }{c, p.therapist})
	}
	return all
}

// perform plays all scenes, then collects what is left to see. What it returns
// kept the script from going on; the promises are judged all the same.
func (p *play) perform() (err error) {
	done := make(chan struct{})
	var clocks sync.WaitGroup
	clocks.Go(func() { p.e.sampleClocks(p.everybody, done) })
	for _, scene := range p.scenes() {
		if err = scene.play(); err != nil {
			err = fmt.Errorf("%s: %w", scene.name, err)
			break
		}
		if scene.name == p.forgets.after {
			break
		}
	}
	close(done)
	clocks.Wait()
	for _, a := range p.cast() {
		a.minds.end()
	}
	p.reflexes.Wait()
	return errors.Join(err, p.collect())
}

// collect reads the record and closes every page.
func (p *play) collect() (err error) {
	p.e.note(func() { p.e.pictures.To = time.Now() })
	if p.id != "" {
		ctx, cancel := p.within(promptly)
		defer cancel()
		var raw []byte
		e := p.visitor.Ask(ctx, http.MethodGet, "/api/sessions/"+p.id+"/log", nil, &raw)
		events, decoded := readRecord(raw)
		p.e.note(func() { p.e.events, p.e.recordErr = events, errors.Join(e, decoded) })
		p.settled(events)
	}
	if !p.e.pictures.From.IsZero() {
		for _, pair := range p.pairs() {
			p.e.note(func() { p.e.flows[pair2(pair.by, pair.of)] = pair.by.Flow(pair.of.seat.ID) })
			if p.e.relay {
				p.e.note(func() { p.e.relayed[pair.by.seat.ID] = pair.by.Flow(relaySeat) })
			}
		}
	}
	for _, a := range p.cast() {
		if a.Person != nil {
			err = errors.Join(err, p.gone(a))
		}
	}
	return err
}

// relaySeat is under what a person keeps what comes through the relay.
const relaySeat = session.SeatID("relay")

func pair2(by, of *actor) pair { return pair{by.seat.ID, of.seat.ID} }

// settled waits until every screen has been shown the last event.
func (p *play) settled(events []session.Event) {
	if len(events) == 0 {
		return
	}
	last := events[len(events)-1].Seq
	for _, seat := range slices.Sorted(maps.Keys(p.everybody())) {
		ctx, cancel := p.within(2 * time.Second)
		// Who does not see it is found out by the promises.
		_, _ = p.everybody()[seat].Await(ctx, func(v session.View) bool { return v.Seq >= last })
		cancel()
	}
}
