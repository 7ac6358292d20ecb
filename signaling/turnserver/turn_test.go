package turnserver

import (
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/stun/v4"
)

func TestAPageReachesTheRelayAndIsAnswered(t *testing.T) {
	for _, network := range []string{"udp", "tcp"} {
		t.Run(network, func(t *testing.T) {
			h := open(t, nil)
			c := h.seat(network, "client-1")
			answer := c.ask(stun.MethodAllocate, overUDP())
			var relayed, mine stun.XORMappedAddress
			if code(answer) != 0 || relayed.GetFromAs(answer, stun.AttrXORRelayedAddress) != nil || mine.GetFrom(answer) != nil {
				t.Fatalf("allocate: %v", answer)
			}
			if relayed.IP.String() != madeUp.String() || mine.String() != c.conn.LocalAddr().String() {
				t.Errorf("relayed %s, mapped %s", relayed, mine)
			}
			// The relay's address in either form.
			for _, a := range []netip.Addr{advertised.Addr(), netip.AddrFrom16(advertised.Addr().As16())} {
				if got := code(c.ask(stun.MethodCreatePermission, at(netip.AddrPortFrom(a, advertised.Port())))); got != 0 {
					t.Fatalf("permission for %s: %d", a, got)
				}
			}
			c.indicate(advertised, "by indication")
			if got := h.hears(); got.payload != "by indication" || !Carried(got.from.Addr()) || int(got.from.Port()) != relayed.Port {
				t.Errorf("the relay heard %+v", got)
			}
			back := &stun.Message{Raw: c.next()}
			var from stun.XORMappedAddress
			if err := back.Decode(); err != nil || from.GetFromAs(back, stun.AttrXORPeerAddress) != nil || from.String() != advertised.String() {
				t.Fatalf("the answer is %v from %v: %v", back, from, err)
			}
			if data, err := back.Get(stun.AttrData); err != nil || string(data) != "by indication" {
				t.Errorf("it says %q: %v", data, err)
			}
			if got := code(c.ask(stun.MethodChannelBind, channel(0x4001), at(advertised))); got != 0 {
				t.Fatalf("channel: %d", got)
			}
			c.onChannel(0x4001, "by channel")
			if got := h.hears(); got.payload != "by channel" {
				t.Errorf("the relay heard %+v", got)
			}
			if got := c.next(); !strings.HasPrefix(string(got), "\x40\x01\x00\x0aby channel") {
				t.Errorf("the answer is %q", got)
			}
		})
	}
}

func TestMediaBesideTURNIsNotHeldUpAndNotMistaken(t *testing.T) {
	h := open(t, nil)
	browser, err := net.Dial("udp", h.udp.String())
	if err != nil {
		t.Fatal(err)
	}
	defer browser.Close()
	check := stun.MustBuild(stun.TransactionID, stun.BindingRequest, stun.NewUsername("a:b"), stun.Fingerprint)
	keepalive := stun.MustBuild(stun.TransactionID, stun.NewType(stun.MethodBinding, stun.ClassIndication))
	checked := stun.MustBuild(stun.TransactionID, stun.BindingSuccess)
	for name, p := range map[string]string{"RTP": "\x80\x60 picture", "RTCP": "\x81\xc8 report", "DTLS": "\x16\xfe\xff hello",
		"a check of ICE": string(check.Raw), "a keepalive of ICE": string(keepalive.Raw), "an answer of ICE": string(checked.Raw)} {
		if _, err := browser.Write([]byte(p)); err != nil {
			t.Fatal(err)
		}
		if got := h.hears(); got.payload != p || got.from.String() != browser.LocalAddr().String() {
			t.Errorf("%s: the relay heard %+v", name, got)
		}
	}

	// A page that floods the relay through TURN takes nothing from the others.
	c := h.seat("tcp", "client-1")
	if c.allocate() != 0 || code(c.ask(stun.MethodChannelBind, channel(0x4001), at(advertised))) != 0 {
		t.Fatal("no channel")
	}
	var flood sync.WaitGroup
	var over atomic.Bool
	flood.Go(func() {
		for !over.Load() {
			if _, err := c.conn.Write([]byte("\x40\x01\x00\x04more")); err != nil {
				return
			}
		}
	})
	flood.Go(func() {
		b := make([]byte, 64<<10)
		for !over.Load() {
			c.conn.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
			if _, err := c.conn.Read(b); err != nil && !isTimeout(err) {
				return
			}
		}
	})
	b := make([]byte, 2000)
	for range 100 {
		if _, err := browser.Write([]byte("\x80\x60 picture")); err != nil {
			t.Fatal(err)
		}
		browser.SetReadDeadline(time.Now().Add(patience))
		for {
			n, err := browser.Read(b)
			if err != nil {
				t.Fatalf("no answer beside a flood: %v", err)
			}
			if string(b[:n]) == "\x80\x60 picture" {
				break
			}
		}
	}
	over.Store(true)
	c.conn.Close()
	flood.Wait()
}

