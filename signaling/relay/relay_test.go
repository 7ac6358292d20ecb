package relay_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/webrtc/v4"

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
		want := protocol.Slot{Slot: 0, Seat: other.seat, Peer: other.peer}
		if got := viewer.showing(); len(got) != 1 || got[0] != want {
			t.Errorf("%s was told of slots %+v", viewer.seat, got)
		}
	}
	heard := h.relay.Heard(visit)[b.peer]
	if heard.FrameAge < 0 || heard.FrameAge > time.Second || heard.SoundAge < 0 || heard.SoundAge > time.Second || heard.Route != "relay-udp" || !heard.Connected {
		t.Errorf("measured of the client: %+v", heard)
	}
}

func TestAThirdWhoComesAndGoesStopsNoPicture(t *testing.T) {
	h := open(t)
	a, b := h.page("client-1", options{}), h.page("therapist-1", options{})
	h.meet(a, b)
	a.connect().send()
	b.connect().send()
	a.sees(0, b, 10)
	b.sees(0, a, 10)
	c := h.page("zaperone-1", options{})
	h.meet(a, b, c)
	c.connect().send()
	a.sees(1, c, 10)
	b.sees(1, c, 10)
	c.sees(0, a, 10) // its first slots are in the order of seats
	c.sees(1, b, 10)
	h.meet(a, b)
	a.await("an empty slot", func() bool { return len(a.showing()) == 1 })
	a.sees(0, b, 30)
	b.sees(0, a, 30)
	for _, p := range []*page{a, b} {
		for what, v := range map[string]view{"picture": p.slots[0].view(), "sound": p.sounds[0].view()} {
			if v.longest > time.Second || v.jumps != 0 || v.back != 0 {
				t.Errorf("%s: the %s stood still for %s: %+v", p.seat, what, v.longest, v)
			}
		}
	}
	before := a.slots[1].view().frames
	a.sees(0, b, 10)
	if after := a.slots[1].view().frames; after != before {
		t.Errorf("%d frames of somebody who may not be seen any more", after-before)
	}
}

func TestWhoMayNotMeetReceivesNothing(t *testing.T) {
	h := open(t)
	a, b, c := h.page("therapist-1", options{}), h.page("client-1", options{}), h.page("zaperone-1", options{})
	if err := h.relay.Open(visit, true); err != nil {
		t.Fatal(err)
	}
	h.relay.SetMembers(visit, map[protocol.PeerID]relay.Member{
		a.peer: {Seat: a.seat, Sees: []protocol.PeerID{b.peer}},
		b.peer: {Seat: b.seat, Sees: []protocol.PeerID{a.peer}},
		c.peer: {Seat: c.seat},
	})
	for _, p := range []*page{a, b, c} {
		p.connect().send()
	}
	a.sees(0, b, 30)
	b.sees(0, a, 30)
	for i := range c.slots {
		if v := c.slots[i].view(); v.packets != 0 {
			t.Errorf("the third sees %+v", v)
		}
		if v := c.sounds[i].view(); v.packets != 0 {
			t.Errorf("the third hears %+v", v)
		}
	}
	for _, p := range []*page{a, b} {
		if v := p.slots[1].view(); v.packets != 0 {
			t.Errorf("%s sees the third", p.seat)
		}
	}
	// A page of another visit can't even speak to this one's relay.
	h.relay.Receive("another visit", c.peer, &protocol.Offer{SDP: "v=0"})
	h.relay.Receive(visit, "a-page-that-nobody-knows", &protocol.Offer{SDP: "v=0"})
}

// A rope that is paused from the start has no track at the relay: it begins with
// its first packet, and nobody has to be asked again.
func TestARopeThatWasPausedFromTheStartBeginsAtOnce(t *testing.T) {
	h := open(t)
	a, b := h.page("therapist-1", options{}), h.page("client-1", options{})
	h.meet(a, b)
	b.paused.Store(true)
	a.connect().send()
	b.connect().send()
	b.sees(0, a, 30)
	if got := a.slots[0].view().packets; got != 0 {
		t.Fatalf("%d packets of a paused rope", got)
	}
	if heard := h.relay.Heard(visit)[b.peer]; heard.FrameAge >= 0 || heard.SoundAge >= 0 {
		t.Errorf("measured of a paused rope: %+v", heard)
	}
	began := time.Now()
	b.paused.Store(false)
	a.sees(0, b, 1)
	if took := time.Since(began); took > time.Second {
		t.Errorf("the first frame took %s", took)
	}
	// And again in the middle: the same stream goes on.
	b.paused.Store(true)
	a.await("nothing comes", func() bool { return time.Since(a.slots[0].view().last) > 300*time.Millisecond })
	b.paused.Store(false)
	a.sees(0, b, 10)
	if v := a.slots[0].view(); v.jumps != 0 || v.back != 0 {
		t.Errorf("no one stream: %+v", v)
	}
}

