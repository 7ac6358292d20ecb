package static

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// evaluate runs a module against the files as they are and returns what it
// gives back, as JSON. It needs Node, which the checks install anyway.
func evaluate[T any](t *testing.T, file, body string) T {
	t.Helper()
	node, err := exec.LookPath("node")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("node is not installed (CI=true: nothing may be skipped)")
		}
		t.Skip("node is not installed")
	}
	dir := t.TempDir()
	if err := os.CopyFS(dir, Files); err != nil {
		t.Fatal(err)
	}
	script := "import * as m from " + `"./` + file + `"` + ";\nconst out = await (async () => {" + body + "})();\nconsole.log(JSON.stringify(out));\n"
	name := filepath.Join(dir, "ask.mjs")
	for path, text := range map[string]string{name: script, filepath.Join(dir, "package.json"): `{"type": "module"}`} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(node, "--experimental-websocket", name) // newer ones have it without
	cmd.Env = append(os.Environ(), "TZ=UTC")
	out, err := cmd.Output()
	if err != nil {
		if e, ok := err.(*exec.ExitError); ok {
			t.Fatalf("%v\n%s", err, e.Stderr)
		}
		t.Fatal(err)
	}
	var v T
	if err := json.Unmarshal(out, &v); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return v
}

func same[T comparable](t *testing.T, got, want []T) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("got %v, want %v", got, want)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("%d: got %v, want %v", i, got[i], want[i])
		}
	}
}

func TestTimesAreSpokenAsTheWindowsAre(t *testing.T) {
	got := evaluate[[]string](t, "clock.js", `
		const min = 60_000;
		return [m.tPlus(0), m.tPlus(37 * min + 12_900), m.tPlus(150 * min), m.tPlus(-30_000),
			m.span(40_000), m.span(3 * min), m.span(65 * min), m.span(120 * min), m.span(26 * 60 * min),
			m.ago(0, 59_999), m.ago(0, 3 * min), m.due(8 * min, 0), m.due(59_999, 0), m.due(0, 59_999), m.due(0, 4 * min),
			m.timeOfDay("2026-11-22T14:03:59Z"), m.date("2026-11-22T14:03:59Z"), m.zone("2026-11-22T14:03:59Z")];`)
	same(t, got, []string{
		"T+0:00", "T+37:12", "T+150:00", "T−0:30",
		"40 s", "3 min", "1 h 5 min", "2 h", "1 day",
		"just now", "3 min ago", "due in 8 min", "due now", "due now", "4 min overdue",
		"14:03", "Sunday, November 22, 2026", "Coordinated Universal Time (GMT+0)",
	})
}

// What a therapist has to do next is found under the right heading, however many
// sessions there are.
func TestTheConsoleSaysWhatGoesOnNow(t *testing.T) {
	got := evaluate[[]string](t, "summary.js", `
		const now = Date.parse("2026-11-23T14:00:00Z"), h = 3600_000;
		const one = (phase, hours = 0, more = {}) => ({ starts_at: new Date(now + hours * h).toISOString(), clients: [{ seat: "client-1", name: "Alex", phase, t0: "2026-11-23T13:07:30Z" }], arrived: [], ...more });
		const alarm = one("active", -1, { id: "alarm", alarm: "high" }), quiet = one("active", -2, { id: "quiet" }), early = one("check_in", -3, { id: "early" });
		return [
			one("active"), one("check_in"), one("lobby", 0, { arrived: ["client-1"] }), one("absorbing", 0, { practice: true }),
			one("lobby"), one("scheduled", 3), one("lobby", -3), one("scheduled", 30), one("lobby", 0, { practice: true, alarm: "low" }),
			one("closed"), one("transferred"), one("closed", 0, { signed: true }), one("cancelled"), one("closed", 0, { practice: true }), one("scheduled", -20),
		].map((session) => String(m.groupOf(session, now))).concat([early, quiet, alarm].sort(m.byUrgency).map((session) => session.id),
			[one("active"), one("closed"), one("active", 0, { practice: true })].map((session) => m.phaseOf(session, session.clients[0], now)))`)
	same(t, got, []string{
		"now", "now", "now", "now",
		"today", "today", "today", "later", "practice",
		"sign", "sign", "null", "null", "null", "null",
		"alarm", "quiet", "early",
		"active · T+52 min", "released", "active",
	})
}

