package main

import (
	"net"
	"regexp"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"belay/cmd/internal/browser"
)

// A page that has lost the relay twice over UDP keeps to TLS for the rest of the
// visit. One whose relay went by TCP, or by TLS already, has learnt nothing of UDP by
// losing it: its next connection tries everything.
func TestOnlyWhatFailsOverUDPKeepsAPageFromUDP(t *testing.T) {
	oneAtATime(t)
	rope := openRope(t, true)
	p := rope.page
	shut := regexp.MustCompile(`(?im)^a=candidate:\S+ \d+ udp .*\r?\n`) // UDP leads nowhere in this network
	connects := func(open bool) {
		t.Helper()
		rope.answer(func(sdp string) string {
			if !open {
				sdp = shut.ReplaceAllString(sdp, "")
			}
			return sdp
		})
		p.WaitFor(`__rope.state() === "connected"`, browser.Patience)
		p.WaitFor(`__rope.stats().then(({ report }) => [...report.values()].some((one) => one.type === "candidate-pair" && one.nominated))`, browser.Patience)
	}
	for _, c := range []struct {
		what   string
		open   bool
		narrow bool
	}{{"TCP", false, false}, {"UDP", true, true}} {
		browser.Eval[bool](p, `(__begin(), true)`)
		for range 3 {
			connects(c.open)
			browser.Eval[bool](p, `(__rope.failed(true), true)`) // nothing comes by it any more
		}
		if got := browser.Eval[bool](p, `(__rope.close(), __way.narrow())`); got != c.narrow {
			t.Errorf("three connections over %s have died: the page leaves UDP out: %v", c.what, got)
		}
	}
}

// A page that had no network at all for a while, or whose server was away, has not
// learnt that UDP leads nowhere.
func TestAnOutageOfEverythingKeepsNobodyFromUDP(t *testing.T) {
	oneAtATime(t)
	rope := openRope(t, false)
	p := rope.page
	street := layStreet(t, rope.udp)
	browser.Eval[bool](p, `(__begin(), true)`)
	connects := func() {
		t.Helper()
		rope.answer(street.through)
		p.WaitFor(`__rope.state() === "connected"`, browser.Patience)
	}
	connects()
	browser.Eval[bool](p, `(__way.failed(), true)`) // UDP has failed once
	street.shut.Store(true)
	p.WaitFor(`__rope.state() === "disconnected"`, browser.Patience)
	street.shut.Store(false)
	browser.Eval[bool](p, `(__rope.changed(true), true)`) // the server is reached again, by another socket
	connects()
	if browser.Eval[bool](p, `(__rope.close(), __way.narrow())`) {
		t.Error("the page leaves UDP out because it had no network for a while")
	}
}

// street is a way over UDP to the relay that can be shut.
type street struct {
	shut atomic.Bool
	at   string // its port
	from string // the relay's
}

func layStreet(t *testing.T, relay *net.UDPAddr) *street {
	t.Helper()
	door, err := net.ListenUDP("udp4", &net.UDPAddr{IP: relay.IP})
	if err != nil {
		t.Fatal(err)
	}
	s := &street{at: strconv.Itoa(door.LocalAddr().(*net.UDPAddr).Port), from: strconv.Itoa(relay.Port)}
	var in, back sync.WaitGroup
	houses := map[string]*net.UDPConn{}
	in.Go(func() {
		buf := make([]byte, 2048)
		for {
			n, from, err := door.ReadFromUDP(buf)
			if err != nil {
				return
			}
			out := houses[from.String()]
			if out == nil {
				if out, err = net.DialUDP("udp4", nil, relay); err != nil {
					t.Error(err)
					return
				}
				houses[from.String()] = out
				back.Go(func() {
					buf := make([]byte, 2048)
					for {
						n, err := out.Read(buf)
						if err != nil {
							return
						}
						if !s.shut.Load() {
							_, _ = door.WriteToUDP(buf[:n], from) // what is lost is lost
						}
					}
				})
			}
			if !s.shut.Load() {
				_, _ = out.Write(buf[:n])
			}
		}
	})
	t.Cleanup(func() {
		_ = door.Close()
		in.Wait()
		for _, out := range houses {
			_ = out.Close()
		}
		back.Wait()
	})
	return s
}

// through puts the street's address into an answer in place of the relay's.
func (s *street) through(sdp string) string {
	return regexp.MustCompile(`(?m)^(a=candidate:\S+ \d+ udp \d+ \S+ )`+s.from+` `).ReplaceAllString(sdp, "${1}"+s.at+" ")
}
