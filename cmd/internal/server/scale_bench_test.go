package server_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"belay/session"
	"belay/session/live"
	"belay/session/store"
	"belay/session/store/bolt"
	"belay/session/store/redis"
	"belay/session/store/redis/redistest"
)

// scales are how many sessions the benchmarks of this file go through, to see
// where a line bends: BELAY_LONG=1 for all of them, -short for the first only.
func scales() []int {
	if testing.Short() {
		return []int{100}
	}
	if os.Getenv("BELAY_LONG") != "" {
		return []int{100, 1000, 10_000, 50_000}
	}
	return []int{100, 500}
}

// shelf is a store that can be opened again.
type shelf struct {
	name string
	make func(*testing.B) (open func(*testing.B) store.Store)
}

func shelves() []shelf {
	return []shelf{
		{"bolt", func(b *testing.B) func(*testing.B) store.Store {
			path := filepath.Join(b.TempDir(), "log")
			return func(b *testing.B) store.Store {
				s, err := bolt.Open(bolt.Options{Path: path})
				if err != nil {
					b.Fatal(err)
				}
				return s
			}
		}},
		{"redis", func(b *testing.B) func(*testing.B) store.Store {
			where := redis.Options{Addrs: []string{redistest.Alone(b).Addr}}
			return func(b *testing.B) store.Store {
				s, err := redis.Open(b.Context(), where)
				if err != nil {
					b.Fatal(err)
				}
				return s
			}
		}},
	}
}

// lateness collects how late deadlines were.
type lateness struct {
	mu  sync.Mutex
	all []time.Duration
}

func (l *lateness) Recorded([]session.Event) {}
func (l *lateness) Reached(late time.Duration) {
	l.mu.Lock()
	l.all = append(l.all, late)
	l.mu.Unlock()
}

func (l *lateness) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.all)
}

// dueOver is the time over which the deadlines of the sessions are spread.
const dueOver = time.Minute

// BenchmarkDormantSessions starts over sessions that nobody uses: what each takes
// of memory and of the start, and how late their deadlines are picked up when all
// are due within a minute (in few sessions: a second for each hundred). Goals:
// 2 KiB (in few sessions the connections to Redis are the most of it); p99 500 ms. A line bends where a figure of one size is much above that of
// the size before. What the store's file takes of the system's cache is not memory
// of ours.
func BenchmarkDormantSessions(b *testing.B) {
	for _, shelf := range shelves() {
		for _, n := range scales() {
			b.Run(fmt.Sprintf("%s/sessions=%d", shelf.name, n), func(b *testing.B) {
				for b.Loop() {
					dormant(b, shelf.make(b), n)
				}
				b.ReportMetric(0, "ns/op")
			})
		}
	}
}

func dormant(b *testing.B, open func(*testing.B) store.Store, n int) {
	over := min(dueOver, time.Duration(n)*10*time.Millisecond)
	empty := open(b)
	rate := fill(b, empty, n, 0, min(n/10, 200), time.Now().Add(time.Hour))
	// The rest takes so long; then it is opened again, and the deadlines begin.
	first := time.Now().Add(3*time.Second + time.Duration(float64(n)*1.5*float64(rate)) + time.Duration(n)*100*time.Microsecond)
	fill(b, empty, n, min(n/10, 200), n, first)
	if err := empty.Close(); err != nil {
		b.Fatal(err)
	}

	log := open(b)
	before := inUse()
	seen := &lateness{}
	s, err := live.New(live.Options{Store: log, Observer: seen})
	if err != nil {
		b.Fatal(err)
	}
	began := time.Now()
	if err := s.Start(b.Context()); err != nil {
		b.Fatal(err)
	}
	started := time.Since(began)
	memory := int64(inUse()) - int64(before)
	if left := time.Until(first); left < 0 {
		b.Fatalf("the machine was too busy: the first deadline was %s ago when all was ready", -left)
	}
	time.Sleep(time.Until(first))
	cpu := spent()
	want := n - min(n/10, 200)
	for limit := time.Now().Add(over + time.Minute); seen.count() < want; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(limit) {
			b.Fatalf("%d of %d deadlines were picked up", seen.count(), want)
		}
	}
	cpu = spent() - cpu
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
	if err := log.Close(); err != nil {
		b.Fatal(err)
	}
	slices.Sort(seen.all)
	ms := func(per100 int) float64 { return float64(seen.all[(len(seen.all)-1)*per100/100].Microseconds()) / 1000 }
	b.ReportMetric(float64(memory)/float64(n), "B/dormant")
	b.ReportMetric(float64(started.Microseconds())/1000, "ms/start")
	b.ReportMetric(float64(want)/over.Seconds(), "due/s")
	b.ReportMetric(ms(50), "late-ms-p50")
	b.ReportMetric(ms(99), "late-ms-p99")
	b.ReportMetric(ms(100), "late-ms-max")
	b.ReportMetric(float64(cpu.Microseconds())/float64(want), "cpu-µs/deadline")
}

