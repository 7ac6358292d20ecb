package turnserver

import (
	"errors"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/pion/turn/v5"
)

// madeUp is the address that all allocations have, each with a port of its own:
// the IPv4 dummy address (RFC 7600 section 4.8), which is nobody's and is never
// forwarded. Packets from the network that claim to come from it are dropped.
var madeUp = netip.AddrFrom4([4]byte{192, 0, 0, 8})

func isMadeUp(a netip.Addr) bool { return a == madeUp }

// Carried reports whether an address at the relay is that of an allocation: the
// page came through TURN.
func Carried(a netip.Addr) bool { return isMadeUp(a.Unmap()) }

const waitsForPage = 256 // packets of one allocation, about a second; more are dropped

var (
	errQuota   = errors.New("turnserver: too many allocations")
	errRefused = errors.New("turnserver: not offered here")
	errNotPeer = errors.New("turnserver: not the relay's address")
)

// way is one allocation's end towards the relay: a PacketConn without a socket.
type way struct {
	server *Server
	port   uint16 // of its made-up address
	of     claim
	from   netip.Addr

	in     chan *buffer
	done   chan struct{}
	once   sync.Once
	left   sync.Once
	origin *net.UDPAddr // where the page believes that packets come from
}

// generator makes allocations for pion's server.
type generator Server

func (g *generator) Validate() error { return nil }

// AllocatePacketConn counts the allocation against its quotas, in one step.
func (g *generator) AllocatePacketConn(c turn.AllocateListenerConfig) (net.PacketConn, net.Addr, error) {
	if c.UserID == "" { // it only looks for an even port, and asks for that one next
		port := (*Server)(g).evenPort()
		return probe{}, net.UDPAddrFromAddrPort(netip.AddrPortFrom(madeUp, port)), nil
	}
	w, err := (*Server)(g).open(c)
	if err != nil {
		return nil, nil, err
	}
	return w, w.LocalAddr(), nil
}

// probe is closed, and nothing else is done with it.
type probe struct{ net.PacketConn }

func (probe) Close() error { return nil }

func (g *generator) AllocateListener(turn.AllocateListenerConfig) (net.Listener, net.Addr, error) {
	return nil, nil, errRefused
}

func (g *generator) AllocateConn(turn.AllocateConnConfig) (net.Conn, error) { return nil, errRefused }

// holder takes a user apart that authenticate has made.
func holder(user string) (c claim, from netip.Addr, ok bool) {
	username, address, _ := strings.Cut(user, "@")
	c, ok = parseClaim(username)
	from, err := netip.ParseAddr(address)
	return c, from, ok && err == nil
}

func (s *Server) open(config turn.AllocateListenerConfig) (*way, error) {
	c, from, ok := holder(config.UserID)
	if !ok || config.Network != "udp4" || config.RequestedPort > 0xffff {
		return nil, errRefused
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed:
		return nil, net.ErrClosed
	case s.isRevoked(c):
		return nil, errRefused
	case s.seats[c.seat] >= s.opts.PerSeat || s.from[from] >= s.opts.PerAddress || len(s.ways) >= mostWays:
		return nil, errQuota
	}
	port := uint16(config.RequestedPort)
	switch {
	case port == 0:
		port = s.freePort()
	case port < lowestPort || s.ways[port] != nil:
		return nil, errRefused
	}
	w := &way{server: s, port: port, of: c, from: from, in: make(chan *buffer, waitsForPage), done: make(chan struct{}),
		origin: net.UDPAddrFromAddrPort(s.opts.Peer)}
	s.ways[w.port] = w
	s.seats[c.seat]++
	s.from[from]++
	s.running.Add(1) // pion's reader of it; see ReadFrom
	return w, nil
}

const (
	lowestPort = 1024 // of a made-up address: browsers distrust lower ones
	mostWays   = 50000
)

// freePort returns the next port of which there is no allocation. s.mu is held.
func (s *Server) freePort() uint16 {
	for s.next++; s.next < lowestPort || s.ways[s.next] != nil; s.next++ {
	}
	return s.next
}

func (s *Server) evenPort() uint16 {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		if port := s.freePort(); port%2 == 0 {
			return port
		}
	}
}

// withinQuota is asked by TURN for a clear answer (486) before it asks for the
// allocation, which is where it counts.
func (s *Server) withinQuota(user, _ string, _ net.Addr) bool {
	c, from, ok := holder(user)
	s.mu.Lock()
	defer s.mu.Unlock()
	return ok && s.seats[c.seat] < s.opts.PerSeat && s.from[from] < s.opts.PerAddress
}

// allWays lists the allocations that match; nil: all. s.mu is held.
func (s *Server) allWays(match func(*way) bool) []*way {
	all := make([]*way, 0, len(s.ways))
	for _, w := range s.ways {
		if match == nil || match(w) {
			all = append(all, w)
		}
	}
	return all
}

// deliver hands a packet of the relay to an allocation. It does not block.
func (s *Server) deliver(port uint16, p []byte) {
	s.mu.Lock()
	w := s.ways[port]
	s.mu.Unlock()
	if w == nil {
		return // it has ended; the relay will notice
	}
	b := borrow(p)
	if b == nil {
		return
	}
	select {
	case w.in <- b:
	default:
		buffers.Put(b) // its page does not read
	}
}

// ReadFrom returns what the relay has sent.
func (w *way) ReadFrom(p []byte) (int, net.Addr, error) {
	select {
	case <-w.done:
		w.left.Do(w.server.running.Done)
		return 0, nil, net.ErrClosed
	case b := <-w.in:
		return b.give(p), w.origin, nil
	}
}

// WriteTo hands a packet to the relay, and to nobody else.
func (w *way) WriteTo(p []byte, to net.Addr) (int, error) {
	a, ok := to.(*net.UDPAddr)
	if !ok {
		return 0, errNotPeer
	}
	if at := a.AddrPort(); netip.AddrPortFrom(at.Addr().Unmap(), at.Port()) != w.server.opts.Peer {
		return 0, errNotPeer
	}
	select {
	case <-w.done:
		return 0, net.ErrClosed
	default:
	}
	w.server.front.inject(netip.AddrPortFrom(madeUp, w.port), p)
	return len(p), nil
}

// Close ends the allocation and takes it off its quotas.
func (w *way) Close() error {
	w.once.Do(func() {
		s := w.server
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.ways, w.port)
		if s.seats[w.of.seat]--; s.seats[w.of.seat] == 0 {
			delete(s.seats, w.of.seat)
		}
		if s.from[w.from]--; s.from[w.from] == 0 {
			delete(s.from, w.from)
		}
		close(w.done)
	})
	return nil
}

// LocalAddr is what the page is told as its relayed address.
func (w *way) LocalAddr() net.Addr {
	return net.UDPAddrFromAddrPort(netip.AddrPortFrom(madeUp, w.port))
}

func (w *way) SetDeadline(time.Time) error      { return errors.ErrUnsupported }
func (w *way) SetReadDeadline(time.Time) error  { return errors.ErrUnsupported }
func (w *way) SetWriteDeadline(time.Time) error { return errors.ErrUnsupported }
