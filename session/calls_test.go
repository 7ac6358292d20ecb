package session_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"belay/session"
)

// acting returns what has somebody act on s, some time after from, and fails the test
// where the rules refuse it.
func acting(t *testing.T, s *session.State, from time.Time) func(after time.Duration, seat session.SeatID, act session.Act) {
	return func(after time.Duration, seat session.SeatID, act session.Act) {
		t.Helper()
		events, err := session.Decide(s, session.Command{Seat: seat, Do: act}, from.Add(after))
		if err != nil {
			t.Fatalf("%s: %v", session.FactName(act), err)
		}
		for _, e := range events {
			linked, _, err := session.Link(e, s.Head, session.SaltFrom(e.Seq))
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Apply(linked); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// A couple in which both ask for help must not lose the first call to the
// second: the chaperone would go to one of them only.
func TestAChaperoneCalledToTwoIsToldOfBoth(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 3, 2, 14, 0, 0, 0, time.UTC)
	set := session.DefaultSettings()
	set.LicensedStates = []string{"CO"}
	order := session.Order{DoseMg: 100, Tablets: 1, TotalMg: 100}
	s := &session.State{}
	do := acting(t, s, start)
	do(0, session.Server, session.CreateSession{ID: "both", StartsAt: start, Settings: set, Pace: session.Pace{Rate: 1},
		Seats: []session.Seat{{ID: "therapist-1", Role: session.Therapist}, {ID: "client-1", Role: session.Client, Name: "Alex"},
			{ID: "client-2", Role: session.Client, Name: "Kim"}, {ID: "chaperone-1", Role: session.Chaperone, Name: "Sam"}},
		Orders: map[session.SeatID]session.Order{"client-1": order, "client-2": order}})
	do(1*time.Second, "client-1", session.AskHelp{Client: "client-1"})
	do(2*time.Second, "chaperone-1", session.GoIn{})
	do(3*time.Second, "client-2", session.AskHelp{Client: "client-2"})

	call := session.ViewOf(s, "chaperone-1", start.Add(4*time.Second)).Call
	if call == nil || call.Stage != "called" || call.Words != "Please go to Kim and Alex now." {
		t.Fatalf("the chaperone is shown %+v", call)
	}
	do(5*time.Second, "chaperone-1", session.GoIn{})
	do(6*time.Second, "chaperone-1", session.BeWith{})
	stage := func(seat session.SeatID) string {
		v := session.ViewOf(s, seat, start.Add(7*time.Second))
		i := slices.IndexFunc(v.Clients, func(c session.ClientView) bool { return c.Seat == seat })
		return v.Clients[i].Help.Stage
	}
	if got := stage("client-2"); got != "with" {
		t.Errorf("Kim is told %q", got)
	}
	if got := stage("client-1"); got != "coming" {
		t.Errorf("Alex is told %q: nobody said that somebody is with them", got)
	}
	do(8*time.Second, "chaperone-1", session.ReportBack{Well: true})
	if call := session.ViewOf(s, "chaperone-1", start.Add(9*time.Second)).Call; call != nil {
		t.Errorf("after the report the chaperone is still shown %+v", call)
	}
}

const twoChaperones = `include couple.script
13:48:00 therapist-1 AddSeat seat.id=chaperone-2 seat.role=chaperone seat.name=Robin
13:48:10 server JoinPeer seat=chaperone-2 peer=p9 @conn=k9
13:48:20 chaperone-2 ConfirmChaperone chaperone=chaperone-2 part=duties_read
13:48:30 chaperone-2 Arrive
`

// A phone that stays red after somebody has been with the client and said that all is
// well sends a second person running.
func TestOnceOneChaperoneSaysAllIsWellTheOtherIsNotCalledAnyMore(t *testing.T) {
	calls := func(script string) (sam, robin string) {
		s := play(t, twoChaperones+script)
		stage := func(seat session.SeatID) string {
			if call := session.ViewOf(s, seat, s.Recorded).Call; call != nil {
				return call.Stage
			}
			return ""
		}
		return stage("chaperone-1"), stage("chaperone-2")
	}
	const asked = "13:50:00 client-1 AskHelp client=client-1\n"
	for name, c := range map[string]struct{ script, sam, robin string }{
		"both are called":                        {asked, "called", "called"},
		"one is with them":                       {asked + "13:50:05 chaperone-1 GoIn\n13:50:20 chaperone-1 BeWith\n", "with", "called"},
		"and all is well":                        {asked + "13:50:20 chaperone-1 BeWith\n13:50:40 chaperone-1 ReportBack well=yes\n", "", ""},
		"they need help":                         {asked + "13:50:20 chaperone-1 BeWith\n13:50:40 chaperone-1 ReportBack\n", "", "called"},
		"said from elsewhere":                    {asked + "13:50:40 chaperone-1 ReportBack well=yes\n", "", "called"},
		"the other is on the way":                {asked + "13:50:10 chaperone-2 GoIn\n13:50:20 chaperone-1 BeWith\n13:50:40 chaperone-1 ReportBack well=yes\n", "", "going"},
		"the other is called to the partner too": {asked + "13:50:20 chaperone-1 BeWith\n13:50:30 therapist-1 CallChaperone client=client-2\n13:50:35 chaperone-1 BeWith\n13:50:40 chaperone-1 ReportBack well=yes\n", "", ""},
	} {
		if sam, robin := calls(c.script); sam != c.sam || robin != c.robin {
			t.Errorf("%s: Sam's phone says %q, Robin's %q; want %q and %q", name, sam, robin, c.sam, c.robin)
		}
	}
}

// Who calls the therapist from the client's side is told who knows of it, and is not
// sent where they are already.
func TestAChaperoneWhoAsksTheTherapistToComeIsToldWhoKnows(t *testing.T) {
	const come = "13:50:00 chaperone-1 RaiseAlarm client=client-1 condition=please_come\n"
	type told struct {
		call         bool
		shown, known bool
	}
	for name, c := range map[string]struct {
		script string
		want   told
	}{
		"recorded":     {come, told{}},
		"shown":        {come + "13:50:01 therapist-1 ShowAlarm alarm=a1\n", told{shown: true}},
		"acknowledged": {come + "13:50:01 therapist-1 ShowAlarm alarm=a1\n13:50:04 therapist-1 AcknowledgeAlarm alarm=a1 priority=high\n", told{shown: true, known: true}},
		"please look":  {"13:50:00 chaperone-1 RaiseAlarm client=client-1 condition=please_look\n13:50:01 therapist-1 ShowAlarm alarm=a1\n", told{shown: true}},
		"sent for":     {come + "13:50:03 therapist-1 CallChaperone client=client-1\n", told{call: true}},
	} {
		s := play(t, twoChaperones+c.script)
		v := session.ViewOf(s, "chaperone-1", s.Recorded)
		if len(v.Alarms) != 1 || !strings.HasPrefix(v.Alarms[0].Words, "You asked the therapist to ") {
			t.Errorf("%s: they are told of %+v", name, v.Alarms)
			continue
		}
		if got := (told{v.Call != nil, v.Alarms[0].Shown, v.Alarms[0].AcknowledgedBy == "Dana Reyes"}); got != c.want {
			t.Errorf("%s: told %+v, want %+v", name, got, c.want)
		}
		if other := session.ViewOf(s, "chaperone-2", s.Recorded); name != "please look" && other.Call == nil {
			t.Errorf("%s: the other chaperone is not called", name)
		}
	}
}

// A sentence of ours that closes with somebody's own words, which may be whole sentences,
// ends once.
func TestARefusalThatQuotesSomebodyEndsOnce(t *testing.T) {
	const script = "include dosed.script\n14:05:00 chaperone-1 RaiseAlarm client=client-1 condition=please_come words="
	for said, want := range map[string]string{`"He is pale."`: ": He is pale.", `"Can you come?"`: ": Can you come?", "pale": ": pale."} {
		s := play(t, script+said+"\n")
		_, err := session.Decide(s, session.Command{ID: "x", Seat: "therapist-1", Conn: "k", Do: session.AcknowledgeAlarm{Alarm: "a1", Priority: session.Low}}, s.Recorded)
		if err == nil || !strings.HasSuffix(err.Error(), want) {
			t.Errorf("of an alarm with %s a refusal says: %v", said, err)
		}
	}
}

// What stands first on a screen is what is done first: among alarms that are equally
// high, not the one that came last.
func TestOfEquallyHighAlarmsTheOneThatMattersMostStandsFirst(t *testing.T) {
	const missed = "include dosed.script\n14:18:00 wait\n14:20:00 wait\n14:23:00 wait\n"
	for name, c := range map[string]struct {
		script string
		want   []session.Condition
	}{
		"nobody sees the client, and a look-in is late": {
			"include dosed.script\n14:17:00 server LosePeer seat=client-1 lost=k1 heard=14:17:00\n14:17:10 wait\n14:17:30 wait\n14:18:00 wait\n14:20:00 wait\n14:23:00 wait\n",
			[]session.Condition{session.ClientGone, session.CheckInMissed}},
		"measured, though it came last": {
			missed + "14:23:10 therapist-1 RecordVitals client=client-1 systolic=185 diastolic=112\n",
			[]session.Condition{session.VitalsHigh, session.CheckInMissed}},
		"asked for, though it came last": {
			missed + "14:23:10 therapist-1 RecordVitals client=client-1 systolic=185 diastolic=112\n14:23:20 client-1 AskHelp client=client-1\n",
			[]session.Condition{session.HelpAskedFor, session.VitalsHigh, session.CheckInMissed}},
		"what is over, behind what goes on": {
			missed + "14:23:05 server LosePeer seat=client-1 lost=k1 heard=14:23:05\n14:23:15 wait\n14:23:35 wait\n14:23:40 server JoinPeer seat=client-1 peer=p1 @conn=k9\n",
			[]session.Condition{session.CheckInMissed, session.ClientGone}},
	} {
		s := play(t, c.script)
		var got []session.Condition
		for _, a := range session.ViewOf(s, "therapist-1", s.Recorded).Alarms {
			if a.Priority == session.High {
				got = append(got, a.Condition)
			}
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
	couple := play(t, "include couple.script\n13:50:00 client-2 AskHelp client=client-2\n13:50:05 client-1 AskHelp client=client-1\n")
	if all := session.ViewOf(couple, "therapist-1", couple.Recorded).Alarms; len(all) != 2 || all[0].Client != "client-2" {
		t.Errorf("of two who ask for help, who has waited longer does not stand first: %+v", all)
	}
}
