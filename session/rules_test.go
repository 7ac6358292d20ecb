package session_test

import (
	"errors"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"belay/session"
	"belay/session/transcript"
)

// code decides one command and returns the refusal's code; empty: it was done.
func code(t *testing.T, s *session.State, seat session.SeatID, do session.Act, now time.Time) string {
	t.Helper()
	_, err := session.Decide(s, session.Command{ID: "x", Seat: seat, Conn: "k", Do: do}, now)
	var r *session.Refusal
	if err != nil && !errors.As(err, &r) {
		t.Fatalf("%T: %v", do, err)
	}
	if r == nil {
		return ""
	}
	return r.Code
}

func TestAnAmountThatIsNoNumberIsNoDose(t *testing.T) {
	s, now := stage(t, session.CheckingIn)
	for _, mg := range []float64{math.NaN(), math.Inf(1), 0, -1} {
		if got := code(t, s, "therapist-1", session.AuthorizeDose{Client: "client-1", Number: 1, Mg: mg, Tablets: 1}, now); got == "" {
			t.Errorf("%g mg were authorised", mg)
		}
		if got := code(t, s, "therapist-1", session.RecordSwallowed{Client: "client-1", Mg: mg, Tablets: 1, At: now, Reason: "r"}, now); got != session.BadValue {
			t.Errorf("%g mg were recorded as swallowed: %q", mg, got)
		}
	}
}

func TestAListOfMedicinesFitsIntoTheReviewOfChanges(t *testing.T) {
	s, now := stage(t, session.CheckingIn)
	do := session.SettleGate{Client: "client-1", Gate: session.GateContraindications,
		Values: map[string]string{"none": "yes", "changes": strings.Repeat("sertraline 50 mg, ", 40)}}
	if got := code(t, s, "therapist-1", do, now); got != "" {
		t.Errorf("refused: %s", got)
	}
}

func TestLimitsThatWouldPassEveryReadingAreRefused(t *testing.T) {
	for name, change := range map[string]func(*session.Limits){
		"no blocking limit":        func(l *session.Limits) { l.BlockSystolic = 0 },
		"no limit for heart rate":  func(l *session.Limits) { l.BlockHeartRate = 0 },
		"an alarm below the block": func(l *session.Limits) { l.AlarmSystolic = 150 },
		"caution above the block":  func(l *session.Limits) { l.CautionDiastolic = 95 },
		"no span":                  func(l *session.Limits) { l.BaselineSpan = 0 },
	} {
		s := session.DefaultSettings()
		change(&s.Limits)
		if s.Validate() == nil {
			t.Errorf("%s: taken", name)
		}
	}
	if err := session.DefaultSettings().Validate(); err != nil {
		t.Error(err)
	}
}

func TestNobodySharesTheTherapistsDevice(t *testing.T) {
	script := strings.ReplaceAll(stages[session.Scheduled], "seats.1.role=client", "seats.1.role=client seats.1.shares_with=therapist-1")
	p, err := transcript.Play([]byte(script), os.DirFS("testdata"))
	if err != nil {
		t.Fatal(err)
	}
	if p.State.Seq != 0 {
		t.Error("a client counts as present while only the therapist is connected")
	}
}

func TestASessionDoesNotOutgrowItsSeats(t *testing.T) {
	s, now := stage(t, session.Lobby) // has a co-therapist and one chaperone
	if got := code(t, s, "therapist-1", session.AddSeat{Seat: session.Seat{ID: "co-2", Role: session.CoTherapist}}, now); got != session.BadValue {
		t.Errorf("a second co-therapist: %q", got)
	}
	if got := code(t, s, "therapist-1", session.AddSeat{Seat: session.Seat{ID: "chaperone-2", Role: session.Chaperone, SharesWith: "client-1"}}, now); got != session.BadValue {
		t.Errorf("a chaperone on the client's device: %q", got)
	}
}

func TestAReturningClientIsNotOfferedADose(t *testing.T) {
	s := play(t, `include dosed.script
14:48:00 therapist-1 AuthorizeDose client=client-1 number=2 mg=50 tablets=1
14:49:00 therapist-1 MarkReturning client=client-1
`)
	if v := session.ViewOf(s, "client-1", s.Recorded.Add(time.Second)); v.Clients[0].MayTake != nil {
		t.Error("the client's screen still offers the second dose")
	}
}

