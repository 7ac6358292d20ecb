package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"belay/cmd/internal/browser"
)

// stops is a camera that gets stuck: it moves for two seconds, then gives the same
// picture for half a minute. Who opens it anew sees it move.
func stops(t *testing.T) string {
	t.Helper()
	const wide, high, moving, still = 160, 90, 20, 300
	var film bytes.Buffer
	film.WriteString("YUV4MPEG2 W160 H90 F10:1 Ip A1:1 C420jpeg\n")
	for n := range moving + still {
		film.WriteString("FRAME\n")
		for i := range wide * high {
			film.WriteByte(byte(i%wide + 5*min(n, moving)))
		}
		film.Write(bytes.Repeat([]byte{128}, wide*high/2))
	}
	name := filepath.Join(t.TempDir(), "stops.y4m")
	if err := os.WriteFile(name, film.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// A phone call, a lid or a fault takes a camera away in more than one way: it stands
// still, or its track ends and the browser gives it back only in a tap. A browser gives
// a device that is open already as it is; what is stuck stays stuck until it was closed.
func TestACameraThatWasTakenAwayIsOpenedAnew(t *testing.T) {
	oneAtATime(t)
	p := browser.StartChromium(t, browser.Options{Camera: stops(t)}).Open("alex", browser.Seat{})
	p.Goto(modules(t, ""))
	browser.Eval[bool](p, `(async () => {
		const { createCapture } = await import("/capture.js");
		globalThis.capture = createCapture({ onTracks() {}, onState: (state) => (globalThis.said = state) });
		await capture.start();
		const video = Object.assign(document.createElement("video"), { muted: true, srcObject: capture.local });
		await video.play();
		const canvas = new OffscreenCanvas(16, 9);
		const context = canvas.getContext("2d", { willReadFrequently: true });
		const look = () => (context.drawImage(video, 0, 0, 16, 9), context.getImageData(0, 0, 16, 9).data.join());
		globalThis.moves = async () => {
			const before = look();
			await new Promise((done) => setTimeout(done, 500));
			return look() !== before;
		};
		return true;
	})()`)
	p.WaitFor("moves()", browser.Patience)
	p.WaitFor("moves().then((so) => !so)", browser.Patience)
	browser.Eval[bool](p, `(capture.recover("video"), true)`)
	p.WaitFor("moves()", 5*time.Second) // by itself it would in half a minute

	browser.Eval[bool](p, `(() => {
		const open = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
		navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException("not now", "NotAllowedError"));
		globalThis.allow = () => (navigator.mediaDevices.getUserMedia = open);
		for (const track of capture.local.getTracks()) {
			track.stop();
			track.dispatchEvent(new Event("ended"));
		}
		return true;
	})()`)
	p.WaitFor("said.needsTap", browser.Patience)
	browser.Eval[bool](p, `(allow(), capture.start().then(() => true))`)
	if !browser.Eval[bool](p, `!capture.state().needsTap && capture.live("audio") && capture.live("video")`) {
		t.Error("a tap did not bring back what was taken away")
	}
}

// On a phone a camera can't be opened beside another one, and the one that somebody
// chooses may be in use elsewhere: the page says what is so, and films again.
func TestACameraThatIsChosenAndNotToBeHad(t *testing.T) {
	oneAtATime(t)
	p := browser.StartChromium(t, browser.Options{}).Open("alex", browser.Seat{})
	p.Goto(modules(t, ""))
	got := browser.Eval[[]string](p, `(async () => {
		const { createCapture } = await import("/capture.js");
		const open = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
		let busy = () => false;
		navigator.mediaDevices.getUserMedia = (wanted) =>
			wanted.video && busy(wanted) ? Promise.reject(new DOMException("in use", "NotReadableError")) : open(wanted.video === undefined ? wanted : { ...wanted, video: true });
		const capture = createCapture({ onTracks() {}, onState() {} });
		const said = () => capture.state().camera + (capture.live("video") ? ", films" : "");
		const all = [];
		await capture.start();
		all.push(said());
		busy = () => capture.live("video"); // a phone
		await capture.start({ camera: "back" });
		all.push(said());
		busy = (wanted) => wanted.video.deviceId !== undefined; // another program has it
		await capture.start({ camera: "front" });
		all.push(said());
		for (const end = Date.now() + 8000; Date.now() < end && !capture.live("video");) await new Promise((done) => setTimeout(done, 100));
		all.push(said());
		capture.close();
		return all;
	})()`)
	if want := []string{"ok, films", "ok, films", "busy", "ok, films"}; !slices.Equal(got, want) {
		t.Errorf("the camera was %q, not %q", got, want)
	}
}

// Whoever tries their devices hears what they said, and not before they have said it:
// else a loudspeaker would howl.
func TestOneHearsOneselfAfterOneHasSpoken(t *testing.T) {
	oneAtATime(t)
	p := browser.StartChromium(t, browser.Options{}).Open("alex", browser.Seat{})
	p.Goto(modules(t, ""))
	browser.Eval[bool](p, `(async () => {
		const connect = AudioNode.prototype.connect;
		globalThis.heard = []; // [when, how loud], of all that is played
		AudioNode.prototype.connect = function (to, ...more) {
			if (to === this.context.destination) {
				const ear = this.context.createAnalyser();
				const began = performance.now();
				const samples = new Float32Array(ear.fftSize);
				connect.call(this, ear);
				setInterval(() => {
					ear.getFloatTimeDomainData(samples);
					heard.push([performance.now() - began, Math.max(...samples.map(Math.abs))]);
				}, 20);
			}
			return connect.call(this, to, ...more);
		};
		const { createDeviceCheck } = await import("/device-check.js");
		const local = await navigator.mediaDevices.getUserMedia({ audio: true, video: true });
		const media = { local, start: async () => {}, capture: () => ({ camera: "ok", microphone: "ok" }) };
		globalThis.check = createDeviceCheck({ media });
		document.body.append(check.element);
		await check.start();
		return true;
	})()`)
	p.Click(browser.TestID("hear-self"))
	p.WaitText("Say a few words now.")
	p.WaitText("Now you hear what you said.")
	p.Click(browser.TestID("tone-heard"))
	got := browser.Eval[struct {
		Early, Late float64
		Found       string
	}](p, `(() => {
		const most = (from, to) => Math.max(0, ...heard.filter(([at]) => at >= from && at < to).map(([, loud]) => loud));
		return { early: most(0, 3000), late: most(3300, 6000), found: check.found().loudspeaker };
	})()`)
	if got.Early > 0 || got.Late < 0.01 || got.Found != "heard" {
		t.Errorf("while one speaks it was %v loud, and afterwards %v; the loudspeaker is %q", got.Early, got.Late, got.Found)
	}
}

// A browser says that the network is another one whenever it guesses anew how quick it
// is. While picture and sound come it is not, and nothing is restarted; where they stop
// with it, it is.
func TestANetworkThatMerelyVariesRestartsNothing(t *testing.T) {
	oneAtATime(t)
	p := browser.StartChromium(t, browser.Options{}).Open("both", browser.Seat{})
	p.Goto(modules(t, ""))
	browser.Eval[bool](p, `(async () => {
		const { createMedia } = await import("/media.js");
		globalThis.people = {};
		globalThis.restarts = 0;
		for (const [peer, other, role, offer] of [["a", "b", "therapist", true], ["b", "a", "client", false]]) {
			const on = {};
			const send = (type, body) => {
				if (body.restart) restarts++;
				if (people[other]?.cut || people[peer].cut) return true;
				if (["offer", "answer", "candidate", "need_offer", "rope"].includes(type)) setTimeout(() => people[other].on.signal?.(type, { ...body, from: peer }));
				return true;
			};
			const connection = { on: (event, f) => ((on[event] = f), () => {}), state: () => ({ name: "open" }), doubt() {}, send };
			people[peer] = { on, cut: false };
			people[peer].media = createMedia({ connection });
			await people[peer].media.start();
			people[peer].list = () => on.peers([{ peer: other, seat: other, role, offer, video: true }], []);
		}
		for (const one of Object.values(people)) one.list();
		globalThis.sees = () => Object.values(people).every(({ media }) => media.seen().some(({ frame_age }) => frame_age >= 0 && frame_age < 0.5));
		return true;
	})()`)
	p.WaitFor("sees()", browser.Patience)
	const varies = `navigator.connection.dispatchEvent(new Event("change"))`
	got := browser.Eval[int](p, fmt.Sprintf(`(async () => {
		for (let i = 0; i < 3; i++) {
			%s;
			await new Promise((done) => setTimeout(done, 1200));
		}
		return restarts;
	})()`, varies))
	if got > 0 {
		t.Errorf("%d restarts, of connections by which picture and sound come", got)
	}
	browser.Eval[bool](p, fmt.Sprintf(`(people.b.media.close(), people.b.cut = true, %s, true)`, varies))
	p.WaitFor("restarts > 0", 2*time.Second)
	browser.Eval[bool](p, `(people.a.media.close(), true)`)
}
