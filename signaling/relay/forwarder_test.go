package relay_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"runtime/pprof"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/interceptor"
	"github.com/pion/webrtc/v4"

	"belay/signaling/protocol"
	"belay/signaling/relay"
)

// A forwarder under measurement runs in a process of its own, so that what it
// costs is not mixed with what the pages cost, and so that it can be killed. It is
// this test binary again, asked for by a variable; it takes one order a line and
// answers each with a line.
const forwarderRole = "BELAY_FORWARDER"

type order struct {
	Do   string // "answer", "join" or "spent"
	Room int
	Page int    // 0 or 1
	SDP  string // an offer
	Addr string // "join": of a page that is a plain UDP socket
}

type word struct {
	SDP   string
	Addr  string
	CPU   time.Duration // of the process so far
	Heap  float64       // KiB in use
	Made  float64       // pieces of memory so far
	Error string
}

// answerer is what stands in the middle.
type answerer interface {
	answer(room, page int, offer string) (string, error)
}

// forward is the child's life. It ends with its input.
func forward(role string) {
	if path := os.Getenv("BELAY_PROFILE"); path != "" {
		if f, err := os.Create(path + "." + role); err == nil {
			_ = pprof.StartCPUProfile(f)
			defer f.Close()
			defer pprof.StopCPUProfile()
			defer func() {
				if f, err := os.Create(path + ".allocs." + role); err == nil {
					_ = pprof.Lookup("allocs").WriteTo(f, 0)
					f.Close()
				}
			}()
		}
	}
	udp, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.MustParseAddrPort(os.Getenv("BELAY_FORWARDER_AT"))))
	out := json.NewEncoder(os.Stdout)
	if err != nil {
		_ = out.Encode(word{Error: err.Error()})
		return
	}
	defer udp.Close()
	var middle answerer
	var plain *plainForwarder
	switch role {
	case "ours":
		middle, err = newRelayForwarder(udp)
	case "bare":
		middle, err = newBareForwarder(udp)
	default:
		plain = &plainForwarder{udp: udp, pages: map[netip.AddrPort]netip.AddrPort{}}
		go plain.run()
	}
	if err != nil {
		_ = out.Encode(word{Error: err.Error()})
		return
	}
	_ = out.Encode(word{Addr: udp.LocalAddr().String()})
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(nil, 1<<20)
	for in.Scan() {
		var o order
		var w word
		err := json.Unmarshal(in.Bytes(), &o)
		switch {
		case err != nil:
		case o.Do == "answer":
			w.SDP, err = middle.answer(o.Room, o.Page, o.SDP)
		case o.Do == "join":
			err = plain.join(o.Room, o.Page, o.Addr)
		case o.Do == "spent":
			w.CPU, w.Made = processorTime(), made()
		case o.Do == "heap":
			w.Heap = heap() / 1024
		}
		if err != nil {
			w.Error = err.Error()
		}
		_ = out.Encode(w)
	}
}

func heap() float64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc + m.StackInuse)
}

func made() float64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.Mallocs)
}

func processorTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// child is the parent's end of a forwarder.
type child struct {
	b    *testing.B
	cmd  *exec.Cmd
	in   *json.Encoder
	out  *json.Decoder
	end  func() error
	addr string
}

// startForwarder starts one at an address; port 0: anywhere.
func startForwarder(b *testing.B, role, at string) *child {
	b.Helper()
	c := &child{b: b, cmd: exec.Command(os.Args[0])}
	c.cmd.Env = append(os.Environ(), forwarderRole+"="+role, "BELAY_FORWARDER_AT="+at)
	c.cmd.Stderr = os.Stderr
	stdin, err := c.cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	stdout, err := c.cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	c.in, c.out, c.end = json.NewEncoder(stdin), json.NewDecoder(stdout), stdin.Close
	if err := c.cmd.Start(); err != nil {
		b.Fatal(err)
	}
	c.addr = c.hear().Addr
	return c
}

func (c *child) ask(o order) word {
	if err := c.in.Encode(o); err != nil {
		c.b.Fatal(err)
	}
	return c.hear()
}

func (c *child) hear() word {
	var w word
	if err := c.out.Decode(&w); err != nil {
		c.b.Fatal(err)
	}
	if w.Error != "" {
		c.b.Fatal(w.Error)
	}
	return w
}

func (c *child) close() {
	_ = c.end()
	_ = c.cmd.Wait()
}

// kill is SIGKILL, and returns when the process is gone.
func (c *child) kill() {
	_ = c.cmd.Process.Kill()
	_ = c.cmd.Wait()
}

// relayForwarder is Belay's relay.
type relayForwarder struct {
	relay   *relay.Relay
	mu      sync.Mutex
	answers map[protocol.PeerID]chan any
}

func newRelayForwarder(udp *net.UDPConn) (*relayForwarder, error) {
	f := &relayForwarder{answers: map[protocol.PeerID]chan any{}}
	var err error
	f.relay, err = relay.New(relay.Options{UDP: udp, Say: func(_ string, to protocol.PeerID, message any) {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.answers[to] <- message
	}})
	return f, err
}

