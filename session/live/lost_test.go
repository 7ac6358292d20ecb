package live_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"belay/session"
	"belay/session/live"
	"belay/session/store"
	"belay/session/store/bolt"
	"belay/session/store/journal"
)

// forgetful is a shared log that can lose what was appended since it was saved, as a
// failover to a replica that lags behind does.
type forgetful struct {
	t  testing.TB
	mu sync.Mutex
	at *bolt.Store
	n  int
	to string // what it was saved to
}

func newForgetful(t testing.TB) *forgetful {
	f := &forgetful{t: t}
	f.open(filepath.Join(t.TempDir(), "log"))
	return f
}

func (f *forgetful) open(path string) {
	f.t.Helper()
	var err error
	if f.at, err = bolt.Open(bolt.Options{Path: path, NoSync: true}); err != nil {
		f.t.Fatal(err)
	}
}

func (f *forgetful) save() {
	f.t.Helper()
	f.n++
	f.to = filepath.Join(f.t.TempDir(), fmt.Sprint("saved-", f.n))
	file, err := os.Create(f.to)
	if err == nil {
		err = errors.Join(f.now().Backup(file), file.Close())
	}
	if err != nil {
		f.t.Fatal(err)
	}
}

// lose goes back to what was saved.
func (f *forgetful) lose() {
	f.t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.at.Close(); err != nil {
		f.t.Fatal(err)
	}
	f.open(f.to)
}

func (f *forgetful) now() *bolt.Store {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.at
}

func (f *forgetful) Append(ctx context.Context, b store.Batch) error { return f.now().Append(ctx, b) }
func (f *forgetful) Head(ctx context.Context, log string) (store.Head, error) {
	return f.now().Head(ctx, log)
}
func (f *forgetful) Read(ctx context.Context, log string, after uint64) ([]store.Record, error) {
	return f.now().Read(ctx, log, after)
}
func (f *forgetful) Heads(ctx context.Context, after string, limit int) ([]store.Head, error) {
	return f.now().Heads(ctx, after, limit)
}
func (f *forgetful) Due(ctx context.Context, until time.Time, limit int) ([]store.Head, error) {
	return f.now().Due(ctx, until, limit)
}
func (f *forgetful) Close() error { return f.now().Close() }

// Confirm finds nothing safe: there is a replica, and it lags behind.
func (f *forgetful) Confirm(ctx context.Context, ends map[string]store.Position) (map[string]store.Standing, error) {
	all := map[string]store.Standing{}
	for log, end := range ends {
		records, err := f.Read(ctx, log, end.Seq-1)
		if err != nil {
			return all, err
		}
		if all[log] = store.Gone; len(records) > 0 && records[0].Position() == end {
			all[log] = store.Here
		}
	}
	return all, nil
}

// A dose was acknowledged, and a failover lost it while another node wrote in its
// place. It enters the record again: once, with the time at which it was taken, as
// the same command. The same again, where that is lost too.
func TestADoseThatAFailoverLostReentersWithItsTimeAndOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shared := newForgetful(t)
		own, err := journal.Open(journal.Options{Path: filepath.Join(t.TempDir(), "journal")})
		if err != nil {
			t.Fatal(err)
		}
		net, err := journal.Keep(shared, own)
		if err != nil {
			t.Fatal(err)
		}
		d := &desk{t: t, bolt: shared}
		if d.live, err = live.New(live.Options{Store: net, Journal: own}); err == nil {
			err = d.live.Start(context.Background())
		}
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := errors.Join(d.live.Close(), net.Close(), own.Close()); err != nil {
				t.Error(err)
			}
		}()
		writesInItsPlace := func(n int) {
			other, err := live.New(live.Options{Store: shared})
			if err == nil {
				_, err = other.Do(context.Background(), id, session.Command{ID: fmt.Sprint("other-", n), Seat: "therapist-1", Conn: "conn-therapist-1", Do: session.WriteNote{Text: "From another node."}})
				err = errors.Join(err, other.Close())
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		d.create(1)
		d.ready()
		shared.save()
		taken := time.Now()
		tap := session.Command{ID: "the-tap", Seat: "client-1", Conn: "conn-client-1", Do: session.RecordDose{Client: "client-1", Number: 1}}
		if _, err := d.live.Do(context.Background(), id, tap); err != nil {
			t.Fatal(err)
		}
		for n := range 2 {
			shared.lose()
			writesInItsPlace(n)
			shared.save() // without the dose, the second time too
			time.Sleep(20 * time.Second)
			synctest.Wait()
			doses, _ := find[session.DoseRecorded](d)
			if len(doses) != 1 || !doses[0].At.Equal(session.Instant(taken)) || doses[0].Command != tap.ID || doses[0].Seat != "client-1" {
				t.Fatalf("after loss %d: %+v; taken at %v", n+1, doses, taken)
			}
			if late := doses[0].Recorded.Sub(taken); late < time.Second {
				t.Fatalf("it was never lost: recorded %v after it was taken", late)
			}
			if seq, err := d.live.Do(context.Background(), id, tap); err != nil || seq == 0 {
				t.Errorf("the tap, sent once more: %d, %v", seq, err)
			}
			if doses, _ := find[session.DoseRecorded](d); len(doses) != 1 {
				t.Errorf("%d doses after it was sent once more", len(doses))
			}
		}
		if c := own.Counts(); c.Waiting != 0 || c.Settled == 0 || c.Lost != 0 {
			t.Errorf("the journal has %+v", c)
		}
	})
}

