package network_test

import (
	"net"
	"net/netip"
	"testing"
	"time"

	"belay/cmd/internal/network"
)

// ear hears packets at a place, on one port.
type ear struct {
	t *testing.T
	net.PacketConn
}

func hear(t *testing.T, at *network.Place, address string) *ear {
	t.Helper()
	e := &ear{t: t}
	err := at.Within(func() (err error) {
		e.PacketConn, err = net.ListenPacket("udp4", address)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	return e
}

// says sends a word, and returns from where it came to the other, if it did.
func (e *ear) says(to string, other *ear, within time.Duration) (from netip.AddrPort, heard bool) {
	e.t.Helper()
	if _, err := e.WriteTo([]byte("hello"), net.UDPAddrFromAddrPort(netip.MustParseAddrPort(to))); err != nil {
		return from, false
	}
	other.SetReadDeadline(time.Now().Add(within))
	b := make([]byte, 100)
	_, addr, err := other.ReadFrom(b)
	if err != nil {
		return from, false
	}
	return addr.(*net.UDPAddr).AddrPort(), true
}

const (
	soon  = 5 * time.Second
	never = 100 * time.Millisecond
)

func TestNetworksAreAsTheirNamesSay(t *testing.T) {
	s := network.Lay(t)
	server, rack := hear(t, s.Server, network.ServerAt+":4000"), hear(t, s.Rack, network.RackIs+":4000")

	for _, one := range []struct {
		kind network.Kind
		same bool
	}{{network.Cone, true}, {network.Symmetric, false}} {
		s.A.Router.NAT(one.kind)
		same := true
		for range 3 { // a random port may be the same once
			device := hear(t, s.A.Device, ":0")
			first, ok := device.says(network.ServerAt+":4000", server, soon)
			second, again := device.says(network.RackAt+":4000", rack, soon)
			if !ok || !again || first.Addr().String() != s.A.Router.Outside || second.Addr() != first.Addr() {
				t.Fatalf("%s: seen at %v and %v", one.kind, first, second)
			}
			same = same && first.Port() == second.Port()
		}
		if same != one.same {
			t.Errorf("%s: the same port everywhere: %v", one.kind, same)
		}
	}

	device := hear(t, s.A.Device, ":5000")
	from, _ := device.says(network.RackAt+":4000", rack, soon)
	if back, ok := rack.says(from.String(), device, soon); !ok || back.String() != network.RackAt+":4000" {
		t.Errorf("the rack is known as %v", back)
	}
	for _, one := range []struct {
		rule   string
		passes bool
	}{{network.NoUDP, false}, {"", true}, {network.Nothing, false}, {network.To(network.ServerAt), false}, {network.From(network.ServerAt), true}, {network.OnlyTLS, false}} {
		s.A.Router.Forward(one.rule)
		within := never
		if one.passes {
			within = soon
		}
		if _, ok := device.says(network.ServerAt+":4000", server, within); ok != one.passes {
			t.Errorf("%q: passes is %v", one.rule, ok)
		}
	}
	s.A.Router.Forward()

	s.A.Move()
	moved := hear(t, s.A.Device, ":5001")
	if from, ok := moved.says(network.ServerAt+":4000", server, soon); !ok || from.Addr().String() != s.A.Other.Outside {
		t.Errorf("after the move it comes from %v", from)
	}
	s.A.Move()
	if from, ok := moved.says(network.ServerAt+":4000", server, soon); !ok || from.Addr().String() != s.A.Router.Outside {
		t.Errorf("after the way back it comes from %v", from)
	}
}

// Two devices behind routers reach each other where both are cones, and not where
// both are symmetric: what a direct connection depends on.
func TestTwoConesMeetAndTwoSymmetricRoutersDoNot(t *testing.T) {
	s := network.Lay(t)
	server := hear(t, s.Server, network.ServerAt+":4000")
	for _, one := range []struct {
		kind  network.Kind
		meets bool
	}{{network.Cone, true}, {network.Symmetric, false}} {
		s.A.Router.NAT(one.kind)
		s.B.Router.NAT(one.kind)
		a, b := hear(t, s.A.Device, ":0"), hear(t, s.B.Device, ":0")
		knownA, _ := a.says(network.ServerAt+":4000", server, soon)
		knownB, _ := b.says(network.ServerAt+":4000", server, soon)
		// The first one is turned away at the other's door; by it its own is open.
		if _, ok := a.says(knownB.String(), b, never); ok {
			t.Errorf("%s: a stranger came in", one.kind)
		}
		within := never
		if one.meets {
			within = soon
		}
		if _, ok := b.says(knownA.String(), a, within); ok != one.meets {
			t.Errorf("%s: they meet: %v", one.kind, ok)
		}
	}
}

func TestARateHoldsBackWhatIsTooMuch(t *testing.T) {
	s := network.Lay(t)
	server := hear(t, s.Server, network.ServerAt+":4000")
	device := hear(t, s.A.Device, ":0")
	s.A.Router.Rate(400)
	sent, size := 200, 1000 // 1.6 Mbit
	for range sent {
		if _, err := device.WriteTo(make([]byte, size), net.UDPAddrFromAddrPort(netip.MustParseAddrPort(network.ServerAt+":4000"))); err != nil {
			t.Fatal(err)
		}
	}
	came := 0
	b := make([]byte, 2000)
	for {
		server.SetReadDeadline(time.Now().Add(time.Second))
		if _, _, err := server.ReadFrom(b); err != nil {
			break
		}
		came++
	}
	if came == 0 || came > sent/4 { // a queue of 200 ms is 10 of these
		t.Errorf("%d of %d packets came through at once", came, sent)
	}
}

func TestANetworkThatLetsOnlyTLSOutLooksIntoIt(t *testing.T) {
	s := network.Lay(t)
	var server net.Listener
	if err := s.Server.Within(func() (err error) {
		server, err = net.Listen("tcp4", network.ServerAt+":443")
		return err
	}); err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	s.A.Router.Forward(network.OnlyTLS)
	for _, one := range []struct {
		name, first string
		passes      bool
	}{
		{"TLS", "\x16\x03\x01\x00\x05hello", true},
		{"ICE over TCP", "\x00\x14\x00\x01\x00\x00\x21\x12\xa4\x42aaaaaaaaaaaa", false},
	} {
		conn, err := s.A.Device.Dial(t.Context(), "tcp4", network.ServerAt+":443")
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		there, err := server.Accept()
		if err != nil {
			t.Fatal(err)
		}
		defer there.Close()
		if _, err := conn.Write([]byte(one.first)); err != nil {
			t.Fatal(err)
		}
		within := 500 * time.Millisecond
		if one.passes {
			within = soon
		}
		there.SetReadDeadline(time.Now().Add(within))
		if n, err := there.Read(make([]byte, 100)); (err == nil) != one.passes {
			t.Errorf("%s: %d bytes came, %v", one.name, n, err)
		}
	}
}
