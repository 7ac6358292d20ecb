package session

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"time"
	"unicode/utf8"
)

// Command is one act of one seat. The id is made by the screen, so that a
// resend after a lost answer has no second effect; all else but the act is set by
// the server's edge and never by a screen.
//
// A fact is recorded with the time at which it was given, not with the one at which
// a busy disk or a lost connection let it through: see Given.
type Command struct {
	ID      string // 1 to 64 characters, unique per seat; empty only for the clock
	Seat    SeatID
	Conn    string
	Do      Act
	Given   time.Time // when it was given, by the session's clock: its age is measured on the page and at the edge; zero: now
	Undated bool      // nobody knows when: the device slept before it could be sent
}

// Act is the typed body of a command, in the imperative. The name of its Go
// type is its name on the wire.
type Act any

// Limits of what an act may carry.
const (
	MaxCommandID = 64
	MaxName      = 120    // bytes of a name, a number, a city
	MaxText      = 20_000 // bytes of a note, a reason, a summary
)

// Acts of the server: nobody's screen may send them.
type (
	// CreateSession begins the log. It is the console's act, checked there.
	CreateSession struct {
		ID       string           `json:"id"`    // of the session and its log
		Owner    string           `json:"owner"` // account of the therapist
		Seats    []Seat           `json:"seats"`
		Orders   map[SeatID]Order `json:"orders"` // per client seat
		StartsAt time.Time        `json:"starts_at"`
		Settings Settings         `json:"settings"`
		Practice bool             `json:"practice"` // nothing real happens; marked on every screen
		Pace     Pace             `json:"pace"`     // rate above 1 only in practice sessions
	}
	// JoinPeer reports that a connection took its seat; an older one is replaced.
	JoinPeer struct {
		Seat  SeatID `json:"seat"`
		Peer  string `json:"peer"`            // the page; the same page keeps running media
		Node  string `json:"node,omitempty"`  // the process that it is connected to; empty: there is only one
		Media bool   `json:"media,omitempty"` // the page can exchange picture and sound
		Relay bool   `json:"relay,omitempty"` // and knows what to do with the relay
	}
	// LosePeer reports that a connection was lost. One that is no longer current is nothing.
	LosePeer struct {
		Seat    SeatID    `json:"seat"`
		Lost    string    `json:"lost"`              // the connection's id
		Heard   time.Time `json:"heard"`             // the last thing heard over it
		Restart bool      `json:"restart,omitempty"` // its process is gone
		Left    bool      `json:"left,omitempty"`    // the page said that it goes for good
	}
	// ReportPicture says that a client's picture stopped or returned, as the server judged it.
	ReportPicture struct {
		Client SeatID    `json:"client"`
		Lost   bool      `json:"lost"`
		Since  time.Time `json:"since"` // last new frame, or the first one again
	}
	// ReportSound is the same for the client's sound.
	ReportSound struct {
		Client SeatID    `json:"client"`
		Lost   bool      `json:"lost"`
		Since  time.Time `json:"since"`
	}
	// ReportVoice is the same for what the client hears of the therapists: of all of
	// them together.
	ReportVoice struct {
		Client SeatID    `json:"client"`
		Lost   bool      `json:"lost"`
		Since  time.Time `json:"since"`
	}
	// IssueInvitation makes a link valid for a seat, replacing an earlier one.
	IssueInvitation struct {
		Seat    SeatID    `json:"seat"`
		Hash    string    `json:"hash"` // SHA-256 of the secret, hexadecimal; the secret itself is never kept
		Expires time.Time `json:"expires"`
	}
	// RevokeInvitation ends a link and every device that it let in.
	RevokeInvitation struct {
		Seat SeatID `json:"seat"`
	}
	// OpenLink is a browser that shows a link's secret and asks for its seat.
	OpenLink struct {
		Seat   SeatID `json:"seat"`
		Hash   string `json:"hash"`   // of the secret that the browser showed
		Device string `json:"device"` // hash of the browser's own cookie secret
		Words  string `json:"words"`  // what the device says it is: "Chrome on Android"
	}
	// ReachDeadline is the clock's: every deadline up to now is decided.
	ReachDeadline struct{}
)

