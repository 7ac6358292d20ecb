package person_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/pion/webrtc/v4"
	"github.com/pion/webrtc/v4/pkg/media"

	"belay/cmd/internal/person"
	"belay/session/store/bolt"
)

// BenchmarkFirstPicture measures from both WebSocket dials to the first picture
// at both sides, through the server, against bare pion peers over a bare relay in
// the same run, one after the other. Goals: ratio ≤ 1.2, p95/p50 ≤ 2. Who joined
// is recorded before anybody is told; "unsynced" leaves out what the disk takes
// for that.
func BenchmarkFirstPicture(b *testing.B) {
	for name, unsynced := range map[string]bool{"durable": false, "unsynced": true} {
		b.Run(name, func(b *testing.B) {
			here := openStore(b, bolt.Options{NoSync: unsynced})
			bare := openBareRelay(b)
			var ours, floor []time.Duration
			for b.Loop() {
				floor = append(floor, bare.firstPicture(b))
				ours = append(ours, here.firstPicture(b))
			}
			b.ReportMetric(0, "ns/op") // the ones below are what counts
			b.ReportMetric(float64(quantile(ours, 50).Microseconds())/1000, "ms-p50")
			b.ReportMetric(float64(quantile(floor, 50).Microseconds())/1000, "bare-ms-p50")
			b.ReportMetric(float64(quantile(ours, 50))/float64(quantile(floor, 50)), "ratio-p50")
			b.ReportMetric(float64(quantile(ours, 95))/float64(quantile(ours, 50)), "p95/p50")
			b.ReportMetric(float64(quantile(floor, 95))/float64(quantile(floor, 50)), "bare-p95/p50")
		})
	}
}

func quantile(all []time.Duration, per100 int) time.Duration {
	sorted := slices.Clone(all)
	slices.Sort(sorted)
	return sorted[(len(sorted)-1)*per100/100]
}

func (p *place) firstPicture(b *testing.B) time.Duration {
	id := p.session(b)
	began := time.Now()
	therapist, err := person.Join(p.options(id, "therapist-1"))
	if err != nil {
		b.Fatal(err)
	}
	client, err := person.Join(p.options(id, "client-1"))
	if err != nil {
		b.Fatal(err)
	}
	meet(b, therapist, client)
	// To the first frames themselves, not to when this goroutine was woken.
	first := therapist.Flow("client-1").Picture.First
	if f := client.Flow("therapist-1").Picture.First; f.After(first) {
		first = f
	}
	therapist.Close()
	client.Close()
	return first.Sub(began)
}

// bareRelay hands what one of two sockets sends to the other.
type bareRelay struct {
	url string
	mu  sync.Mutex
	two []*websocket.Conn
	in  chan struct{} // closed when both are there
}

func openBareRelay(b *testing.B) *bareRelay {
	r := &bareRelay{in: make(chan struct{})}
	var upgrader websocket.Upgrader
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		ws, err := upgrader.Upgrade(w, req, nil)
		if err != nil {
			return
		}
		defer ws.Close()
		r.mu.Lock()
		me, in := len(r.two), r.in
		if r.two = append(r.two, ws); len(r.two) == 2 {
			close(r.in)
			for i, one := range r.two {
				if err := one.WriteMessage(websocket.TextMessage, []byte{byte('0' + i)}); err != nil {
					b.Error(err)
				}
			}
		}
		r.mu.Unlock()
		<-in
		r.mu.Lock()
		other := r.two[1-me]
		r.mu.Unlock()
		for {
			kind, raw, err := ws.ReadMessage()
			if err != nil || other.WriteMessage(kind, raw) != nil {
				return
			}
		}
	}))
	b.Cleanup(server.Close)
	r.url = "ws" + strings.TrimPrefix(server.URL, "http")
	return r
}

func (r *bareRelay) firstPicture(b *testing.B) time.Duration {
	r.mu.Lock()
	r.two, r.in = nil, make(chan struct{})
	r.mu.Unlock()
	began := time.Now()
	first := make([]time.Time, 2)
	var both sync.WaitGroup
	leave := make(chan struct{})
	var seen sync.WaitGroup
	seen.Add(2)
	for i := range first {
		both.Go(func() {
			p := newBarePeer(b, r.url)
			first[i] = p.firstPicture(b)
			seen.Done()
			<-leave
			p.close()
		})
	}
	seen.Wait()
	close(leave)
	both.Wait()
	return slices.MaxFunc(first, time.Time.Compare).Sub(began)
}

// barePeer is the least that shows a picture by a connection like ours: offered by
// the first of the two, trickled candidates, the same codecs, interceptors and data
// channel.
type barePeer struct {
	ws      *websocket.Conn
	pc      *webrtc.PeerConnection
	picture *webrtc.TrackLocalStaticSample
	write   sync.Mutex
	reader  sync.WaitGroup
}

