package relay_test

import (
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// limited is a UDP way to the relay that bears so much and no more towards the page,
// with a queue before it.
type limited struct {
	to    netip.AddrPort
	inner *net.UDPConn // the page's end
	outer *net.UDPConn // the relay's

	mu   sync.Mutex
	page netip.AddrPort
	last []byte    // what the page sent
	rate float64   // bit/s
	free time.Time // when what stands in the queue has left
}

const (
	queueDeep = 4 * time.Second
	headers   = 28 // bytes of IP and UDP
)

func limit(t *testing.T, to netip.AddrPort) *limited {
	t.Helper()
	w := &limited{to: to, rate: 100e6}
	for _, c := range []**net.UDPConn{&w.inner, &w.outer} {
		var err error
		if *c, err = net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)}); err != nil {
			t.Fatal(err)
		}
	}
	var running sync.WaitGroup
	late := make(chan delayed, 10000)
	quit := make(chan struct{})
	t.Cleanup(func() { close(quit); w.inner.Close(); w.outer.Close(); running.Wait() })
	running.Go(func() {
		buf := make([]byte, 1500)
		for {
			n, from, err := w.inner.ReadFromUDPAddrPort(buf)
			if err != nil {
				return
			}
			w.mu.Lock()
			w.page, w.last = from, append(w.last[:0], buf[:n]...)
			w.mu.Unlock()
			_, _ = w.outer.WriteToUDPAddrPort(buf[:n], w.to)
		}
	})
	running.Go(func() {
		for {
			buf := make([]byte, 1500)
			n, err := w.outer.Read(buf)
			if err != nil {
				return
			}
			if at, ok := w.enters(n + headers); ok {
				late <- delayed{at, buf[:n]}
			}
		}
	})
	running.Go(func() {
		for {
			select {
			case <-quit:
				return
			case p := <-late:
				select {
				case <-quit:
					return
				case <-time.After(time.Until(p.at)):
				}
				w.mu.Lock()
				page := w.page
				w.mu.Unlock()
				_, _ = w.inner.WriteToUDPAddrPort(p.raw, page)
			}
		}
	})
	return w
}

type delayed struct {
	at  time.Time
	raw []byte
}

// enters says when a packet leaves the queue. False: the queue is full.
func (w *limited) enters(bytes int) (time.Time, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := time.Now()
	if w.free.Before(now) {
		w.free = now
	}
	if w.free.Sub(now) > queueDeep {
		return now, false
	}
	w.free = w.free.Add(time.Duration(float64(bytes) * 8 / w.rate * float64(time.Second)))
	return w.free, true
}

func (w *limited) narrow(rate float64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.rate = rate
}

// sent is a copy of what the page has just sent.
func (w *limited) sent() []byte {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.last)
}

// instead makes an answer name this way's end.
func (w *limited) instead(answer string) string {
	here := w.inner.LocalAddr().(*net.UDPAddr).AddrPort()
	return strings.ReplaceAll(answer, " "+w.to.Addr().String()+" "+portOf(w.to)+" typ host", " "+here.Addr().String()+" "+portOf(here)+" typ host")
}

func portOf(a netip.AddrPort) string { return a.String()[strings.LastIndexByte(a.String(), ':')+1:] }
