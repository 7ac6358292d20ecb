package person

import (
	"testing"
	"time"

	"github.com/pion/rtp"
)

func TestLongestGapIsFoundWhereverItLies(t *testing.T) {
	t.Parallel()
	zero := time.Date(2026, 3, 2, 14, 0, 0, 0, time.UTC)
	at := func(ms int) time.Time { return zero.Add(time.Duration(ms) * time.Millisecond) }
	var f flow
	for _, ms := range []int{1000, 1100, 1900, 2000, 2100} {
		f.note(true, true, at(ms))
	}
	s := f.snapshot("client-1").Picture
	for _, c := range []struct{ from, to, want int }{
		{0, 2100, 1000},   // before the first frame
		{1000, 2100, 800}, // between two
		{1500, 2100, 400}, // one that began before
		{1000, 1300, 200}, // one that ends after
		{2000, 2100, 0},
		{2000, 5000, 2900}, // since the last one
	} {
		if got := s.LongestGap(at(c.from), at(c.to)); got != time.Duration(c.want)*time.Millisecond {
			t.Errorf("from %d to %d: %s, not %d ms", c.from, c.to, got, c.want)
		}
	}
	if got := (Stream{}).LongestGap(at(0), at(700)); got != 700*time.Millisecond {
		t.Errorf("a picture that never came has a gap of %s", got)
	}
}

func TestFrameThatIsSentAgainIsNoNewFrame(t *testing.T) {
	t.Parallel()
	packet := func(stamp uint32, marker bool, payload string) *rtp.Packet {
		return &rtp.Packet{Header: rtp.Header{Timestamp: stamp, Marker: marker}, Payload: []byte(payload)}
	}
	var c completes
	for i, step := range []struct {
		packet *rtp.Packet
		want   bool
	}{
		{packet(4294967000, true, "a"), true},
		{packet(4294967000, true, "a"), false}, // again
		{packet(2704, false, "b"), false},      // the middle of the next one
		{packet(2704, true, "b"), true},        // the number has run over
		{packet(4294967000, true, "a"), false}, // again, late
		{packet(8704, true, ""), false},        // padding
	} {
		if got := c.frame(true, step.packet); got != step.want {
			t.Errorf("packet %d: a new frame is %v", i, got)
		}
	}
}
