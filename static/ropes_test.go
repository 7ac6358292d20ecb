package static

import (
	"fmt"
	"testing"
)

// story plays what arrives by each rope against the choice, every 200 ms, and
// returns what was shown and wanted at the end of each scene, with how long it
// took until that was so. A scene is "seconds direct relay": "ok", "dead" (no
// packet), "still" (packets, no frame), "sound" (packets, never a frame), "none"
// (not there), "later" (nothing yet); relay packets come only while it is asked, or
// "sent" before.
func story(t *testing.T, scenes ...string) []string {
	t.Helper()
	return evaluate[[]string](t, "ropes.js", fmt.Sprintf(`
		let now = 1000;
		const choice = m.createChoice(now);
		const kept = { direct: { packet: -1, frame: -1 }, relay: { packet: -1, frame: -1 } };
		const step = (rope, how) => {
			if (how === "none") return null;
			if (how !== "dead" && how !== "later") kept[rope].packet = now;
			if (how === "ok" || how === "sent") kept[rope].frame = now;
			const age = (at) => (at < 0 ? -1 : now - at);
			return { packet: age(kept[rope].packet), frame: age(kept[rope].frame) };
		};
		let got = { want: "direct", use: "" };
		const out = [];
		for (const scene of %s) {
			const [seconds, direct, relay, only] = scene.split(" ");
			const began = now;
			let since = now;
			let swaps = 0;
			for (const end = now + Number(seconds) * 1000; now < end;) {
				now += 200;
				const idle = got.want !== "relay" && got.use !== "relay" && !["none", "sent"].includes(relay) ? "later" : relay;
				const before = got.use + got.want;
				got = choice.look(step("direct", direct), step("relay", idle), now, only === "only");
				if (got.use + got.want !== before) since = now;
				if (got.changed) swaps++;
			}
			out.push((got.use || "nothing") + (got.use === got.want ? "" : ", wants " + got.want) + ", after " + (since - began) / 1000 + " s, " + swaps + " swaps");
		}
		return out;`, list(scenes)))
}

func list(all []string) string {
	text := "["
	for _, one := range all {
		text += fmt.Sprintf("%q,", one)
	}
	return text + "]"
}

func TestALostPathIsNoticedInASecondAndALostPictureInTwo(t *testing.T) {
	same(t, story(t, "5 ok ok", "5 dead ok"), []string{"direct, after 0.2 s, 1 swaps", "relay, after 1.2 s, 1 swaps"})
	same(t, story(t, "5 ok ok", "5 still ok"), []string{"direct, after 0.2 s, 1 swaps", "relay, after 2.2 s, 1 swaps"})
}

func TestWhatIsShownStaysUntilTheOtherRopeBringsAFrame(t *testing.T) {
	same(t, story(t, "5 ok ok", "5 dead dead", "1 dead ok"), []string{
		"direct, after 0.2 s, 1 swaps", "direct, wants relay, after 1 s, 0 swaps", "relay, after 0.2 s, 1 swaps"})
	// Whichever comes back first is shown.
	same(t, story(t, "5 ok ok", "20 dead dead", "2 ok dead"), []string{
		"direct, after 0.2 s, 1 swaps", "direct, wants relay, after 1 s, 0 swaps", "direct, after 0.2 s, 0 swaps"})
}

func TestTheDirectRopeIsTakenBackAfterTenGoodSeconds(t *testing.T) {
	same(t, story(t, "5 ok ok", "5 dead ok", "9 ok ok", "6 ok ok"), []string{
		"direct, after 0.2 s, 1 swaps", "relay, after 1.2 s, 1 swaps", "relay, after 0 s, 0 swaps", "direct, after 3 s, 1 swaps"})
	// Sooner, where the relay is the one that fails.
	same(t, story(t, "5 ok ok", "5 dead ok", "3 ok dead"), []string{
		"direct, after 0.2 s, 1 swaps", "relay, after 1.2 s, 1 swaps", "direct, after 1.2 s, 1 swaps"})
}

// A sender that hears nothing of what arrives stops its picture before its sound, and
// sends both by the relay by then: what stands still is no camera.
func TestAPictureThatOnlyTheRelayBringsIsTakenAfterASecond(t *testing.T) {
	same(t, story(t, "5 ok ok", "5 still sent"), []string{"direct, after 0.2 s, 1 swaps", "relay, after 1.2 s, 1 swaps"})
	same(t, story(t, "5 ok ok", "0.8 still sent", "5 ok sent"), []string{
		"direct, after 0.2 s, 1 swaps", "direct, after 0 s, 0 swaps", "direct, after 0 s, 0 swaps"})
}

