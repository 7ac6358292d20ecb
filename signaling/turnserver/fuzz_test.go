package turnserver

import (
	"net"
	"testing"

	"github.com/pion/stun/v4"
)

// FuzzPackets sends whatever comes to mind over UDP and TCP, and sees whether the
// server still answers.
func FuzzPackets(f *testing.F) {
	for _, p := range []string{"", "\x00\x01\xff\xec\x21\x12\xa4\x42aaaaaaaaaaaa", "\x40\x01\xff\xfc", "\x40\x01\x00\x00", "\x80\x60",
		string(stun.MustBuild(stun.TransactionID, stun.BindingRequest, stun.NewUsername("a:b"), stun.Fingerprint).Raw),
		string(stun.MustBuild(stun.TransactionID, stun.NewType(stun.MethodAllocate, stun.ClassRequest), overUDP(), at(advertised)).Raw),
		string(stun.MustBuild(stun.TransactionID, stun.NewType(stun.MethodSend, stun.ClassIndication), at(advertised)).Raw),
	} {
		f.Add([]byte(p))
	}
	h := open(f, nil)
	one := h.call("udp", "", "")
	f.Fuzz(func(t *testing.T, p []byte) {
		for network, to := range map[string]string{"udp": h.udp.String(), "tcp": h.tcp} {
			conn, err := net.Dial(network, to)
			if err != nil {
				t.Fatal(err)
			}
			_, _ = conn.Write(p) // it may be too long, or cut off
			conn.Close()
		}
		one.t = t
		one.send(stun.MustBuild(stun.TransactionID, stun.BindingRequest).Raw)
		if answer := one.next(); answer[0] != 1 || answer[1] != 1 {
			t.Fatalf("%x", answer)
		}
	})
}

// FuzzAttributes signs whatever comes to mind: what a page with a credential can
// do. It must reach nothing but the relay, and end nothing.
func FuzzAttributes(f *testing.F) {
	f.Add(uint16(stun.MethodChannelBind), uint16(stun.AttrXORPeerAddress), []byte("\x00\x01aaaaaa"))
	f.Add(uint16(stun.MethodCreatePermission), uint16(stun.AttrXORPeerAddress), []byte("\x00\x02aaaaaaaaaaaaaaaaaa"))
	f.Add(uint16(stun.MethodAllocate), uint16(stun.AttrRequestedTransport), []byte{6})
	f.Add(uint16(stun.MethodRefresh), uint16(stun.AttrLifetime), []byte{})
	f.Add(uint16(stun.MethodConnect), uint16(stun.AttrXORPeerAddress), []byte{})
	h := open(f, nil)
	one := h.call("udp", "", "")
	c := h.seat("udp", "client-1")
	if got := c.allocate(); got != 0 {
		f.Fatal(got)
	}
	f.Fuzz(func(t *testing.T, method, kind uint16, value []byte) {
		if len(value) > 1000 {
			return
		}
		c.t = t
		for _, class := range []stun.MessageClass{stun.ClassRequest, stun.ClassIndication} {
			m, err := stun.Build(stun.TransactionID, stun.NewType(stun.Method(method&0xfff), class),
				stun.RawAttribute{Type: stun.AttrType(kind), Value: value}, channel(0x4001), at(advertised),
				stun.NewUsername(c.username), stun.NewRealm(realm), c.nonce, c.key)
			if err != nil {
				return
			}
			c.send(m.Raw)
		}
		one.t = t
		one.send(stun.MustBuild(stun.TransactionID, stun.BindingRequest).Raw)
		if answer := one.next(); answer[0] != 1 || answer[1] != 1 {
			t.Fatalf("%x", answer)
		}
	})
}
