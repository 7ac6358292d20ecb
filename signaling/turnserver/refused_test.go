package turnserver

import (
	"fmt"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/pion/stun/v4"
)

// special are places where nobody may be led to: special-purpose ranges (IANA,
// RFC 6890), first and last addresses and one between, and some that are nobody's
// business either.
var special = map[string][]string{
	"unspecified":             {"0.0.0.0", "::"},
	"this network":            {"0.0.0.1", "0.255.255.255"},
	"loopback":                {"127.0.0.1", "127.255.255.254", "::1"},
	"private":                 {"10.0.0.1", "10.255.255.255", "172.16.0.1", "172.31.255.255", "192.168.0.1", "192.168.255.255", "fc00::1", "fdff:ffff::1"},
	"carrier-grade NAT":       {"100.64.0.1", "100.127.255.254"},
	"link-local":              {"169.254.0.1", "169.254.169.254", "fe80::1", "febf::1"},
	"IETF protocols, dummies": {"192.0.0.1", "192.0.0.8", "192.0.0.170", "100::1", "100:0:0:1::1", "2001::1", "2001:2::1"},
	"documentation":           {"192.0.2.1", "198.51.100.1", "203.0.113.1", "203.0.113.8", "203.0.113.10", "2001:db8::1", "3fff::1"},
	"benchmarks":              {"198.18.0.1", "198.19.255.255"},
	"multicast":               {"224.0.0.1", "224.0.0.251", "239.255.255.250", "ff02::1", "ff0e::1"},
	"reserved and broadcast":  {"240.0.0.1", "255.255.255.254", "255.255.255.255"},
	"translated":              {"64:ff9b::7f00:1", "64:ff9b:1::7f00:1", "2002:7f00:1::1", "::127.0.0.1"},
	"somebody's":              {"1.1.1.1", "8.8.8.8", "2606:4700::1111", "fec0::1"},
}

// canary listens everywhere on this machine, and must hear nothing.
type canary struct {
	udp  net.PacketConn
	tcp  net.Listener
	port uint16
}

func listen(t *testing.T) *canary {
	t.Helper()
	for range 20 {
		udp, err := net.ListenPacket("udp", ":0")
		if err != nil {
			t.Fatal(err)
		}
		port := udp.LocalAddr().(*net.UDPAddr).Port
		tcp, err := net.Listen("tcp", fmt.Sprintf(":%d", port))
		if err != nil {
			udp.Close()
			continue
		}
		t.Cleanup(func() { udp.Close(); tcp.Close() })
		return &canary{udp, tcp, uint16(port)}
	}
	t.Fatal("no port is free for both UDP and TCP")
	return nil
}

// hears returns the first thing that has come, over each; it is woken by a call
// of its own, which shows that it listens.
func (c *canary) silent(t *testing.T) {
	t.Helper()
	own, err := net.Dial("udp", fmt.Sprintf("127.0.0.1:%d", c.port))
	if err != nil {
		t.Fatal(err)
	}
	defer own.Close()
	if _, err := own.Write([]byte("are you there")); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 2000)
	c.udp.SetReadDeadline(time.Now().Add(patience))
	if n, from, err := c.udp.ReadFrom(b); err != nil || string(b[:n]) != "are you there" {
		t.Errorf("the canary heard %q from %v over UDP: %v", b[:n], from, err)
	}
	call, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", c.port))
	if err != nil {
		t.Fatal(err)
	}
	defer call.Close()
	c.tcp.(*net.TCPListener).SetDeadline(time.Now().Add(patience))
	conn, err := c.tcp.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if conn.RemoteAddr().String() != call.LocalAddr().String() {
		t.Errorf("the canary was called by %s over TCP", conn.RemoteAddr())
	}
}

