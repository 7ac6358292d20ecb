package session

import "time"

// Facts that end in the record. Each is what an event of that type carries;
// their names and JSON are stable. Times that a fact sets (due times, windows)
// stand in it, so that folding needs no rule and no clock.
type (
	// SessionCreated carries the settings whole.
	SessionCreated struct {
		Owner        string           `json:"owner"`
		Practice     bool             `json:"practice,omitempty"`
		Pace         Pace             `json:"pace"`
		StartsAt     time.Time        `json:"starts_at"`
		OpensAt      time.Time        `json:"opens_at"`
		ChaperoneDue time.Time        `json:"chaperone_due"`
		Seats        []Seat           `json:"seats"`
		Orders       map[SeatID]Order `json:"orders"`
		Settings     Settings         `json:"settings"`
	}
	SeatAdded struct {
		Seat Seat `json:"seat"`
	}
	// SeatUpdated: what it was before stands in it. Events of earlier versions do not
	// say so.
	SeatUpdated struct {
		Seat     SeatID `json:"seat"`
		Name     string `json:"name"`
		Pronouns string `json:"pronouns,omitempty"`
		Phone    string `json:"phone,omitempty"`
		Was      *Who   `json:"was,omitempty"`
	}
	// OrderCorrected: the order before stands in it.
	OrderCorrected struct {
		Client SeatID `json:"client"`
		Order  Order  `json:"order"`
		Was    Order  `json:"was"`
		Reason string `json:"reason"`
	}
	// Rescheduled moves the start; the links expire as much later as the start is.
	// Afresh: the room closes until then, and what somebody said or showed for the
	// visit before (devices, address, answers, arrivals) holds no more.
	Rescheduled struct {
		StartsAt     time.Time `json:"starts_at"`
		WasAt        time.Time `json:"was_at"`
		OpensAt      time.Time `json:"opens_at"`
		ChaperoneDue time.Time `json:"chaperone_due"`
		Afresh       bool      `json:"afresh,omitempty"`
	}
	InvitationIssued struct {
		Seat    SeatID    `json:"seat"`
		Hash    string    `json:"hash"`
		Expires time.Time `json:"expires"`
	}
	InvitationRevoked struct {
		Seat SeatID `json:"seat"`
	}
	// DeviceAdmitted lets a browser onto a seat; without a request it was the first.
	DeviceAdmitted struct {
		Seat    SeatID `json:"seat"`
		Device  string `json:"device"`
		Request string `json:"request,omitempty"`
		Words   string `json:"words,omitempty"`
	}
	DeviceAsked struct {
		Request string    `json:"request"`
		Seat    SeatID    `json:"seat"`
		Device  string    `json:"device"`
		Words   string    `json:"words,omitempty"`
		Since   time.Time `json:"since"`
	}
	DeviceRefused struct {
		Request string `json:"request"`
		Seat    SeatID `json:"seat"`
	}
	// PeerJoined says where a page is connected. Logs from before there were several
	// nodes have no Node; whether their page had media or knew the relay is not known.
	PeerJoined struct {
		Seat    SeatID `json:"seat"`
		Peer    string `json:"peer"`
		Node    string `json:"node,omitempty"`
		Media   bool   `json:"media,omitempty"`
		Relay   bool   `json:"relay,omitempty"`
		Instead bool   `json:"instead,omitempty"` // another page had the seat, and was closed
	}
	// PeerLost says which connection was lost. The event's At is the last thing heard.
	PeerLost struct {
		Seat    SeatID `json:"seat"`
		Lost    string `json:"lost"`
		Restart bool   `json:"restart,omitempty"`
		Left    bool   `json:"left,omitempty"`
	}
	PictureLost struct {
		Client SeatID `json:"client"`
	}
	PictureReturned struct {
		Client SeatID `json:"client"`
	}
	SoundLost struct {
		Client SeatID `json:"client"`
	}
	SoundReturned struct {
		Client SeatID `json:"client"`
	}
	// VoiceLost: no therapist who means to be heard by the client is.
	VoiceLost struct {
		Client SeatID `json:"client"`
	}
	VoiceReturned struct {
		Client SeatID `json:"client"`
	}
	// RoomOpened is the clock's word that the opening time is reached.
	RoomOpened struct {
		Due  time.Time `json:"due"`
		Late bool      `json:"late,omitempty"`
	}
	DeviceChecked struct {
		Seat SeatID `json:"seat"`
		CheckDevice
	}
	ClientIntroduced struct {
		Client   SeatID `json:"client"`
		Name     string `json:"name"`
		Pronouns string `json:"pronouns,omitempty"`
	}
	AddressStated struct{ StateAddress }
	TodayAnswered struct{ AnswerToday }
	ConsentGiven  struct {
		Client  SeatID `json:"client"`
		Version string `json:"version"`
	}
	// ChaperoneAllowed says whether a chaperone may see and hear; who took it back
	// is the event's seat.
	ChaperoneAllowed struct {
		Client SeatID `json:"client"`
		See    bool   `json:"see"`
	}
	MusicSet struct {
		Client SeatID `json:"client"`
		On     bool   `json:"on"`
	}
	// PhaseMoved is the only fact that moves a phase.
	PhaseMoved struct {
		Client SeatID `json:"client"`
		From   Phase  `json:"from"`
		To     Phase  `json:"to"`
		Reason string `json:"reason,omitempty"`
	}
	GatePassed struct {
		Client SeatID            `json:"client"`
		Gate   GateID            `json:"gate"`
		Values map[string]string `json:"values,omitempty"`
	}
	GateReopened struct {
		Client SeatID `json:"client"`
		Gate   GateID `json:"gate"`
		Reason string `json:"reason"`
	}
	GateOverridden struct {
		Client SeatID `json:"client"`
		Gate   GateID `json:"gate"`
		Reason string `json:"reason"`
	}
	ChaperoneConfirmed struct {
		Chaperone SeatID        `json:"chaperone"`
		Part      ChaperonePart `json:"part"`
	}
	ChaperoneArrived struct {
		Chaperone SeatID `json:"chaperone"`
	}
	DoseAuthorized struct {
		Client  SeatID    `json:"client"`
		Number  int       `json:"number"`
		Mg      float64   `json:"mg"`
		Tablets int       `json:"tablets"`
		Lapses  time.Time `json:"lapses"`
	}
	// AuthorizationEnded says why a dose is no longer authorised.
	AuthorizationEnded struct {
		Client SeatID `json:"client"`
		Number int    `json:"number"`
		Why    string `json:"why"` // "lapsed", "gate reopened: …", "withdrawn: …"
		Late   bool   `json:"late,omitempty"`
	}
	// DoseRecorded: the event's At is when it was taken.
	DoseRecorded struct {
		Client    SeatID    `json:"client"`
		Number    int       `json:"number"`
		Mg        float64   `json:"mg"`
		Tablets   int       `json:"tablets"`
		PastGates bool      `json:"past_gates,omitempty"`
		OpenGates []GateID  `json:"open_gates,omitempty"`
		Reason    string    `json:"reason,omitempty"`
		Windows   Windows   `json:"windows"`
		CheckIn   time.Time `json:"check_in"` // next due
	}
	DoseWitnessed struct {
		Client SeatID `json:"client"`
		Number int    `json:"number"`
	}
	// DoseCorrected: the values before stand in it, the event's At is the corrected time.
	DoseCorrected struct {
		Client     SeatID    `json:"client"`
		Number     int       `json:"number"`
		Mg         float64   `json:"mg"`
		Tablets    int       `json:"tablets,omitempty"` // 0: not corrected, as in events of earlier versions
		WasAt      time.Time `json:"was_at"`
		WasMg      float64   `json:"was_mg"`
		WasTablets int       `json:"was_tablets,omitempty"`
		Reason     string    `json:"reason"`
		Windows    Windows   `json:"windows"`
		CheckIn    time.Time `json:"check_in"`
	}
	HoldRecorded struct {
		Client  SeatID `json:"client"`
		Number  int    `json:"number"`
		Outcome string `json:"outcome"`
	}
	// DeadlineReached is a reminder of the clock's that is no alarm: the hold's
	// end, the window's opening, the planned end, the earliest release.
	DeadlineReached struct {
		Client SeatID       `json:"client,omitempty"`
		Kind   DeadlineKind `json:"kind"`
		Due    time.Time    `json:"due"`
		Late   bool         `json:"late,omitempty"`
	}
	WordsOffered   struct{ OfferWords }
	VitalsRecorded struct {
		Client SeatID `json:"client"`
		Vitals
		Remeasure time.Time `json:"remeasure,omitzero"` // when to measure again
	}
	SideEffectRecorded struct {
		Client SeatID `json:"client"`
		ID     string `json:"id"`
		Kind   string `json:"kind"`
		Note   string `json:"note,omitempty"`
	}
	SideEffectResolved struct {
		Client SeatID `json:"client"`
		ID     string `json:"id"`
		Action string `json:"action,omitempty"`
	}
	RatingRecorded struct {
		Client SeatID `json:"client"`
		Scale  string `json:"scale"`
		Value  int    `json:"value"`
	}
	InterventionRecorded struct {
		Client SeatID `json:"client"`
		Text   string `json:"text"`
	}
	NoteWritten struct {
		Text string `json:"text"`
	}
	CheckInDone struct {
		Client  SeatID    `json:"client"`
		NextDue time.Time `json:"next_due"`
	}
	HelpAsked struct {
		Client SeatID `json:"client"`
	}
	// WatchBegan and WatchEnded frame a condition that has not raised its alarm yet.
	WatchBegan struct{ Watch }
	WatchEnded struct {
		Condition Condition `json:"condition"`
		Client    SeatID    `json:"client,omitempty"`
		Subject   SeatID    `json:"subject,omitempty"`
	}
	// AlarmRaised carries its whole ladder, with due times. Its first rung is reached.
	AlarmRaised struct {
		Alarm     string    `json:"alarm"`
		Condition Condition `json:"condition"`
		Client    SeatID    `json:"client,omitempty"`
		Subject   SeatID    `json:"subject,omitempty"`
		Words     string    `json:"words"`
		Since     time.Time `json:"since"`
		Due       time.Time `json:"due"`
		Late      bool      `json:"late,omitempty"`
		Ladder    []DueRung `json:"ladder"`
		MayAck    []Role    `json:"may_acknowledge"`
		MayClear  []Role    `json:"may_clear,omitempty"`
		ClientToo bool      `json:"client_told,omitempty"`
	}
	AlarmEscalated struct {
		Alarm string    `json:"alarm"`
		Rung  int       `json:"rung"` // index into the ladder
		Due   time.Time `json:"due"`
		Late  bool      `json:"late,omitempty"`
	}
	AlarmShown struct {
		Alarm string `json:"alarm"`
	}
	AlarmAcknowledged struct {
		Alarm string `json:"alarm"`
	}
	// AlarmEnded says that the condition is over. A high alarm latches: it stays
	// until it is acknowledged.
	AlarmEnded struct {
		Alarm string `json:"alarm"`
		Why   string `json:"why"`
	}
	AlarmCleared struct {
		Alarm string `json:"alarm"`
		Words string `json:"words,omitempty"`
	}
	ChaperoneCalled struct {
		Chaperone SeatID `json:"chaperone"`
		Client    SeatID `json:"client"`
		Alarm     string `json:"alarm,omitempty"`
		Sit       bool   `json:"sit,omitempty"`
	}
	ChaperoneGoing struct {
		Chaperone SeatID `json:"chaperone"`
	}
	ChaperoneWithThem struct {
		Chaperone SeatID `json:"chaperone"`
	}
	ChaperoneReported struct {
		Chaperone SeatID `json:"chaperone"`
		Client    SeatID `json:"client"`
		Well      bool   `json:"well"`
		Words     string `json:"words,omitempty"`
	}
	// CallEnded takes a call off the chaperone's screen.
	CallEnded struct {
		Chaperone SeatID `json:"chaperone"`
		Why       string `json:"why"`
	}
	ChaperoneLeaving struct {
		Chaperone SeatID `json:"chaperone"`
		Words     string `json:"words,omitempty"`
	}
	EmergencyCardOpened struct {
		Client SeatID `json:"client"`
	}
	CriterionSettled struct {
		Client    SeatID            `json:"client"`
		Criterion CriterionID       `json:"criterion"`
		Values    map[string]string `json:"values,omitempty"`
	}
	CriterionReopened struct {
		Client    SeatID      `json:"client"`
		Criterion CriterionID `json:"criterion"`
		Reason    string      `json:"reason"`
	}
	SummaryWritten struct {
		Client SeatID `json:"client"`
		Text   string `json:"text"`
	}
	CodeEntered struct {
		Client SeatID `json:"client"`
		CPT    string `json:"cpt"`
	}
	SessionSigned struct{}
	AddendumAdded struct {
		Text string `json:"text"`
	}
	// ReportedLate keeps what reached the log too late for the rules to accept:
	// nothing vanishes.
	ReportedLate struct {
		Act     string `json:"act"`
		Body    string `json:"body"` // the act's JSON
		Refused string `json:"refused"`
	}
)

