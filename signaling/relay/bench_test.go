package relay_test

import (
	"encoding/binary"
	"net"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"
)

// One way of a room: 1.2 Mbit/s of picture and a sound.
const (
	benchFrame = 33 * time.Millisecond
	benchParts = 5                      // packets of a frame
	benchSize  = 1000                   // bytes of each
	drained    = 500 * time.Millisecond // after the last packet was sent
)

// BenchmarkForward measures, in one run and with the same pages, what the relay
// costs for each packet that it passes on and what it adds to its way, against two
// floors: the packets copied between plain UDP sockets, and a bare pion forwarder
// (the library's defaults: read a packet, write it to the other). Each of the three
// is a process of its own; the pages are this one. The way between two pages
// without anything in the middle is taken off from what is added.
//
//	go test -run XXX -bench Forward -benchtime 1x ./signaling/relay     (BELAY_ROOMS=40)
//
// BELAY_PROFILE=PATH writes a processor profile of each forwarder.
func BenchmarkForward(b *testing.B) {
	rooms := 5
	if n, err := strconv.Atoi(os.Getenv("BELAY_ROOMS")); err == nil && n > 0 {
		rooms = n
	}
	var direct, plain, bare, ours result
	for b.Loop() {
		direct = measure(b, rooms, nil, meetDirectly)
		plain = through(b, rooms, "plain", meetPlainly)
		bare = through(b, rooms, "bare", meetThrough)
		ours = through(b, rooms, "ours", meetThrough)
	}
	us := func(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e3 }
	added := func(r result) float64 { return us(r.p50 - direct.p50) }
	b.ReportMetric(0, "ns/op")
	for name, r := range map[string]result{"": ours, "-bare": bare, "-udp": plain} {
		b.ReportMetric(r.cpu, "us/packet"+name)
		b.ReportMetric(r.made, "allocs/packet"+name)
		b.ReportMetric(added(r), "us-added-p50"+name)
		b.ReportMetric(us(r.p99), "us-p99"+name)
		b.ReportMetric(100*r.lost, "%lost"+name)
	}
	b.ReportMetric(us(direct.p99), "us-p99-direct")
	b.ReportMetric(100*direct.lost, "%lost-direct")
	b.ReportMetric(ours.cpu/bare.cpu, "cpu-ratio")
	b.ReportMetric(added(ours)/added(bare), "added-p50-ratio")
	b.ReportMetric(us(ours.p99)/us(bare.p99), "p99-ratio")
	b.ReportMetric(ours.memory, "KiB/room")
	b.ReportMetric(bare.memory, "KiB/room-bare")
	b.ReportMetric(ours.memory/bare.memory, "memory-ratio")
	b.ReportMetric(us(ours.first)/us(bare.first), "first-picture-ratio")
	b.ReportMetric(us(ours.first)/1e3, "ms-first-picture")
}

// BenchmarkRejoin measures from the SIGKILL of what stands in the middle to the
// next picture at both pages: a new process is started at once, on the same port,
// and both pages build their connection anew.
//
//	go test -run XXX -bench Rejoin -benchtime 5x ./signaling/relay
func BenchmarkRejoin(b *testing.B) {
	var ours, bare []time.Duration
	for b.Loop() {
		bare = append(bare, rejoin(b, "bare"))
		ours = append(ours, rejoin(b, "ours"))
	}
	slices.Sort(ours)
	slices.Sort(bare)
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(ours[len(ours)/2].Microseconds())/1e3, "ms-p50")
	b.ReportMetric(float64(bare[len(bare)/2].Microseconds())/1e3, "ms-p50-bare")
	b.ReportMetric(float64(ours[len(ours)/2])/float64(bare[len(bare)/2]), "ratio")
}

func rejoin(b *testing.B, role string) time.Duration {
	c := startForwarder(b, role, "127.0.0.1:0")
	old := meetThrough(b, c, 0)
	end := play(old[:]...)
	for _, p := range old {
		await(b, "a picture", func() bool { return p.got.Load() > 50 })
	}
	began := time.Now()
	c.kill()
	again := startForwarder(b, role, c.addr)
	pages := meetThrough(b, again, 0)
	quiet := play(pages[:]...)
	for _, p := range pages {
		await(b, "the picture again", func() bool { return p.pictured.Load() != 0 })
	}
	end()
	quiet()
	for _, p := range slices.Concat(old[:], pages[:]) {
		p.close()
	}
	again.close()
	return time.Unix(0, max(pages[0].pictured.Load(), pages[1].pictured.Load())).Sub(began)
}

// result is what was measured of one way.
type result struct {
	cpu      float64 // microseconds of the forwarder for each packet that arrived
	made     float64 // pieces of memory of the forwarder for each
	p50, p99 time.Duration
	memory   float64 // KiB of a room
	lost     float64 // 0 to 1
	first    time.Duration
}

