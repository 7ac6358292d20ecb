package relay_test

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/dtls/v3"
	"github.com/pion/interceptor"
	"github.com/pion/interceptor/pkg/nack"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/sdp/v3"
	"github.com/pion/webrtc/v4"
	"go.uber.org/goleak"

	"belay/signaling/protocol"
	"belay/signaling/relay"
)

func TestMain(m *testing.M) {
	if role := os.Getenv(forwarderRole); role != "" {
		forward(role)
		return
	}
	goleak.VerifyTestMain(m)
}

const visit = "visit-1"

// house is a relay with the pages of its rooms.
type house struct {
	t     testing.TB
	addr  netip.AddrPort // of its UDP
	relay *relay.Relay
	mu    sync.Mutex
	pages map[protocol.PeerID]*page
}

func open(t testing.TB, change ...func(*relay.Options)) *house {
	t.Helper()
	h := &house{t: t, pages: map[protocol.PeerID]*page{}}
	udp, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	h.addr = udp.LocalAddr().(*net.UDPAddr).AddrPort()
	o := relay.Options{UDP: udp, Say: h.say}
	for _, f := range change {
		f(&o)
	}
	if o.UDP == nil {
		udp.Close()
	}
	if h.relay, err = relay.New(o); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		h.mu.Lock()
		pages := h.pages
		h.pages = map[protocol.PeerID]*page{}
		h.mu.Unlock()
		for _, p := range pages {
			p.close()
		}
		if err := h.relay.Close(); err != nil {
			t.Error(err)
		}
	})
	return h
}

func (h *house) say(_ string, to protocol.PeerID, message any) {
	h.mu.Lock()
	p := h.pages[to]
	h.mu.Unlock()
	if p != nil {
		p.told <- message
	}
}

// meet opens the room of pages that are in the same, each of which sees all others.
func (h *house) meet(pages ...*page) {
	h.t.Helper()
	room := pages[0].room
	if err := h.relay.Open(room, true); err != nil {
		h.t.Fatal(err)
	}
	members := map[protocol.PeerID]relay.Member{}
	for _, p := range pages {
		m := relay.Member{Seat: p.seat}
		for _, q := range pages {
			if q != p {
				m.Sees = append(m.Sees, q.peer)
			}
		}
		members[p.peer] = m
	}
	h.relay.SetMembers(room, members)
}

// page is a browser's page as far as the relay can tell: it offers, it sends VP8
// and Opus that nobody decodes, and it counts what arrives in each slot.
type page struct {
	t    testing.TB
	h    *house
	room string // its session
	seat string
	peer protocol.PeerID
	told chan any

	pc      *webrtc.PeerConnection
	all     []*webrtc.PeerConnection // the older ones too
	camera  *webrtc.TrackLocalStaticRTP
	mic     *webrtc.TrackLocalStaticRTP
	layers  []*webrtc.TrackLocalStaticRTP // simulcast: h and l, in place of camera
	senders []*webrtc.RTPSender
	slots   [relay.MaxSlots]inbox
	sounds  [relay.MaxSlots]inbox

	through func(answer string) string // what the way does to addresses; nil: nothing
	parts   [2]int                     // packets in a frame of each layer
	small   atomic.Bool                // simulcast: the small layer alone
	plis    atomic.Int64
	nacks   atomic.Int64
	key     atomic.Bool
	paused  atomic.Bool
	cut     atomic.Bool // what it sends is lost on the way
	mu      sync.Mutex
	shown   []protocol.Slot
	offers  int // that the relay asked for
	refused []protocol.Undelivered
	answers chan string
	quit    chan struct{}
	running sync.WaitGroup
}

// inbox is what has arrived in a slot.
type inbox struct {
	mu       sync.Mutex
	packets  int
	frames   int
	keys     int
	last     time.Time
	longest  time.Duration // between two frames
	jumps    int           // sequence numbers that were left out or came twice
	back     int           // timestamps that went back
	seq      uint16
	stamp    uint32
	from     map[byte]int // frames by the mark of their sender
	ext      int          // packets with a header extension that is not the relay's own
	number   atomic.Int32 // id of the relay's own, of pictures alone
	picture  uint16
	pictures int // PictureIDs that did not go on by one
}

