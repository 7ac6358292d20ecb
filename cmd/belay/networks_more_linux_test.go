package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"belay/cmd/internal/browser"
	"belay/cmd/internal/network"
)

// A server in a cloud knows an address that nobody else does; the relay says the
// one that it was told.
func toARelayBehindNAT(t *testing.T) {
	h := &homes{Street: network.Lay(t), t: t}
	h.visit = &visit{t: t, server: h.serve(h.Rack, network.RackIs, network.RackAt, "-advertise", network.RackAt)}
	h.robin = h.chromium(h.A).Open("robin", browser.Seat{})
	h.alex = h.chromium(h.B).Open("alex", browser.Seat{})
	t.Cleanup(func() { t.Log(printed()) })
	h.arrive()
	for _, one := range ways {
		t.Run("connects/"+one.name, func(t *testing.T) { h.with(t).connects(one) })
	}
	t.Run("the direct path is cut", func(t *testing.T) {
		h := h.with(t)
		h.again()
		h.ready()
		h.watch()
		h.sees(10)
		h.A.Router.Forward(network.To(h.B.Router.Outside), network.From(h.B.Router.Outside))
		h.bridged("relay behind 1:1 NAT: the direct path is cut", "relay-udp")
	})
}

// A visit is longer than the credentials that it began with: when the network
// changes after their end, fresh ones are at hand.
func withCredentialsThatHaveEnded(t *testing.T) {
	h := settle(t, "-turn-credentials", "4s")
	t.Cleanup(func() { t.Log(printed()) })
	h.as(onlyTLS)
	h.again()
	h.watch()
	h.carriedBy("relay-tls")
	passes(12 * time.Second) // three times as long as they last
	h.watch()
	h.sees(10)
	h.measured(row{what: "credentials of 4 s, after 12 s", by: "relay-tls", goal: noGap}, nil)
	for i := range 2 {
		at := h.moment()
		h.B.Move()
		h.returned(fmt.Sprintf("credentials ended, network changed (%d)", i+1), "relay-tls", &at)
		passes(6 * time.Second)
		h.watch()
		h.sees(10)
	}
}

// A practice that exchanges no addresses: nobody's page is ever told where the
// other one is, not even what it could have used.
func withoutLearningAnAddress(t *testing.T) {
	h := &homes{Street: network.Lay(t), t: t}
	h.visit = &visit{t: t, server: h.serve(h.Server, network.ServerAt, network.ServerAt)}
	h.robin = h.chromium(h.A).Open("robin", browser.Seat{})
	h.alex = h.chromium(h.B).Open("alex", browser.Seat{})
	for _, p := range h.both() {
		p.Before(watchJS)
	}
	h.setUp()
	meet := func() {
		h.practise("1")
		h.clientArrives()
		h.therapistJoins()
		act(h.robin, "Admit")
		h.see()
	}
	// What would be seen if it were said: without the setting it is.
	meet()
	h.ready()
	where := map[*browser.Person][]string{h.robin: {h.B.Router.Outside, "192.168.20."}, h.alex: {h.A.Router.Outside, "192.168.10."}}
	for p, all := range where {
		told := browser.Eval[string](p, "__watch.told()")
		for _, address := range all {
			if !strings.Contains(told, address) {
				t.Errorf("%s was not told %s, so that this test can find nothing", p.Name, address)
			}
		}
	}

	h.robin.Goto(h.server.url)
	h.relayOnly()
	h.robin.Goto(h.server.url)
	meet()
	for p, all := range where {
		h.route(p, true, "relay-udp")
		told := browser.Eval[string](p, "__watch.told()")
		if !strings.Contains(told, network.ServerAt) {
			t.Errorf("%s was not told of the relay: %s", p.Name, told)
		}
		for _, address := range all {
			if strings.Contains(told, address) {
				t.Errorf("%s was told %s", p.Name, address)
			}
		}
		if ways := browser.Eval[json.RawMessage](p, "__watch.ways(false)"); string(ways) != "[]" {
			t.Errorf("%s has a direct connection: %s", p.Name, ways)
		}
	}
}

// Two makes of browser, each in either seat, by either rope.
func betweenTwoMakes(t *testing.T) {
	for _, client := range []string{"firefox", "chromium"} {
		t.Run("the client in "+client, func(t *testing.T) {
			h := &homes{Street: network.Lay(t), t: t}
			h.visit = &visit{t: t, server: h.serve(h.Server, network.ServerAt, network.ServerAt)}
			firefox := func(home *network.Home) *browser.Browser {
				return browser.StartFirefox(t, browser.Options{Prefix: home.Device.Prefix(), Dial: home.Device.Dial})
			}
			if client == "firefox" {
				h.robin, h.alex = h.chromium(h.A).Open("robin", browser.Seat{}), firefox(h.B).Open("alex", browser.Seat{})
			} else {
				h.robin, h.alex = firefox(h.A).Open("robin", browser.Seat{}), h.chromium(h.B).Open("alex", browser.Seat{})
			}
			for _, p := range h.both() {
				p.Expect("ICE failed")
			}
			t.Cleanup(func() { t.Log(printed()) })
			h.arrive()
			h.ready()
			h.watch()
			h.sees(10)
			h.A.Router.Forward(network.To(h.B.Router.Outside), network.From(h.B.Router.Outside))
			h.bridged("the direct path is cut, the client in "+client, "relay-udp")

			// Nothing comes from Firefox, and it still gets everything: it takes a while to
			// send by the relay, and can't know by itself that it has to.
			h.A.Router.Forward()
			h.again()
			h.ready()
			h.watch()
			h.sees(10)
			if client == "firefox" {
				h.A.Router.Forward(network.From(h.B.Router.Outside))
			} else {
				h.B.Router.Forward(network.From(h.A.Router.Outside))
			}
			h.bridged("it is cut one way, towards Chromium", "relay-udp")
		})
	}
}
