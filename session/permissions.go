package session

import "slices"

// Permission is one row of the table of who may do what, when. It says only
// that; further guards (open gates, missing reasons) are Decide's and are named
// in its refusals.
type Permission struct {
	Act    string
	Roles  []Role
	Phases []Phase // of the client that the act names; nil: the act names none, or any phase will do
	Signed bool    // also after the record is signed
}

var (
	beforeDose = []Phase{Scheduled, Lobby, CheckingIn, Ready}
	underDose  = []Phase{Absorbing, Active, Integrating, ReleaseCheck}
	living     = slices.Concat(beforeDose, underDose)
	unsigned   = slices.Concat(living, []Phase{Closed, Cancelled, EndedEarly, Transferred})
	people     = []Role{Therapist, CoTherapist, Client, Chaperone}
	lead       = []Role{Therapist} // what only the responsible therapist decides
	edge       = []Role{RoleServer}
)

// Permissions is the one table of role × command × phase. Decide and View both
// read it, the documentation is printed from it.
var Permissions = []Permission{
	{"CreateSession", edge, nil, false},
	{"JoinPeer", edge, nil, true},
	{"LosePeer", edge, nil, true},
	{"ReportPicture", edge, nil, false},
	{"ReportSound", edge, nil, false},
	{"ReportVoice", edge, nil, false},
	{"OpenLink", edge, nil, false},
	{"IssueInvitation", []Role{Therapist, CoTherapist, RoleServer}, nil, false},
	{"RevokeInvitation", []Role{Therapist, CoTherapist, RoleServer}, nil, true},
	{"ReachDeadline", []Role{RoleClock}, nil, true},

	{"AddSeat", therapists, nil, false},
	{"UpdateSeat", therapists, nil, false},
	{"CorrectOrder", lead, beforeDose, false},
	{"Reschedule", therapists, nil, false},
	{"AdmitDevice", therapists, nil, false},
	{"RefuseDevice", therapists, nil, false},
	{"CheckDevice", people, nil, false},
	{"IntroduceSelf", []Role{Therapist, CoTherapist, Client}, beforeDose, false},
	{"StateAddress", []Role{Client}, beforeDose, false},
	{"AnswerToday", []Role{Client}, beforeDose, false},
	{"GiveConsent", []Role{Client}, beforeDose, false},
	{"AllowChaperone", []Role{Client}, beforeDose, false},
	{"HideFromChaperone", []Role{Therapist, CoTherapist, Client}, living, false},
	{"SetMusic", []Role{Therapist, CoTherapist, Client}, living, false},
	{"Admit", therapists, []Phase{Lobby}, false},
	{"SettleGate", []Role{Therapist, CoTherapist, Client}, []Phase{Lobby, CheckingIn, Ready, Absorbing, Active}, false},
	{"ReopenGate", therapists, []Phase{Lobby, CheckingIn, Ready, Absorbing, Active}, false},
	{"OverrideGate", lead, []Phase{CheckingIn, Ready, Absorbing, Active}, false},
	{"ConfirmChaperone", []Role{Therapist, CoTherapist, Chaperone}, nil, false},
	{"Arrive", []Role{Chaperone}, nil, false},

	{"AuthorizeDose", lead, []Phase{CheckingIn, Ready, Absorbing, Active}, false},
	{"WithdrawAuthorization", therapists, []Phase{Ready, Absorbing, Active}, false},
	{"RecordDose", []Role{Therapist, CoTherapist, Client}, []Phase{Ready, Absorbing, Active}, false},
	{"RecordSwallowed", therapists, unsigned, false},
	{"CorrectDose", therapists, slices.Concat(underDose, []Phase{Closed, EndedEarly, Transferred}), false},
	{"RecordHold", therapists, slices.Concat(underDose, []Phase{Closed, EndedEarly, Transferred}), false},
	{"MarkReturning", therapists, []Phase{Absorbing, Active}, false}, // somebody may be back before the hold ends: with a reason
	{"OfferWords", therapists, []Phase{Integrating, ReleaseCheck}, false},

	{"RecordVitals", []Role{Therapist, CoTherapist, Chaperone}, unsigned, false},
	{"RecordSideEffect", therapists, unsigned, false},
	{"ResolveSideEffect", therapists, unsigned, false},
	{"Rate", therapists, unsigned, false},
	{"RecordIntervention", therapists, unsigned, false},
	{"WriteNote", therapists, nil, false},
	{"CheckIn", []Role{Therapist, CoTherapist, Chaperone}, nil, false},

	{"AskHelp", []Role{Client}, unsigned, false},
	{"RaiseAlarm", []Role{Therapist, CoTherapist, Chaperone}, unsigned, false},
	{"ShowAlarm", []Role{Therapist, CoTherapist, Chaperone}, nil, false},
	{"AcknowledgeAlarm", []Role{Therapist, CoTherapist, Chaperone}, nil, false},
	{"AcknowledgeAlarms", therapists, nil, false},
	{"ClearAlarm", therapists, nil, false},
	{"CallChaperone", therapists, unsigned, false},
	{"GoIn", []Role{Chaperone}, nil, false},
	{"BeWith", []Role{Chaperone}, nil, false},
	{"ReportBack", []Role{Chaperone}, nil, false},
	{"AnnounceLeaving", []Role{Chaperone}, nil, false},
	{"OpenCard", therapists, unsigned, false},

	{"BeginReleaseCheck", therapists, []Phase{Integrating}, false},
	{"SettleCriterion", []Role{Therapist, CoTherapist, Chaperone}, []Phase{Integrating, ReleaseCheck}, false},
	{"ReopenCriterion", therapists, []Phase{Integrating, ReleaseCheck}, false},
	{"Release", lead, []Phase{ReleaseCheck}, false},
	{"EndEarly", therapists, slices.Concat([]Phase{Lobby, CheckingIn, Ready}, underDose), false},
	{"Transfer", therapists, slices.Concat([]Phase{Lobby, CheckingIn, Ready}, underDose), false},
	{"Cancel", therapists, beforeDose, false},
	{"WriteSummary", therapists, unsigned, false},
	{"EnterCode", therapists, unsigned, false},
	{"Sign", lead, nil, false},
	{"AddAddendum", therapists, nil, true},
}

