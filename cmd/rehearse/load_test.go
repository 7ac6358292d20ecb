package main

import (
	"bytes"
	"errors"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"belay/cmd/internal/person"
	"belay/session"
)

func TestManySessionsAreJudgedAndWhatTheyCostIsPrinted(t *testing.T) {
	t.Parallel()
	var out, errs bytes.Buffer
	l := load{sessions: 3, ramp: time.Second, stay: 2 * time.Second}
	if code := rehearseMany(t.Context(), hurried(options{speed: 1}), l, &out, &errs); code != 0 || errs.Len() > 0 {
		t.Fatalf("exit code %d\n%s\n%s", code, out.String(), errs.String())
	}
	for _, line := range []string{
		`kept in 3      What was acknowledged is in the record, once`,
		`not observed   At the end every screen says that the record is signed`,
		`sessions    3 kept, 0 failed`,
		`commands    \d{2,}: p50 [\d.]+m?s, .*p99 `,
		`deadlines   (none|\d+: p50 )`,
		`processor   [\d.]+m?s in `,
		`memory      [\d.]+ MiB before, [\d.]+ MiB at most`,
	} {
		if !regexp.MustCompile(line).MatchString(out.String()) {
			t.Errorf("the report does not say %s:\n%s", line, out.String())
		}
	}
}

// What one session among many loses must not drown in the others.
func TestOneFailedSessionFailsTheLoad(t *testing.T) {
	t.Parallel()
	kept, lost := &played{evidence: newEvidence(1)}, &played{evidence: newEvidence(1), verdicts: []error{errors.New("it was")}}
	if s := summarize([]*played{kept, lost}); s.kept != 1 {
		t.Errorf("%d were kept", s.kept)
	}
	var out, errs bytes.Buffer
	o := hurried(options{speed: 600})
	o.forgets.after = "arriving" // so nobody signs
	if code := rehearseMany(t.Context(), o, load{sessions: 1}, &out, &errs); code != exitBroken {
		t.Errorf("exit code %d\n%s", code, out.String())
	}
	if text := out.String(); !strings.Contains(text, "\nBROKEN  At the end every screen says that the record is signed") || !strings.Contains(text, "0 kept, 1 failed") {
		t.Errorf("what was noticed is not said:\n%s", text)
	}
}

// With several servers an operator asks which one it was.
func TestAReportSaysWhichServerLostConnections(t *testing.T) {
	t.Parallel()
	const a, b = "http://127.0.0.1:8081", "http://127.0.0.1:8082"
	began := time.Now()
	absent := func(from, to time.Duration) person.Absence {
		return person.Absence{From: began.Add(from), To: began.Add(to)}
	}
	e := newEvidence(1)
	e.sits = map[session.SeatID]string{"therapist-1": a, "client-1": b}
	e.took = map[string][]time.Duration{a: {time.Millisecond}, b: {5 * time.Second}}
	e.cuts = []cut{{seat: "client-1", wall: began}}
	e.away["client-1"] = []person.Absence{absent(0, 6*time.Second), absent(20*time.Second, 22*time.Second)}
	verdicts := make([]error, len(promises))
	verdicts[0] = errors.New("one was ahead")
	var out bytes.Buffer
	c := &crowd{load: load{sessions: 1}, places: []string{a, b}, gauge: &gauge{}}
	c.report(&out, []*played{{evidence: e, verdicts: verdicts}})
	for _, words := range []string{
		"BROKEN in 1    " + promises[0].words, "kept in 1      " + promises[1].words,
		a + ": 1 screens, no connection lost\n            commands 1: p50 1ms",
		b + ": 1 screens, 1 connections lost, longest time without one 2s\n            commands 1: p50 5s",
	} {
		if !strings.Contains(out.String(), words) {
			t.Errorf("the report does not say %q:\n%s", words, out.String())
		}
	}
}

// A server of somebody else's that dies takes its screens with it: that has to be noticed,
// and the alarm that says so has a cause.
func TestAServerThatDiesUnderALoadIsACauseAndHasToBeNoticed(t *testing.T) {
	t.Parallel()
	began := time.Now().UTC()
	e := newEvidence(1)
	e.open = true
	e.options(session.Seat{ID: "client-1", Role: session.Client})
	e.away["client-1"] = []person.Absence{{From: began, To: began.Add(20 * time.Second)}}
	e.events = []session.Event{{Fact: session.SessionCreated{Pace: session.Pace{Rate: 1}}}}
	alarm := session.Event{Recorded: began.Add(11 * time.Second), Fact: session.AlarmRaised{Condition: session.ClientGone, Client: "client-1",
		Ladder: []session.DueRung{{Priority: session.Medium}}}}
	if err := nobodyUnnoticed(e); !errors.Is(err, errNotSeen) {
		t.Errorf("one server of our own: %v", err)
	}
	e.several = true
	if err := nobodyUnnoticed(e); err == nil || errors.Is(err, errNotSeen) {
		t.Errorf("twenty seconds that nobody was told of: %v", err)
	}
	e.events = append(e.events, alarm)
	if err := errors.Join(nobodyUnnoticed(e), alarmsHaveCause(e)); err != nil {
		t.Errorf("with the alarm: %v", err)
	}
	e.cuts = []cut{{seat: "client-1", wall: began}}
	if alarmsHaveCause(e) == nil {
		t.Error("an absence of the script's own explains an alarm that it did not expect")
	}
	e.cuts, e.away["client-1"] = nil, nil
	if alarmsHaveCause(e) == nil {
		t.Error("an alarm about somebody who was there has a cause")
	}
}

func TestLoadStaysOnThisMachineUnlessToldOtherwise(t *testing.T) {
	t.Parallel()
	asked := false
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked = true }))
	t.Cleanup(server.Close)
	for _, args := range [][]string{
		{"-sessions", "2", "-nodes", server.URL + ",http://198.51.100.7"},
		{"-sessions", "2", "-server", "https://belay.example.org"},
		{"-sessions", "2001"},
		{"-sessions", "2", "-ramp", "2h"},
		{"-sessions", "2", "-stay", "-1s"},
		{"-sessions", "2", "-signaling", "-relay"},
		{"-sessions", "2", "-server", server.URL, "-nodes", server.URL},
		{"-ramp", "1s"},
	} {
		var out, errs bytes.Buffer
		if code := run(t.Context(), args, nothing, &out, &errs); code != exitUsage || errs.Len() == 0 {
			t.Errorf("%v: exit code %d\n%s%s", args, code, out.String(), errs.String())
		}
	}
	if asked {
		t.Error("a server was asked all the same")
	}
}