type bareMessage struct {
	SDP       *webrtc.SessionDescription `json:"sdp,omitempty"`
	Candidate *webrtc.ICECandidateInit   `json:"candidate,omitempty"`
}

func newBarePeer(b *testing.B, url string) *barePeer {
	ws, _, err := websocket.DefaultDialer.Dial(url, nil)
	if err != nil {
		b.Fatal(err)
	}
	api, err := person.NewAPI()
	if err != nil {
		b.Fatal(err)
	}
	pc, err := api.NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		b.Fatal(err)
	}
	p := &barePeer{ws: ws, pc: pc}
	agreed, id := true, uint16(0)
	if _, err := pc.CreateDataChannel("bare", &webrtc.DataChannelInit{Negotiated: &agreed, ID: &id}); err != nil {
		b.Fatal(err)
	}
	if p.picture, err = webrtc.NewTrackLocalStaticSample(webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeVP8}, "picture", "bare"); err != nil {
		b.Fatal(err)
	}
	sound, err := webrtc.NewTrackLocalStaticSample(webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus}, "sound", "bare")
	if err != nil {
		b.Fatal(err)
	}
	for _, track := range []webrtc.TrackLocal{sound, p.picture} {
		if _, err := pc.AddTrack(track); err != nil {
			b.Fatal(err)
		}
	}
	pc.OnICECandidate(func(c *webrtc.ICECandidate) {
		if c != nil {
			init := c.ToJSON()
			p.send(bareMessage{Candidate: &init})
		}
	})
	return p
}

func (p *barePeer) send(m bareMessage) {
	raw, err := json.Marshal(m)
	if err != nil {
		return
	}
	p.write.Lock()
	defer p.write.Unlock()
	_ = p.ws.WriteMessage(websocket.TextMessage, raw) // its reader notices
}

// firstPicture returns when the other side's first frame has come.
func (p *barePeer) firstPicture(b *testing.B) time.Time {
	came := make(chan time.Time, 1)
	connected := make(chan struct{}, 1)
	p.pc.OnTrack(func(track *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
		for track.Kind() == webrtc.RTPCodecTypeVideo {
			packet, _, err := track.ReadRTP()
			if err != nil {
				return
			}
			if packet.Marker {
				select {
				case came <- time.Now():
				default:
				}
			}
		}
	})
	p.pc.OnConnectionStateChange(func(s webrtc.PeerConnectionState) {
		if s == webrtc.PeerConnectionStateConnected {
			connected <- struct{}{}
		}
	})
	p.reader.Go(func() { p.read(b) })
	every := time.NewTicker(time.Second / 15)
	defer every.Stop()
	ready := false
	for {
		select {
		case at := <-came:
			if !ready {
				<-connected
			}
			p.show() // the other side may still wait for its first
			return at
		case <-connected:
			ready = true
			p.show()
		case <-every.C:
			p.show()
		case <-time.After(20 * time.Second):
			b.Error("no picture between bare peers")
			return time.Now()
		}
	}
}

func (p *barePeer) show() {
	_ = p.picture.WriteSample(media.Sample{Data: make([]byte, 900), Duration: time.Second / 15}) // lost where nobody listens yet
}

func (p *barePeer) read(b *testing.B) {
	var waiting []webrtc.ICECandidateInit
	described := false
	describe := func(sdp webrtc.SessionDescription) {
		if err := p.pc.SetRemoteDescription(sdp); err != nil {
			b.Error(err)
		}
		described = true
	}
	say := func(sdp webrtc.SessionDescription, err error) {
		if err == nil {
			err = p.pc.SetLocalDescription(sdp)
		}
		if err != nil {
			b.Error(err)
			return
		}
		p.send(bareMessage{SDP: &sdp})
	}
	for {
		_, raw, err := p.ws.ReadMessage()
		if err != nil {
			return
		}
		var m bareMessage
		switch {
		case len(raw) == 1:
			if raw[0] == '0' {
				say(p.pc.CreateOffer(nil))
			}
			continue
		case json.Unmarshal(raw, &m) != nil:
			b.Errorf("not understood: %.80s", raw)
			return
		}
		if m.Candidate != nil {
			waiting = append(waiting, *m.Candidate)
		}
		if m.SDP != nil {
			describe(*m.SDP)
			if m.SDP.Type == webrtc.SDPTypeOffer {
				say(p.pc.CreateAnswer(nil))
			}
		}
		for ; described && len(waiting) > 0; waiting = waiting[1:] {
			if err := p.pc.AddICECandidate(waiting[0]); err != nil {
				b.Error(err)
			}
		}
	}
}

func (p *barePeer) close() {
	p.ws.Close()
	p.reader.Wait()
	_ = p.pc.GracefulClose() // its errors are about what is gone already
}
