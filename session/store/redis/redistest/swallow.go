package redistest

import (
	"net"
	"sync"
	"testing"
	"time"
)

// Swallower passes bytes on to a server, late where it is told to, or takes them and says
// nothing: what a network does that is cut in the middle. It ends with its test.
type Swallower struct {
	Addr string // host:port, for who is to be cut off
	over chan struct{}

	mu   sync.Mutex
	eats bool
	late time.Duration // of each answer
	ends map[net.Conn]bool
}

// Swallow stands before the server at an address, and passes everything on at first.
func Swallow(t testing.TB, to string) *Swallower {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &Swallower{Addr: l.Addr().String(), over: make(chan struct{}), ends: map[net.Conn]bool{}}
	var all sync.WaitGroup
	all.Go(func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", to)
			if err != nil {
				_ = in.Close()
				continue
			}
			s.mu.Lock()
			s.ends[in], s.ends[out] = true, true
			s.mu.Unlock()
			all.Go(func() { s.pass(out, in, false) })
			all.Go(func() { s.pass(in, out, true) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		close(s.over)
		s.mu.Lock()
		for c := range s.ends {
			_ = c.Close()
		}
		s.mu.Unlock()
		all.Wait()
	})
	return s
}

// Eats says whether bytes are taken and not passed on. It may be called from any goroutine.
func (s *Swallower) Eats(is bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.eats = is
}

// Slows says how late each answer of the server comes; 0: at once. It may be called from
// any goroutine.
func (s *Swallower) Slows(by time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.late = by
}

// pass lets nothing through any more on a way that has lost bytes: the rest would be garbled.
func (s *Swallower) pass(to, from net.Conn, answers bool) {
	defer to.Close()
	defer from.Close()
	buf := make([]byte, 32<<10)
	lost := false
	for {
		n, err := from.Read(buf)
		s.mu.Lock()
		lost = lost || s.eats
		late := s.late
		s.mu.Unlock()
		if err != nil {
			return
		}
		if lost {
			continue
		}
		if answers && late > 0 {
			select {
			case <-time.After(late):
			case <-s.over:
			}
		}
		if _, err := to.Write(buf[:n]); err != nil {
			return
		}
	}
}
