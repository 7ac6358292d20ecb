package session

import "time"

// View is all that one seat learns: what it may know, and what it may do now.
// It is whole: a screen repaints from one view and needs no other. Fields that
// a role may not know are absent from its JSON. Times are session times.
type View struct {
	Session  string    `json:"session"`
	Seq      uint64    `json:"seq"`      // of the last event in it
	Now      time.Time `json:"now"`      // the session's time when this view was made
	Rate     float64   `json:"rate"`     // 1; above 1 in a practice session with a fast clock
	Practice bool      `json:"practice"` // nothing real happens here
	StartsAt time.Time `json:"starts_at"`
	OpensAt  time.Time `json:"opens_at"`
	Signed   bool      `json:"signed"`

	You     You          `json:"you"`
	People  []PersonView `json:"people"`
	Clients []ClientView `json:"clients"` // a client sees only themself (and who shares their device); a chaperone, those in their care
	Alarms  []AlarmView  `json:"alarms"`  // not cleared, what matters most first; never at the client
	Actions []ActionView `json:"actions"`

	Call    *CallView    `json:"call,omitempty"`    // chaperone: the whole screen
	Ways    []WayView    `json:"ways,omitempty"`    // chaperone: numbers to call
	Parts   []PartView   `json:"parts,omitempty"`   // chaperone: their own parts of the gate
	Devices []DeviceView `json:"devices,omitempty"` // therapist: browsers that wait to be let in
	Lines   []LineView   `json:"lines,omitempty"`   // therapist: the record in words, oldest first
	States  []string     `json:"states,omitempty"`  // therapist: licensed states
	Consent string       `json:"consent,omitempty"` // client: version to be consented to
}

// You is the seat that a view is for.
type You struct {
	Seat    SeatID `json:"seat"`
	Role    Role   `json:"role"`
	Name    string `json:"name"`
	Arrived bool   `json:"arrived"` // chaperone: has tapped "I'm here" and not left
	Leaving bool   `json:"leaving"` // chaperone: has said they must leave
}

// PersonView is somebody in the session. Present means connected now, by the
// server's knowledge; Confirmed is a chaperone's last own tap.
type PersonView struct {
	Seat      SeatID       `json:"seat"`
	Role      Role         `json:"role"`
	Name      string       `json:"name"`
	Pronouns  string       `json:"pronouns,omitempty"`
	Present   bool         `json:"present"`
	Since     *time.Time   `json:"since,omitempty"`   // connected since, or lost since; absent: was never here
	Instead   *time.Time   `json:"instead,omitempty"` // therapist only: when this page took the seat from another that was connected
	Confirmed *time.Time   `json:"confirmed,omitempty"`
	Arrived   bool         `json:"arrived,omitempty"`
	Leaving   bool         `json:"leaving,omitempty"`
	Phone     string       `json:"phone,omitempty"`  // therapist only
	Device    *CheckDevice `json:"device,omitempty"` // therapist only: what their device check found
	Link      string       `json:"link,omitempty"`   // therapist only: "none", "valid", "used", "expired", "revoked"
	Parts     []PartView   `json:"parts,omitempty"`  // therapist only, of a chaperone
	Call      *CallView    `json:"call,omitempty"`   // therapist only: a chaperone who is called in, and how far they are
	Near      bool         `json:"near,omitempty"`   // of a chaperone, to the client: it is true now that they are in the next room
}

// PartView is one part of the chaperone gate.
type PartView struct {
	ID    ChaperonePart `json:"id"`
	Title string        `json:"title"`
	Done  bool          `json:"done"`
}

