package redis

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"belay/session/store"
	"belay/session/store/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// server is a real redis-server of the test's own.
type server struct {
	t    *testing.T
	dir  string
	addr string
	args []string
	cmd  *exec.Cmd
}

// startServer starts a server on a free port, safe unless args say otherwise.
func startServer(t *testing.T, args ...string) *server {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		storetest.Missing(t, "redis-server is not installed: %v", err)
	}
	listen, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &server{t: t, dir: t.TempDir(), addr: listen.Addr().String(), args: args}
	if err := listen.Close(); err != nil {
		t.Fatal(err)
	}
	s.start()
	t.Cleanup(s.kill)
	return s
}

func (s *server) start() {
	s.t.Helper()
	_, port, _ := net.SplitHostPort(s.addr)
	args := append([]string{"--port", port, "--bind", "127.0.0.1", "--dir", s.dir, "--save", "",
		"--appendonly", "yes", "--appendfsync", "always", "--logfile", filepath.Join(s.dir, "log")}, s.args...)
	s.cmd = exec.Command("redis-server", args...)
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	client := s.client()
	defer client.Close()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		err := client.Ping(s.t.Context()).Err()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			log, _ := os.ReadFile(filepath.Join(s.dir, "log"))
			s.t.Fatalf("redis-server does not answer: %v\n%s", err, log)
		}
	}
}

// kill ends the server as a loss of the process would.
func (s *server) kill() {
	if s.cmd == nil {
		return
	}
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait() // "signal: killed"
	s.cmd = nil
}

func (s *server) client() *goredis.Client {
	return goredis.NewClient(&goredis.Options{Addr: s.addr, MaxRetries: -1, DisableIdentity: true})
}

func (s *server) do(args ...any) {
	s.t.Helper()
	client := s.client()
	defer client.Close()
	if err := client.Do(s.t.Context(), args...).Err(); err != nil {
		s.t.Fatalf("%v: %v", args, err)
	}
}

func open(t *testing.T, opts Options) *Store {
	t.Helper()
	s, err := Open(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// place gives each test a prefix of its own on one server.
func place(opts Options) func(t *testing.T) storetest.Open {
	var n atomic.Int32
	return func(t *testing.T) storetest.Open {
		opts := opts
		opts.Prefix = fmt.Sprintf("test-%d", n.Add(1))
		return func(t *testing.T) store.Store { return open(t, opts) }
	}
}

func TestContract(t *testing.T) {
	srv := startServer(t)
	storetest.Run(t, place(Options{Addrs: []string{srv.addr}}))
}

func TestContractOnACluster(t *testing.T) {
	srv := startServer(t, "--cluster-enabled", "yes")
	srv.do("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
	client := srv.client()
	defer client.Close()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		info, err := client.ClusterInfo(t.Context()).Result()
		if err == nil && strings.Contains(info, "cluster_state:ok") {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("the cluster does not come up: %v\n%s", err, info)
		}
	}
	storetest.Run(t, place(Options{Addrs: []string{srv.addr}, Cluster: true}))
}

func TestAKilledRedisLosesNothing(t *testing.T) {
	srv := startServer(t)
	ledger := storetest.NewLedger()
	seed := storetest.Seed(t)
	rounds := storetest.Rounds(2, 5, 200)
	for round := range rounds {
		s := open(t, Options{Addrs: []string{srv.addr}})
		acks := lines{make(chan string, 1<<16)}
		written := make(chan error, 1)
		go func() { written <- storetest.Write(t.Context(), s, acks, 6, seed+uint64(round)) }()
		for range 50 + int(seed%97) {
			ledger.Take(<-acks.c)
		}
		srv.kill()
		if err := <-written; err == nil {
			t.Fatal("writing went on without a server")
		}
		close(acks.c)
		for line := range acks.c {
			ledger.Take(line)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		srv.start()
		s = open(t, Options{Addrs: []string{srv.addr}})
		if err := errors.Join(ledger.Check(t.Context(), s), ledger.Settled(t.Context(), s), s.Close()); err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
	}
	t.Logf("%d kills, %d appends acknowledged, none missing, none twice", rounds, ledger.Acks)
}

type lines struct{ c chan string }

func (l lines) Write(p []byte) (int, error) { l.c <- string(p); return len(p), nil }

func TestALostAnswerIsSettled(t *testing.T) {
	srv := startServer(t)
	s := open(t, Options{Addrs: []string{srv.addr}})
	defer s.Close()
	lossy := &loseAnswer{}
	s.client.AddHook(lossy)

	b := storetest.Next("a", store.Position{}, 2, 1)
	for _, b := range []store.Batch{b, {Log: "a", After: b.End(), Due: time.UnixMilli(5)}, storetest.Next("a", b.End(), 1, 2)} {
		lossy.armed.Store(true)
		if err := s.Append(t.Context(), b); err != nil {
			t.Fatalf("append of %d events whose first answer was lost: %v", len(b.Records), err)
		}
	}
	records, err := s.Read(t.Context(), "a", 0)
	if err == nil {
		err = storetest.Verify(records, store.Position{})
	}
	if err != nil || len(records) != 3 {
		t.Fatalf("%d events, %v; want 3", len(records), err)
	}
	err = s.Append(t.Context(), b) // sent twice by the caller is still a conflict
	if _, ok := errors.AsType[*store.ConflictError](err); !ok {
		t.Fatalf("resend: %v", err)
	}
}

// loseAnswer lets one command reach the server and loses what it answers.
type loseAnswer struct{ armed atomic.Bool }

func (l *loseAnswer) DialHook(next goredis.DialHook) goredis.DialHook { return next }
func (l *loseAnswer) ProcessPipelineHook(next goredis.ProcessPipelineHook) goredis.ProcessPipelineHook {
	return next
}
func (l *loseAnswer) ProcessHook(next goredis.ProcessHook) goredis.ProcessHook {
	return func(ctx context.Context, cmd goredis.Cmder) error {
		err := next(ctx, cmd)
		if err == nil && l.armed.CompareAndSwap(true, false) {
			err = errors.New("connection reset")
			cmd.SetErr(err)
		}
		return err
	}
}
