package relay

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"sync"
	"time"

	"belay/signaling/datagram"
)

const (
	largest   = 2048 // bytes of a packet that is read; what is longer is cut off, and then not genuine
	portWaits = 256  // packets that pion has not read yet; more are dropped
	mostAddrs = 16   // of one page; then the oldest is forgotten
)

var (
	errNoAddress = errors.New("relay: no UDP address")
	errTooLong   = errors.New("relay: a packet is too long")
)

// buffer holds a packet, and is borrowed for its time.
type buffer struct {
	data  []byte // of bytes
	bytes [largest]byte
}

var buffers = sync.Pool{New: func() any { return new(buffer) }}

// port is one connection's part of the socket. What pion reads of it is a queue that
// has an end: somebody who sends faster than pion can check it takes no memory.
type port struct {
	mux   *mux
	name  name
	short *shortcut
	done  chan struct{}

	ends  int              // that are open. Under mux.mu, as addrs
	addrs []netip.AddrPort // that it has written to

	mu     sync.Mutex
	closed bool
	queue  [portWaits]waiting
	first  int // in queue
	n      int
	more   chan struct{} // holds one

	media []*buffer // that somebody works on, or is about to
	spare []*buffer
	busy  bool // somebody does
}

type waiting struct {
	from netip.AddrPort
	data *buffer
}

func newPort(m *mux, n name, short *shortcut) *port {
	return &port{mux: m, name: n, short: short, done: make(chan struct{}), more: make(chan struct{}, 1)}
}

// put queues a packet for pion, or drops it.
func (p *port) put(b *buffer, from netip.AddrPort) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || p.n == len(p.queue) {
		buffers.Put(b)
		return
	}
	p.queue[(p.first+p.n)%len(p.queue)] = waiting{from, b}
	p.n++
	p.wake()
}

func (p *port) wake() {
	select {
	case p.more <- struct{}{}:
	default:
	}
}

// get takes the next packet out. False: there is none.
func (p *port) get(b []byte) (n int, from netip.AddrPort, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.n == 0 {
		return 0, from, false
	}
	w := p.queue[p.first]
	p.queue[p.first] = waiting{}
	p.first = (p.first + 1) % len(p.queue)
	if p.n--; p.n > 0 {
		p.wake() // another of its readers may be waiting
	}
	n = copy(b, w.data.data)
	buffers.Put(w.data)
	return n, w.from, true
}

// hurry adds a packet of sound or picture. True: nobody works on them, and the caller
// must.
func (p *port) hurry(b *buffer) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || len(p.media) >= portWaits {
		buffers.Put(b)
		return false
	}
	p.media = append(p.media, b)
	first := !p.busy
	p.busy = true
	return first
}

// work sends on what hurry has brought, until there is no more.
func (p *port) work() {
	for {
		p.mu.Lock()
		all := p.media
		p.media, p.spare = p.spare[:0], all
		if len(all) == 0 {
			p.busy = false
			p.mu.Unlock()
			return
		}
		p.mu.Unlock()
		for i, b := range all {
			p.short.take(b.data)
			buffers.Put(b)
			all[i] = nil
		}
	}
}

// close wakes whoever reads.
func (p *port) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return
	}
	p.closed = true
	close(p.done)
	for ; p.n > 0; p.n-- {
		buffers.Put(p.queue[p.first].data)
		p.queue[p.first] = waiting{}
		p.first = (p.first + 1) % len(p.queue)
	}
}

// end is a port as one of pion's candidates has it: each is closed by itself, and the
// last one closes the port. It implements ice.AddrPortReaderWriter.
type end struct {
	port *port
	done chan struct{}
	once sync.Once
}

func (e *end) ReadFromAddrPort(b []byte) (int, netip.AddrPort, error) {
	for {
		if n, from, ok := e.port.get(b); ok {
			return n, from, nil
		}
		select {
		case <-e.port.more:
		case <-e.port.done:
			return 0, netip.AddrPort{}, io.EOF
		case <-e.done:
			return 0, netip.AddrPort{}, net.ErrClosed
		}
	}
}

func (e *end) WriteToAddrPort(b []byte, to netip.AddrPort) (int, error) {
	select {
	case <-e.done:
		return 0, io.ErrClosedPipe
	case <-e.port.done:
		return 0, io.ErrClosedPipe
	default:
	}
	return e.port.mux.write(e.port, b, to)
}

// ReadFrom implements net.PacketConn.
func (e *end) ReadFrom(b []byte) (int, net.Addr, error) {
	n, from, err := e.ReadFromAddrPort(b)
	if err != nil {
		return 0, nil, err
	}
	return n, net.UDPAddrFromAddrPort(from), nil
}

// WriteTo implements net.PacketConn.
func (e *end) WriteTo(b []byte, to net.Addr) (int, error) {
	a, ok := to.(*net.UDPAddr)
	if !ok {
		return 0, errNoAddress
	}
	return e.WriteToAddrPort(b, a.AddrPort())
}

// Close implements net.PacketConn.
func (e *end) Close() error {
	e.once.Do(func() {
		close(e.done)
		m := e.port.mux
		m.mu.Lock()
		e.port.ends--
		last := e.port.ends == 0
		m.mu.Unlock()
		if last {
			m.forget(e.port)
			e.port.close()
		}
	})
	return nil
}

func (e *end) LocalAddr() net.Addr { return e.port.mux.conn.LocalAddr() }

// Whoever waits is woken by Close, which pion calls after it has set a deadline.

func (e *end) SetDeadline(time.Time) error      { return nil }
func (e *end) SetReadDeadline(time.Time) error  { return nil }
func (e *end) SetWriteDeadline(time.Time) error { return nil }

// outbox sends packets. Between begin and end they are collected, whoever sends them,
// and go out together at the end: the delay is that of the packets which were read at
// the same time.
type outbox struct {
	conn datagram.Conn

	mu      sync.Mutex
	open    int // begins without an end
	n       int
	packets [datagram.Most]datagram.Packet
	bytes   *[datagram.Most][largest]byte // of packets; changes places with other

	flushing sync.Mutex // taken before mu
	sent     [datagram.Most]datagram.Packet
	other    *[datagram.Most][largest]byte
}

func newOutbox(conn datagram.Conn) *outbox {
	return &outbox{conn: conn, bytes: new([datagram.Most][largest]byte), other: new([datagram.Most][largest]byte)}
}

func (o *outbox) begin() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.open++
}

func (o *outbox) end() {
	o.mu.Lock()
	o.open--
	o.mu.Unlock()
	o.flush()
}

// flush sends what has been collected.
func (o *outbox) flush() {
	o.flushing.Lock()
	defer o.flushing.Unlock()
	o.mu.Lock()
	n := copy(o.sent[:], o.packets[:o.n])
	o.n = 0
	o.bytes, o.other = o.other, o.bytes
	o.mu.Unlock()
	if n > 0 {
		_ = o.conn.WritePackets(o.sent[:n]) // what can't be sent is lost, as on any way
	}
}

// write sends a packet with the others, or at once where nothing is being collected.
func (o *outbox) write(b []byte, to netip.AddrPort) (int, error) {
	if len(b) > largest {
		return 0, errTooLong
	}
	for {
		o.mu.Lock()
		if o.n < len(o.packets) {
			data := o.bytes[o.n][:copy(o.bytes[o.n][:], b)]
			o.packets[o.n] = datagram.Packet{Data: data, Addr: to}
			o.n++
			alone := o.open == 0
			o.mu.Unlock()
			if alone {
				o.flush()
			}
			return len(b), nil
		}
		o.mu.Unlock()
		o.flush()
	}
}
