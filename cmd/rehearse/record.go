package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"belay/cmd/internal/person"
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
		if e.open && s.last.Seq > before.Seq {
			continue // the visit went on after its record was read
		}
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

// writeTranscript prints a record as a transcript that package transcript plays
// again: with the commands that the record tells of, those of the clock too.
func writeTranscript(out io.Writer, events []session.Event, acks map[session.SeatID][]person.Ack) error {
	type key struct {
		seat session.SeatID
		id   string
	}
	acts := map[key]session.Act{}
	for seat, all := range acks {
		for _, a := range all {
			acts[key{seat, a.ID}] = a.Act
		}
	}
	w := transcript.NewWriter(out)
	if err := w.ByHand(); err != nil {
		return err
	}
	state := &session.State{}
	for len(events) > 0 {
		// What one command caused stands together, with one time.
		first, n := events[0], 1
		for n < len(events) && events[n].Seat == first.Seat && events[n].Command == first.Command && events[n].Recorded.Equal(first.Recorded) {
			n++
		}
		act := acts[key{first.Seat, first.Command}]
		for i := 0; act == nil && i < n; i++ { // an act can open the lobby first
			act = causeOf(state, events[i])
		}
		if act != nil {
			if err := w.Command(session.Command{Seat: first.Seat, Conn: first.Conn, Do: act, Given: givenAt(act, events[:n])}, first.Recorded); err != nil {
				return err
			}
		}
		for _, e := range events[:n] {
			if err := state.Apply(e); err != nil {
				return err
			}
		}
		if err := w.Events(state, events[:n]); err != nil {
			return err
		}
		events = events[n:]
	}
	return nil
}

// givenAt returns when a command was given that was on its way for a while, as what
// it caused tells: zero where it was not.
func givenAt(act session.Act, caused []session.Event) time.Time {
	if session.LatenessOf(session.FactName(act)) == session.Noted {
		for _, e := range caused {
			if e.At.Before(e.Recorded) {
				return e.At
			}
		}
	}
	return time.Time{}
}

// causeOf returns the act of the server, of the console or of the clock that an
// event tells of, or nil.
func causeOf(s *session.State, e session.Event) session.Act {
	if e.Seat == session.Clock {
		return session.ReachDeadline{}
	}
	switch f := e.Fact.(type) {
	case session.SessionCreated:
		return session.CreateSession{ID: e.Log, Owner: f.Owner, Seats: f.Seats, Orders: f.Orders, StartsAt: f.StartsAt,
			Settings: f.Settings, Practice: f.Practice, Pace: f.Pace}
	case session.InvitationIssued:
		return session.IssueInvitation(f)
	case session.InvitationRevoked:
		return session.RevokeInvitation(f)
	case session.DeviceRefused:
		return session.RefuseDevice{Request: f.Request}
	case session.DeviceAdmitted:
		if f.Request != "" {
			return session.AdmitDevice{Request: f.Request}
		}
		return session.OpenLink{Seat: f.Seat, Hash: s.Links[f.Seat].Hash, Device: f.Device, Words: f.Words}
	case session.DeviceAsked:
		return session.OpenLink{Seat: f.Seat, Hash: s.Links[f.Seat].Hash, Device: f.Device, Words: f.Words}
	case session.PeerJoined:
		return session.JoinPeer{Seat: f.Seat, Peer: f.Peer, Node: f.Node, Media: f.Media, Relay: f.Relay}
	case session.PeerLost:
		return session.LosePeer{Seat: f.Seat, Lost: f.Lost, Heard: e.At, Restart: f.Restart}
	case session.PictureLost:
		return session.ReportPicture{Client: f.Client, Lost: true, Since: e.At}
	case session.PictureReturned:
		return session.ReportPicture{Client: f.Client, Since: e.At}
	case session.SoundLost:
		return session.ReportSound{Client: f.Client, Lost: true, Since: e.At}
	case session.SoundReturned:
		return session.ReportSound{Client: f.Client, Since: e.At}
	case session.VoiceLost:
		return session.ReportVoice{Client: f.Client, Lost: true, Since: e.At}
	case session.VoiceReturned:
		return session.ReportVoice{Client: f.Client, Since: e.At}
	}
	return nil
}
