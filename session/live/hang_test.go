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
	"belay/session/store"
)

// stuck is a store whose disk hangs while it is told to.
type stuck struct {
	store.Store
	mu   sync.Mutex
	wait chan struct{} // closed: it answers again; nil: it does not hang
}

func (s *stuck) hang() (release func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	wait := make(chan struct{})
	s.wait = wait
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.wait = nil
		close(wait)
	}
}

func (s *stuck) Append(ctx context.Context, b store.Batch) error {
	s.mu.Lock()
	wait := s.wait
	s.mu.Unlock()
	if wait != nil {
		<-wait
	}
	return s.Store.Append(ctx, b)
}

// onStuck returns a desk whose store can hang.
func onStuck(t *testing.T) (*desk, *stuck) {
	d := open(t)
	if err := d.live.Close(); err != nil {
		t.Fatal(err)
	}
	s := &stuck{Store: d.bolt}
	s.begin(d)
	return d, s
}

// begin has the sessions live on this store.
func (s *stuck) begin(d *desk) {
	d.t.Helper()
	var err error
	if d.live, err = live.New(live.Options{Store: s}); err != nil {
		d.t.Fatal(err)
	}
	if err := d.live.Start(context.Background()); err != nil {
		d.t.Fatal(err)
	}
}

// A disk that hangs gives no error: without a word the screens would look well
// while no alarm can be raised.
func TestAStoreThatHangsIsSaidToEveryScreen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, s := onStuck(t)
		d.create(1)
		d.dose()
		screens := []*screen{d.attach("therapist-1"), d.attach("chaperone-1")}
		release := s.hang()
		time.Sleep(15*time.Minute + 10*time.Second) // a check-in falls due: nobody sends anything
		for i, screen := range screens {
			if said := screen.said(); len(said) != 1 || said[0].OK || said[0].Words == "" {
				t.Errorf("screen %d was told %+v while the store hung", i, said)
			}
		}
		release()
		time.Sleep(2 * time.Second)
		for i, screen := range screens {
			if said := screen.said(); len(said) != 2 || !said[1].OK {
				t.Errorf("screen %d was told %+v when the store answered again", i, said)
			}
		}
		if _, alarms := find[session.AlarmRaised](d); alarmOf(alarms, session.CheckInMissed) == "" {
			t.Error("the check-in that was missed meanwhile is not raised")
		}
		d.settle()
	})
}

// A dying laptop is replaced, a page is loaded anew: neither may have to wait until a
// disk has written what somebody else did.
func TestWhoComesIsShownTheSessionWhileTheDiskIsBusy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, s := onStuck(t)
		d.create(1)
		release := s.hang()
		go d.try("therapist-1", session.WriteNote{Text: "Waits for the disk."})
		synctest.Wait()
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if err := d.live.Look(ctx, id, func(*session.State) {}); err != nil {
			t.Errorf("looking was answered %v", err)
		}
		comes := &screen{}
		detach, err := d.live.Attach(ctx, id, "client-1", comes)
		if err != nil {
			t.Fatalf("attaching was answered %v", err)
		}
		defer detach()
		before, n := comes.last()
		if n != 1 {
			t.Fatalf("whoever comes was shown %d views", n)
		}
		time.Sleep(5 * time.Second)
		if said := comes.said(); len(said) != 1 || said[0].OK {
			t.Errorf("they were told %+v", said)
		}
		release()
		synctest.Wait()
		if after, _ := comes.last(); after.Seq <= before.Seq {
			t.Errorf("they are shown event %d, as at first", after.Seq)
		}
		d.settle()
	})
}

// A page that gave up waiting to be attached must not be shown views for ever:
// nobody would ever detach it.
func TestAPageThatGaveUpWaitingIsNotAttachedLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, s := onStuck(t)
		d.create(1)
		if err := d.live.Close(); err != nil {
			t.Fatal(err)
		}
		s.begin(d) // this process has shown nothing yet
		release := s.hang()
		go d.try("therapist-1", session.WriteNote{Text: "Waits for the disk."})
		synctest.Wait()
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		gone := &screen{}
		if _, err := d.live.Attach(ctx, id, "client-1", gone); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("attaching was answered %v", err)
		}
		release()
		synctest.Wait()
		stays := d.attach("therapist-1")
		d.do("therapist-1", session.WriteNote{Text: "After that."})
		if _, n := gone.last(); n != 0 {
			t.Errorf("a page that is gone was shown %d views", n)
		}
		if _, n := stays.last(); n == 0 {
			t.Error("the page that stays is shown nothing")
		}
		d.settle()
	})
}
