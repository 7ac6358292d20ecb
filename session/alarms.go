package session

import (
	"fmt"
	"slices"
)

// Priority of an alarm, after IEC 60601-1-8.
type Priority string

// The priorities, lowest first.
const (
	Low    Priority = "low"
	Medium Priority = "medium"
	High   Priority = "high"
)

// Rank orders priorities: 1 low, 2 medium, 3 high, 0 none.
func (p Priority) Rank() int { return slices.Index([]Priority{"", Low, Medium, High}, p) }

// Condition names what an alarm is about.
type Condition string

// The conditions. CLINICAL.md, "Alarms", and rows of our own, marked [J] in DefaultAlarms.
const (
	HelpAskedFor        Condition = "help"
	Unresponsive        Condition = "unresponsive"
	Breathing           Condition = "breathing"
	ChestPain           Condition = "chest_pain"
	PleaseCome          Condition = "please_come"
	PleaseLook          Condition = "please_look"
	PictureGone         Condition = "picture_lost"
	SoundGone           Condition = "sound_lost"
	VoiceGone           Condition = "voice_lost"
	ClientGone          Condition = "client_lost"
	TherapistGone       Condition = "therapist_lost"
	ChaperoneGone       Condition = "chaperone_lost"
	ChaperoneNotArrived Condition = "chaperone_not_arrived"
	ChaperoneLeaves     Condition = "chaperone_leaves"
	CallUnanswered      Condition = "call_unanswered"
	CheckInMissed       Condition = "check_in"
	VitalsMissed        Condition = "vitals_due"
	VitalsHigh          Condition = "vitals_high"
	ActiveOverdue       Condition = "active_overdue"
	NotReleased         Condition = "not_released"
	GateReopenedAfter   Condition = "gate_reopened"
	TakenPastGates      Condition = "taken_past_gates"
)

// Do is what a rung does. An alarm stands on the therapists' screens from the
// first rung that does more than prompt the chaperone.
type Do string

// What a rung may do.
const (
	DoShow      Do = "show"           // on the therapists' screens
	DoCall      Do = "call_chaperone" // the chaperone's whole screen: please go in
	DoSit       Do = "sit_with"       // the chaperone's whole screen: please sit with them
	DoPrompt    Do = "prompt"         // a prompt on the chaperone's card
	DoPromptOut Do = "prompt_loud"    // the same with sound, and push where the phone can be reached
	DoReach     Do = "reach_phone"    // push, SMS, call to the chaperone's phone; where none is set up, the therapist is told to dial
	DoDialCard  Do = "dial_card"      // the therapist sees whom to call, with the number
	DoEmergency Do = "emergency_card" // the emergency card opens itself
	DoBackup    Do = "backup"         // the backup clinician is told
)

// Rung is one step of a ladder.
type Rung struct {
	After       Seconds  `json:"after_s"`  // since the condition began
	Priority    Priority `json:"priority"` // from here on
	Do          []Do     `json:"do"`
	UnlessAcked bool     `json:"unless_acknowledged,omitempty"` // skipped when somebody has acknowledged
}

// AlarmRule is one row of the table of alarms: data, so that a row is added without code.
type AlarmRule struct {
	Condition   Condition `json:"condition"`
	Words       string    `json:"words"` // {client}, {chaperone} and {therapist} are replaced by names
	Ladder      []Rung    `json:"ladder"`
	Acknowledge []Role    `json:"acknowledge"`
	Clear       []Role    `json:"clear"`       // who may say that it is over; empty: only its condition's end
	ClientToo   bool      `json:"client_told"` // the client's page says in words what is being done; never a sound
}

var (
	everyoneAwake  = []Role{Therapist, CoTherapist, Chaperone}
	therapistsOnly = []Role{Therapist, CoTherapist}
)

