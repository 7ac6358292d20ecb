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
