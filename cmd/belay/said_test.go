package main

import (
	"fmt"
	"slices"
	"testing"

	"belay/cmd/internal/browser"
)

// Alarms in the same words are told apart by when they began; and what the alarm bar says
// to a screen reader, the record beside it does not say once more.
func TestAlarmsInTheSameWordsAreToldApartAndSpokenOnce(t *testing.T) {
	oneAtATime(t)
	p := browser.StartChromium(t, browser.Options{}).Open("robin", browser.Seat{})
	p.Goto(modules(t, ""))
	got := browser.Eval[[]string](p, `(async () => {
		const [{ createAlarmBar }, { createLines }] = await Promise.all([import("/alarm-bar.js"), import("/lines.js")]);
		const at = (minute) => new Date(2026, 10, 26, 14, minute).toISOString();
		const alarm = (id, words, minute) => ({ id, words, priority: "high", condition: "help", since: at(minute), rung: 1, rungs: 2, mine: true });
		const lost = "The picture of Alex has stopped";
		const line = (seq, kind, words) => ({ seq, kind, words, at: at(20) });
		const view = {
			clients: [], people: [], actions: [],
			alarms: [alarm("a1", "Alex asks for help", 1), alarm("a2", lost, 3), alarm("a3", lost, 9)],
			lines: [line(1, "alarm", "Alarm (high): Alex asks for help"), line(2, "alarm", "Over (high): Sam has not arrived yet"), line(3, "note", "Note: calm")],
		};
		const desk = { view: () => view, now: () => Date.parse(at(20)), command: async () => ({ ok: true }), action: () => undefined, client: () => undefined, name: () => "", say: () => {} };
		const bar = createAlarmBar(desk, { set: () => {}, blocked: () => false });
		const lines = createLines(desk);
		document.body.append(bar.element, bar.voice, lines.element);
		bar.update();
		lines.update();
		const spoken = (node) => (node.closest("[aria-live]").ariaLive === "off" ? "silent: " : "spoken: ") + node.lastChild.textContent;
		return [document.querySelector(".alarm-more").innerText, bar.voice.innerText.split("\n")[0], ...[...lines.element.querySelectorAll("li")].map(spoken)];
	})()`)
	const lost = "▲ The picture of Alex has stopped, since 14:"
	want := []string{
		fmt.Sprintf("2 more: %s03 · %s09", lost, lost),
		"High: Alex asks for help",
		"silent: Alarm (high): Alex asks for help", "spoken: Over (high): Sam has not arrived yet", "spoken: Note: calm",
	}
	if !slices.Equal(got, want) {
		t.Errorf("it says %q, not %q", got, want)
	}
}

// The picture of somebody who lies still moves all the same: one that stands does not look
// like them, on a chaperone's phone either.
func TestAPictureThatStandsIsNotShownToAChaperoneAsTheirs(t *testing.T) {
	oneAtATime(t)
	p := browser.StartChromium(t, browser.Options{}).Open("sam", browser.Seat{Phone: true})
	p.Goto(modules(t, ""))
	got := browser.Eval[[]string](p, `(async () => {
		const { createCardPage } = await import("/chaperone-card.js");
		const view = { clients: [{ seat: "client-1", name: "Alex", phase: "active", t0: new Date().toISOString(), chaperone_sees: true }], people: [], actions: [], alarms: [], ways: [] };
		const desk = { view: () => view, now: () => Date.now(), command: async () => ({ ok: true }), action: () => undefined, client: () => view.clients[0], name: () => "Alex", say: () => {} };
		const card = createCardPage(desk, () => {});
		document.body.append(card.element);`+camera+`
		card.remote("client-1", camera);
		card.update();
		const says = (...ages) => {
			card.seen(ages.map((frame_age) => ({ seat: "client-1", frame_age })));
			const one = document.querySelector(".card-videos figure");
			return (one.hasAttribute("data-still") ? "stands: " : "moves: ") + one.innerText;
		};
		return [says(), says(-1), says(0.1), says(6, 0.2), says(3.9), says(4.1)];
	})()`)
	const stands, moves = "stands: You do not see Alex now.", "moves: "
	if want := []string{stands, stands, moves, moves, moves, stands}; !slices.Equal(got, want) {
		t.Errorf("it says %q, not %q", got, want)
	}
}

// What counts up is read where one looks, and not said to a screen reader at every second.
func TestASecondThatPassesIsNotSaidAloud(t *testing.T) {
	oneAtATime(t)
	p := browser.StartChromium(t, browser.Options{}).Open("robin", browser.Seat{})
	p.Goto(modules(t, ""))
	got := browser.Eval[[]string](p, `(async () => {
		const { createPictures } = await import("/pictures.js");
		const person = { seat: "client-1", name: "Alex", role: "client", present: true, since: new Date().toISOString() };
		const view = { clients: [{ seat: "client-1", name: "Alex", phase: "active" }], people: [person], you: { seat: "therapist-1" }, alarms: [] };
		const desk = { view: () => view, now: () => Date.now(), client: () => view.clients[0] };
		const pictures = createPictures(desk);
		document.body.append(pictures.element);
		pictures.update();
		return [5, 6].flatMap((frame_age) => {
			pictures.seen([{ seat: "client-1", frame_age, sound_age: 0, loss: 0, round_trip: 0, route: "direct", state: "connected" }]);
			pictures.tick();
			return [".picture-odd", ".picture [role=status]"].map((one) => document.querySelector(one).textContent);
		});
	})()`)
	if want := []string{"picture 5 s old", "picture lost", "picture 6 s old", "picture lost"}; !slices.Equal(got, want) {
		t.Errorf("it shows and says %q, not %q", got, want)
	}
}
