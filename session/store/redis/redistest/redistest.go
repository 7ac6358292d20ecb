// Package redistest starts real Redis servers for tests, in the shapes in which
// people run them: alone, a master with replicas under Sentinels, a Cluster.
// Everything ends with the test that started it.
package redistest

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"belay/session/store/storetest"
)

// patience is how often a shape that comes up is looked at before it is given up, at
// least: 40 s. It counts looks and not time, so that a test that is stopped for a while
// goes on as if nothing had been.
const (
	patience  = 4000
	lookEvery = 10 * time.Millisecond
)

// Server is one process of redis-server. Its methods are called by one goroutine.
type Server struct {
	Addr string // host:port, the same after a restart
	t    testing.TB
	dir  string
	args []string
	cmd  *exec.Cmd
}

// Alone starts a server that loses nothing, unless args say otherwise. Where there
// is no redis-server the test is skipped, and fails where everything has to be there.
func Alone(t testing.TB, args ...string) *Server {
	t.Helper()
	s := prepare(t, free(t))
	s.args = append(s.args, args...)
	s.Start()
	return s
}

// prepare makes a server that is not started yet.
func prepare(t testing.TB, addr string) *Server {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		storetest.Missing(t, "redis-server is not installed: %v", err)
	}
	s := &Server{Addr: addr, t: t, dir: t.TempDir()}
	_, port, _ := net.SplitHostPort(addr)
	s.args = []string{"--port", port, "--bind", "127.0.0.1", "--dir", s.dir, "--save", "",
		"--appendonly", "yes", "--appendfsync", "always", "--logfile", filepath.Join(s.dir, "log"),
		"--repl-diskless-sync-delay", "0"} // else each replica waits five seconds for others to come with it
	t.Cleanup(s.Kill)
	return s
}

// free returns an address that nobody listens on now. The ports of a Cluster's bus
// lie ten thousand higher.
func free(t testing.TB) string {
	t.Helper()
	for range 200 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		port := l.Addr().(*net.TCPAddr).Port
		_ = l.Close()
		if port < 55_000 {
			return l.Addr().String()
		}
	}
	t.Fatal("no free port below 55000")
	return ""
}

// Start starts the process, once more after Kill, on what it left on the disk, and
// returns when it answers.
func (s *Server) Start() {
	s.t.Helper()
	s.cmd = exec.Command("redis-server", s.args...)
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.await("answered", func(c *goredis.Client) bool {
		err := c.Ping(s.t.Context()).Err()
		return err == nil || strings.HasPrefix(err.Error(), "NOAUTH") // it wants a password first
	})
}

// Kill ends the process as a loss of the machine would. One that is stopped ends too.
func (s *Server) Kill() {
	if s.cmd == nil {
		return
	}
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait() // "signal: killed"
	s.cmd = nil
}

// Pause stops the process without ending it: its sockets stay open and nobody answers.
func (s *Server) Pause() { s.signal(syscall.SIGSTOP) }

// Resume lets it go on.
func (s *Server) Resume() { s.signal(syscall.SIGCONT) }

func (s *Server) signal(sig syscall.Signal) {
	s.t.Helper()
	if err := s.cmd.Process.Signal(sig); err != nil {
		s.t.Fatalf("%v to Redis: %v", sig, err)
	}
}

// Client returns a connection to this very server, which the caller closes.
func (s *Server) Client() *goredis.Client {
	return goredis.NewClient(&goredis.Options{Addr: s.Addr, MaxRetries: -1, DisableIdentity: true})
}

// Do has one command done and fails the test where it is not.
func (s *Server) Do(args ...any) any {
	s.t.Helper()
	c := s.Client()
	defer c.Close()
	answer, err := c.Do(s.t.Context(), args...).Result()
	if err != nil {
		s.t.Fatalf("%v: %v", args, err)
	}
	return answer
}

// Await returns when INFO holds the words.
func (s *Server) Await(what, words string) {
	s.t.Helper()
	s.await(what, func(c *goredis.Client) bool {
		info, err := c.Info(s.t.Context()).Result()
		return err == nil && strings.Contains(info, words)
	})
}

// await looks until is holds.
func (s *Server) await(what string, is func(*goredis.Client) bool) {
	s.t.Helper()
	c := s.Client()
	defer c.Close()
	for looks := 0; !is(c); looks++ {
		if time.Sleep(lookEvery); looks == patience {
			log, _ := os.ReadFile(filepath.Join(s.dir, "log"))
			s.t.Fatalf("Redis at %s: it never %s\n%s", s.Addr, what, log)
		}
	}
}