func TestAPictureLostBetweenSecondAuthorisationAndTapIsNotTakenPast(t *testing.T) {
	s := play(t, `include dosed.script
14:30:00 therapist-1 AuthorizeDose client=client-1 number=2 mg=50 tablets=1
14:31:00 server ReportPicture client=client-1 lost=yes since=14:30:58
`)
	if got := code(t, s, "client-1", session.RecordDose{Client: "client-1", Number: 2}, s.Recorded.Add(time.Second)); got != session.NotAuthorized {
		t.Errorf("the second dose was recorded as authorised: %q", got)
	}
}

func TestAChaperoneWhoForgotToReportIsStillCalled(t *testing.T) {
	s := play(t, `include dosed.script
14:10:00 therapist-1 CallChaperone client=client-1
14:10:10 chaperone-1 GoIn
14:10:20 chaperone-1 BeWith
14:12:00 client-1 AskHelp client=client-1
`)
	if call := s.Chaperones[0].Call; call == nil || call.With.IsZero() {
		t.Error("who is in the room was called again within two minutes")
	}
	s = play(t, `include dosed.script
14:10:00 therapist-1 CallChaperone client=client-1
14:10:10 chaperone-1 GoIn
14:10:20 chaperone-1 BeWith
14:13:00 client-1 AskHelp client=client-1
`)
	if call := s.Chaperones[0].Call; call == nil || !call.Going.IsZero() || !call.With.IsZero() {
		t.Error("the client asks for help and the chaperone's screen says that they are there")
	}
}

// A practice session at 60 times the speed is not late all the time.
func TestAFastClockIsNotLateByItself(t *testing.T) {
	s := play(t, strings.ReplaceAll(stages[session.Scheduled], "owner=dana", "owner=dana practice=yes pace.rate=60"))
	for after, want := range map[time.Duration]bool{90 * time.Second: false, 3 * time.Minute: true} {
		events, err := session.Decide(s, session.Command{Seat: session.Clock, Do: session.ReachDeadline{}}, s.OpensAt.Add(after))
		if err != nil || len(events) == 0 || events[0].Fact.(session.RoomOpened).Late != want {
			t.Errorf("after %s of practice time: %v %v", after, events, err)
		}
	}
}

func TestAnAlarmThatNothingCanEndDoesNotOutlastTheDoseItIsAbout(t *testing.T) {
	s := play(t, `include dosed.script
14:30:00 therapist-1 AuthorizeDose client=client-1 number=2 mg=50 tablets=1
14:31:00 therapist-1 ReopenGate client=client-1 gate=space reason="the door stands open"
14:49:00 therapist-1 MarkReturning client=client-1
`)
	for _, a := range s.Alarms {
		if a.Condition == session.GateReopenedAfter {
			t.Errorf("%q stands in a phase in which no check can be settled", a.Words)
		}
	}
}

// The settings of a session are those of the day on which it was made. What a later
// version has learnt to watch is watched in it all the same.
func TestAnAlarmThatASessionsSettingsDoNotKnowYetIsRaisedInItToo(t *testing.T) {
	s, now := stage(t, session.Active)
	s.Settings.Alarms = slices.DeleteFunc(slices.Clone(s.Settings.Alarms), func(r session.AlarmRule) bool { return r.Condition == session.VoiceGone })
	events, err := session.Decide(s, session.Command{ID: "x", Seat: session.Server, Do: session.ReportVoice{Client: "client-1", Lost: true, Since: now.Add(-20 * time.Second)}}, now)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range events {
		if f, ok := e.Fact.(session.AlarmRaised); ok && f.Condition == session.VoiceGone {
			return
		}
	}
	t.Errorf("nobody is told that the client hears nobody: %+v", events)
}

