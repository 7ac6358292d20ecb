package live_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"belay/session"
	"belay/session/live"
)

// A dose that is tapped while the disk hangs was taken when it was tapped: every
// window counts from it.
func TestADoseTappedWhileTheDiskHangsHasTheTimeOfItsTap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, s := onStuck(t)
		d.create(1)
		d.ready()
		time.Sleep(30 * time.Second)
		release := s.hang()
		go d.try("therapist-1", session.WriteNote{Text: "Waits for the disk."})
		synctest.Wait()
		tapped := session.Instant(time.Now().Add(-3 * time.Second)) // and had been on its way
		answered := make(chan error)
		go func() {
			_, err := d.live.DoGiven(context.Background(), id, session.Command{ID: "tap", Seat: "client-1", Conn: "conn-client-1",
				Do: session.RecordDose{Client: "client-1", Number: 1}}, time.Now().Add(-3*time.Second))
			answered <- err
		}()
		time.Sleep(20 * time.Second)
		release()
		if err := <-answered; err != nil {
			t.Fatal(err)
		}
		doses, facts := find[session.DoseRecorded](d)
		if len(doses) != 1 || !doses[0].At.Equal(tapped) || !facts[0].Windows.T0.Equal(tapped) {
			t.Errorf("the dose that was tapped at %v was taken at %v", tapped, doses[0].At)
		}
		if late := doses[0].Recorded.Sub(tapped); late < 20*time.Second {
			t.Errorf("and was recorded %v later: the disk hung for 20 s", late)
		}
		d.settle()
	})
}

// The same where the fact is noted while the store is away, and in a practice
// session, whose seconds pass faster.
func TestWhatIsNotedHasTheTimeOfItsTap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := openNoting(t)
		defer n.end()
		n.create(60)
		n.ready()
		time.Sleep(8 * time.Second)
		n.fail.set(errAway, false)
		before := n.now()
		_, err := n.live.DoGiven(context.Background(), id, session.Command{ID: "tap", Seat: "client-1", Conn: "conn-client-1",
			Do: session.RecordDose{Client: "client-1", Number: 1}}, time.Now().Add(-5*time.Second))
		if !errors.Is(err, live.ErrNoted) {
			t.Fatal(err)
		}
		time.Sleep(4 * time.Second)
		n.fail.set(nil, false)
		time.Sleep(2 * time.Second)
		n.do("therapist-1", session.WriteNote{Text: "It is back."})
		doses, _ := find[session.DoseRecorded](n.desk)
		if len(doses) != 1 {
			t.Fatalf("%d doses are recorded", len(doses))
		}
		if early := before.Sub(doses[0].At); early < 4*time.Minute || early > 6*time.Minute {
			t.Errorf("tapped five minutes of the session ago, and taken %v ago", early)
		}
	})
}
