package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"net/url"
	"slices"
	"sync"
	"time"

	"belay/cmd/internal/person"
	"belay/session"
)

// Limits of a load. They keep a slip of the finger from becoming a flood.
const (
	maxSessions = 2000
	maxRamp     = time.Hour
	maxStay     = 4 * time.Hour
	maxNodes    = 16
)

// load is many sessions at once.
type load struct {
	sessions int
	nodes    []string      // the servers, on one Redis; none: as one session is played
	ramp     time.Duration // from the first session's beginning to the last one's
	stay     time.Duration // that all are there together, after their doses; 0: whole visits
	picture  bool
	relay    bool // picture and sound go through the relay too
	abroad   bool // servers on other machines
}

func (l *load) validate(o options) error {
	switch {
	case l.sessions < 1 || l.sessions > maxSessions:
		return fmt.Errorf("from 1 to %d sessions", maxSessions)
	case l.ramp < 0 || l.ramp > maxRamp:
		return fmt.Errorf("a ramp of no more than %s", maxRamp)
	case l.stay < 0 || l.stay > maxStay:
		return fmt.Errorf("no longer together than %s", maxStay)
	case len(l.nodes) > maxNodes:
		return fmt.Errorf("no more than %d nodes", maxNodes)
	case len(l.nodes) > 0 && o.server != "":
		return errors.New("either -server or -nodes")
	case l.relay && !l.picture:
		return errors.New("what goes through the relay is picture and sound")
	}
	for _, place := range l.places(o) {
		if !l.abroad && !onLoopback(place) {
			return fmt.Errorf("%s is another machine: -abroad says that its owner knows", place)
		}
	}
	return nil
}

// places are the servers that are given; none: one of our own.
func (l *load) places(o options) []string {
	if o.server != "" {
		return []string{o.server}
	}
	return l.nodes
}

func onLoopback(place string) bool {
	u, err := url.Parse(place)
	if err != nil {
		return false
	}
	addr, err := netip.ParseAddr(u.Hostname())
	return u.Hostname() == "localhost" || err == nil && addr.Unmap().IsLoopback()
}

// played is one session of a load, and what became of it.
type played struct {
	*evidence
	err      error // why it could not be played to its end
	verdicts []error
	took     time.Duration
}

func (p *played) kept() bool { return p.err == nil && !slices.ContainsFunc(p.verdicts, isBroken) }

// crowd is a load being played.
type crowd struct {
	options
	load
	desks  []*person.Visitor // the therapist's browser at each node
	house  *house            // nil: the servers are somebody else's
	places []string
	gauge  *gauge

	in    sync.WaitGroup // sessions that are not all there yet
	leave chan struct{}  // closed when those who stay may go
}

// rehearseMany plays many sessions at once, judges each and prints what they cost.
func rehearseMany(ctx context.Context, o options, l load, out, errs io.Writer) int {
	c := &crowd{options: o, load: l, leave: make(chan struct{})}
	all, err := c.run(ctx, errs)
	if c.house != nil {
		err = errors.Join(err, c.house.close())
	}
	failed := 0
	for _, p := range all {
		if !p.kept() {
			failed++
		}
	}
	c.report(out, all)
	switch {
	case err != nil:
		fmt.Fprintf(out, "\nThe sessions could not be played: %v\n", err)
		return exitBroken
	case failed > 0:
		fmt.Fprintf(out, "\nIn %d of %d sessions a promise was broken.\n", failed, len(all))
		return exitBroken
	}
	fmt.Fprintln(out, "\nEvery promise that could be observed was kept, in every session.")
	return 0
}

