package main

import (
	"testing"
	"time"

	"belay/session"
	"belay/session/store/redis/redistest"
)

// The network between one node and Redis, which is its only way to the others, is cut:
// the client and the chaperone sit there, the therapist elsewhere. Each side says what it
// knows, what happens on either is kept, and in the end it is one record.
func TestANodeThatIsCutOffNotesWhatHappensAndNothingIsTrueTwice(t *testing.T) {
	besideOthers(t)
	redis := redistest.Alone(t)
	way := redistest.Swallow(t, redis.Addr)
	c := startClusterAt(t, []string{"redis://" + redis.Addr, "redis://" + way.Addr}, false)
	c.front.first.Store(0) // whoever asks for the record asks the node that has it

	way.Eats(true)
	cut := time.Now()
	c.sees(c.robin, "that both are gone", func(v session.View) bool { return !here(v, "client-1") && !here(v, "chaperone-1") })
	t.Logf("the others knew after %v", time.Since(cut).Round(100*time.Millisecond))
	for _, one := range []struct {
		who string
		do  func() (noted bool, err error)
	}{
		{"the chaperone's look", func() (bool, error) {
			done, err := c.sam.Do(c.soon(), session.CheckIn{})
			return done.Noted, err
		}},
		{"the client's call for help", func() (bool, error) {
			done, err := c.alex.Do(c.soon(), session.AskHelp{Client: "client-1"})
			return done.Noted, err
		}},
	} {
		if noted, err := one.do(); err != nil || !noted {
			t.Errorf("%s was not noted where Redis can't be reached: %v", one.who, err)
		}
	}
	c.does(c.robin, session.WriteNote{Text: "On the other side of the cut."})
	if gap := c.robin.Flow("client-1").Picture.LongestGap(cut, time.Now()); gap > time.Second {
		t.Errorf("the picture stood for %v, and it goes from page to page", gap)
	}

	way.Eats(false)
	healed := time.Now()
	c.sees(c.robin, "that both are there again", func(v session.View) bool { return here(v, "client-1") && here(v, "chaperone-1") })
	c.sees(c.robin, "the call for help", func(v session.View) bool {
		for _, a := range v.Alarms {
			if a.Condition == session.HelpAskedFor {
				return true
			}
		}
		return false
	})
	t.Logf("all was one again after %v", time.Since(healed).Round(100*time.Millisecond))
	count := map[string]int{}
	for _, e := range c.record() { // one chain, which replays
		name := session.FactName(e.Fact)
		if f, ok := e.Fact.(session.PeerLost); ok {
			name += " " + string(f.Seat)
		}
		count[name]++
	}
	for name, want := range map[string]int{"CheckInDone": 1, "HelpAsked": 1, "NoteWritten": 1, "PeerLost client-1": 1, "PeerLost chaperone-1": 1, "PeerLost therapist-1": 0} {
		if count[name] != want {
			t.Errorf("the record has %s %d times, not %d", name, count[name], want)
		}
	}
}