func isTimeout(err error) bool {
	e, ok := err.(net.Error)
	return ok && e.Timeout()
}

func TestAVisitThatIsLongerThanItsCredentialGoesOn(t *testing.T) {
	h := open(t, nil)
	u, p := h.Issue("visit-1", "client-1")
	c := h.call("tcp", u, p)
	if got := c.allocate(); got != 0 {
		t.Fatal(got)
	}
	h.later.Store(int64(3 * time.Hour))
	if got := c.refresh(600); got != 0 {
		t.Errorf("refresh after the end: %d", got)
	}
	if got := code(c.ask(stun.MethodCreatePermission, at(advertised))); got != 0 {
		t.Errorf("permission after the end: %d", got)
	}
	if got := code(c.ask(stun.MethodChannelBind, channel(0x4001), at(advertised))); got != 0 {
		t.Errorf("channel after the end: %d", got)
	}
	c.onChannel(0x4001, "still here")
	if got := h.hears(); got.payload != "still here" {
		t.Errorf("%+v", got)
	}
	for _, network := range []string{"udp", "tcp"} {
		if got := h.call(network, u, p).allocate(); got != stun.CodeBadRequest {
			t.Errorf("a new allocation after the end over %s: %d", network, got)
		}
	}
	if got := h.seat("tcp", "client-1").allocate(); got != 0 {
		t.Errorf("with a fresh credential: %d", got)
	}
}

func TestAForgedCredentialOpensNothing(t *testing.T) {
	h := open(t, nil)
	u, p := h.Issue("visit-1", "client-1")
	parts := strings.Split(u, ":")
	later := strings.Join([]string{"9999999999999", parts[1], parts[2], parts[3]}, ":")
	_, other := h.Issue("visit-2", "client-1")
	for name, one := range map[string][2]string{
		"a later end": {later, p}, "another's password": {u, other}, "no password": {u, ""}, "no name": {"", p},
		"a name of another kind": {"alex", p}, "too many parts": {u + ":x", p}, "an end that is no number": {"x" + u, p},
		"a very long name": {strings.Repeat("9", 400) + u, p},
	} {
		if got := h.call("udp", one[0], one[1]).allocate(); got == 0 {
			t.Errorf("%s: allocated", name)
		}
	}
	if h.Allocations() != 0 {
		t.Error("there is an allocation")
	}
	if strings.Contains(u, "visit") || strings.Contains(u, "client") {
		t.Errorf("%q names somebody", u)
	}
}

func TestAWithdrawnSeatIsCutOffAtOnceAndTheOthersAreNot(t *testing.T) {
	h := open(t, nil)
	u, p := h.Issue("visit-1", "chaperone-1")
	chaperone, client, other := h.call("tcp", u, p), h.seat("udp", "client-1"), h.call("tcp", "", "")
	other.username, p = h.Issue("visit-2", "client-1")
	other.key = h.call("tcp", other.username, p).key
	for _, c := range []*caller{chaperone, client, other} {
		if c.allocate() != 0 || code(c.ask(stun.MethodChannelBind, channel(0x4001), at(advertised))) != 0 {
			t.Fatal("no channel")
		}
	}
	h.Revoke("visit-1", "chaperone-1")
	chaperone.onChannel(0x4001, "am I still here")
	if got := code(chaperone.ask(stun.MethodRefresh)); got != stun.CodeBadRequest {
		t.Errorf("refresh of a withdrawn seat: %d", got)
	}
	h.none()
	_, password := h.Issue("visit-1", "chaperone-1") // of another moment
	_ = password
	old := h.call("tcp", u, "")
	old.key = chaperone.key
	if got := old.allocate(); got != stun.CodeBadRequest {
		t.Errorf("the old credential: %d", got)
	}
	h.later.Add(int64(2 * time.Millisecond))
	if got := h.seat("tcp", "chaperone-1").allocate(); got != 0 {
		t.Errorf("a fresh credential of a seat that was invited again: %d", got)
	}
	client.onChannel(0x4001, "client")
	if got := h.hears(); got.payload != "client" {
		t.Errorf("%+v", got)
	}
	h.Revoke("visit-1", "")
	other.onChannel(0x4001, "other visit")
	if got := h.hears(); got.payload != "other visit" {
		t.Errorf("%+v", got)
	}
	if n := h.Allocations(); n != 1 {
		t.Errorf("%d allocations after the session has ended, one of another is due", n)
	}
}

