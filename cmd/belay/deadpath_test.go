package main

import (
	"encoding/json"
	"fmt"
	"net"
	"regexp"
	"sync"
	"testing"
	"time"

	"belay/cmd/internal/browser"
	"belay/signaling/protocol"
	"belay/signaling/relay"
)

// Two people see each other by the relay alone, and then nothing comes of it any more
// although the server answers: the path is dead, and whoever is on it begins a new
// connection. A restart of the old one would stay on UDP for seconds.
func TestADeadPathToTheRelayIsBuiltAnew(t *testing.T) {
	oneAtATime(t)
	socket, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	type said struct {
		To    protocol.PeerID `json:"to"`
		Frame json.RawMessage `json:"frame"`
	}
	var mu sync.Mutex
	var says []said // of the relay
	var way *street
	r, err := relay.New(relay.Options{UDP: socket, Say: func(_ string, to protocol.PeerID, message any) {
		if answer, ok := message.(protocol.Answer); ok {
			answer.SDP = way.through(answer.SDP)
			message = answer
		}
		frame, err := protocol.Encode(message)
		mu.Lock()
		defer mu.Unlock()
		if err == nil {
			says = append(says, said{to, frame})
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	if err := r.Open(ropeVisit, true); err != nil {
		t.Fatal(err)
	}
	r.SetMembers(ropeVisit, map[protocol.PeerID]relay.Member{
		"page-of-alex": {Seat: "client-1", Sees: []protocol.PeerID{"page-of-robin"}}, "page-of-robin": {Seat: "therapist-1", Sees: []protocol.PeerID{"page-of-alex"}}})
	way = layStreet(t, socket.LocalAddr().(*net.UDPAddr))

	p := browser.StartChromium(t, browser.Options{}).Open("both", browser.Seat{})
	p.Goto(modules(t, ""))
	browser.Eval[bool](p, fmt.Sprintf(`(async () => {
		const { createCall } = await import("/call.js");
		%s
		const [track] = camera.getVideoTracks();
		globalThis.__out = [];
		globalThis.__people = {};
		const sits = (peer, other, seat, role) => {
			const on = {};
			const call = createCall({
				connection: {
					on: (event, f) => ((on[event] = f), () => {}), state: () => ({ name: "open" }), doubt: (well) => void well?.(),
					send: (type, body) => (body.to === other ? __people[other].on.signal(type, { ...body, from: peer }) : __out.push({ from: peer, type, body }), true),
				},
				sends: true, track: (kind) => (kind === "video" ? track : null), onStream() {}, onGone() {}, onDirect() {}, onReport() {},
			});
			__people[peer] = { on, call };
			setInterval(() => call.look(), 100);
			setInterval(() => call.tick(), 1000);
			on.peers([{ peer: %q, seat: "relay", role: "relay", offer: true, video: true }, { peer: other, seat, role, offer: false, video: false }], []);
		};
		sits("page-of-alex", "page-of-robin", "therapist-1", "therapist");
		sits("page-of-robin", "page-of-alex", "client-1", "client");
		globalThis.__heard = (all) => {
			for (const { to, frame: { type, body } } of all) {
				const { on } = __people[to];
				if (type === "slots") on.slots(body);
				else on.signal(type, body);
			}
			return __out.splice(0);
		};
		return true;
	})()`, camera, r.ID(ropeVisit)))

	// carries takes what has been said to whom it is meant for, and returns the offers.
	carries := func() (offers []string) {
		t.Helper()
		mu.Lock()
		all := append([]said{}, says...)
		says = nil
		mu.Unlock()
		heard, err := json.Marshal(all)
		if err != nil {
			t.Fatal(err)
		}
		for _, one := range browser.Eval[[]struct {
			From protocol.PeerID
			Type string
			Body struct{ SDP string }
		}](p, fmt.Sprintf("__heard(%s)", heard)) {
			if one.Type == "offer" {
				offers = append(offers, one.Body.SDP)
				r.Receive(ropeVisit, one.From, &protocol.Offer{SDP: one.Body.SDP})
			}
		}
		return offers
	}
	until := func(what string, so func() bool) {
		t.Helper()
		for end := time.Now().Add(browser.Patience); !so(); time.Sleep(50 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("waiting for %s", what)
			}
		}
	}
	certificate := regexp.MustCompile(`(?m)^a=fingerprint:(.*?)\r?$`)
	known := map[string]bool{}
	until("both to see each other", func() bool {
		for _, sdp := range carries() {
			known[certificate.FindString(sdp)] = true
		}
		return browser.Eval[bool](p, `Object.values(__people).every(({ call }) => call.seen().some(({ frame_age, route }) => frame_age >= 0 && frame_age < 0.5 && route === "relay-udp"))`)
	})
	for end := time.Now().Add(3 * time.Second); time.Now().Before(end); time.Sleep(100 * time.Millisecond) { // it reports once a second
		carries()
	}
	way.shut.Store(true)
	began := time.Now()
	var first []string
	until("an offer", func() bool { first = carries(); return len(first) > 0 })
	t.Logf("the first offer came %v after the path died", time.Since(began).Round(10*time.Millisecond))
	for _, sdp := range first {
		if known[certificate.FindString(sdp)] {
			t.Error("the connection on the dead path was restarted")
		}
	}
}
