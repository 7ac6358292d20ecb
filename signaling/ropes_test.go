package signaling_test

import (
	"net"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"

	"belay/session"
	"belay/signaling"
	"belay/signaling/protocol"
	"belay/signaling/relay"
)

// openRelayed is a server with a relay, in real time: media needs real sockets.
func openRelayed(t *testing.T, rooms int) *house {
	h := &house{t: t, path: filepath.Join(t.TempDir(), "log"), change: func(o *signaling.Options) {
		udp, err := net.ListenPacket("udp4", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		o.Relay = &relay.Options{UDP: udp, MaxRooms: rooms}
	}}
	h.start()
	t.Cleanup(h.stop)
	h.create(visit)
	return h
}

// comeRelayed connects a page that knows the relay.
func (h *house) comeRelayed(seat session.SeatID) *page {
	h.t.Helper()
	p := h.arrive(visit, seat)
	p.peer = peerOf(visit, seat)
	p.send(protocol.Hello{Peer: p.peer, Media: true, Relay: true})
	go p.pulse()
	p.await("peers", func(m any) bool { _, ok := m.(*protocol.Peers); return ok })
	return p
}

// lists waits for a list of peers, told as "seat offer video".
func (p *page) lists(want ...string) *protocol.Peers {
	p.t.Helper()
	slices.Sort(want)
	var found *protocol.Peers
	end := time.Now().Add(20 * time.Second)
	for ; time.Now().Before(end); time.Sleep(2 * time.Millisecond) {
		found = last[protocol.Peers](p)
		got := []string{}
		for _, one := range found.Peers {
			line := one.Seat
			if one.Offer {
				line += " offer"
			}
			if one.Video {
				line += " video"
			}
			got = append(got, line)
		}
		if slices.Sort(got); slices.Equal(got, want) {
			return found
		}
	}
	p.t.Fatalf("%s: peers are %+v, not %q", p.peer, found, want)
	return nil
}

func relayIn(m *protocol.Peers) protocol.PeerID {
	for _, one := range m.Peers {
		if one.Role == "relay" {
			return one.Peer
		}
	}
	return ""
}

func TestAPageThatDoesNotKnowTheRelayNeverHearsOfIt(t *testing.T) {
	h := openRelayed(t, 0)
	old, client := h.come("therapist-1"), h.comeRelayed("client-1")
	old.lists("client-1 video")
	client.lists("therapist-1 offer video")
	client.send(protocol.Offer{To: "relay-visit-1-00000000", SDP: "v=0"})
	client.await("that nobody is there", func(m any) bool { u, ok := m.(*protocol.Undelivered); return ok && u.Type == "offer" })
	third := h.comeRelayed("co-therapist-1")
	third.lists("client-1", "relay offer video", "therapist-1 offer video") // two of three know it: those have it alone
	old.lists("client-1 video", "co-therapist-1 video")
}

func TestTwoPagesHaveTwoRopesAndThreeOne(t *testing.T) {
	h := openRelayed(t, 0)
	therapist, client := h.comeRelayed("therapist-1"), h.comeRelayed("client-1")
	therapist.lists("client-1 video", "relay offer video")
	client.lists("relay offer video", "therapist-1 offer video")
	third := h.comeRelayed("co-therapist-1")
	therapist.lists("client-1", "co-therapist-1", "relay offer video")
	client.lists("co-therapist-1", "relay offer video", "therapist-1")
	third.lists("client-1", "relay offer video", "therapist-1")

	// What would tell an address does not pass any more; which rope, does.
	client.send(protocol.Candidate{To: therapist.peer, Candidate: "candidate:1 1 udp 1 192.0.2.1 9 typ host"})
	client.await("a refusal", func(m any) bool { u, ok := m.(*protocol.Undelivered); return ok && u.Type == "candidate" })
	if got := all[protocol.Candidate](therapist); len(got) != 0 {
		t.Errorf("a candidate came through: %+v", got[0])
	}
	client.send(protocol.Rope{To: therapist.peer, Want: "relay"})
	rope := therapist.await("a rope", func(m any) bool { _, ok := m.(*protocol.Rope); return ok }).(*protocol.Rope)
	if rope.From != client.peer || rope.To != "" || rope.Want != "relay" {
		t.Errorf("the therapist got %+v", rope)
	}
	third.ws.Close()
	<-third.done
	h.comeRelayed("co-therapist-1").leave()
	client.lists("relay offer video", "therapist-1 offer video")
}

// leave closes the page as a tab that is closed does.
func (p *page) leave() {
	p.mu.Lock()
	p.ws.WriteMessage(8, []byte{3, 233}) // 1001
	p.mu.Unlock()
	<-p.done
}

func TestAPracticeThatWantsNoAddressesHasTheRelayAlone(t *testing.T) {
	h := openRelayed(t, 0)
	settings := session.DefaultSettings()
	settings.LicensedStates, settings.RelayOnly = []string{"OR"}, true
	now := time.Now()
	err := h.live.Create(t.Context(), "quiet", session.Command{ID: "create", Seat: session.Server, Do: session.CreateSession{
		ID: "quiet", Owner: "account-1", StartsAt: now.Add(10 * time.Minute), Settings: settings, Pace: session.Pace{Epoch: now, Rate: 1},
		Seats:  []session.Seat{{ID: "therapist-1", Role: session.Therapist, Name: "Dana"}, {ID: "co-therapist-1", Role: session.CoTherapist, Name: "Kim"}, {ID: "client-1", Role: session.Client, Name: "Alex"}},
		Orders: map[session.SeatID]session.Order{"client-1": {Product: "ketamine troche", DoseMg: 100, Tablets: 1, TotalMg: 150, Number: 1, Of: 6}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	come := func(seat session.SeatID, knows bool) *page {
		p := h.arrive("quiet", seat)
		p.peer = peerOf("quiet", seat)
		p.send(protocol.Hello{Peer: p.peer, Media: true, Relay: knows})
		p.await("peers", func(m any) bool { _, ok := m.(*protocol.Peers); return ok })
		return p
	}
	a, b := come("therapist-1", true), come("co-therapist-1", true)
	a.lists("co-therapist-1", "relay offer video")
	b.lists("therapist-1", "relay offer video")
	for _, kind := range []any{protocol.Offer{To: a.peer, SDP: "v=0"}, protocol.Candidate{To: a.peer, Candidate: "candidate:1"}, protocol.Answer{To: a.peer, SDP: "v=0"}} {
		b.send(kind)
	}
	refused := 0
	b.await("three refusals", func(m any) bool {
		if _, ok := m.(*protocol.Undelivered); ok {
			refused++
		}
		return refused == 3
	})
	if len(all[protocol.Offer](a))+len(all[protocol.Answer](a))+len(all[protocol.Candidate](a)) != 0 {
		t.Error("something that tells an address came through")
	}
}

func TestAVisitWithoutAPlaceIsToldSoBeforeItBegins(t *testing.T) {
	h := openRelayed(t, 1)
	h.create("visit-2")
	// visit-2's client has been admitted: it has begun, and has its place above the number.
	h.comeRelayed("client-1")
	h.comeAs("visit-2", "client-1", peerOf("visit-2", "client-1"))
	fresh := time.Now()
	settings := session.DefaultSettings()
	settings.LicensedStates = []string{"OR"}
	if err := h.live.Create(t.Context(), "visit-3", session.Command{ID: "create", Seat: session.Server, Do: session.CreateSession{
		ID: "visit-3", Owner: "account-1", StartsAt: fresh.Add(10 * time.Minute), Settings: settings, Pace: session.Pace{Epoch: fresh, Rate: 1},
		Seats:  []session.Seat{{ID: "therapist-1", Role: session.Therapist, Name: "Dana"}, {ID: "client-1", Role: session.Client, Name: "Alex"}},
		Orders: map[session.SeatID]session.Order{"client-1": {Product: "ketamine troche", DoseMg: 100, Tablets: 1, TotalMg: 150, Number: 1, Of: 6}},
	}}); err != nil {
		t.Fatal(err)
	}
	p := h.arrive("visit-3", "therapist-1")
	p.peer = peerOf("visit-3", "therapist-1")
	p.send(protocol.Hello{Peer: p.peer, Media: true, Relay: true})
	p.wantClosed(protocol.CloseFull)
}

// The whole way: offer over the socket, answer and slots from the relay, a
// connection; and again after a restart of the server, under another name.
func TestTheRelayAnswersOverTheSocketAndAgainAfterARestart(t *testing.T) {
	h := openRelayed(t, 0)
	therapist, client := h.comeRelayed("therapist-1"), h.comeRelayed("client-1")
	first := relayIn(client.lists("relay offer video", "therapist-1 offer video"))
	connect(t, client, first)
	slots := client.await("slots", func(m any) bool { s, ok := m.(*protocol.Slots); return ok && len(s.Slots) == 1 }).(*protocol.Slots)
	if want := (protocol.Slot{Slot: 0, Seat: "therapist-1", Peer: therapist.peer}); slots.Peer != first || slots.Slots[0] != want {
		t.Errorf("slots are %+v", slots)
	}
	h.end(false)
	h.start()
	again := h.comeRelayed("client-1") // the same page: the same peer id
	second := relayIn(again.lists("relay offer video", "therapist-1 offer video"))
	if second == first {
		t.Error("the relay of the new process has the name of the old one")
	}
	connect(t, again, second)
}

// connect builds a connection to the relay as a page does.
func connect(t *testing.T, p *page, to protocol.PeerID) {
	t.Helper()
	var set webrtc.SettingEngine
	set.SetIncludeLoopbackCandidate(true)
	pc, err := webrtc.NewAPI(webrtc.WithSettingEngine(set)).NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		t.Fatal(err)
	}
	defer pc.GracefulClose()
	for _, kind := range []webrtc.RTPCodecType{webrtc.RTPCodecTypeAudio, webrtc.RTPCodecTypeVideo} {
		if _, err := pc.AddTransceiverFromKind(kind, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly}); err != nil {
			t.Fatal(err)
		}
	}
	connected := make(chan struct{}, 1)
	pc.OnConnectionStateChange(func(s webrtc.PeerConnectionState) {
		if s == webrtc.PeerConnectionStateConnected {
			connected <- struct{}{}
		}
	})
	sdp, err := pc.CreateOffer(nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := pc.SetLocalDescription(sdp); err != nil {
		t.Fatal(err)
	}
	p.send(protocol.Offer{To: to, SDP: sdp.SDP})
	answer := p.await("the relay's answer", func(m any) bool { _, ok := m.(*protocol.Answer); return ok }).(*protocol.Answer)
	if answer.From != to || !strings.Contains(answer.SDP, "a=candidate:") {
		t.Errorf("the answer is %+v", answer)
	}
	if err := pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer.SDP}); err != nil {
		t.Fatal(err)
	}
	select {
	case <-connected:
	case <-time.After(20 * time.Second):
		t.Fatal("no connection to the relay")
	}
}

// Where the relay carries a client's picture, a page that says all is well is not
// believed: the relay knows what arrives.
func TestARelayedPictureIsJudgedByTheRelayAndNoBrowser(t *testing.T) {
	h := openRelayed(t, 0)
	therapist, client := h.comeRelayed("therapist-1"), h.comeRelayed("client-1")
	therapist.lists("client-1 video", "relay offer video")
	h.do("therapist-1", session.RecordSwallowed{Client: "client-1", Mg: 100, Tablets: 1, At: time.Now(), Reason: "It was in the mouth already."})
	rosy := protocol.Telemetry{Receiving: []protocol.Receiving{{Peer: client.peer, FrameAge: 0.04, SoundAge: 0.02, SoundLevel: 0.2, Route: "relay-udp"}}}
	report := func() {
		therapist.send(rosy)
		time.Sleep(500 * time.Millisecond)
	}
	for range 3 {
		report()
	}
	therapist.send(protocol.Rope{To: client.peer, Want: "relay"})
	taken := time.Now()
	lost := func() bool { found, _ := facts[session.PictureLost](h); return len(found) == 1 }
	for !lost() {
		if report(); time.Since(taken) > 20*time.Second {
			t.Fatal("nothing came through the relay, and nobody was told")
		}
	}
	if took := time.Since(taken); took < 4*time.Second {
		t.Errorf("lost after %s: before a first frame could have come", took)
	}
	therapist.send(protocol.Rope{To: client.peer, Got: "direct"})
	back := func() bool { found, _ := facts[session.PictureReturned](h); return len(found) == 1 }
	for !back() {
		if report(); time.Since(taken) > 30*time.Second {
			t.Fatal("the direct rope carries it again, and nobody was told")
		}
	}
}
