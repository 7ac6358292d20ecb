package main

import (
	"net"
	"testing"
	"time"

	"belay/cmd/internal/browser"
	"belay/signaling/protocol"
	"belay/signaling/relay"
)

// rope is a page's connection to a relay, of the page's own modules, without a visit
// around it: the test carries offers and answers. In the page __begin makes __rope, and
// the __way that it goes by.
type rope struct {
	t       *testing.T
	relay   *relay.Relay
	udp     *net.UDPAddr // of the relay
	page    *browser.Person
	answers chan string
}

const (
	ropeVisit = "visit-1"
	ropePage  = protocol.PeerID("a-page-of-the-client")
)

// openRope starts a relay over UDP, and over TCP too where that is wanted, and the page.
func openRope(t *testing.T, tcp bool) *rope {
	t.Helper()
	v := &rope{t: t, answers: make(chan string, 1)}
	options := relay.Options{Say: func(_ string, _ protocol.PeerID, message any) {
		if m, ok := message.(protocol.Answer); ok {
			v.answers <- m.SDP
		}
	}}
	here := net.IPv4(127, 0, 0, 1)
	socket, err := net.ListenUDP("udp4", &net.UDPAddr{IP: here})
	if err != nil {
		t.Fatal(err)
	}
	options.UDP, v.udp = socket, socket.LocalAddr().(*net.UDPAddr)
	if tcp {
		if options.TCP, err = net.ListenTCP("tcp4", &net.TCPAddr{IP: here}); err != nil {
			t.Fatal(err)
		}
	}
	if v.relay, err = relay.New(options); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { v.relay.Close() })
	if err := v.relay.Open(ropeVisit, true); err != nil {
		t.Fatal(err)
	}
	v.relay.SetMembers(ropeVisit, map[protocol.PeerID]relay.Member{ropePage: {Seat: "client-1"}})

	v.page = browser.StartChromium(t, browser.Options{}).Open("alex", browser.Seat{})
	v.page.Goto(modules(t, ""))
	browser.Eval[bool](v.page, `(async () => {
		const { createPeer } = await import("/peer.js");
		const { createWay } = await import("/way.js");
		`+camera+`
		const [track] = camera.getVideoTracks();
		globalThis.__begin = () => {
			globalThis.__offers = [];
			globalThis.__way = createWay();
			globalThis.__rope = createPeer({
				id: "relay", offers: true, way: __way, sends: true, iceServers: () => [], reachable: () => true,
				send: (type, body) => (type === "offer" && __offers.push(body.sdp), true),
				track: (kind) => (kind === "video" ? track : null), onTrack() {}, onState() {},
			});
		};
		return true;
	})()`)
	return v
}

// answer takes the page's next offer to the relay, and the answer back, through what a
// network makes of it; nil: nothing.
func (v *rope) answer(through func(sdp string) string) {
	v.t.Helper()
	v.page.WaitFor("__offers.length > 0", browser.Patience)
	v.relay.Receive(ropeVisit, ropePage, &protocol.Offer{SDP: browser.Eval[string](v.page, "__offers.shift()")})
	select {
	case sdp := <-v.answers:
		if through != nil {
			sdp = through(sdp)
		}
		browser.Eval[bool](v.page, `(__rope.signal("answer", { sdp: `+quoted(sdp)+` }), true)`)
	case <-time.After(browser.Patience):
		v.t.Fatal("the relay did not answer")
	}
}
