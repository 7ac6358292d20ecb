package relay

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"
)

const (
	mtu  = 1500 // bytes of a packet that is read
	keep = 256  // packets of a picture that can be sent again, about two seconds

	tornAfter = 500 * time.Millisecond
)

// source is a stream that a page sends: its sound, or one layer of its picture.
// Whoever decrypts its packets writes them to every slot that listens: they come
// one after the other.
type source struct {
	link     *link
	track    *webrtc.TrackRemote
	receiver *webrtc.RTPReceiver
	in       *inlet // nil: it has ended already

	picture bool
	rid     string
	ssrc    uint32
	levelID uint8

	slots  atomic.Pointer[[]*slot] // who listens; replaced, never changed
	bytes  atomic.Int64            // that have come
	lastAt atomic.Int64            // of a packet that carries something; Unix nanoseconds
	since  atomic.Int64            // since when packets have come without a pause
	late   atomic.Int64            // how many frames the page had sent by the last of them, in all layers

	// Of the reader.
	buf     []byte
	header  rtp.Header
	number  [2]byte // in header
	scratch [mtu]byte
	stamp   uint32
	frames  bool   // stamp is one
	after   uint16 // the number of the next packet

	// Guarded by room.mu.
	counted int64 // bytes at weighed
	weighed time.Time
	rate    float64 // bit/s

	mu   sync.Mutex
	kept [keep]kept
}

// kept is a packet that was forwarded.
type kept struct {
	raw  []byte // its buffer; empty: none yet
	size int
	seq  uint16
}

func newSource(l *link, track *webrtc.TrackRemote, receiver *webrtc.RTPReceiver) *source {
	s := &source{link: l, track: track, receiver: receiver, in: l.in.of(uint32(track.SSRC())), buf: make([]byte, mtu),
		picture: track.Kind() == webrtc.RTPCodecTypeVideo, rid: track.RID(), ssrc: uint32(track.SSRC())}
	for _, e := range receiver.GetParameters().HeaderExtensions {
		if e.URI == audioLevelURI && e.ID > 0 && e.ID < 256 && !s.picture {
			s.levelID = uint8(e.ID)
		}
	}
	return s
}

// feed says who listens. room.mu is held.
func (s *source) feed(slots []*slot) {
	if old := s.slots.Load(); old == nil || !slices.Equal(*old, slots) {
		s.slots.Store(&slots)
	}
}

// run is in the room until the track ends.
func (s *source) run() {
	room := s.link.party.room
	if s.in == nil || !room.add(s.link, s) {
		return
	}
	defer room.remove(s)
	for !s.in.hand(s.next) {
		if !s.next() {
			return
		}
	}
	<-s.in.done
}

// next reads a packet and sends it on. False: there are no more.
func (s *source) next() bool {
	n, _, err := s.track.Read(s.buf)
	if err != nil {
		return false
	}
	p, ok := parsePacket(s.buf[:n], s.levelID)
	if !ok {
		return true
	}
	now := time.Now()
	torn := s.note(&p, now)
	s.bytes.Add(int64(n))
	var d descriptor
	if s.picture {
		if len(p.payload) > 0 {
			d, _ = parseVP8(p.payload)
		}
		if torn && !d.key {
			s.askKey(now) // what is missing can't be sent again any more
		}
		s.buf = s.keep(s.buf, n, p.seq)
	}
	if slots := s.slots.Load(); slots != nil {
		for _, o := range *slots {
			o.forward(s, &p, d, now)
		}
	}
	return true
}

// reports reads what the sender says of its own stream, until it ends: pion takes
// from it what our reports answer with, for the sender's round trip.
func (s *source) reports() {
	buf := make([]byte, mtu)
	for {
		var err error
		if s.rid == "" {
			_, _, err = s.receiver.Read(buf)
		} else {
			_, _, err = s.receiver.ReadSimulcast(buf, s.rid)
		}
		if err != nil {
			return
		}
	}
}

// note measures what arrives. It reports whether packets are missing after a time
// without any: the page was cut off, and has not merely paused.
func (s *source) note(p *packet, now time.Time) (torn bool) {
	party, at := s.link.party, now.UnixNano()
	silence := at - s.lastAt.Load()
	torn = s.frames && silence > int64(tornAfter) && p.seq-s.after < 1<<15 && p.seq != s.after
	s.after = p.seq + 1
	if s.picture && len(p.payload) == 0 { // a browser looks by it for how much its way bears: there is no picture in it
		party.pictureAt.Store(at)
		return torn
	}
	if s.paused(silence) {
		s.since.Store(at)
	}
	s.lastAt.Store(at)
	if !s.picture {
		party.soundAt.Store(at)
		party.level.Store(int32(p.level))
		return false
	}
	party.pictureAt.Store(at)
	if p.marker && len(p.payload) > 0 && (!s.frames || int32(p.stamp-s.stamp) > 0) {
		s.stamp, s.frames = p.stamp, true
		party.frameAt.Store(at)
		party.frames.Add(1)
	}
	s.late.Store(party.frames.Load())
	return torn
}

// paused reports whether so many nanoseconds without a packet are more than the time
// between two: what a browser has no room for it gives up without a word.
func (s *source) paused(silence int64) bool {
	return silence > int64(liveFor) || s.picture && silence > int64(givenUp) && s.link.party.frames.Load()-s.late.Load() >= givenUpLate
}

// weigh follows how much comes, over some seconds. room.mu is held.
func (s *source) weigh(now time.Time) {
	const share = 0.15 // of the newest
	bytes := s.bytes.Load()
	if past := now.Sub(s.weighed).Seconds(); !s.weighed.IsZero() && past > 0 {
		rate := float64(bytes-s.counted) * 8 / past
		if s.rate == 0 {
			s.rate = rate
		}
		s.rate += share * (rate - s.rate)
	}
	s.counted, s.weighed = bytes, now
}

// live reports whether packets come, and have for so long. A nil source is not.
func (s *source) live(now time.Time, long time.Duration) bool {
	if s == nil {
		return false
	}
	at := now.UnixNano()
	return !s.paused(at-s.lastAt.Load()) && at-s.since.Load() >= int64(long)
}

// keep takes over a buffer that holds a packet and returns another to read into.
// What is kept is only read from now on, so that slots may go on using it.
func (s *source) keep(buf []byte, n int, seq uint16) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	k := &s.kept[seq%keep]
	spare := k.raw
	k.raw, k.size, k.seq = buf, n, seq
	if spare == nil {
		spare = make([]byte, mtu)
	}
	return spare
}

// again copies a packet that was forwarded into buf.
func (s *source) again(seq uint16, buf []byte) (p packet, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	k := &s.kept[seq%keep]
	if k.raw == nil || k.seq != seq {
		return p, false
	}
	return parsePacket(buf[:copy(buf, k.raw[:k.size])], 0)
}

// askKey asks the publisher for a key frame, as often as it may be asked.
func (s *source) askKey(now time.Time) { s.link.party.keys.ask(s, now) }

func (s *source) keyRequest() rtcp.Packet { return &rtcp.PictureLossIndication{MediaSSRC: s.ssrc} }

func (s *source) requestKey() {
	_ = s.link.pc.WriteRTCP([]rtcp.Packet{s.keyRequest()}) // a connection that is being closed needs none
}
