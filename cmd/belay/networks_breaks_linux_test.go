package main

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"belay/cmd/internal/browser"
	"belay/cmd/internal/network"
)

// TestThroughAnyNetwork is a client and a therapist in real browsers, each in a
// network of their own, and a real server: first that any networks connect, by the
// best way there is and without anybody setting anything; then what each of them
// sees and hears of whatever breaks. It prints one table. BELAY_LONG=1 breaks
// everything, else what is quick.
func TestThroughAnyNetwork(t *testing.T) {
	t.Run("from home", fromHome)
	if os.Getenv("BELAY_LONG") == "" {
		return
	}
	t.Run("to a relay behind NAT", toARelayBehindNAT)
	t.Run("with credentials that have ended", withCredentialsThatHaveEnded)
	t.Run("without learning an address", withoutLearningAnAddress)
	t.Run("between two makes", betweenTwoMakes)
}

func fromHome(t *testing.T) {
	h := settle(t)
	t.Cleanup(func() { t.Log(printed()) })
	for _, one := range ways {
		t.Run("connects/"+one.name, func(t *testing.T) { h.with(t).connects(one) })
	}
	for _, one := range breaks {
		if !one.quick && os.Getenv("BELAY_LONG") == "" {
			continue
		}
		t.Run("breaks/"+one.name, func(t *testing.T) {
			h := h.with(t)
			h.as(one.way)
			defer h.as(cones)
			h.again()
			h.begins(one.way)
			h.watch()
			h.sees(10)
			one.do(h)
		})
	}
}

// networks is how both homes are connected, and by what they should meet.
type networks struct {
	name   string
	kind   network.Kind
	rules  []string
	direct bool
	relay  string
}

var (
	cones     = networks{"cone NAT on both sides", network.Cone, nil, true, "relay-udp"}
	symmetric = networks{"symmetric NAT on both sides", network.Symmetric, nil, false, "relay-udp"}
	noUDP     = networks{"no UDP", network.Cone, []string{network.NoUDP}, false, "relay-tcp"}
	onlyTLS   = networks{"TLS on one TCP port and nothing else", network.Cone, []string{network.OnlyTLS}, false, "relay-tls"}
	ways      = []networks{cones, symmetric, noUDP, onlyTLS}
)

// as makes both homes' networks such.
func (h *homes) as(n networks) {
	h.t.Helper()
	for _, home := range []*network.Home{h.A, h.B} {
		for _, r := range []*network.Router{home.Router, home.Other} {
			r.NAT(n.kind)
			r.Forward(n.rules...)
		}
	}
}

func (h *homes) connects(n networks) {
	h.t.Helper()
	h.as(n)
	defer h.as(cones)
	began := time.Now()
	h.again()
	h.t.Logf("both see each other %.1f s after they began to load the page", time.Since(began).Seconds())
	words := "relayed"
	if n.direct {
		words = "Alex: direct"
	}
	for _, p := range h.both() {
		h.route(p, true, n.relay)
		if n.direct {
			h.route(p, false, "direct")
		}
	}
	says(h.robin, `[data-testid="connection"]`, words)
}

// begins waits until both are connected as such networks let them be: a path that is
// not in use yet is broken without anybody losing anything.
func (h *homes) begins(n networks) {
	h.t.Helper()
	if n.direct {
		h.ready()
		return
	}
	for _, p := range h.both() {
		h.route(p, true, n.relay)
	}
}

