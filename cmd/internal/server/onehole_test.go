package server_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"net/netip"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"
	"github.com/pion/webrtc/v4/pkg/media"

	"belay/cmd/internal/browser"
	"belay/signaling/oneport"
	"belay/signaling/protocol"
	"belay/signaling/relay"
	"belay/signaling/turnserver"
)

// hole is a server behind 1:1 NAT, of which the world can reach one TCP port: the
// address that the relay advertises leads nowhere.
type hole struct {
	t     *testing.T
	port  *oneport.Port
	turn  *turnserver.Server
	relay *relay.Relay
	said  map[protocol.PeerID]chan protocol.Answer
}

const (
	pionPage     protocol.PeerID = "page-of-a-pion-peer"
	chromiumPage protocol.PeerID = "page-of-a-chromium"
)

func dig(t *testing.T) *hole {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	udp, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	h := &hole{t: t, said: map[protocol.PeerID]chan protocol.Answer{pionPage: make(chan protocol.Answer, 1), chromiumPage: make(chan protocol.Answer, 1)}}
	h.port, err = oneport.New(oneport.Options{Listener: tcp, TLS: &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}})
	if err != nil {
		t.Fatal(err)
	}
	nat := netip.MustParseAddr("203.0.113.9")
	h.turn, err = turnserver.New(turnserver.Options{UDP: udp, Streams: []net.Listener{h.port.TURN()}, Secret: make([]byte, 32),
		Peer: netip.AddrPortFrom(nat, uint16(udp.LocalAddr().(*net.UDPAddr).Port))})
	if err != nil {
		t.Fatal(err)
	}
	h.relay, err = relay.New(relay.Options{UDP: h.turn.Media(), Advertise: []netip.Addr{nat}, Say: func(_ string, to protocol.PeerID, m any) {
		if a, ok := m.(protocol.Answer); ok {
			h.said[to] <- a
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	pages := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, "<!doctype html><html lang=en><link rel=icon href=data:,><title>one hole</title>")
	})}
	served := make(chan struct{})
	go func() { defer close(served); pages.Serve(h.port.HTTP()) }()
	t.Cleanup(func() {
		pages.Close()
		<-served
		for name, end := range map[string]func() error{"relay": h.relay.Close, "TURN": h.turn.Close, "port": h.port.Close} {
			if err := end(); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
	if err := h.relay.Open("visit", false); err != nil {
		t.Fatal(err)
	}
	h.relay.SetMembers("visit", map[protocol.PeerID]relay.Member{
		pionPage:     {Seat: "therapist-1", Sees: []protocol.PeerID{chromiumPage}},
		chromiumPage: {Seat: "client-1", Sees: []protocol.PeerID{pionPage}},
	})
	return h
}

// answer has the relay answer a page's offer.
func (h *hole) answer(page protocol.PeerID, offer string) string {
	h.t.Helper()
	h.relay.Receive("visit", page, &protocol.Offer{From: page, SDP: offer})
	select {
	case a := <-h.said[page]:
		return a.SDP
	case <-time.After(browser.Patience):
		h.t.Fatalf("%s: no answer", page)
		return ""
	}
}

func TestPictureAndSoundNeedNoMoreThanTheOneTCPPortOfThePages(t *testing.T) {
	h := dig(t)

	// A pion peer, by TURN over plain TCP.
	username, password := h.turn.Issue("visit", "therapist-1")
	pc, err := webrtc.NewPeerConnection(webrtc.Configuration{ICETransportPolicy: webrtc.ICETransportPolicyRelay, ICEServers: []webrtc.ICEServer{{
		URLs: []string{"turn:" + h.port.Addr().String() + "?transport=tcp"}, Username: username, Credential: password}}})
	if err != nil {
		t.Fatal(err)
	}
	defer pc.GracefulClose()
	voice, err := webrtc.NewTrackLocalStaticSample(webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus, ClockRate: 48000, Channels: 2}, "voice", "voice")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := pc.AddTransceiverFromTrack(voice); err != nil {
		t.Fatal(err)
	}
	if _, err := pc.AddTransceiverFromKind(webrtc.RTPCodecTypeVideo); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		for _, kind := range []webrtc.RTPCodecType{webrtc.RTPCodecTypeAudio, webrtc.RTPCodecTypeVideo} {
			if _, err := pc.AddTransceiverFromKind(kind, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly}); err != nil {
				t.Fatal(err)
			}
		}
	}
	connected := make(chan struct{})
	pc.OnConnectionStateChange(func(s webrtc.PeerConnectionState) {
		if s == webrtc.PeerConnectionStateConnected {
			close(connected)
		}
	})
	offer, err := pc.CreateOffer(nil)
	if err != nil {
		t.Fatal(err)
	}
	gathered := webrtc.GatheringCompletePromise(pc)
	if err := pc.SetLocalDescription(offer); err != nil {
		t.Fatal(err)
	}
	<-gathered
	if err := pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: h.answer(pionPage, pc.LocalDescription().SDP)}); err != nil {
		t.Fatal(err)
	}
	select {
	case <-connected:
	case <-time.After(browser.Patience):
		t.Fatalf("the pion peer is %s", pc.ConnectionState())
	}
	speaking, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		every := time.NewTicker(20 * time.Millisecond)
		defer every.Stop()
		for {
			select {
			case <-speaking:
				return
			case <-every.C:
				_ = voice.WriteSample(media.Sample{Data: []byte{0xf8, 0xff, 0xfe}, Duration: 20 * time.Millisecond}) // a frame of silence
			}
		}
	}()
	defer func() { close(speaking); <-done }()

	// A browser, by TURN over TLS, on the port that its page has come from.
	chromium := browser.StartChromium(t, browser.Options{Flags: map[string]any{"ignore-certificate-errors": true, "allow-loopback-in-peer-connection": true}})
	page := chromium.Open("alex", browser.Seat{})
	page.Goto("https://" + h.port.Addr().String() + "/")
	username, password = h.turn.Issue("visit", "client-1")
	servers, err := json.Marshal([]protocol.ICEServer{{For: "relay", Username: username, Credential: password,
		URLs: []string{"turns:" + h.port.Addr().String() + "?transport=tcp"}}})
	if err != nil {
		t.Fatal(err)
	}
	sdp := browser.Eval[string](page, `(async () => {
		const pc = window.pc = new RTCPeerConnection({iceTransportPolicy: "relay", bundlePolicy: "max-bundle", iceServers: `+string(servers)+`});
		window.problems = [];
		pc.onicecandidateerror = (e) => problems.push(e.errorCode + " " + e.errorText);
		for (let i = 0; i < 4; i++) for (const kind of ["audio", "video"]) pc.addTransceiver(kind, {direction: i ? "recvonly" : "sendrecv"});
		await pc.setLocalDescription();
		for (let i = 0; pc.iceGatheringState !== "complete" && i < 200; i++) await new Promise((r) => setTimeout(r, 50));
		return pc.localDescription.sdp;
	})()`)
	answer, err := json.Marshal(h.answer(chromiumPage, sdp))
	if err != nil {
		t.Fatal(err)
	}
	way := browser.Eval[map[string]any](page, `(async () => {
		await pc.setRemoteDescription({type: "answer", sdp: `+string(answer)+`});
		for (let i = 0; i < 400; i++) {
			const all = [...(await pc.getStats()).values()];
			const pair = all.find((s) => s.type === "candidate-pair" && s.nominated && s.state === "succeeded");
			const sound = Math.max(0, ...all.filter((s) => s.type === "inbound-rtp" && s.kind === "audio").map((s) => s.packetsReceived));
			if (pair && sound > 20) {
				const mine = all.find((s) => s.id === pair.localCandidateId), theirs = all.find((s) => s.id === pair.remoteCandidateId);
				return {kind: mine.candidateType, over: mine.relayProtocol, to: theirs.address, sound};
			}
			await new Promise((r) => setTimeout(r, 50));
		}
		return {state: pc.connectionState, ice: pc.iceConnectionState, problems, sdp: pc.localDescription.sdp.match(/a=candidate.*/g)};
	})()`)
	if way["kind"] != "relay" || way["over"] != "tls" || way["to"] != "203.0.113.9" {
		t.Errorf("the browser's way: %v", way)
	}
	t.Logf("the browser's way: %v", way)
}