type options struct {
	silent    bool // sends nothing
	simulcast bool
	big       int // packets in a frame of the big layer; 0: as the small one
	tcp       bool
	tells     bool                       // when packets arrived (TWCC), as browsers do
	profile   dtls.SRTPProtectionProfile // the only one; 0: any
	slots     int
	room      string // its session; "": visit
}

func (h *house) page(seat string, o options) *page {
	h.t.Helper()
	if o.room == "" {
		o.room = visit
	}
	p := &page{t: h.t, h: h, room: o.room, seat: seat, parts: [2]int{max(2, o.big), 2}, peer: protocol.PeerID(fmt.Sprintf("page-of-%s-%08d", seat, count.Add(1))),
		told: make(chan any, 256), answers: make(chan string, 4), quit: make(chan struct{})}
	for i := range p.slots {
		p.slots[i].from, p.sounds[i].from = map[byte]int{}, map[byte]int{}
	}
	h.mu.Lock()
	h.pages[p.peer] = p
	h.mu.Unlock()
	p.running.Go(p.listen)
	p.build(o)
	return p
}

var count atomic.Int64

func profiles(o options) []dtls.SRTPProtectionProfile {
	if o.profile == 0 {
		return nil
	}
	return []dtls.SRTPProtectionProfile{o.profile}
}

func pionAPI(t testing.TB, tcp, tells bool, profiles ...dtls.SRTPProtectionProfile) *webrtc.API {
	t.Helper()
	media, registry := &webrtc.MediaEngine{}, &interceptor.Registry{}
	for _, c := range []struct {
		kind webrtc.RTPCodecType
		webrtc.RTPCodecParameters
	}{
		{webrtc.RTPCodecTypeAudio, webrtc.RTPCodecParameters{PayloadType: 109, RTPCodecCapability: webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus, ClockRate: 48000, Channels: 2}}},
		{webrtc.RTPCodecTypeVideo, webrtc.RTPCodecParameters{PayloadType: 120, RTPCodecCapability: webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeVP8, ClockRate: 90000,
			RTCPFeedback: []webrtc.RTCPFeedback{{Type: "nack"}, {Type: "nack", Parameter: "pli"}}}}},
	} {
		if err := media.RegisterCodec(c.RTPCodecParameters, c.kind); err != nil {
			t.Fatal(err)
		}
	}
	for _, err := range []error{
		// Few packets are kept to be sent again, or a page's memory grows for half a minute
		// after it has come, and hides what the relay keeps.
		webrtc.ConfigureNackWithOptions(media, registry, nil, nack.ResponderSize(128)), webrtc.ConfigureRTCPReports(registry),
		webrtc.ConfigureSimulcastExtensionHeaders(media), webrtc.ConfigureTWCCHeaderExtensionSender(media, registry),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if tells {
		if err := webrtc.ConfigureTWCCSender(media, registry); err != nil {
			t.Fatal(err)
		}
	}
	var set webrtc.SettingEngine
	set.SetIncludeLoopbackCandidate(true)
	set.SetInterfaceFilter(func(name string) bool {
		i, err := net.InterfaceByName(name)
		return err == nil && i.Flags&net.FlagLoopback != 0
	})
	set.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4})
	if tcp {
		set.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeTCP4})
	}
	set.SetICETimeouts(2*time.Second, 10*time.Second, time.Second)
	set.SetSRTPProtectionProfiles(profiles...)
	return webrtc.NewAPI(webrtc.WithMediaEngine(media), webrtc.WithInterceptorRegistry(registry), webrtc.WithSettingEngine(set))
}

