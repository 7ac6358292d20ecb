package main

import (
	"fmt"
	"io"
	"slices"
	"time"

	"belay/cmd/internal/person"
	"belay/session"
)

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
		fmt.Fprintln(out)
		for k, verdict := range p.verdicts {
			if isBroken(verdict) {
				printBroken(out, promises[k].words, verdict)
			}
		}
	}
	reportPromises(out, all)
	fmt.Fprintf(out, "sessions    %d kept, %d failed\n", sum.kept, len(all)-sum.kept)
	fmt.Fprintf(out, "commands    %s\n", spread(sum.commands()))
	fmt.Fprintf(out, "deadlines   %s\n", spread(sum.late))
	if c.picture {
		fmt.Fprintf(out, "picture     %s directly", gapOf(sum.gap))
		if c.relay {
			fmt.Fprintf(out, ", %s through the relay", gapOf(sum.relayed))
		}
		fmt.Fprintln(out)
	}
	if len(c.places) > 1 {
		for _, place := range c.places {
			fmt.Fprint(out, sum.nodes[place].words(place))
		}
	}
	c.gauge.report(out, len(all), sum.played, c.stay > 0)
}

// reportPromises says of each promise in how many sessions it was kept.
func reportPromises(out io.Writer, all []*played) {
	for i, p := range promises {
		kept, broken := 0, 0
		for _, one := range all {
			switch {
			case i >= len(one.verdicts):
			case one.verdicts[i] == nil:
				kept++
			case isBroken(one.verdicts[i]):
				broken++
			}
		}
		switch {
		case broken > 0:
			fmt.Fprintf(out, "BROKEN in %-4d %s", broken, p.words)
			if kept > 0 {
				fmt.Fprintf(out, " (kept in %d)", kept)
			}
			fmt.Fprintln(out)
		case kept > 0:
			fmt.Fprintf(out, "kept in %-6d %s\n", kept, p.words)
		default:
			fmt.Fprintf(out, "not observed   %s\n", p.words)
		}
	}
	fmt.Fprintln(out)
}

// summary is what all sessions of a load have in common.
type summary struct {
	kept         int
	late         []time.Duration
	gap, relayed time.Duration // longest time without a frame
	played       time.Duration // of all sessions together, on the wall
	nodes        map[string]*node
}

// node is what was seen of one server.
type node struct {
	screens  int
	commands []time.Duration // that it was told
	lost     int             // connections, but for those that the script cut
	without  time.Duration   // longest time that somebody had none
}

// words are the node's lines in a report.
func (n *node) words(place string) string {
	if n == nil {
		n = &node{}
	}
	lost := "no connection lost"
	if n.lost > 0 {
		lost = fmt.Sprintf("%d connections lost, longest time without one %s", n.lost, n.without.Round(time.Millisecond))
	}
	return fmt.Sprintf("node        %s: %d screens, %s\n            commands %s\n", place, n.screens, lost, spread(n.commands))
}

// commands are how long those took that any server was told.
func (s summary) commands() (all []time.Duration) {
	for _, n := range s.nodes {
		all = append(all, n.commands...)
	}
	return all
}

func summarize(all []*played) (s summary) {
	s.nodes = map[string]*node{}
	at := func(place string) *node {
		if s.nodes[place] == nil {
			s.nodes[place] = &node{}
		}
		return s.nodes[place]
	}
	for _, p := range all {
		if p.kept() {
			s.kept++
		}
		s.played += p.took
		for place, took := range p.evidence.took {
			at(place).commands = append(at(place).commands, took...)
		}
		for seat, place := range p.sits {
			n := at(place)
			n.screens++
			for _, a := range p.away[seat] {
				if !p.byScript(seat, a) {
					n.lost++
					n.without = max(n.without, a.To.Sub(a.From))
				}
			}
		}
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
