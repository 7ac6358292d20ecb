package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"net/url"
	"slices"
	"strings"
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
	err    error
	broken int
	words  string // what was broken
	took   time.Duration
}

func (p *played) kept() bool { return p.err == nil && p.broken == 0 }

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
	p.e.media, p.e.relay = c.picture, c.relay
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
	var words bytes.Buffer
	one.broken = judge(p.e, &words)
	for _, line := range strings.SplitAfter(words.String(), "\n") {
		if !strings.HasPrefix(line, "kept") && !strings.HasPrefix(line, "- ") {
			one.words += line
		}
	}
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

// report prints what was seen of all sessions together.
func (c *crowd) report(out io.Writer, all []*played) {
	if len(all) == 0 {
		return
	}
	with := "signaling alone"
	switch {
	case c.relay:
		with = "picture and sound, directly and through the relay"
	case c.picture:
		with = "picture and sound, directly"
	}
	fmt.Fprintf(out, "%d sessions with three people each, %s; %g times as fast as the real thing; begun over %s\n\n", c.sessions, with, c.speed, c.ramp)
	sum, printed := summarize(all), 0
	for i, p := range all {
		if p.kept() || printed == 3 {
			continue
		}
		printed++
		fmt.Fprintf(out, "session %d", i+1)
		if p.err != nil {
			fmt.Fprintf(out, ": %v", p.err)
		}
		fmt.Fprintf(out, "\n%s", p.words)
	}
	fmt.Fprintf(out, "sessions    %d kept, %d failed\n", sum.kept, len(all)-sum.kept)
	fmt.Fprintf(out, "commands    %s\n", spread(sum.commands))
	fmt.Fprintf(out, "deadlines   %s\n", spread(sum.late))
	if c.picture {
		fmt.Fprintf(out, "picture     %s directly", gapOf(sum.gap))
		if c.relay {
			fmt.Fprintf(out, ", %s through the relay", gapOf(sum.relayed))
		}
		fmt.Fprintln(out)
	}
	c.gauge.report(out, len(all), sum.played, c.stay > 0)
}

// summary is what all sessions of a load have in common.
type summary struct {
	kept           int
	commands, late []time.Duration
	gap, relayed   time.Duration // longest time without a frame
	played         time.Duration // of all sessions together, on the wall
}

func summarize(all []*played) (s summary) {
	for _, p := range all {
		if p.kept() {
			s.kept++
		}
		s.played += p.took
		s.commands = append(s.commands, p.evidence.took...)
		for _, event := range p.events {
			if f, ok := event.Fact.(session.DeadlineReached); ok {
				s.late = append(s.late, max(p.wall(event.Recorded.Sub(f.Due)), 0))
			}
		}
		uncovered := append(slices.Clone(p.covers), person.Gap{From: p.pictures.To})
		longest := func(f person.Flow, so time.Duration) time.Duration {
			from := p.pictures.From
			for _, to := range uncovered {
				if to.From.After(from) {
					so = max(so, f.Picture.LongestGap(from, to.From))
				}
				from = to.To
			}
			return so
		}
		for _, f := range p.flows {
			s.gap = longest(f, s.gap)
		}
		for _, f := range p.relayed {
			s.relayed = longest(f, s.relayed)
		}
	}
	return s
}

// gapOf says how long a picture stood still at most. Shorter pauses are not noted
// by people, and not by this program.
func gapOf(d time.Duration) string {
	if d < 250*time.Millisecond {
		return "no gap of 250ms or more"
	}
	return "longest gap " + d.Round(time.Millisecond).String()
}

// spread says how long something took, in words for a table.
func spread(all []time.Duration) string {
	if len(all) == 0 {
		return "none"
	}
	slices.Sort(all)
	at := func(per100 int) time.Duration { return all[(len(all)-1)*per100/100].Round(100 * time.Microsecond) }
	return fmt.Sprintf("%d: p50 %s, p95 %s, p99 %s, longest %s", len(all), at(50), at(95), at(99), at(100))
}
