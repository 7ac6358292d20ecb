package journal

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"belay/session/store/redis"
	"belay/session/store/redis/redistest"
	"belay/session/store/storetest"
)

// The master of a replicated Redis is killed under load, again and again, while three
// nodes append to the same logs: nothing that any of them acknowledged is missing,
// nothing is there twice.
func TestAFailoverLosesNothingThatWasAcknowledged(t *testing.T) {
	const nodes, logs = 3, 4
	seed := storetest.Seed(t)
	rounds := storetest.Rounds(1, 1, 100)
	w := redistest.Sentinel(t, 1, redistest.Soon)
	var all []*node
	for n := range nodes {
		node := open(t, filepath.Join(t.TempDir(), fmt.Sprint(n)), redis.Options{Addrs: w.Sentinels, Master: w.Name})
		all = append(all, node)
		t.Cleanup(func() { _ = node.Close() })
	}
	book := &ledger{acked: map[string]string{}}
	t.Logf("seed %d, %d nodes on the same %d logs, 1 replica", seed, nodes, logs)
	t.Log("failover | acknowledged | lost by Redis: written back, re-entered | writes again after | missing | twice | round took")
	lost := 0
	for round := range rounds {
		began := time.Now()
		w.InStep()
		ctx, cancel := context.WithCancel(t.Context())
		var working sync.WaitGroup
		for n, node := range all {
			work := &worker{store: node.Store, name: fmt.Sprintf("r%d-n%d", round, n), logs: logs, pause: 10 * time.Millisecond, acks: book}
			working.Go(func() { work.work(ctx, seed+uint64(round*nodes+n)) })
		}
		before := book.count()
		back, aside := mendedBy(all)
		eventually(t, "the nodes write", func() bool { return book.count() > before+100 })
		master := w.Master(t.Context())
		// The replica is turned away: what the master acknowledges from here on dies with it.
		master.Do("ACL", "SETUSER", "default", "-psync", "-sync")
		master.Do("CLIENT", "KILL", "TYPE", "replica")
		at := book.count()
		eventually(t, "the master goes on alone", func() bool { return book.count() > at+10 })
		master.Kill()
		killed := time.Now()
		at = book.count()
		eventually(t, "the nodes write again", func() bool { return book.count() > at+20 })
		again := time.Since(killed)
		cancel()
		working.Wait()
		master.Start()
		w.Follow(master)
		settle(t, all, logs)
		nowBack, nowAside := mendedBy(all)
		back, aside = nowBack-back, nowAside-aside
		missing, twice, _ := book.check(t, all[0], logs)
		t.Logf("%8d | %12d | %26d, %10d | %18v | %7d | %5d | %v", round+1, book.count()-before, back, aside,
			again.Round(10*time.Millisecond), missing, twice, time.Since(began).Round(100*time.Millisecond))
		lost += back + aside
		if t.Failed() {
			break
		}
	}
	if lost == 0 {
		t.Error("Redis never lost anything: nothing was tested")
	}
}

func mendedBy(all []*node) (back, aside int) {
	for _, node := range all {
		b, a := node.Mended()
		back, aside = back+b, aside+a
	}
	return back, aside
}

// settle has every node put into the logs what it still holds, and waits until all is safe.
func settle(t *testing.T, all []*node, logs int) {
	t.Helper()
	eventually(t, "everything is safe", func() bool {
		left := 0
		for _, node := range all {
			again := &worker{store: node.Store}
			for n := range logs {
				again.reenter(t.Context(), storetest.ID(uint64(n)))
			}
			kept, _ := node.Kept()
			left += kept + len(node.journal.Waiting())
		}
		return left == 0
	})
}
