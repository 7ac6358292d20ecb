package relay

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/sdp/v3"
	"github.com/pion/webrtc/v4"

	"belay/signaling/protocol"
)

// FuzzPacket looks for bytes that panic the readers of RTP and VP8, that are read
// otherwise than pion reads them, or that come out of a slot with anything changed
// but the running numbers.
func FuzzPacket(f *testing.F) {
	for _, p := range []rtp.Packet{
		{Header: rtp.Header{Version: 2, SequenceNumber: 7, Timestamp: 9, Marker: true}, Payload: []byte{0x10, 0, 1, 2}},
		{Header: rtp.Header{Version: 2, CSRC: []uint32{1, 2}}, Payload: []byte{0x90, 0xf0, 0x81, 2, 3, 4, 0}},
	} {
		if err := p.SetExtension(1, []byte{0x7f}); err != nil {
			f.Fatal(err)
		}
		raw, err := p.Marshal()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw, uint8(1))
	}
	f.Fuzz(func(t *testing.T, raw []byte, level uint8) {
		p, ok := parsePacket(raw, level)
		var theirs rtp.Packet
		if err := theirs.Unmarshal(raw); ok && err == nil && len(theirs.Payload) > 0 {
			if theirs.SequenceNumber != p.seq || theirs.Timestamp != p.stamp || theirs.Marker != p.marker || !bytes.Equal(theirs.Payload, p.payload) {
				t.Errorf("read as %+v, by pion as %+v", p, theirs)
			}
		}
		if !ok || len(p.payload) > mtu {
			return
		}
		d, ok := parseVP8(p.payload)
		if !ok {
			return
		}
		o := slot{picOff: 1, tl0Off: 1}
		out := o.renumber(make([]byte, mtu), p.payload, d)
		if len(out) != len(p.payload) || d.numbers(out).tl0 != d.numbers(p.payload).tl0+uint8(min(d.tl0, 1)) {
			t.Errorf("renumbered: % x, before: % x", out, p.payload)
		}
		again, ok := parseVP8(out)
		if !ok || again != d {
			t.Errorf("what came out is read as %+v, not as %+v", again, d)
		}
	})
}

// FuzzReports looks for RTCP that panics a slot or has it send without end.
func FuzzReports(f *testing.F) {
	for _, m := range []rtcp.Packet{
		&rtcp.PictureLossIndication{MediaSSRC: 1},
		&rtcp.TransportLayerNack{MediaSSRC: 1, Nacks: []rtcp.NackPair{{PacketID: 5, LostPackets: 0xffff}}},
		&rtcp.TransportLayerNack{MediaSSRC: 1, Nacks: []rtcp.NackPair{{PacketID: 50, LostPackets: 0xffff}, {PacketID: 67, LostPackets: 0xffff}, {PacketID: 84, LostPackets: 0xffff},
			{PacketID: 101, LostPackets: 0xffff}, {PacketID: 118, LostPackets: 0xffff}, {PacketID: 135, LostPackets: 0xffff}, {PacketID: 152, LostPackets: 0xffff},
			{PacketID: 169, LostPackets: 0xffff}, {PacketID: 186, LostPackets: 0xffff}, {PacketID: 203, LostPackets: 0xffff}}},
		&rtcp.ReceiverReport{Reports: []rtcp.ReceptionReport{{SSRC: 1, FractionLost: 128}}},
		&rtcp.TransportLayerCC{Header: rtcp.Header{Type: rtcp.TypeTransportSpecificFeedback, Count: rtcp.FormatTCC, Length: 6}, MediaSSRC: 1, BaseSequenceNumber: 2, PacketStatusCount: 6,
			PacketChunks: []rtcp.PacketStatusChunk{&rtcp.RunLengthChunk{PacketStatusSymbol: rtcp.TypeTCCPacketReceivedSmallDelta, RunLength: 6}},
			RecvDeltas:   []*rtcp.RecvDelta{{Type: 1, Delta: 250}, {Type: 1, Delta: 250}, {Type: 1, Delta: 250}, {Type: 1, Delta: 250}, {Type: 1, Delta: 250}, {Type: 1, Delta: 250}}},
	} {
		raw, err := m.Marshal()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		packets, err := rtcp.Unmarshal(raw)
		if err != nil {
			return
		}
		p := &party{}
		l := &link{party: p}
		w := &counter{}
		o := newSlot(l, 0, webrtc.RTPCodecTypeVideo)
		s := &source{link: l, picture: true}
		o.writer, o.ssrc, o.opened, o.want, o.cur = w, 1, true, s, s
		p.keys.last = time.Now() // it owes, and sends nothing
		for seq := range uint16(300) {
			s.keep(append(make([]byte, 0, mtu), 0x80, 96, byte(seq>>8), byte(seq), 0, 0, 0, 0, 0, 0, 0, 1, 0x10, 1)[:mtu], 14, seq)
		}
		now := time.Now()
		for range 100 {
			l.way.number(now.Add(-time.Second), 1000)
		}
		o.reported(packets, now)
		if w.n > mostAgain {
			t.Errorf("%d packets for one report", w.n)
		}
	})
}

type counter struct{ n int }

func (c *counter) WriteRTP(*rtp.Header, []byte) (int, error) { c.n++; return 0, nil }
func (c *counter) Write([]byte) (int, error)                 { c.n++; return 0, nil }

