package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"

	"belay/session"
	"belay/session/transcript"
)

// readRecord decodes a downloaded log. Each event's hash is derived from the very
// bytes that came.
func readRecord(raw []byte) ([]session.Event, error) {
	var each []json.RawMessage
	if err := json.Unmarshal(raw, &each); err != nil {
		return nil, fmt.Errorf("the record is no list of events: %w", err)
	}
	events := make([]session.Event, 0, len(each))
	for i, one := range each {
		e, err := session.Log.Decode(one)
		if err != nil {
			return events, fmt.Errorf("event %d of the record: %w", i+1, err)
		}
		events = append(events, e)
	}
	return events, nil
}

// chain checks that the record is whole: every event follows from the one before,
// and all of them together give what the therapist's screen shows.
func chain(e *evidence) error {
	if e.recordErr != nil {
		return e.recordErr
	}
	if len(e.events) == 0 {
		return errNotSeen
	}
	var before session.Event
	for i, event := range e.events {
		switch {
		case event.Seq != uint64(i+1):
			return fmt.Errorf("event %d stands at place %d", event.Seq, i+1)
		case event.Prev != before.Hash:
			return fmt.Errorf("event %d does not follow from the one before it", event.Seq)
		case event.Recorded.Before(before.Recorded):
			return fmt.Errorf("time runs backwards at event %d", event.Seq)
		}
		before = event
	}
	state, err := session.Replay(e.events)
	if err != nil {
		return fmt.Errorf("replay: %w", err)
	}
	for seat, s := range e.screens {
		if s.last.Seq != before.Seq {
			return fmt.Errorf("%s was last shown event %d, the record ends with %d", seat, s.last.Seq, before.Seq)
		}
		shown, err := json.Marshal(s.last)
		if err != nil {
			return err
		}
		replayed, err := json.Marshal(session.ViewOf(state, seat, s.last.Now))
		if err != nil {
			return err
		}
		if !bytes.Equal(shown, replayed) {
			at := 0
			for at < min(len(shown), len(replayed)) && shown[at] == replayed[at] {
				at++
			}
			near := func(b []byte) []byte { return b[max(0, at-60):min(len(b), at+60)] }
			return fmt.Errorf("%s was shown …%s… and the record replays to …%s…", seat, near(shown), near(replayed))
		}
	}
	return nil
}

// writeTranscript prints a record as package transcript does.
func writeTranscript(out io.Writer, events []session.Event) error {
	w := transcript.NewWriter(out)
	state := &session.State{}
	for _, e := range events {
		if err := state.Apply(e); err != nil {
			return err
		}
		if err := w.Events(state, []session.Event{e}); err != nil {
			return err
		}
	}
	return nil
}
