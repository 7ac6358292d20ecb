package session

// Field is one value that settles a gate or a criterion.
type Field struct {
	Name     string `json:"name"`
	Label    string `json:"label"`
	Kind     string `json:"kind"` // "check", "text", "tel", "state", "number", "time"
	Optional bool   `json:"optional,omitempty"`
}

// GateID names a gate.
type GateID string

// The gates that stand before a dose. CLINICAL.md, "Gates before a dose".
const (
	GateIdentity          GateID = "identity"
	GateAddress           GateID = "address"
	GateEmergencyNumber   GateID = "emergency_number"
	GateCallback          GateID = "callback"
	GateConsent           GateID = "consent"
	GateChaperone         GateID = "chaperone"
	GatePrescription      GateID = "prescription"
	GateContraindications GateID = "contraindications"
	GateFasting           GateID = "fasting"
	GateVitals            GateID = "vitals"
	GateSpace             GateID = "space"
	GateCamera            GateID = "camera"
	GateNoDriving         GateID = "no_driving"
	GateConnectionPlan    GateID = "connection_plan"
	GateClientYes         GateID = "client_yes"
)

// Gate is one row of the table of gates.
type Gate struct {
	ID      GateID
	Title   string  // as the therapist reads it
	Missing string  // what a refusal says is missing
	By      []Role  // who may settle it with SettleGate; empty: other commands settle it
	Fields  []Field // what SettleGate must carry
}

func check(name, label string) Field { return Field{Name: name, Label: label, Kind: "check"} }

var therapists = []Role{Therapist, CoTherapist}

// Gates is the table, in the order in which the therapist sees it.
var Gates = []Gate{
	{GateIdentity, "Identity", "the client's identity is not confirmed", therapists,
		[]Field{check("confirmed", "The person on screen is the client")}},
	{GateAddress, "Address today", "today's address is not confirmed", therapists,
		[]Field{{Name: "street", Label: "Street and number, flat", Kind: "text"}, {Name: "city", Label: "City", Kind: "text"},
			{Name: "state", Label: "State", Kind: "state"}, {Name: "access", Label: "How to get in (floor, code, dog)", Kind: "text", Optional: true}}},
	{GateEmergencyNumber, "Local emergency number", "the emergency number for that address is not noted", therapists,
		[]Field{{Name: "number", Label: "Ten-digit number of the dispatch centre for that address (911 only works from where the client is)", Kind: "tel"}}},
	{GateCallback, "Number to call back", "there is no number to call the client back", therapists,
		[]Field{{Name: "number", Label: "The client's phone today", Kind: "tel"}}},
	{GateConsent, "Consent, current version", "consent is not given", nil, nil},
	{GateChaperone, "Chaperone", "the chaperone is not confirmed", nil, nil},
	{GatePrescription, "Prescription and amount", "the medicine is not checked against the order", therapists,
		[]Field{check("label", "Label on screen: name, product and amount match the order"), {Name: "lot", Label: "Lot number", Kind: "text", Optional: true}}},
	{GateContraindications, "Contraindications, changes since screening", "contraindications are not reviewed", therapists,
		[]Field{check("none", "Reviewed today: no mania or psychosis, schizophrenia, untreated hypertension or thyroid disease, arrhythmia, active addiction, pregnancy"),
			{Name: "changes", Label: "Changes since screening, new medicines", Kind: "text", Optional: true}}},
	{GateFasting, "Fasting", "fasting is not confirmed", therapists, []Field{check("confirmed", "Fasted as told in preparation")}},
	{GateVitals, "Blood pressure and heart rate", "blood pressure and heart rate are not taken", nil, nil},
	{GateSpace, "Space is safe", "the space is not checked", therapists,
		[]Field{check("comfort", "Comfortable to lie down"), check("privacy", "Private"), check("way", "Clear way to the bathroom")}},
	{GateCamera, "Camera sees the client", "the camera does not show the client", therapists,
		[]Field{check("confirmed", "Head and upper body visible where the client will lie")}},
	{GateNoDriving, "No driving until tomorrow", "no driving until tomorrow is not agreed", therapists, []Field{check("agreed", "Agreed")}},
	{GateConnectionPlan, "If we lose connection", "what happens if the connection is lost was not read", therapists,
		[]Field{check("read", "Read together")}},
	{GateClientYes, "The client says yes", "the client has not said yes", []Role{Therapist, CoTherapist, Client},
		[]Field{check("yes", "Yes, I want to begin")}},
}

