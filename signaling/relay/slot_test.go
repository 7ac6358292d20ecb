package relay

import (
	"slices"
	"testing"

	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"belay/signaling/protocol"
)

// told is a viewer's end that remembers what it was sent.
type told struct{ numbers []uint16 }

func (t *told) WriteRTP(h *rtp.Header, _ []byte) (int, error) {
	t.numbers = append(t.numbers, h.SequenceNumber)
	return 0, nil
}
func (*told) Write(p []byte) (int, error) { return len(p), nil }

// A packet that a network held up, of before the key frame with which a viewer began,
// is nothing that can be shown; what overtook it is.
func TestNothingOfBeforeTheKeyFrameIsSent(t *testing.T) {
	somebody := &source{link: &link{party: &party{room: &room{}}}, picture: true}
	viewer, got := &link{party: &party{room: &room{}}}, &told{}
	o := newSlot(viewer, 0, webrtc.RTPCodecTypeVideo)
	o.writer, o.opened, o.want = got, true, somebody
	key, more := descriptor{begins: true, key: true}, descriptor{begins: true}
	for _, one := range []struct {
		seq uint16
		d   descriptor
	}{{100, key}, {99, more}, {102, more}, {101, more}} {
		o.forward(somebody, &packet{seq: one.seq, payload: []byte{0x10, 0}}, one.d, noon)
	}
	if want := []uint16{100, 102, 101}; !slices.Equal(got.numbers, want) {
		t.Errorf("the viewer was sent %v, not %v", got.numbers, want)
	}
}

// What is sent before a viewer's connection is there is lost, and the key frame with
// which they could have begun.
func TestAViewerWhoIsNotThereYetBeginsWithTheNextKeyFrame(t *testing.T) {
	somebody := &source{link: &link{party: &party{room: &room{}}}, picture: true}
	viewer, got := &link{party: &party{room: &room{}}}, &told{}
	o := newSlot(viewer, 0, webrtc.RTPCodecTypeVideo)
	o.writer, o.want = got, somebody
	o.forward(somebody, &packet{seq: 7, payload: []byte{0x10, 0}}, descriptor{begins: true, key: true}, noon)
	if len(got.numbers) > 0 || o.shown() != nil {
		t.Errorf("a viewer who is not there was sent %v", got.numbers)
	}
	o.open()
	o.forward(somebody, &packet{seq: 8, payload: []byte{0x10, 0}}, descriptor{begins: true, key: true}, noon)
	if !slices.Equal(got.numbers, []uint16{8}) || o.shown() != somebody {
		t.Errorf("a viewer who has come was sent %v", got.numbers)
	}
}

// holds has a packet come that can be sent again.
func (s *source) holds(t *testing.T, seq uint16) {
	t.Helper()
	raw, err := (&rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: seq}, Payload: []byte{0x10, 0}}).Marshal()
	if err != nil {
		t.Fatal(err)
	}
	s.keep(append(raw, make([]byte, mtu-len(raw))...), len(raw), seq)
}

// A viewer who has moved to another network asks for all that was sent to where they
// were. They get what comes from then on, also again.
func TestWhatWentToANetworkThatIsNoMoreIsNotSentAgain(t *testing.T) {
	somebody := &source{link: &link{party: &party{room: &room{}}}, picture: true}
	viewer, got := &link{party: &party{room: &room{}}}, &told{}
	o := newSlot(viewer, 0, webrtc.RTPCodecTypeVideo)
	o.writer, o.opened, o.want = got, true, somebody
	comes := func(seq uint16, d descriptor) {
		somebody.holds(t, seq)
		o.forward(somebody, &packet{seq: seq, payload: []byte{0x10, 0}}, d, noon)
	}
	comes(100, descriptor{begins: true, key: true})
	comes(101, descriptor{begins: true})
	o.again(101)
	o.turned()
	comes(102, descriptor{begins: true})
	for seq := uint16(100); seq <= 102; seq++ {
		o.again(seq)
	}
	if want := []uint16{100, 101, 101, 102, 102}; !slices.Equal(got.numbers, want) {
		t.Errorf("the viewer was sent %v, not %v", got.numbers, want)
	}
}

// Whoever may not be here any more is sent nothing from then on, although their
// connection takes a while to end: not what comes, and not what they ask for by the
// number that it would have had.
func TestWhoHasToLeaveIsSentNothingMore(t *testing.T) {
	connection, err := webrtc.NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		t.Fatal(err)
	}
	relay := &Relay{opts: Options{Say: func(string, protocol.PeerID, any) {}}}
	r := newRoom(relay, "a visit")
	r.setMembers(map[protocol.PeerID]Member{"viewer": {Seat: "chaperone-1", Sees: []protocol.PeerID{"client"}}, "client": {Seat: "client-1"}})
	client, viewer := r.party("client"), r.party("viewer")
	somebody, got := &source{link: &link{party: client}, picture: true}, &told{}
	client.link, client.layers[""] = somebody.link, somebody
	viewer.link = &link{party: viewer, pc: connection}
	o := newSlot(viewer.link, 0, webrtc.RTPCodecTypeVideo)
	o.writer, o.opened, viewer.link.pictures[0] = got, true, o
	r.setMembers(r.members)
	comes := func(seq uint16, d descriptor) {
		somebody.holds(t, seq)
		o.forward(somebody, &packet{seq: seq, payload: []byte{0x10, 0}}, d, noon)
	}
	comes(100, descriptor{begins: true, key: true})
	busy := make(chan struct{})
	viewer.post(func() { <-busy })
	r.setMembers(map[protocol.PeerID]Member{"client": {Seat: "client-1"}})
	comes(101, descriptor{begins: true}) // whoever had read it had looked up its viewers before
	o.again(101)
	if want := []uint16{100}; !slices.Equal(got.numbers, want) {
		t.Errorf("the viewer was sent %v, not %v", got.numbers, want)
	}
	close(busy)
	relay.running.Wait()
}
