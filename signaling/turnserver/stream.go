package turnserver

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"sync"
	"time"
)

const (
	allocateWithin = 30 * time.Second // of a connection's begin, or after its allocation has ended
	writeWithin    = 10 * time.Second // a page that takes nothing for so long is cut off
)

var errFrame = errors.New("turnserver: neither STUN nor ChannelData")

// streams is a listener whose connections are read one whole message at a time.
// pion's own reader takes lengths as they come; some of them would have it turn
// in a circle.
type streams struct {
	net.Listener
	server *Server
}

// Accept implements net.Listener.
func (l *streams) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if s := l.server.stream(conn); s != nil {
			return s, nil
		}
		_ = conn.Close() // the server is being closed
	}
}

// stream is one connection of TURN over TCP or TLS.
type stream struct {
	net.Conn
	server *Server
	reader *bufio.Reader
	key    string
	once   sync.Once
	end    func() // of the message that pion has; nil: it makes no permission. Of the reader alone
}

func (s *Server) stream(conn net.Conn) *stream {
	st := &stream{Conn: conn, server: s, reader: bufio.NewReaderSize(conn, 4096), key: conn.RemoteAddr().String()}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	_ = conn.SetReadDeadline(time.Now().Add(allocateWithin)) // an error shows when it is read from
	s.streams[st.key] = st
	s.running.Add(1) // pion's reader of it; see Close
	return st
}

// settle lets the connection of a new allocation live as long as that does.
func (s *Server) settle(src, _ net.Addr, _, _, _ string, _ net.Addr, _ int) {
	s.permissions.forget(src)
	s.deadline(src, time.Time{})
}

// unsettle gives the connection of an allocation that has ended a moment for another.
func (s *Server) unsettle(src, _ net.Addr, _, _, _ string) {
	s.permissions.forget(src)
	s.deadline(src, time.Now().Add(allocateWithin))
}

func (s *Server) deadline(src net.Addr, at time.Time) {
	if _, ok := src.(*net.TCPAddr); !ok {
		return
	}
	s.mu.Lock()
	st := s.streams[src.String()]
	s.mu.Unlock()
	if st != nil {
		_ = st.Conn.SetReadDeadline(at) // an error shows when it is read from
	}
}

// Read returns one whole message that TURN may see.
func (s *stream) Read(p []byte) (int, error) {
	if s.end != nil {
		s.end()
		s.end = nil
	}
	for {
		n, err := s.message(p)
		if err != nil {
			return 0, err
		}
		answer, ok := s.server.judge(p[:n])
		if answer != nil {
			if _, err := s.Write(answer); err != nil {
				return 0, err
			}
		}
		if ok {
			s.end = s.server.permissions.begin(s.RemoteAddr(), p[:n])
			return n, nil
		}
	}
}

// message reads one message (RFC 8656 section 12.5: padded to four bytes).
func (s *stream) message(p []byte) (int, error) {
	head, err := s.reader.Peek(4)
	if err != nil {
		return 0, err
	}
	size := int(binary.BigEndian.Uint16(head[2:]))
	switch {
	case head[0] < 4 && size%4 == 0:
		size += stunHeader
	case head[0] >= 64 && head[0] < 80:
		size = 4 + (size+3)&^3
	default:
		return 0, errFrame
	}
	if size > largest || size > len(p) {
		return 0, errFrame
	}
	if _, err := io.ReadFull(s.reader, p[:size]); err != nil {
		return 0, err
	}
	if head[0] < 4 && binary.BigEndian.Uint32(p[4:]) != stunCookie {
		return 0, errFrame
	}
	return size, nil
}

// Write writes one whole message, or ends the connection: half a message can't be
// mended.
func (s *stream) Write(p []byte) (int, error) {
	err := s.Conn.SetWriteDeadline(time.Now().Add(writeWithin))
	n := 0
	if err == nil {
		n, err = s.Conn.Write(p)
	}
	if err != nil {
		_ = s.Conn.Close()
	}
	return n, err
}

// Close is called by pion's reader, when it ends.
func (s *stream) Close() error {
	err := s.Conn.Close()
	s.once.Do(func() {
		s.server.mu.Lock()
		if s.server.streams[s.key] == s {
			delete(s.server.streams, s.key)
		}
		s.server.mu.Unlock()
		s.server.running.Done()
	})
	return err
}