// DefaultAlarms is the table of CLINICAL.md. Of alarms that are equally high, the one
// whose row is above matters more: first what somebody says or has measured of the
// client's body, then that nobody sees, hears or reaches them, then what is late.
func DefaultAlarms() []AlarmRule {
	urgent := func(c Condition, words string) AlarmRule {
		return AlarmRule{c, words, []Rung{
			{0, High, []Do{DoShow, DoCall}, false},
			{15, High, []Do{DoReach}, true},
			{60, High, []Do{DoEmergency}, true},
		}, everyoneAwake, therapistsOnly, c == HelpAskedFor}
	}
	once := func(c Condition, p Priority, words string, clear []Role) AlarmRule {
		return AlarmRule{c, words, []Rung{{0, p, []Do{DoShow}, false}}, therapistsOnly, clear, false}
	}
	return []AlarmRule{
		urgent(HelpAskedFor, "{client} asks for help"),
		urgent(Unresponsive, "{client} does not respond"),
		urgent(Breathing, "{client}: trouble breathing"),
		urgent(ChestPain, "{client}: chest pain"),
		urgent(PleaseCome, "{chaperone} needs help with {client}"),
		{VitalsHigh, "Blood pressure of {client} is very high: measure again in 5 minutes", []Rung{
			{0, High, []Do{DoShow, DoDialCard}, false}, // with the prescriber's number
		}, therapistsOnly, therapistsOnly, false},
		once(PleaseLook, Medium, "{chaperone} asks you to look at {client}", therapistsOnly),
		{PictureGone, "The picture of {client} has stopped", []Rung{
			{10, Medium, []Do{DoShow}, false}, {30, High, []Do{DoCall}, false}, {60, High, []Do{DoDialCard}, false},
		}, therapistsOnly, nil, false},
		{ClientGone, "The connection to {client} is lost", []Rung{
			{10, Medium, []Do{DoShow}, false}, {30, High, []Do{DoCall}, false}, {60, High, []Do{DoDialCard}, false},
		}, therapistsOnly, nil, false},
		{SoundGone, "No sound comes from {client}", []Rung{{10, Medium, []Do{DoShow}, false}}, therapistsOnly, nil, false},
		// [J] The other direction: the client lies there without a voice. One therapist who is heard is enough.
		// A microphone that a therapist has switched off is a quiet phase: it is shown, and raises nothing; but
		// one that is meant to be on and is not heard does, also beside a co-therapist who is quiet on purpose.
		// After a minute there stands whom to phone: somebody can carry a voice in.
		{VoiceGone, "{client} cannot hear you: check your microphone, or use the phone", []Rung{
			{10, Medium, []Do{DoShow}, false}, {60, Medium, []Do{DoDialCard}, false},
		}, therapistsOnly, nil, false},
		{TherapistGone, "{therapist} has lost the connection", []Rung{
			{10, Medium, []Do{DoShow, DoSit}, false}, {60, High, []Do{DoSit}, false}, {120, High, []Do{DoBackup}, false},
		}, everyoneAwake, nil, false},
		// [J] A phone that locks itself is no emergency, the check-in ladder is what counts; but it is said.
		{ChaperoneGone, "{chaperone}'s phone is not connected", []Rung{{30, Low, []Do{DoShow}, false}}, therapistsOnly, nil, false},
		{ChaperoneNotArrived, "{chaperone} has not arrived yet", []Rung{{0, Low, []Do{DoShow}, false}}, therapistsOnly, nil, false},
		once(ChaperoneLeaves, High, "{chaperone} has to leave", therapistsOnly),
		// [J] "Please go in" that nobody answers.
		{CallUnanswered, "{chaperone} has not answered the call", []Rung{{30, High, []Do{DoShow, DoDialCard}, false}}, therapistsOnly, therapistsOnly, false},
		{CheckInMissed, "Look-in on {client} is due ({chaperone})", []Rung{
			{0, Low, []Do{DoPrompt}, false},
			{2 * minutes, Medium, []Do{DoPromptOut, DoShow}, false},
			{5 * minutes, High, []Do{DoShow, DoDialCard}, false},
		}, therapistsOnly, nil, false},
		{VitalsMissed, "Blood pressure of {client} is due", []Rung{
			{0, Low, []Do{DoPrompt, DoShow}, false}, {10 * minutes, Medium, []Do{DoPromptOut, DoShow}, false},
		}, therapistsOnly, nil, false},
		once(ActiveOverdue, Medium, "{client} has been active beyond the window", nil),
		once(NotReleased, Medium, "{client} is not released yet", nil),
		once(GateReopenedAfter, Medium, "A check reopened after the dose was authorised: {client}", nil),
		once(TakenPastGates, High, "{client} has taken a dose past open checks", therapistsOnly),
	}
}

