package main

import (
	"regexp"
	"testing"

	"belay/cmd/internal/browser"
)

// A page that has lost the relay twice over UDP keeps to TLS for the rest of the
// visit. One whose relay went by TCP, or by TLS already, has learnt nothing of UDP by
// losing it: its next connection tries everything.
func TestOnlyWhatFailsOverUDPKeepsAPageFromUDP(t *testing.T) {
	t.Parallel()
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
