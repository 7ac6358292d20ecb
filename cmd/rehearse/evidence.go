package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"belay/cmd/internal/person"
	"belay/session"
	"belay/signaling/protocol"
)

// evidence is what was observed from outside, on every screen and in the record.
// It is written while the session is played, under mu, and read afterwards.
type evidence struct {
	mu    sync.Mutex
	rate  float64
	media bool // therapist and clients have picture and sound
	relay bool // also through the relay, always
	// How late an alarm may be, on the wall.
	alarmWithin time.Duration
	screens     map[session.SeatID]*screen

	clocks    []sample
	probes    []probe
	doses     []dose
	cuts      []cut
	kills     []kill
	covers    []person.Gap // in which a camera was covered
	causes    []cause
	links     []link
	directs   []direct
	acks      map[session.SeatID][]person.Ack
	away      map[session.SeatID][]person.Absence
	flows     map[pair]person.Flow           // what the first saw of the second
	relayed   map[session.SeatID]person.Flow // what each got through the relay, where all use it
	pictures  person.Gap                     // from the first picture both ways to the end
	events    []session.Event                // the record, as it was downloaded
	recordErr error                          // why it could not be read
	took      map[string][]time.Duration     // of each command, from the tap to the answer, by the server that was told
	sits      map[session.SeatID]string      // the server of each screen
	several   bool                           // the servers are several and somebody else's: one may end meanwhile
	open      bool                           // the visit was not to be played to its end
}

// pair is who sees whom.
type pair struct{ by, of session.SeatID }

// screen is what one seat's page was told.
type screen struct {
	role     session.Role
	views    int
	last     session.View
	lastSeq  uint64
	backward bool                 // a view was older than the one before
	leaks    []string             // what it should not have been told
	alarms   map[string]time.Time // session time at which each alarm first stood on it
	stages   []string             // of a client's call for help, in their order
	now      func() time.Time
}

// sample is what the clocks of all screens showed at one moment.
type sample map[session.SeatID]time.Time

// probe is an act that must be refused.
type probe struct {
	what       string
	want, code string // of the refusal; code "" : it was done
}

// dose is one that was recorded, and sent once more.
type dose struct {
	client        session.SeatID
	number        int
	first, second uint64 // seq in the two answers
}

// cut is a connection that was broken off.
type cut struct {
	seat     session.SeatID
	at       time.Time // session time
	wall     time.Time
	away     time.Duration
	back     time.Duration // wall time until the screen was there again; 0: never
	promised bool          // long enough that an alarm is due
	gap      time.Duration // longest time without a frame meanwhile
}

// kill is a server that was killed and started again.
type kill struct {
	at, up time.Time // wall
	back   map[session.SeatID]time.Duration
	gap    time.Duration // longest time without a frame, either way, while it was away
	t0     map[session.SeatID]time.Time
}

// cause is a time, of the session, in which the script itself provokes an alarm.
type cause struct {
	condition session.Condition
	from, to  time.Time // to is zero: it lasts
	ladder    bool      // its whole ladder is awaited
}

// link is a door that was tried, and whether it opened as it should.
type link struct {
	what string
	err  error // nil: as it should
}

// direct is a call for help without the server.
type direct struct {
	client session.SeatID
	heard  time.Duration // until it stood at the therapist's; 0: never
	seen   bool          // and the client was told so
}

func newEvidence(rate float64) *evidence {
	return &evidence{rate: rate, media: true, alarmWithin: alarmWithin, screens: map[session.SeatID]*screen{},
		acks: map[session.SeatID][]person.Ack{}, away: map[session.SeatID][]person.Absence{}, flows: map[pair]person.Flow{},
		relayed: map[session.SeatID]person.Flow{}, took: map[string][]time.Duration{}, sits: map[session.SeatID]string{}}
}

// note runs f with the evidence to itself.
func (e *evidence) note(f func()) {
	e.mu.Lock()
	defer e.mu.Unlock()
	f()
}

// Words that the script uses in one place only: where they turn up on the wrong
// screen, something has leaked.
const (
	secretNote      = "Breathes calmly, hands are warm."
	secretEffect    = "the room seems to turn"
	secretReason    = "a small breakfast at seven, agreed with the prescriber"
	secretCondition = "migraine, well controlled"
	secretIntention = "To be kinder to myself"
	secretLot       = "K-2291"
	secretStreet    = "12 Elm Street"
)

