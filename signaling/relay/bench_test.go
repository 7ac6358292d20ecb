package relay_test

import (
	"encoding/binary"
	"fmt"
	"net"
	"os"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/interceptor"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"belay/signaling/protocol"
	"belay/signaling/relay"
)

// One way of a room: 1.2 Mbit/s of picture and a sound.
const (
	benchFrame  = 33 * time.Millisecond
	benchParts  = 5    // packets of a frame
	benchSize   = 1000 // bytes of each
	benchWindow = 4 * time.Second
)

// BenchmarkForward measures, in one run and with the same senders, what the relay
// costs for each packet that it passes on and what it adds to its way, against a
// bare pion forwarder (the library's defaults: read a packet, write it to the
// other) and against plain UDP sockets. The senders and receivers run in the same
// process and are measured alone first by the plain copy: their cost is taken off.
//
//	go test -run XXX -bench Forward -benchtime 1x ./signaling/relay     (BELAY_ROOMS=40)
func BenchmarkForward(b *testing.B) {
	rooms := 5
	if n, err := strconv.Atoi(os.Getenv("BELAY_ROOMS")); err == nil && n > 0 {
		rooms = n
	}
	var direct, bare, ours result
	for b.Loop() {
		direct = measure(b, rooms, func(b *testing.B, i int) (*benchPeer, *benchPeer, func()) { return meetDirectly(b) })
		forwarder := newBareForwarder(b)
		bare = measure(b, rooms, func(b *testing.B, i int) (*benchPeer, *benchPeer, func()) { return forwarder.meet(b) })
		forwarder.close()
		h := open(b)
		ours = measure(b, rooms, func(b *testing.B, i int) (*benchPeer, *benchPeer, func()) { return meetAtRelay(b, h, i) })
	}
	floor := plainCopy(b)
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(ours.cpu-direct.cpu, "us/packet")
	b.ReportMetric(bare.cpu-direct.cpu, "us/packet-bare")
	b.ReportMetric(floor, "us/packet-udp")
	b.ReportMetric((ours.cpu-direct.cpu)/(bare.cpu-direct.cpu), "cpu-ratio")
	b.ReportMetric(float64(ours.p50-direct.p50)/1e3, "us-added-p50")
	b.ReportMetric(float64(bare.p50-direct.p50)/1e3, "us-added-p50-bare")
	b.ReportMetric(float64(ours.p99)/1e3, "us-p99")
	b.ReportMetric(float64(bare.p99)/1e3, "us-p99-bare")
	b.ReportMetric(ours.memory-direct.memory, "KiB/room")
	b.ReportMetric(bare.memory-direct.memory, "KiB/room-bare")
	b.ReportMetric((ours.memory-direct.memory)/(bare.memory-direct.memory), "memory-ratio")
	b.ReportMetric(100*ours.lost, "%lost")
	b.ReportMetric(100*bare.lost, "%lost-bare")
}

type result struct {
	cpu      float64 // microseconds of processor time for each packet that arrived
	p50, p99 time.Duration
	memory   float64 // KiB of a room
	lost     float64
}

type benchPeer struct {
	pc          *webrtc.PeerConnection
	camera, mic *webrtc.TrackLocalStaticRTP
	got         atomic.Int64
	mu          sync.Mutex
	ways        []time.Duration
	running     sync.WaitGroup
	sent        atomic.Int64
}

var origin = time.Now()

func newBenchPeer(b *testing.B) *benchPeer {
	b.Helper()
	pc, err := pionAPI(b, false).NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		b.Fatal(err)
	}
	p := &benchPeer{pc: pc}
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
				if packet.Unmarshal(buf[:n]) != nil || len(packet.Payload) < 16 {
					continue
				}
				p.got.Add(1)
				way := time.Since(origin) - time.Duration(binary.BigEndian.Uint64(packet.Payload[8:]))
				p.mu.Lock()
				p.ways = append(p.ways, way)
				p.mu.Unlock()
			}
		})
	})
	return p
}