// ClientView is one client. A client sees of themself: seat, name, pronouns,
// stage, steps, help and words. A chaperone: seat, name, pronouns, stage, T0, look.
type ClientView struct {
	Seat     SeatID `json:"seat"`
	Name     string `json:"name"`
	Pronouns string `json:"pronouns,omitempty"`
	Phase    Phase  `json:"phase"`

	// Client only.
	Steps         *StepsView `json:"steps,omitempty"`
	Help          *HelpView  `json:"help,omitempty"`
	Words         string     `json:"words,omitempty"`          // reflection words on offer
	MayTake       *MayTake   `json:"may_take,omitempty"`       // before and at the dose: what is about to be taken
	Dimmed        bool       `json:"dimmed,omitempty"`         // the dark screen
	VisitAt       *time.Time `json:"visit_at,omitempty"`       // after the end: the integration visit that was booked
	ChaperoneSees bool       `json:"chaperone_sees,omitempty"` // the client has allowed it; therapist too
	Music         bool       `json:"music,omitempty"`          // plays in their room: nothing is filtered out of the sound; therapist too

	// Chaperone and therapist.
	T0        *time.Time `json:"t0,omitempty"` // first dose
	Look      *LookView  `json:"look,omitempty"`
	VitalsAsk bool       `json:"vitals_ask,omitempty"` // a reading is due

	// Therapist only.
	PhaseSince    *time.Time         `json:"phase_since,omitempty"`
	Order         *Order             `json:"order,omitempty"`
	Stated        *StateAddress      `json:"stated,omitempty"` // as the client stated it
	Today         *AnswerToday       `json:"today,omitempty"`
	Gates         []GateView         `json:"gates,omitempty"`
	Authorization *AuthorizationView `json:"authorization,omitempty"`
	Doses         []Dose             `json:"doses,omitempty"`
	Windows       *Windows           `json:"windows,omitempty"`
	Holding       *time.Time         `json:"holding,omitempty"` // a hold timer runs until
	Next          []NextView         `json:"next,omitempty"`    // what comes next, soonest first
	Vitals        []Vitals           `json:"vitals,omitempty"`
	Limits        *Limits            `json:"limits,omitempty"`
	SideEffects   []SideEffect       `json:"side_effects,omitempty"`
	Ratings       []Rating           `json:"ratings,omitempty"`
	Criteria      []CriterionView    `json:"criteria,omitempty"`
	PictureLost   *time.Time         `json:"picture_lost,omitempty"`
	SoundLost     *time.Time         `json:"sound_lost,omitempty"`
	VoiceLost     *time.Time         `json:"voice_lost,omitempty"` // no therapist is heard by them, and one means to be
	Card          *Card              `json:"card,omitempty"`
	Summary       string             `json:"summary,omitempty"`
	CPT           string             `json:"cpt,omitempty"`
}

// StepsView is what the client has already settled on arrival: a reload continues.
type StepsView struct {
	Device     bool          `json:"device"`
	Introduced bool          `json:"introduced"`
	Address    *StateAddress `json:"address,omitempty"`
	Today      *AnswerToday  `json:"today,omitempty"`
	Consented  bool          `json:"consented"`
	SaidYes    bool          `json:"said_yes"`
	Open       []GateID      `json:"open,omitempty"` // the gates still open, while checking in
}

// HelpView is what is true about a call for help.
type HelpView struct {
	Stage string `json:"stage"` // "calling", "known" (stands on the therapist's screen), "coming", "with"
	Who   string `json:"who,omitempty"`
}

// MayTake is the dose that is authorised now.
type MayTake struct {
	Number  int     `json:"number"`
	Mg      float64 `json:"mg"`
	Tablets int     `json:"tablets"`
}

// LookView is the chaperone's round.
type LookView struct {
	Last   *time.Time `json:"last,omitempty"`
	By     string     `json:"by,omitempty"`
	Due    *time.Time `json:"due,omitempty"`
	Every  Seconds    `json:"every_s"`
	Prompt string     `json:"prompt,omitempty"` // "due": look in now; "loud": the same, with sound
}

// GateView is one gate as the therapist sees it.
type GateView struct {
	ID     GateID            `json:"id"`
	Title  string            `json:"title"`
	State  string            `json:"state"`            // "open", "passed", "overridden"
	Reason string            `json:"reason,omitempty"` // of an override, or why it is open again
	At     *time.Time        `json:"at,omitempty"`
	By     string            `json:"by,omitempty"`
	Values map[string]string `json:"values,omitempty"`
	Fields []Field           `json:"fields,omitempty"` // empty: settled by other means, see Hint
	Hint   string            `json:"hint,omitempty"`
}

