package main

import (
	"net"
	"regexp"
	"testing"
	"time"

	"belay/cmd/internal/browser"
	"belay/signaling/protocol"
	"belay/signaling/relay"
)

// A page that has lost the relay twice over UDP keeps to TLS for the rest of the
// visit. One whose relay went by TCP, or by TLS already, has learnt nothing of UDP by
// losing it: its next connection tries everything.
func TestOnlyWhatFailsOverUDPKeepsAPageFromUDP(t *testing.T) {
	t.Parallel()
	udp, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	tcp, err := net.ListenTCP("tcp4", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	answers := make(chan string, 1)
	r, err := relay.New(relay.Options{UDP: udp, TCP: tcp, Say: func(_ string, _ protocol.PeerID, message any) {
		if m, ok := message.(protocol.Answer); ok {
			answers <- m.SDP
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	const visit, page = "visit-1", protocol.PeerID("a-page-of-the-client")
	if err := r.Open(visit, true); err != nil {
		t.Fatal(err)
	}
	r.SetMembers(visit, map[protocol.PeerID]relay.Member{page: {Seat: "client-1"}})

	p := browser.StartChromium(t, browser.Options{}).Open("alex", browser.Seat{})
	p.Goto(modules(t, ""))
	browser.Eval[bool](p, `(async () => {
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
	shut := regexp.MustCompile(`(?im)^a=candidate:\S+ \d+ udp .*\r?\n`) // UDP leads nowhere in this network
	connects := func(open bool) {
		t.Helper()
		p.WaitFor("__offers.length > 0", browser.Patience)
		r.Receive(visit, page, &protocol.Offer{SDP: browser.Eval[string](p, "__offers.shift()")})
		select {
		case sdp := <-answers:
			if !open {
				sdp = shut.ReplaceAllString(sdp, "")
			}
			browser.Eval[bool](p, `(__rope.signal("answer", { sdp: `+quoted(sdp)+` }), true)`)
		case <-time.After(browser.Patience):
			t.Fatal("the relay did not answer")
		}
		p.WaitFor(`__rope.state() === "connected"`, browser.Patience)
		p.WaitFor(`__rope.stats().then((report) => [...report.values()].some((one) => one.type === "candidate-pair" && one.nominated))`, browser.Patience)
	}
	for _, c := range []struct {
		what   string
		open   bool
		narrow bool
	}{{"TCP", false, false}, {"UDP", true, true}} {
		browser.Eval[bool](p, `(__begin(), true)`)
		for range 3 {
			connects(c.open)
			browser.Eval[bool](p, `(__rope.failed(true), true)`) // nothing comes by it any more
		}
		if got := browser.Eval[bool](p, `(__rope.close(), __way.narrow())`); got != c.narrow {
			t.Errorf("three connections over %s have died: the page leaves UDP out: %v", c.what, got)
		}
	}
}