func TestQuotasAreExact(t *testing.T) {
	h := open(t, func(o *Options) { o.PerSeat, o.PerAddress = 3, 5 })
	holders := map[*caller]bool{}
	results := func(seat string, callers []*caller) (made int) {
		t.Helper()
		var all sync.WaitGroup
		got := make([]stun.ErrorCode, len(callers))
		for i, c := range callers {
			all.Go(func() { got[i] = c.allocate() })
		}
		all.Wait()
		for i, one := range got {
			switch one {
			case 0:
				made++
				holders[callers[i]] = true
			case stun.CodeAllocQuotaReached, stun.CodeInsufficientCapacity:
			default:
				t.Errorf("%s: %d", seat, one)
			}
		}
		return made
	}
	crowd := func(seat string) (all []*caller) {
		for i := range 12 {
			all = append(all, h.seat([]string{"tcp", "udp"}[i%2], seat))
		}
		return all
	}
	first := crowd("client-1")
	if n := results("client-1", first); n != 3 {
		t.Errorf("one seat has %d allocations of 3", n)
	}
	if n := results("therapist-1", crowd("therapist-1")); n != 2 {
		t.Errorf("another at the same address has %d of the 2 that are left", n)
	}
	if got := h.seat("udp", "therapist-1").allocate(); got != stun.CodeAllocQuotaReached {
		t.Errorf("one more: %d", got)
	}
	for _, c := range first {
		if !holders[c] {
			continue
		}
		if got := c.refresh(0); got != 0 {
			t.Errorf("giving one back: %d", got)
		}
		break
	}
	if n := results("client-1", crowd("client-1")); n != 1 {
		t.Errorf("after one was given back there are %d more", n)
	}
}

func TestACallerWithoutAnAllocationDoesNotStay(t *testing.T) {
	h := open(t, func(o *Options) { o.vacant = time.Second })
	stays, quiet, ended := h.seat("tcp", "therapist-1"), h.seat("tcp", "client-1"), h.seat("tcp", "client-1")
	for _, c := range []*caller{stays, ended} {
		if got := c.allocate(); got != 0 {
			t.Fatal(got)
		}
	}
	if got := code(stays.ask(stun.MethodChannelBind, channel(0x4001), at(advertised))); got != 0 {
		t.Fatal(got)
	}
	if got := ended.refresh(0); got != 0 {
		t.Fatal(got)
	}
	for name, c := range map[string]*caller{"who says nothing": quiet, "whose allocation has ended": ended} {
		if _, err := c.read(); err == nil || isTimeout(err) {
			t.Errorf("one %s is still connected: %v", name, err)
		}
	}
	stays.onChannel(0x4001, "still here")
	if got := h.hears().payload; got != "still here" {
		t.Errorf("the relay hears %q", got)
	}
}

// A device that goes to another network says goodbye to nobody: the next one finds
// room all the same.
func TestAnAllocationThatSaysNothingGivesItsPlaceBack(t *testing.T) {
	h := open(t, func(o *Options) { o.PerSeat, o.silence = 1, 2*time.Second })
	gone, here := h.seat("tcp", "client-1"), h.seat("tcp", "therapist-1")
	for _, c := range []*caller{gone, here} {
		if got := c.allocate(); got != 0 {
			t.Fatal(got)
		}
		if got := code(c.ask(stun.MethodChannelBind, channel(0x4001), at(advertised))); got != 0 {
			t.Fatal(got)
		}
	}
	if got := h.seat("tcp", "client-1").allocate(); got != stun.CodeAllocQuotaReached {
		t.Fatalf("a second one: %d", got)
	}
	for end := time.Now().Add(patience); h.Allocations() > 1; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("after %v there are %d allocations", patience, h.Allocations())
		}
		here.onChannel(0x4001, "still here")
	}
	if got := h.seat("tcp", "client-1").allocate(); got != 0 {
		t.Errorf("after the first one said nothing more: %d", got)
	}
	here.onChannel(0x4001, "and here")
	for h.hears().payload != "and here" {
	}
}