func TestAnUnsteadyPathDoesNotFlap(t *testing.T) {
	got := evaluate[[]float64](t, "ropes.js", `
		let now = 0;
		const choice = m.createChoice(now);
		const swaps = [];
		// Twelve good seconds, three bad ones, for an hour.
		for (let at = -1, use = ""; now < 3_600_000; now += 200) {
			if (now % 15_000 < 12_000) at = now;
			const got = choice.look({ packet: now - at, frame: now - at }, { packet: 0, frame: 0 }, now);
			if (got.use !== use && use) swaps.push(now);
			use = got.use;
		}
		return [swaps.filter((at) => at < 600_000).length, swaps.filter((at) => at >= 1_800_000).length];`)
	if got[0] > 8 || got[1] > 0 {
		t.Errorf("an unsteady path was changed %v times in ten minutes, and %v times in the last half hour", got[0], got[1])
	}
}

func TestSoundAloneMovesToo(t *testing.T) {
	same(t, story(t, "5 sound sound", "5 dead sound"), []string{"direct, after 0.2 s, 1 swaps", "relay, after 1.2 s, 1 swaps"})
}

func TestWhereNothingComesDirectlyTheRelayIsSentToBeforeAnybodyAsks(t *testing.T) {
	got := evaluate[[]string](t, "ropes.js", `
		let now = 0;
		const brace = m.createBrace();
		const choice = m.createChoice(now);
		const out = [];
		let at = 0; // of the last packet
		let asks = "";
		let doubts = false;
		const play = (ms, dead) => {
			for (const end = now + ms; now < end; ) {
				now += 200;
				if (!dead) at = now;
				const direct = { packet: now - at, frame: now - at };
				const held = brace.holds(now);
				if (brace.look(direct, now)) out.push("begins " + (now - at) + " ms after the last packet");
				else if (held !== brace.holds(now + 200)) out.push("ends");
				if (brace.doubts(direct, now) !== doubts) out.push((doubts = !doubts) ? "asks early" : "takes it back");
				const { want } = choice.look(direct, { packet: -1, frame: -1 }, now);
				if (want !== asks) out.push("asks for " + (asks = want));
			}
		};
		play(10_000);
		play(400, true); // as a busy browser has it now and then
		play(10_000);
		play(3000, true);
		play(10_000);
		play(800, true); // again so soon: it is a poor path
		play(30_000);
		play(800, true);
		out.push(String(m.createBrace().look(null, now)), String(m.createBrace().look({ packet: -1, frame: -1 }, now)));
		return out;`)
	same(t, got, []string{"asks for direct", "begins 600 ms after the last packet", "asks early", "asks for relay", "takes it back", "ends", "asks for direct",
		"begins 600 ms after the last packet", "asks early", "false", "false"})
}

func TestAMissingCameraIsNotTheWaysFault(t *testing.T) {
	// Packets come by both, and no frame by either: after a try it stays direct.
	same(t, story(t, "5 ok ok", "12 still sound"), []string{"direct, after 0.2 s, 1 swaps", "direct, after 8.2 s, 0 swaps"})
}

func TestWhereNothingGoesDirectTheRelayIsTakenByItself(t *testing.T) {
	same(t, story(t, "5 later ok"), []string{"relay, after 2.8 s, 1 swaps"})
	same(t, story(t, "1 none ok"), []string{"relay, after 0.4 s, 1 swaps"})
	same(t, story(t, "5 ok none", "5 dead none", "1 ok none"), []string{
		"direct, after 0.2 s, 1 swaps", "direct, after 0 s, 0 swaps", "direct, after 0 s, 0 swaps"})
	// A third has come: the direct one is shown until the relay brings a frame.
	same(t, story(t, "5 ok ok", "1 ok dead only", "1 ok ok only"), []string{
		"direct, after 0.2 s, 1 swaps", "direct, wants relay, after 0.2 s, 0 swaps", "relay, after 0.2 s, 1 swaps"})
}