// CriterionView is one release criterion as the therapist sees it.
type CriterionView struct {
	ID     CriterionID       `json:"id"`
	Title  string            `json:"title"`
	Met    bool              `json:"met"`
	Why    string            `json:"why,omitempty"` // why not
	At     *time.Time        `json:"at,omitempty"`
	By     string            `json:"by,omitempty"`
	Values map[string]string `json:"values,omitempty"`
	Fields []Field           `json:"fields,omitempty"`
}

// AuthorizationView is the authorisation and whether it holds now.
type AuthorizationView struct {
	Number  int       `json:"number"`
	Mg      float64   `json:"mg"`
	Tablets int       `json:"tablets"`
	At      time.Time `json:"at"`
	Lapses  time.Time `json:"lapses"`
	Valid   bool      `json:"valid"`
	Why     string    `json:"why,omitempty"` // why it does not hold
}

// NextView is a thing that comes.
type NextView struct {
	Words string    `json:"words"`
	At    time.Time `json:"at"`
}

// AlarmView is one alarm.
type AlarmView struct {
	ID             string     `json:"id"`
	Condition      Condition  `json:"condition"`
	Client         SeatID     `json:"client,omitempty"`
	Words          string     `json:"words"`
	Priority       Priority   `json:"priority"`
	Since          time.Time  `json:"since"`  // when the condition began
	Raised         time.Time  `json:"raised"` // when the alarm was raised
	Late           bool       `json:"late,omitempty"`
	Rung           int        `json:"rung"` // 1 is the first
	Rungs          int        `json:"rungs"`
	Acknowledged   *time.Time `json:"acknowledged,omitempty"`
	AcknowledgedBy string     `json:"acknowledged_by,omitempty"`
	Ended          *time.Time `json:"ended,omitempty"` // the condition is over; a high one stays until acknowledged
	Shown          bool       `json:"shown"`           // stands on a therapist's screen
	Mine           bool       `json:"mine"`            // I may acknowledge it
	Own            bool       `json:"own,omitempty"`   // I have asked for it
	MayClear       bool       `json:"may_clear"`
	Dial           []WayView  `json:"dial,omitempty"` // whom to call now
	Card           bool       `json:"card,omitempty"` // opens the emergency card by itself
}

// ActionView is one thing that this seat can do at all, whether now, and if not, why not.
type ActionView struct {
	Act     string `json:"act"`
	Client  SeatID `json:"client,omitempty"`
	Allowed bool   `json:"allowed"`
	Reason  string `json:"reason,omitempty"` // why not; or, when allowed, what is needed
	Needs   string `json:"needs,omitempty"`  // "reason": allowed only with a written reason
	Primary bool   `json:"primary,omitempty"`
	Number  int    `json:"number,omitempty"` // of the dose, for AuthorizeDose and RecordDose
}

// CallView fills the chaperone's screen.
type CallView struct {
	Client SeatID    `json:"client"`
	Words  string    `json:"words"` // "Please go to Alex now. The therapist is asking."
	Stage  string    `json:"stage"` // "called", "going", "with"
	Since  time.Time `json:"since"`
}

// WayView is a number to call.
type WayView struct {
	Name  string `json:"name"`
	Phone string `json:"phone"`
}

// DeviceView is a browser that waits to be let in.
type DeviceView struct {
	Request string    `json:"request"`
	Seat    SeatID    `json:"seat"`
	Name    string    `json:"name"`
	Words   string    `json:"words"`
	Since   time.Time `json:"since"`
}

// LineView is one line of the record in words.
type LineView struct {
	Seq   uint64    `json:"seq"`
	At    time.Time `json:"at"`
	Words string    `json:"words"`
	Kind  string    `json:"kind"` // "phase", "dose", "vitals", "check_in", "alarm", "note", "link", "gate", "end", "other"
}

// Card is the emergency card: what is said on the phone, and what is known.
type Card struct {
	Script     []string  `json:"script"` // sentences to read aloud
	Address    string    `json:"address"`
	Confirmed  string    `json:"confirmed"` // when the address was confirmed, or that it was not
	Emergency  string    `json:"emergency"` // local emergency number
	Ways       []WayView `json:"ways"`      // client, chaperone, prescriber
	Doses      []string  `json:"doses"`
	Vitals     string    `json:"vitals"`
	Conditions string    `json:"conditions"`
}
