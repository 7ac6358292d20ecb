package main

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"
)

func TestManySessionsAreJudgedAndWhatTheyCostIsPrinted(t *testing.T) {
	t.Parallel()
	var out, errs bytes.Buffer
	l := load{sessions: 3, ramp: time.Second, stay: 2 * time.Second}
	if code := rehearseMany(t.Context(), hurried(options{speed: 1}), l, &out, &errs); code != 0 || errs.Len() > 0 {
		t.Fatalf("exit code %d\n%s\n%s", code, out.String(), errs.String())
	}
	for _, line := range []string{
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
	kept, lost := &played{evidence: newEvidence(1)}, &played{evidence: newEvidence(1), broken: 1, words: "BROKEN  a promise\n"}
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