// Acts of people, before the dose.
type (
	// AddSeat adds a co-therapist or a chaperone during a session.
	AddSeat struct {
		Seat Seat `json:"seat"`
	}
	// UpdateSeat changes a name or a phone number.
	UpdateSeat struct {
		Seat     SeatID `json:"seat"`
		Name     string `json:"name"`
		Pronouns string `json:"pronouns"`
		Phone    string `json:"phone"`
	}
	// CorrectOrder corrects an order that was entered wrongly, before anything was
	// taken on it; both stay in the record, and what rested on the old one is checked
	// again.
	CorrectOrder struct {
		Client SeatID `json:"client"`
		Order  Order  `json:"order"`
		Reason string `json:"reason"`
	}
	// Reschedule moves the start of a session that has not begun. The links that were
	// sent open as long after it as they did before.
	Reschedule struct {
		StartsAt time.Time `json:"starts_at"`
	}
	// AdmitDevice lets another browser onto a seat: the therapist's one tap.
	AdmitDevice struct {
		Request string `json:"request"`
	}
	// RefuseDevice turns it away.
	RefuseDevice struct {
		Request string `json:"request"`
	}
	// CheckDevice tells what the page's own test of camera, microphone and loudspeaker found.
	CheckDevice struct {
		Camera      string `json:"camera"`      // "ok", "none", "refused", "busy", "failed"
		Microphone  string `json:"microphone"`  // the same
		Loudspeaker string `json:"loudspeaker"` // "heard", "not_heard", "untested"
	}
	// IntroduceSelf is the client's own name and pronouns.
	IntroduceSelf struct {
		Client   SeatID `json:"client"`
		Name     string `json:"name"`
		Pronouns string `json:"pronouns"`
	}
	// StateAddress is where the client says they are today; the therapist confirms it as a gate.
	StateAddress struct {
		Client SeatID `json:"client"`
		Street string `json:"street"`
		City   string `json:"city"`
		State  string `json:"state"`
		Access string `json:"access"`
		Phone  string `json:"phone"`
	}
	// AnswerToday is the client's answers to the questions of today.
	AnswerToday struct {
		Client    SeatID `json:"client"`
		Fasted    bool   `json:"fasted"`
		Changes   string `json:"changes"`   // health or medicines since screening
		Intention string `json:"intention"` // for today
	}
	// GiveConsent is the client's consent to the version shown.
	GiveConsent struct {
		Client  SeatID `json:"client"`
		Version string `json:"version"`
	}
	// AllowChaperone lets the chaperone see and hear; only before the dose.
	AllowChaperone struct {
		Client SeatID `json:"client"`
		See    bool   `json:"see"`
	}
	// HideFromChaperone takes that back: at any time, by the client, or by a
	// therapist on the client's behalf.
	HideFromChaperone struct {
		Client SeatID `json:"client"`
	}
	// SetMusic says whether music plays in the client's room: then nothing is
	// filtered out of the sound.
	SetMusic struct {
		Client SeatID `json:"client"`
		On     bool   `json:"on"`
	}
	// Admit brings the client from the lobby to the check-in.
	Admit struct {
		Client SeatID `json:"client"`
		Reason string `json:"reason"` // needed where the device check is not done
	}
	// SettleGate passes a gate with the values that its row asks for ("check" fields carry "yes").
	SettleGate struct {
		Client SeatID            `json:"client"`
		Gate   GateID            `json:"gate"`
		Values map[string]string `json:"values"`
	}
	// ReopenGate opens a gate again.
	ReopenGate struct {
		Client SeatID `json:"client"`
		Gate   GateID `json:"gate"`
		Reason string `json:"reason"`
	}
	// OverrideGate passes an open gate with a written reason.
	OverrideGate struct {
		Client SeatID `json:"client"`
		Gate   GateID `json:"gate"`
		Reason string `json:"reason"`
	}
	// ConfirmChaperone settles one part of the chaperone gate.
	ConfirmChaperone struct {
		Chaperone SeatID        `json:"chaperone"`
		Part      ChaperonePart `json:"part"`
	}
	// Arrive is the chaperone's "I'm here"; after "I have to leave" it takes that back.
	Arrive struct{}
)

