package session_test

import (
	"testing"

	"belay/session"
)

// One partner's yes is not the other's.
func TestAChaperoneNeverSeesAPartnerWhoHasNotAllowedIt(t *testing.T) {
	meets := func(s *session.State, other session.SeatID) bool {
		there, back := session.MayMeet(s, "chaperone-1", other), session.MayMeet(s, other, "chaperone-1")
		if there != back {
			t.Errorf("%s and the chaperone: %v one way, %v the other", other, there, back)
		}
		return there
	}
	s := play(t, "include couple.script\n+1s client-1 AllowChaperone client=client-1 see=yes\n")
	if !meets(s, "client-1") || !meets(s, "therapist-1") {
		t.Error("the chaperone doesn't see the client who has allowed it, or not the therapist")
	}
	if meets(s, "client-2") {
		t.Error("the chaperone sees the partner, who has not allowed it")
	}
	shared := "include sharing.script\n+1s client-1 AllowChaperone client=client-1 see=yes\n"
	if meets(play(t, shared), "client-1") {
		t.Error("the one picture of both is shown although only one has allowed it")
	}
	if !meets(play(t, shared+"+1s client-1 AllowChaperone client=client-2 see=yes\n"), "client-1") {
		t.Error("both have allowed it, and the chaperone sees nothing")
	}
	if meets(play(t, "include couple.script\n"), "therapist-1") {
		t.Error("the chaperone sees and hears although nobody has allowed it")
	}
}
