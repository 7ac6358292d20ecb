package network

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// The addresses of the street. 203.0.113.0/24 is for documentation (RFC 5737): it
// is nobody's.
const (
	ServerAt = "203.0.113.10" // of Server
	RackAt   = "203.0.113.20" // under which the street knows Rack
	RackIs   = "10.9.0.2"     // what Rack itself knows
)

// Street is two homes and two servers.
type Street struct {
	A, B   *Home
	Server *Place // with a public address of its own
	Rack   *Place // behind 1:1 NAT, as in a cloud
}

// Home is a device and two networks that it can be in: one at a time.
type Home struct {
	Device *Place
	Router *Router // at first
	Other  *Router // after Move

	moved bool
}

// Lay lays a street in which everything is as usual: a cone NAT at each home, and
// nothing is held up.
func Lay(t testing.TB) *Street {
	t.Helper()
	needed(t)
	bridge := place(t, "the street")
	bridge.ip("link add br0 type bridge\nlink set br0 up")
	join := func(p *Place, at string) {
		port := "to" + strings.ReplaceAll(at, ".", "")
		bridge.ip(fmt.Sprintf("link add %[1]s type veth peer name out netns %[2]d\nlink set %[1]s master br0\nlink set %[1]s up", port, p.holder.Process.Pid))
		p.ip(fmt.Sprintf("link set out up\naddress add %s/24 dev out", at))
	}
	s := &Street{Server: place(t, "the server"), Rack: place(t, "the rack")}
	join(s.Server, ServerAt)

	wall := place(t, "the rack's router")
	join(wall, RackAt)
	wall.forwards()
	wall.ip(fmt.Sprintf("link add in type veth peer name eth0 netns %d\nlink set in up\naddress add 10.9.0.1/24 dev in", s.Rack.holder.Process.Pid))
	s.Rack.ip("link set eth0 up\naddress add " + RackIs + "/24 dev eth0\nroute add default via 10.9.0.1")
	wall.feed(fmt.Sprintf(`table ip one {
		chain in { type nat hook prerouting priority dstnat
			iifname "out" ip daddr %[1]s dnat to %[2]s
		}
		chain out { type nat hook postrouting priority srcnat
			oifname "out" ip saddr %[2]s snat to %[1]s
		}
	}`, RackAt, RackIs), "nft", "-f", "-")

	s.A = home(t, "A", 1, join)
	s.B = home(t, "B", 2, join)
	return s
}

func home(t testing.TB, name string, number int, join func(*Place, string)) *Home {
	t.Helper()
	h := &Home{Device: place(t, name)}
	h.Device.withoutIPv6()
	for i, kind := range []string{"home", "phone"} {
		r := &Router{Place: place(t, fmt.Sprintf("%s's %s network", name, kind)), Outside: fmt.Sprintf("203.0.113.%d%d", number+2, i)}
		join(r.Place, r.Outside)
		r.inside = fmt.Sprintf("192.168.%d%d", number, i)
		r.ip(fmt.Sprintf("link add in type veth peer name %s netns %d\nlink set in up\naddress add %s.1/24 dev in", kind, h.Device.holder.Process.Pid, r.inside))
		r.forwards()
		r.NAT(Cone)
		if i == 0 {
			h.Router = r
		} else {
			h.Other = r
		}
	}
	h.Device.ip(enter("home", h.Router))
	return h
}

func enter(kind string, r *Router) string {
	return fmt.Sprintf("link set %[1]s up\naddress add %[2]s.2/24 dev %[1]s\nroute add default via %[2]s.1\n", kind, r.inside)
}

// Move takes the device from the network that it is in to the other, as a phone
// does that leaves the house: another address, inside and outside.
func (h *Home) Move() {
	h.Device.t.Helper()
	from, to, r := "home", "phone", h.Other
	if h.moved {
		from, to, r = "phone", "home", h.Router
	}
	h.moved = !h.moved
	h.Device.ip(fmt.Sprintf("address flush dev %[1]s\nlink set %[1]s down\n", from) + enter(to, r))
}

// needed skips the test where no network can be laid.
func needed(t testing.TB) {
	t.Helper()
	missing := ""
	if os.Geteuid() != 0 {
		missing = "laying a network needs root"
	}
	for program, from := range map[string]string{"nft": "nftables", "ip": "iproute2", "tc": "iproute2", "nsenter": "util-linux"} {
		if _, err := exec.LookPath(program); err != nil && missing == "" {
			missing = fmt.Sprintf("%s is not installed; Debian's package is %s", program, from)
		}
	}
	switch {
	case missing == "":
	case os.Getenv("CI") == "true":
		t.Fatalf("%s (CI=true: nothing may be skipped)", missing)
	default:
		t.Skip(missing)
	}
}
