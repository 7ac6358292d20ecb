package relay

import (
	"sync"
	"time"

	"github.com/pion/rtcp"
)

const (
	wayKeeps   = 1024                   // pictures' packets that can wait for word of their arrival: seconds
	windowFor  = 300 * time.Millisecond // of one measurement, at least
	windowHas  = 5                      // packets, at least
	emptyFor   = 10 * time.Second       // the shortest way of so long, or twice that, is the empty one
	arrivalBit = 64 * time.Millisecond  // unit of a feedback's reference time
)

// way measures how much a viewer's way bears. Every packet of a picture that goes
// there has a number, and the viewer tells when each arrived (TWCC, see arrivals).
// Two things follow that no report of loss knows: how long packets stand in a queue
// somewhere, before the queue is full and loses sound too; and, while they do,
// what comes through, which is what there is. It grows no estimate while nothing
// stands: what little is sent says nothing about how much more could be. So it has
// no rate that would have to be bounded, no goroutine, and no memory per packet.
//
// The zero value is ready. Its methods may be called concurrently.
type way struct {
	mu   sync.Mutex
	next uint16
	sent [wayKeeps]departed

	heard     bool // there was a feedback; the next two are its
	count     uint8
	reference uint32
	epoch     time.Duration // the reference time, unwrapped

	shortest, before time.Duration // in this emptyFor and in the last; on two clocks that differ by any amount
	measured         int           // how many emptyFor have begun, at most 2
	turned           time.Time
	changed          time.Time

	began       time.Time // of the window
	departed    time.Time // its first packet
	first, last time.Duration
	bytes       int // that arrived after first
	packets     int
	least       time.Duration
}

type departed struct {
	at   time.Time // zero: there is no word to be expected
	size int
	seq  uint16
}

// measure is what a way has borne for a moment.
type measure struct {
	queue time.Duration // that each packet stood, at least
	rate  float64       // bit/s of pictures that came through
	sent  time.Time     // the first of them
}

// number notes a packet of so many bytes, and returns the number that it carries.
func (w *way) number(now time.Time, bytes int) uint16 {
	w.mu.Lock()
	defer w.mu.Unlock()
	seq := w.next
	w.next++
	w.sent[seq%wayKeeps] = departed{at: now, size: bytes, seq: seq}
	return seq
}

// reset forgets everything that was measured: the way has become another one. What
// was sent before tells of the old one, and does not count.
func (w *way) reset(now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.changed, w.measured, w.began, w.packets = now, 0, time.Time{}, 0
}

// feedback takes a viewer's word of arrivals. True: a measurement is complete with it.
func (w *way) feedback(m *rtcp.TransportLayerCC, now time.Time) (measure, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.heard && m.FbPktCount == w.count {
		return measure{}, false // one compound packet comes to every slot that it speaks of
	}
	if w.heard {
		w.epoch += time.Duration(int32((m.ReferenceTime-w.reference)<<8)>>8) * arrivalBit
	}
	w.heard, w.count, w.reference = true, m.FbPktCount, m.ReferenceTime
	at, seq, deltas := w.epoch, m.BaseSequenceNumber, m.RecvDeltas
	left := int(m.PacketStatusCount)
	one := func(symbol uint16) bool {
		if left--; left < 0 {
			return false
		}
		if symbol == rtcp.TypeTCCPacketReceivedSmallDelta || symbol == rtcp.TypeTCCPacketReceivedLargeDelta {
			if len(deltas) == 0 {
				return false
			}
			at += time.Duration(deltas[0].Delta) * time.Microsecond
			deltas = deltas[1:]
			w.arrived(seq, at, now)
		}
		seq++
		return true
	}
	for _, chunk := range m.PacketChunks {
		switch c := chunk.(type) {
		case *rtcp.RunLengthChunk:
			for range c.RunLength {
				if !one(c.PacketStatusSymbol) {
					break
				}
			}
		case *rtcp.StatusVectorChunk:
			for _, symbol := range c.SymbolList {
				if !one(symbol) {
					break
				}
			}
		}
	}
	return w.complete(now)
}

// arrived notes one packet's arrival, by the viewer's clock. w.mu is held.
func (w *way) arrived(seq uint16, at time.Duration, now time.Time) {
	d := &w.sent[seq%wayKeeps]
	if d.at.IsZero() || d.seq != seq || d.at.Before(w.changed) {
		return
	}
	took := at - d.at.Sub(anyTime) // between two clocks: only differences of it mean something
	if w.measured == 0 || now.Sub(w.turned) > emptyFor {
		w.before, w.shortest, w.turned = w.shortest, took, now
		w.measured = min(2, w.measured+1)
	}
	w.shortest = min(w.shortest, took)
	if w.packets == 0 {
		if w.began.IsZero() {
			w.began = now
		}
		w.first, w.last, w.least, w.bytes, w.departed = at, at, took, -d.size, d.at
	}
	w.packets++
	w.bytes += d.size
	w.last, w.least = max(w.last, at), min(w.least, took)
	d.at = time.Time{}
}

var anyTime = time.Now()

// complete ends a window that is long enough. w.mu is held.
func (w *way) complete(now time.Time) (m measure, ok bool) {
	long := w.last - w.first
	if w.packets < windowHas || now.Sub(w.began) < windowFor || long <= 0 {
		return m, false
	}
	empty := w.shortest
	if w.measured > 1 {
		empty = min(empty, w.before)
	}
	m = measure{queue: w.least - empty, rate: float64(w.bytes) * 8 / long.Seconds(), sent: w.departed}
	w.packets, w.began = 0, now
	return m, true
}