var permissionOf = func() map[string]Permission {
	table := make(map[string]Permission, len(Permissions))
	for _, p := range Permissions {
		table[p.Act] = p
	}
	return table
}()

// permissionsOf are the rows of each role, in the order of the table.
var permissionsOf = func() map[Role][]Permission {
	rows := map[Role][]Permission{}
	for _, p := range Permissions {
		for _, role := range p.Roles {
			rows[role] = append(rows[role], p)
		}
	}
	return rows
}()

// Permitted is one cell of the table: whether the role may do the act where the
// client that it names is in the phase. Acts that name no client ignore the phase.
func Permitted(role Role, act string, phase Phase) bool {
	p, ok := permissionOf[act]
	return ok && slices.Contains(p.Roles, role) && (p.Phases == nil || slices.Contains(p.Phases, phase))
}

func (s *State) role(id SeatID) Role {
	switch id {
	case Clock:
		return RoleClock
	case Server:
		return RoleServer
	}
	if seat, ok := s.Seat(id); ok {
		return seat.Role
	}
	return ""
}

func isTherapist(r Role) bool { return r == Therapist || r == CoTherapist }

// permit checks the table for a command, and that a client acts for nobody but
// themself or somebody who shares their device.
func (s *State) permit(c Command) *Refusal {
	act, role := FactName(c.Do), s.role(c.Seat)
	row, ok := permissionOf[act]
	if !ok || !slices.Contains(row.Roles, role) {
		return refuse(NotYourRole, "This cannot be done from here.")
	}
	if !s.SignedAt.IsZero() && !row.Signed {
		return refuse(RecordSigned, "The record is signed. Nothing was changed. Use an addendum.")
	}
	id, names := clientOf(c.Do)
	if _, everybody := c.Do.(CheckIn); !names || everybody && id == "" {
		return nil
	}
	client := s.Client(id)
	if client == nil {
		return refuse(NoSuchThing, "There is no client seat %q in this session.", id)
	}
	if role == Client && !s.actsFor(c.Seat, id) {
		return refuse(NotYourRole, "This can only be done from the client's own page.")
	}
	if row.Phases != nil && !slices.Contains(row.Phases, client.Phase) {
		return refuse(NotNow, "%s", notInPhase(act, client.Phase))
	}
	return nil
}