// fill makes the sessions from one number to another, whose rooms open one after
// the other from first on. It returns how long each took.
func fill(b *testing.B, log store.Store, n, from, to int, first time.Time) time.Duration {
	b.Helper()
	s, err := live.New(live.Options{Store: log})
	if err != nil {
		b.Fatal(err)
	}
	began := time.Now()
	over := min(dueOver, time.Duration(n)*10*time.Millisecond)
	var wg sync.WaitGroup
	next := make(chan int)
	for range 64 {
		wg.Go(func() {
			for i := range next {
				create := visitOf(fmt.Sprint("visit-", i))
				create.Settings.OpensBefore = 0
				create.StartsAt = first.Add(over * time.Duration(i) / time.Duration(n))
				if err := s.Create(b.Context(), create.ID, session.Command{ID: "create", Seat: session.Server, Do: create}); err != nil {
					b.Error(err)
				}
			}
		})
	}
	for i := from; i < to; i++ {
		next <- i
	}
	close(next)
	wg.Wait()
	took := time.Since(began) / time.Duration(max(to-from, 1))
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
	if b.Failed() {
		b.FailNow()
	}
	return took
}

func visitOf(id string) session.CreateSession {
	now := time.Now()
	return session.CreateSession{
		ID: id, Owner: "account-1", StartsAt: now, Settings: session.DefaultSettings(), Pace: session.Pace{Epoch: now, Rate: 1},
		Seats: []session.Seat{
			{ID: "therapist-1", Role: session.Therapist, Name: "Dana"},
			{ID: "client-1", Role: session.Client, Name: "Alex"},
			{ID: "chaperone-1", Role: session.Chaperone, Name: "Sam"},
		},
		Orders: map[session.SeatID]session.Order{"client-1": {Product: "lozenge", DoseMg: 100, Tablets: 1, TotalMg: 150, Number: 1, Of: 6}},
	}
}

// nowhere is a screen that shows nothing.
type nowhere struct{}

func (nowhere) View(look live.Look)    { look() }
func (nowhere) Degraded(live.Degraded) {}

// BenchmarkLiveSessions is the memory of sessions in use, each with three seats
// and the events of a visit, without its sockets (see BenchmarkIdleSeat of package
// signaling), and what a command costs among so many. Goal: 100 KiB.
func BenchmarkLiveSessions(b *testing.B) {
	const acts = 60 // that the state remembers
	for _, n := range []int{100, 1000} {
		if n > 100 && os.Getenv("BELAY_LONG") == "" {
			continue
		}
		b.Run(fmt.Sprintf("sessions=%d", n), func(b *testing.B) {
			for b.Loop() {
				log, err := bolt.Open(bolt.Options{Path: filepath.Join(b.TempDir(), "log"), NoSync: true})
				if err != nil {
					b.Fatal(err)
				}
				before := inUse()
				s, err := live.New(live.Options{Store: log})
				if err != nil {
					b.Fatal(err)
				}
				cpu := spent()
				var wg sync.WaitGroup
				left := make([]func(), n)
				for worker := range 64 {
					wg.Go(func() {
						for i := worker; i < n; i += 64 {
							leave, err := visited(b.Context(), s, fmt.Sprint("visit-", i), acts)
							if left[i] = leave; err != nil {
								b.Error(err)
								return
							}
						}
					})
				}
				wg.Wait()
				cpu = spent() - cpu
				b.ReportMetric(float64(int64(inUse())-int64(before))/float64(n)/1024, "KiB/live")
				b.ReportMetric(float64(cpu.Microseconds())/float64(n*acts), "cpu-µs/command")
				for _, leave := range left {
					if leave != nil {
						leave()
					}
				}
				if err := s.Close(); err != nil {
					b.Fatal(err)
				}
				if err := log.Close(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(0, "ns/op")
		})
	}
}

// visited makes a session, seats three people and lets them act. They stay until
// leave is called, also after an error.
func visited(ctx context.Context, s *live.Sessions, id string, acts int) (leave func(), err error) {
	var seats []func()
	leave = func() {
		for _, detach := range seats {
			detach()
		}
	}
	if err := s.Create(ctx, id, session.Command{ID: "create", Seat: session.Server, Do: visitOf(id)}); err != nil {
		return leave, err
	}
	for _, seat := range []session.SeatID{"therapist-1", "client-1", "chaperone-1"} {
		detach, err := s.Attach(ctx, id, seat, nowhere{})
		if err != nil {
			return leave, err
		}
		seats = append(seats, detach)
	}
	for k := range acts {
		act := session.Act(session.WriteNote{Text: "Breathes calmly, hands are warm."})
		if k == 1 {
			act = session.Admit{Client: "client-1", Reason: "seen on the phone"}
		}
		if _, err := s.Do(ctx, id, session.Command{ID: fmt.Sprint("c", k), Seat: "therapist-1", Do: act}); err != nil {
			return leave, err
		}
	}
	return leave, nil
}

// inUse is what lives on the heap, and the stacks, in bytes.
func inUse() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc + m.StackInuse
}

// spent is the processor time of this process.
func spent() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
