package relay

import (
	"encoding/binary"
	"sync"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/sdp/v3"
	"github.com/pion/webrtc/v4"
)

// overhead is what a packet has beside its payload: IP, UDP, RTP, the extension, the
// signature. Bytes.
const overhead = 20 + 8 + 12 + 8 + 16

// mostAgain bounds what one report of a viewer has sent again.
const mostAgain = 128

// slot is one place of a viewer's connection in which somebody's sound or picture
// is shown. It is a webrtc.TrackLocal. What it sends is one stream with one run of
// numbers, whoever is in it.
type slot struct {
	link    *link
	index   int
	kind    webrtc.RTPCodecType
	picture bool
	clock   uint32 // Hz

	mu     sync.Mutex
	writer webrtc.TrackLocalWriter // nil: not agreed on
	ssrc   uint32
	pt     uint8
	ext    uint8   // id of the number that the way's measurement needs; 0: not agreed on
	opened bool    // the connection is there
	want   *source // what belongs here
	cur    *source // what is shown; differs until a key frame of want comes

	begun    bool // something was sent; what follows describes the last packet
	seq      uint16
	stamp    uint32
	at       time.Time
	number   numbers
	seqOff   uint16 // added to what the source says
	stampOff uint32
	picOff   uint16
	tl0Off   uint8
	first    uint16       // the source's packets before this are not of this run, or went another way
	sent     [keep]uint16 // the numbers for the way's measurement, by sequence number

	said reported // of what was sent
}

func newSlot(l *link, index int, kind webrtc.RTPCodecType) *slot {
	o := &slot{link: l, index: index, kind: kind, picture: kind == webrtc.RTPCodecTypeVideo, clock: sound.ClockRate}
	if o.picture {
		o.clock = video.ClockRate
	}
	return o
}

// Bind implements webrtc.TrackLocal.
func (o *slot) Bind(c webrtc.TrackLocalContext) (webrtc.RTPCodecParameters, error) {
	mime := sound.MimeType
	if o.picture {
		mime = video.MimeType
	}
	for _, codec := range c.CodecParameters() {
		if codec.MimeType == mime {
			o.mu.Lock()
			defer o.mu.Unlock()
			o.writer, o.ssrc, o.pt, o.ext = c.WriteStream(), uint32(c.SSRC()), uint8(codec.PayloadType), 0
			for _, e := range c.HeaderExtensions() {
				if o.picture && e.URI == sdp.TransportCCURI && e.ID > 0 && e.ID < 15 {
					o.ext = uint8(e.ID)
				}
			}
			return codec, nil
		}
	}
	return webrtc.RTPCodecParameters{}, webrtc.ErrUnsupportedCodec
}

// Unbind implements webrtc.TrackLocal.
func (o *slot) Unbind(webrtc.TrackLocalContext) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.writer = nil
	return nil
}

// ID implements webrtc.TrackLocal.
func (o *slot) ID() string { return o.kind.String() + "-" + string(rune('0'+o.index)) }

// RID implements webrtc.TrackLocal.
func (o *slot) RID() string { return "" }

// StreamID implements webrtc.TrackLocal: sound and picture of a slot are one stream.
func (o *slot) StreamID() string { return "slot-" + string(rune('0'+o.index)) }

// Kind implements webrtc.TrackLocal.
func (o *slot) Kind() webrtc.RTPCodecType { return o.kind }

// open begins: what was written before would have been lost, a key frame with it.
func (o *slot) open() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.opened = true
}

// wanted is what belongs in the slot now.
func (o *slot) wanted() *source {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.want
}

// shown is what is shown in the slot now.
func (o *slot) shown() *source {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.cur
}

// aim says what belongs in the slot. What is shown stays until its successor can
// be shown, if it is another layer of the same picture; anybody else's is taken
// away at once. The key frame is asked for when the next packet of want comes.
func (o *slot) aim(want *source) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.want = want
	if o.cur != nil && (want == nil || o.cur.link.party != want.link.party || o.cur.link != want.link) {
		o.cur = nil
	}
}

// listen adds the slot to the streams that it takes packets of.
func (o *slot) listen(to map[*source][]*slot) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.want != nil {
		to[o.want] = append(to[o.want], o)
	}
	if o.cur != nil && o.cur != o.want {
		to[o.cur] = append(to[o.cur], o)
	}
}

// forward sends a packet of s on. s's reader calls it; it does not wait.
func (o *slot) forward(s *source, p *packet, d descriptor, now time.Time) {
	o.mu.Lock()
	w := o.writer
	if w == nil || !o.opened {
		o.mu.Unlock()
		return
	}
	if o.cur != s {
		if o.want != s || o.picture && !d.key {
			ask := o.want == s && len(p.payload) > 0
			o.mu.Unlock()
			if ask {
				s.askKey(now)
			}
			return
		}
		o.pass(s, p, d, now)
	}
	behind := int16(p.seq - o.first)
	if behind < 0 { // late, of before the key frame
		o.mu.Unlock()
		return
	}
	if behind > 1<<14 {
		o.first += 1 << 13
	}
	h := &s.header
	if o.ext != 0 {
		o.sent[(p.seq+o.seqOff)%keep] = o.link.way.number(now, len(p.payload)+overhead)
	}
	o.fill(h, p, s.number[:])
	payload := p.payload
	if o.picOff != 0 || o.tl0Off != 0 {
		payload = o.renumber(s.scratch[:], p.payload, d)
	}
	o.said.sends(h.SequenceNumber, o.seq, o.begun)
	if int16(h.SequenceNumber-o.seq) > 0 || !o.begun {
		o.begun, o.seq, o.stamp, o.at = true, h.SequenceNumber, h.Timestamp, now
		if d.begins {
			o.number = d.numbers(payload)
		}
	}
	o.mu.Unlock()
	_, _ = w.WriteRTP(h, payload) // a viewer that is leaving loses it
}

