package session_test

import (
	"os"
	"strings"
	"testing"
	"time"

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

// Under the medicine people change their mind, or say so to their therapist.
func TestTheYesToTheChaperonesEyesIsTakenBackAtAnyTime(t *testing.T) {
	sees := strings.Replace(script(t, "dosed.script"), "14:02:00", "14:01:50 client-1 AllowChaperone client=client-1 see=yes\n14:02:00", 1)
	hide := session.HideFromChaperone{Client: "client-1"}
	for seat, words := range map[session.SeatID]string{
		"client-1":    "Alex does not allow the chaperone to see and hear",
		"therapist-1": "Dana Reyes takes back for Alex that the chaperone sees and hears",
	} {
		s := play(t, sees)
		if !session.MayMeet(s, "chaperone-1", "client-1") || s.Client("client-1").Phase != session.Absorbing {
			t.Fatalf("before: %s, the chaperone sees %v", s.Client("client-1").Phase, session.MayMeet(s, "chaperone-1", "client-1"))
		}
		s = play(t, sees+"+1s "+string(seat)+" HideFromChaperone client=client-1\n")
		for _, other := range []session.SeatID{"client-1", "therapist-1"} {
			if session.MayMeet(s, "chaperone-1", other) {
				t.Errorf("taken back by %s, and the chaperone still sees and hears %s", seat, other)
			}
		}
		if said := s.Line(*s.Recent[len(s.Recent)-1]); said != words {
			t.Errorf("the record says %q, not %q", said, words)
		}
		now := s.Recorded.Add(time.Second)
		if got := code(t, s, "client-1", session.AllowChaperone{Client: "client-1", See: true}, now); got != session.NotNow {
			t.Errorf("under the medicine it can be given anew: %q", got)
		}
		if got := code(t, s, seat, hide, now); got != session.AlreadySo {
			t.Errorf("a second time was answered %q", got)
		}
	}
	if got := code(t, play(t, sees), "chaperone-1", hide, day); got != session.NotYourRole {
		t.Errorf("the chaperone's was answered %q", got)
	}
}

func script(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