func through(b *testing.B, rooms int, role string, meet func(*testing.B, *child, int) [2]*benchPage) result {
	c := startForwarder(b, role, "127.0.0.1:0")
	defer c.close()
	return measure(b, rooms, c, meet)
}

func measure(b *testing.B, rooms int, c *child, meet func(*testing.B, *child, int) [2]*benchPage) (r result) {
	b.Helper()
	var before float64
	if c != nil {
		before = c.ask(order{Do: "heap"}).Heap
	}
	all := make([][2]*benchPage, rooms)
	var firsts []time.Duration
	for i := range all {
		all[i] = meet(b, c, i)
		if all[i][1].dialled.IsZero() {
			continue
		}
		quiet := play(all[i][:]...)
		await(b, "the first picture", func() bool { return all[i][1].pictured.Load() != 0 })
		quiet()
		firsts = append(firsts, time.Unix(0, all[i][1].pictured.Load()).Sub(all[i][1].dialled))
	}
	if len(firsts) > 0 {
		slices.Sort(firsts)
		r.first = firsts[len(firsts)/2]
	}
	pages := slices.Concat(flat(all)...)
	quiet := play(pages...)
	for _, p := range pages {
		await(b, "media in every room", func() bool { return p.got.Load() > 100 })
	}
	spent := func() (w word) {
		if c != nil {
			w = c.ask(order{Do: "spent"})
		}
		return w
	}
	for _, p := range pages {
		p.begin(time.Since(origin))
	}
	began := spent()
	window := 4 * time.Second
	if testing.Short() {
		window = time.Second // enough to see that it measures
	}
	time.Sleep(window)
	ended := spent()
	quiet()
	if c != nil {
		r.memory = (c.ask(order{Do: "heap"}).Heap - before) / float64(rooms)
	}
	time.Sleep(drained)
	var sent int64
	var ways []time.Duration
	for _, p := range pages {
		sent += p.sent.Load()
		ways = append(ways, p.took()...)
		p.close()
	}
	slices.Sort(ways)
	r.p50, r.p99 = ways[len(ways)/2], ways[len(ways)*99/100]
	r.lost = 1 - float64(len(ways))/float64(sent)
	r.cpu = float64((ended.CPU - began.CPU).Nanoseconds()) / 1e3 / float64(len(ways))
	r.made = (ended.Made - began.Made) / float64(len(ways))
	return r
}

func flat(all [][2]*benchPage) [][]*benchPage {
	each := make([][]*benchPage, len(all))
	for i := range all {
		each[i] = all[i][:]
	}
	return each
}

func meetDirectly(b *testing.B, _ *child, _ int) [2]*benchPage {
	one, two := newBenchPage(b), newBenchPage(b)
	one.connect(b, func(offer string) string {
		answer, err := answerWith(two.pc, offer)
		if err != nil {
			b.Fatal(err)
		}
		return answer
	})
	return [2]*benchPage{one, two}
}

func meetThrough(b *testing.B, c *child, room int) (pages [2]*benchPage) {
	for i := range pages {
		began := time.Now()
		pages[i] = newBenchPage(b)
		pages[i].dialled = began
		pages[i].connect(b, func(offer string) string {
			return c.ask(order{Do: "answer", Room: room, Page: i, SDP: offer}).SDP
		})
	}
	return pages
}

func meetPlainly(b *testing.B, c *child, room int) (pages [2]*benchPage) {
	to := net.UDPAddrFromAddrPort(netip.MustParseAddrPort(c.addr))
	for i := range pages {
		conn, err := net.DialUDP("udp4", nil, to)
		if err != nil {
			b.Fatal(err)
		}
		p := &benchPage{plain: conn}
		p.since.Store(never)
		p.running.Go(func() {
			buf := make([]byte, 1500)
			for {
				n, err := conn.Read(buf)
				if err != nil {
					return
				}
				p.arrived(buf[12:n], false)
			}
		})
		pages[i] = p
		c.ask(order{Do: "join", Room: room, Page: i, Addr: conn.LocalAddr().String()})
	}
	return pages
}

var origin = time.Now()

const never = 1 << 62

// benchPage sends at the pace of a browser and notes how long packets took.
type benchPage struct {
	pc          *webrtc.PeerConnection
	camera, mic *webrtc.TrackLocalStaticRTP
	plain       *net.UDPConn // in place of the three
	dialled     time.Time

	seq, tone uint16 // of the sender alone
	got, sent atomic.Int64
	pictured  atomic.Int64 // when the first picture came; Unix nanoseconds
	since     atomic.Int64 // what was sent later counts; nanoseconds since origin
	mu        sync.Mutex
	ways      []time.Duration
	running   sync.WaitGroup
}