// connect has answer describe the other side.
func (p *benchPeer) connect(b *testing.B, answer func(offer string) string) {
	b.Helper()
	up := make(chan struct{}, 1)
	p.pc.OnConnectionStateChange(func(s webrtc.PeerConnectionState) {
		if s == webrtc.PeerConnectionStateConnected {
			up <- struct{}{}
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

// answerWith answers an offer on a connection.
func answerWith(b *testing.B, pc *webrtc.PeerConnection) func(string) string {
	return func(offer string) string {
		if err := pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: offer}); err != nil {
			b.Fatal(err)
		}
		sdp, err := pc.CreateAnswer(nil)
		if err != nil {
			b.Fatal(err)
		}
		gathered := webrtc.GatheringCompletePromise(pc)
		if err := pc.SetLocalDescription(sdp); err != nil {
			b.Fatal(err)
		}
		<-gathered
		return pc.LocalDescription().SDP
	}
}

func (p *benchPeer) close() {
	_ = p.pc.GracefulClose()
	p.running.Wait()
}

// send sends at the pace of a browser until quit.
func (p *benchPeer) send(quit <-chan struct{}) {
	frames, sounds := time.NewTicker(benchFrame), time.NewTicker(20*time.Millisecond)
	defer frames.Stop()
	defer sounds.Stop()
	payload := make([]byte, benchSize)
	var seq, tone uint16
	stamp := func(size int) []byte {
		binary.BigEndian.PutUint64(payload[8:], uint64(time.Since(origin)))
		return payload[:size]
	}
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
				seq++
				p.sent.Add(1)
				_ = p.camera.WriteRTP(&rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: seq, Timestamp: uint32(now.UnixNano() / 11111), Marker: part == benchParts-1}, Payload: stamp(benchSize)})
			}
		case now := <-sounds.C:
			tone++
			p.sent.Add(1)
			_ = p.mic.WriteRTP(&rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: tone, Timestamp: uint32(now.UnixNano() / 20833)}, Payload: stamp(120)})
		}
	}
}

func measure(b *testing.B, rooms int, meet func(*testing.B, int) (*benchPeer, *benchPeer, func())) (r result) {
	b.Helper()
	before := heap()
	var all []*benchPeer
	var ends []func()
	for i := range rooms {
		one, two, end := meet(b, i)
		all, ends = append(all, one, two), append(ends, end)
	}
	quit := make(chan struct{})
	var sending sync.WaitGroup
	for _, p := range all {
		sending.Go(func() { p.send(quit) })
		time.Sleep(time.Millisecond) // not all at the same moment
	}
	for _, p := range all {
		await(b, "media in every room", func() bool { return p.got.Load() > 50 })
	}
	var got, sent int64
	for _, p := range all {
		p.mu.Lock()
		p.ways = p.ways[:0]
		p.mu.Unlock()
		got -= p.got.Load()
		sent -= p.sent.Load()
	}
	spent := processorTime()
	time.Sleep(benchWindow)
	spent = processorTime() - spent
	var ways []time.Duration
	for _, p := range all {
		got += p.got.Load()
		sent += p.sent.Load()
		p.mu.Lock()
		ways = append(ways, p.ways...)
		p.ways = nil
		p.mu.Unlock()
	}
	ways = slices.Clip(ways)
	slices.Sort(ways)
	r.cpu = float64(spent.Microseconds()) / float64(got)
	r.p50, r.p99 = ways[len(ways)/2], ways[len(ways)*99/100]
	r.lost = max(0, 1-float64(got)/float64(sent))
	ways = nil
	r.memory = (heap() - before) / 1024 / float64(rooms)
	close(quit)
	sending.Wait()
	for _, end := range ends {
		end()
	}
	return r
}

func heap() float64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc + m.StackInuse)
}

func processorTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func meetDirectly(b *testing.B) (*benchPeer, *benchPeer, func()) {
	one, two := newBenchPeer(b), newBenchPeer(b)
	one.connect(b, answerWith(b, two.pc))
	return one, two, func() { one.close(); two.close() }
}

func meetAtRelay(b *testing.B, h *house, i int) (*benchPeer, *benchPeer, func()) {
	session := fmt.Sprint("room-", i)
	if err := h.relay.Open(session, true); err != nil {
		b.Fatal(err)
	}
	names := [2]protocol.PeerID{protocol.PeerID(fmt.Sprint("bench-page-one-", i)), protocol.PeerID(fmt.Sprint("bench-page-two-", i))}
	h.relay.SetMembers(session, map[protocol.PeerID]relay.Member{
		names[0]: {Seat: "a", Sees: names[1:]}, names[1]: {Seat: "b", Sees: names[:1]},
	})
	var peers [2]*benchPeer
	for n, name := range names {
		peers[n] = newBenchPeer(b)
		said := &page{told: make(chan any, 16)}
		h.mu.Lock()
		h.pages[name] = said
		h.mu.Unlock()
		peers[n].connect(b, func(offer string) string {
			h.relay.Receive(session, name, &protocol.Offer{SDP: offer})
			for m := range said.told {
				if answer, ok := m.(protocol.Answer); ok {
					return answer.SDP
				}
			}
			return ""
		})
	}
	return peers[0], peers[1], func() {
		h.mu.Lock()
		for _, name := range names {
			delete(h.pages, name)
		}
		h.mu.Unlock()
		h.relay.Shut(session, 0)
		peers[0].close()
		peers[1].close()
	}
}

