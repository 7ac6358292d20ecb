package main

import (
	"context"
	"crypto/tls"
	_ "embed"
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"belay/cmd/internal/browser"
	"belay/cmd/internal/network"
)

//go:embed testdata/watch.js
var watchJS string

// homes are a client and a therapist, each at home in a network of their own, and
// a server on the same street. Robin sits in A, Alex in B.
type homes struct {
	*network.Street
	*visit
	t     *testing.T
	alexs *browser.Browser // Alex's
}

// certificates: the server's is its own. Real ones need a name on the internet.
var certificates = map[string]any{"ignore-certificate-errors": true}

func settle(t *testing.T, flags ...string) *homes {
	t.Helper()
	h := &homes{Street: network.Lay(t), t: t}
	h.visit = &visit{t: t, server: h.serve(h.Server, network.ServerAt, network.ServerAt, flags...)}
	h.robin = h.chromium(h.A).Open("robin", browser.Seat{})
	h.alexs = h.chromium(h.B)
	h.alex = h.alexs.Open("alex", browser.Seat{})
	h.arrive()
	return h
}

func (h *homes) chromium(home *network.Home) *browser.Browser {
	return browser.StartChromium(h.t, browser.Options{Prefix: home.Device.Prefix(), Flags: certificates})
}

// serve runs a server at a place of the street: one port, TLS.
func (h *homes) serve(at *network.Place, is, known string, flags ...string) *child {
	h.t.Helper()
	c := &child{t: h.t, url: "https://" + is, prefix: at.Prefix(),
		args: append([]string{"serve", "-listen", is + ":443", "-public-url", "https://" + known, "-tls-self-signed", "-data", filepath.Join(h.t.TempDir(), "data")}, flags...),
		away: &http.Transport{DialContext: at.Dial, DisableKeepAlives: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	c.endsWithTest()
	c.start()
	return c
}

// arrive brings the two together for the first time.
func (h *homes) arrive() {
	h.t.Helper()
	for _, p := range h.both() {
		p.Before(watchJS)
		p.Expect("ERR_") // of what is fetched while a network is broken
		p.Expect("WebSocket connection to")
		p.Expect("beforeunload") // nobody asks to stay on a page that is loaded again
	}
	h.t.Cleanup(h.tells)
	h.setUp()
	h.practise("1")
	h.clientArrives()
	h.therapistJoins()
	act(h.robin, "Admit")
	h.see()
}

// tells logs, where the test has failed, what happened to the connections of each
// page since it was loaded.
func (h *homes) tells() {
	if !h.t.Failed() {
		return
	}
	for _, p := range h.both() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		said, err := p.Page.Evaluate(ctx, "__watch.since(0).split(String.fromCharCode(10))")
		cancel()
		var lines []string
		if err == nil {
			err = json.Unmarshal(said, &lines)
		}
		h.t.Logf("what happened at %s since the page was loaded, in ms (%v):\n%s", p.Name, err, strings.Join(lines, "\n"))
	}
}

func (h *homes) both() []*browser.Person { return []*browser.Person{h.robin, h.alex} }

// again has both load their pages anew: what was before counts for nothing.
func (h *homes) again() {
	h.t.Helper()
	for _, p := range h.both() {
		p.Reload()
	}
	h.see()
}

// route waits until a page has a connection of the kind, and returns its way as the
// screens name it: direct, relay-udp, relay-tcp, relay-tls.
func (h *homes) route(p *browser.Person, relay bool, want string) {
	h.t.Helper()
	const read = `(async () => (await __watch.ways(%v)).map(({by, kind}) => %v ? "relay-" + by : kind === "relay" ? "TURN" : "direct"))()`
	expression := fmt.Sprintf(read, relay, relay)
	p.WaitFor(fmt.Sprintf(`(async () => { const all = await %s; return all.length > 0 && all.every((one) => one === %s); })()`, expression, quoted(want)), browser.Patience)
}

// ready waits until both ropes are there, and the relay's rests.
func (h *homes) ready() {
	h.t.Helper()
	for _, p := range h.both() {
		h.route(p, false, "direct")
		p.WaitFor(`(async () => {
			if (!(await __watch.ways(true)).length) return false;
			const before = await __watch.sent(true);
			await new Promise((done) => setTimeout(done, 500));
			return before > 0 && (await __watch.sent(true)) === before;
		})()`, browser.Patience)
	}
}

// watch begins to measure what both see and hear of each other.
func (h *homes) watch() {
	browser.Eval[float64](h.robin, "__watch.begin("+quoted(clientAtTherapist)+")")
	browser.Eval[float64](h.alex, "__watch.begin("+quoted(therapistAtClient)+")")
}

// moment is a point in time, as each page's clock has it.
type moment struct{ robin, alex float64 }

func (h *homes) moment() moment {
	return moment{browser.Eval[float64](h.robin, "__watch.now()"), browser.Eval[float64](h.alex, "__watch.now()")}
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
func (h *homes) measured(r row, from *moment) {
	h.t.Helper()
	if from == nil {
		from, r.since = &moment{}, "always"
	}
	for p, into := range map[*browser.Person]*[2]time.Duration{h.robin: &r.robin, h.alex: &r.alex} {
		start := from.robin
		if p == h.alex {
			start = from.alex
		}
		got := browser.Eval[struct {
			Picture, Sound stream
			Stall          float64
		}](p, "__watch.read()")
		into[0], into[1] = got.Picture.longest(start), got.Sound.longest(start)
		r.stall = max(r.stall, time.Duration(got.Stall*float64(time.Millisecond)))
		if got.Picture.Count < 5 || got.Sound.Count < 5 {
			h.t.Errorf("%s: %s saw %d frames and heard %d sounds", r.what, p.Name, got.Picture.Count, got.Sound.Count)
		}
	}
	r.most = max(slices.Max(r.robin[:]), slices.Max(r.alex[:]))
	table = append(table, r)
	h.t.Log(r)
	// One page has to notice, and the other to send: each may stand still meanwhile.
	if r.most > r.goal+2*r.stall {
		h.t.Errorf("%s: nothing came for %v; the goal is %v, and each page stood still by itself for up to %v", r.what, r.most, r.goal, r.stall)
		for p, at := range map[*browser.Person]float64{h.robin: from.robin, h.alex: from.alex} {
			h.t.Logf("what happened at %s, in ms:\n%s", p.Name, browser.Eval[string](p, fmt.Sprintf("__watch.since(%v || __watch.began)", at)))
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
func (h *homes) sees(frames int) {
	h.t.Helper()
	for _, p := range h.both() {
		if !browser.Eval[bool](p, "__watch.watches()") {
			h.t.Fatalf("nobody watches what %s sees: a test that waits for it waits in vain", p.Name)
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

// with is the same street for a subtest.
func (h *homes) with(t *testing.T) *homes {
	v := *h.visit
	v.t, v.robin, v.alex = t, h.robin.With(t), h.alex.With(t)
	return &homes{Street: h.Street, visit: &v, t: t, alexs: h.alexs}
}
