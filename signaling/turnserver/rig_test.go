package turnserver

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/stun/v4"
	"github.com/pion/turn/v5"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const patience = 5 * time.Second

// house is a server with a relay that sends every packet back.
type house struct {
	*Server
	t     testing.TB
	udp   netip.AddrPort
	tcp   string
	later atomic.Int64 // added to the time
	echo  sync.WaitGroup
	heard chan heard
}

type heard struct {
	from    netip.AddrPort
	payload string
}

// advertised is where browsers believe the relay to be: nobody listens there.
var advertised = netip.MustParseAddrPort("203.0.113.9:8443")

func open(t testing.TB, change func(*Options)) *house {
	t.Helper()
	udp, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h := &house{t: t, udp: udp.LocalAddr().(*net.UDPAddr).AddrPort(), tcp: tcp.Addr().String(), heard: make(chan heard, 10000)}
	o := Options{UDP: udp, Streams: []net.Listener{tcp}, Peer: advertised, Secret: bytes.Repeat([]byte("s"), 32)}
	if change != nil {
		change(&o)
	}
	h.Server, err = start(o, func() time.Time { return time.Now().Add(time.Duration(h.later.Load())) })
	if err != nil {
		t.Fatal(err)
	}
	if !o.Alone {
		h.echo.Go(h.relay)
	}
	t.Cleanup(func() {
		if err := h.Close(); err != nil {
			t.Error(err)
		}
		h.echo.Wait()
	})
	return h
}

func (h *house) relay() {
	b := make([]byte, 2000)
	for {
		n, addr, err := h.front.ReadFrom(b)
		if err != nil {
			return
		}
		from := addr.(*net.UDPAddr).AddrPort()
		select {
		case h.heard <- heard{from, string(b[:n])}:
		default:
		}
		if _, err := h.front.WriteTo(b[:n], addr); err != nil && !errors.Is(err, net.ErrClosed) {
			h.t.Error(err)
		}
	}
}

// caller is a page's TURN client, down to the bytes.
type caller struct {
	t        testing.TB
	conn     net.Conn
	username string
	key      stun.MessageIntegrity
	nonce    stun.Nonce
}

func (h *house) call(network, username, password string) *caller {
	h.t.Helper()
	to := h.tcp
	if network == "udp" {
		to = h.udp.String()
	}
	conn, err := net.Dial(network, to)
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { conn.Close() })
	return &caller{t: h.t, conn: conn, username: username, key: turn.GenerateAuthKey(username, realm, password)}
}

// seat calls with a fresh credential of a seat.
func (h *house) seat(network, seat string) *caller {
	u, p := h.Issue("visit-1", seat)
	return h.call(network, u, p)
}

func (c *caller) send(p []byte) {
	c.t.Helper()
	if _, err := c.conn.Write(p); err != nil {
		c.t.Fatal(err)
	}
}

// next reads one message, or one packet of ChannelData.
func (c *caller) next() []byte {
	c.t.Helper()
	p, err := c.read()
	if err != nil {
		c.t.Fatal(err)
	}
	return p
}

func (c *caller) read() ([]byte, error) {
	c.conn.SetReadDeadline(time.Now().Add(patience))
	if c.conn.LocalAddr().Network() == "udp" {
		p := make([]byte, 2000)
		n, err := c.conn.Read(p)
		return p[:n], err
	}
	head := make([]byte, 4)
	if _, err := io.ReadFull(c.conn, head); err != nil {
		return nil, err
	}
	size := int(binary.BigEndian.Uint16(head[2:]))
	if head[0] < 4 {
		size += 16
	} else {
		size = (size + 3) &^ 3
	}
	rest := make([]byte, size)
	_, err := io.ReadFull(c.conn, rest)
	return append(head, rest...), err
}

