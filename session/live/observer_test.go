package live_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"belay/session"
	"belay/session/live"
)

// gauge is an operator's instrument.
type gauge struct {
	mu     sync.Mutex
	events int
	late   []time.Duration
}

func (g *gauge) Recorded(events []session.Event) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.events += len(events)
}

func (g *gauge) Reached(late time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.late = append(g.late, late)
}

func TestTheOperatorSeesEveryEventOnceAndHowLateDeadlinesAre(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := open(t)
		g := &gauge{}
		observed, err := live.New(live.Options{Store: d.fail, Observer: g})
		if err != nil {
			t.Fatal(err)
		}
		if err := d.live.Close(); err != nil {
			t.Fatal(err)
		}
		d.live = observed
		if err := d.live.Start(context.Background()); err != nil {
			t.Fatal(err)
		}
		d.create(1)
		note := session.Command{ID: "note-1", Seat: "therapist-1", Do: session.WriteNote{Text: "Written, but not acknowledged."}}
		d.fail.set(errors.New("input/output error"), true)
		if _, err := d.live.Do(context.Background(), id, note); !errors.Is(err, live.ErrNotRecorded) {
			t.Fatalf("answered %v", err)
		}
		if n := d.live.Degraded(); n != 1 {
			t.Errorf("%d sessions are degraded while the store fails", n)
		}
		d.fail.set(nil, false)
		time.Sleep(30 * time.Minute) // the chaperone does not come
		synctest.Wait()
		if n := d.live.Degraded(); n != 0 {
			t.Errorf("%d sessions are degraded although the store works", n)
		}
		g.mu.Lock()
		defer g.mu.Unlock()
		if want := len(d.events()); g.events != want {
			t.Errorf("%d of %d events were seen", g.events, want)
		}
		if len(g.late) == 0 {
			t.Error("no deadline was seen")
		}
		for _, late := range g.late {
			if late < 0 || late > 2*time.Second {
				t.Errorf("a deadline was %v late", late)
			}
		}
	})
}
