package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"belay/cmd/internal/browser"
)

// rig lets a test see and break what the page is connected by. It is put in place
// before the page has connected to anybody.
const rig = `(() => {
	const Real = RTCPeerConnection;
	globalThis.__belayLinks = [];
	globalThis.__belayCut = false;
	globalThis.RTCPeerConnection = class extends Real {
		constructor(configuration) {
			// With no address of its own a connection leads nowhere.
			super(__belayCut ? { ...configuration, iceServers: [], iceTransportPolicy: "relay" } : configuration);
			__belayLinks.push(this);
		}
	};
	const open = (pc) => pc.signalingState !== "closed";
	globalThis.__belayRope = (relay) => __belayLinks.filter((pc) => open(pc) && (pc.getTransceivers().length > 2) === relay).at(-1);
	globalThis.__belaySent = async (relay) => {
		let bytes = 0;
		for (const one of (await __belayRope(relay)?.getStats())?.values() ?? []) if (one.type === "outbound-rtp") bytes += one.bytesSent;
		return bytes;
	};
	// How many sounds of one person could be heard at once, at most, and at least.
	globalThis.__belaySounds = { most: 0, least: 9, stall: 0 };
	let before = performance.now();
	setInterval(() => {
		__belaySounds.stall = Math.max(__belaySounds.stall, performance.now() - before - 20);
		before = performance.now();
		const on = __belayLinks.filter(open).flatMap((pc) => pc.getReceivers()).filter(({ track }) => track.kind === "audio" && track.enabled).length;
		__belaySounds.most = Math.max(__belaySounds.most, on);
		__belaySounds.least = Math.min(__belaySounds.least, on);
	}, 20);
	return true;
})()`

// gaps notes the longest time between two pictures that were really shown.
func gaps(p *browser.Person, selector string) {
	browser.Eval[bool](p, fmt.Sprintf(`(() => {
		const video = document.querySelector(%s);
		const seen = globalThis.__belayGap = { count: 0, longest: 0, last: performance.now() };
		const next = (now) => {
			if (__belayGap !== seen) return;
			seen.count++;
			seen.longest = Math.max(seen.longest, performance.now() - seen.last);
			seen.last = performance.now();
			video.requestVideoFrameCallback(next);
		};
		video.requestVideoFrameCallback(next);
		if (globalThis.__belaySounds) Object.assign(__belaySounds, { most: 0, least: 9, stall: 0 });
		return true;
	})()`, quoted(selector)))
}

// gap is the longest time without a new picture since gaps was called.
func gap(p *browser.Person) (longest time.Duration, frames int) {
	got := browser.Eval[struct{ Longest, Count float64 }](p,
		`({ longest: Math.max(__belayGap.longest, performance.now() - __belayGap.last), count: __belayGap.count })`)
	return time.Duration(got.Longest * float64(time.Millisecond)), int(got.Count)
}

// bridged prints what each has seen of a break, and fails the test where one of
// them has seen nothing for longer than most, or heard any of the people twice.
func (v *visit) bridged(t *testing.T, what string, most time.Duration, people int) {
	t.Helper()
	for _, p := range []*browser.Person{v.robin, v.alex} {
		longest, frames := gap(p)
		sounds := browser.Eval[struct {
			Most, Least int
			Stall       float64
		}](p, "__belaySounds")
		t.Logf("%-40s %-6s longest gap %5d ms, %4d frames, sounds at once: %d to %d; the page itself stood still for %.0f ms", what, p.Name, longest.Milliseconds(), frames, sounds.Least, sounds.Most, sounds.Stall)
		if longest > most+time.Duration(sounds.Stall)*time.Millisecond {
			t.Errorf("%s: the picture that %s sees stood still for %v; at most %v", what, p.Name, longest, most)
		}
		if sounds.Most > people {
			t.Errorf("%s: %s heard %d sounds at once of %d people", what, p.Name, sounds.Most, people)
		}
	}
}

// calm measures how long the picture stands still on this machine when nothing
// at all happens: what more is seen in a break is the break's.
func (v *visit) calm(t *testing.T) time.Duration {
	t.Helper()
	v.watchBoth()
	time.Sleep(4 * time.Second) // the point is that time passes
	one, _ := gap(v.robin)
	other, _ := gap(v.alex)
	t.Logf("with nothing happening the picture stands still for up to %d ms", max(one, other).Milliseconds())
	return max(one, other)
}

// watchBoth begins to measure.
func (v *visit) watchBoth() {
	gaps(v.robin, clientAtTherapist)
	gaps(v.alex, therapistAtClient)
}

// ready waits until the relay's rope is there and rests.
func (v *visit) ready() {
	for _, p := range []*browser.Person{v.robin, v.alex} {
		p.WaitFor(`__belayRope(true)?.connectionState === "connected"`, browser.Patience)
	}
	for _, p := range []*browser.Person{v.robin, v.alex} {
		p.WaitFor(`(async () => {
			const before = await __belaySent(true);
			await new Promise((done) => setTimeout(done, 500));
			return before > 0 && (await __belaySent(true)) === before;
		})()`, browser.Patience)
	}
}

