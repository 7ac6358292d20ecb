package main

import (
	"testing"

	"belay/session"
)

// The client's page is at one node and tells what it hears, the therapist's is at another
// and tells how its microphone is: only there both is known.
func TestATherapistAtAnotherNodeLearnsThatTheyAreNotHeard(t *testing.T) {
	besideOthers(t)
	c := startCluster(t, 2, false)
	c.robin.LoseMicrophone(true)
	c.sees(c.robin, "that the client hears nobody", func(v session.View) bool { return v.Clients[0].VoiceLost != nil })
	c.robin.LoseMicrophone(false)
	c.sees(c.robin, "that they are heard again", func(v session.View) bool { return v.Clients[0].VoiceLost == nil })
}