func TestBrokenFramesEndTheirConnectionAndNothingElse(t *testing.T) {
	h := open(t, nil)
	well := h.seat("tcp", "client-1")
	if got := well.allocate(); got != 0 {
		t.Fatal(got)
	}
	for name, p := range map[string]string{
		"a length that wraps around":           "\x00\x01\xff\xec\x21\x12\xa4\x42aaaaaaaaaaaa",
		"ChannelData with a length that wraps": "\x40\x01\xff\xfc" + strings.Repeat("a", 100),
		"a length that is no multiple of four": "\x00\x01\x00\x03\x21\x12\xa4\x42aaaaaaaaaaaa",
		"too large a message":                  "\x00\x01\x10\x00\x21\x12\xa4\x42aaaaaaaaaaaa",
		"no cookie":                            "\x00\x01\x00\x00aaaaaaaaaaaaaaaa",
		"HTTP":                                 "GET / HTTP/1.1\r\n\r\n",
		"RTP":                                  "\x80\x60aaaaaaaaaaaaaaaaaaaaaa",
	} {
		c := h.call("tcp", "", "")
		c.send([]byte(p))
		if _, err := c.read(); err == nil || isTimeout(err) {
			t.Errorf("%s: the connection stands: %v", name, err)
		}
	}
	if got := well.refresh(600); got != 0 {
		t.Errorf("another's connection: %d", got)
	}
	// A message that comes byte by byte is none of these.
	slow := h.call("tcp", "", "")
	for _, b := range stun.MustBuild(stun.TransactionID, stun.BindingRequest).Raw {
		slow.send([]byte{b})
	}
	if answer := slow.next(); answer[0] != 1 || answer[1] != 1 {
		t.Errorf("the answer is %x", answer)
	}
}

func TestAServerWithoutARelayAnswersSTUNAlone(t *testing.T) {
	h := open(t, func(o *Options) {
		o.Streams[0].Close()
		o.Streams, o.Peer, o.Secret, o.Alone = nil, netip.AddrPort{}, nil, true
	})
	c := h.call("udp", "", "")
	c.send(stun.MustBuild(stun.TransactionID, stun.NewType(stun.MethodAllocate, stun.ClassRequest), overUDP()).Raw)
	if answer := c.ask(stun.MethodBinding); code(answer) != 0 { // and nothing came before it
		t.Errorf("%v", answer)
	}
}

func TestCloseEndsEverythingAndASecondOneToo(t *testing.T) {
	h := open(t, nil)
	for range 5 {
		for _, network := range []string{"udp", "tcp"} {
			c := h.seat(network, "client-1")
			if c.allocate() != 0 || code(c.ask(stun.MethodChannelBind, channel(0x4001), at(advertised))) != 0 {
				t.Fatal("no channel")
			}
			c.onChannel(0x4001, "x")
		}
	}
	if err := h.Close(); err != nil {
		t.Error(err)
	}
	if err := h.Close(); err != nil {
		t.Error(err)
	}
	if n := h.Allocations(); n != 0 {
		t.Errorf("%d allocations", n)
	}
}

func TestImpossibleOptionsAreRefused(t *testing.T) {
	for name, o := range map[string]Options{
		"no socket":          {},
		"a short secret":     {Peer: advertised, Secret: []byte("short")},
		"an IPv6 relay":      {Peer: netip.MustParseAddrPort("[2001:db8::1]:1"), Secret: make([]byte, 32)},
		"no port":            {Peer: netip.MustParseAddrPort("203.0.113.9:0"), Secret: make([]byte, 32)},
		"nowhere":            {Peer: netip.MustParseAddrPort("0.0.0.0:1"), Secret: make([]byte, 32)},
		"a negative quota":   {PerSeat: -1},
		"TURN without relay": {Streams: []net.Listener{nil}[:0], PerAddress: -1},
	} {
		if name != "no socket" {
			udp, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
			if err != nil {
				t.Fatal(err)
			}
			o.UDP = udp
		}
		if s, err := New(o); err == nil {
			s.Close()
			t.Errorf("%s: accepted", name)
		}
	}
}