// bareForwarder is what one writes first with pion: the defaults, one UDP port.
type bareForwarder struct {
	api *webrtc.API
	mux *ice.UDPMuxDefault
}

func newBareForwarder(b *testing.B) *bareForwarder {
	udp, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		b.Fatal(err)
	}
	media, registry := &webrtc.MediaEngine{}, &interceptor.Registry{}
	if err := media.RegisterDefaultCodecs(); err != nil {
		b.Fatal(err)
	}
	if err := webrtc.RegisterDefaultInterceptors(media, registry); err != nil {
		b.Fatal(err)
	}
	f := &bareForwarder{mux: ice.NewUDPMuxDefault(ice.UDPMuxParams{UDPConn: udp})}
	var set webrtc.SettingEngine
	set.SetIncludeLoopbackCandidate(true)
	set.SetICEUDPMux(f.mux)
	set.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4})
	f.api = webrtc.NewAPI(webrtc.WithMediaEngine(media), webrtc.WithInterceptorRegistry(registry), webrtc.WithSettingEngine(set))
	return f
}

func (f *bareForwarder) close() { _ = f.mux.Close() }

func (f *bareForwarder) meet(b *testing.B) (*benchPeer, *benchPeer, func()) {
	var pcs [2]*webrtc.PeerConnection
	var out [2][2]*webrtc.TrackLocalStaticRTP
	var running sync.WaitGroup
	for i := range pcs {
		pc, err := f.api.NewPeerConnection(webrtc.Configuration{})
		if err != nil {
			b.Fatal(err)
		}
		pcs[i] = pc
		for k, mime := range []string{webrtc.MimeTypeOpus, webrtc.MimeTypeVP8} {
			if out[i][k], err = webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{MimeType: mime}, mime, "bare"); err != nil {
				b.Fatal(err)
			}
			sender, err := pc.AddTrack(out[i][k])
			if err != nil {
				b.Fatal(err)
			}
			running.Go(func() {
				buf := make([]byte, 1500)
				for {
					if _, _, err := sender.Read(buf); err != nil {
						return
					}
				}
			})
		}
	}
	for i, pc := range pcs {
		pc.OnTrack(func(track *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
			to := out[1-i][0]
			if track.Kind() == webrtc.RTPCodecTypeVideo {
				to = out[1-i][1]
			}
			running.Go(func() {
				for {
					packet, _, err := track.ReadRTP()
					if err != nil {
						return
					}
					packet.Extension, packet.Extensions = false, nil
					_ = to.WriteRTP(packet)
				}
			})
		})
	}
	one, two := newBenchPeer(b), newBenchPeer(b)
	one.connect(b, answerWith(b, pcs[0]))
	two.connect(b, answerWith(b, pcs[1]))
	return one, two, func() {
		one.close()
		two.close()
		for _, pc := range pcs {
			_ = pc.GracefulClose()
		}
		running.Wait()
	}
}

// plainCopy is what a packet costs that is read from one UDP socket and written
// to another, and nothing else.
func plainCopy(b *testing.B) float64 {
	var conns [3]*net.UDPConn
	for i := range conns {
		c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			b.Fatal(err)
		}
		defer c.Close()
		conns[i] = c
	}
	const n = 20000
	buf := make([]byte, 1500)
	middle, end := conns[1].LocalAddr().(*net.UDPAddr).AddrPort(), conns[2].LocalAddr().(*net.UDPAddr).AddrPort()
	var spent time.Duration
	for range n / 50 {
		for range 50 {
			if _, err := conns[0].WriteToUDPAddrPort(buf[:benchSize], middle); err != nil {
				b.Fatal(err)
			}
		}
		before := processorTime()
		for range 50 {
			m, _, err := conns[1].ReadFromUDPAddrPort(buf)
			if err == nil {
				_, err = conns[1].WriteToUDPAddrPort(buf[:m], end)
			}
			if err != nil {
				b.Fatal(err)
			}
		}
		spent += processorTime() - before
	}
	return float64(spent.Nanoseconds()) / 1e3 / n
}