// build makes the connection: own sound and picture with slot 0, then slots that
// only receive.
func (p *page) build(o options) {
	p.t.Helper()
	fatal := func(err error) {
		if err != nil {
			p.t.Fatal(err)
		}
	}
	pc, err := pionAPI(p.t, o.tcp, o.tells, profiles(o)...).NewPeerConnection(webrtc.Configuration{})
	fatal(err)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pc, p.layers, p.senders = pc, nil, nil
	p.all = append(p.all, pc)
	p.mic, err = webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus}, "mic", "own")
	fatal(err)
	p.camera, err = webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeVP8}, "camera", "own")
	fatal(err)
	var transceivers []*webrtc.RTPTransceiver
	add := func(track webrtc.TrackLocal, kind webrtc.RTPCodecType) *webrtc.RTPTransceiver {
		var t *webrtc.RTPTransceiver
		if track != nil {
			t, err = pc.AddTransceiverFromTrack(track, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendrecv})
		} else {
			t, err = pc.AddTransceiverFromKind(kind, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly})
		}
		fatal(err)
		transceivers = append(transceivers, t)
		return t
	}
	if o.slots == 0 {
		o.slots = relay.MaxSlots
	}
	for i := range o.slots {
		if i > 0 || o.silent {
			add(nil, webrtc.RTPCodecTypeAudio)
			add(nil, webrtc.RTPCodecTypeVideo)
			continue
		}
		a := add(p.mic, webrtc.RTPCodecTypeAudio)
		track := webrtc.TrackLocal(p.camera)
		if o.simulcast {
			for _, rid := range []string{"h", "l"} {
				layer, err := webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeVP8}, "camera", "own", webrtc.WithRTPStreamID(rid))
				fatal(err)
				p.layers = append(p.layers, layer)
			}
			track = p.layers[0]
		}
		v := add(track, webrtc.RTPCodecTypeVideo)
		if o.simulcast {
			fatal(v.Sender().AddEncoding(p.layers[1]))
		}
		p.senders = append(p.senders, a.Sender(), v.Sender())
	}
	for _, s := range p.senders {
		rids := []string{""}
		if o.simulcast && s.Track().Kind() == webrtc.RTPCodecTypeVideo {
			rids = []string{"h", "l"}
		}
		for _, rid := range rids {
			p.running.Go(func() { p.feedback(s, rid) })
		}
	}
	pc.OnTrack(func(track *webrtc.TrackRemote, r *webrtc.RTPReceiver) {
		i := slices.IndexFunc(transceivers, func(t *webrtc.RTPTransceiver) bool { return t.Receiver() == r })
		for _, e := range r.GetParameters().HeaderExtensions {
			if e.URI == sdp.TransportCCURI {
				p.slots[i/2].number.Store(int32(e.ID))
			}
		}
		p.running.Go(func() {
			for {
				packet, _, err := track.ReadRTP()
				if err != nil {
					return
				}
				if track.Kind() == webrtc.RTPCodecTypeVideo {
					p.slots[i/2].take(packet, true)
				} else {
					p.sounds[i/2].take(packet, false)
				}
			}
		})
	})
}

func (p *page) feedback(s *webrtc.RTPSender, rid string) {
	for {
		var packets []rtcp.Packet
		var err error
		if rid == "" {
			packets, _, err = s.ReadRTCP()
		} else {
			packets, _, err = s.ReadSimulcastRTCP(rid)
		}
		if err != nil {
			return
		}
		for _, m := range packets {
			switch m.(type) {
			case *rtcp.PictureLossIndication:
				p.plis.Add(1)
				p.key.Store(true)
			case *rtcp.TransportLayerNack:
				p.nacks.Add(1)
			}
		}
	}
}

// listen takes what the relay says.
func (p *page) listen() {
	for {
		select {
		case <-p.quit:
			return
		case m := <-p.told:
			p.mu.Lock()
			switch m := m.(type) {
			case protocol.Answer:
				select {
				case p.answers <- m.SDP:
				default:
				}
			case protocol.Slots:
				p.shown = m.Slots
			case protocol.NeedOffer:
				p.offers++
			case protocol.Undelivered:
				p.refused = append(p.refused, m)
			}
			p.mu.Unlock()
		}
	}
}

