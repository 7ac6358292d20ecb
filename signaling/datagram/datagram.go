package datagram

import (
	"net"
	"net/netip"
	"sync"
)

// Most is how many packets one call reads or writes at most.
const Most = 64

// Packet is one packet and whom it comes from or goes to.
type Packet struct {
	Data []byte         // to read into, as far as its capacity goes; then as long as what was read
	Addr netip.AddrPort // not valid after a read: somebody else has taken the packet, there is none
}

// Conn reads and writes many packets. See Socket for what is promised.
type Conn interface {
	ReadPackets([]Packet) (int, error)
	WritePackets([]Packet) error
}

// Socket is a UDP socket. One goroutine reads at a time; writing, and everything
// else, may be done by several. It is closed by closing the UDPConn.
type Socket struct {
	conn *net.UDPConn
	many many

	writing sync.Mutex
}

var _ Conn = (*Socket)(nil)

// New uses a UDP socket, which stays the caller's.
func New(conn *net.UDPConn) *Socket {
	s := &Socket{conn: conn}
	s.many.init(conn)
	return s
}

// ReadPackets waits for a packet, and reads it and those that have come with it, at
// most as many as there are buffers. What is longer than its buffer is cut off. An
// error without a packet is the socket's (net.ErrClosed, os.ErrDeadlineExceeded), or
// that of an address to which something was sent (ICMP): then one may go on.
func (s *Socket) ReadPackets(packets []Packet) (int, error) {
	if len(packets) == 0 {
		return 0, nil
	}
	if s.many.works() {
		n, err := s.many.read(packets[:min(len(packets), Most)])
		if s.many.works() {
			return n, err
		}
	}
	p := &packets[0]
	p.Data = p.Data[:cap(p.Data)]
	n, from, err := s.conn.ReadFromUDPAddrPort(p.Data)
	if err != nil {
		return 0, err
	}
	p.Data, p.Addr = p.Data[:n], from
	return 1, nil
}

// WritePackets sends packets, and waits where the system can't take one now. It
// sends all that can be sent, and returns the first error.
func (s *Socket) WritePackets(packets []Packet) (err error) {
	s.writing.Lock()
	defer s.writing.Unlock()
	for s.many.works() && len(packets) > 0 {
		some := packets[:min(len(packets), Most)]
		e := s.many.write(some)
		if !s.many.works() {
			break
		}
		if err == nil {
			err = e
		}
		packets = packets[len(some):]
	}
	for _, p := range packets {
		if _, e := s.conn.WriteToUDPAddrPort(p.Data, p.Addr); err == nil {
			err = e
		}
	}
	return err
}