func TestTheClockOnAScreenIsTheServersAndNeitherStopsNorJumps(t *testing.T) {
	got := evaluate[[]float64](t, "clock.js", `
		let steady = 1000;
		const clock = m.serverClock(() => steady);
		const noon = Date.parse("2026-11-22T12:00:00Z");
		const at = (ms) => new Date(noon + ms).toISOString();
		const seen = [];
		clock.correct(at(0), 1);
		seen.push(clock.now() - noon); // taken at once
		steady += 10_000;
		seen.push(clock.now() - noon); // goes on by itself
		clock.correct(at(10_160), 1);
		seen.push(clock.now() - noon); // a small difference is taken up gently
		clock.correct(at(70_000), 1);
		seen.push(clock.now() - noon); // a large one at once
		clock.correct(at(70_000), 1, 200);
		seen.push(Math.round(clock.now() - noon)); // half the way there and back is added
		clock.correct(at(100_000), 60);
		steady += 1000;
		seen.push(clock.now() - noon); // a practice session's faster clock
		clock.correct("no time", 1);
		seen.push(clock.now() - noon); // nonsense changes nothing
		return seen;`)
	same(t, got, []float64{0, 10_000, 10_020, 70_000, 70_013, 160_000, 160_000})
}

func TestAFrozenPictureIsKnownByItsFramesAndADeadMicrophoneByZeros(t *testing.T) {
	got := evaluate[[]float64](t, "seen.js", `
		let now = 10_000;
		const reading = m.createReading("peer", () => now);
		const report = (frames, packets, energy) => new Map([
			["v", { type: "inbound-rtp", kind: "video", framesDecoded: frames, packetsReceived: packets, packetsLost: 0 }],
			["a", { type: "inbound-rtp", kind: "audio", packetsReceived: packets, packetsLost: 0, totalAudioEnergy: energy, totalSamplesDuration: packets / 50 }],
		]);
		const seen = [];
		const look = (frames, packets, energy, said) => {
			now += 1000;
			reading.read(report(frames, packets, energy), said);
			return reading.receiving({ connected: true, roundTrip: 0, relayed: false, protocol: "udp" }, "client");
		};
		seen.push(look(0, 0, 0).frame_age); // nothing yet
		seen.push(look(30, 50, 0.02).frame_age); // a new picture
		seen.push(look(30, 100, 0.04).frame_age, look(30, 150, 0.06).frame_age); // packets come, the picture stands
		seen.push(look(5, 20, 0).frame_age); // built anew: counters begin again
		const quiet = look(10, 70, 0, undefined).sound_level; // nobody tells: not zero
		for (let i = 0; i < 5; i++) look(11 + i, 120 + i * 50, 0, 0);
		const dead = look(20, 400, 0, 0).sound_level; // the sender says zero, for seconds
		const dark = look(21, 450, 0, 0.00002).sound_level; // a silent room, our own speaker off
		seen.push(quiet > 0 ? 1 : 0, dead, dark > 0 ? 1 : 0);
		return seen;`)
	same(t, got, []float64{-1, 0, 1, 2, 0, 1, 0, 1})
}

func TestARefusedCameraIsExplainedForTheBrowserInHand(t *testing.T) {
	type of struct{ Browser, Phone string }
	got := evaluate[[]of](t, "device-words.js", `
		return [
			["Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1", 5],
			["Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/605.1.15", 5],
			["Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/605.1.15", 0],
			["Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/138.0 Mobile/15E148 Safari/604.1", 5],
			["Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Mobile Safari/537.36", 5],
			["Mozilla/5.0 (Android 15; Mobile; rv:140.0) Gecko/140.0 Firefox/140.0", 5],
			["Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", 0],
			["Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Safari/537.36 Edg/138.0.0.0", 0],
		].map(([agent, touch]) => m.browserOf(agent, touch));`)
	same(t, got, []of{
		{"safari", "ios"}, {"safari", "ios"}, {"safari", ""}, {"chrome", "ios"},
		{"chrome", "android"}, {"firefox", "android"}, {"firefox", ""}, {"edge", ""},
	})
}

// A time that is read wrongly stands in the record wrongly: what could mean two things
// is no time.
func TestATimeIsReadOnTheTwentyFourHourClockOrNotAtAll(t *testing.T) {
	got := evaluate[[]string](t, "times.js", `
		return ["14:03", " 9:05 ", "1403", "905", "14.03", "0:00", "23:59", "2:03 pm", "2:03PM", "12:10 a.m.", "12:10 pm",
			"24:00", "14:60", "14:3", "14", "2 pm", "13:00 pm", "0:10 am", "-1:00", "14:03:22", "noon", ""].map(m.readClock);`)
	same(t, got, []string{"14:03", "09:05", "14:03", "09:05", "14:03", "00:00", "23:59", "14:03", "14:03", "00:10", "12:10",
		"", "", "", "", "", "", "", "", "", "", ""})
}

func TestANumberIsDialledAsItWasWritten(t *testing.T) {
	got := evaluate[[]string](t, "tel.js", `
		return ["503-555-0142", "+1 (503) 555-0119 ext. 4711", "503.555.0178 x12", "503 555 0178 EXT 9"].map(m.tel);`)
	same(t, got, []string{"tel:5035550142", "tel:+15035550119;ext=4711", "tel:5035550178;ext=12", "tel:5035550178;ext=9"})
}
