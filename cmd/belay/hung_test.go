package main

import (
	"syscall"
	"testing"
	"time"

	"belay/cmd/internal/person"
	"belay/session"
	"belay/session/store/redis/redistest"
)

// signals sends a signal to a server.
func (c *child) signals(sig syscall.Signal) {
	c.t.Helper()
	if err := c.cmd.Process.Signal(sig); err != nil {
		c.t.Fatal(err)
	}
}

// The server that would take the relays over hangs. The one that was told to end gives
// up at its own deadline, and everybody is together again when the other goes on.
func TestAServerThatEndsDoesNotWaitForOneThatHangs(t *testing.T) {
	besideOthers(t)
	c := startClusterOn(t, 2, true, "redis://"+redistest.Alone(t).Addr, "-drain", "3s")
	for _, p := range []*person.Person{c.robin, c.alex} {
		c.check("the relay", p.AwaitMedia(c.soon(), "relay"))
	}
	ends, hangs := c.nodes[0], c.nodes[1]
	hangs.signals(syscall.SIGSTOP)
	began := time.Now()
	ends.signals(syscall.SIGTERM)
	select {
	case <-ends.ended:
	case <-time.After(30 * time.Second):
		hangs.signals(syscall.SIGCONT)
		t.Fatal("it never ends")
	}
	took := time.Since(began)
	if err := ends.cmd.Wait(); err != nil {
		t.Errorf("it ended with %v", err)
	}
	ends.cmd = nil
	hangs.signals(syscall.SIGCONT)
	if took < 2*time.Second || took > 10*time.Second {
		t.Errorf("it ended after %v, with three seconds for handing over", took)
	}
	c.front.first.Store(1)
	for _, p := range []*person.Person{c.robin, c.alex, c.sam} {
		c.check("to come back", p.Open(c.soon()))
	}
	c.does(c.robin, session.WriteNote{Text: "after that"})
	c.sees(c.robin, "everybody", func(v session.View) bool { return here(v, "client-1") && here(v, "chaperone-1") })
	t.Logf("it ended after %v", took.Round(100*time.Millisecond))
}

// A server stands still for longer than the others wait for it: they declare lost who
// was connected to it. When it goes on, everybody is there again, and nobody was lost twice.
func TestWhoWasAtAServerThatStoodStillIsThereAgainWhenItGoesOn(t *testing.T) {
	besideOthers(t)
	c := startCluster(t, 2, false)
	stands := c.nodes[1] // the client and the chaperone are there
	stands.signals(syscall.SIGSTOP)
	c.sees(c.robin, "that both are gone", func(v session.View) bool { return !here(v, "client-1") && !here(v, "chaperone-1") })
	time.Sleep(2 * time.Second) // longer than it takes to be forgotten
	stands.signals(syscall.SIGCONT)
	c.sees(c.robin, "that both are there again", func(v session.View) bool { return here(v, "client-1") && here(v, "chaperone-1") })
	c.does(c.sam, session.CheckIn{})
	c.does(c.alex, session.AskHelp{Client: "client-1"})
	c.sees(c.robin, "the call for help", func(v session.View) bool {
		for _, a := range v.Alarms {
			if a.Condition == session.HelpAskedFor {
				return true
			}
		}
		return false
	})
	lost := map[session.SeatID]int{}
	for _, e := range c.record() {
		if f, ok := e.Fact.(session.PeerLost); ok {
			lost[f.Seat]++
		}
	}
	for _, seat := range []session.SeatID{"client-1", "chaperone-1"} {
		if lost[seat] != 1 {
			t.Errorf("%s was lost %d times", seat, lost[seat])
		}
	}
}
