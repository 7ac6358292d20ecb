package relay

import (
	"slices"
	"testing"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/rtcp"
)

// asks is a sender of a picture whose packets may be lost, in virtual time, and what
// it is asked for again.
type asks struct {
	gaps
	now   time.Time
	asked []uint16
}

func newAsks() *asks {
	a := &asks{now: noon}
	a.streams = map[uint32]*gapped{1: {}}
	a.writer = interceptor.RTCPWriterFunc(func(packets []rtcp.Packet, _ interceptor.Attributes) (int, error) {
		for _, p := range packets {
			for _, pair := range p.(*rtcp.TransportLayerNack).Nacks {
				a.asked = append(a.asked, pair.PacketList()...)
			}
		}
		return 0, nil
	})
	return a
}

// sends lets packets come, one every 10 ms.
func (a *asks) sends(from, to uint16) {
	for seq := from; seq != to; seq++ {
		a.came(1, seq, a.now)
		a.now = a.now.Add(10 * time.Millisecond)
	}
}

func TestWhatIsLostIsAskedForUntilItComesAndNotForEver(t *testing.T) {
	a := newAsks()
	a.sends(65500, 65530)
	a.sends(4, 30) // over the end of the numbers: ten are missing
	if want := []uint16{65530, 65531, 65532, 65533, 65534, 65535, 0, 1, 2, 3}; len(a.asked) < 10 || !slices.Equal(a.asked[:10], want) {
		t.Fatalf("asked for %v", a.asked)
	}
	for seq := uint16(65530); seq != 3; seq++ { // all but one come
		a.came(1, seq, a.now)
	}
	a.asked = nil
	a.sends(30, 500)
	if len(a.asked) == 0 || len(a.asked) > askGapTimes || slices.ContainsFunc(a.asked, func(seq uint16) bool { return seq != 3 }) {
		t.Errorf("asked again for %v", a.asked)
	}
	a.asked = nil
	a.sends(500, 1000)
	a.came(1, 1001, a.now) // one overtakes another
	a.came(1, 1000, a.now)
	a.sends(1002, 1050)
	if len(a.asked) > 0 {
		t.Errorf("asked for %v, of which nothing is missing or could still come", a.asked)
	}
}

// A page that comes back from another network needs what room there is for a new
// picture, not for the old one.
func TestAPageThatWasCutOffIsNotAskedForWhatItCouldNotSend(t *testing.T) {
	a := newAsks()
	a.sends(0, 100)
	a.now = a.now.Add(2500 * time.Millisecond)
	a.sends(250, 400)
	if len(a.asked) > 0 {
		t.Errorf("asked for %d packets", len(a.asked))
	}
}
