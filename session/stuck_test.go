package session_test

import (
	"testing"
	"time"

	"belay/session"
)

// A further lozenge that is reported only after its hold would be over: the visit
// must not stay in the hold for ever, where nobody can be marked as returning.
func TestADoseReportedAfterItsHoldLeavesNobodyInTheHold(t *testing.T) {
	for name, script := range map[string]string{
		"integrating": `14:52:00 therapist-1 MarkReturning client=client-1
15:40:00 therapist-1 RecordSwallowed client=client-1 mg=50 tablets=1 at=15:20:00 reason="found the empty blister"
`,
		"ended": `15:00:00 therapist-1 EndEarly client=client-1 reason="the line is dead"
15:40:00 therapist-1 RecordSwallowed client=client-1 mg=50 tablets=1 at=15:20:00 reason="found the empty blister"
`,
	} {
		s := play(t, "include dosed.script\n"+script+"+1s wait\n")
		if got := s.Clients[0].Phase; got != session.Active {
			t.Errorf("%s: the client is %s", name, got)
		}
		if got := code(t, s, "therapist-1", session.MarkReturning{Client: "client-1"}, s.Recorded.Add(time.Second)); got != "" {
			t.Errorf("%s: the client can't be marked as returning: %s", name, got)
		}
	}
}