// Acts around the dose.
type (
	// AuthorizeDose allows one dose for a limited time.
	AuthorizeDose struct {
		Client  SeatID  `json:"client"`
		Number  int     `json:"number"` // 1, then 2 for a booster …
		Mg      float64 `json:"mg"`
		Tablets int     `json:"tablets"`
	}
	// WithdrawAuthorization takes it back.
	WithdrawAuthorization struct {
		Client SeatID `json:"client"`
		Reason string `json:"reason"`
	}
	// RecordDose is either tap: "I am taking it now", or the therapist's. The
	// second tap for the same number witnesses the first.
	RecordDose struct {
		Client SeatID `json:"client"`
		Number int    `json:"number"`
	}
	// RecordSwallowed records a dose that has already been taken, past every gate.
	RecordSwallowed struct {
		Client  SeatID    `json:"client"`
		Mg      float64   `json:"mg"`
		Tablets int       `json:"tablets"`
		At      time.Time `json:"at"` // as reported
		Reason  string    `json:"reason"`
	}
	// CorrectDose corrects time, amount and tablets; both values stay in the
	// record, and the hold follows the tablets.
	CorrectDose struct {
		Client  SeatID    `json:"client"`
		Number  int       `json:"number"`
		At      time.Time `json:"at"`
		Mg      float64   `json:"mg"`
		Tablets int       `json:"tablets,omitempty"` // 1 to 10; 0: as recorded
		Reason  string    `json:"reason"`
	}
	// RecordHold says what became of the medicine after the hold.
	RecordHold struct {
		Client  SeatID `json:"client"`
		Number  int    `json:"number"`
		Outcome string `json:"outcome"` // "swallowed" or "spat"
	}
	// MarkReturning ends the active phase; before T+45 only with a reason.
	MarkReturning struct {
		Client SeatID `json:"client"`
		Reason string `json:"reason"`
	}
	// OfferWords shows reflection words on the client's screen; empty takes them away.
	OfferWords struct {
		Client SeatID `json:"client"`
		Text   string `json:"text"`
	}
)

// Acts of observation: recordable in every phase that is not signed.
type (
	// RecordVitals is one reading.
	RecordVitals struct {
		Client    SeatID     `json:"client"`
		Systolic  int        `json:"systolic"`   // mmHg, 40 to 300
		Diastolic int        `json:"diastolic"`  // mmHg, 20 to 200
		HeartRate int        `json:"heart_rate"` // per minute, 20 to 250; 0: not taken
		SpO2      int        `json:"spo2"`       // per cent, 50 to 100; 0: not taken
		Source    string     `json:"source"`     // "home cuff", "read aloud"
		At        *time.Time `json:"at,omitempty"`
	}
	// RecordSideEffect notes the onset of one.
	RecordSideEffect struct {
		Client SeatID     `json:"client"`
		Kind   string     `json:"kind"` // one of SideEffects, or free words
		Note   string     `json:"note"`
		At     *time.Time `json:"at,omitempty"`
	}
	// ResolveSideEffect notes its end and what was done.
	ResolveSideEffect struct {
		Client SeatID     `json:"client"`
		ID     string     `json:"id"`
		Action string     `json:"action"`
		At     *time.Time `json:"at,omitempty"`
	}
	// Rate is a rating: MOAA/S 0 to 5 (never an all-clear), dissociation 0 to 4.
	Rate struct {
		Client SeatID     `json:"client"`
		Scale  string     `json:"scale"` // "moaas" or "dissociation"
		Value  int        `json:"value"`
		At     *time.Time `json:"at,omitempty"`
	}
	// RecordIntervention notes what was done.
	RecordIntervention struct {
		Client SeatID     `json:"client"`
		Text   string     `json:"text"`
		At     *time.Time `json:"at,omitempty"`
	}
	// WriteNote is a line of the record; its time is that at which it was begun.
	WriteNote struct {
		Text  string     `json:"text"`
		Begun *time.Time `json:"begun,omitempty"`
	}
	// CheckIn is "I looked in: all well". An empty client means everyone in this chaperone's care.
	CheckIn struct {
		Client SeatID     `json:"client,omitempty"`
		At     *time.Time `json:"at,omitempty"`
	}
)