func TestADirectRopeThatIsToEndCarriesUntilTheRelayHolds(t *testing.T) {
	// The relay's first frame was its last: the direct rope, which is still there,
	// is taken again, and the relay is tried anew.
	same(t, story(t, "5 ok ok", "1 ok ok only", "4 ok still only", "6 ok still only", "1 ok ok only"), []string{
		"direct, after 0.2 s, 1 swaps", "relay, after 0.4 s, 1 swaps", "direct, after 0.8 s, 1 swaps",
		"direct, wants relay, after 1.6 s, 0 swaps", "relay, after 0.2 s, 1 swaps"})
	// The same of sound. A camera that stands still does so by both.
	same(t, story(t, "5 sound sound", "1 sound sound only", "4 sound dead only"), []string{
		"direct, after 0.2 s, 1 swaps", "relay, after 0.4 s, 1 swaps", "direct, after 0.8 s, 1 swaps"})
	same(t, story(t, "5 ok ok", "1 ok ok only", "8 still still only"), []string{
		"direct, after 0.2 s, 1 swaps", "relay, after 0.4 s, 1 swaps", "relay, after 0 s, 0 swaps"})
	// That somebody has come and gone is no fault of the direct rope: it is believed as
	// soon as before.
	same(t, story(t, "5 ok ok", "5 ok ok only", "14 ok ok", "5 ok ok only", "14 ok ok"), []string{
		"direct, after 0.2 s, 1 swaps", "relay, after 0.4 s, 1 swaps", "direct, after 12 s, 1 swaps", "relay, after 0.4 s, 1 swaps", "direct, after 12 s, 1 swaps"})
	got := evaluate[[]float64](t, "ropes.js", `
		let now = 0;
		const choice = m.createChoice(now);
		const held = [];
		for (; now <= 10_000; now += 200) {
			const frame = now < 6000 ? 0 : now - 6000; // from then on both stand still
			const got = choice.look({ packet: 0, frame }, { packet: 0, frame }, now, now >= 1000);
			if (now === 4000 || now === 7800 || now === 8200) held.push(got.held);
		}
		return held;`)
	same(t, got, []float64{2600, 6400, 0})
}

func TestUDPThatBreaksTwiceInAMinuteIsLeftOut(t *testing.T) {
	got := evaluate[[]bool](t, "way.js", `
		let now = 0;
		const way = m.createWay(() => now);
		const answer = "v=0\r\na=candidate:1 1 udp 2130706431 192.0.2.1 8080 typ host\r\na=candidate:2 1 tcp 1671430143 192.0.2.1 8080 typ host tcptype passive\r\na=end-of-candidates\r\n";
		const seen = [];
		way.failed();
		now += 70_000;
		way.failed();
		seen.push(way.narrow(), way.narrowed(answer) === answer);
		now += 50_000;
		way.failed();
		now += 3_600_000;
		const left = way.narrowed(answer);
		seen.push(way.narrow(), left.includes(" udp "), left.includes(" tcp "));
		const only = answer.replace(/.* tcp .*\r\n/, "");
		seen.push(way.narrowed(only) === only);
		return seen;`)
	same(t, got, []bool{false, true, true, false, true, true})
}

func TestAStuckCameraIsToldFromADarkRoom(t *testing.T) {
	got := evaluate[[]bool](t, "still.js", `
		const picture = (f) => Uint8ClampedArray.from({ length: 400 }, (_, i) => (i % 4 === 3 ? 255 : f(i)));
		const scene = picture((i) => i % 200);
		const noisy = picture((i) => (i === 201 ? 2 : i % 200));
		const black = picture(() => 3);
		return [m.changed(scene, scene.slice()), m.changed(scene, noisy), m.changed(black, black.slice())];`)
	same(t, got, []bool{false, true, true})
}

// A loudspeaker that was chosen and has gone plays on into nothing, in every browser.
func TestALoudspeakerThatHasGoneIsReplacedAndSaid(t *testing.T) {
	got := evaluate[[]string](t, "loudspeaker.js", `
		const devices = new EventTarget();
		const one = { kind: "audiooutput", deviceId: "headphones" };
		let there = [one];
		devices.enumerateDevices = async () => there;
		Object.defineProperty(globalThis, "navigator", { value: { mediaDevices: devices } });
		const element = { sinkId: "", setSinkId(id) { this.sinkId = id; } };
		const loudspeaker = m.createLoudspeaker(() => [element]);
		const said = [];
		loudspeaker.whenGone(() => said.push("gone"));
		const changes = async (now) => {
			there = now;
			devices.dispatchEvent(new Event("devicechange"));
			await new Promise((done) => setTimeout(done));
			said.push(element.sinkId || "the device's own");
		};
		loudspeaker.choose("headphones");
		await changes([one, { kind: "videoinput", deviceId: "camera" }]);
		await changes([{ kind: "videoinput", deviceId: "headphones" }]);
		await changes([]);
		return said;`)
	same(t, got, []string{"headphones", "gone", "the device's own", "the device's own"})
}
