package server_test

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"belay/cmd/internal/server"
	"belay/session/store/bolt"
)

func TestThePrintedFingerprintIsThatOfTheServedCertificate(t *testing.T) {
	data := t.TempDir()
	s := start(t, server.Options{Data: data, SelfSigned: true})
	served := func(s *server.Server) (string, *tls.ConnectionState) {
		t.Helper()
		conn, err := tls.DialWithDialer(&net.Dialer{Timeout: 5 * time.Second}, "tcp", s.Addr().String(), &tls.Config{InsecureSkipVerify: true})
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		state := conn.ConnectionState()
		sum := sha256.Sum256(state.PeerCertificates[0].Raw)
		return hex.EncodeToString(sum[:]), &state
	}
	first, state := served(s)
	if printed := strings.ToLower(strings.ReplaceAll(s.Fingerprint(), ":", "")); printed != first {
		t.Fatalf("printed %s, served %s", printed, first)
	}
	for _, host := range []string{"localhost", "127.0.0.1"} {
		if err := state.PeerCertificates[0].VerifyHostname(host); err != nil {
			t.Error(err)
		}
	}
	for _, name := range []string{"tls-key.pem", "belay.db", server.SocketName} {
		info, err := os.Stat(filepath.Join(data, name))
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %o", name, info.Mode().Perm())
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	// Whoever has compared it once need not again.
	again := start(t, server.Options{Data: data, SelfSigned: true})
	if second, _ := served(again); second != first {
		t.Error("after a restart another certificate is served")
	}
	// A cookie that is set over TLS leaves over TLS only.
	v := visit(t, again.URL())
	v.http.Transport.(*http.Transport).TLSClientConfig = &tls.Config{InsecureSkipVerify: true}
	if !strings.HasPrefix(again.SetupURL(), "https://") {
		t.Errorf("the set-up link is %s", again.SetupURL())
	}
	_, token, _ := strings.Cut(again.SetupURL(), "#")
	res, err := v.http.Post(again.URL()+"/api/setup", "application/json", strings.NewReader(fmt.Sprintf(
		`{"token":%q,"name":"R","email":"r@example.org","password":%q,"states":["OR"]}`, token, passphrase)))
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if !allSecure(res.Cookies()) {
		t.Errorf("a cookie of the sign-in would leave without TLS: %v", res.Cookies())
	}
}

// The power may go in the middle of a renewal.
func TestACertificateThatWasHalfRenewedKeepsNoServerFromStarting(t *testing.T) {
	data, other := t.TempDir(), t.TempDir()
	for _, dir := range []string{data, other} {
		if err := start(t, server.Options{Data: dir, SelfSigned: true}).Close(); err != nil {
			t.Fatal(err)
		}
	}
	key, err := os.ReadFile(filepath.Join(other, "tls-key.pem"))
	if err != nil {
		t.Fatal(err)
	}
	for what, left := range map[string][]byte{"the key is that of the next one": key, "the key is empty": nil} {
		if err := os.WriteFile(filepath.Join(data, "tls-key.pem"), left, 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := server.Start(t.Context(), server.Options{Listen: "127.0.0.1:0", Data: data, SelfSigned: true})
		if err != nil {
			t.Errorf("%s: %v", what, err)
			continue
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

// allSecure reports whether there are cookies, and every one of them is for TLS only.
func allSecure(cookies []*http.Cookie) bool {
	return len(cookies) > 0 && !slices.ContainsFunc(cookies, func(c *http.Cookie) bool { return !c.Secure })
}

func TestLinksSayThePublicAddress(t *testing.T) {
	public, err := url.Parse("https://belay.example.org")
	if err != nil {
		t.Fatal(err)
	}
	s := start(t, server.Options{PublicURL: public})
	if !strings.HasPrefix(s.SetupURL(), "https://belay.example.org/setup#") {
		t.Errorf("the set-up link is %s", s.SetupURL())
	}
	// As a browser behind the proxy: the cookie is Secure, so the jar would keep
	// it back from plain HTTP. It is carried by hand here.
	_, token, _ := strings.Cut(s.SetupURL(), "#")
	local := "http://" + s.Addr().String()
	res, err := visit(t, local).http.Post(local+"/api/setup", "application/json", strings.NewReader(fmt.Sprintf(
		`{"token":%q,"name":"R","email":"r@example.org","password":%q,"states":["OR"]}`, token, passphrase)))
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if !allSecure(res.Cookies()) {
		t.Fatalf("cookies: %v", res.Cookies())
	}
	req, err := http.NewRequestWithContext(t.Context(), "GET", local+"/api/me", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.AddCookie(res.Cookies()[0])
	me, err := visit(t, local).http.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer me.Body.Close()
	raw := make([]byte, 4096)
	n, _ := me.Body.Read(raw)
	if !strings.Contains(string(raw[:n]), `"base":"https://belay.example.org","only_here":false`) {
		t.Errorf("the console is told %s", raw[:n])
	}
}

func TestABackupOfARunningServerHoldsWhatWasThere(t *testing.T) {
	data := t.TempDir()
	s := start(t, server.Options{Data: data})
	robin := therapist(t, s)
	m := robin.make(plain())
	file := filepath.Join(t.TempDir(), "copy.db")
	admin := server.NewAdmin(data)
	if err := admin.Backup(t.Context(), file); err != nil {
		t.Fatal(err)
	}
	if err := admin.Backup(t.Context(), file); err == nil {
		t.Error("a second backup overwrote the first")
	}
	copied, err := bolt.Open(bolt.Options{Path: file, NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	defer copied.Close()
	for _, log := range []string{m.id, "practice"} {
		if records, err := copied.Read(t.Context(), log, 0); err != nil || len(records) == 0 {
			t.Errorf("%s: %d events, %v", log, len(records), err)
		}
	}
}

// A copy that is found after a power cut is taken for one: half of one must not be called so.
func TestABackupHasItsNameOnlyOnceItIsWhole(t *testing.T) {
	data, into := t.TempDir(), t.TempDir()
	l, err := net.Listen("unix", filepath.Join(data, server.SocketName))
	if err != nil {
		t.Fatal(err)
	}
	half := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write(make([]byte, 64<<10))
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	})}
	var running sync.WaitGroup
	running.Go(func() { _ = half.Serve(l) })
	t.Cleanup(func() { _ = half.Close(); running.Wait() })
	ctx, kill := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	running.Go(func() { ended <- server.NewAdmin(data).Backup(ctx, filepath.Join(into, "copy.db")) })
	for written := int64(0); written < 64<<10; {
		there, err := filepath.Glob(filepath.Join(into, ".copy.db.part-*"))
		if _, early := os.Stat(filepath.Join(into, "copy.db")); err != nil || early == nil {
			t.Fatalf("half a copy has the name of a whole one (%v)", err)
		}
		if len(there) == 1 {
			if info, err := os.Stat(there[0]); err == nil {
				written = info.Size()
			}
		}
		time.Sleep(5 * time.Millisecond)
	}
	kill()
	if err := <-ended; err == nil {
		t.Error("half a copy is called a success")
	}
	if left, err := os.ReadDir(into); err != nil || len(left) > 0 {
		t.Errorf("it leaves %v behind (%v)", left, err)
	}
}

func TestAForgottenPasswordIsReplacedByWhoeverRunsTheServer(t *testing.T) {
	data := t.TempDir()
	s := start(t, server.Options{Data: data})
	robin := therapist(t, s)
	admin := server.NewAdmin(data)
	if _, err := admin.ResetLink(t.Context(), "nobody@example.org"); err == nil {
		t.Error("there is a link for nobody")
	}
	link, err := admin.ResetLink(t.Context(), "robin@example.org")
	if err != nil {
		t.Fatal(err)
	}
	_, token, _ := strings.Cut(link, "#reset.")
	elsewhere := visit(t, s.URL())
	elsewhere.ask(403, "POST", "/api/setup/opens", map[string]any{"token": token})
	elsewhere.ask(200, "POST", "/api/setup/opens", map[string]any{"token": token, "reset": true})
	elsewhere.ask(422, "POST", "/api/reset", map[string]any{"token": token, "password": "short"})
	elsewhere.ask(200, "POST", "/api/reset", map[string]any{"token": token, "password": "another good sentence"})
	elsewhere.ask(403, "POST", "/api/setup/opens", map[string]any{"token": token, "reset": true})
	robin.ask(401, "GET", "/api/me", nil) // the old sign-in has ended
	robin.ask(403, "POST", "/api/signin", map[string]any{"email": "robin@example.org", "password": passphrase})
	robin.ask(200, "POST", "/api/signin", map[string]any{"email": "robin@example.org", "password": "another good sentence"})
}

func TestASecondServerOnTheSameFolderSaysSoAndLeavesTheFirstAlone(t *testing.T) {
	data := t.TempDir()
	s := start(t, server.Options{Data: data})
	if second, err := server.Start(t.Context(), server.Options{Listen: "127.0.0.1:0", Data: data}); err == nil {
		t.Error("a second server started on the same folder")
		_ = second.Close()
	} else if !strings.Contains(err.Error(), "another belay") {
		t.Errorf("it says %v", err)
	}
	if _, err := server.NewAdmin(data).SetupLink(t.Context()); err != nil {
		t.Errorf("the first one's socket is gone: %v", err)
	}
	if second, err := server.Start(t.Context(), server.Options{Listen: s.Addr().String(), Data: t.TempDir()}); err == nil {
		t.Error("two servers have one address")
		_ = second.Close()
	}
}

func TestPagesComeFromThisServerOnlyAndSayWhatTheyMayDo(t *testing.T) {
	s := start(t, server.Options{})
	v := visit(t, s.URL())
	for path, want := range map[string]int{"/": 200, "/setup": 200, "/i": 200, "/healthz": 200, "/readyz": 200, "/static/console.js": 200, "/static/tokens.css": 200, "/x": 404} {
		res, err := v.http.Get(s.URL() + path)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		csp := res.Header.Get("Content-Security-Policy")
		if res.StatusCode != want || !strings.HasPrefix(csp, "default-src 'none'; script-src 'self';") || strings.Contains(csp, "unsafe") ||
			res.Header.Get("X-Content-Type-Options") != "nosniff" || res.Header.Get("Referrer-Policy") != "no-referrer" {
			t.Errorf("%s: %d %v", path, res.StatusCode, res.Header)
		}
	}
	// A page that comes back gets nothing again.
	req, err := http.NewRequestWithContext(t.Context(), "GET", s.URL()+"/static/console.js", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept-Encoding", "gzip")
	first, err := v.http.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	first.Body.Close()
	if first.Header.Get("Content-Encoding") != "gzip" || first.Header.Get("Content-Type") != "text/javascript; charset=utf-8" {
		t.Errorf("%v", first.Header)
	}
	req.Header.Set("If-None-Match", first.Header.Get("ETag"))
	second, err := v.http.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	second.Body.Close()
	if second.StatusCode != http.StatusNotModified {
		t.Errorf("a page that has it gets %d", second.StatusCode)
	}
}

// A path to a data folder may be longer than a socket's address can be.
func TestTheAdministrationIsReachedHoweverLongThePathIs(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("elsewhere a path has to fit")
	}
	data := filepath.Join(t.TempDir(), strings.Repeat("data", 30))
	if err := os.MkdirAll(data, 0o700); err != nil {
		t.Fatal(err)
	}
	for range 2 { // what the first left behind is no hindrance
		s := start(t, server.Options{Data: data})
		if _, err := server.NewAdmin(data).SetupLink(t.Context()); err != nil {
			t.Error(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
