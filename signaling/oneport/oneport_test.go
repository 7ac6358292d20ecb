package oneport_test

import (
	"bufio"
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"math/big"
	"net"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"belay/signaling/oneport"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const patience = 5 * time.Second

func certificate(t *testing.T) *tls.Config {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
}

func open(t *testing.T, o oneport.Options) *oneport.Port {
	t.Helper()
	var err error
	if o.Listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	p, err := oneport.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

// accepted is what came out of one of the three listeners.
type accepted struct {
	lane  string
	first []byte
	conn  net.Conn
}

// answering accepts on all three, reads what must come, and answers with the lane's name.
func answering(t *testing.T, p *oneport.Port, size int) <-chan accepted {
	t.Helper()
	all := make(chan accepted, 16)
	for lane, l := range map[string]net.Listener{"http": p.HTTP(), "turn": p.TURN(), "ice": p.ICE()} {
		go func() {
			for {
				conn, err := l.Accept()
				if err != nil {
					return
				}
				b := make([]byte, size)
				conn.SetDeadline(time.Now().Add(patience))
				if _, err := io.ReadFull(conn, b); err != nil {
					t.Error(err)
				}
				if _, err := io.WriteString(conn, lane+"\n"); err != nil {
					t.Error(err)
				}
				all <- accepted{lane, b, conn}
			}
		}()
	}
	return all
}

const (
	turnFirst = "\x00\x03\x00\x08\x21\x12\xa4\x42transactions"
	iceFirst  = "\x00\x54\x00\x01\x00\x40\x21\x12\xa4\x42transactio"
	httpFirst = "GET / HTTP/1.1\r\nHost:"
)

func TestEachCallerComesToWhomTheyWant(t *testing.T) {
	for _, secure := range []bool{false, true} {
		o := oneport.Options{}
		if secure {
			o.TLS = certificate(t)
		}
		p := open(t, o)
		came := answering(t, p, 20)
		for _, one := range []struct {
			first, lane string
			tls         bool
		}{
			{turnFirst, "turn", false}, {iceFirst, "ice", false}, {httpFirst, "http", false},
			{turnFirst, "turn", true}, {httpFirst, "http", true},
		} {
			if one.tls && !secure || secure && !one.tls && one.lane == "http" {
				continue
			}
			for _, pieces := range []int{1, 20} { // at once, and byte by byte
				conn, err := net.Dial("tcp", p.Addr().String())
				if err != nil {
					t.Fatal(err)
				}
				raw := conn
				if one.tls {
					conn = tls.Client(conn, &tls.Config{InsecureSkipVerify: true})
				}
				conn.SetDeadline(time.Now().Add(patience))
				for b := range bytesOf([]byte(one.first[:20]), pieces) {
					if _, err := conn.Write(b); err != nil {
						t.Fatal(err)
					}
				}
				answer, err := bufio.NewReader(conn).ReadString('\n')
				if err != nil || answer != one.lane+"\n" {
					t.Fatalf("%q came to %q: %v", one.first, answer, err)
				}
				got := <-came
				if string(got.first) != one.first[:20] {
					t.Errorf("of %q came %q", one.first, got.first)
				}
				if got.conn.RemoteAddr().String() != raw.LocalAddr().String() || got.conn.LocalAddr().String() != p.Addr().String() {
					t.Errorf("it reports %s and %s", got.conn.RemoteAddr(), got.conn.LocalAddr())
				}
				if state := got.conn.(*oneport.Conn).ConnectionState(); (state != nil) != one.tls {
					t.Errorf("its TLS is %v", state)
				}
				got.conn.Close()
				conn.Close()
			}
		}
	}
}

func bytesOf(b []byte, pieces int) func(func([]byte) bool) {
	return func(yield func([]byte) bool) {
		for piece := range chunks(b, (len(b)+pieces-1)/pieces) {
			if !yield(piece) {
				return
			}
		}
	}
}

func chunks(b []byte, size int) func(func([]byte) bool) {
	return func(yield func([]byte) bool) {
		for len(b) > 0 {
			n := min(size, len(b))
			if !yield(b[:n]) {
				return
			}
			b = b[n:]
		}
	}
}

func TestAPageWithoutTLSIsToldToUseIt(t *testing.T) {
	p := open(t, oneport.Options{TLS: certificate(t)})
	conn, err := net.Dial("tcp", p.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	answer, err := io.ReadAll(conn)
	if !strings.HasPrefix(string(answer), "HTTP/1.0 400 ") || !strings.Contains(string(answer), "https") {
		t.Errorf("%q: %v", answer, err)
	}
}

func TestWhoSaysNothingIsCutOffAndWhoHasSpokenIsNot(t *testing.T) {
	p := open(t, oneport.Options{Within: 200 * time.Millisecond, TLS: certificate(t)})
	came := answering(t, p, 20)
	speaking, err := tls.Dial("tcp", p.Addr().String(), &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	defer speaking.Close()
	if _, err := io.WriteString(speaking, httpFirst[:20]); err != nil {
		t.Fatal(err)
	}
	other := <-came
	defer other.conn.Close()
	other.conn.SetDeadline(time.Time{})
	for name, first := range map[string]string{"nothing": "", "half of TURN": turnFirst[:7], "half a handshake": "\x16\x03\x01\x02\x00\x01"} {
		conn, err := net.Dial("tcp", p.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := io.WriteString(conn, first); err != nil {
			t.Fatal(err)
		}
		conn.SetDeadline(time.Now().Add(patience))
		var slow net.Error
		if _, err := io.ReadAll(conn); errors.As(err, &slow) && slow.Timeout() {
			t.Errorf("%s: still connected", name)
		}
	}
	// All that took longer than the deadline.
	if _, err := speaking.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 1)
	if _, err := other.conn.Read(b); err != nil || !bytes.Equal(b, []byte("x")) {
		t.Errorf("whoever has spoken is cut off too: %q, %v", b, err)
	}
}

func TestWhatNobodyAsksForIsTurnedAway(t *testing.T) {
	p := open(t, oneport.Options{})
	for name, first := range map[string]string{"TURN": turnFirst, "ICE": iceFirst, "TLS": "\x16\x03\x01\x02\x00\x01aaaaaaaaaa", "nonsense": "\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c"} {
		conn, err := net.Dial("tcp", p.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		conn.SetDeadline(time.Now().Add(patience))
		if _, err := io.WriteString(conn, first); err != nil {
			t.Fatal(err)
		}
		var slow net.Error
		if _, err := io.ReadAll(conn); errors.As(err, &slow) && slow.Timeout() {
			t.Errorf("%s: still connected", name)
		}
	}
}

func TestCloseEndsCallersWhoAreBeingListenedTo(t *testing.T) {
	p := open(t, oneport.Options{TLS: certificate(t)})
	for range 5 { // some silent, some waiting for somebody who accepts them
		conn, err := net.Dial("tcp", p.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
	}
	p.TURN()
	waiting, err := net.Dial("tcp", p.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer waiting.Close()
	if _, err := io.WriteString(waiting, turnFirst); err != nil {
		t.Fatal(err)
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	if _, err := p.HTTP().Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("after the end: %v", err)
	}
}

func FuzzFirstBytes(f *testing.F) {
	for _, s := range []string{turnFirst, iceFirst, httpFirst, "", "\x16\x03\x01\x02\x00\x01"} {
		f.Add([]byte(s))
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		f.Fatal(err)
	}
	p, err := oneport.New(oneport.Options{Listener: l})
	if err != nil {
		f.Fatal(err)
	}
	defer p.Close()
	for _, l := range []net.Listener{p.HTTP(), p.TURN(), p.ICE()} {
		go func() {
			for {
				conn, err := l.Accept()
				if err != nil {
					return
				}
				conn.Close()
			}
		}()
	}
	f.Fuzz(func(t *testing.T, first []byte) {
		conn, err := net.Dial("tcp", p.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		_, _ = conn.Write(first) // it may be cut off in the middle
		_ = conn.(*net.TCPConn).CloseWrite()
		conn.SetReadDeadline(time.Now().Add(patience))
		var slow net.Error
		if _, err := io.Copy(io.Discard, conn); errors.As(err, &slow) && slow.Timeout() {
			t.Errorf("%q: nobody was found for it, and it is not turned away", first)
		}
	})
}
