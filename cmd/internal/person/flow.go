package person

import (
	"slices"
	"sync"
	"time"

	"github.com/pion/rtp"

	"belay/session"
)

// gapFrom is from when on a pause between two frames, or two packets of sound,
// is noted.
const gapFrom = 250 * time.Millisecond

// Gap is a time in which nothing arrived.
type Gap struct{ From, To time.Time }

// Stream is what has arrived of a picture or a sound.
type Stream struct {
	Packets     uint64
	Frames      uint64    // of a sound: packets
	First, Last time.Time // frame; zero: none yet
	Gaps        []Gap     // of 250 ms or more, that have ended
}

// LongestGap returns the longest time without a frame that lies within from and
// to. Before the first frame there is nothing but a gap.
func (s Stream) LongestGap(from, to time.Time) time.Duration {
	var longest time.Duration
	within := func(g Gap) {
		if g.From.Before(from) {
			g.From = from
		}
		if g.To.After(to) {
			g.To = to
		}
		longest = max(longest, g.To.Sub(g.From))
	}
	if s.First.IsZero() {
		return to.Sub(from)
	}
	within(Gap{from, s.First})
	for _, g := range s.Gaps {
		within(g)
	}
	if to.Sub(s.Last) >= gapFrom {
		within(Gap{s.Last, to})
	}
	return longest
}

// Flow is what has arrived from one seat, over all connections to it.
type Flow struct {
	Seat    session.SeatID
	Picture Stream
	Sound   Stream
}

// flow counts what arrives from one seat. Safe for concurrent use.
type flow struct {
	mu             sync.Mutex
	picture, sound Stream
}

// note counts one packet that arrived at now; frame: it completes a new frame.
func (f *flow) note(picture, frame bool, now time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := &f.sound
	if picture {
		s = &f.picture
	}
	s.Packets++
	if !frame {
		return
	}
	s.Frames++
	switch {
	case s.Frames == 1:
		s.First = now
	case now.Sub(s.Last) >= gapFrom:
		s.Gaps = append(s.Gaps, Gap{s.Last, now})
	}
	s.Last = now
}

// completes tells new frames of one track from the rest: the middle of a frame,
// padding, packets that were sent again.
type completes struct {
	stamp   uint32 // RTP timestamp of the newest frame
	started bool
}

func (c *completes) frame(picture bool, packet *rtp.Packet) bool {
	if len(packet.Payload) == 0 || picture && !packet.Marker || c.started && int32(packet.Timestamp-c.stamp) <= 0 {
		return false
	}
	c.stamp, c.started = packet.Timestamp, true
	return true
}

func (f *flow) snapshot(seat session.SeatID) Flow {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := Flow{Seat: seat, Picture: f.picture, Sound: f.sound}
	out.Picture.Gaps, out.Sound.Gaps = slices.Clone(out.Picture.Gaps), slices.Clone(out.Sound.Gaps)
	return out
}