// notFor is what a role's frames must not hold: the therapist's own record.
var notFor = map[session.Role][]string{
	session.Client:    {secretNote, secretEffect, secretReason, secretCondition, secretLot},
	session.Chaperone: {secretNote, secretEffect, secretReason, secretCondition, secretLot, secretIntention, secretStreet},
}

// onlyTherapist are fields of a client's part of a view.
var onlyTherapist = []string{"order", "gates", "authorization", "doses", "windows", "next", "vitals", "limits", "side_effects", "ratings", "criteria", "card", "summary", "cpt", "stated", "today"}

// heard looks through a message for what the screen may not know.
func (e *evidence) heard(seat session.SeatID, frame []byte) {
	e.mu.Lock()
	defer e.mu.Unlock()
	s := e.screens[seat]
	words := notFor[s.role]
	if words == nil {
		return
	}
	text := string(frame)
	for _, secret := range words {
		if strings.Contains(text, secret) {
			s.leak("the words %q", secret)
		}
	}
	var m struct {
		Type string
		Body struct {
			View struct {
				Lines   []any
				Devices []any
				Alarms  []any
				Clients []map[string]any
			}
		}
	}
	if json.Unmarshal(frame, &m) != nil || m.Type != "view" {
		return
	}
	v := m.Body.View
	if len(v.Lines)+len(v.Devices) > 0 {
		s.leak("the therapist's lines or devices")
	}
	if s.role == session.Client && len(v.Alarms) > 0 {
		s.leak("an alarm")
	}
	for _, c := range v.Clients {
		for _, field := range onlyTherapist {
			if _, there := c[field]; there {
				s.leak("the field %q of a client", field)
			}
		}
	}
}

func (s *screen) leak(format string, args ...any) {
	if words := fmt.Sprintf(format, args...); !slices.Contains(s.leaks, words) {
		s.leaks = append(s.leaks, words)
	}
}

// saw takes a view over.
func (e *evidence) saw(seat session.SeatID, v session.View) {
	e.mu.Lock()
	defer e.mu.Unlock()
	s := e.screens[seat]
	s.views++
	s.backward = s.backward || v.Seq < s.lastSeq
	s.last, s.lastSeq = v, v.Seq
	for _, a := range v.Alarms {
		if _, known := s.alarms[a.ID]; !known {
			s.alarms[a.ID] = s.now()
		}
	}
	if s.role != session.Client || len(v.Clients) == 0 || v.Clients[0].Help == nil {
		return
	}
	if stage := v.Clients[0].Help.Stage; !slices.Contains(s.stages, stage) {
		s.stages = append(s.stages, stage)
	}
}

// options make somebody whose screen is observed.
func (e *evidence) options(seat session.Seat) person.Options {
	var p person.Options
	e.note(func() {
		if e.screens[seat.ID] == nil {
			e.screens[seat.ID] = &screen{role: seat.Role, alarms: map[string]time.Time{}, now: func() time.Time { return time.Time{} }}
		}
	})
	p.Camera = seat.Role != session.Chaperone && e.media
	p.Relay = p.Camera && e.relay
	p.Heard = func(_ time.Time, frame []byte) { e.heard(seat.ID, frame) }
	p.View = func(_ time.Time, v session.View) { e.saw(seat.ID, v) }
	return p
}

// sampleClocks notes what every screen's clock shows, until done is closed.
func (e *evidence) sampleClocks(people func() map[session.SeatID]*person.Person, done <-chan struct{}) {
	every := time.NewTicker(250 * time.Millisecond)
	defer every.Stop()
	for {
		select {
		case <-done:
			return
		case <-every.C:
		}
		now := sample{}
		all := people()
		for _, seat := range slices.Sorted(maps.Keys(all)) {
			if t := all[seat].Now(); !t.IsZero() {
				now[seat] = t
			}
		}
		if len(now) > 1 {
			e.note(func() { e.clocks = append(e.clocks, now) })
		}
	}
}

// codeOf is a refusal's code, or "" where the act was done.
func codeOf(r *protocol.Refused) string {
	if r == nil {
		return ""
	}
	return r.Code
}