// ranks are where the conditions stand in the table. What a practice has kept of it may
// be older, and in another order.
var ranks = func() map[Condition]int {
	all := map[Condition]int{}
	for i, rule := range DefaultAlarms() {
		all[rule.Condition] = i
	}
	return all
}()

func (c Condition) rank() int { return ranks[c] }

// dos are all that a rung may do.
var dos = []Do{DoShow, DoCall, DoSit, DoPrompt, DoPromptOut, DoReach, DoDialCard, DoEmergency, DoBackup}

// lastRung bounds a ladder: a rung later than that would be none.
const lastRung = 12 * 60 * minutes

// validateAlarms reports rules that nobody could hear, end or rely on. No setting
// switches an alarm off (CLINICAL.md: "Nothing switches off").
func validateAlarms(rules []AlarmRule) (errs []error) {
	have := map[Condition]AlarmRule{}
	for _, r := range rules {
		if _, twice := have[r.Condition]; twice {
			errs = append(errs, fmt.Errorf("alarm %s stands twice", r.Condition))
		}
		have[r.Condition] = r
		if len(r.Ladder) == 0 {
			errs = append(errs, fmt.Errorf("alarm %s has no rung", r.Condition))
			continue
		}
		if !slices.Contains(r.Acknowledge, Therapist) {
			errs = append(errs, fmt.Errorf("alarm %s: the therapist may not acknowledge it", r.Condition))
		}
		if !slices.ContainsFunc(r.Ladder, func(rung Rung) bool { return rung.shows() }) {
			errs = append(errs, fmt.Errorf("alarm %s: no rung brings it to the therapist's screen", r.Condition))
		}
		errs = append(errs, r.validateLadder()...)
	}
	for _, known := range DefaultAlarms() {
		r, ok := have[known.Condition]
		switch first := known.Ladder[0]; {
		case !ok:
			errs = append(errs, fmt.Errorf("alarm %s is missing: no setting switches an alarm off", known.Condition))
		case first.Priority == High && len(r.Ladder) > 0 && (r.Ladder[0].Priority != High || r.Ladder[0].After > first.After || !r.Ladder[0].shows()):
			errs = append(errs, fmt.Errorf("alarm %s is high and on the therapist's screen from its first moment: no setting changes that", known.Condition))
		}
	}
	return errs
}

func (r AlarmRule) validateLadder() (errs []error) {
	for i, rung := range r.Ladder {
		if rung.Priority.Rank() < 1 || rung.After < 0 || rung.After > lastRung || i > 0 && rung.After < r.Ladder[i-1].After {
			errs = append(errs, fmt.Errorf("alarm %s: rung %d is out of order, or later than %d s", r.Condition, i, lastRung))
		}
		if i > 0 && rung.Priority.Rank() < r.Ladder[i-1].Priority.Rank() {
			errs = append(errs, fmt.Errorf("alarm %s: rung %d lowers the priority", r.Condition, i))
		}
		for _, do := range rung.Do {
			if !slices.Contains(dos, do) {
				errs = append(errs, fmt.Errorf("alarm %s: rung %d does %q, which is nothing", r.Condition, i, do))
			}
		}
	}
	return errs
}

// shows reports whether a rung brings its alarm to the therapists' screens.
func (r Rung) shows() bool {
	return slices.ContainsFunc(r.Do, func(do Do) bool { return do != DoPrompt && do != DoPromptOut })
}
