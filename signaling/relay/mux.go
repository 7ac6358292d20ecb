package relay

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"runtime"
	"strings"
	"sync"

	"github.com/pion/ice/v4"
	"github.com/pion/stun/v4"

	"belay/signaling/datagram"
)

const mostReaders = 8 // of the socket; as many as there are processors, or this

// mux shares the UDP socket among all connections: it reads many packets at once,
// has sound and picture decrypted and sent on by the reader itself where it can (see
// shortcut), and puts all else into the port of the connection that it belongs to,
// which is bounded. What is sent on while packets are read waits in the outbox until
// those that were read together are done.
//
// One goroutine reads. When as many packets have come as it can take, there may be
// more, and another one goes on reading while it works. Packets of one port are
// worked on in their order: whoever works on a port's takes all that come meanwhile.
type mux struct {
	conn    *socket
	outbox  *outbox
	own     func(net.IP) bool // an address of this machine that may be told
	lead    chan struct{}     // holds the right to read
	readers sync.WaitGroup

	mu     sync.RWMutex
	ports  map[name]*port
	from   map[netip.AddrPort]*port // by the addresses that they have written to
	closed bool
}

// name is that of a port: the connection's user fragment, and the kind of address.
type name struct {
	fragment string
	six      bool
}

func newMux(conn *socket, loopback bool) *mux {
	m := &mux{conn: conn, lead: make(chan struct{}, 1), ports: map[name]*port{}, from: map[netip.AddrPort]*port{}}
	m.outbox = newOutbox(conn.many)
	m.own = func(ip net.IP) bool {
		a, ok := netip.AddrFromSlice(ip)
		a = a.Unmap()
		return ok && (loopback || !a.IsLoopback()) && !a.IsMulticast() && a != netip.IPv6Loopback()
	}
	for range min(mostReaders, runtime.GOMAXPROCS(0)) {
		m.readers.Go(m.read)
	}
	m.lead <- struct{}{}
	return m
}

// read reads until the socket is closed.
func (m *mux) read() {
	batch := make([]datagram.Packet, datagram.Most/2)
	bufs := make([]*buffer, len(batch))
	mine := make([]*port, 0, len(batch))
	for range m.lead {
		for {
			for i := range batch {
				if bufs[i] == nil {
					bufs[i] = buffers.Get().(*buffer)
				}
				batch[i].Data = bufs[i].bytes[:]
			}
			n, err := m.conn.ReadPackets(batch)
			if err != nil {
				_ = m.Close() // the socket is gone; whoever waits for a packet is told
				close(m.lead)
				return
			}
			mine = mine[:0]
			for i := range batch[:n] {
				bufs[i].data = batch[i].Data
				if batch[i].Addr.IsValid() && m.sort(bufs[i], batch[i].Addr, &mine) {
					bufs[i] = nil
				}
			}
			more := n == len(batch)
			if more {
				m.lead <- struct{}{}
			}
			if len(mine) > 0 {
				m.outbox.begin()
				for _, p := range mine {
					p.work()
				}
				m.outbox.end()
			}
			if more {
				break
			}
		}
	}
}

// sort brings a packet to its port, and adds to mine a port that has to be worked on.
// False: nobody has taken it.
func (m *mux) sort(b *buffer, from netip.AddrPort, mine *[]*port) (taken bool) {
	from = netip.AddrPortFrom(from.Addr().Unmap(), from.Port())
	m.mu.RLock()
	p := m.from[from]
	m.mu.RUnlock()
	if p == nil {
		if p = m.named(b.data, from.Addr().Is6()); p == nil {
			return false
		}
	}
	if isMedia(b.data) && p.short.takes(b.data) {
		if p.short.both(b.data) {
			again := buffers.Get().(*buffer)
			again.data = again.bytes[:copy(again.bytes[:], b.data)]
			p.put(again, from)
		}
		if p.hurry(b) {
			*mine = append(*mine, p)
		}
		return true
	}
	p.put(b, from)
	return true
}

// named finds the port of a check of ICE from an address that is new: its user name
// begins with the fragment (RFC 8445 section 7.2.2).
func (m *mux) named(p []byte, six bool) *port {
	if !stun.IsMessage(p) {
		return nil
	}
	message := stun.Message{Raw: p}
	if message.Decode() != nil {
		return nil
	}
	user, err := message.Get(stun.AttrUsername)
	if err != nil {
		return nil
	}
	fragment, _, _ := strings.Cut(string(user), ":")
	return m.port(name{fragment, six})
}

func (m *mux) port(n name) *port {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.ports[n]
}

// write sends a packet of a port, to which the address belongs from now on.
func (m *mux) write(p *port, b []byte, to netip.AddrPort) (int, error) {
	at := netip.AddrPortFrom(to.Addr().Unmap(), to.Port())
	m.mu.RLock()
	known := m.from[at] == p
	m.mu.RUnlock()
	if !known {
		m.learn(p, at)
	}
	return m.outbox.write(b, to)
}

