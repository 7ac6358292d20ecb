package relay

import (
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/rtcp"
	"github.com/pion/webrtc/v4"
)

const (
	askGapAfter = 20 * time.Millisecond  // a packet that merely overtook another
	askGapEvery = 100 * time.Millisecond // until it comes
	askGapTimes = 10                     // then whoever sees the picture asks for a key frame
	gapMost     = 128                    // packets
)

// gaps asks a sender again for packets of its picture that are missing (NACK, RFC 4585
// section 6.2.1). What is missing after a time without any packet is not asked for:
// the page was cut off, it is asked for a key frame (see source), and all that it
// could send of before would take the room of it. pion's own generator goes on asking
// for ever, also for what is too old to be let through as anything but a repetition;
// a browser answers each time, and its estimate of the way falls to nothing.
//
// It needs no goroutine: whoever reads a packet asks for what is due.
type gaps struct {
	interceptor.NoOp

	mu      sync.Mutex
	writer  interceptor.RTCPWriter
	ssrc    uint32
	streams map[uint32]*gapped
	next    time.Time // when something may be due
}

type gapped struct {
	begun   bool
	after   uint16 // number of the next packet
	at      time.Time
	missing []gap
}

type gap struct {
	seq   uint16
	due   time.Time
	times int
}

type gapsFactory struct{}

func (gapsFactory) NewInterceptor(string) (interceptor.Interceptor, error) {
	return &gaps{ssrc: rand.Uint32(), streams: map[uint32]*gapped{}}, nil
}

func (g *gaps) BindRTCPWriter(w interceptor.RTCPWriter) interceptor.RTCPWriter {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.writer = w
	return w
}

func (g *gaps) BindRemoteStream(info *interceptor.StreamInfo, reader interceptor.RTPReader) interceptor.RTPReader {
	asks := slices.ContainsFunc(info.RTCPFeedback, func(f interceptor.RTCPFeedback) bool {
		return f.Type == webrtc.TypeRTCPFBNACK && f.Parameter == ""
	})
	if asks {
		g.mu.Lock()
		g.streams[info.SSRC] = &gapped{}
		g.mu.Unlock()
	}
	return interceptor.RTPReaderFunc(func(b []byte, a interceptor.Attributes) (int, interceptor.Attributes, error) {
		n, attributes, err := reader.Read(b, a)
		if err != nil {
			return n, attributes, err
		}
		header, err := attributes.GetRTPHeader(b[:n])
		if err != nil {
			return n, attributes, err
		}
		g.came(info.SSRC, header.SequenceNumber, time.Now())
		return n, attributes, nil
	})
}

func (g *gaps) UnbindRemoteStream(info *interceptor.StreamInfo) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.streams, info.SSRC)
}

// came notes a packet, of a stream that is asked for or of another, and asks for what
// is due.
func (g *gaps) came(ssrc uint32, seq uint16, now time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if s := g.streams[ssrc]; s != nil && s.came(seq, now) {
		if due := now.Add(askGapAfter); g.next.IsZero() || due.Before(g.next) {
			g.next = due
		}
	}
	if g.next.IsZero() || now.Before(g.next) || g.writer == nil {
		return
	}
	g.next = time.Time{}
	var asked []rtcp.Packet
	for ssrc, s := range g.streams {
		if numbers := s.due(now, &g.next); len(numbers) > 0 {
			asked = append(asked, &rtcp.TransportLayerNack{SenderSSRC: g.ssrc, MediaSSRC: ssrc, Nacks: rtcp.NackPairsFromSequenceNumbers(numbers)})
		}
	}
	if len(asked) > 0 {
		_, _ = g.writer.Write(asked, nil) // a connection that is being closed takes none
	}
}

// came reports whether there is a new gap before the packet.
func (s *gapped) came(seq uint16, now time.Time) (more bool) {
	silence := now.Sub(s.at)
	s.at = now
	ahead := int16(seq - s.after)
	switch {
	case !s.begun:
	case ahead < 0:
		if i := slices.IndexFunc(s.missing, func(one gap) bool { return one.seq == seq }); i >= 0 {
			s.missing = slices.Delete(s.missing, i, i+1)
		}
		return false
	case ahead > gapMost || ahead > 0 && silence > tornAfter:
		s.missing = s.missing[:0]
	default:
		for i := range uint16(ahead) {
			s.missing = append(s.missing, gap{seq: s.after + i, due: now.Add(askGapAfter)})
		}
		if much := len(s.missing) - gapMost; much > 0 {
			s.missing = slices.Delete(s.missing, 0, much)
		}
		more = ahead > 0
	}
	s.begun, s.after = true, seq+1
	return more
}

// due returns what is to be asked for now, and brings next forward to when the rest is.
func (s *gapped) due(now time.Time, next *time.Time) (numbers []uint16) {
	s.missing = slices.DeleteFunc(s.missing, func(one gap) bool { return one.times >= askGapTimes && !now.Before(one.due) })
	for i := range s.missing {
		one := &s.missing[i]
		if !now.Before(one.due) {
			numbers = append(numbers, one.seq)
			one.times++
			one.due = now.Add(askGapEvery)
		}
		if next.IsZero() || one.due.Before(*next) {
			*next = one.due
		}
	}
	return numbers
}
