package main

import (
	"testing"

	"belay/cmd/internal/browser"
)

// What was asked of a connection that is closed meanwhile is never answered: not its
// statistics (Firefox), not a description that it was to take (both). A page that waited
// for it would never again look at what arrives, or never take the next offer.
func TestAConnectionThatIsClosedHoldsNothingUp(t *testing.T) {
	oneAtATime(t)
	for _, p := range []*browser.Person{
		browser.StartChromium(t, browser.Options{}).Open("chromium", browser.Seat{}),
		browser.StartFirefox(t, browser.Options{}).Open("firefox", browser.Seat{}),
	} {
		p.Goto(modules(t, ""))
		browser.Eval[bool](p, `(async () => {
			const { createPeer } = await import("/peer.js");
			const passes = (ms) => new Promise((done) => setTimeout(done, ms, "nothing"));
			globalThis.within = (promise, ms) => Promise.race([promise.then(() => "done", () => "refused"), passes(ms)]);
			globalThis.peer = (offers) => {
				const said = [];
				const made = createPeer({
					id: "other", offers, sends: false, iceServers: () => [], reachable: () => true, track: () => null, onTrack() {}, onState() {},
					send: (type, body) => (body.sdp && said.push(body.sdp), true),
				});
				return { ...made, said, says: async (many) => { while (said.length < many) await passes(10); return said[many - 1]; } };
			};
			return true;
		})()`)
		if got := browser.Eval[string](p, `(async () => {
			const one = peer(true);
			await one.says(1);
			const stats = one.stats();
			one.close();
			return within(stats, 500);
		})()`); got != "done" && got != "refused" {
			t.Errorf("%s: a look at a connection that was closed meanwhile ended with %s", p.Name, got)
		}
		if got := browser.Eval[string](p, `(async () => {
			const [client, reloaded, therapist] = [peer(true), peer(true), peer(false)];
			const offer = { sdp: await client.says(1) };
			const first = await reloaded.says(1);
			therapist.signal("offer", offer);
			await therapist.says(1);
			therapist.signal("offer", offer);
			for (let i = 0; i < 5; i++) await null; // it has begun to take it
			therapist.signal("offer", { sdp: first });
			const got = await within(therapist.says(2), 3000);
			for (const one of [client, reloaded, therapist]) one.close();
			return got;
		})()`); got != "done" {
			t.Errorf("%s: the offer of a page that was loaded again was answered with %s", p.Name, got)
		}
	}
}