func TestNoSettingMakesAnAlarmThatNobodyHears(t *testing.T) {
	rule := func(s *session.Settings, c session.Condition) *session.AlarmRule {
		for i := range s.Alarms {
			if s.Alarms[i].Condition == c {
				return &s.Alarms[i]
			}
		}
		t.Fatalf("there is no alarm %s", c)
		return nil
	}
	for name, change := range map[string]func(*session.Settings){
		"picture lost, after years":            func(s *session.Settings) { rule(s, session.PictureGone).Ladder[2].After = 1e9 },
		"chaperone gone, on no screen":         func(s *session.Settings) { rule(s, session.ChaperoneGone).Ladder[0].Do = nil },
		"missed check-in, told the phone only": func(s *session.Settings) { r := rule(s, session.CheckInMissed); r.Ladder = r.Ladder[:1] },
		"help, of low priority":                func(s *session.Settings) { rule(s, session.HelpAskedFor).Ladder[0].Priority = session.Low },
		"help, after a minute":                 func(s *session.Settings) { rule(s, session.HelpAskedFor).Ladder[0].After = 15 },
		"help, that only the chaperone ends": func(s *session.Settings) {
			rule(s, session.HelpAskedFor).Acknowledge = []session.Role{session.Chaperone}
		},
		"a rung that does nothing known": func(s *session.Settings) { rule(s, session.SoundGone).Ladder[0].Do = []session.Do{"sing"} },
		"the same condition twice":       func(s *session.Settings) { s.Alarms = append(s.Alarms, s.Alarms[0]) },
	} {
		s := session.DefaultSettings()
		s.Alarms = session.DefaultAlarms()
		change(&s)
		if s.Validate() == nil {
			t.Errorf("%s: taken", name)
		}
	}
}

// After signing nobody's leaving is recorded. Who was there would otherwise be
// there for ever, in every list, and each start of the server would read all
// signed sessions to declare them gone.
func TestNobodyIsPresentForEverInASignedSession(t *testing.T) {
	s, now := stage(t, session.Signed)
	connected := 0
	for _, p := range s.Presence {
		if p.Conn != "" {
			connected++
		}
	}
	if connected == 0 {
		t.Fatal("nobody was connected when the record was signed: this shows nothing")
	}
	if arrived := session.Summarize(s).Arrived; len(arrived) > 0 {
		t.Errorf("the list says that %v are here", arrived)
	}
	for _, p := range session.ViewOf(s, "therapist-1", now).People {
		if p.Present {
			t.Errorf("%s is shown as connected", p.Seat)
		}
	}
}

func TestConsentThatWasTakenBackIsNotOverridden(t *testing.T) {
	s := play(t, `include checked.script
14:02:00 therapist-1 ReopenGate client=client-1 gate=consent reason="Alex takes it back"
`)
	now := s.Recorded.Add(time.Second)
	override := session.OverrideGate{Client: "client-1", Gate: session.GateConsent, Reason: "it was given before"}
	if got := code(t, s, "therapist-1", override, now); got != session.NotNow {
		t.Errorf("the therapist's override was answered %q", got)
	}
	if got := code(t, s, "client-1", session.GiveConsent{Client: "client-1", Version: "2026-1"}, now); got != "" {
		t.Errorf("the client can't give it again: %s", got)
	}
}

// "Measure again in five minutes" is not over because somebody writes down a reading
// from before it.
func TestAnOlderReadingDoesNotTakeBackThatItIsToBeMeasuredAgain(t *testing.T) {
	s := play(t, `include dosed.script
14:50:00 chaperone-1 RecordVitals client=client-1 systolic=190 diastolic=115 heart_rate=80
14:51:00 therapist-1 RecordVitals client=client-1 systolic=130 diastolic=80 heart_rate=70 at=14:30:00
14:55:01 therapist-1 WriteNote text="five minutes have passed"
`)
	if !slices.ContainsFunc(s.Alarms, func(a *session.Alarm) bool { return a.Condition == session.VitalsMissed && a.Ended.IsZero() }) {
		t.Errorf("nobody is asked to measure again; due are %+v", s.Deadlines)
	}
}

// Whoever taps now is there now, also where what they report was earlier.
func TestAReportOfBeforeDoesNotMakeTheChaperonesLastTapOlder(t *testing.T) {
	s := play(t, `include dosed.script
14:20:00 chaperone-1 CheckIn
14:21:00 chaperone-1 RecordVitals client=client-1 systolic=130 diastolic=80 heart_rate=70 at=14:05:00
`)
	if got := s.Chaperones[0].Confirmed; got.Before(time.Date(2026, 3, 2, 14, 20, 0, 0, time.UTC)) {
		t.Errorf("the therapist is told that the chaperone was last heard of at %s", got.Format(time.TimeOnly))
	}
}

