package turnserver

import (
	"net/netip"
	"testing"

	"belay/signaling/datagram"
)

// Nobody on the network can pass for a page that came through TURN.
func TestAPacketThatClaimsToComeFromAnAllocationIsDropped(t *testing.T) {
	h := open(t, nil)
	media := []byte{0x80, 96, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1}
	for _, claimed := range []netip.Addr{madeUp, netip.AddrFrom16(madeUp.As16())} {
		packets := []datagram.Packet{{Data: media, Addr: netip.AddrPortFrom(claimed, 2000)}}
		if h.front.sort(packets) || packets[0].Addr.IsValid() {
			t.Errorf("from %s it is let through", claimed)
		}
	}
	packets := []datagram.Packet{{Data: media, Addr: netip.MustParseAddrPort("192.0.2.1:2000")}}
	if !h.front.sort(packets) || !packets[0].Addr.IsValid() {
		t.Error("nothing is let through at all")
	}
}