// meet brings client and therapist together, with both ropes in place.
func (v *visit) meet() {
	v.begun(1)
	v.clientArrived()
	v.opensPage(v.alex)
	browser.Eval[bool](v.alex, rig)
	v.robin.Goto(v.place)
	v.robin.WaitText("Join the session")
	browser.Eval[bool](v.robin, rig)
	v.robin.Click(browser.TestID("join"))
	act(v.robin, "Admit")
	v.see()
	v.ready()
}

const bridgedWithin = 2500 * time.Millisecond // where there is a second path

func TestThePictureGoesOnByTheOtherRope(t *testing.T) {
	chromium := browser.StartChromium(t, browser.Options{})
	v := &visit{t: t, server: startChild(t)}
	v.robin = chromium.Open("robin", browser.Seat{})
	v.alex = chromium.Open("alex", browser.Seat{})
	v.meet()
	both := []*browser.Person{v.robin, v.alex}
	bridgedWithin := bridgedWithin + v.calm(t)

	v.watchBoth()
	for _, p := range both {
		browser.Eval[bool](p, `(__belayRope(true).close(), true)`)
	}
	v.ready()
	v.bridged(t, "the relay's rope torn, direct carries", bridgedWithin, 1)

	v.watchBoth()
	v.server.kill()
	v.robin.WaitFor("__belayGap.count > 60", browser.Patience)
	v.bridged(t, "the server killed, direct carries", bridgedWithin, 1)
	for _, p := range both {
		browser.Eval[bool](p, "(__belayBefore = __belayRope(true), true)")
	}
	v.server.start()
	for _, p := range both {
		p.WaitFor(`__belayRope(true) && __belayRope(true) !== __belayBefore`, browser.Patience)
	}
	v.ready()
	v.bridged(t, "the server back, the relay's rope re-made", bridgedWithin, 1)

	v.watchBoth()
	for _, p := range both {
		browser.Eval[bool](p, `(__belayCut = true, __belayRope(false).close(), true)`)
	}
	says(v.robin, `[data-testid="connection"]`, "relayed")
	for _, p := range both {
		p.WaitFor("__belayGap.count > 60", browser.Patience)
	}
	v.bridged(t, "direct cut, the relay carries", bridgedWithin, 1)
	says(v.robin, ".picture-odd", "relayed")
	v.robin.Shot("therapist/relayed")

	v.watchBoth()
	for _, p := range both {
		browser.Eval[bool](p, `(__belayCut = false, __belayRope(false).close(), true)`)
	}
	says(v.robin, `[data-testid="connection"]`, "Alex: direct")
	v.alex.WaitFor(`(async () => {
		const before = await __belaySent(true);
		await new Promise((done) => setTimeout(done, 500));
		return (await __belaySent(true)) === before;
	})()`, browser.Patience)
	v.bridged(t, "direct healed, and taken back", bridgedWithin, 1)
	for _, p := range both { // the whole of it, and no trickle
		p.WaitFor(`(async () => [...(await __belayRope(false).getStats()).values()]
			.some((one) => one.type === "outbound-rtp" && one.kind === "video" && one.framesPerSecond > 8))()`, browser.Patience)
	}
}

// standing is a camera that is stuck: the same picture, again and again.
func standing(t *testing.T) string {
	t.Helper()
	const wide, high = 640, 360
	var film bytes.Buffer
	film.WriteString("YUV4MPEG2 W640 H360 F10:1 Ip A1:1 C420jpeg\n")
	for range 10 {
		film.WriteString("FRAME\n")
		for i := range wide * high {
			film.WriteByte(byte(i%wide/4 + i/wide/4))
		}
		film.Write(bytes.Repeat([]byte{128}, wide*high/2))
	}
	name := filepath.Join(t.TempDir(), "stuck.y4m")
	if err := os.WriteFile(name, film.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestACameraThatIsStuckCountsAsLost(t *testing.T) {
	chromium := browser.StartChromium(t, browser.Options{})
	stuck := browser.StartChromium(t, browser.Options{Camera: standing(t)})
	v := &visit{t: t, server: startChild(t)}
	v.robin = chromium.Open("robin", browser.Seat{})
	v.alex = stuck.Open("alex", browser.Seat{})
	v.begun(1)
	v.clientArrived()
	v.admitted()
	v.opensPage(v.alex)
	v.therapistJoins()
	v.see() // frames come, and all are the same
	v.robin.WaitFor(`/picture \d+ s old/.test(document.querySelector(".picture-odd").innerText)`, browser.Patience)
	says(v.robin, ".picture[data-still] .picture-state", "You do not see Alex now")
	v.robin.Shot("therapist/stuck-camera")
	v.robin.WaitFor(`(async () => (await (await fetch("/api/sessions/`+v.id()+`/record")).json()).clients[0].picture_lost !== undefined)()`, browser.Patience)
}
