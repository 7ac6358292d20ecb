package relay

import (
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"
)

// takes is a viewer's end that takes everything.
type takes struct{}

func (takes) WriteRTP(*rtp.Header, []byte) (int, error) { return 0, nil }
func (takes) Write(p []byte) (int, error)               { return len(p), nil }

// shownTo is a slot in which a viewer hears somebody.
func shownTo(viewer *party, heard *source) *slot {
	o := newSlot(&link{party: viewer}, 0, webrtc.RTPCodecTypeAudio)
	o.writer, o.opened, o.ssrc, o.want = takes{}, true, 7, heard
	return o
}

func sends(o *slot, s *source, from, to uint16) {
	for seq := from; seq < to; seq++ {
		o.forward(s, &packet{seq: seq, payload: []byte{1}}, descriptor{}, noon)
	}
}

func reports(o *slot, highest uint32, lost uint8, at time.Time) {
	o.reported([]rtcp.Packet{&rtcp.ReceiverReport{Reports: []rtcp.ReceptionReport{{SSRC: 7, LastSequenceNumber: highest, FractionLost: lost}}}}, at)
}

func TestWhatNeverReachedTheRelayTakesNobodysPictureAway(t *testing.T) {
	viewer := &party{room: &room{}}
	s := &source{link: &link{party: &party{room: &room{}}}}
	o := shownTo(viewer, s)
	sends(o, s, 0, 250)
	reports(o, 249, 0, noon.Add(5*time.Second))
	// Whom they listen to is cut off for 3 s: 150 packets. The viewer misses them.
	sends(o, s, 400, 500)
	reports(o, 499, 150*256/250, noon.Add(10*time.Second))
	if viewer.steps.look(noon.Add(10 * time.Second)); viewer.steps.step != full || viewer.steps.loss() > 0.01 {
		t.Errorf("the viewer's way is said to lose %.2f, and its picture is %v", viewer.steps.loss(), viewer.steps.step)
	}
	// A fifth of what does reach the relay is lost on the way, and one in ten is missing besides.
	for seq := uint16(500); seq < 750; seq += 10 {
		sends(o, s, seq, seq+9)
	}
	sends(o, s, 750, 751)
	reports(o, 750, 76, noon.Add(15*time.Second))
	if loss := viewer.steps.loss(); loss < 0.17 || loss > 0.23 {
		t.Errorf("of the fifth that is lost %.2f is seen", loss)
	}
	if viewer.steps.look(noon.Add(15 * time.Second)); viewer.steps.step != reduced {
		t.Error("sound is lost, and the whole picture goes on")
	}
}

func TestWhatWasSentIntoANetworkThatIsNoMoreTakesNoPictureAway(t *testing.T) {
	viewer := &party{room: &room{}}
	s := &source{link: &link{party: &party{room: &room{}}}}
	o := shownTo(viewer, s)
	sends(o, s, 0, 250)
	reports(o, 249, 0, noon.Add(5*time.Second))
	sends(o, s, 250, 400) // the viewer is on its way to another network
	o.turned()
	sends(o, s, 400, 500)
	reports(o, 499, 150*256/250, noon.Add(10*time.Second))
	if viewer.steps.look(noon.Add(10 * time.Second)); viewer.steps.step != full || viewer.steps.loss() > 0 {
		t.Errorf("the new way is said to lose %.2f, and the picture is %v", viewer.steps.loss(), viewer.steps.step)
	}
	sends(o, s, 500, 750)
	reports(o, 749, 64, noon.Add(15*time.Second))
	if viewer.steps.look(noon.Add(15 * time.Second)); viewer.steps.step != reduced {
		t.Errorf("the new way loses a quarter, it is said %.2f, and the picture is whole", viewer.steps.loss())
	}
}

// A browser that has no room for its large layer goes on sending packets of it in
// which there is nothing, to find out whether there is room again.
func TestALayerInWhichThereIsNothingIsNotShown(t *testing.T) {
	p := &party{room: &room{}}
	big, small := &source{link: &link{party: p}, picture: true}, &source{link: &link{party: p}, picture: true}
	p.layers = map[string]*source{"h": big, "l": small}
	frame, nothing := packet{marker: true, payload: []byte{1}}, packet{}
	now := noon
	for range 50 {
		now = now.Add(40 * time.Millisecond)
		big.note(&frame, now)
		small.note(&frame, now)
	}
	if p.layer(full, big, now) != big {
		t.Fatal("both come, and the small one is shown")
	}
	for range 50 {
		now = now.Add(40 * time.Millisecond)
		big.note(&nothing, now)
		small.note(&frame, now)
	}
	if p.layer(full, big, now) != small {
		t.Error("nothing is shown, and the small layer comes")
	}
}

// A browser that has no room for its large layer stops it without a word. The small
// one tells, before anybody would call the picture still; and where neither comes it
// was only a pause.
func TestALayerThatIsGivenUpIsKnownByTheOther(t *testing.T) {
	p := &party{room: &room{}}
	big, small := &source{link: &link{party: p}, picture: true}, &source{link: &link{party: p}, picture: true}
	p.layers = map[string]*source{"h": big, "l": small}
	now, stamp := noon, uint32(0)
	pass := func(d time.Duration, sources ...*source) {
		for end := now.Add(d); now.Before(end); {
			now, stamp = now.Add(40*time.Millisecond), stamp+3600
			for _, s := range sources {
				s.note(&packet{marker: true, stamp: stamp, payload: []byte{1}}, now)
			}
		}
	}
	shown := big
	show := func(want *source, when string) {
		t.Helper()
		if shown = p.layer(full, shown, now); shown != want {
			t.Errorf("%s: the large layer is shown: %v", when, shown == big)
		}
	}
	pass(2*time.Second, big, small)
	pass(300*time.Millisecond, small)
	show(big, "a frame that takes long")
	pass(200*time.Millisecond, small)
	show(small, "the large layer has stopped")
	pass(2*time.Second, big, small)
	show(small, "it has just begun again")
	pass(1200*time.Millisecond, big, small)
	show(big, "it goes on")
	pass(time.Second)
	show(big, "nothing at all has come for a second")
}
