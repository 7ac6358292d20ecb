package record

import (
	"fmt"
	"time"

	"belay/session"
)

// Record is one session, whole. Absent times are null.
type Record struct {
	SettingsVersion int        `json:"settings_version"` // pinned when the session was made
	ConsentVersion  string     `json:"consent_version"`  // current when the session was made
	SignedAt        *time.Time `json:"signed_at"`
	SignedBy        string     `json:"signed_by"`

	Clients       []Client           `json:"clients"`
	Alarms        []Alarm            `json:"alarms"`        // in the order in which they were raised
	Calls         []Call             `json:"calls"`         // of a chaperone into the room
	Interruptions []Interruption     `json:"interruptions"` // of connections, pictures and sound
	Addenda       []Entry            `json:"addenda"`
	Lines         []session.LineView `json:"-"` // everything, in words, oldest first
}

// Client is one client's visit.
type Client struct {
	Seat           session.SeatID       `json:"seat"`
	Phases         []Phase              `json:"phases"`
	ConsentGiven   string               `json:"consent_given"` // version; empty: none
	ConsentAt      *time.Time           `json:"consent_at"`
	ChaperoneSees  bool                 `json:"chaperone_sees"`
	Gates          []Settled            `json:"gates"` // as they stood at the first dose, or at the end where there was none
	Criteria       []Settled            `json:"criteria"`
	Orders         []Entry              `json:"order_corrections"` // what was entered wrongly, and put right
	Authorizations []Entry              `json:"authorizations"`
	CheckIns       []CheckIn            `json:"check_ins"`
	Vitals         []session.Vitals     `json:"vitals"`
	SideEffects    []session.SideEffect `json:"side_effects"`
	Ratings        []session.Rating     `json:"ratings"`
	Interventions  []Entry              `json:"interventions"`
	ReadyAt        *time.Time           `json:"ready_at"`    // every criterion was met
	ReleasedAt     *time.Time           `json:"released_at"` // null: not released

	gates map[session.GateID]session.GateState // at the first dose
}

// Phase is when a client's visit came to a phase.
type Phase struct {
	Phase  session.Phase `json:"phase"`
	At     time.Time     `json:"at"`
	By     string        `json:"by"`
	Reason string        `json:"reason,omitempty"`
}

// Settled is a gate or a criterion, and how it stood.
type Settled struct {
	Title  string            `json:"title"`
	State  string            `json:"state"` // "open", "passed", "overridden"
	Reason string            `json:"reason,omitempty"`
	At     *time.Time        `json:"at"`
	By     string            `json:"by,omitempty"`
	Values map[string]string `json:"values,omitempty"`
}

// CheckIn is one look into the room.
type CheckIn struct {
	Due *time.Time `json:"due"` // null: none was due
	At  time.Time  `json:"at"`
	By  string     `json:"by"`
}

// Entry is something that somebody wrote or did.
type Entry struct {
	At   time.Time `json:"at"`
	By   string    `json:"by"`
	Text string    `json:"text"`
}

// Alarm is one alarm, from its condition to its end.
type Alarm struct {
	Words        string           `json:"words"`
	Priority     session.Priority `json:"priority"` // the highest that it reached
	Since        time.Time        `json:"since"`    // when the condition began
	Raised       time.Time        `json:"raised"`
	Late         bool             `json:"late,omitempty"` // the server was not running when it was due
	Acknowledged []Entry          `json:"acknowledged"`
	Ended        *time.Time       `json:"ended"`
	Why          string           `json:"why,omitempty"`      // it ended
	Resolved     *Entry           `json:"resolved,omitempty"` // by somebody, in their words
}

// Call is one call of a chaperone into the room.
type Call struct {
	Who    string     `json:"who"`
	To     string     `json:"to"`
	At     time.Time  `json:"at"`
	Going  *time.Time `json:"going"`
	With   *time.Time `json:"with"`
	Report *Entry     `json:"report,omitempty"`
}

// Interruption is a connection, a picture or a sound that was lost.
type Interruption struct {
	Who  string     `json:"who"`
	What string     `json:"what"` // "connection", "picture", "sound"; "voice": the therapists', as it arrived there
	From time.Time  `json:"from"` // when it was last there
	To   *time.Time `json:"to"`   // null: it did not come back
}

// Of reads the record out of a session's events, from the first on, and returns it
// with the state that they lead to. The error is that of an event that does not fit.
func Of(events []session.Event) (Record, *session.State, error) {
	r := reader{s: &session.State{}, clients: map[session.SeatID]*Client{}}
	for _, e := range events {
		before := r.dueBefore(e)
		if err := r.s.Apply(e); err != nil {
			return Record{}, nil, fmt.Errorf("event %d of the record: %w", e.Seq, err)
		}
		// In the words of then: an alarm that is long over still has its own.
		if words, kind := r.s.Line(e), session.LineKind(e.Fact); words != "" && kind != "" {
			r.out.Lines = append(r.out.Lines, session.LineView{Seq: e.Seq, At: e.At, Words: words, Kind: kind})
		}
		r.read(e, before)
	}
	return r.close(), r.s, nil
}