// actsFor reports whether the device at seat may act for the client.
func (s *State) actsFor(seat, client SeatID) bool {
	if seat == client {
		return true
	}
	other, ok := s.Seat(client)
	return ok && other.SharesWith == seat && seat != ""
}

// clientOf returns the client that an act names. The second result is false
// for acts that name none.
func clientOf(do Act) (SeatID, bool) {
	switch a := do.(type) {
	case CorrectOrder:
		return a.Client, true
	case IntroduceSelf:
		return a.Client, true
	case StateAddress:
		return a.Client, true
	case AnswerToday:
		return a.Client, true
	case GiveConsent:
		return a.Client, true
	case AllowChaperone:
		return a.Client, true
	case HideFromChaperone:
		return a.Client, true
	case SetMusic:
		return a.Client, true
	case Admit:
		return a.Client, true
	case SettleGate:
		return a.Client, true
	case ReopenGate:
		return a.Client, true
	case OverrideGate:
		return a.Client, true
	case AuthorizeDose:
		return a.Client, true
	case WithdrawAuthorization:
		return a.Client, true
	case RecordDose:
		return a.Client, true
	case RecordSwallowed:
		return a.Client, true
	case CorrectDose:
		return a.Client, true
	case RecordHold:
		return a.Client, true
	case MarkReturning:
		return a.Client, true
	case OfferWords:
		return a.Client, true
	case RecordVitals:
		return a.Client, true
	case RecordSideEffect:
		return a.Client, true
	case ResolveSideEffect:
		return a.Client, true
	case Rate:
		return a.Client, true
	case RecordIntervention:
		return a.Client, true
	case CheckIn:
		return a.Client, true
	case AskHelp:
		return a.Client, true
	case RaiseAlarm:
		return a.Client, true
	case CallChaperone:
		return a.Client, true
	case OpenCard:
		return a.Client, true
	case BeginReleaseCheck:
		return a.Client, true
	case SettleCriterion:
		return a.Client, true
	case ReopenCriterion:
		return a.Client, true
	case Release:
		return a.Client, true
	case EndEarly:
		return a.Client, true
	case Transfer:
		return a.Client, true
	case Cancel:
		return a.Client, true
	case WriteSummary:
		return a.Client, true
	case EnterCode:
		return a.Client, true
	case ReportPicture:
		return a.Client, true
	case ReportSound:
		return a.Client, true
	case ReportVoice:
		return a.Client, true
	}
	return "", false
}

// phaseWords says a phase as a person would.
var phaseWords = map[Phase]string{
	Scheduled: "the room is not open yet", Lobby: "the client is waiting to be admitted", CheckingIn: "the checks are under way",
	Ready: "the dose is authorised, not taken", Absorbing: "the medicine is being held", Active: "the client is in the active window",
	Integrating: "integration has begun", ReleaseCheck: "the release check is under way", Closed: "the visit is closed",
	Signed: "the record is signed", Cancelled: "the visit was cancelled", EndedEarly: "the visit ended early", Transferred: "the client was handed over to emergency services",
}

func notInPhase(act string, p Phase) string {
	now := "Not now: " + phaseWords[p] + "."
	switch act {
	case "Cancel":
		if p.Dosed() {
			return "After a dose there is no cancel. End early, or release."
		}
	case "RecordDose":
		if p == CheckingIn || p == Lobby || p == Scheduled {
			return "No dose is authorised yet. If it has already been swallowed, use “It has already been swallowed”."
		}
	}
	return now
}
