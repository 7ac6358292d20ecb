package session_test

import (
	"testing"
	"time"

	"belay/session"
)

// late decides a command that was given at that time and arrives now, and folds it in.
func late(t *testing.T, s *session.State, seat session.SeatID, do session.Act, at, now time.Time) (*session.State, []session.Event) {
	t.Helper()
	c := session.Command{ID: "late", Seat: seat, Conn: "k", Do: do}
	events, err := session.DecideLate(s, c, at, now)
	if err != nil {
		t.Fatalf("%s: %v", session.FactName(do), err)
	}
	for i, e := range events {
		e, _, err := session.Link(e, s.Head, session.SaltFrom(uint64(i)))
		if err != nil {
			t.Fatal(err)
		}
		if s, err = session.Fold(s, e); err != nil {
			t.Fatalf("%s: %v", session.FactName(do), err)
		}
	}
	return s, events
}

// Whatever comes late, in whichever phase and from whom: nothing is authorised, no
// phase moves but by a dose or by coming in, nothing vanishes, and nothing is done twice.
func TestWhatComesLateAuthorisesNothingAndDoesNotVanish(t *testing.T) {
	for _, phase := range session.Phases {
		s, now := stage(t, phase)
		now = now.Add(time.Minute)
		for act := range session.Acts() {
			for _, role := range session.Roles {
				if role == session.RoleClock || act == "CreateSession" {
					continue
				}
				at := now.Add(-50 * time.Second)
				do := wish(act, role, at)
				after, events := late(t, s, seatOf[role], do, at, now)
				for _, e := range events {
					switch f := e.Fact.(type) {
					case session.DoseAuthorized, session.GateOverridden, session.DeviceAdmitted:
						if act != "OpenLink" {
							t.Errorf("%s, late %s by %s: %T", phase, act, role, f)
						}
					case session.PhaseMoved:
						if f.To != session.Absorbing && f.To != session.Lobby {
							t.Errorf("%s, late %s by %s moves to %s", phase, act, role, f.To)
						}
					case session.ReportedLate:
						if f.Act != act || f.Refused == "" || len(events) != 1 {
							t.Errorf("%s, late %s by %s is kept as %+v among %d", phase, act, role, f, len(events))
						}
					}
					if e.Recorded.Before(now) || e.At.After(now) {
						t.Errorf("%s, late %s: recorded %v, happened %v", phase, act, e.Recorded, e.At)
					}
				}
				if len(events) == 0 {
					if session.LatenessOf(act) != session.Anew {
						t.Errorf("%s, late %s by %s vanishes", phase, act, role)
					}
					continue
				}
				if _, again := late(t, after, seatOf[role], do, at, now.Add(time.Second)); len(again) > 0 {
					t.Errorf("%s, late %s by %s is done twice", phase, act, role)
				}
			}
		}
	}
}

func dosedAt(t *testing.T, s *session.State) (session.Dose, bool) {
	t.Helper()
	if len(s.Clients[0].Doses) != 1 {
		t.Fatalf("%d doses", len(s.Clients[0].Doses))
	}
	high := false
	for _, a := range s.Alarms {
		high = high || a.Condition == session.TakenPastGates
	}
	return s.Clients[0].Doses[0], high
}

func TestALateDoseHasItsTimeAndIsInOrderWhereItWasAuthorisedThen(t *testing.T) {
	s, _ := stage(t, session.Ready)
	tap := session.RecordDose{Client: "client-1", Number: 1}
	taken := s.Clients[0].Auth.At.Add(time.Minute)
	for _, arrives := range []time.Duration{time.Second, 5 * time.Minute, time.Hour} {
		now := taken.Add(arrives)
		before := s
		if arrives == time.Hour { // the clock has found it lapsed meanwhile
			var events []session.Event
			var err error
			if events, err = session.Decide(s, session.Command{Seat: session.Clock, Do: session.ReachDeadline{}}, now); err != nil {
				t.Fatal(err)
			}
			for _, e := range events {
				e, _, _ = session.Link(e, before.Head, session.SaltFrom(e.Seq))
				if before, err = session.Fold(before, e); err != nil {
					t.Fatal(err)
				}
			}
			if before.Clients[0].Auth.Ended == "" {
				t.Fatal("it has not lapsed")
			}
		}
		after, _ := late(t, before, "client-1", tap, taken, now)
		dose, alarm := dosedAt(t, after)
		if !dose.At.Equal(taken) || dose.PastGates || alarm || !after.Clients[0].Windows.T0.Equal(taken) {
			t.Errorf("%v late: %+v, T0 %v, alarm %v", arrives, dose, after.Clients[0].Windows.T0, alarm)
		}
	}
}

func TestALateDoseThatNothingCoversIsRecordedPastTheGatesLoudly(t *testing.T) {
	s, _ := stage(t, session.Ready)
	auth := s.Clients[0].Auth
	tap := session.RecordDose{Client: "client-1", Number: 1}
	for name, taken := range map[string]time.Time{"after it lapsed": auth.Lapses.Add(time.Second), "before it was given": auth.At.Add(-time.Minute)} {
		after, _ := late(t, s, "client-1", tap, taken, auth.Lapses.Add(time.Minute))
		if dose, alarm := dosedAt(t, after); !dose.At.Equal(taken) || !dose.PastGates || !alarm {
			t.Errorf("%s: %+v, alarm %v", name, dose, alarm)
		}
	}
	lost, now := stage(t, session.CheckingIn) // the authorisation itself was lost
	after, _ := late(t, lost, "client-1", tap, now.Add(time.Second), now.Add(2*time.Second))
	if dose, alarm := dosedAt(t, after); !dose.PastGates || !alarm || after.Clients[0].Phase != session.Absorbing {
		t.Errorf("%+v, alarm %v, %s", dose, alarm, after.Clients[0].Phase)
	}
}

func TestALateCheckInCountsFromWhenItWas(t *testing.T) {
	s, now := stage(t, session.Active)
	at := now.Add(time.Minute)
	after, events := late(t, s, "chaperone-1", session.CheckIn{}, at, at.Add(5*time.Minute))
	if c := after.Clients[0].CheckIn; !c.Last.Equal(at) {
		t.Errorf("last looked in at %v, was %v: %v", c.Last, at, events)
	}
	after, _ = late(t, s, "client-1", session.AskHelp{Client: "client-1"}, at, at.Add(5*time.Minute))
	for _, a := range after.Alarms {
		if a.Condition == session.HelpAskedFor {
			return
		}
	}
	t.Error("a call for help that came late raises nothing")
}