func TestNobodyIsLedAnywhereButToTheRelay(t *testing.T) {
	for _, network := range []string{"udp", "tcp"} {
		t.Run(network, func(t *testing.T) {
			h := open(t, nil)
			bird := listen(t)
			c := h.seat(network, "client-1")
			if got := c.allocate(); got != 0 {
				t.Fatalf("no allocation: %d", got)
			}
			if got := code(c.ask(stun.MethodCreatePermission, at(advertised))); got != 0 {
				t.Fatalf("the relay's own address: %d", got)
			}
			places := map[string][]netip.Addr{"this machine": nil}
			for name, all := range special {
				for _, text := range all {
					places[name] = append(places[name], netip.MustParseAddr(text))
				}
			}
			mine, err := net.InterfaceAddrs()
			if err != nil {
				t.Fatal(err)
			}
			for _, a := range mine {
				if n, ok := a.(*net.IPNet); ok {
					ip, _ := netip.AddrFromSlice(n.IP)
					places["this machine"] = append(places["this machine"], ip.Unmap())
				}
			}
			tried := 0
			for name, addrs := range places {
				for _, addr := range addrs {
					forms := []netip.Addr{addr}
					if addr.Is4() {
						forms = append(forms, netip.AddrFrom16(addr.As16()))
					}
					for _, form := range forms {
						for _, port := range []uint16{bird.port, advertised.Port(), h.udp.Port(), 0} {
							to := netip.AddrPortFrom(form, port)
							tried++
							if got := code(c.ask(stun.MethodCreatePermission, at(to))); got != stun.CodeForbidden {
								t.Errorf("%s: CreatePermission %s: %d", name, to, got)
							}
							if got := code(c.ask(stun.MethodCreatePermission, at(advertised), at(to))); got != stun.CodeForbidden {
								t.Errorf("%s: CreatePermission %s beside the relay: %d", name, to, got)
							}
							if got := code(c.ask(stun.MethodChannelBind, channel(0x4001), at(to))); got != stun.CodeForbidden {
								t.Errorf("%s: ChannelBind %s: %d", name, to, got)
							}
							if got := code(c.ask(stun.MethodConnect, at(to))); got != stun.CodeForbidden {
								t.Errorf("%s: Connect %s: %d", name, to, got)
							}
							c.indicate(to, "let me through")
							c.onChannel(0x4001, "let me through")
							if h.permits(nil, form.AsSlice()) {
								t.Errorf("%s: the second lock is open for %s", name, form)
							}
						}
					}
				}
			}
			for w := range h.ways { // whatever TURN believes: the allocation itself leads nowhere else
				for name, addrs := range places {
					for _, addr := range addrs {
						if _, err := h.ways[w].WriteTo([]byte("let me through"), net.UDPAddrFromAddrPort(netip.AddrPortFrom(addr, bird.port))); err == nil {
							t.Errorf("%s: the allocation leads to %s", name, addr)
						}
					}
				}
			}
			if got := c.refresh(600); got != 0 { // all that was sent before has been looked at
				t.Errorf("refresh: %d", got)
			}
			t.Logf("%d places, each by four methods", tried)
			h.none()
			bird.silent(t)
		})
	}
}

func TestTheRelaysAddressWithAnotherPortLeadsNowhere(t *testing.T) {
	h := open(t, nil)
	c := h.seat("udp", "client-1")
	if got := c.allocate(); got != 0 {
		t.Fatal(got)
	}
	// A permission is for an address, whatever its port says (RFC 8656 section 9.1).
	if got := code(c.ask(stun.MethodCreatePermission, at(advertised))); got != 0 {
		t.Fatal(got)
	}
	for _, port := range []uint16{0, 1, 22, 53, 80, 8080, advertised.Port() - 1, advertised.Port() + 1, h.udp.Port(), 65535} {
		to := netip.AddrPortFrom(advertised.Addr(), port)
		if got := code(c.ask(stun.MethodChannelBind, channel(0x4002), at(to))); got != stun.CodeForbidden {
			t.Errorf("ChannelBind %s: %d", to, got)
		}
		if got := code(c.ask(stun.MethodConnect, at(to))); got != stun.CodeForbidden {
			t.Errorf("Connect %s: %d", to, got)
		}
		c.indicate(to, "x")
	}
	if got := code(c.ask(stun.MethodConnect, at(advertised))); got != stun.CodeForbidden {
		t.Errorf("Connect to the relay, which has no TCP there: %d", got)
	}
	if got := c.refresh(600); got != 0 {
		t.Error(got)
	}
	h.none()
}

