package relay

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/transport/v4/packetio"
	"github.com/pion/webrtc/v4"
)

// Nothing that came before somebody took the stream up is lost, and nothing after it
// comes out of turn.
func TestAStreamThatIsTakenUpGoesOnWhereItWas(t *testing.T) {
	gone := 0
	i := newInlet(1, func() { gone++ })
	buf := make([]byte, mtu)
	write := func(p string) {
		t.Helper()
		if n, err := i.Write([]byte(p)); n != len(p) || err != nil {
			t.Fatalf("%q: %d, %v", p, n, err)
		}
	}
	read := func() string {
		n, err := i.Read(buf)
		if err != nil {
			return err.Error()
		}
		return string(buf[:n])
	}
	write("a")
	write("b")
	if got := read(); got != "a" {
		t.Errorf("first %q", got)
	}
	var got []string
	held := 2 // packets that pion has kept for itself
	take := func() bool {
		if held > 0 {
			held--
			got = append(got, "held")
			return true
		}
		got = append(got, read())
		return true
	}
	if i.hand(take) {
		t.Error("it was handed over with a packet in it")
	}
	if got := read(); got != "b" {
		t.Errorf("second %q", got)
	}
	if !i.hand(take) {
		t.Fatal("it can't be handed over")
	}
	write("c")
	write("d")
	if len(got) != 4 || got[2] != "c" || got[3] != "d" {
		t.Errorf("then %q", got)
	}
	for range 2 {
		if err := i.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, err := i.Write([]byte("e")); !errors.Is(err, io.ErrClosedPipe) || read() != io.EOF.Error() || gone != 1 {
		t.Errorf("after the end: %v, %q, said %d times", err, read(), gone)
	}
	full := newInlet(1, func() {})
	var err error
	for range inletWaits + 1 {
		_, err = full.Write([]byte("a"))
	}
	if !errors.Is(err, packetio.ErrFull) {
		t.Errorf("a stream that nobody takes up: %v", err)
	}
}

// Memory for each packet would be collected, and everybody's picture waits for that.
func TestAPacketThatIsSentOnMakesNoMemory(t *testing.T) {
	l := &link{party: &party{room: &room{}}}
	o := newSlot(l, 0, webrtc.RTPCodecTypeVideo)
	s := &source{link: l, picture: true, in: newInlet(1, func() {}), buf: make([]byte, mtu)}
	w := &counter{}
	o.writer, o.ssrc, o.opened, o.want, o.cur, o.ext, o.picOff = w, 1, true, s, s, 3, 5
	raw := append([]byte{0x80, 96, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0x90, 0x80, 7, 0}, make([]byte, 1000)...)
	s.in.hand(func() bool {
		n, err := s.in.Read(s.buf)
		if err != nil {
			return false
		}
		p, _ := parsePacket(s.buf[:n], 0)
		d, _ := parseVP8(p.payload)
		s.buf = s.keep(s.buf, n, p.seq)
		o.forward(s, &p, d, time.Now())
		return true
	})
	for range 2 {
		_, _ = s.in.Write(raw) // what is made once
	}
	if made := testing.AllocsPerRun(1000, func() { _, _ = s.in.Write(raw) }); made > 0 {
		t.Errorf("%v pieces of memory for a packet", made)
	}
	if w.n < 1000 {
		t.Errorf("%d packets were sent", w.n)
	}
}

// sentPackets are what a slot has sent.
type sentPackets [][]byte

func (s *sentPackets) WriteRTP(h *rtp.Header, payload []byte) (int, error) {
	raw, err := (&rtp.Packet{Header: *h, Payload: payload}).Marshal()
	*s = append(*s, raw)
	return len(raw), err
}
func (s *sentPackets) Write([]byte) (int, error) { return 0, nil }

// Two packets that differ under one number give the key for signatures away.
func TestAPacketThatIsSentAgainIsTheSame(t *testing.T) {
	l := &link{party: &party{room: &room{}}}
	o := newSlot(l, 0, webrtc.RTPCodecTypeVideo)
	s := &source{link: l, picture: true}
	var w sentPackets
	o.writer, o.ssrc, o.opened, o.want, o.cur, o.ext, o.seqOff, o.picOff = &w, 1, true, s, s, 3, 700, 5
	for seq := range uint16(100) {
		raw := append([]byte{0x80, 96, byte(seq >> 8), byte(seq), 0, 0, 0, 9, 0, 0, 0, 1, 0x90, 0x80, 7, 0}, make([]byte, 20)...)
		p, _ := parsePacket(raw, 0)
		d, _ := parseVP8(p.payload)
		s.keep(raw[:len(raw):len(raw)], len(raw), seq)
		o.forward(s, &p, d, time.Now())
	}
	for i := range uint16(100) {
		o.again(i + 700)
		if len(w) != 101+int(i) || !bytes.Equal(w[i], w[100+i]) {
			t.Fatalf("packet %d was sent again otherwise, or not at all", i)
		}
	}
}
