package doctor

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"belay/cmd/internal/server"
	"belay/session/store/bolt"
	"belay/session/store/redis"
	"belay/session/store/redis/redistest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func start(t *testing.T, opts server.Options) *server.Server {
	t.Helper()
	opts.Listen = "127.0.0.1:0"
	if opts.Data == "" {
		opts.Data = private(t)
	}
	s, err := server.Start(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func private(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "data")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	return dir
}

// examine returns how many things are wrong and all that was said.
func examine(t *testing.T, opts Options) (int, string) {
	t.Helper()
	var said strings.Builder
	wrong := Examine(t.Context(), opts, func(f Finding) { Print(&said, f) })
	return wrong, said.String()
}

func at(t *testing.T, address string) *url.URL {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// expect fails the test unless exactly one thing is wrong, in these words.
func expect(t *testing.T, opts Options, words string) {
	t.Helper()
	wrong, said := examine(t, opts)
	found := false
	for line := range strings.Lines(said) {
		found = found || strings.HasPrefix(line, string(Wrong)) && strings.Contains(line, words)
	}
	if wrong != 1 || !found {
		t.Errorf("%d things are wrong, want one: %q. It said:\n%s", wrong, words, said)
	}
}

func TestAHealthyServerIsFoundHealthy(t *testing.T) {
	t.Parallel()
	data := private(t)
	s := start(t, server.Options{Data: data})
	wrong, said := examine(t, Options{Data: data, Hold: 3 * time.Second})
	if wrong != 0 {
		t.Errorf("%d things are wrong:\n%s", wrong, said)
	}
	for _, words := range []string{"A server runs on", "GiB left", "Belay answers", "clock agrees", "the server's words come over it", "leads to this server", "held open for 3s", "UDP port", "leads to the relay", "on this computer only"} {
		if !strings.Contains(said, words) {
			t.Errorf("it says nothing like %q:\n%s", words, said)
		}
	}
	if wrong, said := examine(t, Options{URL: at(t, s.URL())}); wrong != 0 || !strings.Contains(said, "Run this on the server's machine") {
		t.Errorf("from outside:\n%s", said)
	}
}

func TestASelfSignedCertificateIsNamedAndTheRestStillLookedAt(t *testing.T) {
	t.Parallel()
	data := private(t)
	s := start(t, server.Options{Data: data, SelfSigned: true})
	wrong, said := examine(t, Options{Data: data, URL: at(t, s.URL()), Hold: 0})
	if wrong != 0 || !strings.Contains(said, "not signed by anybody") || !strings.Contains(said, "leads to this server") || !strings.Contains(said, "leads to the relay") {
		t.Errorf("%d:\n%s", wrong, said)
	}
}

// Nobody misses the only way out of a strict network until they need it.
func TestWhatKeepsPeopleFromTheRelayIsSaid(t *testing.T) {
	t.Parallel()
	for words, opts := range map[string]server.Options{
		"The server offers no TURN.":                  {RelayTCP: "off"},
		"TURN can't be reached at 127.0.0.2:":         {MediaName: "127.0.0.2"},
		"Nothing comes back over UDP from 127.0.0.2:": {MediaName: "127.0.0.2"},
	} {
		opts.Data = private(t)
		start(t, opts)
		if wrong, said := examine(t, Options{Data: opts.Data}); wrong != 0 || !strings.Contains(said, string(Careful)+"  "+words) {
			t.Errorf("%d things are wrong, and nothing says %q:\n%s", wrong, words, said)
		}
	}
	where, data := &redis.Options{Addrs: []string{redistest.Alone(t).Addr}}, private(t)
	start(t, server.Options{Data: data, Redis: where})
	if _, said := examine(t, Options{Data: data}); strings.Contains(said, "no name of its own") {
		t.Errorf("it is the only one:\n%s", said)
	}
	start(t, server.Options{Redis: where})
	said := ""
	for deadline := time.Now().Add(10 * time.Second); !strings.Contains(said, "no name of its own"); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("two servers without names of their own:\n%s", said)
		}
		_, said = examine(t, Options{Data: data})
	}
}