// pass hands the slot over to s, whose numbers go on from the last ones sent.
// o.mu is held.
func (o *slot) pass(s *source, p *packet, d descriptor, now time.Time) {
	if o.cur != nil {
		o.link.party.room.stale()
	}
	o.cur, o.first = s, p.seq
	if !o.begun {
		return
	}
	elapsed := max(1, uint32(now.Sub(o.at).Seconds()*float64(o.clock)))
	o.seqOff = o.seq + 1 - p.seq
	o.stampOff = o.stamp + elapsed - p.stamp
	if !o.picture {
		return
	}
	n := d.numbers(p.payload)
	o.picOff, o.tl0Off = 0, 0
	if d.picture != 0 {
		o.picOff = o.number.picture + 1 - n.picture
	}
	if d.tl0 != 0 {
		o.tl0Off = o.number.tl0 + 1 - n.tl0
	}
}

// fill makes the header of a packet of cur: no extension of the publisher's goes
// on, their ids are its own. The number for the way's measurement is written into
// number, which h refers to. o.mu is held.
func (o *slot) fill(h *rtp.Header, p *packet, number []byte) {
	*h = rtp.Header{Version: 2, Marker: p.marker, PayloadType: o.pt, SSRC: o.ssrc,
		SequenceNumber: p.seq + o.seqOff, Timestamp: p.stamp + o.stampOff, Extensions: h.Extensions[:0]}
	if o.ext != 0 {
		binary.BigEndian.PutUint16(number, o.sent[h.SequenceNumber%keep])
		_ = h.SetExtension(o.ext, number) // two bytes always fit
	}
}

// renumber copies a payload with the running numbers of this slot. o.mu is held.
func (o *slot) renumber(into, payload []byte, d descriptor) []byte {
	out := into[:copy(into, payload)]
	n := d.numbers(payload)
	d.set(out, numbers{n.picture + o.picOff, n.tl0 + o.tl0Off})
	return out
}

// feedback reads what the viewer reports, until its connection ends.
func (o *slot) feedback(sender *webrtc.RTPSender) {
	buf := make([]byte, mtu)
	for {
		n, _, err := sender.Read(buf)
		if err != nil {
			return
		}
		if packets, err := rtcp.Unmarshal(buf[:n]); err == nil {
			o.reported(packets, time.Now())
		}
	}
}

func (o *slot) reported(packets []rtcp.Packet, now time.Time) {
	most := mostAgain
	for _, packet := range packets {
		switch m := packet.(type) {
		case *rtcp.PictureLossIndication, *rtcp.FullIntraRequest:
			if s := o.shown(); s != nil && o.picture {
				s.askKey(now)
			}
		case *rtcp.TransportLayerNack:
			for _, pair := range m.Nacks {
				for _, seq := range pair.PacketList() {
					if most--; most >= 0 {
						o.again(seq)
					}
				}
			}
		case *rtcp.TransportLayerCC:
			if w, ok := o.link.way.feedback(m, now); ok {
				o.link.party.steps.measured(now, w)
			}
		case *rtcp.ReceiverReport:
			for _, r := range m.Reports {
				if lost, ok := o.lost(r); ok {
					o.link.party.steps.report(now, !o.picture, lost)
				}
			}
		}
	}
}

// lost is the share of packets that the slot's way has lost of late. False: the
// report is not about this slot, or not about the way as it is now.
func (o *slot) lost(r rtcp.ReceptionReport) (share float64, ok bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if r.SSRC != o.ssrc {
		return 0, false
	}
	return o.said.lost(r)
}

// turned says that the way has become another one. A browser asks again for all that
// the one before has lost, and what then comes two seconds late teaches it to show what
// follows as late (Chromium 156 stood still for most of a second): it is shown what comes
// from now on, and the key frame that is asked for.
func (o *slot) turned() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.said.turned(o.seq, o.begun)
	if o.cur != nil && o.picture && o.begun {
		o.first = o.seq + 1 - o.seqOff
	}
}

// again sends one packet once more, and the same one, bit for bit: two that differ and
// are encrypted with one number would give GCM's key for signatures away (RFC 7714
// section 8.1).
func (o *slot) again(seq uint16) {
	o.mu.Lock()
	s, w, from := o.cur, o.writer, seq-o.seqOff
	ok := s != nil && w != nil && o.picture && int16(from-o.first) >= 0
	o.mu.Unlock()
	if !ok {
		return
	}
	var buf, scratch [mtu]byte
	p, ok := s.again(from, buf[:])
	if !ok {
		return
	}
	var h rtp.Header
	var number [2]byte
	o.mu.Lock()
	if o.cur != s || p.seq+o.seqOff != seq { // it was passed on meanwhile
		o.mu.Unlock()
		return
	}
	o.fill(&h, &p, number[:])
	payload := p.payload
	if d, ok := parseVP8(payload); ok && (o.picOff != 0 || o.tl0Off != 0) {
		payload = o.renumber(scratch[:], payload, d)
	}
	o.mu.Unlock()
	_, _ = w.WriteRTP(&h, payload) // a viewer that is leaving loses it
}
