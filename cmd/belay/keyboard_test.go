package main

import (
	"fmt"
	"testing"

	"belay/cmd/internal/browser"
)

// ringSeen is whether the line around what has the focus stands out from what it lies on
// (WCAG 1.4.11: 3 to 1).
const ringSeen = `(() => {
	const one = document.activeElement;
	const ring = getComputedStyle(one);
	const parts = (color) => color.match(/[\d.]+/g).map(Number);
	let under = parseFloat(ring.outlineOffset) < 0 ? one : one.parentElement;
	while (under && (parts(getComputedStyle(under).backgroundColor)[3] ?? 1) < 1) under = under.parentElement;
	const light = (color) => {
		const [r, g, b] = parts(color).map((part) => (part / 255 <= 0.04045 ? part / 255 / 12.92 : ((part / 255 + 0.055) / 1.055) ** 2.4));
		return 0.2126 * r + 0.7152 * g + 0.0722 * b + 0.05;
	};
	const [a, b] = [light(ring.outlineColor), light(getComputedStyle(under ?? document.body).backgroundColor)];
	return ring.outlineStyle !== "none" && Math.max(a, b) / Math.min(a, b) >= 3;
})()`

// tabTo moves the focus by the Tab key alone to what the selector selects, as
// somebody does who has no pointer. What has the focus must be visible, and be seen to
// have it.
func tabTo(p *browser.Person, selector string) {
	at := fmt.Sprintf(`document.activeElement?.matches(%s) && document.activeElement.checkVisibility()`, quoted(selector))
	for range 120 {
		if browser.Eval[bool](p, at+" || false") {
			p.WaitFor(ringSeen, browser.Patience)
			return
		}
		p.Press(browser.Tab)
	}
	p.WaitFor(at, 0) // fails, and says where it was
}

// The therapist's way through a session needs no pointer.
func TestTherapistNeedsNoPointer(t *testing.T) {
	oneAtATime(t)
	chromium := browser.StartChromium(t, browser.Options{})
	v := newVisit(t, chromium)
	v.begun(1)
	v.clientArrived()
	v.chaperoneArrived()
	v.opensPage(v.sam)
	v.opensPage(v.alex)
	v.alex.Click(browser.TestID("next")) // the devices are this page's own
	p := v.robin
	enter := func(selector string) {
		tabTo(p, selector)
		p.Press(browser.Enter)
	}

	p.Goto(v.place)
	p.WaitText("Join the session")
	enter(`[data-testid="join"]`)
	v.phase("In the lobby")
	enter(`[data-act="Admit"]`)
	v.phase("Checking in")
	v.see()
	enter(`[data-gate="identity"] [data-act="SettleGate"]`)
	says(p, `[data-testid="lines"]`, "Identity ✓")
	enter(`[data-gate="emergency_number"] [data-act="SettleGate"]`)
	tabTo(p, `[data-gate="emergency_number"] [name="number"]`)
	p.Press("503-823-3333" + browser.Enter)
	says(p, `[data-testid="lines"]`, "Local emergency number ✓")

	enter(`[data-open="RecordVitals"]`)
	tabTo(p, `.observe [name="systolic"]`)
	p.Press("128")
	tabTo(p, `.observe [name="diastolic"]`)
	p.Press("82")
	tabTo(p, `.observe [name="heart_rate"]`)
	p.Press("72" + browser.Enter)
	says(p, `[data-testid="lines"]`, "128/82, heart rate 72")
	goes(p, ".observe form") // the view may be here before the answer: until then keys belong to the form

	// One key each.
	p.Press("n")
	p.WaitFor(`document.activeElement?.id === "note"`, browser.Patience)
	p.Press("Calm; the note keeps its keys: e, g, n.")
	enter(`.note [data-act="WriteNote"]`)
	says(p, `[data-testid="lines"]`, "Note: Calm; the note keeps its keys: e, g, n.")
	p.Press("e")
	says(p, `[data-testid="card"]`, "503-823-3333")
	p.Shot("therapist/emergency-card")
	p.Accessible("the emergency card")
	v.onPaper(p, "therapist/emergency-card-paper")
	p.Press(browser.Escape)
	goes(p, `[data-testid="card"]`)
	p.Press("g")
	says(p, ".go-in", "Press g once more to call")
	p.Press("g")
	says(v.sam, ".call", "Please go to Alex now. The therapist is asking.")
	says(p, ".go-in", "Sam: called, has not answered yet")
	twice(v.sam, `[data-act="GoIn"]`) // a thumb that trembles does not answer what comes to stand there next
	says(p, ".go-in", "Sam: is going in")

	enter(`[data-act="RecordSwallowed"]`)
	tabTo(p, `.panel-acts [name="reason"]`)
	p.Press("Taken before the checks.")
	enter(`[type="submit"][data-act="RecordSwallowed"]`)
	v.phase("Absorbing")
	enter(`.alarm-bar [data-act="AcknowledgeAlarm"]`)
	says(p, `[data-testid="lines"]`, "Robin acknowledges (high): Alex has taken a dose past open checks")
	says(p, `[data-testid="clock"]`, "T+")
}
