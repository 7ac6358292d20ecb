// Package redistest starts real Redis servers for tests.
package redistest

import (
	"net"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"belay/session/store/storetest"
)

// Start starts a redis-server that loses nothing, unless args say otherwise, and
// returns its host:port. It ends with the test. Where there is none the test is
// skipped, and fails where everything has to be there.
func Start(t testing.TB, args ...string) string {
	t.Helper()
	addr, _ := Stoppable(t, args...)
	return addr
}

// Stoppable is Start, with what kills the server before the test ends.
func Stoppable(t testing.TB, args ...string) (addr string, stop func()) {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		storetest.Missing(t, "redis-server is not installed: %v", err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr = l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(addr)
	dir := t.TempDir()
	cmd := exec.Command("redis-server", append([]string{"--port", port, "--bind", "127.0.0.1", "--dir", dir, "--save", "",
		"--appendonly", "yes", "--appendfsync", "always", "--logfile", filepath.Join(dir, "log")}, args...)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var once sync.Once
	stop = func() {
		once.Do(func() {
			_ = cmd.Process.Kill()
			_ = cmd.Wait() // "signal: killed"
		})
	}
	t.Cleanup(stop)
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		conn, err := net.Dial("tcp", addr)
		if err == nil {
			_ = conn.Close()
			return addr, stop
		}
		if time.Now().After(deadline) {
			t.Fatalf("redis-server does not answer: %v", err)
		}
	}
}
