package session

import (
	"maps"
	"slices"
	"time"
)

// State is everything that a session is, folded from its events. It has one
// owner: nothing in it may be changed but by Apply, and it may be read
// concurrently only while nobody applies.
//
// What its maps, slices and pointers hold is shared with the states before it and
// never changed in place, but for Clients, Chaperones and Alarms, which each state
// has its own of: Apply puts another in its place.
type State struct {
	ID       string
	Owner    string
	Practice bool
	Pace     Pace
	StartsAt time.Time
	OpensAt  time.Time
	Settings Settings
	Seats    []Seat

	Seq      uint64    // of the last event
	Head     Hash      // its hash
	Recorded time.Time // its recorded time

	Clients    []*ClientState // in seat order
	Chaperones []*ChaperoneState
	Presence   map[SeatID]Presence
	Devices    map[SeatID]CheckDevice // what each seat's device check found
	Links      map[SeatID]Invitation
	Waiting    []DeviceAsked // browsers that wait to be let in
	Alarms     []*Alarm      // every alarm that was raised and is not cleared
	Watches    []Watch       // conditions that have begun and not yet raised
	Deadlines  []Deadline    // soonest first
	Recent     []*Event      // the last events that have a line on the therapist's screen
	SignedAt   time.Time
	SignedBy   SeatID

	nextAlarm   int
	nextRequest int
	done        map[string]uint64 // seat/command id → seq of the last event it caused
	scratch     bool              // a copy inside Decide: it takes unlinked events, and does not note what they leave behind
}

// ClientState is what holds for one client.
type ClientState struct {
	Seat       SeatID
	Phase      Phase
	PhaseSince time.Time
	Order      Order

	Introduced    bool
	Stated        *StateAddress
	Today         *AnswerToday
	ConsentGiven  string // version
	ChaperoneSees bool
	Music         bool // plays in their room
	Gates         map[GateID]GateState
	Auth          *Authorization
	Doses         []Dose
	Windows       Windows
	CheckIn       CheckInState
	Vitals        []Vitals
	SideEffects   []SideEffect
	Ratings       []Rating
	Criteria      map[CriterionID]GateState
	PictureLost   time.Time // zero: fine
	SoundLost     time.Time
	VoiceLost     time.Time // no therapist is heard by them
	WordsOffered  string
	Summary       string
	CPT           string
	ReleasedAt    time.Time
	EndReason     string
}

// GateState is how a gate or criterion stands; absent means open and never settled.
type GateState struct {
	State  string // "open", "passed", "overridden"
	Reason string
	At     time.Time
	By     SeatID
	Values map[string]string
}

// Authorization allows one dose.
type Authorization struct {
	Number  int
	Mg      float64
	Tablets int
	At      time.Time
	Lapses  time.Time
	Ended   string // why it no longer holds; empty: it holds
}

// Dose is one dose taken. At is the time that counts: corrected, where it was corrected.
type Dose struct {
	Number      int              `json:"number"`
	Mg          float64          `json:"mg"`
	Tablets     int              `json:"tablets"`
	At          time.Time        `json:"at"`
	By          SeatID           `json:"by"`
	WitnessedBy SeatID           `json:"witnessed_by,omitempty"`
	PastGates   bool             `json:"past_gates,omitempty"`
	OpenGates   []GateID         `json:"open_gates,omitempty"`
	Reason      string           `json:"reason,omitempty"`
	Outcome     string           `json:"outcome,omitempty"` // of the hold
	Corrections []DoseCorrection `json:"corrections,omitempty"`
}

// DoseCorrection keeps the values that were corrected.
type DoseCorrection struct {
	At      time.Time `json:"at"` // the value before
	Mg      float64   `json:"mg"`
	Tablets int       `json:"tablets,omitempty"` // 0: they were not corrected
	Reason  string    `json:"reason"`
	By      SeatID    `json:"by"`
	On      time.Time `json:"on"` // when it was corrected
}

// Windows are the times that follow from the doses. They are computed when a
// dose is recorded or corrected and stand in that event: folding needs no rule.
type Windows struct {
	T0          time.Time `json:"t0"`           // first dose taken
	HoldEnds    time.Time `json:"hold_ends"`    // of all tablets so far
	Offered     time.Time `json:"offered"`      // T+45
	Overdue     time.Time `json:"overdue"`      // T+90
	VitalsDue   time.Time `json:"vitals_due"`   // T+40
	PlannedEnd  time.Time `json:"planned_end"`  // T+150
	ReleaseFrom time.Time `json:"release_from"` // last dose + 120 min
	ReleaseBy   time.Time `json:"release_by"`   // then overdue
}