// On a bare machine every certificate has an unknown signer: that is not the certificate's fault.
func TestAMachineThatKnowsNoAuthorityBlamesNoCertificate(t *testing.T) {
	t.Parallel()
	const asked = "DOCTOR_TEST_ASKED"
	if address := os.Getenv(asked); address != "" { // in a process whose list of authorities is empty
		Examine(t.Context(), Options{URL: at(t, address)}, func(f Finding) { Print(os.Stdout, f) })
		return
	}
	s := httptest.NewUnstartedServer(http.NotFoundHandler())
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	t.Cleanup(s.Close)
	for list, words := range map[string]string{os.DevNull: "knows no authority itself", "": "not signed by anybody that browsers know"} {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$")
		cmd.Env = append(os.Environ(), asked+"="+s.URL)
		if list != "" {
			cmd.Env = append(cmd.Env, "SSL_CERT_FILE="+list, "SSL_CERT_DIR="+t.TempDir())
		}
		if said, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(said), words) {
			t.Errorf("it says nothing like %q (%v):\n%s", words, err, said)
		}
	}
}

// The firewall of a cloud is seen from outside it only.
func TestFromAnotherMachineItIsSaidWhetherPictureAndSoundGetThrough(t *testing.T) {
	t.Parallel()
	s := start(t, server.Options{})
	wrong, said := examine(t, Options{URL: at(t, s.URL())})
	if wrong != 0 || !strings.Contains(said, "UDP gets through to 127.0.0.1:") || !strings.Contains(said, "TURN answers at 127.0.0.1:") {
		t.Errorf("all is open, and %d things are wrong:\n%s", wrong, said)
	}
	s = start(t, server.Options{SelfSigned: true})
	if _, said := examine(t, Options{URL: at(t, s.URL())}); !strings.Contains(said, "TURN answers at 127.0.0.1:") {
		t.Errorf("with TLS of its own:\n%s", said)
	}
	for words, opts := range map[string]server.Options{
		"Neither UDP nor TCP for picture and sound": {UDP: "off"},
		"TURN can't be reached at ":                 {RelayTCP: "off"},
	} {
		s := start(t, opts)
		if wrong, said := examine(t, Options{URL: at(t, s.URL()), Media: s.Addr().String()}); wrong != 0 || !strings.Contains(said, string(Careful)+"  "+words) {
			t.Errorf("%d things are wrong, and nothing says %q:\n%s", wrong, words, said)
		}
	}
	if _, said := examine(t, Options{URL: at(t, s.URL()), Media: "127.0.0.2:1"}); !strings.Contains(said, "Neither UDP nor TCP for picture and sound gets through from here: ") {
		t.Errorf("a port that is shut:\n%s", said)
	}
}

func TestEachBrokenAddressIsSaidInWords(t *testing.T) {
	t.Parallel()
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	stranger := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(stranger.Close)
	elsewhere := httptest.NewServer(http.RedirectHandler("https://elsewhere.example/", http.StatusFound))
	t.Cleanup(elsewhere.Close)
	for address, words := range map[string]string{
		"ftp://belay.example":          "no address of a Belay",
		"http://127.0.0.1/console":     "no address of a Belay",
		"https://no-such-host.invalid": "can't be looked up",
		gone.URL:                       "Nothing answers on port",
		stranger.URL:                   "it is not Belay",
		elsewhere.URL:                  "leads on to https://elsewhere.example/",
	} {
		expect(t, Options{URL: at(t, address)}, words)
	}
}