// breaks are what can happen to a visit. Each begins with both in such networks, on
// pages that were loaded just now, and may leave the networks as it likes.
var breaks = []struct {
	name  string
	quick bool
	way   networks
	do    func(h *homes)
}{
	{"the direct path is cut", true, cones, func(h *homes) {
		h.A.Router.Forward(network.To(h.B.Router.Outside), network.From(h.B.Router.Outside))
		h.bridged("the direct path is cut", "relay-udp")
	}},
	{"the direct path is cut one way", false, cones, func(h *homes) {
		h.A.Router.Forward(network.From(h.B.Router.Outside))
		h.bridged("the direct path is cut one way", "relay-udp")
	}},
	{"the server is killed, direct carries", false, cones, func(h *homes) {
		h.server.kill()
		h.sees(60)
		h.measured(row{what: "the server is killed, direct carries", by: "direct", goal: noGap}, nil)
		h.watch()
		h.server.start()
		for _, p := range h.both() {
			h.route(p, true, "relay-udp")
		}
		h.ready()
		h.measured(row{what: "the server is back, the relay's rope re-made", by: "direct", goal: noGap}, nil)
	}},
	{"the relay's rope is torn, direct carries", false, cones, func(h *homes) {
		for _, p := range h.both() {
			browser.Eval[bool](p, "__watch.cut(true)")
		}
		h.ready()
		h.measured(row{what: "the relay's rope is torn, direct carries", by: "direct", goal: noGap}, nil)
	}},
	{"the server is killed and restarted, the relay carries", false, symmetric, func(h *homes) {
		h.server.kill()
		passes(3 * time.Second)
		h.server.start()
		h.returned("the server is killed and restarted, the relay carries", "relay-udp", nil)
	}},
	{"the client moves to another network", false, cones, func(h *homes) {
		at := h.moment()
		h.B.Move()
		defer h.B.Move()
		h.returned("the client moves to another network", "direct", &at)
	}},
	{"the client moves to another network, the relay carries", false, symmetric, func(h *homes) {
		at := h.moment()
		h.B.Move()
		defer h.B.Move()
		h.returned("the client moves to another network, the relay carries", "relay-udp", &at)
	}},
	{"the client moves to another network unseen", false, cones, func(h *homes) {
		at := h.movesUnseen()
		defer h.B.Move()
		h.returned("the client moves, and the browser sees nothing of it", "any", &at)
		h.sawNothing(at)
	}},
	{"the client moves to another network unseen, the relay carries", false, symmetric, func(h *homes) {
		at := h.movesUnseen()
		defer h.B.Move()
		h.returned("the same, the relay carries", "relay-udp", &at)
		h.sawNothing(at)
	}},
	{"20 s without any network", false, cones, func(h *homes) {
		h.B.Router.Forward(network.Nothing)
		passes(20 * time.Second)
		at := h.moment()
		h.B.Router.Forward()
		h.returned("the client has no network for 20 s", "any", &at)
	}},
	{"20 s without any network, the relay carries", false, symmetric, func(h *homes) {
		h.B.Router.Forward(network.Nothing)
		passes(20 * time.Second)
		at := h.moment()
		h.B.Router.Forward()
		h.returned("the client has no network for 20 s, the relay carries", "relay-udp", &at)
	}},
	{"10 s in which nothing reaches the client", false, cones, func(h *homes) {
		h.B.Router.Forward(`iifname "out" drop`)
		passes(10 * time.Second)
		at := h.moment()
		h.B.Router.Forward()
		h.returned("nothing reaches the client for 10 s", "any", &at)
	}},
	{"5 % loss at 400 kbit/s", false, cones, func(h *homes) {
		h.B.Router.Rate(400)
		defer h.B.Router.Rate(0)
		h.B.Router.Forward(network.Loss(5))
		passes(25 * time.Second)
		h.measured(row{what: "5 % loss at 400 kbit/s for 25 s", by: "any", goal: bridgedWithin}, nil)
	}},
	{"UDP is shut, the relay carries", false, symmetric, func(h *homes) {
		h.B.Router.Forward(network.NoUDP)
		h.bridged("UDP is shut, the relay carries", "relay-tcp")
	}},
	{"nothing that the client sends by UDP arrives", false, symmetric, func(h *homes) {
		h.B.Router.Forward(`oifname "out" meta l4proto udp drop`)
		h.bridged("nothing that the client sends by UDP arrives", "relay-tcp")
	}},
	{"UDP fails twice in a minute", false, symmetric, func(h *homes) {
		h.B.Router.Forward(network.NoUDP)
		h.bridged("UDP fails once", "relay-tcp")
		h.B.Router.Forward()
		h.watch()
		at := h.moment()
		h.B.Move()
		h.returned("UDP is open in another network", "relay-udp", &at)
		h.B.Other.Forward(network.NoUDP)
		h.watch()
		h.bridged("and fails there within a minute", "relay-tls")
		// It keeps to TLS, also where UDP is open again.
		h.watch()
		at = h.moment()
		h.B.Move()
		h.returned("UDP is open again in the first network: still TLS", "relay-tls", &at)
	}},
}

// movesUnseen takes the client to another network while their browser does not look: one
// address has gone and another is there, and nobody has said so to the page.
func (h *homes) movesUnseen() moment {
	h.t.Helper()
	at := h.moment()
	h.alexs.Unseen(func() {
		h.B.Move()
		passes(30 * time.Millisecond)
	})
	return at
}

// sawNothing says where the client's browser has seen a move after all.
func (h *homes) sawNothing(at moment) {
	h.t.Helper()
	for line := range strings.Lines(browser.Eval[string](h.alex, fmt.Sprintf("__watch.since(%v)", at.alex))) {
		if strings.Contains(line, "another network") || strings.Contains(line, "online") || strings.Contains(line, "offline") {
			h.t.Errorf("the browser has seen the move: %s", line)
		}
	}
}

// bridged waits until the client's page carries on by a way, and takes down what
// was missed: there was a second path.
func (h *homes) bridged(what, by string) {
	h.t.Helper()
	h.carriedBy(by)
	h.measured(row{what: what, by: by, goal: bridgedWithin}, nil)
}

// returned is the same where there was none: what was missed counts from the moment
// at which the network is back; nil: from now.
func (h *homes) returned(what, by string, at *moment) {
	h.t.Helper()
	if at == nil {
		now := h.moment()
		at = &now
	}
	h.carriedBy(by)
	h.measured(row{what: what, by: by, since: "after", goal: back}, at)
}

// carriedBy waits until both see and hear each other by a way of the client's, for
// long enough that a picture that stops again would be noticed.
func (h *homes) carriedBy(by string) {
	h.t.Helper()
	switch {
	case by == "direct":
		h.route(h.alex, false, by)
	case strings.HasPrefix(by, "relay"):
		h.route(h.alex, true, by)
	}
	h.sees(30)
	passes(2 * time.Second)
	h.sees(10)
}
