package doctor

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"belay/cmd/internal/server"
	"belay/session/store/storetest"
)

// certificate writes a self-signed one for this machine and its key.
func certificate(t *testing.T, dir string) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(90 * 24 * time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for path, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}

// startNginx runs it on the deployment's own file, with other ports and another
// certificate and nothing else changed, and returns its process.
func startNginx(t *testing.T, page, behind string) *os.Process {
	t.Helper()
	nginx, err := exec.LookPath("nginx")
	if err != nil {
		storetest.Missing(t, "nginx is not installed: %v", err)
	}
	example, err := os.ReadFile("../../../deploy/nginx.conf")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	cert, key := certificate(t, dir)
	config := string(example)
	for from, to := range map[string]string{
		"listen 80;":                 "",
		"listen [::]:80;":            "listen unix:" + dir + "/80;",
		"listen [::]:443 ssl http2;": "",
		"listen 443 ssl":             "listen " + page + " ssl",
		"server 127.0.0.1:8080;":     "server " + behind + ";",
		"/var/log/nginx/belay.log":   dir + "/access",
		"/etc/letsencrypt/live/belay.example.org/fullchain.pem": cert,
		"/etc/letsencrypt/live/belay.example.org/privkey.pem":   key,
	} {
		if !strings.Contains(config, from) {
			t.Fatalf("deploy/nginx.conf does not say %q any more", from)
		}
		config = strings.ReplaceAll(config, from, to)
	}
	places := ""
	for _, what := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		places += fmt.Sprintf("%s_temp_path %s/%s; ", what, dir, what)
	}
	config = fmt.Sprintf("daemon off; worker_processes 1; pid %s/pid; error_log %s/error; events {}\nhttp { %s\n%s }\n", dir, dir, places, config)
	path := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(path, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(nginx, "-e", dir+"/error", "-c", path)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
		if t.Failed() {
			said, _ := os.ReadFile(dir + "/error")
			t.Logf("nginx said:\n%s", said)
		}
	})
	for range 500 {
		if c, err := net.Dial("tcp", page); err == nil {
			_ = c.Close()
			return cmd.Process
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("nginx does not listen")
	return nil
}

// Whoever copies the example gets sockets that live, also while nginx is told to read
// its settings again, and limits that count people and not the proxy.
func TestBehindTheNginxOfTheExampleAllIsWell(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	page := l.Addr().String()
	_ = l.Close()
	data, public := private(t), at(t, "https://"+page)
	s := start(t, server.Options{Data: data, PublicURL: public})
	nginx := startNginx(t, page, s.Addr().String())
	reload := time.AfterFunc(2*time.Second, func() { _ = nginx.Signal(syscall.SIGHUP) })
	defer reload.Stop()
	wrong, said := examine(t, Options{Data: data, Hold: 6 * time.Second})
	for _, words := range []string{"not signed by anybody", "the server's words come over it", "leads to this server", "held open for 6s"} {
		if wrong != 0 || !strings.Contains(said, words) {
			t.Fatalf("%d things are wrong, and nothing says %q:\n%s", wrong, words, said)
		}
	}

	// One browser that says each time that it is another is still one; somebody elsewhere
	// has attempts of their own.
	tries := func(from net.IP, n int) int {
		dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: from}}
		client := http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: dialer.DialContext, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
		body := strings.NewReader(fmt.Sprintf(`{"email":"nobody-%d@example.org","password":"not this one"}`, n))
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, public.String()+"/api/signin", body)
		if err != nil {
			t.Fatal(err)
		}
		for name, value := range map[string]string{"Content-Type": "application/json", "Origin": public.String(), "X-Forwarded-For": fmt.Sprintf("198.51.100.%d", n)} {
			req.Header.Set(name, value)
		}
		res, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		return res.StatusCode
	}
	n := 0
	for ; n < 40 && tries(net.IPv4(127, 0, 0, 1), n) == http.StatusForbidden; n++ {
	}
	if n < 10 || n == 40 {
		t.Errorf("one browser has %d attempts", n)
	}
	if got := tries(net.IPv4(127, 0, 0, 2), n); got != http.StatusForbidden {
		t.Errorf("somebody elsewhere is answered with %d", got)
	}
}