func TestOnlyAllocationsThatTheRelayCanUseAreMade(t *testing.T) {
	h := open(t, nil)
	for name, one := range map[string]struct {
		with []stun.Setter
		want stun.ErrorCode
	}{
		"TCP (RFC 6062)":     {[]stun.Setter{stun.RawAttribute{Type: stun.AttrRequestedTransport, Value: []byte{6, 0, 0, 0}}}, stun.CodeUnsupportedTransProto},
		"IPv6 (RFC 6156)":    {[]stun.Setter{overUDP(), stun.RawAttribute{Type: stun.AttrRequestedAddressFamily, Value: []byte{2, 0, 0, 0}}}, stun.CodeAddrFamilyNotSupported},
		"an even port":       {[]stun.Setter{overUDP(), stun.RawAttribute{Type: stun.AttrEvenPort, Value: []byte{0x80}}}, stun.CodeInsufficientCapacity},
		"a reserved port":    {[]stun.Setter{overUDP(), stun.RawAttribute{Type: stun.AttrReservationToken, Value: []byte("12345678")}}, stun.CodeInsufficientCapacity},
		"nothing said":       {nil, stun.CodeBadRequest},
		"no time (LIFETIME)": {[]stun.Setter{overUDP(), stun.RawAttribute{Type: stun.AttrLifetime, Value: []byte{0, 0, 0, 0}}}, stun.CodeInsufficientCapacity},
	} {
		if got := code(h.seat("tcp", "client-1").ask(stun.MethodAllocate, one.with...)); got != one.want {
			t.Errorf("%s: %d, not %d", name, got, one.want)
		}
	}
	if n := h.Allocations(); n != 0 {
		t.Errorf("%d allocations", n)
	}
}

// There are two locks, so that a mistake in one of them, or in pion, opens nothing.
// Then each must hold by itself: together they would hide that one is open.
func TestEachOfTheTwoLocksHoldsByItself(t *testing.T) {
	h := open(t, nil)
	elsewhere := map[string]netip.AddrPort{"another address": netip.MustParseAddrPort("203.0.113.8:8443"), "another port": netip.MustParseAddrPort("203.0.113.9:8444")}
	request := func(method stun.Method, to netip.AddrPort) []byte {
		return stun.MustBuild(stun.TransactionID, stun.NewType(method, stun.ClassRequest), channel(0x4001), at(to)).Raw
	}
	send := func(to netip.AddrPort) []byte {
		return stun.MustBuild(stun.TransactionID, stun.NewType(stun.MethodSend, stun.ClassIndication), at(to)).Raw
	}
	passes := func(p []byte) bool {
		answer, ok := h.judge(p)
		return ok && answer == nil
	}
	for name, p := range map[string][]byte{"CreatePermission": request(stun.MethodCreatePermission, advertised),
		"ChannelBind": request(stun.MethodChannelBind, advertised), "Send": send(advertised)} {
		if !passes(p) {
			t.Errorf("%s to the relay does not pass, so that this test can find nothing", name)
		}
	}
	for name, to := range elsewhere {
		if name != "another port" && passes(request(stun.MethodCreatePermission, to)) { // it has no port
			t.Errorf("CreatePermission for %s passes the first", name)
		}
		for _, method := range []stun.Method{stun.MethodChannelBind, stun.MethodConnect, stun.MethodConnectionBind} {
			if passes(request(method, to)) {
				t.Errorf("%s to %s passes the first", method, name)
			}
		}
		if passes(send(to)) {
			t.Errorf("Send to %s passes the first", name)
		}
	}
	if h.permits(nil, net.IPv4(203, 0, 113, 8)) || !h.permits(nil, net.IPv4(203, 0, 113, 9)) {
		t.Error("the second permits another address, or not the relay's")
	}

	c := h.seat("udp", "client-1")
	if got := c.allocate(); got != 0 {
		t.Fatal(got)
	}
	h.mu.Lock()
	w := h.allWays(nil)[0]
	h.mu.Unlock()
	for name, to := range elsewhere {
		if _, err := w.WriteTo([]byte("astray"), net.UDPAddrFromAddrPort(to)); err == nil {
			t.Errorf("an allocation writes to %s", name)
		}
	}
	if _, err := w.WriteTo([]byte("to the relay"), net.UDPAddrFromAddrPort(advertised)); err != nil {
		t.Error(err)
	}
	if got := h.hears().payload; got != "to the relay" {
		t.Errorf("the relay hears %q", got)
	}
}
