package relay

import (
	"encoding/binary"
	"io"
	"slices"
	"sync"

	"github.com/pion/transport/v4/packetio"
)

const (
	inletWaits = 64       // packets of a stream that nobody has taken up yet; more are dropped
	rtcpWaits  = 64 << 10 // bytes of reports that nobody has read yet; more are dropped
)

// inlet is where pion puts what has arrived of one stream, decrypted. Until
// somebody has taken the stream up it is a queue. From then on it is none: whoever
// decrypts a packet calls the reader, who finds the packet with Read. So a packet
// reaches its viewers without another hand-off between goroutines.
type inlet struct {
	ssrc uint32
	gone func() // called once, by Close

	turn sync.Mutex // held while a packet is passed on: packets come one after the other

	mu     sync.Mutex
	newest int64 // number of the newest packet, counted on beyond 16 bits; negative: none
	other  bool  // packets came pion's way since the last that came the short one
	twice  bool  // a packet with this number went both ways; see shortcut
	number uint16
	short  bool   // packets take the short way
	begun  bool   // one has been seen on pion's way
	before uint16 // the last one that went there, by its number
	last   uint16 // the last one that came from there
	queue  [][]byte
	more   chan struct{} // holds one
	reader func() bool   // nil: the queue is read
	now    []byte        // what Write hands to the reader; empty: taken
	closed bool
	done   chan struct{}
}

func newInlet(ssrc uint32, gone func()) *inlet {
	return &inlet{ssrc: ssrc, gone: gone, newest: -1, more: make(chan struct{}, 1), done: make(chan struct{})}
}

// Write takes a packet from pion. It does not keep p.
func (i *inlet) Write(p []byte) (int, error) {
	i.turn.Lock()
	defer i.turn.Unlock()
	i.mu.Lock()
	if len(p) >= 4 {
		seq := binary.BigEndian.Uint16(p[2:])
		if i.twice && i.number == seq {
			i.twice = false
			i.mu.Unlock()
			return len(p), nil
		}
		i.newest, i.other, i.last = i.counted(seq), true, seq
	}
	switch {
	case i.closed:
		i.mu.Unlock()
		return 0, io.ErrClosedPipe
	case i.reader == nil:
		defer i.mu.Unlock()
		if len(i.queue) >= inletWaits {
			return 0, packetio.ErrFull
		}
		i.queue = append(i.queue, slices.Clone(p))
		select {
		case i.more <- struct{}{}:
		default:
		}
		return len(p), nil
	}
	i.mu.Unlock()
	i.pass(p)
	return len(p), nil
}

// direct takes a packet that came the short way, once takes has said so.
func (i *inlet) direct(p []byte) {
	i.turn.Lock()
	defer i.turn.Unlock()
	i.pass(p)
}

// pass has the reader read a packet. i.turn is held.
func (i *inlet) pass(p []byte) {
	i.mu.Lock()
	if i.closed {
		i.mu.Unlock()
		return
	}
	read := i.reader
	i.now = p
	i.mu.Unlock()
	for read() && i.left() { // pion may hold back packets of its own, they come first
	}
}

// takes reports whether a packet can come the short way. The first does when none is
// on pion's way any more, so that none overtakes another.
func (i *inlet) takes(seq uint16) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.reader == nil || i.closed {
		i.begun, i.before = true, seq
		return false
	}
	if !i.short {
		i.short = i.begun && i.before == i.last
		i.begun, i.before = true, seq
	}
	return i.short
}

// expectTwice has a packet dropped when pion brings it. False: there is still one
// that pion has not brought, or has lost; it is forgotten.
func (i *inlet) expectTwice(seq uint16) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.twice, i.number = !i.twice, seq
	return i.twice
}

// counted is a packet's number, counted on beyond 16 bits from the newest one's
// (RFC 3711 section 3.3.1). i.mu is held.
func (i *inlet) counted(seq uint16) int64 {
	if i.newest < 0 {
		return int64(seq)
	}
	return max(i.newest, i.newest+int64(int16(seq-uint16(i.newest))))
}

// turns is how often the numbers have begun anew until a packet, and whether the
// short way may not know it.
func (i *inlet) turns(seq uint16) (turns uint32, other bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	at := max(0, i.newest+int64(int16(seq-uint16(i.newest))))
	return uint32(at >> 16), i.other
}

// came notes a packet that came the short way, and is genuine.
func (i *inlet) came(seq uint16) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.newest, i.other = i.counted(seq), false
}

// left reports whether the packet of Write was not taken yet.
func (i *inlet) left() bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	return len(i.now) > 0
}

// Read returns the next packet. It waits for one until hand was called.
func (i *inlet) Read(b []byte) (int, error) {
	for {
		n, wait, err := i.take(b)
		if !wait {
			return n, err
		}
		select {
		case <-i.more:
		case <-i.done:
		}
	}
}

func (i *inlet) take(b []byte) (n int, wait bool, err error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	var p []byte
	switch {
	case len(i.queue) > 0:
		p, i.queue = i.queue[0], i.queue[1:]
	case len(i.now) > 0:
		p, i.now = i.now, nil
	case i.closed || i.reader != nil:
		return 0, false, io.EOF
	default:
		return 0, true, nil
	}
	if len(p) > len(b) {
		return 0, false, io.ErrShortBuffer
	}
	return copy(b, p), false, nil
}

// hand makes read be called for each packet from now on, one after the other, by
// whoever writes them. False: there are packets to be read first.
func (i *inlet) hand(read func() bool) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	if len(i.queue) > 0 || i.closed {
		return false
	}
	i.reader, i.queue = read, nil
	return true
}

// Close ends the stream. pion calls it.
func (i *inlet) Close() error {
	i.mu.Lock()
	first := !i.closed
	i.closed = true
	i.mu.Unlock()
	if first {
		close(i.done)
		i.gone()
	}
	return nil
}

// inlets are those of one connection. The zero value is ready.
type inlets struct {
	mu  sync.Mutex
	all map[uint32]*inlet
}

// open is what pion is given for each incoming stream, and for its reports.
func (s *inlets) open(kind packetio.BufferPacketType, ssrc uint32) io.ReadWriteCloser {
	if kind != packetio.RTPBufferPacket {
		reports := packetio.NewBuffer()
		reports.SetLimitSize(rtcpWaits)
		return reports
	}
	i := newInlet(ssrc, func() { s.forget(ssrc) })
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all == nil {
		s.all = map[uint32]*inlet{}
	}
	s.all[ssrc] = i
	return i
}

func (s *inlets) forget(ssrc uint32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.all, ssrc)
}

// of returns a stream's; nil: it has ended.
func (s *inlets) of(ssrc uint32) *inlet {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.all[ssrc]
}