// goodOffer is like a page's.
func goodOffer(t testing.TB) string {
	t.Helper()
	pc, err := webrtc.NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		t.Fatal(err)
	}
	for range MaxSlots {
		for _, kind := range []webrtc.RTPCodecType{webrtc.RTPCodecTypeAudio, webrtc.RTPCodecTypeVideo} {
			if _, err := pc.AddTransceiverFromKind(kind); err != nil {
				t.Fatal(err)
			}
		}
	}
	offer, err := pc.CreateOffer(nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := pc.GracefulClose(); err != nil {
		t.Fatal(err)
	}
	return offer.SDP
}

func offers(f *testing.F) (good string) {
	good = goodOffer(f)
	f.Add(good)
	f.Add(strings.ReplaceAll(good, "VP8", "H264"))
	f.Add(good[:len(good)/3])
	f.Add(strings.ReplaceAll(good, "a=rtcp-mux", "a=candidate:1 1 udp 1 192.0.2.1 9 typ host"))
	f.Add(strings.ReplaceAll(good, "a=rtcp-mux", "a=rid:h send\r\na=rid:l send\r\na=simulcast:send h;l"))
	f.Add("v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=ice-ufrag:a\r\na=ice-pwd:b\r\na=fingerprint:sha-256 00\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\n")
	return good
}

// FuzzAdmissible looks for a text that the relay's own look at an offer panics at, or
// lets through with more in it than it says, or that a parser of descriptions panics
// at afterwards; and for an address that stays in it.
func FuzzAdmissible(f *testing.F) {
	offers(f)
	f.Fuzz(func(t *testing.T, text string) {
		if admissible(text) != nil {
			return
		}
		var d sdp.SessionDescription
		if d.UnmarshalString(text) != nil {
			return
		}
		if len(d.MediaDescriptions) == 0 || len(d.MediaDescriptions) > offerSections {
			t.Errorf("%d sections", len(d.MediaDescriptions))
		}
		var rest sdp.SessionDescription
		if rest.UnmarshalString(withoutCandidates(text)) != nil {
			return
		}
		for _, m := range rest.MediaDescriptions {
			for _, a := range m.Attributes {
				if a.Key == "candidate" {
					t.Errorf("an address stays: %s", a.Value)
				}
			}
		}
	})
}

// FuzzOffer looks for an offer that pion panics or hangs at, or that keeps a good one
// that comes after it from being answered.
func FuzzOffer(f *testing.F) {
	good := offers(f)
	r := alone(f)
	p := newParty(newRoom(r, "visit"), "a-page-that-fuzzes")
	describe := func(t *testing.T, offer string) (answer string, err error) {
		l, err := newLink(p, offer)
		if err != nil {
			t.Fatal(err)
		}
		defer l.close()
		return l.describe(offer)
	}
	n := 0
	f.Fuzz(func(t *testing.T, text string) {
		if admissible(text) != nil {
			return // pion never sees it
		}
		_, _ = describe(t, text)
		if n++; n%32 != 1 {
			return
		}
		if answer, err := describe(t, good); err != nil || strings.Count(answer, "m=") != 2*MaxSlots {
			t.Errorf("a good offer after it: %q, %v", answer, err)
		}
	})
}

func TestAViewerGoesDownFastAndUpSlowly(t *testing.T) {
	now := time.Date(2026, 3, 1, 14, 0, 0, 0, time.UTC)
	var s steps
	got := []step{}
	second := func(n int, picture, sound float64) {
		for range n {
			now = now.Add(time.Second)
			s.report(now, false, picture)
			s.report(now, true, sound)
			if s.look(now) {
				got = append(got, s.step)
			}
		}
	}
	want := func(what string, steps ...step) {
		t.Helper()
		if !slices.Equal(got, steps) {
			t.Errorf("%s: %v, not %v", what, got, steps)
		}
		got = got[:0]
	}
	second(60, 0.05, 0.02)
	want("some loss is repaired")
	second(1, 0.5, 0)
	second(10, 0, 0)
	want("one bad report")
	second(3, 0.12, 0.01)
	want("a full way", reduced)
	second(30, 0.2, 0.05)
	want("still some loss on the small layer")
	second(20, 0, 0)
	want("it is well again", full)
	second(5, 0.3, 0.2)
	want("sound suffers", reduced, none)
	second(6, 0, 0)
	want("a moment without a picture")
	second(3, 0, 0)
	want("to see nobody is worse", reduced)
	second(19, 0, 0)
	want("an attempt failed: patience has doubled")
	second(4, 0, 0)
	want("and ends", full)
}

func TestWhoeverHasASlotKeepsIt(t *testing.T) {
	p := &party{room: &room{}, peer: "me"}
	slots := func() (s string) {
		for _, one := range p.showing {
			s += string(one.Peer) + ";"
		}
		return s
	}
	show := func(want string, all ...protocol.Slot) {
		t.Helper()
		p.show(all)
		if got := slots(); got != want {
			t.Errorf("slots are %q, not %q", got, want)
		}
	}
	a, b, c, b2 := protocol.Slot{Seat: "a", Peer: "A"}, protocol.Slot{Seat: "b", Peer: "B"}, protocol.Slot{Seat: "c", Peer: "C"}, protocol.Slot{Seat: "b", Peer: "B2"}
	show("B;;;;", b)
	show("B;A;C;;", a, b, c)
	show("B;;C;;", b, c)
	show("B2;;C;;", b2, c)
	show("B2;A;C;;", a, b2, c)
	show(";;;;")
	show("A;B;C;D;", a, b, c, protocol.Slot{Seat: "d", Peer: "D"}, protocol.Slot{Seat: "e", Peer: "E"})
}
