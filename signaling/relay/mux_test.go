package relay

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"
	"github.com/pion/stun/v4"
)

func testMux(t *testing.T) (*mux, netip.AddrPort) {
	t.Helper()
	udp, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	m := newMux(newSocket(udp), true)
	t.Cleanup(func() { _ = m.Close(); m.readers.Wait() })
	return m, udp.LocalAddr().(*net.UDPAddr).AddrPort()
}

func (m *mux) test(t *testing.T, fragment string) *end {
	t.Helper()
	conn, err := view{m, &shortcut{in: &inlets{}}}.GetConn(fragment, m.conn.LocalAddr())
	if err != nil {
		t.Fatal(err)
	}
	return conn.(*end)
}

func check(t *testing.T, fragment string) []byte {
	t.Helper()
	m, err := stun.Build(stun.TransactionID, stun.BindingRequest, stun.NewUsername(fragment+":them"))
	if err != nil {
		t.Fatal(err)
	}
	return m.Raw
}

// A connection whose reader is stuck, or slower than somebody who knows its name can
// send, costs what its queue holds, and nothing of anybody else's is lost.
func TestAStuckReaderTakesNoMoreThanItsQueue(t *testing.T) {
	m, to := testMux(t)
	stuck, well := m.test(t, "stuck"), m.test(t, "well")
	from, err := net.DialUDP("udp4", nil, net.UDPAddrFromAddrPort(to))
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	flood, one := check(t, "stuck"), check(t, "well")
	buf := make([]byte, largest)
	for round := range 20 {
		for range 100 {
			if _, err := from.Write(flood); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := from.Write(one); err != nil {
			t.Fatal(err)
		}
		if n, _, err := well.ReadFromAddrPort(buf); err != nil || n != len(one) {
			t.Fatalf("round %d: %d, %v", round, n, err)
		}
	}
	stuck.port.mu.Lock()
	n := stuck.port.n
	stuck.port.mu.Unlock()
	if n != portWaits {
		t.Errorf("%d packets wait, not %d", n, portWaits)
	}
	for range portWaits { // what was kept is whole
		if n, _, err := stuck.ReadFromAddrPort(buf); err != nil || n != len(flood) {
			t.Fatalf("%d, %v", n, err)
		}
	}
	for i := range 3 * mostAddrs { // a page that comes from everywhere
		if _, err := well.WriteToAddrPort(one, netip.AddrPortFrom(to.Addr(), uint16(20000+i))); err != nil {
			t.Fatal(err)
		}
	}
	m.mu.RLock()
	addrs := len(m.from)
	m.mu.RUnlock()
	if addrs > mostAddrs {
		t.Errorf("%d addresses of one page", addrs)
	}
	_ = well.Close()
	m.mu.RLock()
	defer m.mu.RUnlock()
	if len(m.from) != 0 || len(m.ports) != 1 {
		t.Errorf("of a page that has gone: %d addresses, %d ports", len(m.from), len(m.ports)-1)
	}
}

// Several candidates of one connection share its packets; the end of one ends no other,
// and whoever waits is told.
func TestAPortEndsWithItsLastCandidate(t *testing.T) {
	m, to := testMux(t)
	one, two := m.test(t, "name"), m.test(t, "name")
	ended := make(chan error)
	read := func(e *end) {
		_, _, err := e.ReadFromAddrPort(make([]byte, largest))
		ended <- err
	}
	wait := func() error {
		select {
		case err := <-ended:
			return err
		case <-time.After(5 * time.Second):
			t.Fatal("it still waits")
			return nil
		}
	}
	go read(one)
	_ = one.Close()
	if err := wait(); !errors.Is(err, net.ErrClosed) && !errors.Is(err, io.EOF) {
		t.Errorf("the first: %v", err)
	}
	go read(two)
	from, err := net.DialUDP("udp4", nil, net.UDPAddrFromAddrPort(to))
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	if _, err := from.Write(check(t, "name")); err != nil {
		t.Fatal(err)
	}
	if err := wait(); err != nil {
		t.Errorf("the second: %v", err)
	}
	go read(two)
	_ = m.Close()
	if err := wait(); err == nil {
		t.Error("nobody was told that the socket is closed")
	}
	if _, err := two.WriteToAddrPort([]byte{1}, to); err == nil {
		t.Error("it still writes")
	}
}

// A visit lasts for hours: a stream's numbers begin anew every ten minutes. Pion must
// not lose count of them while it sees next to nothing, nor the short way while all
// comes over TCP: the page would fall silent.
func TestNeitherWayLosesCount(t *testing.T) {
	key, salt := make([]byte, 16), make([]byte, 12)
	contexts := make([]*srtp.Context, 3)
	for i := range contexts {
		var err error
		if contexts[i], err = srtp.CreateContext(key, salt, srtp.ProtectionProfileAeadAes128Gcm, srtp.SRTPReplayProtection(replayWindow)); err != nil {
			t.Fatal(err)
		}
	}
	page, pion, ours := contexts[0], contexts[1], contexts[2]
	in := &inlets{}
	i := newInlet(7, func() {})
	in.all = map[uint32]*inlet{7: i}
	s := &shortcut{in: in}
	s.keys.Store(ours)
	got := 0
	i.hand(func() bool { got++; i.now = nil; return true })
	seq, sent := uint16(65000), 0
	packet := func() []byte {
		raw, err := (&rtp.Packet{Header: rtp.Header{Version: 2, SSRC: 7, SequenceNumber: seq}, Payload: []byte{1, 2, 3}}).Marshal()
		if err != nil {
			t.Fatal(err)
		}
		seq++
		sent++
		if raw, err = page.EncryptRTP(nil, raw, nil); err != nil {
			t.Fatal(err)
		}
		return raw
	}
	pions := func(p []byte) {
		plain, err := pion.DecryptRTP(nil, p, nil)
		if err != nil {
			t.Fatalf("packet %d on pion's way: %v", sent, err)
		}
		_, _ = i.Write(plain)
	}
	for _, row := range []struct {
		name  string
		n     int
		short bool
	}{{"at first, until none is under way", 1, false}, {"the short way", 300_000, true}, {"over TCP", 200_000, false}, {"the short way again", 150_000, true}, {"at last over TCP", 10, false}} {
		for range row.n {
			p := packet()
			if over := strings.Contains(row.name, "TCP"); over || !s.takes(p) {
				if row.short {
					t.Fatalf("%s: it is not taken", row.name)
				}
				pions(p)
				continue
			}
			if s.both(p) {
				again := append([]byte(nil), p...)
				s.take(p)
				pions(again)
				continue
			}
			s.take(p)
		}
		if got != sent {
			t.Fatalf("%s: %d packets came, not %d", row.name, got, sent)
		}
	}
	// What is not genuine moves nothing.
	for n := range 1000 {
		p := packet()
		p[2] ^= byte(n) | 0x40
		sent--
		s.take(p)
	}
	s.take(packet())
	if got != sent {
		t.Errorf("%d packets came, not %d", got, sent)
	}
}

// What an offer may not have, line by line; and that what pages send is let through.
func TestAnOfferIsLookedAtBeforePionDoes(t *testing.T) {
	good := goodOffer(t)
	if err := admissible(good); err != nil {
		t.Fatal(err)
	}
	if err := admissible(strings.ReplaceAll(good, "\r\n", "\n")); err != nil {
		t.Errorf("bare line ends: %v", err)
	}
	section := "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n"
	many := func(n int, line string) string { return good + strings.Repeat(line, n) }
	for name, sdp := range map[string]string{
		"nothing":                  "",
		"no section":               good[:strings.Index(good, "m=")],
		"no version":               good[5:],
		"another version":          "v=1" + good[3:],
		"cut off":                  good[:len(good)-1],
		"a control character":      strings.Replace(good, "s=-", "s=\x00", 1),
		"a line without a type":    many(1, "candidate\r\n"),
		"an endless line":          many(1, "a="+strings.Repeat("x", offerLine)+"\r\n"),
		"endless lines":            many(offerLines, "a=x\r\n"),
		"too long":                 many(200, "a="+strings.Repeat("x", 1000)+"\r\n"),
		"sections":                 many(2, section),
		"something else":           many(1, "m=text 9 UDP/TLS/RTP/SAVPF 111\r\n"),
		"a section of nothing":     many(1, "m=audio\r\n"),
		"formats":                  many(1, "m=audio 9 UDP/TLS/RTP/SAVPF"+strings.Repeat(" 1", offerFormats+1)+"\r\n"),
		"candidates":               many(offerCandidates+1, "a=candidate:1 1 udp 1 192.0.2.1 9 typ host\r\n"),
		"layers":                   many(offerRIDs+1, "a=rid:1 send\r\n"),
		"streams":                  many(offerStreams*4+1, "a=ssrc:1 cname:x\r\n"),
		"an empty name for checks": many(1, "a=ice-ufrag:\r\n"),
		"no certificate":           strings.ReplaceAll(good, "a=fingerprint:", "a=finger:"),
		"no password":              strings.ReplaceAll(good, "a=ice-pwd:", "a=pwd:"),
	} {
		if err := admissible(sdp); err == nil {
			t.Errorf("%s: it is let through", name)
		}
	}
}

// A connection that has ended may still have something to send: the address must not
// belong to it again, for the next one comes from there.
func TestAPortThatIsForgottenLearnsNoAddress(t *testing.T) {
	m, _ := testMux(t)
	gone := m.test(t, "gone")
	m.learn(gone.port, netip.MustParseAddrPort("192.0.2.1:9"))
	if len(m.from) != 1 {
		t.Fatal("it learns none before either, so that this test can find nothing")
	}
	m.forget(gone.port)
	m.learn(gone.port, netip.MustParseAddrPort("192.0.2.1:9"))
	if len(m.from) != 0 {
		t.Errorf("%d addresses belong to it", len(m.from))
	}
}
