package main

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"belay/cmd/internal/browser"
)

// What two people miss of each other is looked at on their pages, by testdata/watch.js,
// and printed as one table.

//go:embed testdata/watch.js
var watchJS string

// tells logs, where the test has failed, what happened to the connections of each
// page since it was loaded.
func (v *visit) tells() {
	if !v.t.Failed() {
		return
	}
	for _, p := range v.both() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		said, err := p.Page.Evaluate(ctx, "__watch.since(0).split(String.fromCharCode(10))")
		cancel()
		var lines []string
		if err == nil {
			err = json.Unmarshal(said, &lines)
		}
		v.t.Logf("what happened at %s since the page was loaded, in ms (%v):\n%s", p.Name, err, strings.Join(lines, "\n"))
	}
}

func (v *visit) both() []*browser.Person { return []*browser.Person{v.robin, v.alex} }

// watch begins to measure what both see and hear of each other.
func (v *visit) watch() {
	browser.Eval[float64](v.robin, "__watch.begin("+quoted(clientAtTherapist)+")")
	browser.Eval[float64](v.alex, "__watch.begin("+quoted(therapistAtClient)+")")
}

// moment is a point in time, as each page's clock has it.
type moment struct{ robin, alex float64 }

func (v *visit) moment() moment {
	return moment{browser.Eval[float64](v.robin, "__watch.now()"), browser.Eval[float64](v.alex, "__watch.now()")}
}

// stream is what came of a picture or a sound; gaps are in the page's milliseconds.
type stream struct {
	Count int
	Gaps  [][2]float64
}

// longest is the longest time without anything new, from a point in time on.
func (s stream) longest(from float64) time.Duration {
	var most float64
	for _, gap := range s.Gaps {
		most = max(most, gap[1]-max(gap[0], from))
	}
	return time.Duration(most * float64(time.Millisecond))
}

// row is a line of the table: what broke, and what each saw and heard of it.
type row struct {
	what        string
	by          string // what carried after it
	since       string // from when on it counts
	goal        time.Duration
	robin, alex [2]time.Duration // the longest time without picture, and without sound
	stall       time.Duration    // how long a page itself stood still
	most        time.Duration
}

// table is kept by the tests of the package that measure, and printed at its end.
var table []row

// measured reads what came since the moment, or since watch began, and takes it
// down. What is longer than the goal by more than the machine's own pauses fails.
func (v *visit) measured(r row, from *moment) {
	v.t.Helper()
	if from == nil {
		from, r.since = &moment{}, "always"
	}
	for p, into := range map[*browser.Person]*[2]time.Duration{v.robin: &r.robin, v.alex: &r.alex} {
		start := from.robin
		if p == v.alex {
			start = from.alex
		}
		got := browser.Eval[struct {
			Picture, Sound stream
			Stall          float64
		}](p, "__watch.read()")
		into[0], into[1] = got.Picture.longest(start), got.Sound.longest(start)
		r.stall = max(r.stall, time.Duration(got.Stall*float64(time.Millisecond)))
		if got.Picture.Count < 5 || got.Sound.Count < 5 {
			v.t.Errorf("%s: %s saw %d frames and heard %d sounds", r.what, p.Name, got.Picture.Count, got.Sound.Count)
		}
	}
	r.most = max(slices.Max(r.robin[:]), slices.Max(r.alex[:]))
	table = append(table, r)
	v.t.Log(r)
	// One page has to notice, and the other to send: each may stand still meanwhile.
	if r.most > r.goal+2*r.stall {
		v.t.Errorf("%s: nothing came for %v; the goal is %v, and each page stood still by itself for up to %v", r.what, r.most, r.goal, r.stall)
		for p, at := range map[*browser.Person]float64{v.robin: from.robin, v.alex: from.alex} {
			v.t.Logf("what happened at %s, in ms:\n%s", p.Name, browser.Eval[string](p, fmt.Sprintf("__watch.since(%v || __watch.began)", at)))
		}
	}
}

func (r row) String() string {
	in := func(d time.Duration) string { return fmt.Sprintf("%5d", d.Milliseconds()) }
	return fmt.Sprintf("%-52s %-10s %-8s %s  %s %s  %s %s  %s", r.what, r.by, r.since, in(r.goal), in(r.robin[0]), in(r.robin[1]), in(r.alex[0]), in(r.alex[1]), in(r.stall))
}

// printed is the table so far.
func printed() string {
	var b strings.Builder
	fmt.Fprintf(&b, "\nlongest time without a new frame, and without sound, in ms\n%-52s %-10s %-8s %5s  %11s  %11s  %5s\n", "what breaks", "carried by", "counted", "goal", "therapist", "client", "stall")
	for _, r := range table {
		fmt.Fprintln(&b, r)
	}
	return b.String()
}

// sees waits until both have seen so many new frames since now, on pages that are
// watched.
func (v *visit) sees(frames int) {
	v.t.Helper()
	for _, p := range v.both() {
		if !browser.Eval[bool](p, "__watch.watches()") {
			v.t.Fatalf("nobody watches what %s sees: a test that waits for it waits in vain", p.Name)
		}
		before := browser.Eval[int](p, "__watch.frames()")
		p.WaitFor(fmt.Sprintf("__watch.frames() >= %d", before+frames), browser.Patience)
	}
}

// passes lets time pass: it is what is tested.
func passes(d time.Duration) { time.Sleep(d) }

const (
	noGap = 500 * time.Millisecond // of what never stops: the usual jitter of two browsers on one machine
	back  = 3 * time.Second        // after the network is back, where there was no second path
)