// Log is the table of every fact of a session's log.
var Log = NewFacts(
	SessionCreated{}, SeatAdded{}, SeatUpdated{}, OrderCorrected{}, Rescheduled{}, InvitationIssued{}, InvitationRevoked{}, DeviceAdmitted{}, DeviceAsked{}, DeviceRefused{},
	PeerJoined{}, PeerLost{}, PictureLost{}, PictureReturned{}, SoundLost{}, SoundReturned{}, VoiceLost{}, VoiceReturned{}, RoomOpened{}, DeviceChecked{},
	ClientIntroduced{}, AddressStated{}, TodayAnswered{}, ConsentGiven{}, ChaperoneAllowed{}, MusicSet{}, PhaseMoved{},
	GatePassed{}, GateReopened{}, GateOverridden{}, ChaperoneConfirmed{}, ChaperoneArrived{},
	DoseAuthorized{}, AuthorizationEnded{}, DoseRecorded{}, DoseWitnessed{}, DoseCorrected{}, HoldRecorded{}, DeadlineReached{}, WordsOffered{},
	VitalsRecorded{}, SideEffectRecorded{}, SideEffectResolved{}, RatingRecorded{}, InterventionRecorded{}, NoteWritten{}, CheckInDone{},
	HelpAsked{}, WatchBegan{}, WatchEnded{}, AlarmRaised{}, AlarmEscalated{}, AlarmShown{}, AlarmAcknowledged{}, AlarmEnded{}, AlarmCleared{},
	ChaperoneCalled{}, ChaperoneGoing{}, ChaperoneWithThem{}, ChaperoneReported{}, CallEnded{}, ChaperoneLeaving{}, EmergencyCardOpened{},
	CriterionSettled{}, CriterionReopened{}, SummaryWritten{}, CodeEntered{}, SessionSigned{}, AddendumAdded{}, ReportedLate{},
)