// connect offers and waits until the connection is there.
func (p *page) connect() *page {
	p.t.Helper()
	connected := make(chan struct{}, 1)
	p.pc.OnConnectionStateChange(func(s webrtc.PeerConnectionState) {
		if s == webrtc.PeerConnectionStateConnected {
			select {
			case connected <- struct{}{}:
			default:
			}
		}
	})
	p.offer(false)
	select {
	case <-connected:
	case <-time.After(20 * time.Second):
		p.t.Fatalf("%s was not connected to the relay", p.seat)
	}
	return p
}

func (p *page) offer(restart bool) {
	p.t.Helper()
	sdp, err := p.pc.CreateOffer(&webrtc.OfferOptions{ICERestart: restart})
	if err == nil {
		err = p.pc.SetLocalDescription(sdp)
	}
	if err != nil {
		p.t.Fatal(err)
	}
	p.h.relay.Receive(p.room, p.peer, &protocol.Offer{SDP: p.pc.LocalDescription().SDP, Restart: restart})
	select {
	case answer := <-p.answers:
		if p.through != nil {
			answer = p.through(answer)
		}
		if err := p.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer}); err != nil {
			p.t.Fatal(err)
		}
	case <-time.After(10 * time.Second):
		p.t.Fatalf("%s got no answer", p.seat)
	}
}

const (
	frameEvery = 33 * time.Millisecond
	soundEvery = 20 * time.Millisecond
)

// send sends picture and sound until the page closes.
func (p *page) send() *page {
	p.running.Go(func() {
		frames, sounds := time.NewTicker(frameEvery), time.NewTicker(soundEvery)
		defer frames.Stop()
		defer sounds.Stop()
		n, seq, tone := 0, make([]uint16, 2), uint16(0)
		for i := range seq {
			seq[i] = uint16(60000 + 2000*i) // it passes the end soon
		}
		for {
			select {
			case <-p.quit:
				return
			case now := <-frames.C:
				if p.paused.Load() {
					continue
				}
				if p.cut.Load() {
					seq[0]++
					n++
					continue
				}
				key := p.key.Swap(false) || n == 0
				cameras, _, ids := p.tracks()
				for i, camera := range cameras {
					if i == 0 && len(cameras) > 1 && p.small.Load() {
						continue // the browser has given the big layer up
					}
					frame(camera, &seq[i], uint32(now.UnixNano()/11111)+uint32(1e6*i), uint16(n+500*i), p.mark()+byte(i), key, p.parts[i], ids)
				}
				n++
			case now := <-sounds.C:
				if !p.paused.Load() {
					tone++
					_, mic, _ := p.tracks()
					_ = mic.WriteRTP(&rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: tone, Timestamp: uint32(now.UnixNano() / 20833)}, Payload: []byte{p.mark(), 1, 2, 3}})
				}
			}
		}
	})
	return p
}

// extensions are the ids by which a simulcast sender names its layers.
type extensions struct {
	mid, rid uint8
	line     string
}

// tracks are those of the page's newest connection.
func (p *page) tracks() ([]*webrtc.TrackLocalStaticRTP, *webrtc.TrackLocalStaticRTP, extensions) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.layers) == 0 {
		return []*webrtc.TrackLocalStaticRTP{p.camera}, p.mic, extensions{}
	}
	ext := extensions{line: p.pc.GetTransceivers()[1].Mid()}
	for _, e := range p.senders[len(p.senders)-1].GetParameters().HeaderExtensions {
		switch e.URI {
		case sdp.SDESMidURI:
			ext.mid = uint8(e.ID)
		case sdp.SDESRTPStreamIDURI:
			ext.rid = uint8(e.ID)
		}
	}
	return p.layers, p.mic, ext
}

// mark is what this page's packets carry, to be told from others'.
func (p *page) mark() byte { return p.seat[0] }