func newBenchPage(b *testing.B) *benchPage {
	b.Helper()
	pc, err := pionAPI(b, false, false).NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		b.Fatal(err)
	}
	p := &benchPage{pc: pc}
	p.since.Store(never)
	if p.mic, err = webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus}, "mic", "own"); err != nil {
		b.Fatal(err)
	}
	if p.camera, err = webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeVP8}, "camera", "own"); err != nil {
		b.Fatal(err)
	}
	for _, track := range []webrtc.TrackLocal{p.mic, p.camera} {
		t, err := pc.AddTransceiverFromTrack(track, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendrecv})
		if err != nil {
			b.Fatal(err)
		}
		p.running.Go(func() {
			buf := make([]byte, 1500)
			for {
				if _, _, err := t.Sender().Read(buf); err != nil {
					return
				}
			}
		})
	}
	pc.OnTrack(func(track *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
		p.running.Go(func() {
			buf := make([]byte, 1500)
			var packet rtp.Packet
			for {
				n, _, err := track.Read(buf)
				if err != nil {
					return
				}
				if packet.Unmarshal(buf[:n]) == nil {
					p.arrived(packet.Payload, track.Kind() == webrtc.RTPCodecTypeVideo)
				}
			}
		})
	})
	return p
}

func (p *benchPage) arrived(payload []byte, picture bool) {
	if len(payload) < 16 {
		return
	}
	p.got.Add(1)
	if picture && p.pictured.Load() == 0 {
		p.pictured.Store(time.Now().UnixNano())
	}
	at := time.Duration(binary.BigEndian.Uint64(payload[8:]))
	if int64(at) < p.since.Load() {
		return
	}
	way := time.Since(origin) - at
	p.mu.Lock()
	p.ways = append(p.ways, way)
	p.mu.Unlock()
}

// begin counts what is sent from now on.
func (p *benchPage) begin(at time.Duration) {
	p.mu.Lock()
	p.ways = make([]time.Duration, 0, 1<<10)
	p.mu.Unlock()
	p.since.Store(int64(at))
	p.sent.Store(0)
}

func (p *benchPage) took() []time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.ways
}

// connect has answer describe the other side.
func (p *benchPage) connect(b *testing.B, answer func(offer string) string) {
	b.Helper()
	up := make(chan struct{}, 1)
	p.pc.OnConnectionStateChange(func(s webrtc.PeerConnectionState) {
		if s == webrtc.PeerConnectionStateConnected {
			select {
			case up <- struct{}{}:
			default: // it had been there before
			}
		}
	})
	sdp, err := p.pc.CreateOffer(nil)
	if err != nil {
		b.Fatal(err)
	}
	gathered := webrtc.GatheringCompletePromise(p.pc)
	if err := p.pc.SetLocalDescription(sdp); err != nil {
		b.Fatal(err)
	}
	<-gathered
	if err := p.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer(p.pc.LocalDescription().SDP)}); err != nil {
		b.Fatal(err)
	}
	select {
	case <-up:
	case <-time.After(20 * time.Second):
		b.Fatal("no connection")
	}
}

func (p *benchPage) close() {
	if p.plain != nil {
		_ = p.plain.Close()
	} else {
		_ = p.pc.GracefulClose()
	}
	p.running.Wait()
}

// play has pages send until the function that it returns is called.
func play(pages ...*benchPage) (quiet func()) {
	quit := make(chan struct{})
	var sending sync.WaitGroup
	for _, p := range pages {
		sending.Go(func() { p.send(quit) })
		time.Sleep(benchFrame / time.Duration(len(pages))) // not all at the same moment
	}
	return func() { close(quit); sending.Wait() }
}

// send sends at the pace of a browser until quit.
func (p *benchPage) send(quit <-chan struct{}) {
	frames, sounds := time.NewTicker(benchFrame), time.NewTicker(20*time.Millisecond)
	defer frames.Stop()
	defer sounds.Stop()
	payload := make([]byte, benchSize)
	for {
		select {
		case <-quit:
			return
		case now := <-frames.C:
			for part := range benchParts {
				payload[0], payload[1] = 0, 0
				if part == 0 {
					payload[0] = 0x10 // every frame a key frame: any of them may be the first
				}
				p.seq++
				p.put(p.camera, p.seq, uint32(now.UnixNano()/11111), part == benchParts-1, payload)
			}
		case now := <-sounds.C:
			p.tone++
			p.put(p.mic, p.tone, uint32(now.UnixNano()/20833), false, payload[:120])
		}
	}
}

func (p *benchPage) put(to *webrtc.TrackLocalStaticRTP, seq uint16, stamp uint32, last bool, payload []byte) {
	at := time.Since(origin)
	if int64(at) >= p.since.Load() {
		p.sent.Add(1)
	}
	binary.BigEndian.PutUint64(payload[8:], uint64(at))
	h := rtp.Header{Version: 2, SequenceNumber: seq, Timestamp: stamp, Marker: last}
	if p.plain == nil {
		_ = to.WriteRTP(&rtp.Packet{Header: h, Payload: payload})
		return
	}
	var raw [1500]byte
	n, err := h.MarshalTo(raw[:])
	if err == nil {
		_, _ = p.plain.Write(raw[:n+copy(raw[n:], payload)])
	}
}