// A slot that changes hands goes on as one stream and begins with a key frame.
func TestASlotThatChangesHandsShowsOneStream(t *testing.T) {
	h := open(t)
	a, b := h.page("therapist-1", options{}), h.page("client-1", options{})
	h.meet(a, b)
	a.connect().send()
	b.connect().send()
	a.sees(0, b, 20)
	b.close() // the laptop dies; another device takes the seat
	again := h.page("client-1", options{})
	h.meet(a, again)
	again.connect().send()
	a.await("the other device's frames in the same slot", func() bool {
		shown := a.showing()
		return len(shown) == 1 && shown[0] == protocol.Slot{Slot: 0, Seat: "client-1", Peer: again.peer} && a.slots[0].view().keys >= 2
	})
	a.sees(0, again, 20)
	if v := a.slots[0].view(); v.jumps != 0 || v.back != 0 || v.pictures != 0 {
		t.Errorf("the numbers do not go on: %+v", v)
	}
}

func TestAPublisherIsNotAskedForKeyFramesWithoutEnd(t *testing.T) {
	h := open(t)
	a, b := h.page("therapist-1", options{}), h.page("client-1", options{})
	h.meet(a, b)
	a.connect().send()
	b.connect().send()
	a.sees(0, b, 10)
	before, began := b.plis.Load(), time.Now()
	for time.Since(began) < 2*time.Second {
		for _, r := range a.pc.GetReceivers() {
			if track := r.Track(); track != nil && track.Kind() == webrtc.RTPCodecTypeVideo {
				_ = a.pc.WriteRTCP([]rtcp.Packet{&rtcp.PictureLossIndication{MediaSSRC: uint32(track.SSRC())}})
			}
		}
		time.Sleep(20 * time.Millisecond)
	}
	asked, most := b.plis.Load()-before, int64(time.Since(began)/(500*time.Millisecond))+1
	if asked == 0 || asked > most {
		t.Errorf("asked %d times in %s: between 1 and %d are right", asked, time.Since(began), most)
	}
}

func TestAPageThatWasCutOffIsAskedForAKeyFrameAtOnceAndOneThatPausedIsNot(t *testing.T) {
	h := open(t)
	a, b := h.page("therapist-1", options{}), h.page("client-1", options{})
	h.meet(a, b)
	a.connect().send()
	b.connect().send()
	a.sees(0, b, 20)
	for _, one := range []struct {
		stop  *atomic.Bool
		asked bool
	}{{&b.paused, false}, {&b.cut, true}} {
		time.Sleep(600 * time.Millisecond) // what was asked for at the beginning is over
		one.stop.Store(true)
		time.Sleep(tornFor)
		before := b.plis.Load()
		one.stop.Store(false)
		a.sees(0, b, 10)
		if asked := b.plis.Load() > before; asked != one.asked {
			t.Errorf("cut off: %v; asked for a key frame: %v", one.asked, asked)
		}
		// What it could not send would take the room of what is new.
		if n := b.nacks.Load(); n > 0 {
			t.Errorf("cut off: %v; asked %d times for what is missing", one.asked, n)
		}
	}
}

// tornFor is longer than what is taken for a pause of the camera.
const tornFor = 800 * time.Millisecond

func TestTheSmallLayerIsShownWhereTheBigOneIsNotSent(t *testing.T) {
	h := open(t)
	a, b := h.page("therapist-1", options{}), h.page("client-1", options{simulcast: true})
	h.meet(a, b)
	a.connect()
	b.connect().send()
	layer := func(i byte, n int) {
		t.Helper()
		before := a.slots[0].view().from[b.mark()+i]
		a.await(fmt.Sprintf("%d frames of layer %d", n, i), func() bool { return a.slots[0].view().from[b.mark()+i] >= before+n })
	}
	layer(0, 20)
	b.small.Store(true)
	layer(1, 20)
	b.small.Store(false)
	layer(0, 20)
	if v := a.slots[0].view(); v.jumps != 0 || v.back != 0 || v.pictures != 0 {
		t.Errorf("no one stream: %+v", v)
	}
}

func TestAConnectionThatIsBuiltAnewReplacesTheOld(t *testing.T) {
	h := open(t)
	a, b := h.page("therapist-1", options{}), h.page("client-1", options{})
	h.meet(a, b)
	a.connect().send()
	b.connect().send()
	a.sees(0, b, 10)
	old := b.pc
	b.build(options{})
	b.connect()
	if err := old.GracefulClose(); err != nil {
		t.Error(err)
	}
	a.sees(0, b, 20)
	b.sees(0, a, 20)
	if v := a.slots[0].view(); v.jumps != 0 || v.back != 0 {
		t.Errorf("%+v", v)
	}
}

