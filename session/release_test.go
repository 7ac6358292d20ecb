package session_test

import (
	"os"
	"strings"
	"testing"

	"belay/session"
)

const releaseCheck = `include dosed.script
14:50:00 therapist-1 MarkReturning client=client-1
15:05:00 therapist-1 BeginReleaseCheck client=client-1
`

// checked is the script up to the dose, so that it can be changed.
func checked(t *testing.T) string {
	t.Helper()
	raw, err := os.ReadFile("testdata/checked.script")
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func met(s *session.State, id session.CriterionID) bool {
	return s.Clients[0].Criteria[id].State == "passed"
}

// Nobody is released into the care of somebody who has left.
func TestAChaperoneWhoLeavesHasNotTakenOver(t *testing.T) {
	taken := releaseCheck + "16:00:00 chaperone-1 SettleCriterion client=client-1 criterion=chaperone_takes_over values.confirmed=yes\n"
	if !met(play(t, taken), session.CriterionChaperone) {
		t.Fatal("the chaperone can't take over")
	}
	if met(play(t, taken+"16:01:00 chaperone-1 AnnounceLeaving\n"), session.CriterionChaperone) {
		t.Error("the chaperone has to leave, and the client can be released into their care")
	}
	two := strings.ReplaceAll(taken, "16:00:00", `15:50:00 therapist-1 AddSeat seat.id=chaperone-2 seat.role=chaperone seat.name=Robin
15:51:00 chaperone-2 ConfirmChaperone chaperone=chaperone-2 part=duties_read
15:52:00 chaperone-2 Arrive
16:00:00`)
	if !met(play(t, two+"16:01:00 chaperone-1 AnnounceLeaving\n"), session.CriterionChaperone) {
		t.Error("another chaperone is there, and what was settled is open again")
	}
}

// A reading that raises a high alarm is no all-clear, whatever the baseline was;
// nor is one without a heart rate.
func TestAReadingThatIsNotWellReleasesNobody(t *testing.T) {
	high := strings.NewReplacer("systolic=128 diastolic=82", "systolic=160 diastolic=90").Replace
	script := high(checked(t)) + `14:02:00 therapist-1 AuthorizeDose client=client-1 number=1 mg=100 tablets=1
14:03:00 client-1 RecordDose client=client-1 number=1
14:50:00 therapist-1 MarkReturning client=client-1
15:05:00 therapist-1 BeginReleaseCheck client=client-1
`
	for reading, want := range map[string]bool{
		"systolic=180 diastolic=100 heart_rate=80": false, // within 20 of the baseline, and very high
		"systolic=170 diastolic=100 heart_rate=80": true,
		"systolic=150 diastolic=85":                false,
		"systolic=190 diastolic=100 heart_rate=80": false,
	} {
		s := play(t, script+"16:00:00 chaperone-1 RecordVitals client=client-1 "+reading+"\n")
		if got := met(s, session.CriterionVitals); got != want {
			t.Errorf("%s: the criterion is met: %v (%s)", reading, got, s.Clients[0].Criteria[session.CriterionVitals].Reason)
		}
	}
}

// "Back near baseline" is both ways: whoever stands up with half of their usual
// pressure falls.
func TestAPressureThatHasFallenFarReleasesNobody(t *testing.T) {
	for reading, want := range map[string]bool{ // 128/82, heart rate 74 before the dose
		"systolic=128 diastolic=82 heart_rate=74":  true,
		"systolic=108 diastolic=62 heart_rate=54":  true,
		"systolic=107 diastolic=70 heart_rate=74":  false,
		"systolic=120 diastolic=61 heart_rate=74":  false,
		"systolic=120 diastolic=70 heart_rate=53":  false,
		"systolic=120 diastolic=70 heart_rate=94":  true,
		"systolic=120 diastolic=70 heart_rate=95":  false,
		"systolic=149 diastolic=82 heart_rate=74":  false,
		"systolic=128 diastolic=103 heart_rate=74": false,
	} {
		s := play(t, releaseCheck+"16:00:00 chaperone-1 RecordVitals client=client-1 "+reading+"\n")
		state := s.Clients[0].Criteria[session.CriterionVitals]
		if got := met(s, session.CriterionVitals); got != want || !want && state.Reason == "" {
			t.Errorf("%s: the criterion is met: %v (%s)", reading, got, state.Reason)
		}
	}
}
