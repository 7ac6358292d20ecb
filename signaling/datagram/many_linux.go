package datagram

import (
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"strconv"
	"sync/atomic"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// message is the system's struct mmsghdr.
type message struct {
	header unix.Msghdr
	size   uint32
}

const (
	mostBytes = 60000 // of packets that pass through the system as one
	addrSize  = unix.SizeofSockaddrInet6
)

// segmentControl says how long each part is (UDP_SEGMENT).
type segmentControl struct {
	header unix.Cmsghdr
	size   uint16
	_      [6]byte
}

// many are the two calls, with what the system needs for them, made once. What
// belongs to reading is the one reader's, the rest is under Socket.writing.
type many struct {
	raw  syscall.RawConn // nil: it does not work
	gone atomic.Bool     // the system does not let it work
	six  bool            // the socket's addresses are of IPv6, those of IPv4 written so
	in   side
	out  side
	cut  [Most]segmentControl
	runs [Most]run

	readCall, writeCall func(fd uintptr) bool
	single              bool // UDP_SEGMENT is not to be had
}

// side is what one direction needs.
type side struct {
	messages [Most]message
	pieces   [Most]unix.Iovec
	addrs    [Most][addrSize]byte
	from, to int // messages of the call
	n        int // what it returned
	errno    syscall.Errno
}

// run is packets that are handed over as one message.
type run struct{ first, count int }

func (m *many) init(conn *net.UDPConn) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return
	}
	known := false
	err = raw.Control(func(fd uintptr) {
		name, err := unix.Getsockname(int(fd))
		if err != nil {
			return
		}
		_, four := name.(*unix.SockaddrInet4)
		_, m.six = name.(*unix.SockaddrInet6)
		known = four || m.six
	})
	if err != nil || !known {
		return
	}
	m.raw = raw
	for i := range m.in.messages {
		h := &m.in.messages[i].header
		h.Name = &m.in.addrs[i][0]
		h.Iov = &m.in.pieces[i]
		h.SetIovlen(1)
	}
	m.readCall = func(fd uintptr) bool { return m.in.call(unix.SYS_RECVMMSG, fd) }
	m.writeCall = func(fd uintptr) bool { return m.out.call(unix.SYS_SENDMMSG, fd) }
}

func (m *many) works() bool { return m.raw != nil && !m.gone.Load() }

// forbidden notes a system that does not know the calls, or refuses them to us.
func (m *many) forbidden(errno syscall.Errno) bool {
	if errno == unix.ENOSYS {
		m.gone.Store(true)
	}
	return errno == unix.ENOSYS
}

// call does one call; false: it would have to wait.
func (s *side) call(trap, fd uintptr) bool {
	for {
		n, _, errno := unix.Syscall6(trap, fd, uintptr(unsafe.Pointer(&s.messages[s.from])), uintptr(s.to-s.from), unix.MSG_DONTWAIT, 0, 0)
		switch errno {
		case unix.EINTR:
			continue
		case unix.EAGAIN:
			return false
		}
		s.n, s.errno = int(n), errno
		return true
	}
}

func (m *many) read(packets []Packet) (int, error) {
	for i := range packets {
		piece := &m.in.pieces[i]
		piece.Base = unsafe.SliceData(packets[i].Data)
		piece.SetLen(cap(packets[i].Data))
		m.in.messages[i].header.Namelen = addrSize
	}
	m.in.from, m.in.to = 0, len(packets)
	if err := m.raw.Read(m.readCall); err != nil {
		return 0, err
	}
	if m.in.errno != 0 {
		m.forbidden(m.in.errno)
		return 0, m.in.errno
	}
	for i := range packets[:m.in.n] {
		packets[i].Data = packets[i].Data[:m.in.messages[i].size]
		packets[i].Addr = readAddr(&m.in.addrs[i])
	}
	return m.in.n, nil
}

// write sends up to Most packets.
func (m *many) write(packets []Packet) (err error) {
	left := m.group(packets)
	m.out.from, m.out.to = 0, left
	for m.out.from < m.out.to {
		if err := m.raw.Write(m.writeCall); err != nil {
			return err
		}
		if m.out.errno == 0 {
			m.out.from += m.out.n
			continue
		}
		if m.forbidden(m.out.errno) {
			return m.out.errno
		}
		// It is the first message's, and keeps nothing from the others.
		bad := m.out.from
		m.out.from++
		errno := error(m.out.errno)
		if r := m.runs[bad]; r.count > 1 {
			m.single = m.single || errors.Is(errno, unix.EIO) || errors.Is(errno, unix.EOPNOTSUPP) || errors.Is(errno, unix.ENOPROTOOPT)
			errno = m.apart(bad)
		}
		if err == nil {
			err = errno
		}
	}
	return err
}

