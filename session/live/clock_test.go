package live

import (
	"log/slog"
	"testing"
	"time"
)

func TestADeadlineIsFoundOnceAndInItsOrder(t *testing.T) {
	g := newAgenda()
	t0 := time.Date(2026, 3, 1, 14, 0, 0, 0, time.UTC)
	for i, id := range []string{"c", "a", "b"} {
		g.set(id, t0.Add(time.Duration([]int{3, 1, 2}[i])*time.Second))
	}
	g.set("b", time.Time{})
	if next, ok := g.next(); !ok || !next.Equal(t0.Add(time.Second)) {
		t.Fatalf("next is %v", next)
	}
	if got := g.pop(t0.Add(2 * time.Second)); len(got) != 1 || got[0] != "a" {
		t.Fatalf("due after 2 s: %v", got)
	}
	if g.claim("a", t0, t0, t0.Add(time.Hour)) {
		t.Error("one that is being decided was claimed again")
	}
	g.done("a")
	if !g.claim("a", t0, t0, t0) {
		t.Error("one that nobody knows can't be claimed")
	}
	g.postpone("a", t0.Add(time.Hour))
	if g.claim("a", t0, t0, t0) {
		t.Error("one that was postponed was claimed")
	}
	if !g.claim("c", t0, t0, t0) || g.claim("c", t0, t0, t0) {
		t.Error("one whose time lies ahead can't be claimed exactly once")
	}
}

// Each act of a session says when it is next due, which is mostly when it was before.
func TestTheClockIsWokenOnlyForWhatIsDueSooner(t *testing.T) {
	g := newAgenda()
	t0 := time.Date(2026, 3, 1, 14, 0, 0, 0, time.UTC)
	for _, step := range []struct {
		id    string
		after time.Duration
		wakes bool
	}{
		{"a", 10 * time.Second, true},
		{"a", 10 * time.Second, false},
		{"b", 20 * time.Second, false},
		{"b", 5 * time.Second, true},
		{"b", 6 * time.Second, false}, // the clock looks too early, and again
		{"a", 6 * time.Second, false},
		{"a", 1 * time.Second, true},
	} {
		g.set(step.id, t0.Add(step.after))
		select {
		case <-g.wake:
			if !step.wakes {
				t.Errorf("%s due after %s woke the clock", step.id, step.after)
			}
		default:
			if step.wakes {
				t.Errorf("%s due after %s did not wake the clock", step.id, step.after)
			}
		}
	}
}

func TestAStepOfTheWallClockIsSaid(t *testing.T) {
	if d := step(time.Second, 5*time.Minute); d != 5*time.Minute-time.Second {
		t.Errorf("a sleep of five minutes is a step of %v", d)
	}
	if d := step(time.Second, -10*time.Second); d != -11*time.Second {
		t.Errorf("a clock set back is a step of %v", d)
	}
	if d := step(time.Second, 1050*time.Millisecond); d != 0 {
		t.Errorf("ordinary drift is a step of %v", d)
	}
	s := &Sessions{actors: map[string]*actor{}, agenda: newAgenda()}
	s.opts.Log = slog.New(slog.DiscardHandler)
	var d said
	start := time.Date(2026, 3, 1, 14, 0, 0, 0, time.UTC)
	told := func(at time.Duration, by time.Duration) bool {
		s.stepped(&d, start.Add(at), start, by)
		now := s.clockTrouble.Load()
		return now != nil && !now.OK && now.Words != ""
	}
	for _, look := range []struct {
		at, by time.Duration
		want   bool
	}{
		{0, 0, false},
		{time.Second, 5 * time.Minute, true},
		{30 * time.Second, 0, true},
		{62 * time.Second, 0, false},
		{time.Hour, -3 * time.Minute, true},
		{time.Hour + 59*time.Second, 0, true},
		{time.Hour + time.Minute, 0, false},
	} {
		if got := told(look.at, look.by); got != look.want {
			t.Errorf("after %v and a step of %v: said is %v", look.at, look.by, got)
		}
	}
}