// Acts of alarm.
type (
	// AskHelp is the client's button.
	AskHelp struct {
		Client SeatID `json:"client"`
	}
	// RaiseAlarm raises a condition that a person sees.
	RaiseAlarm struct {
		Client    SeatID    `json:"client"`
		Condition Condition `json:"condition"`
		Words     string    `json:"words"`
	}
	// ShowAlarm is sent by a page when the alarm stands on its screen.
	ShowAlarm struct {
		Alarm string `json:"alarm"`
	}
	// AcknowledgeAlarm silences an alarm at the priority that was seen; it does not
	// end it. One that has become more urgent since is not silenced: it is refused.
	AcknowledgeAlarm struct {
		Alarm    string   `json:"alarm"`
		Priority Priority `json:"priority"` // as it stood on the screen
	}
	// AcknowledgeAlarms silences every alarm that it names, each at the priority
	// that was seen: what has become more urgent since, or was raised since, is not
	// silenced.
	AcknowledgeAlarms struct {
		Alarms []SeenAlarm `json:"alarms"` // 1 to 100
	}
	// ClearAlarm says that it is over, and how.
	ClearAlarm struct {
		Alarm string `json:"alarm"`
		Words string `json:"words"`
	}
	// CallChaperone is "Please go in".
	CallChaperone struct {
		Client SeatID `json:"client"`
	}
	// GoIn is the chaperone's "I'm going".
	GoIn struct{}
	// BeWith is the chaperone's "I'm with them".
	BeWith struct{}
	// ReportBack ends the call: all well, or we need help.
	ReportBack struct {
		Well  bool   `json:"well"`
		Words string `json:"words"`
	}
	// AnnounceLeaving is the chaperone's "I have to leave".
	AnnounceLeaving struct {
		Words string `json:"words"`
	}
	// OpenCard opens the emergency card.
	OpenCard struct {
		Client SeatID `json:"client"`
	}
)

// Acts of the end.
type (
	// BeginReleaseCheck moves to the release check.
	BeginReleaseCheck struct {
		Client SeatID `json:"client"`
	}
	// SettleCriterion settles a release criterion with the values its row asks for.
	SettleCriterion struct {
		Client    SeatID            `json:"client"`
		Criterion CriterionID       `json:"criterion"`
		Values    map[string]string `json:"values"`
	}
	// ReopenCriterion opens a criterion again.
	ReopenCriterion struct {
		Client    SeatID      `json:"client"`
		Criterion CriterionID `json:"criterion"`
		Reason    string      `json:"reason"`
	}
	// Release ends the visit with every criterion met.
	Release struct {
		Client SeatID `json:"client"`
	}
	// EndEarly ends it without them.
	EndEarly struct {
		Client SeatID `json:"client"`
		Reason string `json:"reason"`
	}
	// Transfer hands the client over to the emergency services.
	Transfer struct {
		Client SeatID `json:"client"`
		Reason string `json:"reason"`
	}
	// Cancel ends a visit in which nobody has dosed: this client's, or that of everybody in
	// the session, which is all of it or nothing.
	Cancel struct {
		Client SeatID `json:"client"`
		Reason string `json:"reason"`
		All    bool   `json:"all,omitempty"` // the others' too, where they have not ended
	}
	// WriteSummary is the therapist's summary; the last one counts, all stay.
	WriteSummary struct {
		Client SeatID `json:"client"`
		Text   string `json:"text"`
	}
	// EnterCode is the CPT code that the therapist bills.
	EnterCode struct {
		Client SeatID `json:"client"`
		CPT    string `json:"cpt"` // five digits
	}
	// Sign makes the record immutable: addenda only.
	Sign struct{}
	// AddAddendum adds to a signed record.
	AddAddendum struct {
		Text string `json:"text"`
	}
)

