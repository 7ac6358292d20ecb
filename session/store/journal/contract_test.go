package journal

import (
	"fmt"
	"log/slog"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"belay/session/store"
	"belay/session/store/redis"
	"belay/session/store/redis/redistest"
	"belay/session/store/storetest"
)

func TestMain(m *testing.M) {
	if place := childPlace(); place != "" {
		runChild(place)
	}
	goleak.VerifyTestMain(m)
}

// net is a node: its journal, and the shared log under the net.
type node struct {
	*Store
	journal *Journal
}

func (n *node) Close() error {
	err := n.Store.Close()
	if err := n.journal.Close(); err != nil {
		return err
	}
	return err
}

// open starts a node on its own file.
func open(t testing.TB, file string, opts redis.Options) *node {
	t.Helper()
	j, err := Open(Options{Path: file, Log: slog.New(slog.NewTextHandler(testLog{t}, &slog.HandlerOptions{Level: slog.LevelWarn}))})
	if err != nil {
		t.Fatal(err)
	}
	shared, err := redis.Open(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	s, err := Keep(shared, j)
	if err != nil {
		t.Fatal(err)
	}
	return &node{s, j}
}

type testLog struct{ t testing.TB }

func (l testLog) Write(p []byte) (int, error) { l.t.Logf("%s", p); return len(p), nil }

// apart gives each test a prefix and a file of its own.
func apart(opts redis.Options) func(t *testing.T) storetest.Open {
	var n atomic.Int32
	return func(t *testing.T) storetest.Open {
		opts := opts
		opts.Prefix = fmt.Sprintf("test-%d", n.Add(1))
		file := filepath.Join(t.TempDir(), "journal.db")
		return func(t *testing.T) store.Store { return open(t, file, opts) }
	}
}

func TestContractOnOneRedis(t *testing.T) {
	storetest.Run(t, apart(redis.Options{Addrs: []string{redistest.Alone(t).Addr}}))
}

func TestContractUnderSentinel(t *testing.T) {
	w := redistest.Sentinel(t, 1, redistest.Patient)
	storetest.Run(t, apart(redis.Options{Addrs: w.Sentinels, Master: w.Name}))
}

func TestContractOnACluster(t *testing.T) {
	opts := redis.Options{Cluster: true}
	for _, s := range redistest.Cluster(t, 3) {
		opts.Addrs = append(opts.Addrs, s.Addr)
	}
	storetest.Run(t, apart(opts))
}

// eventually looks until is holds: for at least 30 s, in which this test was not stopped.
func eventually(t testing.TB, what string, is func() bool) {
	t.Helper()
	for looks := 0; !is(); looks++ {
		if time.Sleep(10 * time.Millisecond); looks == 3000 {
			t.Fatalf("it never came that %s", what)
		}
	}
}
