package session_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"belay/session"
)

// A visit of two and a half hours, looked at every second. Nobody does anything
// but what stands in doings; every second the clock may speak, and it says
// exactly what is expected, in exactly that second.
func TestAVisitIsRightToTheSecond(t *testing.T) {
	s := play(t, "include dosed.script\n")
	t0 := s.Clients[0].Windows.T0
	therapist := func(do session.Act) session.Command { return session.Command{Seat: "therapist-1", Do: do} }
	sam := func(do session.Act) session.Command { return session.Command{Seat: "chaperone-1", Do: do} }
	const c = session.SeatID("client-1")

	doings := map[time.Duration]session.Command{}
	at := func(h, m, s int) time.Duration {
		return time.Duration(h)*time.Hour + time.Duration(m)*time.Minute + time.Duration(s)*time.Second
	}
	for _, m := range []int{14, 28, 42, 56, 70, 84, 98, 112, 126, 140} { // Sam is always a little early
		doings[at(0, m, 0)] = sam(session.CheckIn{})
	}
	doings[at(0, 40, 30)] = sam(session.RecordVitals{Client: c, Systolic: 130, Diastolic: 80, HeartRate: 75})
	doings[at(1, 31, 0)] = therapist(session.MarkReturning{Client: c})
	doings[at(2, 22, 0)] = therapist(session.BeginReleaseCheck{Client: c})
	doings[at(2, 32, 10)] = sam(session.RecordVitals{Client: c, Systolic: 132, Diastolic: 82, HeartRate: 76})

	// What the clock says, and when after T+0. A check-in at 56 is due again at 71.
	want := []string{
		"0:12:00 DeadlineReached hold_ends", "0:12:00 PhaseMoved active",
		"0:40:00 DeadlineReached vitals_due", "0:40:00 AlarmRaised vitals_due low",
		"0:45:00 DeadlineReached window_opens",
		"1:30:00 DeadlineReached window_overdue", "1:30:00 AlarmRaised active_overdue medium",
		"2:00:00 DeadlineReached release_from",
		"2:30:00 DeadlineReached planned_end",
		"2:32:00 AlarmEscalated medium", // the reading for the release, asked for at 2:22
		"2:35:00 DeadlineReached check_in_due", "2:35:00 AlarmRaised check_in low",
		"2:37:00 AlarmEscalated medium", "2:40:00 AlarmEscalated high",
		"3:00:00 DeadlineReached release_overdue", "3:00:00 AlarmRaised not_released medium",
	}
	var got []string
	decide := func(cmd session.Command, now time.Time) []session.Event {
		events, err := session.Decide(s, cmd, now)
		if err != nil {
			t.Fatalf("%s: %T: %v", now.Sub(t0), cmd.Do, err)
		}
		for _, e := range events {
			linked, _, err := session.Link(e, s.Head, session.SaltFrom(e.Seq))
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Apply(linked); err != nil {
				t.Fatal(err)
			}
		}
		return events
	}
	for now := s.Recorded.Truncate(time.Second); now.Sub(t0) <= at(3, 1, 0); now = now.Add(time.Second) {
		for _, e := range decide(session.Command{Seat: session.Clock, Do: session.ReachDeadline{}}, now) {
			if !e.At.Equal(now) && session.FactName(e.Fact) != "AlarmRaised" {
				t.Errorf("%s: %s is of %s", now.Sub(t0), session.FactName(e.Fact), e.At.Sub(t0))
			}
			line := clockSays(e)
			if line != "" {
				got = append(got, hms(now.Sub(t0))+" "+line)
			}
		}
		if cmd, ok := doings[now.Sub(t0)]; ok {
			decide(cmd, now)
		}
		if next, ok := session.NextDeadline(s); ok && !next.After(now) {
			t.Fatalf("%s: a deadline of %s is left", now.Sub(t0), next.Sub(t0))
		}
		if now.Second() != 0 {
			continue
		}
		if v := session.ViewOf(s, "therapist-1", now); v.Clients[0].T0 == nil || !v.Clients[0].T0.Equal(t0) || !v.Now.Equal(now) {
			t.Fatalf("%s: the screen's clock shows something else", now.Sub(t0))
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("the clock said\n%q\nand should have said\n%q", got, want)
	}
}

func clockSays(e session.Event) string {
	switch f := e.Fact.(type) {
	case session.DeadlineReached:
		return "DeadlineReached " + string(f.Kind)
	case session.PhaseMoved:
		return "PhaseMoved " + string(f.To)
	case session.AlarmRaised:
		return "AlarmRaised " + string(f.Condition) + " " + string(f.Ladder[0].Priority)
	case session.AlarmEscalated:
		return "AlarmEscalated " + []string{"", "medium", "high"}[f.Rung]
	}
	return session.FactName(e.Fact)
}

func hms(d time.Duration) string {
	return fmt.Sprintf("%d:%02d:%02d", int(d.Hours()), int(d.Minutes())%60, int(d.Seconds())%60)
}
