package relay

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"sync"
)

// addressed is what a connection offers that reads and writes without making
// an address on the heap each time.
type addressed interface {
	ReadFromAddrPort([]byte) (int, netip.AddrPort, error)
	WriteToAddrPort([]byte, netip.AddrPort) (int, error)
}

// socket is a PacketConn of which one can know that its one reader, pion's, has
// ended: pion's own Close does not wait for it.
type socket struct {
	net.PacketConn
	direct  addressed  // nil: the conn below has nothing of the kind
	reading sync.Mutex // held while a read waits
}

// What the system keeps while the reader waits for a processor, or the card for the
// network: all rooms share it. A system that allows less gives what it allows.
const (
	readBuffer  = 4 << 20 // bytes
	writeBuffer = 1 << 20
)

func newSocket(conn net.PacketConn) *socket {
	s := &socket{PacketConn: conn}
	if c, ok := conn.(interface {
		SetReadBuffer(int) error
		SetWriteBuffer(int) error
	}); ok {
		_, _ = c.SetReadBuffer(readBuffer), c.SetWriteBuffer(writeBuffer) // smaller ones work too
	}
	switch c := conn.(type) {
	case *net.UDPConn:
		s.direct = udp{c}
	case addressed:
		s.direct = c
	}
	return s
}

type udp struct{ c *net.UDPConn }

func (u udp) ReadFromAddrPort(b []byte) (int, netip.AddrPort, error) {
	return u.c.ReadFromUDPAddrPort(b)
}

func (u udp) WriteToAddrPort(b []byte, to netip.AddrPort) (int, error) {
	return u.c.WriteToUDPAddrPort(b, to)
}

// ReadFromAddrPort implements ice.AddrPortReaderWriter. An error that concerns
// one address (an ICMP answer) does not end the reader of all.
func (s *socket) ReadFromAddrPort(b []byte) (n int, from netip.AddrPort, err error) {
	s.reading.Lock()
	defer s.reading.Unlock()
	for {
		if s.direct != nil {
			n, from, err = s.direct.ReadFromAddrPort(b)
		} else {
			var addr net.Addr
			if n, addr, err = s.PacketConn.ReadFrom(b); err == nil {
				from, err = netip.ParseAddrPort(addr.String())
			}
		}
		if err == nil || errors.Is(err, net.ErrClosed) || errors.Is(err, os.ErrDeadlineExceeded) {
			return n, from, err
		}
	}
}

// WriteToAddrPort implements ice.AddrPortReaderWriter.
func (s *socket) WriteToAddrPort(b []byte, to netip.AddrPort) (int, error) {
	if s.direct != nil {
		return s.direct.WriteToAddrPort(b, to)
	}
	return s.WriteTo(b, net.UDPAddrFromAddrPort(to))
}

// wait returns when no read waits any more. The socket is closed.
func (s *socket) wait() {
	s.reading.Lock()
	defer s.reading.Unlock()
}