// SeenAlarm is an alarm as it stood on a screen.
type SeenAlarm struct {
	Alarm    string   `json:"alarm"`
	Priority Priority `json:"priority"`
}

// MaxSeenAlarms is how many alarms one AcknowledgeAlarms names at most: what it
// causes fits into one append.
const MaxSeenAlarms = 100

// SideEffects are the kinds offered (S0, S4); free words are taken too.
var SideEffects = []string{"nausea", "vomiting", "dizziness", "vertigo", "sedation", "fatigue", "double vision", "hypoesthesia", "dissociation"}

var acts = NewFacts(
	CreateSession{}, JoinPeer{}, LosePeer{}, ReportPicture{}, ReportSound{}, ReportVoice{}, IssueInvitation{}, RevokeInvitation{}, OpenLink{}, ReachDeadline{},
	AddSeat{}, UpdateSeat{}, CorrectOrder{}, Reschedule{}, AdmitDevice{}, RefuseDevice{}, CheckDevice{}, IntroduceSelf{}, StateAddress{}, AnswerToday{}, GiveConsent{}, AllowChaperone{}, HideFromChaperone{}, SetMusic{},
	Admit{}, SettleGate{}, ReopenGate{}, OverrideGate{}, ConfirmChaperone{}, Arrive{},
	AuthorizeDose{}, WithdrawAuthorization{}, RecordDose{}, RecordSwallowed{}, CorrectDose{}, RecordHold{}, MarkReturning{}, OfferWords{},
	RecordVitals{}, RecordSideEffect{}, ResolveSideEffect{}, Rate{}, RecordIntervention{}, WriteNote{}, CheckIn{},
	AskHelp{}, RaiseAlarm{}, ShowAlarm{}, AcknowledgeAlarm{}, AcknowledgeAlarms{}, ClearAlarm{}, CallChaperone{}, GoIn{}, BeWith{}, ReportBack{}, AnnounceLeaving{}, OpenCard{},
	BeginReleaseCheck{}, SettleCriterion{}, ReopenCriterion{}, Release{}, EndEarly{}, Transfer{}, Cancel{}, WriteSummary{}, EnterCode{}, Sign{}, AddAddendum{},
)

// Acts returns an empty value of every act, by name, for documents and tests.
func Acts() map[string]Act {
	all := make(map[string]Act, len(acts))
	for name, kind := range acts {
		all[name] = reflect.New(kind).Elem().Interface()
	}
	return all
}

// NewerActError says that an act, or a field of one, is none that this version knows:
// a page may be newer than its server for a while.
type NewerActError struct{ Words string }

func (e *NewerActError) Error() string { return e.Words }

// DecodeAct reads an act from a screen. Unknown names and unknown fields are
// refused with a *NewerActError, beside which the act comes as far as it is understood;
// everything else that is wrong, such as text that is not UTF-8, with another one.
func DecodeAct(name string, raw []byte) (Act, error) {
	kind, known := acts[name]
	if !known {
		return nil, &NewerActError{fmt.Sprintf("there is no command %.40q", name)}
	}
	if !utf8.Valid(raw) {
		return nil, fmt.Errorf("command %s: the text is not UTF-8", name)
	}
	if len(bytes.TrimSpace(raw)) == 0 {
		raw = []byte("{}")
	}
	act := reflect.New(kind)
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if err := dec.Decode(act.Interface()); err != nil {
		if known := reflect.New(kind); json.Unmarshal(raw, known.Interface()) == nil { // it is sound but for a field
			return known.Elem().Interface(), &NewerActError{fmt.Sprintf("command %s: %v", name, err)}
		}
		return nil, fmt.Errorf("command %s: %w", name, err)
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, fmt.Errorf("command %s: something follows its body", name)
	}
	return act.Elem().Interface(), nil
}
