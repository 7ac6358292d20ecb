package oneport

import (
	"crypto/tls"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"sync"
	"time"
)

const (
	defaultWithin = 10 * time.Second
	mediaBuffer   = 128 << 10 // bytes that the system keeps for a slow reader of media: about a second

	handshake = 0x16 // first byte of TLS (RFC 8446 section 5.1)
	letters   = 0x20 // what is below is no HTTP
	cookie    = 0x2112A442
)

// Options say what a port works with.
type Options struct {
	Listener net.Listener
	TLS      *tls.Config   // nil: none
	Within   time.Duration // for a caller's first bytes, the handshake included; 0: 10 s
}

func (o *Options) validate() error {
	if o.Listener == nil {
		return errors.New("oneport: a listener is needed")
	}
	if o.Within < 0 {
		return errors.New("oneport: a time is not negative")
	}
	if o.Within == 0 {
		o.Within = defaultWithin
	}
	return nil
}

// Port is one TCP port. Its methods may be called concurrently; whoever made it
// closes it.
type Port struct {
	opts            Options
	http, turn, ice *lane
	running         sync.WaitGroup

	mu       sync.Mutex
	closed   bool
	deciding map[net.Conn]struct{}
}

// New begins to accept. The listener belongs to the port once it returns without
// an error.
func New(o Options) (*Port, error) {
	if err := o.validate(); err != nil {
		return nil, err
	}
	p := &Port{opts: o, deciding: map[net.Conn]struct{}{}}
	p.http, p.turn, p.ice = newLane(o.Listener.Addr()), newLane(o.Listener.Addr()), newLane(o.Listener.Addr())
	p.http.open()
	p.running.Go(p.accept)
	return p, nil
}

// HTTP returns the listener of HTTP, TLS taken off where there is some: see
// [Conn.ConnectionState]. Callers wait until it accepts them.
func (p *Port) HTTP() net.Listener { return p.http }

// TURN returns the listener of TURN, over TCP or over TLS that was taken off.
// Until the first call callers are turned away.
func (p *Port) TURN() net.Listener { return p.turn.open() }

// ICE returns the listener of ICE over TCP. Until the first call callers are
// turned away.
func (p *Port) ICE() net.Listener { return p.ice.open() }

// Addr is the address that the port listens on.
func (p *Port) Addr() net.Addr { return p.opts.Listener.Addr() }

// Close stops accepting, closes the three listeners, and returns when nothing of
// the port runs any more. The second call waits too.
func (p *Port) Close() error {
	p.mu.Lock()
	first := !p.closed
	p.closed = true
	for conn := range p.deciding {
		_ = conn.Close() // nobody has it yet
	}
	p.mu.Unlock()
	var err error
	if first {
		err = p.opts.Listener.Close()
	}
	for _, l := range []*lane{p.http, p.turn, p.ice} {
		_ = l.Close() // it never fails
	}
	p.running.Wait()
	return err
}

func (p *Port) accept() {
	for {
		conn, err := p.opts.Listener.Accept()
		switch {
		case err == nil:
			p.running.Go(func() { p.decide(conn) })
		case p.ending():
			return
		default:
			// As net/http does: it may be that too many files are open.
			p.http.fail(err)
			time.Sleep(50 * time.Millisecond)
		}
	}
}

func (p *Port) ending() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.closed
}

// decide listens to a caller's first bytes and hands the connection over.
func (p *Port) decide(conn net.Conn) {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		_ = conn.Close()
		return
	}
	p.deciding[conn] = struct{}{}
	p.mu.Unlock()
	to, spoken := p.listen(conn)
	if to != nil && spoken.SetDeadline(time.Time{}) != nil {
		to = nil
	}
	p.mu.Lock()
	delete(p.deciding, conn)
	p.mu.Unlock()
	if to == nil || !to.hand(spoken) {
		_ = conn.Close()
	}
}

// listen tells whose a connection is; nil: nobody's.
func (p *Port) listen(conn net.Conn) (*lane, *Conn) {
	if conn.SetDeadline(time.Now().Add(p.opts.Within)) != nil {
		return nil, nil
	}
	c := &Conn{Conn: conn}
	if !c.peek(1) {
		return nil, nil
	}
	secure := p.opts.TLS != nil && c.first[0] == handshake
	if secure {
		tc := tls.Server(c, p.opts.TLS)
		if tc.Handshake() != nil {
			return nil, nil
		}
		state := tc.ConnectionState()
		c = &Conn{Conn: tc, state: &state}
		if !c.peek(1) {
			return nil, nil
		}
	}
	if c.first[0] >= letters {
		if p.opts.TLS != nil && !secure {
			_, _ = io.WriteString(conn, "HTTP/1.0 400 Bad Request\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\nThis address speaks https.\n")
			return nil, nil // heard or not
		}
		return p.http, c
	}
	if !c.peek(10) {
		return nil, nil
	}
	var to *lane
	switch {
	case binary.BigEndian.Uint32(c.first[4:]) == cookie:
		to = p.turn
	case binary.BigEndian.Uint32(c.first[6:]) == cookie && !secure:
		to = p.ice
	default:
		return nil, nil
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetWriteBuffer(mediaBuffer) // without it late media waits longer before it is dropped
	}
	return to, c
}

// Conn is a connection whose first bytes were read already, and are read again.
type Conn struct {
	net.Conn
	first []byte
	state *tls.ConnectionState
}

// ConnectionState returns the TLS that was taken off; nil: there was none.
func (c *Conn) ConnectionState() *tls.ConnectionState { return c.state }

// NetConn returns the connection underneath, as that of crypto/tls does.
func (c *Conn) NetConn() net.Conn { return c.Conn }

// peek reads until n bytes are there.
func (c *Conn) peek(n int) bool {
	have := len(c.first)
	first := make([]byte, n)
	copy(first, c.first)
	if _, err := io.ReadFull(c.Conn, first[have:]); err != nil {
		return false
	}
	c.first = first
	return true
}

// Read implements net.Conn.
func (c *Conn) Read(b []byte) (int, error) {
	if len(c.first) == 0 {
		return c.Conn.Read(b)
	}
	n := copy(b, c.first)
	if c.first = c.first[n:]; len(c.first) == 0 {
		c.first = nil
	}
	return n, nil
}

// lane is one of the listeners that share the port.
type lane struct {
	addr  net.Addr
	conns chan net.Conn
	errs  chan error
	done  chan struct{}
	once  sync.Once

	mu     sync.Mutex
	opened bool
}

func newLane(addr net.Addr) *lane {
	return &lane{addr: addr, conns: make(chan net.Conn), errs: make(chan error), done: make(chan struct{})}
}

func (l *lane) open() *lane {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.opened = true
	return l
}

// hand waits until the connection is accepted. False: it never will be.
func (l *lane) hand(c net.Conn) bool {
	l.mu.Lock()
	opened := l.opened
	l.mu.Unlock()
	if !opened {
		return false
	}
	select {
	case l.conns <- c:
		return true
	case <-l.done:
		return false
	}
}

// fail tells whoever accepts of an error of the port, if they wait for it.
func (l *lane) fail(err error) {
	select {
	case l.errs <- err:
	default:
	}
}

// Accept implements net.Listener.
func (l *lane) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case err := <-l.errs:
		return nil, err
	case <-l.done:
		return nil, net.ErrClosed
	}
}

// Close closes this listener alone.
func (l *lane) Close() error {
	l.once.Do(func() { close(l.done) })
	return nil
}

// Addr is that of the port.
func (l *lane) Addr() net.Addr { return l.addr }
