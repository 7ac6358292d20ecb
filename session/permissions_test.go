package session_test

import (
	"errors"
	"os"
	"slices"
	"testing"
	"time"

	"belay/session"
	"belay/session/transcript"
)

// stages are scripts that bring the client of the plain session into each phase.
var stages = map[session.Phase]string{
	session.Scheduled: `2026-03-02T13:00:00 server CreateSession id=s1 owner=dana starts_at=14:00
  + seats.0.id=therapist-1 seats.0.role=therapist seats.1.id=client-1 seats.1.role=client seats.2.id=chaperone-1 seats.2.role=chaperone
  + orders.client-1.dose_mg=100 orders.client-1.tablets=1 orders.client-1.total_mg=150
`,
	session.Lobby:      "include before.script\n",
	session.CheckingIn: "include checked.script\n",
	session.Ready:      "include checked.script\n14:02:00 therapist-1 AuthorizeDose client=client-1 number=1 mg=100 tablets=1\n",
	session.Absorbing:  "include dosed.script\n",
	session.Active:     "include dosed.script\n14:16:00 wait\n",
	session.Integrating: `include dosed.script
14:18:00 chaperone-1 CheckIn
14:50:00 therapist-1 MarkReturning client=client-1
`,
	session.ReleaseCheck: `include dosed.script
14:50:00 therapist-1 MarkReturning client=client-1
15:50:00 therapist-1 BeginReleaseCheck client=client-1
15:51:00 chaperone-1 RecordVitals client=client-1 systolic=130 diastolic=80 heart_rate=76
15:52:00 therapist-1 SettleCriterion client=client-1 criterion=alert values.confirmed=yes
15:53:00 therapist-1 SettleCriterion client=client-1 criterion=walks values.confirmed=yes
15:54:00 therapist-1 SettleCriterion client=client-1 criterion=nausea values.confirmed=yes
15:55:00 therapist-1 SettleCriterion client=client-1 criterion=aftercare values.read=yes
15:56:00 therapist-1 SettleCriterion client=client-1 criterion=integration_visit values.at=now+48h
15:57:00 chaperone-1 SettleCriterion client=client-1 criterion=chaperone_takes_over values.confirmed=yes
16:04:00 therapist-1 AcknowledgeAlarm alarm=a1 priority=high
`,
	session.Cancelled:   "include before.script\n13:50:00 therapist-1 Cancel client=client-1 reason=later\n",
	session.EndedEarly:  "include dosed.script\n14:10:00 therapist-1 EndEarly client=client-1 reason=enough\n",
	session.Transferred: "include dosed.script\n14:10:00 therapist-1 Transfer client=client-1 reason=ambulance\n",
}

// stage returns a session whose client is in the phase, and its time.
func stage(t *testing.T, phase session.Phase) (*session.State, time.Time) {
	t.Helper()
	script := stages[phase]
	switch phase {
	case session.Closed, session.Signed:
		script = stages[session.ReleaseCheck] + "16:05:00 therapist-1 Release client=client-1\n"
	}
	last := "+1s"
	if phase == session.Signed {
		script += "16:06:00 therapist-1 Sign\n"
		last = "16:06:10"
	}
	if phase != session.Signed {
		script += last + " therapist-1 AddSeat seat.id=co-1 seat.role=co_therapist seat.name=Lee\n"
	}
	s := play(t, script)
	if got := s.Clients[0].Phase; got != phase {
		t.Fatalf("the script for %s leads to %s", phase, got)
	}
	return s, s.Recorded.Add(time.Second)
}

func play(t *testing.T, script string) *session.State {
	t.Helper()
	p, err := transcript.Play([]byte(script), os.DirFS("testdata"))
	if err != nil {
		t.Fatal(err)
	}
	return p.State
}

var seatOf = map[session.Role]session.SeatID{
	session.Therapist: "therapist-1", session.CoTherapist: "co-1", session.Client: "client-1", session.Chaperone: "chaperone-1",
	session.RoleServer: session.Server, session.RoleClock: session.Clock,
}

