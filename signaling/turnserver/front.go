package turnserver

import (
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"belay/signaling/datagram"
)

const (
	waitsForRelay = 512 // packets from TURN that the relay has not read yet; more are dropped
	waitsForTURN  = 512 // packets from the socket that TURN has not read yet; more are dropped
	inARow        = 32  // packets from TURN, then the socket has its turn
)

// front is the UDP socket as the relay sees it: what is STUN's or TURN's is taken
// out while it reads, and what TURN carries to it comes in between.
//
// A reader that waits at the socket is called away by a read deadline. That costs
// something for packets from TURN only; the others pay for one atomic load.
type front struct {
	udp    *net.UDPConn
	many   *datagram.Socket // udp
	server *Server
	line   *line

	waiting atomic.Int32 // length of queue
	row     int          // of the reader alone

	mu    sync.Mutex
	queue []carried
	rung  bool // the read deadline is set
}

// carried is a packet on its way from TURN to the relay.
type carried struct {
	from netip.AddrPort // made up
	data *buffer
}

// buffer is borrowed from buffers for the time of one packet.
type buffer struct {
	n     int
	bytes [largest]byte
}

var buffers = sync.Pool{New: func() any { return new(buffer) }}

// borrow copies a packet; nil: it is too long.
func borrow(p []byte) *buffer {
	if len(p) > largest {
		return nil
	}
	b := buffers.Get().(*buffer)
	b.n = copy(b.bytes[:], p)
	return b
}

// give copies a packet out and returns its buffer.
func (b *buffer) give(to []byte) int {
	n := copy(to, b.bytes[:b.n])
	buffers.Put(b)
	return n
}

func newFront(s *Server, udp *net.UDPConn) *front {
	f := &front{udp: udp, many: datagram.New(udp), server: s}
	f.line = &line{front: f, in: make(chan arrived, waitsForTURN), done: make(chan struct{})}
	return f
}

// ReadPackets implements datagram.Conn: what is the relay's has an address.
func (f *front) ReadPackets(packets []datagram.Packet) (int, error) {
	for {
		n := 0
		for n < len(packets) && f.waiting.Load() > 0 && f.take(&packets[n]) {
			n++
		}
		if n > 0 {
			return n, nil
		}
		read, err := f.many.ReadPackets(packets)
		switch {
		case errors.Is(err, net.ErrClosed):
			return 0, err
		case err != nil:
			continue // called away; or an error of one address (ICMP), which is not the socket's
		}
		if f.sort(packets[:read]) {
			return read, nil
		}
	}
}

// sort takes out what is STUN's or TURN's. False: nothing is left.
func (f *front) sort(packets []datagram.Packet) (left bool) {
	for i := range packets {
		p := &packets[i]
		switch {
		case isMadeUp(p.Addr.Addr().Unmap()):
		case belongsTo(p.Data) == turns:
			f.line.put(p.Data, p.Addr)
		default:
			left = true
			continue
		}
		p.Addr = netip.AddrPort{}
	}
	return left
}

var longAgo = time.Unix(1, 0)

// inject hands a packet of an allocation to the relay. It does not block.
func (f *front) inject(from netip.AddrPort, p []byte) {
	b := borrow(p)
	if b == nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.queue) >= waitsForRelay {
		buffers.Put(b)
		return
	}
	f.queue = append(f.queue, carried{from, b})
	f.waiting.Store(int32(len(f.queue)))
	if !f.rung {
		f.rung = true
		_ = f.udp.SetReadDeadline(longAgo) // a socket that is closed wakes its reader itself
	}
}

// take fetches the next injected packet. False: there is none, or it is the socket's
// turn.
func (f *front) take(p *datagram.Packet) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.queue) == 0 {
		return false
	}
	if f.row++; f.row > inARow {
		f.row = 0
		_ = f.udp.SetReadDeadline(time.Now().Add(200 * time.Microsecond)) // long enough for what lies there
		return false
	}
	next := f.queue[0]
	f.queue[0] = carried{}
	if f.queue = f.queue[1:]; len(f.queue) == 0 {
		f.queue, f.rung, f.row = nil, false, 0
		_ = f.udp.SetReadDeadline(time.Time{})
	}
	f.waiting.Store(int32(len(f.queue)))
	p.Data = p.Data[:cap(p.Data)]
	p.Data, p.Addr = p.Data[:next.data.give(p.Data)], next.from
	return true
}

// WritePackets implements datagram.Conn.
func (f *front) WritePackets(packets []datagram.Packet) (err error) {
	for len(packets) > 0 {
		n := 0
		for n < len(packets) && !isMadeUp(packets[n].Addr.Addr().Unmap()) {
			n++
		}
		if n > 0 {
			if e := f.many.WritePackets(packets[:n]); err == nil {
				err = e
			}
			packets = packets[n:]
			continue
		}
		f.server.deliver(packets[0].Addr.Port(), packets[0].Data)
		packets = packets[1:]
	}
	return err
}

// ReadFrom implements net.PacketConn.
func (f *front) ReadFrom(b []byte) (int, net.Addr, error) {
	one := []datagram.Packet{{Data: b[:len(b):len(b)]}}
	if _, err := f.ReadPackets(one); err != nil {
		return 0, nil, err
	}
	return len(one[0].Data), net.UDPAddrFromAddrPort(one[0].Addr), nil
}

