package datagram

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"testing"
	"time"
)

func listen(t testing.TB, network, at string) *net.UDPConn {
	t.Helper()
	addr, err := net.ResolveUDPAddr(network, at)
	if err != nil {
		t.Fatal(err)
	}
	c, err := net.ListenUDP(network, addr)
	if err != nil {
		t.Skipf("no %s on %s here: %v", network, at, err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func at(c *net.UDPConn) netip.AddrPort { return c.LocalAddr().(*net.UDPAddr).AddrPort() }

// arrive reads n packets of one socket, each once.
func arrive(t *testing.T, c *net.UDPConn, n int) (all [][]byte) {
	t.Helper()
	buf := make([]byte, 70000)
	for range n {
		if err := c.SetReadDeadline(time.Now().Add(5 * time.Second)); err != nil {
			t.Fatal(err)
		}
		size, err := c.Read(buf)
		if err != nil {
			t.Fatalf("after %d of %d packets: %v", len(all), n, err)
		}
		all = append(all, bytes.Clone(buf[:size]))
	}
	return all
}

// Whatever mixture of lengths and addresses is sent at once, each receiver gets
// what was meant for it, whole and in order.
func TestEachPacketArrivesWholeAndInOrder(t *testing.T) {
	for _, row := range []struct{ network, from, to string }{
		{"udp4", "127.0.0.1:0", "127.0.0.1:0"},
		{"udp", "[::]:0", "127.0.0.1:0"},
		{"udp6", "[::1]:0", "[::1]:0"},
	} {
		for _, alone := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s from %s, each alone %v", row.network, row.from, alone), func(t *testing.T) {
				toNetwork := "udp4"
				if row.to[0] == '[' {
					toNetwork = "udp6"
				}
				one, two := listen(t, toNetwork, row.to), listen(t, toNetwork, row.to)
				s := New(listen(t, row.network, row.from))
				refuseSegments(s, alone)
				var packets []Packet
				want := map[netip.AddrPort][][]byte{}
				for i, size := range []int{1000, 1000, 1000, 700, 1000, 1100, 1100, 40, 41, 41, 41, 0, 41, 1200, 1, 1, 1200, 1200} {
					for k, c := range []*net.UDPConn{one, two} {
						if (i+k)%5 == 4 {
							continue
						}
						data := bytes.Repeat([]byte{byte(i + 100*k)}, size)
						packets = append(packets, Packet{data, at(c)})
						want[at(c)] = append(want[at(c)], data)
					}
				}
				for i := range 50 { // more than one call takes
					data := bytes.Repeat([]byte{byte(i)}, 900)
					packets = append(packets, Packet{data, at(one)})
					want[at(one)] = append(want[at(one)], data)
				}
				if err := s.WritePackets(packets); err != nil {
					t.Fatal(err)
				}
				for _, c := range []*net.UDPConn{one, two} {
					for i, got := range arrive(t, c, len(want[at(c)])) {
						if !bytes.Equal(got, want[at(c)][i]) {
							t.Errorf("packet %d: %d bytes of %v, not %d", i, len(got), got[:min(1, len(got))], len(want[at(c)][i]))
						}
					}
				}
			})
		}
	}
}

func TestOneReadTakesWhatHasCome(t *testing.T) {
	c := listen(t, "udp", "[::]:0")
	s := New(c)
	from := listen(t, "udp4", "127.0.0.1:0")
	to := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), at(c).Port())
	for i := range 10 {
		if _, err := from.WriteToUDPAddrPort(bytes.Repeat([]byte{byte(i)}, 100+i), to); err != nil {
			t.Fatal(err)
		}
	}
	packets := make([]Packet, 16)
	got := 0
	for got < 10 {
		for i := range packets {
			packets[i].Data = make([]byte, 0, 105)
		}
		n, err := s.ReadPackets(packets)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range packets[:n] {
			if len(p.Data) != min(100+got, 105) || p.Data[0] != byte(got) {
				t.Errorf("packet %d: %d bytes of %d", got, len(p.Data), p.Data[0])
			}
			if a := netip.AddrPortFrom(p.Addr.Addr().Unmap(), p.Addr.Port()); a != at(from) {
				t.Errorf("from %s, not %s", a, at(from))
			}
			got++
		}
	}
}

// The server's shutdown, and TURN's packets for the relay, call a reader away.
func TestAReaderIsCalledAway(t *testing.T) {
	c := listen(t, "udp4", "127.0.0.1:0")
	s := New(c)
	packets := []Packet{{Data: make([]byte, 100)}}
	for _, row := range []struct {
		call func() error
		want error
	}{
		{func() error { return c.SetReadDeadline(time.Unix(1, 0)) }, os.ErrDeadlineExceeded},
		{c.Close, net.ErrClosed},
	} {
		ended := make(chan error)
		go func() { _, err := s.ReadPackets(packets); ended <- err }()
		if err := row.call(); err != nil {
			t.Fatal(err)
		}
		select {
		case err := <-ended:
			if !errors.Is(err, row.want) {
				t.Errorf("it ended with %v, not %v", err, row.want)
			}
		case <-time.After(5 * time.Second):
			t.Fatalf("it still waits, in spite of %v", row.want)
		}
		_ = c.SetReadDeadline(time.Time{})
	}
}

// One viewer's address that nothing can be sent to is that viewer's loss alone.
func TestAnAddressThatTakesNothingHoldsUpNobody(t *testing.T) {
	good := listen(t, "udp4", "127.0.0.1:0")
	s := New(listen(t, "udp4", "127.0.0.1:0"))
	data := make([]byte, 500)
	bad := netip.MustParseAddrPort("255.255.255.255:9") // without SO_BROADCAST
	six := netip.MustParseAddrPort("[2001:db8::1]:9")
	err := s.WritePackets([]Packet{{data, bad}, {data, at(good)}, {data, bad}, {data, six}, {data, at(good)}})
	if err == nil {
		t.Error("nobody was told that an address takes nothing")
	}
	arrive(t, good, 2)
}

func TestPacketsMakeNoMemory(t *testing.T) {
	in, out := listen(t, "udp4", "127.0.0.1:0"), listen(t, "udp4", "127.0.0.1:0")
	r, w := New(in), New(out)
	buf := make([]byte, 1500)
	sent := []Packet{{make([]byte, 1000), at(in)}, {make([]byte, 1000), at(in)}, {make([]byte, 1000), at(in)}}
	packets := make([]Packet, 3)
	made := testing.AllocsPerRun(1000, func() {
		if err := w.WritePackets(sent); err != nil {
			t.Fatal(err)
		}
		for got := 0; got < len(sent); {
			for i := range packets {
				packets[i].Data = buf
			}
			n, err := r.ReadPackets(packets)
			if err != nil {
				t.Fatal(err)
			}
			got += n
		}
	})
	if made > 0 {
		t.Errorf("%v pieces of memory for three packets", made)
	}
}
