package main

import (
	"fmt"
	"net"
	"testing"
	"time"

	"belay/cmd/internal/browser"
	"belay/signaling/protocol"
	"belay/signaling/relay"
)

// A rope that rests is asked for while its path is being made anew: the offer says
// that the picture is paused, and the answer comes when it no longer is. A browser
// took the answer's word for it, and sent no picture until somebody paused it and
// asked again.
func TestAPictureThatGoesOnWhileARestartIsOnItsWayGoesOn(t *testing.T) {
	t.Parallel()
	udp, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	answers := make(chan string, 1)
	r, err := relay.New(relay.Options{UDP: udp, Say: func(_ string, _ protocol.PeerID, message any) {
		if m, ok := message.(protocol.Answer); ok {
			answers <- m.SDP
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })

	p := browser.StartChromium(t, browser.Options{}).Open("alex", browser.Seat{})
	p.Goto(modules(t, ""))
	const visit, page = "visit-1", protocol.PeerID("a-page-of-the-client")
	if err := r.Open(visit, true); err != nil {
		t.Fatal(err)
	}
	r.SetMembers(visit, map[protocol.PeerID]relay.Member{page: {Seat: "client-1"}})
	browser.Eval[bool](p, `(async () => {
		const { createPeer } = await import("/peer.js");
		const { createWay } = await import("/way.js");
		`+camera+`
		const [track] = camera.getVideoTracks();
		globalThis.__offers = [];
		globalThis.__rope = createPeer({
			id: "relay", offers: true, way: createWay(), sends: true, iceServers: () => [], reachable: () => true,
			send: (type, body) => (type === "offer" && __offers.push(body.sdp), true),
			track: (kind) => (kind === "video" ? track : null), onTrack() {}, onState() {},
		});
		return true;
	})()`)
	answered := func() {
		t.Helper()
		p.WaitFor("__offers.length > 0", browser.Patience)
		r.Receive(visit, page, &protocol.Offer{SDP: browser.Eval[string](p, "__offers.shift()")})
		select {
		case sdp := <-answers:
			browser.Eval[bool](p, fmt.Sprintf(`(__rope.signal("answer", { sdp: %s }), true)`, quoted(sdp)))
		case <-time.After(browser.Patience):
			t.Fatal("the relay did not answer")
		}
	}
	comes := func(what string, want bool) {
		t.Helper()
		for end := time.Now().Add(15 * time.Second); ; time.Sleep(20 * time.Millisecond) {
			age := r.Heard(visit)[page].FrameAge
			if is := age >= 0 && age < 1500*time.Millisecond; is == want {
				return
			}
			if time.Now().After(end) {
				t.Fatalf("%s: the last frame that reached the relay is %v old", what, age)
			}
		}
	}
	answered()
	comes("at first", true)
	for range 2 {
		browser.Eval[bool](p, `(__rope.pay("paused"), true)`)
		comes("while it rests", false)
		browser.Eval[bool](p, `(__rope.moved(), __rope.pay("full"), true)`)
		answered()
		passes(2 * time.Second) // some frames may leave before the answer comes
		comes("when it was asked for", true)
		browser.Eval[bool](p, `(__rope.moved(), __rope.pay("paused"), true)`)
		answered()
		comes("when it was let rest", false)
		browser.Eval[bool](p, `(__rope.pay("full"), true)`)
		comes("after that", true)
	}
}