// WriteTo implements net.PacketConn.
func (f *front) WriteTo(b []byte, to net.Addr) (int, error) {
	a, ok := to.(*net.UDPAddr)
	if !ok {
		return f.udp.WriteTo(b, to)
	}
	return len(b), f.WritePackets([]datagram.Packet{{Data: b, Addr: a.AddrPort()}})
}

// Close closes the socket, for TURN and STUN too.
func (f *front) Close() error {
	_ = f.line.Close()
	return f.udp.Close()
}

func (f *front) LocalAddr() net.Addr                { return f.udp.LocalAddr() }
func (f *front) SetWriteDeadline(t time.Time) error { return f.udp.SetWriteDeadline(t) }
func (f *front) SetReadBuffer(bytes int) error      { return f.udp.SetReadBuffer(bytes) }
func (f *front) SetWriteBuffer(bytes int) error     { return f.udp.SetWriteBuffer(bytes) }

// SetReadDeadline is not supported: the deadline is the front's own bell.
func (f *front) SetReadDeadline(time.Time) error { return errors.ErrUnsupported }

// SetDeadline is not supported, see SetReadDeadline.
func (f *front) SetDeadline(time.Time) error { return errors.ErrUnsupported }

// discard reads where there is no relay.
func (f *front) discard() {
	b := make([]byte, largest+1)
	for {
		if _, _, err := f.ReadFrom(b); err != nil {
			return
		}
	}
}

type owner int

const (
	relays owner = iota
	turns
)

const (
	stunHeader    = 20 // bytes
	stunCookie    = 0x2112A442
	methodBinding = 0x0001
	classMask     = 0x0110
	classRequest  = 0x0000
	attrUsername  = 0x0006
)

// belongsTo tells by a packet's first bytes whose it is (RFC 7983 section 7). A
// binding request with a USERNAME is a check of ICE (RFC 8445 section 7.2.2);
// without one it asks the STUN server. Whatever makes no sense is the relay's,
// which knows its connections and drops it.
func belongsTo(p []byte) owner {
	if len(p) == 0 {
		return relays
	}
	if p[0] >= 64 && p[0] < 80 {
		return turns // ChannelData
	}
	if p[0] > 3 || len(p) < stunHeader || binary.BigEndian.Uint32(p[4:]) != stunCookie {
		return relays
	}
	kind := binary.BigEndian.Uint16(p)
	if kind&^classMask != methodBinding {
		return turns
	}
	if kind&classMask == classRequest && !hasUsername(p[stunHeader:]) {
		return turns
	}
	return relays
}

func hasUsername(attributes []byte) bool {
	for len(attributes) >= 4 {
		if binary.BigEndian.Uint16(attributes) == attrUsername {
			return true
		}
		size := 4 + (int(binary.BigEndian.Uint16(attributes[2:]))+3)&^3
		if size > len(attributes) {
			return false
		}
		attributes = attributes[size:]
	}
	return false
}

// line is the part of the UDP socket that is STUN's and TURN's.
type line struct {
	front *front
	in    chan arrived
	done  chan struct{}
	once  sync.Once
	left  sync.Once
	end   func() // of the message that pion has; nil: it makes no permission. Of the reader alone
}

type arrived struct {
	from netip.AddrPort
	data *buffer
}

// put does not block.
func (l *line) put(p []byte, from netip.AddrPort) {
	b := borrow(p)
	if b == nil {
		return
	}
	select {
	case l.in <- arrived{netip.AddrPortFrom(from.Addr().Unmap(), from.Port()), b}:
	default:
		buffers.Put(b)
	}
}

// ReadFrom implements net.PacketConn, for the one reader of pion's server.
func (l *line) ReadFrom(b []byte) (int, net.Addr, error) {
	if l.end != nil {
		l.end()
		l.end = nil
	}
	for {
		select {
		case <-l.done:
			l.left.Do(l.front.server.running.Done)
			return 0, nil, net.ErrClosed
		case p := <-l.in:
			n := p.data.give(b)
			from := net.UDPAddrFromAddrPort(p.from)
			answer, ok := l.front.server.judge(b[:n])
			if answer != nil {
				_, _ = l.WriteTo(answer, from) // it asks again
			}
			if ok {
				l.end = l.front.server.permissions.begin(from, b[:n])
				return n, from, nil
			}
		}
	}
}

// WriteTo implements net.PacketConn.
func (l *line) WriteTo(b []byte, to net.Addr) (int, error) {
	return l.front.udp.WriteTo(b, to)
}

// Close ends the line; the socket stays.
func (l *line) Close() error {
	l.once.Do(func() { close(l.done) })
	return nil
}

func (l *line) LocalAddr() net.Addr              { return l.front.udp.LocalAddr() }
func (l *line) SetDeadline(time.Time) error      { return errors.ErrUnsupported }
func (l *line) SetReadDeadline(time.Time) error  { return errors.ErrUnsupported }
func (l *line) SetWriteDeadline(time.Time) error { return errors.ErrUnsupported }