// A certificate for six days is as healthy on its fourth as one for ninety on its sixtieth.
func TestHowLongACertificateIsGoodIsMeasuredByWhatItWasGiven(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	for _, c := range []struct {
		given, left time.Duration
		want        Level
	}{
		{90 * day, 31 * day, Fine}, {90 * day, 20 * day, Careful}, {90 * day, 6 * day, Wrong},
		{365 * day, 22 * day, Fine}, {365 * day, 8 * day, Careful},
		{6 * day, 3 * day, Fine}, {6 * day, day, Careful}, {6 * day, 10 * time.Hour, Wrong},
		{12 * time.Hour, 5 * time.Hour, Fine}, {12 * time.Hour, 30 * time.Minute, Wrong}, {90 * day, -time.Hour, Wrong},
	} {
		end := time.Now().Add(c.left + time.Minute)
		var got Finding
		d := &doctor{report: func(f Finding) { got = f }}
		d.expiry([]*x509.Certificate{{NotBefore: end.Add(-c.given), NotAfter: end}, {NotBefore: end.Add(-20 * 365 * day), NotAfter: end.Add(5 * 365 * day)}})
		if got.Level != c.want {
			t.Errorf("%s left of %s: %s %q, want %s", c.left, c.given, got.Level, got.Words, c.want)
		}
	}
}