func (m *mux) learn(p *port, at netip.AddrPort) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed || m.ports[p.name] != p {
		return
	}
	if len(p.addrs) >= mostAddrs {
		delete(m.from, p.addrs[0])
		p.addrs = p.addrs[1:]
	}
	m.from[at] = p
	p.addrs = append(p.addrs, at)
}

// view is the mux as one connection has it. It implements ice.UDPMux.
type view struct {
	*mux
	short *shortcut
}

var _ ice.UDPMux = view{}

// GetConn implements ice.UDPMux.
func (v view) GetConn(fragment string, addr net.Addr) (net.PacketConn, error) {
	a, _ := addr.(*net.UDPAddr)
	n := name{fragment, a != nil && a.IP.To4() == nil}
	m := v.mux
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return nil, io.ErrClosedPipe
	}
	p := m.ports[n]
	if p == nil {
		p = newPort(m, n, v.short)
		m.ports[n] = p
	}
	p.ends++
	return &end{port: p, done: make(chan struct{})}, nil
}

// RemoveConnByUfrag implements ice.UDPMux.
func (v view) RemoveConnByUfrag(fragment string) {
	for _, six := range []bool{false, true} {
		if p := v.port(name{fragment, six}); p != nil {
			v.forget(p)
		}
	}
}

// GetListenAddresses implements ice.UDPMux.
func (v view) GetListenAddresses() []net.Addr {
	local, ok := v.conn.LocalAddr().(*net.UDPAddr)
	if !ok || !local.IP.IsUnspecified() {
		return []net.Addr{v.conn.LocalAddr()}
	}
	var all []net.Addr
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return nil
	}
	for _, a := range addrs {
		if n, ok := a.(*net.IPNet); ok && v.own(n.IP) && (n.IP.To4() != nil || local.IP.To4() == nil) {
			all = append(all, &net.UDPAddr{IP: n.IP, Port: local.Port})
		}
	}
	return all
}

// Close implements ice.UDPMux: one connection does not close the socket of all.
func (v view) Close() error { return nil }

// forget takes a port off: packets for it have nowhere to go.
func (m *mux) forget(p *port) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.ports[p.name] == p {
		delete(m.ports, p.name)
	}
	for _, a := range p.addrs {
		if m.from[a] == p {
			delete(m.from, a)
		}
	}
	p.addrs = nil
}

// Close closes the socket, and every port. It does not wait for the readers.
func (m *mux) Close() error {
	m.mu.Lock()
	first := !m.closed
	m.closed = true
	ports := m.ports
	m.ports, m.from = map[name]*port{}, map[netip.AddrPort]*port{}
	m.mu.Unlock()
	for _, p := range ports {
		p.close()
	}
	if !first {
		return nil
	}
	return m.conn.Close()
}

// socket is the UDP socket of all rooms, many packets at a time.
type socket struct {
	net.PacketConn
	many datagram.Conn
}

// What the system keeps while the reader waits for a processor, or the card for the
// network: all rooms share it. A system that allows less gives what it allows.
const (
	readBuffer  = 4 << 20 // bytes
	writeBuffer = 1 << 20
)

func newSocket(conn net.PacketConn) *socket {
	if c, ok := conn.(interface {
		SetReadBuffer(int) error
		SetWriteBuffer(int) error
	}); ok {
		_, _ = c.SetReadBuffer(readBuffer), c.SetWriteBuffer(writeBuffer) // smaller ones work too
	}
	switch c := conn.(type) {
	case *net.UDPConn:
		return &socket{conn, datagram.New(c)}
	case datagram.Conn:
		return &socket{conn, c}
	}
	return &socket{conn, single{conn}}
}

// ReadPackets waits for packets. An error that concerns one address (an ICMP answer)
// does not end the reader of all.
func (s *socket) ReadPackets(packets []datagram.Packet) (int, error) {
	for {
		n, err := s.many.ReadPackets(packets)
		if err == nil || errors.Is(err, net.ErrClosed) || errors.Is(err, io.EOF) {
			return n, err
		}
	}
}

// single reads and writes a packet at a time where there is nothing better.
type single struct{ net.PacketConn }

func (s single) ReadPackets(packets []datagram.Packet) (int, error) {
	p := &packets[0]
	p.Data = p.Data[:cap(p.Data)]
	n, addr, err := s.ReadFrom(p.Data)
	if err != nil {
		return 0, err
	}
	p.Data = p.Data[:n]
	p.Addr, err = netip.ParseAddrPort(addr.String())
	return 1, err
}

func (s single) WritePackets(packets []datagram.Packet) (err error) {
	for _, p := range packets {
		if _, e := s.WriteTo(p.Data, net.UDPAddrFromAddrPort(p.Addr)); err == nil {
			err = e
		}
	}
	return err
}