// CheckInState is the chaperone's round for one client.
type CheckInState struct {
	Last time.Time
	By   SeatID
	Due  time.Time // zero: none
}

// Vitals is one reading.
type Vitals struct {
	At        time.Time `json:"at"`
	Systolic  int       `json:"systolic"`
	Diastolic int       `json:"diastolic"`
	HeartRate int       `json:"heart_rate,omitempty"`
	SpO2      int       `json:"spo2,omitempty"`
	Source    string    `json:"source,omitempty"`
	By        SeatID    `json:"by"`
	Level     string    `json:"level"` // "ok", "caution", "block", "alarm"
}

// SideEffect is one, from onset to resolution.
type SideEffect struct {
	ID       string     `json:"id"`
	Kind     string     `json:"kind"`
	Note     string     `json:"note,omitempty"`
	Onset    time.Time  `json:"onset"`
	Resolved *time.Time `json:"resolved,omitempty"`
	Action   string     `json:"action,omitempty"`
	By       SeatID     `json:"by"`
}

// Rating is one rating on a scale.
type Rating struct {
	Scale string    `json:"scale"`
	Value int       `json:"value"`
	At    time.Time `json:"at"`
	By    SeatID    `json:"by"`
}

// Presence is what the server knows of the connection to a seat.
type Presence struct {
	Conn  string // current connection; empty: lost
	Peer  string
	Since time.Time // connected since, or last heard
	Node  string    // the process that the page is, or was, connected to; empty: not told
	Media bool      // as the page said when it came
	Relay bool
	Left  bool // it went for good

	Instead time.Time // when this page took the seat from another that was connected; zero: it did not
}

// Invitation is the link of a seat, and the browsers that it let in.
type Invitation struct {
	Hash    string
	Issued  time.Time
	Expires time.Time
	Revoked bool
	Devices []string // hashes of the browsers let in
	Refused []string // and of those turned away
}

// ChaperoneState is what holds for one chaperone.
type ChaperoneState struct {
	Seat      SeatID
	Parts     map[ChaperonePart]time.Time
	Arrived   time.Time // zero: not here
	Leaving   time.Time // zero: not leaving
	Confirmed time.Time // last own tap
	Call      *Call
}

// Call is a call on the chaperone's screen.
type Call struct {
	Client SeatID
	Also   []SeatID // whom they were called to before, and have not reported on yet
	Alarm  string   // the alarm that called; empty: the therapist did
	Sit    bool     // sit with the client, the therapist is away
	Since  time.Time
	Going  time.Time
	With   time.Time
}

// clients lists everybody that the call is about, the newest first.
func (c *Call) clients() []SeatID { return append([]SeatID{c.Client}, c.Also...) }

// Alarm is one that was raised.
type Alarm struct {
	ID           string
	Condition    Condition
	Client       SeatID // whom it is about
	Subject      SeatID // whose seat it is about, where that is another
	Words        string
	Priority     Priority
	Since        time.Time
	Raised       time.Time
	Late         bool
	Rung         int // index of the last rung reached
	Ladder       []DueRung
	Acknowledged time.Time
	AckBy        SeatID
	Shown        time.Time
	Ended        time.Time
	MayAck       []Role
	MayClear     []Role
	OnScreen     bool // stands on the therapists' screens: a prompt to the chaperone alone does not
	Loud         bool // the chaperone is prompted with sound
	Dial         bool
	Card         bool
	ClientToo    bool
}

// DueRung is a rung with the time at which it is reached.
type DueRung struct {
	Due         time.Time `json:"due"`
	Priority    Priority  `json:"priority"`
	Do          []Do      `json:"do"`
	UnlessAcked bool      `json:"unless_acknowledged,omitempty"`
}

// Watch is a condition that has begun; it raises its alarm at Due unless it ends before.
type Watch struct {
	Condition Condition `json:"condition"`
	Client    SeatID    `json:"client,omitempty"`
	Subject   SeatID    `json:"subject,omitempty"`
	Since     time.Time `json:"since"`
	Due       time.Time `json:"due"`
}

// DeadlineKind says what is decided when a deadline is reached.
type DeadlineKind string

// The kinds of deadline.
const (
	DueOpen         DeadlineKind = "room_opens"
	DueChaperone    DeadlineKind = "chaperone_due"
	DueLapse        DeadlineKind = "authorization_lapses"
	DueHold         DeadlineKind = "hold_ends"
	DueWindow       DeadlineKind = "window_opens"
	DueOverdue      DeadlineKind = "window_overdue"
	DueVitals       DeadlineKind = "vitals_due"
	DueRemeasure    DeadlineKind = "remeasure_due"
	DueCheckIn      DeadlineKind = "check_in_due"
	DuePlannedEnd   DeadlineKind = "planned_end"
	DueReleaseFrom  DeadlineKind = "release_from"
	DueReleaseBy    DeadlineKind = "release_overdue"
	DueWatch        DeadlineKind = "watch"
	DueRungOfLadder DeadlineKind = "rung"
)

