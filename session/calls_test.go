package session_test

import (
	"slices"
	"testing"
	"time"

	"belay/session"
)

// A couple in which both ask for help must not lose the first call to the
// second: the chaperone would go to one of them only.
func TestAChaperoneCalledToTwoIsToldOfBoth(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 3, 2, 14, 0, 0, 0, time.UTC)
	set := session.DefaultSettings()
	set.LicensedStates = []string{"CO"}
	order := session.Order{DoseMg: 100, Tablets: 1, TotalMg: 100}
	s := &session.State{}
	do := func(after time.Duration, seat session.SeatID, act session.Act) {
		t.Helper()
		events, err := session.Decide(s, session.Command{Seat: seat, Do: act}, start.Add(after))
		if err != nil {
			t.Fatalf("%s: %v", session.FactName(act), err)
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
	}
	do(0, session.Server, session.CreateSession{ID: "both", StartsAt: start, Settings: set, Pace: session.Pace{Rate: 1},
		Seats: []session.Seat{{ID: "therapist-1", Role: session.Therapist}, {ID: "client-1", Role: session.Client, Name: "Alex"},
			{ID: "client-2", Role: session.Client, Name: "Kim"}, {ID: "chaperone-1", Role: session.Chaperone, Name: "Sam"}},
		Orders: map[session.SeatID]session.Order{"client-1": order, "client-2": order}})
	do(1*time.Second, "client-1", session.AskHelp{Client: "client-1"})
	do(2*time.Second, "chaperone-1", session.GoIn{})
	do(3*time.Second, "client-2", session.AskHelp{Client: "client-2"})

	call := session.ViewOf(s, "chaperone-1", start.Add(4*time.Second)).Call
	if call == nil || call.Stage != "called" || call.Words != "Please go to Kim and Alex now." {
		t.Fatalf("the chaperone is shown %+v", call)
	}
	do(5*time.Second, "chaperone-1", session.GoIn{})
	do(6*time.Second, "chaperone-1", session.BeWith{})
	stage := func(seat session.SeatID) string {
		v := session.ViewOf(s, seat, start.Add(7*time.Second))
		i := slices.IndexFunc(v.Clients, func(c session.ClientView) bool { return c.Seat == seat })
		return v.Clients[i].Help.Stage
	}
	if got := stage("client-2"); got != "with" {
		t.Errorf("Kim is told %q", got)
	}
	if got := stage("client-1"); got != "coming" {
		t.Errorf("Alex is told %q: nobody said that somebody is with them", got)
	}
	do(8*time.Second, "chaperone-1", session.ReportBack{Well: true})
	if call := session.ViewOf(s, "chaperone-1", start.Add(9*time.Second)).Call; call != nil {
		t.Errorf("after the report the chaperone is still shown %+v", call)
	}
}
