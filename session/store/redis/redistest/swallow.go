package redistest

import (
	"net"
	"sync"
	"testing"
)

// Swallower passes bytes on to a server, or takes them and says nothing: what a network
// does that is cut in the middle. It ends with its test.
type Swallower struct {
	Addr string // host:port, for who is to be cut off

	mu   sync.Mutex
	eats bool
	ends map[net.Conn]bool
}

// Swallow stands before the server at an address, and passes everything on at first.
func Swallow(t testing.TB, to string) *Swallower {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &Swallower{Addr: l.Addr().String(), ends: map[net.Conn]bool{}}
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
			all.Go(func() { s.pass(out, in) })
			all.Go(func() { s.pass(in, out) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
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

// pass lets nothing through any more on a way that has lost bytes: the rest would be garbled.
func (s *Swallower) pass(to, from net.Conn) {
	defer to.Close()
	defer from.Close()
	buf := make([]byte, 32<<10)
	lost := false
	for {
		n, err := from.Read(buf)
		s.mu.Lock()
		lost = lost || s.eats
		s.mu.Unlock()
		if err != nil {
			return
		}
		if lost {
			continue
		}
		if _, err := to.Write(buf[:n]); err != nil {
			return
		}
	}
}
