package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"belay/cmd/internal/browser"
	"belay/session"
)

// readLog downloads the session's event log as the console's button does, and
// checks it as a stranger would: each event's hash over the very bytes that were
// downloaded, each naming the one before, none missing.
func (v *visit) readLog(t *testing.T) []session.Event {
	t.Helper()
	text := browser.Eval[string](v.robin, fmt.Sprintf(`fetch("/api/sessions/%s/log").then((r) => { if (!r.ok) throw new Error(r.status); return r.text(); })`, v.id()))
	return readEvents(t, []byte(text), v.id())
}

// readEvents reads a session's log, and fails the test where it is not whole.
func readEvents(t *testing.T, text []byte, id string) []session.Event {
	t.Helper()
	var raw []json.RawMessage
	if err := json.Unmarshal(text, &raw); err != nil {
		t.Fatalf("the log is no JSON: %v", err)
	}
	var events []session.Event
	var prev session.Hash
	for i, one := range raw {
		e, err := session.Log.Decode(bytes.TrimSpace(one))
		if err != nil {
			t.Fatal(err)
		}
		if e.Seq != uint64(i+1) || e.Prev != prev || e.Log != id {
			t.Fatalf("event %d of the log does not follow on the one before: %s", i+1, one)
		}
		prev = e.Hash
		events = append(events, e)
	}
	if _, err := session.Replay(events); err != nil {
		t.Fatalf("the log cannot be replayed: %v", err)
	}
	return events
}

// has fails the test for every type of event that the log should hold and does not.
func has(t *testing.T, events []session.Event, facts ...string) {
	t.Helper()
	have := map[string]int{}
	for _, e := range events {
		have[session.FactName(e.Fact)]++
	}
	for _, fact := range facts {
		if have[fact] == 0 {
			t.Errorf("the record has no %s", fact)
		}
	}
}

// once fails the test where a type of event is there twice, or not at all.
func once(t *testing.T, events []session.Event, fact string) {
	t.Helper()
	var found []string
	for _, e := range events {
		if session.FactName(e.Fact) == fact {
			found = append(found, fmt.Sprint(e.Seq))
		}
	}
	if len(found) != 1 {
		t.Errorf("%s is in the record %d times: %s", fact, len(found), strings.Join(found, ", "))
	}
}