// Deadline is a time at which the clock itself has something to say.
type Deadline struct {
	At        time.Time
	Kind      DeadlineKind
	Client    SeatID
	Alarm     string    // of a rung
	Rung      int       // of a rung: index into the alarm's ladder
	Condition Condition // of a watch
	Subject   SeatID    // of a watch
}

// Summary is what lists show of a session without replaying it.
type Summary struct {
	ID       string          `json:"id"`
	Owner    string          `json:"owner"`
	Practice bool            `json:"practice"`
	StartsAt time.Time       `json:"starts_at"`
	Clients  []SummaryClient `json:"clients"`
	Arrived  []SeatID        `json:"arrived"` // connected now
	Alarm    Priority        `json:"alarm,omitempty"`
	Signed   bool            `json:"signed"`
	At       time.Time       `json:"at"` // of the last event, by the clock on the wall
}

// SummaryClient is one client in a Summary.
type SummaryClient struct {
	Seat      SeatID     `json:"seat"`
	Name      string     `json:"name"`
	Pronouns  string     `json:"pronouns,omitempty"`
	Phase     Phase      `json:"phase"`
	OpenGates []string   `json:"open_gates,omitempty"` // titles
	T0        *time.Time `json:"t0,omitempty"`
	Number    int        `json:"number,omitempty"`
	Of        int        `json:"of,omitempty"`
}

// clone returns a copy that Apply may change without the original noticing. It
// is a scratch: it remembers nothing of commands done and of recent events that
// the original does not, and takes unlinked events.
func (s *State) clone() *State {
	c := *s
	c.Clients, c.Chaperones, c.Alarms = copies(s.Clients), copies(s.Chaperones), copies(s.Alarms)
	c.scratch = true
	return &c
}

// copies returns what all point to in places of their own.
func copies[T any](all []*T) []*T {
	own, places := make([]*T, len(all)), make([]T, len(all))
	for i, p := range all {
		places[i] = *p
		own[i] = &places[i]
	}
	return own
}

// set returns m with another value for a key, and leaves m as it is.
func set[K comparable, V any](m map[K]V, key K, value V) map[K]V {
	m = maps.Clone(m)
	m[key] = value
	return m
}

// add returns all with one more at the end, and leaves all as it is.
func add[T any](all []T, one T) []T { return slices.Concat(all, []T{one}) }

// change returns all with the one at i changed, and leaves all as it is.
func change[T any](all []T, i int, f func(*T)) []T {
	all = slices.Clone(all)
	f(&all[i])
	return all
}

// Seat returns a seat of the session.
func (s *State) Seat(id SeatID) (Seat, bool) {
	for _, seat := range s.Seats {
		if seat.ID == id {
			return seat, true
		}
	}
	return Seat{}, false
}

// Client returns the state of a client seat, or nil.
func (s *State) Client(id SeatID) *ClientState {
	for _, c := range s.Clients {
		if c.Seat == id {
			return c
		}
	}
	return nil
}

// Chaperone returns the state of a chaperone seat, or nil.
func (s *State) Chaperone(id SeatID) *ChaperoneState {
	for _, c := range s.Chaperones {
		if c.Seat == id {
			return c
		}
	}
	return nil
}

// Present reports whether somebody is connected to the seat, or to the seat
// whose device it shares. After signing nobody's coming and going is recorded:
// then nobody is known to be there.
func (s *State) Present(id SeatID) bool {
	if !s.SignedAt.IsZero() {
		return false
	}
	if s.Presence[id].Conn != "" {
		return true
	}
	seat, ok := s.Seat(id)
	return ok && seat.SharesWith != "" && s.Presence[seat.SharesWith].Conn != ""
}

// Alarm returns an alarm that is not cleared, or nil.
func (s *State) Alarm(id string) *Alarm {
	for _, a := range s.Alarms {
		if a.ID == id {
			return a
		}
	}
	return nil
}

func (s *State) name(id SeatID) string {
	switch id {
	case Clock:
		return "clock"
	case Server:
		return "server"
	}
	if seat, ok := s.Seat(id); ok && seat.Name != "" {
		return seat.Name
	}
	return string(id)
}

func (s *State) dosed() bool {
	return slices.ContainsFunc(s.Clients, func(c *ClientState) bool { return c.Phase.Dosed() })
}
