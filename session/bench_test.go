package session_test

import (
	"os"
	"testing"
	"time"

	"belay/session"
	"belay/session/transcript"
)

// A visit in full course: every check settled, a dose, readings, an alarm.
func inCourse(b *testing.B) (*session.State, []session.Event, time.Time) {
	b.Helper()
	p, err := transcript.Play([]byte("include overdue-window.txt\n"), os.DirFS("testdata"))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	return p.State, p.Events, p.State.Recorded.Add(time.Second)
}

func BenchmarkDecide(b *testing.B) {
	s, _, now := inCourse(b)
	c := session.Command{ID: "x", Seat: "therapist-1", Do: session.WriteNote{Text: "Quiet, breathing evenly."}}
	for b.Loop() {
		if events, err := session.Decide(s, c, now); err != nil || len(events) != 1 {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecideNothingDue(b *testing.B) {
	s, _, now := inCourse(b)
	for b.Loop() {
		if events, err := session.Decide(s, session.Command{Seat: session.Clock, Do: session.ReachDeadline{}}, now); err != nil || len(events) != 0 {
			b.Fatal(err)
		}
	}
}

func BenchmarkReplay(b *testing.B) {
	_, events, _ := inCourse(b)
	for b.Loop() {
		if _, err := session.Replay(events); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(events)), "ns/event")
}

func BenchmarkLink(b *testing.B) {
	_, events, _ := inCourse(b)
	e := events[len(events)-1]
	for b.Loop() {
		if _, _, err := session.Link(e, session.Hash{}, session.SaltFrom(1)); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkViewOf(b *testing.B) {
	for _, seat := range []session.SeatID{"therapist-1", "client-1", "chaperone-1"} {
		b.Run(string(seat), func(b *testing.B) {
			s, _, now := inCourse(b)
			for b.Loop() {
				session.ViewOf(s, seat, now)
			}
		})
	}
}