// ask sends a signed request and returns the answer.
func (c *caller) ask(method stun.Method, with ...stun.Setter) *stun.Message {
	c.t.Helper()
	for range 2 { // the first one fetches a nonce
		id := stun.TransactionID
		all := append([]stun.Setter{id, stun.NewType(method, stun.ClassRequest)}, with...)
		if len(c.nonce) > 0 {
			all = append(all, stun.NewUsername(c.username), stun.NewRealm(realm), c.nonce, c.key)
		}
		m, err := stun.Build(all...)
		if err != nil {
			c.t.Fatal(err)
		}
		c.send(m.Raw)
		answer := &stun.Message{Raw: c.next()}
		if err := answer.Decode(); err != nil {
			c.t.Fatal(err)
		}
		if answer.TransactionID != m.TransactionID {
			c.t.Fatalf("the answer belongs to another question: %v", answer)
		}
		if code(answer) != stun.CodeUnauthorized || c.nonce.GetFrom(answer) != nil {
			return answer
		}
	}
	c.t.Fatal("unauthorized with a nonce")
	return nil
}

// code is an answer's error code; 0: it is a success.
func code(m *stun.Message) stun.ErrorCode {
	var e stun.ErrorCodeAttribute
	if m.Type.Class == stun.ClassSuccessResponse {
		return 0
	}
	if e.GetFrom(m) != nil {
		return -1
	}
	return e.Code
}

func overUDP() stun.Setter {
	return stun.RawAttribute{Type: stun.AttrRequestedTransport, Value: []byte{protocolUDP, 0, 0, 0}}
}

func (c *caller) allocate() stun.ErrorCode {
	c.t.Helper()
	return code(c.ask(stun.MethodAllocate, overUDP()))
}

func (c *caller) refresh(seconds uint32) stun.ErrorCode {
	c.t.Helper()
	return code(c.ask(stun.MethodRefresh, stun.RawAttribute{Type: stun.AttrLifetime, Value: binary.BigEndian.AppendUint32(nil, seconds)}))
}

// at is an XOR-PEER-ADDRESS, in the form that it is given in: an IPv4 address in
// IPv6 stays that.
type at netip.AddrPort

func (a at) AddTo(m *stun.Message) error {
	addr := netip.AddrPort(a).Addr()
	v := []byte{0, 1}
	if addr.Is6() {
		v[1] = 2
	}
	v = binary.BigEndian.AppendUint16(v, netip.AddrPort(a).Port()^(stunCookie>>16))
	mask := append(binary.BigEndian.AppendUint32(nil, stunCookie), m.TransactionID[:]...)
	for i, b := range addr.AsSlice() {
		v = append(v, b^mask[i])
	}
	m.Add(stun.AttrXORPeerAddress, v)
	return nil
}

func channel(n uint16) stun.Setter {
	return stun.RawAttribute{Type: stun.AttrChannelNumber, Value: []byte{byte(n >> 8), byte(n), 0, 0}}
}

// indicate sends a payload in a Send indication.
func (c *caller) indicate(to netip.AddrPort, payload string) {
	c.t.Helper()
	c.send(stun.MustBuild(stun.TransactionID, stun.NewType(stun.MethodSend, stun.ClassIndication), at(to),
		stun.RawAttribute{Type: stun.AttrData, Value: []byte(payload)}).Raw)
}

// onChannel sends a payload as ChannelData.
func (c *caller) onChannel(n uint16, payload string) {
	c.t.Helper()
	p := binary.BigEndian.AppendUint16(nil, n)
	p = append(binary.BigEndian.AppendUint16(p, uint16(len(payload))), payload...)
	for len(p)%4 != 0 {
		p = append(p, 0)
	}
	c.send(p)
}

// hears awaits the next packet at the relay.
func (h *house) hears() heard {
	h.t.Helper()
	select {
	case got := <-h.heard:
		return got
	case <-time.After(patience):
		h.t.Fatal("nothing came to the relay")
		return heard{}
	}
}

// none fails if the relay was sent anything.
func (h *house) none() {
	h.t.Helper()
	select {
	case got := <-h.heard:
		h.t.Errorf("the relay was sent %q", got.payload)
	default:
	}
}