func (c *crowd) run(ctx context.Context, errs io.Writer) ([]*played, error) {
	length := time.Duration(float64(4*time.Hour)/c.speed) + 3*time.Minute
	if c.stay > 0 {
		length = c.stay + 3*time.Minute
	}
	length += c.ramp
	ctx, cancel := context.WithTimeoutCause(ctx, length, fmt.Errorf("the sessions were not over after %s", length.Round(time.Second)))
	defer cancel()
	if err := c.enter(ctx, errs); err != nil {
		return nil, err
	}
	all := make([]*played, c.sessions)
	c.gauge = startGauge(c.house)
	defer c.gauge.end()
	c.in.Add(c.sessions)
	var playing, waiting sync.WaitGroup
	for i := range all {
		playing.Go(func() { all[i] = c.play(ctx, i) })
	}
	over := make(chan struct{})
	waiting.Go(func() { c.together(ctx, over) })
	playing.Wait()
	close(over)
	waiting.Wait()
	return all, nil
}

// enter signs the therapist in at every node, once: signing in is limited by
// address, and so that nobody guesses passwords.
func (c *crowd) enter(ctx context.Context, errs io.Writer) (err error) {
	setup, email, password := c.env("BELAY_SETUP_LINK"), c.email, c.env("BELAY_PASSWORD")
	if c.places = c.load.places(c.options); len(c.places) == 0 {
		if c.house, err = openHouse(ctx, c.dir, c.sessions, errs); err != nil {
			return err
		}
		c.places, setup, email, password = []string{c.house.URL}, c.house.Setup, "dana@rehearsal.example", rand.Text()
	}
	for _, place := range c.places {
		desk, err := signIn(ctx, place, setup, email, password)
		if err != nil {
			return err
		}
		setup = "" // there is an account now
		c.desks = append(c.desks, desk)
	}
	return nil
}

// together measures what it costs that all are there, and lets them go then. Over
// is closed when nobody is there any more.
func (c *crowd) together(ctx context.Context, over <-chan struct{}) {
	c.in.Wait()
	defer close(c.leave)
	if c.stay == 0 {
		return
	}
	c.gauge.mark()
	select {
	case <-time.After(c.stay):
	case <-over:
	case <-ctx.Done():
	}
	c.gauge.mark()
}

// play plays one session of the many. Its people sit at different nodes, where
// there are several.
func (c *crowd) play(ctx context.Context, i int) *played {
	here := sync.OnceFunc(c.in.Done)
	defer here()
	if c.sessions > 1 {
		select {
		case <-time.After(c.ramp * time.Duration(i) / time.Duration(c.sessions-1)):
		case <-ctx.Done():
		}
	}
	began := time.Now()
	p := newPlay(ctx, c.options, io.Discard)
	p.e.media, p.e.relay, p.e.several = c.picture, c.relay, len(c.places) > 1
	p.forgets.doors = p.forgets.doors || i > 0 // who tries doors is made to wait, at all of them
	at := func(k int) int { return (i + k) % len(c.places) }
	p.place, p.visitor = c.places[at(0)], c.desks[at(0)]
	for k, a := range append([]*actor{p.chaperone}, p.clients...) {
		a.server = c.places[at(k+1)]
	}
	if c.stay > 0 {
		p.e.open = true
		p.stay = func() error { here(); return c.stays(p) }
	}
	one := &played{evidence: p.e, err: p.perform()}
	one.took = time.Since(began)
	one.verdicts = verdicts(p.e)
	return one
}

// actEvery is how often somebody does something while they stay: more often than
// in a real visit, which has some hundred acts in two and a half hours.
const actEvery = 10 * time.Second

// stays has therapist and chaperone do what they do in the middle of a visit,
// until all may leave.
func (c *crowd) stays(p *play) error {
	every := time.NewTicker(actEvery)
	defer every.Stop()
	id := p.clients[0].seat.ID
	for n := 0; ; n++ {
		select {
		case <-c.leave:
			return nil
		case <-p.ctx.Done():
			return context.Cause(p.ctx)
		case <-every.C:
		}
		by, act := p.therapist, session.Act(session.WriteNote{Text: secretNote})
		if n%6 == 5 {
			by, act = p.chaperone, reading(id, 122, 78, 70)
		}
		if err := p.does(by, act); err != nil {
			return err
		}
	}
}
