package live_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"belay/session"
)

// set moves the wall clock, as somebody does who sets it.
func (d *desk) set(by time.Duration) { d.off.Add(int64(by)) }

// now returns the session's time.
func (d *desk) now() (now time.Time) {
	d.t.Helper()
	if err := d.live.Look(context.Background(), id, func(st *session.State) { now = d.live.Now(st) }); err != nil {
		d.t.Fatal(err)
	}
	return now
}

// onTime asserts that the reminders of a dose came when they were due, by the
// time that has really passed, and that no time in the log runs back.
func (d *desk) onTime(t *testing.T, t0 time.Time, want map[session.DeadlineKind]time.Duration) {
	t.Helper()
	events, reminders := find[session.DeadlineReached](d)
	for i, r := range reminders {
		after, ok := want[r.Kind]
		if !ok {
			continue
		}
		delete(want, r.Kind)
		offset(t, string(r.Kind), t0, events[i].Recorded, after)
		if r.Late {
			t.Errorf("%s is marked late", r.Kind)
		}
	}
	for kind, after := range want {
		t.Errorf("%s did not come at T+%v", kind, after)
	}
	var last time.Time
	for _, e := range d.events() {
		if e.Recorded.Before(last) {
			t.Errorf("event %d was recorded %v before the one before it", e.Seq, last.Sub(e.Recorded))
		}
		last = e.Recorded
	}
}

// Somebody corrects the server's clock in the middle of a visit. A ladder that
// waits for the wall to catch up is minutes in which nobody is told.
func TestAClockThatIsSetBackHoldsNoDeadlineUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := open(t)
		d.create(1)
		d.dose()
		screen := d.attach("therapist-1")
		t0 := session.Instant(time.Now())
		time.Sleep(5 * time.Minute)
		d.set(-10 * time.Minute)
		d.do("therapist-1", session.WriteNote{Text: "At once after it."})
		if got := d.now().Sub(t0).Round(time.Second); got != 5*time.Minute {
			t.Errorf("right after the step it is T+%v", got)
		}
		time.Sleep(2 * time.Second)
		if said := screen.said(); len(said) != 1 || said[0].OK {
			t.Errorf("the screen was told %+v", said)
		}
		time.Sleep(2*time.Minute - 2*time.Second)
		if got := d.now().Sub(t0).Round(time.Second); got != 7*time.Minute {
			t.Errorf("two minutes after the step it is T+%v", got)
		}
		time.Sleep(9 * time.Minute)
		d.set(10 * time.Minute) // and somebody sets it right again
		time.Sleep(2 * time.Minute)
		if got := d.now().Sub(t0).Round(time.Second); got != 18*time.Minute {
			t.Errorf("with the clock right again it is T+%v", got)
		}
		time.Sleep(30 * time.Minute)
		d.onTime(t, t0, map[session.DeadlineKind]time.Duration{
			session.DueHold: 12 * time.Minute, session.DueCheckIn: 15 * time.Minute, session.DueWindow: 45 * time.Minute})
		d.settle()
	})
}

// That is the emergency itself: everybody is gone and the session rests on disk.
func TestAClockThatIsSetBackHoldsNoSessionUpThatNobodyIsConnectedTo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := open(t)
		d.create(1)
		d.dose()
		t0 := session.Instant(time.Now())
		time.Sleep(32 * time.Minute)
		if n := d.live.Loaded(); n != 0 {
			t.Fatalf("%d sessions are in memory: this shows nothing", n)
		}
		d.set(-6 * time.Minute)
		time.Sleep(14 * time.Minute)
		d.onTime(t, t0, map[session.DeadlineKind]time.Duration{session.DueVitals: 40 * time.Minute, session.DueWindow: 45 * time.Minute})
		d.settle()
	})
}

// The process that knew by how much the clock was set back is gone.
func TestARestartAfterTheClockWasSetBackDoesNotFreezeTheSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := open(t)
		d.create(1)
		d.dose()
		t0 := session.Instant(time.Now())
		time.Sleep(5 * time.Minute)
		d.set(-30 * time.Minute)
		d.do("therapist-1", session.WriteNote{Text: "The last word before the restart."})
		d.stop()
		d.start()
		time.Sleep(time.Minute)
		if got := d.now().Sub(t0).Round(time.Second); got != 6*time.Minute {
			t.Errorf("a minute after the restart it is T+%v", got)
		}
		time.Sleep(10 * time.Minute)
		d.onTime(t, t0, map[session.DeadlineKind]time.Duration{session.DueHold: 12 * time.Minute, session.DueCheckIn: 15 * time.Minute})
		// Set back while no process runs: only the log can tell, up to its last event.
		d.do("therapist-1", session.WriteNote{Text: "The last word before another."})
		d.stop()
		d.set(-30 * time.Minute)
		d.start()
		time.Sleep(30 * time.Minute)
		d.onTime(t, t0, map[session.DeadlineKind]time.Duration{session.DueVitals: 40 * time.Minute, session.DueWindow: 45 * time.Minute})
		d.settle()
	})
}

// A session that is made after the step goes by the clock on the wall, and one
// that was there before goes on beside it.
func TestASessionThatIsMadeAfterTheStepGoesByTheWall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := open(t)
		d.create(1)
		d.dose()
		d.set(-time.Hour)
		time.Sleep(time.Second)
		other := visit(1)
		other.ID = "visit-2"
		if err := d.live.Create(context.Background(), other.ID, session.Command{ID: "create", Seat: session.Server, Do: other}); err != nil {
			t.Fatal(err)
		}
		wall := time.Now().Add(-time.Hour)
		if err := d.live.Look(context.Background(), other.ID, func(st *session.State) {
			if ahead := d.live.Now(st).Sub(wall); ahead < -time.Second || ahead > time.Second {
				t.Errorf("the new session's clock is %v ahead of the wall", ahead)
			}
		}); err != nil {
			t.Fatal(err)
		}
		if ahead := d.now().Sub(wall).Round(time.Second); ahead != time.Hour {
			t.Errorf("the session that was there is %v ahead of the wall", ahead)
		}
		d.settle()
	})
}

// A machine that slept: no time has passed by the monotonic clock, all of it by the wall.
func TestWhatFellDueWhileTheMachineSleptFiresAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := open(t)
		d.create(1)
		d.dose()
		t0 := session.Instant(time.Now())
		time.Sleep(5 * time.Minute)
		d.set(20 * time.Minute)
		time.Sleep(2 * time.Second)
		if got := d.now().Sub(t0).Round(time.Second); got != 25*time.Minute+2*time.Second {
			t.Errorf("after the sleep it is T+%v", got)
		}
		if d.phase() != session.Active {
			t.Errorf("the hold that ended meanwhile goes on: %s", d.phase())
		}
		_, reminders := find[session.DeadlineReached](d)
		for _, r := range reminders {
			if r.Kind == session.DueHold && !r.Late {
				t.Error("its end is not marked late")
			}
		}
		d.settle()
	})
}
