package relay

import (
	"net"
	"strings"
	"testing"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/rtcp"
	"github.com/pion/webrtc/v4"

	"belay/signaling/protocol"
)

// A page that says more than the relay has time for takes no memory: it repeats what
// got no answer.
func TestWhatAPageSaysFasterThanItIsDoneIsDropped(t *testing.T) {
	p := newParty(&room{}, "a-page-in-a-hurry")
	p.busy = true // with what never ends
	for range 10 * maxWaiting {
		p.post(func() {})
	}
	if len(p.waiting) != maxWaiting {
		t.Errorf("%d wait", len(p.waiting))
	}
}

// A track of a connection that was replaced may come up late: it must not take the
// place of the new one's.
func TestALateStreamOfAFormerConnectionIsLeftOut(t *testing.T) {
	r := &room{parties: map[protocol.PeerID]*party{}}
	p := newParty(r, "a-page")
	former := &link{party: p}
	p.link = &link{party: p}
	if r.add(former, &source{link: former, picture: true, rid: "h"}) || len(p.layers) > 0 {
		t.Errorf("the page has %d layers of a connection that is no more", len(p.layers))
	}
	if s := (&source{link: p.link, picture: true, rid: "h"}); !r.add(p.link, s) || p.layers["h"] != s {
		t.Error("that of the one in use is left out")
	}
}

// alone is a relay that nobody listens to.
func alone(t testing.TB) *Relay {
	t.Helper()
	udp, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r, err := New(Options{UDP: udp, Say: func(string, protocol.PeerID, any) {}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

// Whoever could have the relay send somewhere by naming an address could have it
// attack somebody.
func TestAddressesThatAnOfferNamesAreNotEvenTold(t *testing.T) {
	r := alone(t)
	offer := strings.ReplaceAll(goodOffer(t), "a=rtcp-mux", "a=rtcp-mux\r\na=candidate:1 1 udp 2130706431 192.0.2.1 9 typ host")
	l, err := newLink(newParty(newRoom(r, "visit"), "a-page"), offer)
	if err != nil {
		t.Fatal(err)
	}
	defer l.close()
	if _, err := l.describe(offer); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(l.offer, "192.0.2.1") {
		t.Fatal("the offer names no address, so that this test can find nothing")
	}
	if sdp := l.pc.RemoteDescription().SDP; strings.Contains(sdp, "192.0.2.1") {
		t.Errorf("it is told to send to 192.0.2.1: %s", sdp)
	}
}

func TestARoomThatWasShutForAWhileEndsAfterIt(t *testing.T) {
	r := alone(t)
	for _, id := range []string{"ends", "taken up again"} {
		if err := r.Open(id, true); err != nil {
			t.Fatal(err)
		}
		r.Shut(id, time.Millisecond)
	}
	if err := r.Open("taken up again", true); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(10 * time.Second); r.room("ends") != nil; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it stays")
		}
	}
	if r.room("taken up again") == nil {
		t.Error("one that was opened again has ended too")
	}
}

// A key frame that was asked for too early is asked for as soon as it may be: nobody
// else would.
func TestAKeyFrameThatIsOwedIsAskedForWhenItMayBe(t *testing.T) {
	pc, err := webrtc.NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		t.Fatal(err)
	}
	defer pc.Close()
	k, s := keys{last: noon}, &source{link: &link{pc: pc}}
	k.ask(s, noon.Add(askEvery/5))
	k.ask(s, noon.Add(askEvery/4))
	k.due(noon.Add(askEvery / 2))
	if len(k.owed) != 1 || k.last != noon {
		t.Fatalf("%d are owed since %v", len(k.owed), k.last)
	}
	k.due(noon.Add(askEvery))
	if len(k.owed) != 0 || k.last != noon.Add(askEvery) {
		t.Errorf("%d are still owed, since %v", len(k.owed), k.last)
	}
}

// listener is an interceptor that counts what is reported by a connection.
type listener struct {
	interceptor.NoOp
	reports int
}

func (l *listener) NewInterceptor(string) (interceptor.Interceptor, error) { return l, nil }

func (l *listener) BindRTCPWriter(interceptor.RTCPWriter) interceptor.RTCPWriter {
	return interceptor.RTCPWriterFunc(func(packets []rtcp.Packet, _ interceptor.Attributes) (int, error) {
		l.reports += len(packets)
		return 0, nil
	})
}

// A page that builds its connection anew leaves a request behind that was for the one
// before; it does not take the new one's with it.
func TestAKeyFrameIsAskedForByTheConnectionThatBringsThePicture(t *testing.T) {
	var all [2]listener
	var sources []*source
	for i := range all {
		registry := &interceptor.Registry{}
		registry.Add(&all[i])
		pc, err := webrtc.NewAPI(webrtc.WithInterceptorRegistry(registry)).NewPeerConnection(webrtc.Configuration{})
		if err != nil {
			t.Fatal(err)
		}
		defer pc.Close()
		sources = append(sources, &source{link: &link{pc: pc}})
	}
	k := keys{last: noon}
	for _, s := range sources {
		k.ask(s, noon)
	}
	k.due(noon.Add(askEvery))
	if all[0].reports != 1 || all[1].reports != 1 {
		t.Errorf("the connection before was asked %d times, the new one %d times", all[0].reports, all[1].reports)
	}
}