// apart sends the packets of a message one by one: the system does not cut it up,
// or its way is too narrow for its parts.
func (m *many) apart(at int) (err error) {
	from, to := m.out.from, m.out.to
	defer func() { m.out.from, m.out.to = from, to }()
	h := &m.out.messages[at].header
	r := m.runs[at]
	h.Control = nil
	h.SetControllen(0)
	h.SetIovlen(1)
	for i := range r.count {
		h.Iov = &m.out.pieces[r.first+i]
		m.out.from, m.out.to = at, at+1
		if e := m.raw.Write(m.writeCall); e != nil {
			return e
		}
		if m.out.errno != 0 && err == nil {
			err = m.out.errno
		}
	}
	return err
}

// group makes messages of packets and returns how many: those to one address are
// brought together.
func (m *many) group(packets []Packet) (messages int) {
	var taken [Most]bool
	pieces := 0
	for i := range packets {
		if taken[i] {
			continue
		}
		to, size := packets[i].Addr, len(packets[i].Data)
		first, bytes, last := pieces, 0, false
		for j := i; j < len(packets) && !last; j++ {
			p := &packets[j]
			if taken[j] || p.Addr != to {
				continue
			}
			if n := len(p.Data); j > i && (n > size || n == 0 || bytes+n > mostBytes || m.single) {
				break // the order stays
			}
			piece := &m.out.pieces[pieces]
			piece.Base = unsafe.SliceData(p.Data)
			piece.SetLen(len(p.Data))
			taken[j] = true
			pieces++
			bytes += len(p.Data)
			last = len(p.Data) < size // only the last part may be shorter
		}
		m.runs[messages] = run{first, pieces - first}
		h := &m.out.messages[messages].header
		h.Name = &m.out.addrs[messages][0]
		h.Namelen = writeAddr(&m.out.addrs[messages], to, m.six)
		h.Iov = &m.out.pieces[first]
		h.SetIovlen(pieces - first)
		h.Control = nil
		h.SetControllen(0)
		if pieces-first > 1 {
			c := &m.cut[messages]
			c.header.Level, c.header.Type = unix.IPPROTO_UDP, unix.UDP_SEGMENT
			c.header.SetLen(unix.CmsgLen(2))
			c.size = uint16(size)
			h.Control = (*byte)(unsafe.Pointer(c))
			h.SetControllen(unix.CmsgSpace(2))
		}
		messages++
	}
	return messages
}

// readAddr reads a sockaddr_in or a sockaddr_in6.
func readAddr(b *[addrSize]byte) netip.AddrPort {
	port := binary.BigEndian.Uint16(b[2:])
	switch binary.NativeEndian.Uint16(b[:]) {
	case unix.AF_INET:
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte(b[4:8])), port)
	case unix.AF_INET6:
		a := netip.AddrFrom16([16]byte(b[8:24]))
		if zone := binary.NativeEndian.Uint32(b[24:]); zone != 0 && !a.Is4In6() {
			a = a.WithZone(strconv.FormatUint(uint64(zone), 10))
		}
		return netip.AddrPortFrom(a, port)
	}
	return netip.AddrPort{}
}

// writeAddr writes an address for a socket of IPv4 or IPv6, and returns its size. One
// that such a socket can't have becomes the unspecified one, to which nothing is sent.
func writeAddr(b *[addrSize]byte, a netip.AddrPort, six bool) uint32 {
	clear(b[:])
	binary.BigEndian.PutUint16(b[2:], a.Port())
	addr := a.Addr()
	if !six {
		binary.NativeEndian.PutUint16(b[:], unix.AF_INET)
		if addr = addr.Unmap(); addr.Is4() {
			four := addr.As4()
			copy(b[4:], four[:])
		} else {
			binary.BigEndian.PutUint16(b[2:], 0)
		}
		return unix.SizeofSockaddrInet4
	}
	binary.NativeEndian.PutUint16(b[:], unix.AF_INET6)
	if addr.IsValid() {
		sixteen := addr.As16()
		copy(b[8:], sixteen[:])
	}
	if zone := addr.Zone(); zone != "" {
		binary.NativeEndian.PutUint32(b[24:], zoneNumber(zone))
	}
	return unix.SizeofSockaddrInet6
}

func zoneNumber(zone string) uint32 {
	if n, err := strconv.ParseUint(zone, 10, 32); err == nil {
		return uint32(n)
	}
	if i, err := net.InterfaceByName(zone); err == nil {
		return uint32(i.Index)
	}
	return 0
}
