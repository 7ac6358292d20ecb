package main

import (
	"strings"
	"syscall"
	"testing"

	"belay/cmd/internal/browser"
	"belay/session/store/redis/redistest"
)

// A node is ended for an update, and all that two people have of each other goes
// through its relay: each page has its connection to the next one before it lets go
// of the old.
func TestTheRelayedPictureMovesToAnotherNodeWithoutAGap(t *testing.T) {
	addr := redistest.Alone(t).Addr
	nodes := []*child{newChild(t, "-redis", "redis://"+addr), newChild(t, "-redis", "redis://"+addr)}
	for _, n := range nodes {
		n.start()
	}
	front := startFront(t, nodes...)
	chromium := browser.StartChromium(t, browser.Options{})
	v := &visit{t: t, server: nodes[0]}
	v.robin = chromium.Open("robin", browser.Seat{})
	v.alex = chromium.Open("alex", browser.Seat{})
	both := []*browser.Person{v.robin, v.alex}
	for _, p := range both {
		p.Before(rig)
		p.Expect("WebSocket connection to")
	}
	v.setUp()
	v.relayOnly()
	v.robin.Goto(strings.Replace(front.url(), "127.0.0.1", "localhost", 1)) // where the account's cookie is known
	v.practise("1")
	v.therapistJoins() // at the first node, which becomes the relay's
	front.first.Store(1)
	v.clientArrives()
	act(v.robin, "Admit")
	v.see()
	for _, p := range both {
		browser.Eval[bool](p, `(() => {
			const held = (pc) => pc.connectionState === "connected";
			globalThis.__belayHeld = { least: 9, most: 0 };
			setInterval(() => {
				const now = __belayLinks.filter(held).length;
				__belayHeld.least = Math.min(__belayHeld.least, now);
				__belayHeld.most = Math.max(__belayHeld.most, now);
			}, 10);
			globalThis.__belayOld = __belayLinks.filter(held)[0];
			return true;
		})()`)
	}
	bridgedWithin := bridgedWithin + v.calm(t)

	v.watchBoth()
	if err := nodes[0].cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	for _, p := range both { // the old one ends at last
		p.WaitFor(`__belayOld.signalingState === "closed" && __belayLinks.some((pc) => pc.connectionState === "connected")`, browser.Patience)
		p.WaitFor("__belayGap.count > 60", browser.Patience)
	}
	v.bridged(t, "the relay moves to another node", bridgedWithin, 1)
	for _, p := range both {
		held := browser.Eval[struct{ Least, Most int }](p, "__belayHeld")
		if held.Least < 1 || held.Most < 2 {
			t.Errorf("%s had between %d and %d connections to a relay: the next was to hold before the last ended", p.Name, held.Least, held.Most)
		}
	}
	<-nodes[0].ended
	if err := nodes[0].cmd.Wait(); err != nil {
		t.Errorf("the node ended with %v", err)
	}
	nodes[0].cmd = nil
}