// An append of which nothing was heard had not worked, and somebody else wrote in its
// place: it is not taken for done.
func TestACommandWhosePlaceWasTakenWhileItWasInDoubtIsDecidedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := open(t)
		d.create(1)
		d.join("therapist-1")
		note := session.Command{ID: "the-note", Seat: "therapist-1", Conn: "conn-therapist-1", Do: session.WriteNote{Text: "In doubt."}}
		d.fail.set(errAway, false)
		if _, err := d.live.Do(context.Background(), id, note); !errors.Is(err, live.ErrNotRecorded) {
			t.Fatalf("the note: %v", err)
		}
		other, err := live.New(live.Options{Store: d.bolt})
		if err == nil {
			_, err = other.Do(context.Background(), id, session.Command{ID: "other", Seat: "therapist-1", Conn: "conn-therapist-1", Do: session.WriteNote{Text: "From another node."}})
			err = errors.Join(err, other.Close())
		}
		if err != nil {
			t.Fatal(err)
		}
		d.fail.set(nil, false)
		seq, err := d.live.Do(context.Background(), id, note)
		if err != nil {
			t.Fatal(err)
		}
		events, _ := find[session.NoteWritten](d)
		if len(events) != 2 || events[1].Command != note.ID || events[1].Seq != seq {
			t.Errorf("answered with event %d; the log has %+v", seq, events)
		}
	})
}

// A node shows what it has read from the others. Where a failover loses that, and
// another event takes its place, it does not go on showing it.
func TestANodeDoesNotGoOnShowingWhatAFailoverLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shared := newForgetful(t)
		c := &common{Store: shared, hear: map[*beside]func(store.Hint){}, ended: map[string]time.Time{}, names: []string{"a", "reads"}}
		var nodes []*desk
		for i, name := range c.names {
			d := &desk{t: t, n: 1000 * i, bolt: shared}
			var err error
			if d.live, err = live.New(live.Options{Store: c, Nodes: &beside{c, name, false}}); err == nil {
				err = d.live.Start(t.Context())
			}
			if err != nil {
				t.Fatal(err)
			}
			nodes = append(nodes, d)
		}
		defer func() {
			if err := errors.Join(nodes[0].live.Close(), nodes[1].live.Close(), shared.Close()); err != nil {
				t.Error(err)
			}
		}()
		nodes[0].create(1)
		nodes[0].join("therapist-1")
		screen := &screen{}
		leave, err := nodes[1].live.Attach(t.Context(), id, "therapist-1", screen)
		if err != nil {
			t.Fatal(err)
		}
		defer leave()
		shared.save()
		nodes[0].do("therapist-1", session.WriteNote{Text: "Lost with the node that had been told of it."})
		time.Sleep(time.Second)
		synctest.Wait()
		was, _ := screen.last()
		if err := nodes[0].live.Close(); err != nil {
			t.Fatal(err)
		}
		shared.lose()
		other, err := live.New(live.Options{Store: shared})
		if err != nil {
			t.Fatal(err)
		}
		for n, seq := 0, uint64(0); seq < was.Seq; n++ {
			seq, err = other.Do(t.Context(), id, session.Command{ID: fmt.Sprint("in-its-place-", n), Seat: "therapist-1", Conn: "conn-therapist-1", Do: session.WriteNote{Text: "In its place."}})
			if err != nil {
				t.Fatal(err)
			}
		}
		if err := other.Close(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Second)
		synctest.Wait()
		now, _ := screen.last()
		if now.Seq != was.Seq {
			t.Fatalf("the screen stands at %d, before the loss at %d", now.Seq, was.Seq)
		}
		var st *session.State
		if err := nodes[1].live.Look(t.Context(), id, func(s *session.State) { st = s }); err != nil {
			t.Fatal(err)
		}
		if _, there := st.Done("therapist-1", "in-its-place-0"); !there {
			t.Error("five seconds later it still holds what was lost")
		}
	})
}