// One tap silences all that one screen can show.
func TestAHundredAlarmsCanBeAcknowledgedAtOnce(t *testing.T) {
	s, now := stage(t, session.Active)
	for _, n := range []int{session.MaxSeenAlarms, session.MaxSeenAlarms + 1} {
		seen := make([]session.SeenAlarm, n)
		for i := range seen {
			seen[i] = session.SeenAlarm{Alarm: "a1", Priority: session.High}
		}
		want := ""
		if n > session.MaxSeenAlarms {
			want = session.BadValue
		}
		if got := code(t, s, "therapist-1", session.AcknowledgeAlarms{Alarms: seen}, now); got != want {
			t.Errorf("%d alarms: answered %q, not %q", n, got, want)
		}
	}
}

// A rung that only who has not acknowledged would hear is heard once a more urgent one
// has ended the silence.
func TestASilenceThatHasEndedSkipsNoRung(t *testing.T) {
	s := play(t, "include dosed.script\n")
	for i, r := range s.Settings.Alarms {
		if r.Condition == session.PictureGone {
			s.Settings.Alarms[i].Ladder = []session.Rung{{After: 10, Priority: session.Medium, Do: []session.Do{session.DoShow}},
				{After: 20, Priority: session.Medium, Do: []session.Do{session.DoReach}, UnlessAcked: true},
				{After: 30, Priority: session.High, Do: []session.Do{session.DoCall}},
				{After: 60, Priority: session.High, Do: []session.Do{session.DoEmergency}, UnlessAcked: true}}
		}
	}
	if err := s.Settings.Validate(); err != nil {
		t.Fatal(err)
	}
	began := s.Recorded.Add(time.Minute)
	do := acting(t, s, began)
	alarm := func() *session.Alarm {
		t.Helper()
		for _, a := range s.Alarms {
			if a.Condition == session.PictureGone {
				return a
			}
		}
		t.Fatal("the picture is lost, and no alarm stands")
		return nil
	}
	do(0, session.Server, session.ReportPicture{Client: "client-1", Lost: true, Since: began})
	do(10*time.Second, session.Clock, session.ReachDeadline{})
	do(12*time.Second, "therapist-1", session.AcknowledgeAlarm{Alarm: alarm().ID, Priority: session.Medium})
	do(20*time.Second, session.Clock, session.ReachDeadline{})
	if a := alarm(); a.Dial {
		t.Error("a rung was reached that whoever acknowledged is spared")
	}
	do(30*time.Second, session.Clock, session.ReachDeadline{})
	do(60*time.Second, session.Clock, session.ReachDeadline{})
	if a := alarm(); !a.Card || a.Rung != 3 {
		t.Errorf("nobody acknowledged it since it became high, and it stands on rung %d", a.Rung+1)
	}
}

// "I'm here" of the evening before says nothing about today: nobody would be told at the
// start that no chaperone has come.
func TestAChaperoneDoesNotArriveTheDayBefore(t *testing.T) {
	before := strings.NewReplacer("starts_at=14:00", "starts_at=2026-03-03T14:00:00").Replace(stages[session.Scheduled])
	s := play(t, before+"+1s chaperone-1 ConfirmChaperone chaperone=chaperone-1 part=duties_read\n")
	arrive := func(now time.Time) string { return code(t, s, "chaperone-1", session.Arrive{}, now) }
	if got := arrive(s.Recorded.Add(time.Minute)); got != session.NotNow {
		t.Errorf("the day before: answered %q", got)
	}
	if got := arrive(s.OpensAt.Add(-time.Second)); got != session.NotNow {
		t.Errorf("a second before the room opens: answered %q", got)
	}
	if got := arrive(s.OpensAt); got != "" {
		t.Errorf("once the room is open: answered %q", got)
	}
	s.Settings.OpensBefore, s.OpensAt = 0, s.StartsAt // a room that opens later than the chaperone is due
	if got := arrive(s.StartsAt.Add(-s.Settings.ChaperoneBefore.D())); got != "" {
		t.Errorf("when they are due: answered %q", got)
	}
}

// A link of a practice session would open again, long after it has expired.
func TestAFastClockNeverRunsBack(t *testing.T) {
	began := time.Date(2026, 3, 2, 14, 0, 0, 0, time.UTC)
	pace := session.Pace{Epoch: began, Rate: 600}
	last := began
	for _, days := range []int{1, 100, 200, 400, 4000} {
		now := pace.Of(began.AddDate(0, 0, days))
		if now.Before(last) {
			t.Errorf("after %d days the session's clock shows %s, before it showed %s", days, now, last)
		}
		last = now
	}
}