func TestACertificateThatEndedIsNotCalledUnknown(t *testing.T) {
	t.Parallel()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: time.Now().Add(-24 * time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewUnstartedServer(http.NotFoundHandler())
	s.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	s.Config.ErrorLog = nil
	s.StartTLS()
	t.Cleanup(s.Close)
	_, said := examine(t, Options{URL: at(t, s.URL)})
	if !strings.Contains(said, "has ended") {
		t.Errorf("it says:\n%s", said)
	}
	plain := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(plain.Close)
	_, said = examine(t, Options{URL: at(t, strings.Replace(plain.URL, "http:", "https:", 1))})
	if !strings.Contains(said, "does not speak TLS") {
		t.Errorf("it says:\n%s", said)
	}
}

// through is a proxy before a server, spoilt in one way.
func through(t *testing.T, s *server.Server, spoil func(*httputil.ReverseProxy)) *url.URL {
	t.Helper()
	to := at(t, s.URL())
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	proxy := &httputil.ReverseProxy{Transport: transport, Rewrite: func(r *httputil.ProxyRequest) {
		r.Out.URL.Scheme, r.Out.URL.Host = to.Scheme, to.Host
	}}
	spoil(proxy)
	front := httptest.NewServer(proxy)
	t.Cleanup(front.Close)
	return at(t, front.URL)
}

func TestWhatAProxyBreaksIsSaid(t *testing.T) {
	t.Parallel()
	data := private(t)
	s := start(t, server.Options{Data: data})
	wrong, said := examine(t, Options{Data: data, URL: through(t, s, func(*httputil.ReverseProxy) {})})
	if wrong != 0 {
		t.Errorf("a good proxy:\n%s", said)
	}
	rewriting := func(also func(*httputil.ProxyRequest)) func(*httputil.ReverseProxy) {
		return func(p *httputil.ReverseProxy) {
			before := p.Rewrite
			p.Rewrite = func(r *httputil.ProxyRequest) { before(r); also(r) }
		}
	}
	answering := func(change func(*http.Response)) func(*httputil.ReverseProxy) {
		return func(p *httputil.ReverseProxy) {
			p.ModifyResponse = func(r *http.Response) error { change(r); return nil }
		}
	}
	for words, spoil := range map[string]func(*httputil.ReverseProxy){
		"A WebSocket can't be opened": func(p *httputil.ReverseProxy) {
			p.Transport = roundTrip(func(r *http.Request) (*http.Response, error) {
				r.Header.Del("Upgrade")
				r.Header.Del("Connection")
				return http.DefaultTransport.(*http.Transport).Clone().RoundTrip(r)
			})
		},
		"one of a foreign page": rewriting(func(r *httputil.ProxyRequest) { r.Out.Host = at(t, s.URL()).Host + "0" }),
		"drops the Permissions": answering(func(r *http.Response) { r.Header.Set("Permissions-Policy", "camera=()") }),
		"off this machine's":    answering(func(r *http.Response) { r.Header.Set("Date", time.Now().Add(-time.Hour).UTC().Format(http.TimeFormat)) }),
		"not ready": answering(func(r *http.Response) {
			if r.Request.URL.Path == "/readyz" {
				r.StatusCode, r.Status = 503, "503"
			}
		}),
	} {
		expect(t, Options{URL: through(t, s, spoil)}, words)
	}
	other := start(t, server.Options{})
	expect(t, Options{Data: data, URL: at(t, other.URL())}, "leads to another Belay")
	expect(t, Options{Data: data, URL: cutting(t, s, 2500*time.Millisecond), Hold: 20 * time.Second}, "A socket was cut after")
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := f(r)
	if err == nil {
		res.Header.Set("Connection", "close")
	}
	return res, err
}

// cutting is a proxy that ends every connection after a while.
func cutting(t *testing.T, s *server.Server, after time.Duration) *url.URL {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	t.Cleanup(func() { _ = l.Close(); running.Wait() })
	running.Go(func() {
		for {
			near, err := l.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial("tcp", s.Addr().String())
			if err != nil {
				_ = near.Close()
				continue
			}
			cut := time.AfterFunc(after, func() { _ = near.Close(); _ = far.Close() })
			for _, pair := range [][2]net.Conn{{near, far}, {far, near}} {
				running.Go(func() {
					defer cut.Stop()
					_, _ = io.Copy(pair[0], pair[1])
					_, _ = near.Close(), far.Close()
				})
			}
		}
	})
	return at(t, "http://"+l.Addr().String())
}

func TestWhatIsWrongWithTheDataFolderIsSaid(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	expect(t, Options{Data: file}, "can't be read")

	held := private(t)
	log, err := bolt.Open(bolt.Options{Path: filepath.Join(held, server.FileName)})
	if err != nil {
		t.Fatal(err)
	}
	expect(t, Options{Data: held}, fmt.Sprintf("in use by process %d", os.Getpid()))
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	if wrong, said := examine(t, Options{Data: held}); wrong != 0 || !strings.Contains(said, "no server runs on it") {
		t.Errorf("%d:\n%s", wrong, said)
	}
	if err := os.Chmod(filepath.Join(held, server.FileName), 0o644); err != nil {
		t.Fatal(err)
	}
	expect(t, Options{Data: held}, "Others on this machine may read belay.db")
	for _, name := range []string{server.JournalName, server.JournalName + ".kept1", "turn-secret"} {
		if err := os.WriteFile(filepath.Join(held, name), nil, 0o644); err != nil {
			t.Fatal(err)
		}
		expect(t, Options{Data: held}, "Others on this machine may read "+name)
		if err := os.Remove(filepath.Join(held, name)); err != nil {
			t.Fatal(err)
		}
	}

	damaged := private(t)
	if err := os.WriteFile(filepath.Join(damaged, server.FileName), []byte(strings.Repeat("no log ", 4000)), 0o600); err != nil {
		t.Fatal(err)
	}
	expect(t, Options{Data: damaged}, "can't be opened")
	if left, err := filepath.Glob(filepath.Join(damaged, ".doctor*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestWhatIsWrongWithRedisIsSaid(t *testing.T) {
	t.Parallel()
	expect(t, Options{Redis: &redis.Options{Addrs: []string{"127.0.0.1:1"}}}, "Redis at 127.0.0.1:1")
	expect(t, Options{Redis: &redis.Options{Addrs: []string{redistest.Alone(t, "--appendonly", "no").Addr}}}, "appendonly is no")
	opts := &redis.Options{Addrs: []string{redistest.Alone(t, "--appendfsync", "everysec").Addr}}
	data := private(t)
	start(t, server.Options{Data: data, Redis: opts})
	wrong, said := examine(t, Options{Data: data, Redis: opts})
	if wrong != 0 || !strings.Contains(said, "appendfsync is everysec") || !strings.Contains(said, "is in use by") || !strings.Contains(said, "Redis at "+opts.Addrs[0]) {
		t.Errorf("%d:\n%s", wrong, said)
	}
}