func TestAnICERestartKeepsThePicture(t *testing.T) {
	h := open(t)
	a, b := h.page("therapist-1", options{}), h.page("client-1", options{})
	h.meet(a, b)
	a.connect().send()
	b.connect().send()
	a.sees(0, b, 10)
	b.offer(true)
	a.sees(0, b, 60)
	b.sees(0, a, 20)
	if v := a.slots[0].view(); v.longest > time.Second || v.jumps != 0 {
		t.Errorf("%+v", v)
	}
}

// After a restart of the server the page's connection is one that the relay does
// not know: it is asked for a new one, not left to find out.
func TestARestartOfAConnectionThatIsNoMoreAsksForANewOne(t *testing.T) {
	h := open(t)
	b := h.page("client-1", options{})
	h.meet(b)
	sdp, err := b.pc.CreateOffer(nil)
	if err != nil {
		t.Fatal(err)
	}
	h.relay.Receive(visit, b.peer, &protocol.Offer{SDP: sdp.SDP, Restart: true})
	b.await("a question for an offer", func() bool { b.mu.Lock(); defer b.mu.Unlock(); return b.offers == 1 })
	if h.relay.ID(visit) == open(t).relay.ID(visit) {
		t.Error("another process has the same name in this visit")
	}
}

func TestMediaGoesOverTCPWhereUDPIsShut(t *testing.T) {
	var tcp net.Listener
	h := open(t, func(o *relay.Options) {
		var err error
		if tcp, err = net.Listen("tcp4", "127.0.0.1:0"); err != nil {
			t.Fatal(err)
		}
		o.TCP = tcp
	})
	a, b := h.page("therapist-1", options{tcp: true}), h.page("client-1", options{})
	h.meet(a, b)
	a.connect().send()
	b.connect().send()
	a.sees(0, b, 30)
	b.sees(0, a, 30)
	if route := h.relay.Heard(visit)[a.peer].Route; route != "relay-tcp" {
		t.Errorf("the route is %q", route)
	}
}

// A viewer that is connected, over TCP, and reads nothing any more: what is sent to
// it is dropped, and nobody waits.
func TestAViewerThatIsStuckHoldsUpNobody(t *testing.T) {
	tcp, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h := open(t, func(o *relay.Options) { o.TCP = shallow{tcp} })
	way := narrow(t, tcp.Addr().String())
	a, b, c := h.page("client-1", options{}), h.page("therapist-1", options{}), h.page("zaperone-1", options{tcp: true})
	c.through = func(answer string) string {
		port := fmt.Sprint(tcp.Addr().(*net.TCPAddr).Port)
		return strings.ReplaceAll(answer, " "+port+" typ host tcptype passive", " "+way.port+" typ host tcptype passive")
	}
	h.meet(a, b, c)
	a.connect().send()
	b.connect().send()
	c.connect()
	c.sees(0, a, 10)
	way.stuck.Store(true)
	a.sees(0, b, 120) // 4 s: more than its buffers hold
	b.sees(0, a, 30)
	for _, p := range []*page{a, b} {
		if v := p.slots[0].view(); v.longest > time.Second || v.jumps != 0 {
			t.Errorf("%s: %+v", p.seat, v)
		}
	}
	if way.carried.Load() == 0 {
		t.Error("nothing ever went that way: the test shows nothing")
	}
}

// shallow is a listener whose connections hold little that is not sent yet.
type shallow struct{ net.Listener }

func (s shallow) Accept() (net.Conn, error) {
	c, err := s.Listener.Accept()
	if err == nil {
		err = c.(*net.TCPConn).SetWriteBuffer(8 << 10)
	}
	return c, err
}

// path is a TCP way that can get stuck towards its client.
type path struct {
	port    string
	stuck   atomic.Bool
	carried atomic.Int64
}

func narrow(t *testing.T, to string) *path {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &path{port: fmt.Sprint(l.Addr().(*net.TCPAddr).Port)}
	quit := make(chan struct{})
	var running sync.WaitGroup
	t.Cleanup(func() { close(quit); l.Close(); running.Wait() })
	running.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp4", to)
			if err != nil {
				client.Close()
				return
			}
			_ = server.(*net.TCPConn).SetReadBuffer(16 << 10)
			running.Go(func() { <-quit; client.Close(); server.Close() })
			running.Go(func() { _, _ = io.Copy(server, client) })
			running.Go(func() {
				buf := make([]byte, 4096)
				for {
					if w.stuck.Load() {
						<-quit
						return
					}
					n, err := server.Read(buf)
					if err != nil {
						return
					}
					w.carried.Add(int64(n))
					if _, err := client.Write(buf[:n]); err != nil {
						return
					}
				}
			})
		}
	})
	return w
}

