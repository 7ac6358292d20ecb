package static

import (
	"fmt"
	"net/http/httptest"
	"testing"
)

// A part that fails once must not stop the clock, nor the alarms that go by it.
func TestAClockThatFailsOnceGoesOn(t *testing.T) {
	got := evaluate[float64](t, "clock.js", `
		console.error = () => {};
		let ticks = 0;
		const stop = m.everySecond(() => {
			if (++ticks === 1) throw new Error("once");
		}, () => Date.now());
		await new Promise((go) => setTimeout(go, 1500));
		stop();
		return ticks;`)
	if got < 2 {
		t.Errorf("it has ticked %v times in a second and a half", got)
	}
}

// An answer that was long on its way says little of the time: whether it was the way
// there or back that was slow, nobody knows.
func TestAnAnswerThatTookLongDoesNotMoveTheClock(t *testing.T) {
	got := evaluate[[]float64](t, "clock.js", `
		let steady = 1000;
		const clock = m.serverClock(() => steady);
		const noon = Date.parse("2026-11-22T12:00:00Z");
		const at = (ms) => new Date(noon + ms).toISOString();
		const seen = [];
		clock.correct(at(0), 1, 40);
		seen.push(clock.now() - noon);
		steady += 10_000;
		clock.correct(at(10_020), 1, 3000); // the way there was slow
		seen.push(clock.now() - noon);
		steady += 10_000;
		clock.correct(at(17_020), 1, 3000); // the way back was
		seen.push(clock.now() - noon);
		clock.correct(at(60_000), 1, 3000); // but this is more than that can explain
		seen.push(clock.now() - noon);
		return seen;`)
	same(t, got, []float64{20, 10_020, 20_020, 61_500})
}

// page makes enough of a browser's page for modules that hear of its life and keep
// something in it.
const page = `
		const heard = {};
		const kept = new Map();
		globalThis.addEventListener = (what, f) => (heard[what] = f);
		globalThis.removeEventListener = () => {};
		globalThis.document = { addEventListener() {}, removeEventListener() {}, visibilityState: "visible" };
		const remember = (name, value) => {
			if (value !== undefined) kept.set(name, value);
			return kept.get(name) ?? "";
		};
		const media = { sendDirect: () => 0 };
		const open = async () => (await import("./connection.js")).openConnection({ path: "ws" });
`

// Whoever pulls the page down, or whose phone throws it away, has called for help all
// the same.
func TestACallForHelpOutlivesItsPage(t *testing.T) {
	disk := &slowDisk{fails: 1}
	server := httptest.NewServer(disk)
	defer server.Close()
	got := evaluate[[]string](t, "help.js", fmt.Sprintf(`
		globalThis.location = new URL(%q);`+page+`
		const before = await open();
		await new Promise((welcomed) => before.on("welcome", welcomed));
		m.createHelp({ connection: before, media, remember, onChange() {} }).ask("client-1");
		await new Promise((go) => setTimeout(go, 200));
		before.close(); // the page is loaded again
		const after = await open();
		const help = m.createHelp({ connection: after, media, remember, onChange() {} });
		const client = { seat: "client-1" };
		await null;
		const words = help.words(client, 1, false);
		await new Promise((go) => setTimeout(go, 500));
		const said = help.words(client, 1, true);
		after.close();
		const third = await open(); // what was answered is not asked again
		m.createHelp({ connection: third, media, remember, onChange() {} });
		await new Promise((go) => setTimeout(go, 500));
		third.close();
		setTimeout(() => process.exit(), 100); // the first page would go on calling
		return [words, said];`, server.URL))
	if got[0] == "" || got[1] == "" {
		t.Errorf("of the call that goes on the page said %q and %q", got[0], got[1])
	}
	disk.mu.Lock()
	defer disk.mu.Unlock()
	if len(disk.asked) != 2 || disk.asked[0] != disk.asked[1] {
		t.Errorf("the server was asked %v: twice, under the same id, was meant", disk.asked)
	}
}

// A page that loses its place to another one while it calls for help takes it back.
func TestACallForHelpTakesItsPlaceBack(t *testing.T) {
	disk := &slowDisk{replaces: 1}
	server := httptest.NewServer(disk)
	defer server.Close()
	got := evaluate[bool](t, "help.js", fmt.Sprintf(`
		globalThis.location = new URL(%q);`+page+`
		const connection = await open();
		await new Promise((welcomed) => connection.on("welcome", welcomed));
		let answered;
		const done = new Promise((go) => (answered = go));
		const help = m.createHelp({ connection, media, remember, onChange: () => help.words({ seat: "client-1" }, 7, true) || answered(true) });
		help.ask("client-1");
		const late = setTimeout(() => answered(false), 6000);
		const soon = await done;
		clearTimeout(late);
		connection.close();
		return soon;`, server.URL))
	disk.mu.Lock()
	defer disk.mu.Unlock()
	if !got || len(disk.asked) != 2 {
		t.Errorf("it was answered: %v; the server was asked %v", got, disk.asked)
	}
}

// Where a browser keeps nothing, pages work all the same, and remember as long as they live.
func TestAPageWorksWhereItsBrowserKeepsNothing(t *testing.T) {
	got := evaluate[[]string](t, "kept.js", `
		Object.defineProperty(globalThis, "sessionStorage", { get() { throw new Error("it is switched off"); } });
		m.tab.write("a", "1");
		m.browser.write("b", "2"); // there is no such thing here at all
		m.tab.write("c", "3");
		m.tab.drop("c");
		return [m.tab.read("a"), m.browser.read("b"), m.tab.read("c") ?? "nothing"];`)
	same(t, got, []string{"1", "2", "nothing"})
}
