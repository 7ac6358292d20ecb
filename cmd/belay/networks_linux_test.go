package main

import (
	"crypto/tls"
	"fmt"
	"net/http"
	"path/filepath"
	"testing"

	"belay/cmd/internal/browser"
	"belay/cmd/internal/network"
)

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

// with is the same street for a subtest.
func (h *homes) with(t *testing.T) *homes {
	v := *h.visit
	v.t, v.robin, v.alex = t, h.robin.With(t), h.alex.With(t)
	return &homes{Street: h.Street, visit: &v, t: t, alexs: h.alexs}
}
