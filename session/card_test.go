package session_test

import (
	"slices"
	"testing"

	"belay/session"
)

// An ambulance is not told of somebody at the door who is not there.
func TestTheEmergencyCardNamesAnAdultInTheHomeOnlyWhileOneIsThere(t *testing.T) {
	says := func(script, words string) bool {
		s := play(t, script)
		card := session.ViewOf(s, "therapist-1", s.Recorded).Clients[0].Card
		return slices.Contains(card.Script, words)
	}
	const there, none = "An adult is in the home: Sam, (303) 555-0142.", "I know of no adult in the home who could open the door."
	if script := "include dosed.script\n"; !says(script, there) || says(script, none) {
		t.Error("the chaperone is there, and the card does not say so")
	}
	if script := "include dosed.script\n+1m chaperone-1 AnnounceLeaving\n"; says(script, there) || !says(script, none) {
		t.Error("the chaperone has left, and the card says that an adult is in the home")
	}
}