// wish is an act as this role could mean it, with values that the rules take
// wherever the phase lets them.
func wish(act string, role session.Role, now time.Time) session.Act {
	const c, reason = session.SeatID("client-1"), "a reason"
	yes := map[string]string{"yes": "yes"}
	switch act {
	case "JoinPeer":
		return session.JoinPeer{Seat: c, Peer: "p"}
	case "LosePeer":
		return session.LosePeer{Seat: c, Lost: "k1", Heard: now}
	case "ReachDeadline":
		return session.ReachDeadline{}
	case "Reschedule":
		return session.Reschedule{StartsAt: now.Add(time.Hour)}
	case "CorrectOrder":
		return session.CorrectOrder{Client: c, Order: session.Order{DoseMg: 50, Tablets: 1, TotalMg: 100}, Reason: reason}
	case "IntroduceSelf":
		return session.IntroduceSelf{Client: c, Name: "Alex"}
	case "GiveConsent":
		return session.GiveConsent{Client: c, Version: "2026-1"}
	case "Admit":
		return session.Admit{Client: c, Reason: reason}
	case "SettleGate":
		return session.SettleGate{Client: c, Gate: session.GateClientYes, Values: yes}
	case "ReopenGate":
		return session.ReopenGate{Client: c, Gate: session.GateIdentity, Reason: reason}
	case "OverrideGate":
		return session.OverrideGate{Client: c, Gate: session.GateFasting, Reason: reason}
	case "ConfirmChaperone":
		return session.ConfirmChaperone{Chaperone: "chaperone-1", Part: session.PartAdult}
	case "AuthorizeDose":
		return session.AuthorizeDose{Client: c, Number: 1, Mg: 100, Tablets: 1}
	case "RecordDose":
		return session.RecordDose{Client: c, Number: 1}
	case "RecordSwallowed":
		return session.RecordSwallowed{Client: c, Mg: 50, Tablets: 1, At: now, Reason: reason}
	case "CorrectDose":
		return session.CorrectDose{Client: c, Number: 1, Mg: 50, At: now, Reason: reason}
	case "RecordHold":
		return session.RecordHold{Client: c, Number: 1, Outcome: "spat"}
	case "MarkReturning":
		return session.MarkReturning{Client: c, Reason: reason}
	case "RecordVitals":
		return session.RecordVitals{Client: c, Systolic: 120, Diastolic: 80, HeartRate: 70}
	case "RaiseAlarm":
		if role == session.Chaperone {
			return session.RaiseAlarm{Client: c, Condition: session.PleaseLook}
		}
		return session.RaiseAlarm{Client: c, Condition: session.Unresponsive}
	case "AcknowledgeAlarm":
		return session.AcknowledgeAlarm{Alarm: "a1", Priority: session.High}
	case "AcknowledgeAlarms":
		return session.AcknowledgeAlarms{Alarms: []session.SeenAlarm{{Alarm: "a1", Priority: session.High}}}
	case "SettleCriterion":
		return session.SettleCriterion{Client: c, Criterion: session.CriterionChaperone, Values: map[string]string{"confirmed": "yes"}}
	case "ReopenCriterion":
		return session.ReopenCriterion{Client: c, Criterion: session.CriterionWalks, Reason: reason}
	case "EndEarly":
		return session.EndEarly{Client: c, Reason: reason}
	case "Transfer":
		return session.Transfer{Client: c, Reason: reason}
	case "Cancel":
		return session.Cancel{Client: c, Reason: reason}
	}
	return withClient(session.Acts()[act], c)
}

func rowOf(t *testing.T, act string) session.Permission {
	t.Helper()
	i := slices.IndexFunc(session.Permissions, func(p session.Permission) bool { return p.Act == act })
	if i < 0 {
		t.Fatalf("nobody may do %s: it has no row in the permission table", act)
	}
	return session.Permissions[i]
}

// Every cell: role × act × phase, decided for real.
func TestNobodyMayDoMoreOrLessThanTheTableSays(t *testing.T) {
	cells := 0
	for _, phase := range session.Phases {
		s, now := stage(t, phase)
		for act := range session.Acts() {
			row := rowOf(t, act)
			for _, role := range session.Roles {
				if phase == session.Signed && role == session.CoTherapist {
					continue // nobody can be added to a signed session; the table's other twelve phases cover the role
				}
				cells++
				_, err := session.Decide(s, session.Command{ID: "x", Seat: seatOf[role], Conn: "k", Do: wish(act, role, now)}, now)
				var r *session.Refusal
				if err != nil && !errors.As(err, &r) {
					t.Errorf("%s %s in %s: the rules failed: %v", role, act, phase, err)
					continue
				}
				code, words := "", ""
				if r != nil {
					code, words = r.Code, r.Words
				}
				byPhase := code == session.NotNow && words == session.NotInPhase(act, phase)
				switch {
				case !slices.Contains(row.Roles, role):
					if code != session.NotYourRole {
						t.Errorf("%s may %s in %s: the answer was %q", role, act, phase, code)
					}
				case act == "CreateSession":
					if code != session.AlreadySo {
						t.Errorf("a session was created twice in %s: %q", phase, code)
					}
				case phase == session.Signed && !row.Signed:
					if code != session.RecordSigned {
						t.Errorf("%s may %s after the record is signed: the answer was %q", role, act, code)
					}
				case row.Phases != nil && !slices.Contains(row.Phases, phase):
					if !byPhase {
						t.Errorf("%s may %s in %s: the answer was %q %q", role, act, phase, code, words)
					}
				case code == session.NotYourRole || code == session.RecordSigned || byPhase:
					t.Errorf("%s may not %s in %s, against the table: %q %q", role, act, phase, code, words)
				}
			}
		}
	}
	if want := len(session.Acts()) * (len(session.Roles)*len(session.Phases) - 1); cells != want {
		t.Errorf("%d cells were tried of %d", cells, want)
	}
}

// What a screen offers is what the table allows, and nothing is hidden.
func TestAScreenOffersExactlyTheRowsOfItsRole(t *testing.T) {
	for _, phase := range session.Phases {
		s, now := stage(t, phase)
		for _, role := range []session.Role{session.Therapist, session.CoTherapist, session.Client, session.Chaperone} {
			if phase == session.Signed && role == session.CoTherapist {
				continue
			}
			v := session.ViewOf(s, seatOf[role], now)
			for act := range session.Acts() {
				row := rowOf(t, act)
				i := slices.IndexFunc(v.Actions, func(a session.ActionView) bool { return a.Act == act })
				if (i >= 0) != slices.Contains(row.Roles, role) {
					t.Errorf("%s in %s: %s is on the screen: %v", role, phase, act, i >= 0)
					continue
				}
				if i < 0 {
					continue
				}
				a := v.Actions[i]
				denied := phase == session.Signed && !row.Signed || row.Phases != nil && !slices.Contains(row.Phases, phase)
				if denied && a.Allowed {
					t.Errorf("%s in %s: %s is offered although the table says no", role, phase, act)
				}
				if !a.Allowed && a.Reason == "" || a.Needs != "" && a.Reason == "" {
					t.Errorf("%s in %s: %s is not possible and nothing says why", role, phase, act)
				}
			}
		}
	}
}
