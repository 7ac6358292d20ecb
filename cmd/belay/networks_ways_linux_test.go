package main

import (
	"testing"
	"time"

	"belay/cmd/internal/network"
)

// Through any network: every pair of networks connects, by the best way that there
// is, without anybody setting anything.
func TestAnyNetworkConnects(t *testing.T) {
	h := settle(t)
	homes := []*network.Router{h.A.Router, h.B.Router}
	for _, one := range []struct {
		name   string
		kind   network.Kind
		rules  []string
		direct bool
		relay  string
	}{
		{"cone NAT on both sides", network.Cone, nil, true, "relay-udp"},
		{"symmetric NAT on both sides", network.Symmetric, nil, false, "relay-udp"},
		{"no UDP", network.Cone, []string{network.NoUDP}, false, "relay-tcp"},
		{"TLS on one TCP port and nothing else", network.Cone, []string{network.OnlyTLS}, false, "relay-tls"},
	} {
		t.Run(one.name, func(t *testing.T) {
			h := h.with(t)
			for _, r := range homes {
				r.NAT(one.kind)
				r.Forward(one.rules...)
			}
			defer func() {
				for _, r := range homes {
					r.Forward()
				}
			}()
			began := time.Now()
			h.again()
			t.Logf("both see each other %.1f s after they began to load the page", time.Since(began).Seconds())
			for _, p := range h.both() {
				h.route(p, true, one.relay)
				if one.direct {
					h.route(p, false, "direct")
				}
			}
			words := "relayed"
			if one.direct {
				words = "Alex: direct"
			}
			says(h.robin, `[data-testid="connection"]`, words)
		})
	}
}
