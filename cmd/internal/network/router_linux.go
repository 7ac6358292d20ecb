package network

import (
	"fmt"
	"strings"
)

// Router stands between one home and the street.
type Router struct {
	*Place
	Outside string // its address on the street

	inside string // the first three numbers of the addresses behind it
	held   bool   // to a rate
}

// Kind is how a router translates addresses (RFC 4787).
type Kind string

const (
	// Cone gives one port of a device the same port outside, wherever it sends to:
	// what a third party sees of it is true for everybody.
	Cone Kind = "masquerade"
	// Symmetric gives it another port for each place that it sends to.
	Symmetric Kind = "masquerade random,fully-random"
)

// NAT has the router translate in another way from now on. What has a translation
// keeps it.
func (r *Router) NAT(kind Kind) {
	r.t.Helper()
	// A packet that comes in before one has gone out must leave no trace, or it
	// takes the port away: hence the chain for what is meant for the router itself.
	r.feed(fmt.Sprintf(`table ip nat
		delete table ip nat
		table ip nat {
		chain out { type nat hook postrouting priority srcnat
			oifname "out" %s
		}
		chain own { type filter hook input priority filter; policy drop
			iifname "in" accept
			ct state established,related accept
		}
	}`, kind), "nft", "-f", "-")
}

// What a router may do to packets that it forwards, as rules of nft.
const (
	NoUDP   = "meta l4proto udp drop"
	Nothing = "drop"
	// OnlyTLS lets TCP out to one port, and looks into it: what does not begin as
	// TLS there, ICE over TCP say, is dropped (RFC 4571 framing, STUN's cookie).
	OnlyTLS = "meta l4proto != tcp drop\nct direction original tcp dport != 443 drop\n@ih,48,32 0x2112a442 drop"
)

// To drops what goes to another place; From what comes from there.
func To(address string) string   { return "ip daddr " + address + " drop" }
func From(address string) string { return "ip saddr " + address + " drop" }

// Loss loses so many packets of a hundred, 0 to 99, each way.
func Loss(percent int) string { return fmt.Sprintf("numgen random mod 100 < %d drop", percent) }

// Forward has the router do this, and nothing else, to what it forwards. Without
// rules it lets everything pass.
func (r *Router) Forward(rules ...string) {
	r.t.Helper()
	r.feed(fmt.Sprintf(`table ip held
		delete table ip held
		table ip held {
		chain forward { type filter hook forward priority filter
			%s
		}
	}`, strings.Join(rules, "\n")), "nft", "-f", "-")
}

// Rate lets so many kbit/s pass, each way, with a queue of 200 ms; 0: as many as come.
func (r *Router) Rate(kbit int) {
	r.t.Helper()
	var lines strings.Builder
	for _, side := range []string{"in", "out"} {
		if r.held {
			fmt.Fprintf(&lines, "qdisc del dev %s root\n", side)
		}
		if kbit > 0 {
			fmt.Fprintf(&lines, "qdisc add dev %s root tbf rate %dkbit burst 4kb latency 200ms\n", side, kbit)
		}
	}
	r.held = kbit > 0
	r.feed(lines.String(), "tc", "-batch", "-")
}
