package live_test

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"belay/session"
	"belay/session/live"
	"belay/session/store/bolt"
)

type nowhere struct{ views atomic.Int64 }

func (n *nowhere) Degraded(live.Degraded) {}

func (n *nowhere) View(look live.Look) {
	if _, ok := look(); ok {
		n.views.Add(1)
	}
}

func runs(b *testing.B, path string, noSync bool) (*live.Sessions, func()) {
	b.Helper()
	log, err := bolt.Open(bolt.Options{Path: path, NoSync: noSync})
	if err != nil {
		b.Fatal(err)
	}
	s, err := live.New(live.Options{Store: log, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		b.Fatal(err)
	}
	return s, func() {
		if err := s.Close(); err != nil {
			b.Error(err)
		}
		if err := log.Close(); err != nil {
			b.Error(err)
		}
	}
}

// BenchmarkCommand is one act from decision to the views of three seats, in one
// session, one after the other: the time that a tap takes to be true everywhere.
func BenchmarkCommand(b *testing.B) {
	for _, mode := range []struct {
		name   string
		noSync bool
	}{{"fsync", false}, {"no-fsync", true}} {
		b.Run(mode.name, func(b *testing.B) {
			s, stop := runs(b, filepath.Join(b.TempDir(), "log"), mode.noSync)
			defer stop()
			ctx := context.Background()
			if err := s.Create(ctx, id, session.Command{ID: "create", Seat: session.Server, Do: visit(1)}); err != nil {
				b.Fatal(err)
			}
			sink := &nowhere{}
			for _, seat := range []session.SeatID{"therapist-1", "client-1", "chaperone-1"} {
				detach, err := s.Attach(ctx, id, seat, sink)
				if err != nil {
					b.Fatal(err)
				}
				defer detach()
			}
			n := 0
			for b.Loop() {
				n++
				_, err := s.Do(ctx, id, session.Command{ID: fmt.Sprint("n", n), Seat: "therapist-1", Do: session.WriteNote{Text: "Breathes calmly."}})
				if err != nil {
					b.Fatal(err)
				}
			}
			if got := sink.views.Load(); got < int64(3*n) {
				b.Fatalf("%d views for %d acts", got, n)
			}
		})
	}
}

// BenchmarkManySessions is the same in 64 sessions at once: the committer takes
// what waits into one transaction.
func BenchmarkManySessions(b *testing.B) {
	s, stop := runs(b, filepath.Join(b.TempDir(), "log"), false)
	defer stop()
	ctx := context.Background()
	const sessions = 64
	for i := range sessions {
		create := visit(1)
		create.ID = fmt.Sprint("visit-", i)
		if err := s.Create(ctx, create.ID, session.Command{ID: "create", Seat: session.Server, Do: create}); err != nil {
			b.Fatal(err)
		}
	}
	var n atomic.Int64
	b.SetParallelism(sessions / runtime.GOMAXPROCS(0))
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			i := n.Add(1)
			_, err := s.Do(ctx, fmt.Sprint("visit-", i%sessions), session.Command{ID: fmt.Sprint("n", i), Seat: "therapist-1", Do: session.WriteNote{Text: "Breathes calmly."}})
			if err != nil {
				b.Error(err)
				return
			}
		}
	})
}

// BenchmarkOverdue starts a server over 50,000 sessions (1,000 with -short) whose
// deadlines all passed while it was away, and waits until every one has fired.
func BenchmarkOverdue(b *testing.B) {
	sessions := 50_000
	if testing.Short() {
		sessions = 1_000
	}
	ctx := context.Background()
	for range b.N {
		b.StopTimer()
		path := filepath.Join(b.TempDir(), "log")
		s, stop := runs(b, path, true)
		base := visit(1)
		base.Settings.OpensBefore = 0
		base.StartsAt = time.Now().Add(max(3*time.Second, time.Duration(sessions)*2*time.Millisecond))
		var next atomic.Int64
		done := make(chan error)
		for range 32 {
			go func() {
				for {
					i := next.Add(1)
					if i > int64(sessions) {
						done <- nil
						return
					}
					create := base
					create.ID = fmt.Sprint("visit-", i)
					if err := s.Create(ctx, create.ID, session.Command{ID: "create", Seat: session.Server, Do: create}); err != nil {
						done <- err
						return
					}
				}
			}()
		}
		for range 32 {
			if err := <-done; err != nil {
				b.Fatal(err)
			}
		}
		stop()
		time.Sleep(time.Until(base.StartsAt) + 5*time.Second) // they become overdue, and late
		s, stop = runs(b, path, true)
		b.StartTimer()
		if err := s.Start(ctx); err != nil {
			b.Fatal(err)
		}
		began := time.Now()
		for {
			sums, err := s.Summaries(ctx)
			if err != nil {
				b.Fatal(err)
			}
			if len(sums) != sessions {
				b.Fatalf("%d sessions, not %d", len(sums), sessions)
			}
			if s.Overdue(ctx) == 0 {
				break
			}
			time.Sleep(100 * time.Millisecond)
		}
		b.StopTimer()
		took := time.Since(began)
		for _, id := range []string{"visit-1", fmt.Sprint("visit-", sessions)} {
			events, err := s.Events(ctx, id)
			if err != nil {
				b.Fatal(err)
			}
			late := false
			for _, e := range events {
				if f, ok := e.Fact.(session.RoomOpened); ok {
					late = f.Late
				}
			}
			if !late {
				b.Fatalf("%s: the overdue opening was not said, or not marked late", id)
			}
		}
		var mem runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&mem)
		b.ReportMetric(float64(sessions)/took.Seconds(), "sessions/s")
		b.ReportMetric(float64(mem.HeapInuse)/float64(sessions), "heap-B/session")
		stop()
	}
}
