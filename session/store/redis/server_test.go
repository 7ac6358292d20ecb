package redis

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"belay/session/store"
	"belay/session/store/redis/redistest"
	"belay/session/store/storetest"
)

// The library's pool tries a server that is gone once a second, and notices only then
// that nobody needs it any more.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/redis/go-redis/v9/internal/pool.(*ConnPool).tryDial"))
}

// server is a real redis-server of the test's own.
type server struct {
	*redistest.Server
	addr string
}

// startServer starts a server on a free port, safe unless args say otherwise.
func startServer(t *testing.T, args ...string) server {
	t.Helper()
	s := redistest.Alone(t, args...)
	return server{s, s.Addr}
}

func (s server) do(args ...any) { s.Do(args...) }

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

func TestContractUnderSentinel(t *testing.T) {
	w := redistest.Sentinel(t, 1, redistest.Patient)
	storetest.Run(t, place(Options{Addrs: w.Sentinels, Master: w.Name}))
}

func TestContractOnACluster(t *testing.T) {
	var opts Options
	for _, s := range redistest.Cluster(t, 3) {
		opts.Addrs = append(opts.Addrs, s.Addr)
	}
	opts.Cluster = true
	storetest.Run(t, place(opts))
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
		srv.Kill()
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
		srv.Start()
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