// ChaperonePart is one of the things that together settle the chaperone gate.
type ChaperonePart string

// The parts. The first three are the chaperone's own word; duties are read and
// arrival is tapped on the phone; the test call is the therapist's dialling.
const (
	PartAdult       ChaperonePart = "adult"
	PartOnSite      ChaperonePart = "on_site"
	PartAnotherRoom ChaperonePart = "another_room"
	PartDuties      ChaperonePart = "duties_read"
	PartTestCall    ChaperonePart = "test_call"
)

// ChaperoneParts is the list that the chaperone gate is made of, with words.
var ChaperoneParts = []struct {
	ID    ChaperonePart
	Title string
}{
	{PartAdult, "is an adult"}, {PartOnSite, "is in the home"}, {PartAnotherRoom, "has another room, within call"},
	{PartDuties, "has read the duties"}, {PartTestCall, "has answered a test call"},
}

// CriterionID names a release criterion.
type CriterionID string

// The release criteria. CLINICAL.md, "Release criteria".
const (
	CriterionTime        CriterionID = "minimum_time"
	CriterionAlert       CriterionID = "alert"
	CriterionWalks       CriterionID = "walks"
	CriterionNausea      CriterionID = "nausea"
	CriterionVitals      CriterionID = "vitals"
	CriterionChaperone   CriterionID = "chaperone_takes_over"
	CriterionAftercare   CriterionID = "aftercare"
	CriterionIntegration CriterionID = "integration_visit"
)

// Criterion is one row of the table of release criteria.
type Criterion struct {
	ID      CriterionID
	Title   string
	Missing string
	By      []Role  // who may settle it with SettleCriterion; empty: the server knows
	Fields  []Field // what SettleCriterion must carry
}

// Criteria is the table, in the order in which the therapist sees it.
var Criteria = []Criterion{
	{CriterionTime, "Minimum time since the last dose", "the minimum time since the last dose has not passed", nil, nil},
	{CriterionAlert, "Alert and oriented", "alert and oriented is not confirmed", therapists, []Field{check("confirmed", "Says name, place and day")}},
	{CriterionWalks, "Walks steadily", "a steady walk is not confirmed", therapists, []Field{check("confirmed", "Seen walking steadily")}},
	{CriterionNausea, "Nausea minimal", "minimal nausea is not confirmed", therapists, []Field{check("confirmed", "None, or minimal")}},
	{CriterionVitals, "Blood pressure and heart rate near baseline", "a reading near baseline has not been taken in the release check", nil, nil},
	{CriterionChaperone, "Chaperone takes over", "the chaperone has not taken over", []Role{Chaperone, Therapist, CoTherapist}, []Field{check("confirmed", "I take over now")}},
	{CriterionAftercare, "Aftercare read", "aftercare has not been read", therapists, []Field{check("read", "Read together: no driving until after a night's sleep")}},
	{CriterionIntegration, "Integration visit booked", "the integration visit is not booked", therapists, []Field{{Name: "at", Label: "Date and time, 24 to 72 hours from now", Kind: "time"}}},
}

// GateByID returns the row of a gate.
func GateByID(id GateID) (Gate, bool) {
	for _, g := range Gates {
		if g.ID == id {
			return g, true
		}
	}
	return Gate{}, false
}

// CriterionByID returns the row of a criterion.
func CriterionByID(id CriterionID) (Criterion, bool) {
	for _, c := range Criteria {
		if c.ID == id {
			return c, true
		}
	}
	return Criterion{}, false
}

func (p ChaperonePart) known() bool {
	for _, q := range ChaperoneParts {
		if q.ID == p {
			return true
		}
	}
	return false
}
