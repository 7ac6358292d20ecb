package bolt

import (
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"belay/session/store"
	"belay/session/store/storetest"
)

// bare is the floor under every append: the same bytes at the end of a plain
// file, synced or not.
type bare struct {
	f    *os.File
	sync bool
}

func newBare(b *testing.B, sync bool) bare {
	b.Helper()
	f, err := os.Create(filepath.Join(b.TempDir(), "bare"))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { f.Close() })
	return bare{f, sync}
}

func (w bare) append(b *testing.B, batch store.Batch) time.Duration {
	b.Helper()
	start := time.Now()
	for _, r := range batch.Records {
		if _, err := w.f.Write(r.Data); err != nil {
			b.Fatal(err)
		}
	}
	if w.sync {
		if err := w.f.Sync(); err != nil {
			b.Fatal(err)
		}
	}
	return time.Since(start)
}

func benchStore(b *testing.B, noSync bool) *Store {
	b.Helper()
	s, err := Open(Options{Path: filepath.Join(b.TempDir(), "belay.db"), NoSync: noSync})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := s.Close(); err != nil {
			b.Error(err)
		}
	})
	return s
}

// BenchmarkAppend is one event at a time from one writer, turn about with the
// floor. bbolt syncs twice for each transaction: 2 is the least with fsync.
func BenchmarkAppend(b *testing.B) {
	for name, noSync := range map[string]bool{"fsync=on": false, "fsync=off": true} {
		b.Run(name, func(b *testing.B) {
			s, floor := benchStore(b, noSync), newBare(b, !noSync)
			var ours, least time.Duration
			at, n := store.Position{}, 0
			for b.Loop() {
				batch := storetest.Next("a", at, 1, uint64(n))
				start := time.Now()
				at = mustAppend(b, s, batch)
				ours += time.Since(start)
				least += floor.append(b, batch)
				n++
			}
			b.ReportMetric(float64(ours.Nanoseconds())/float64(n), "ns/op")
			b.ReportMetric(float64(least.Nanoseconds())/float64(n), "floor-ns/op")
			b.ReportMetric(float64(ours)/float64(least), "x-floor")
		})
	}
}

// BenchmarkGroupCommit is 64 writers at once, each on a log of its own. Below 1
// means that sharing transactions has won more than bbolt costs.
func BenchmarkGroupCommit(b *testing.B) {
	const writers = 64
	s, floor := benchStore(b, false), newBare(b, true)
	ends := make([]store.Position, writers)
	before, rounds, each := s.durable.Load(), 0, 8
	var ours, least time.Duration
	for b.Loop() {
		start := time.Now()
		var wg sync.WaitGroup
		for w := range ends {
			wg.Go(func() {
				for i := range each {
					ends[w] = mustAppend(b, s, storetest.Next(storetest.ID(uint64(w)), ends[w], 1, uint64(rounds*each+i)))
				}
			})
		}
		wg.Wait()
		ours += time.Since(start)
		for range 16 {
			least += floor.append(b, storetest.Next("a", store.Position{}, 1, 1))
		}
		rounds++
	}
	appends := float64(rounds * each * writers)
	b.ReportMetric(float64(ours.Nanoseconds())/appends, "ns/append")
	b.ReportMetric(appends/float64(s.durable.Load()-before), "appends/commit")
	b.ReportMetric(float64(ours)/appends/(float64(least)/float64(16*rounds)), "x-floor")
}

// BenchmarkRead is a whole session's log, as after a restart.
func BenchmarkRead(b *testing.B) {
	s := benchStore(b, true)
	at := store.Position{}
	for range 5 {
		at = mustAppend(b, s, storetest.Next("a", at, 200, at.Seq))
	}
	for b.Loop() {
		if records, err := s.Read(b.Context(), "a", 0); err != nil || len(records) != 1000 {
			b.Fatal(len(records), err)
		}
	}
}

// BenchmarkDue looks for what is due among 50,000 logs, as every second does.
func BenchmarkDue(b *testing.B) {
	s := benchStore(b, true)
	evening := time.Date(2026, 3, 1, 20, 0, 0, 0, time.UTC)
	var wg sync.WaitGroup
	for n := range uint64(50_000) {
		if n%500 == 0 {
			wg.Wait()
		}
		wg.Go(func() {
			batch := storetest.Next(storetest.ID(n), store.Position{}, 1, n)
			batch.Due = evening.Add(time.Duration(n) * time.Second)
			mustAppend(b, s, batch)
		})
	}
	wg.Wait()
	for b.Loop() {
		if heads, err := s.Due(b.Context(), evening.Add(10*time.Second), store.MaxPage); err != nil || len(heads) != 11 {
			b.Fatal(len(heads), err)
		}
	}
}
