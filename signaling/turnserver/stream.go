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

	// A page that is used asks every few seconds whether its way still leads anywhere
	// (RFC 7675 section 5.1). One whose device has gone to another network says nothing,
	// not even goodbye, and its allocation would count against its seat until it lapses.
	silentFor = time.Minute
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

	mu    sync.Mutex
	holds bool      // an allocation
	until time.Time // the next message is awaited
}

func (s *Server) stream(conn net.Conn) *stream {
	st := &stream{Conn: conn, server: s, reader: bufio.NewReaderSize(conn, 4096), key: conn.RemoteAddr().String()}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	st.holding(false)
	s.streams[st.key] = st
	s.running.Add(1) // pion's reader of it; see Close
	return st
}

// settle lets the connection of a new allocation live as long as it says something.
func (s *Server) settle(src, _ net.Addr, _, _, _ string, _ net.Addr, _ int) {
	s.permissions.forget(src)
	if st := s.streamOf(src); st != nil {
		st.holding(true)
	}
}

// unsettle gives the connection of an allocation that has ended a moment for another.
func (s *Server) unsettle(src, _ net.Addr, _, _, _ string) {
	s.permissions.forget(src)
	if st := s.streamOf(src); st != nil {
		st.holding(false)
	}
}

// streamOf is the connection from an address; nil: there is none.
func (s *Server) streamOf(src net.Addr) *stream {
	if _, ok := src.(*net.TCPAddr); !ok {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.streams[src.String()]
}

// holding says whether the connection has an allocation.
func (s *stream) holding(is bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.holds = is
	if is {
		s.await(s.server.opts.silence)
	} else {
		s.await(s.server.opts.vacant)
	}
}

// heard lets a connection with an allocation live on: a message has come. Not every
// one costs a new deadline.
func (s *stream) heard() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if within := s.server.opts.silence; s.holds && time.Until(s.until) < within-within/8 {
		s.await(within)
	}
}

// await bounds how long the next message may take. s.mu is held.
func (s *stream) await(within time.Duration) {
	s.until = time.Now().Add(within)
	_ = s.Conn.SetReadDeadline(s.until) // an error shows when it is read from
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
		s.heard()
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