// frame sends one frame in packets: descriptor with a 15-bit PictureID and
// TL0PICIDX, frame tag, mark.
func frame(to *webrtc.TrackLocalStaticRTP, seq *uint16, stamp uint32, n uint16, mark byte, key bool, parts int, ids extensions) {
	tag := byte(1)
	if key {
		tag = 0
	}
	for part := range parts {
		payload := make([]byte, 700)
		payload[0], payload[1], payload[2], payload[3], payload[4] = 0x80, 0xc0, 0x80|byte(n>>8)&0x7f, byte(n), byte(n)
		if part == 0 {
			payload[0] |= 0x10
			payload[5] = tag
		}
		payload[6] = mark
		packet := &rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: *seq, Timestamp: stamp, Marker: part == parts-1}, Payload: payload}
		if ids.rid != 0 {
			_ = packet.SetExtension(ids.mid, []byte(ids.line))
			_ = packet.SetExtension(ids.rid, []byte(to.RID()))
		}
		_ = to.WriteRTP(packet)
		*seq++
	}
}

func (b *inbox) take(packet *rtp.Packet, picture bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.packets++; b.packets > 1 && packet.SequenceNumber != b.seq+1 {
		b.jumps++
	}
	if b.packets > 1 && int32(packet.Timestamp-b.stamp) < 0 {
		b.back++
	}
	b.seq, b.stamp = packet.SequenceNumber, packet.Timestamp
	if ids := packet.GetExtensionIDs(); len(ids) > 1 || len(ids) == 1 && (!picture || int32(ids[0]) != b.number.Load()) {
		b.ext++
	}
	if !picture {
		b.count(packet.Payload[0])
		return
	}
	if packet.Payload[0]&0x10 != 0 {
		id := uint16(packet.Payload[2]&0x7f)<<8 | uint16(packet.Payload[3])
		if b.frames > 0 && id != (b.picture+1)&0x7fff {
			b.pictures++
		}
		b.picture = id
		if packet.Payload[5]&1 == 0 {
			b.keys++
		}
	}
	if packet.Marker {
		b.count(packet.Payload[6])
	}
}

func (b *inbox) count(mark byte) {
	now := time.Now()
	if b.frames++; b.frames > 1 {
		b.longest = max(b.longest, now.Sub(b.last))
	}
	b.last = now
	b.from[mark]++
}

// forget counts the frames of each sender anew.
func (b *inbox) forget() {
	b.mu.Lock()
	defer b.mu.Unlock()
	clear(b.from)
}

// view is a copy of what has arrived.
type view struct {
	frames, packets, keys, jumps, back, pictures, ext int
	longest                                           time.Duration
	last                                              time.Time
	from                                              map[byte]int
}

func (b *inbox) view() view {
	b.mu.Lock()
	defer b.mu.Unlock()
	from := map[byte]int{}
	for k, v := range b.from {
		from[k] = v
	}
	return view{b.frames, b.packets, b.keys, b.jumps, b.back, b.pictures, b.ext, b.longest, b.last, from}
}

// await waits until ok, for 20 s.
func (p *page) await(what string, ok func() bool) {
	p.t.Helper()
	await(p.t, p.seat+": "+what, ok)
}

func await(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not within 20 s: %s", what)
		}
	}
}

func (p *page) showing() []protocol.Slot {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.shown)
}

// sees waits for n more frames of another page in a slot.
func (p *page) sees(slot int, other *page, n int) {
	p.t.Helper()
	before := p.slots[slot].view().from[other.mark()] + p.slots[slot].view().from[other.mark()+1]
	p.await(fmt.Sprintf("%d frames of %s in slot %d", n, other.seat, slot), func() bool {
		from := p.slots[slot].view().from
		return from[other.mark()]+from[other.mark()+1] >= before+n
	})
}

func (p *page) close() {
	select {
	case <-p.quit:
		return
	default:
	}
	close(p.quit)
	for _, pc := range p.all {
		_ = pc.GracefulClose() // its errors are about what is gone already
	}
	p.running.Wait()
}