func (f *relayForwarder) answer(room, page int, offer string) (string, error) {
	session := fmt.Sprint("room-", room)
	if err := f.relay.Open(session, true); err != nil {
		return "", err
	}
	names := [2]protocol.PeerID{protocol.PeerID(fmt.Sprint("bench-page-one-", room)), protocol.PeerID(fmt.Sprint("bench-page-two-", room))}
	told := make(chan any, 16)
	f.mu.Lock()
	for _, name := range names {
		if f.answers[name] == nil {
			f.answers[name] = make(chan any, 16)
		}
	}
	f.answers[names[page]] = told
	f.mu.Unlock()
	f.relay.SetMembers(session, map[protocol.PeerID]relay.Member{
		names[0]: {Seat: "a", Sees: names[1:]}, names[1]: {Seat: "b", Sees: names[:1]},
	})
	f.relay.Receive(session, names[page], &protocol.Offer{SDP: offer})
	for m := range told {
		switch m := m.(type) {
		case protocol.Answer:
			return m.SDP, nil
		case protocol.Undelivered:
			return "", fmt.Errorf("%s", m.Words)
		}
	}
	return "", nil
}

// plainForwarder copies what one page sends to the other: two system calls.
type plainForwarder struct {
	udp   *net.UDPConn
	mu    sync.RWMutex
	rooms map[int]netip.AddrPort
	pages map[netip.AddrPort]netip.AddrPort
}

func (f *plainForwarder) join(room, page int, addr string) error {
	at, err := netip.ParseAddrPort(addr)
	if err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if page == 0 {
		f.rooms = map[int]netip.AddrPort{room: at}
		return nil
	}
	f.pages[at], f.pages[f.rooms[room]] = f.rooms[room], at
	return nil
}

func (f *plainForwarder) run() {
	buf := make([]byte, 1500)
	for {
		n, from, err := f.udp.ReadFromUDPAddrPort(buf)
		if err != nil {
			return
		}
		f.mu.RLock()
		to := f.pages[netip.AddrPortFrom(from.Addr().Unmap(), from.Port())]
		f.mu.RUnlock()
		if to.IsValid() {
			_, _ = f.udp.WriteToUDPAddrPort(buf[:n], to)
		}
	}
}

// bareForwarder is what one writes first with pion: the defaults, one UDP port,
// read a packet, write it to the other.
type bareForwarder struct {
	api   *webrtc.API
	rooms map[int]*[2]*bareEnd
}

type bareEnd struct {
	pc  *webrtc.PeerConnection
	out [2]*webrtc.TrackLocalStaticRTP // sound, picture
}

func newBareForwarder(udp *net.UDPConn) (*bareForwarder, error) {
	media, registry := &webrtc.MediaEngine{}, &interceptor.Registry{}
	if err := media.RegisterDefaultCodecs(); err != nil {
		return nil, err
	}
	if err := webrtc.RegisterDefaultInterceptors(media, registry); err != nil {
		return nil, err
	}
	var set webrtc.SettingEngine
	set.SetIncludeLoopbackCandidate(true)
	set.SetICEUDPMux(ice.NewUDPMuxDefault(ice.UDPMuxParams{UDPConn: udp}))
	set.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4})
	return &bareForwarder{rooms: map[int]*[2]*bareEnd{}, api: webrtc.NewAPI(webrtc.WithMediaEngine(media),
		webrtc.WithInterceptorRegistry(registry), webrtc.WithSettingEngine(set))}, nil
}

func (f *bareForwarder) answer(room, page int, offer string) (string, error) {
	ends := f.rooms[room]
	if ends == nil {
		ends = &[2]*bareEnd{}
		for i := range ends {
			end, err := f.end()
			if err != nil {
				return "", err
			}
			ends[i] = end
		}
		f.rooms[room] = ends
	}
	other := ends[1-page]
	ends[page].pc.OnTrack(func(track *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
		to := other.out[0]
		if track.Kind() == webrtc.RTPCodecTypeVideo {
			to = other.out[1]
		}
		for {
			packet, _, err := track.ReadRTP()
			if err != nil {
				return
			}
			packet.Extension, packet.Extensions = false, nil
			_ = to.WriteRTP(packet)
		}
	})
	return answerWith(ends[page].pc, offer)
}

func (f *bareForwarder) end() (*bareEnd, error) {
	pc, err := f.api.NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		return nil, err
	}
	e := &bareEnd{pc: pc}
	for k, mime := range []string{webrtc.MimeTypeOpus, webrtc.MimeTypeVP8} {
		if e.out[k], err = webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{MimeType: mime}, mime, "bare"); err != nil {
			return nil, err
		}
		sender, err := pc.AddTrack(e.out[k])
		if err != nil {
			return nil, err
		}
		go func() {
			buf := make([]byte, 1500)
			for {
				if _, _, err := sender.Read(buf); err != nil {
					return
				}
			}
		}()
	}
	return e, nil
}

// answerWith answers an offer on a connection.
func answerWith(pc *webrtc.PeerConnection, offer string) (string, error) {
	if err := pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: offer}); err != nil {
		return "", err
	}
	sdp, err := pc.CreateAnswer(nil)
	if err != nil {
		return "", err
	}
	gathered := webrtc.GatheringCompletePromise(pc)
	if err := pc.SetLocalDescription(sdp); err != nil {
		return "", err
	}
	<-gathered
	return pc.LocalDescription().SDP, nil
}