func TestAVisitIsRefusedBeforeItBeginsAndNeverInTheMiddle(t *testing.T) {
	h := open(t, func(o *relay.Options) { o.MaxRooms = 2 })
	for i := range 2 {
		if err := h.relay.Open(fmt.Sprint("visit", i), false); err != nil {
			t.Fatal(err)
		}
	}
	if err := h.relay.Open("third", false); !errors.Is(err, relay.ErrFull) {
		t.Errorf("a visit that has no place: %v", err)
	}
	if err := h.relay.Open("begun", true); err != nil {
		t.Errorf("a visit that has begun: %v", err)
	}
	if err := h.relay.Open("visit0", false); err != nil {
		t.Errorf("a visit that has its place: %v", err)
	}
	h.relay.Shut("visit0", 0)
	h.relay.Shut("begun", 0)
	if err := h.relay.Open("third", false); err != nil {
		t.Errorf("after others have left: %v", err)
	}
}

func TestOptionsThatCannotWorkAreRefused(t *testing.T) {
	udp, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer udp.Close()
	say := func(string, protocol.PeerID, any) {}
	for name, o := range map[string]relay.Options{
		"no socket":     {Say: say},
		"nobody to say": {UDP: udp},
		"only IPv6":     {UDP: udp, Say: say, Advertise: []netip.Addr{netip.MustParseAddr("2001:db8::1")}},
		"unspecified":   {UDP: udp, Say: say, Advertise: []netip.Addr{netip.MustParseAddr("0.0.0.0")}},
	} {
		if r, err := relay.New(o); err == nil {
			t.Errorf("%s: accepted", name)
			r.Close()
		}
	}
}

func TestTheAnswerNamesTheAdvertisedAddressAlone(t *testing.T) {
	h := open(t, func(o *relay.Options) { o.Advertise = []netip.Addr{netip.MustParseAddr("203.0.113.10")} })
	a := h.page("therapist-1", options{})
	h.meet(a)
	a.offer(false)
	n := 0
	for line := range strings.Lines(a.pc.RemoteDescription().SDP) {
		if strings.HasPrefix(line, "a=candidate:") {
			n++
			if !strings.Contains(line, " 203.0.113.10 ") {
				t.Errorf("it names %s", line)
			}
		}
	}
	if n == 0 {
		t.Error("there is no candidate")
	}
}

// What one page sends, however broken, disturbs no other.
func TestBrokenOffersDisturbNobody(t *testing.T) {
	h := open(t)
	a, b, c := h.page("therapist-1", options{}), h.page("client-1", options{}), h.page("zaperone-1", options{})
	h.meet(a, b, c)
	a.connect().send()
	b.connect().send()
	a.sees(0, b, 5)
	good, err := c.pc.CreateOffer(nil)
	if err != nil {
		t.Fatal(err)
	}
	for i, sdp := range broken(good.SDP) {
		h.relay.Receive(visit, c.peer, &protocol.Offer{SDP: sdp})
		h.relay.Receive(visit, c.peer, &protocol.Candidate{Candidate: sdp})
		c.await(fmt.Sprintf("an answer of some kind to broken offer %d", i), func() bool {
			c.mu.Lock()
			defer c.mu.Unlock()
			n := len(c.refused) + len(c.answers)
			c.refused = nil
			for len(c.answers) > 0 {
				<-c.answers
			}
			return n > 0
		})
	}
	a.sees(0, b, 5)
	b.sees(0, a, 5)
	c.build(options{})
	c.connect()
	c.sees(1, a, 5)
	if v := a.slots[0].view(); v.longest > time.Second {
		t.Errorf("the others' picture stood still for %s", v.longest)
	}
}

func broken(good string) []string {
	return []string{
		"", "v=0", "\x00", strings.Repeat("m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n", 100),
		strings.ReplaceAll(good, "a=fingerprint", "a=finger"),
		strings.ReplaceAll(good, "a=ice-ufrag", "a=ice-none"),
		strings.ReplaceAll(good, "VP8/90000", "VP9/90000"),
		strings.ReplaceAll(good, "a=mid:", "a=mid:x"),
		strings.ReplaceAll(good, "a=setup:actpass", "a=setup:nobody"),
		good[:len(good)/2],
		good + good,
		strings.ReplaceAll(good, "sendrecv", "inactive"),
	}
}

func TestCloseEndsEverything(t *testing.T) {
	h := open(t)
	a, b := h.page("therapist-1", options{}), h.page("client-1", options{})
	h.meet(a, b)
	a.connect().send()
	b.connect().send()
	a.sees(0, b, 5)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	done := make(chan struct{})
	go func() { defer close(done); h.relay.Close() }()
	select {
	case <-done:
	case <-ctx.Done():
		t.Fatal("it does not end")
	}
	if err := h.relay.Open("another", false); err == nil {
		t.Error("it opens rooms after it was closed")
	}
}
