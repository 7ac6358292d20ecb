package live_test

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"belay/session"
	"belay/session/live"
	"belay/session/store"
)

// Time alone makes untrue what a screen says: without this the client would go on
// reading that somebody is in the next room who was last heard of half an hour ago.
func TestAScreenDoesNotGoOnSayingWhatTimeHasMadeUntrue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := open(t)
		d.create(1)
		d.dose()
		bed := d.attach("client-1")
		near := func() bool {
			v, _ := bed.last()
			return slices.ContainsFunc(v.People, func(p session.PersonView) bool { return p.Role == session.Chaperone && p.Near })
		}
		if !near() {
			t.Fatal("the chaperone has just come and is not near: this shows nothing")
		}
		time.Sleep(25 * time.Minute)
		before := len(d.events())
		if near() {
			t.Errorf("25 minutes after the chaperone's last tap the client reads that they are near")
		}
		time.Sleep(5 * time.Minute)
		if after := len(d.events()); after != before {
			t.Errorf("%d events were written for it", after-before)
		}
	})
}

// slowToList is a store that can't say what is due, and takes its time to fail.
type slowToList struct {
	store.Store
	takes atomic.Int64
}

func (s *slowToList) Due(ctx context.Context, until time.Time, limit int) ([]store.Head, error) {
	if takes := time.Duration(s.takes.Load()); takes > 0 {
		time.Sleep(takes)
		return nil, errors.New("i/o timeout")
	}
	return s.Store.Due(ctx, until, limit)
}

// What this process knows to be due does not wait for a store to say what else is.
func TestAnAlarmIsNotLateWhileTheStoreDoesNotSayWhatIsDue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := open(t)
		if err := d.live.Close(); err != nil {
			t.Fatal(err)
		}
		s := &slowToList{Store: d.bolt}
		var err error
		if d.live, err = live.New(live.Options{Store: s}); err != nil {
			t.Fatal(err)
		}
		if err := d.live.Start(context.Background()); err != nil {
			t.Fatal(err)
		}
		d.create(1)
		d.dose()
		s.takes.Store(int64(5 * time.Second))
		time.Sleep(time.Second)
		for range 8 {
			_, err := d.live.Do(context.Background(), id, session.Command{Seat: session.Server, Do: session.LosePeer{Seat: "client-1", Lost: "conn-client-1", Heard: time.Now()}})
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(33 * time.Second)
			d.join("client-1")
			time.Sleep(400 * time.Millisecond)
		}
		events, alarms := find[session.AlarmRaised](d)
		if len(alarms) == 0 {
			t.Fatal("no alarm was raised: this shows nothing")
		}
		for i, a := range alarms {
			if late := events[i].Recorded.Sub(a.Due); late > 500*time.Millisecond {
				t.Errorf("%s came %s late", a.Condition, late)
			}
		}
		s.takes.Store(0)
		d.settle()
	})
}
