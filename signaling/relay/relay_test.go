package relay_test

import (
	"testing"
	"time"

	"belay/signaling/protocol"
	"belay/signaling/relay"
)

func TestPictureAndSoundGoBothWays(t *testing.T) {
	h := open(t)
	a, b := h.page("therapist-1", options{}), h.page("client-1", options{})
	h.meet(a, b)
	a.connect().send()
	b.connect().send()
	for _, pair := range [][2]*page{{a, b}, {b, a}} {
		viewer, other := pair[0], pair[1]
		viewer.sees(0, other, 30)
		viewer.await("sound", func() bool { return viewer.sounds[0].view().from[other.mark()] >= 30 })
		v := viewer.slots[0].view()
		if v.keys == 0 || v.jumps != 0 || v.back != 0 || v.pictures != 0 {
			t.Errorf("%s: no one stream: %+v", viewer.seat, v)
		}
		if v.ext != 0 {
			t.Errorf("%s: %d packets carry header extensions of their publisher", viewer.seat, v.ext)
		}
		if got := viewer.slots[1].view().packets; got != 0 {
			t.Errorf("%s: %d packets in an empty slot", viewer.seat, got)
		}
		want := []protocol.Slot{{Slot: 0, Seat: other.seat, Peer: other.peer}}
		if got := viewer.showing(); len(got) != 1 || got[0] != want[0] {
			t.Errorf("%s was told of slots %+v", viewer.seat, got)
		}
	}
	heard := h.relay.Heard(visit)[b.peer]
	if heard.FrameAge < 0 || heard.FrameAge > time.Second || heard.SoundAge < 0 || heard.SoundAge > time.Second || heard.Route != "relay-udp" || !heard.Connected {
		t.Errorf("measured of the client: %+v", heard)
	}
	_ = relay.MaxSlots
}
