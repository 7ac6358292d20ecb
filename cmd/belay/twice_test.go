package main

import (
	"context"
	"fmt"
	"testing"
	"time"

	"belay/cmd/internal/browser"
	"belay/session"
)

// twice presses an element, and what has come to stand in its place a moment later, as
// a double click does, or a thumb that trembles. On a machine that stands still for
// longer than lies between the two, the second press is nobody's double one: the page
// does not get it. It reports whether it did.
func twice(p *browser.Person, selector string) (double bool) {
	at := browser.Eval[struct{ X, Y float64 }](p, fmt.Sprintf(`(() => {
		if (!globalThis.__twice) {
			const t = globalThis.__twice = { on: false, first: 0, late: false };
			addEventListener("pointerdown", (event) => {
				if (!t.on) return;
				t.late = t.first > 0 && event.timeStamp - t.first > 300;
				t.first ||= event.timeStamp;
			}, true);
			addEventListener("click", (event) => {
				if (t.on && t.late) event.stopImmediatePropagation();
			}, true);
		}
		Object.assign(__twice, { on: true, first: 0, late: false });
		const node = [...document.querySelectorAll(%s)].find((one) => one.checkVisibility());
		node.scrollIntoView({ block: "center", inline: "center", behavior: "instant" });
		const { x, y, width, height } = node.getBoundingClientRect();
		return { x: x + width / 2, y: y + height / 2 };
	})()`, quoted(selector)))
	p.Click(browser.CSS(selector))
	time.Sleep(120 * time.Millisecond)
	ctx, cancel := context.WithTimeout(context.Background(), browser.Patience)
	defer cancel()
	_ = p.Page.Press(ctx, at.X, at.Y) // where nothing stands any more, that is well
	// A tap becomes a click a moment after it is said to be done.
	return browser.Eval[bool](p, `new Promise((done) => setTimeout(() => done((__twice.on = false, !__twice.late)), 150))`)
}

// What comes to stand under a finger is not answered before anybody can have read it,
// and nobody who watches leaves by accident.
func TestASlipOfAHandDoesNoHarm(t *testing.T) {
	oneAtATime(t)
	chromium := browser.StartChromium(t, browser.Options{})
	v := newVisit(t, chromium)
	v.begun(1)
	doubles := 0
	twice := func(p *browser.Person, selector string) {
		if twice(p, selector) {
			doubles++
		}
	}

	p := v.sam
	p.Goto(v.links["chaperone-1"])
	for _, page := range [][2]string{{"duties", "adult"}, {"adult", "on_site"}, {"on_site", "another_room"}, {"another_room", "test"}} {
		says(p, fmt.Sprintf("[data-page=%q]", page[0]), "")
		twice(p, fmt.Sprintf("[data-page=%q] .primary", page[0]))
		says(p, fmt.Sprintf("[data-page=%q]", page[1]), "")
	}
	twice(p, `[data-page="test"] .primary`)
	says(p, ".card", "")

	v.clientArrived()
	v.opensPage(v.alex)
	v.therapistJoins()
	twice(v.robin, `[data-act="Admit"]`)
	v.phase("Checking in")
	v.see()
	v.robin.Reload()
	v.phase("Checking in")
	if asked(v.robin) > 0 {
		t.Error("the browser asked before anybody had taken anything")
	}
	before := count(v.readLog(t), "GatePassed")
	twice(v.robin, `[data-gate="fasting"] [data-act="SettleGate"]`) // below it stands another that one press settles
	v.robin.WaitFor(`document.querySelector('[data-gate="fasting"]').dataset.state === "passed"`, browser.Patience)
	ask(v.robin, ".panel-acts", "RecordSwallowed", answer{"reason", "Taken before the checks, on their own."})
	v.phase("Absorbing")

	act(v.robin, "CallChaperone")
	says(p, ".call", "Please go to Alex now.")
	v.onAShortPhone(p, "chaperone/called")
	twice(p, `[data-act="GoIn"]`)
	says(v.robin, ".go-in", "Sam: is going in")
	act(p, "BeWith")
	v.answersCalls()
	twice(p, `[data-act="CheckIn"]`)
	says(p, ".card-said", "Noted")
	v.onAShortPhone(p, "chaperone/card")
	twice(p, ".card-more > .quiet") // "I need to go": asked first, and only asked
	p.Click(browser.Text("I can stay"))
	asksToComeBeforeGoing(v)

	events := v.readLog(t)
	if settled := count(events, "GatePassed") - before; settled != 1 {
		t.Errorf("two presses settled %d checks", settled)
	}
	once(t, events, "CheckInDone")
	if t.Logf("%d presses were double ones", doubles); doubles == 0 {
		t.Error("the machine was too slow for any double press")
	}
	v.nobodyIsLostByASlip(t, chromium)
}

// asksToComeBeforeGoing has the chaperone say that they need to go, and then see that
// something is wrong: until somebody has answered, they are the one who is there.
func asksToComeBeforeGoing(v *visit) {
	p := v.sam
	p.Click(browser.CSS(".card-more > .quiet"))
	act(p, "AnnounceLeaving")
	says(p, `[data-page="left"]`, "You said that you need to go.")
	v.onAShortPhone(p, "chaperone/left")
	p.Click(browser.CSS(`[data-page="left"] [data-condition="please_come"]`))
	// They are told who knows of it, and are not sent where they are already.
	says(p, `[data-page="left"]`, "You asked the therapist to come to Alex It stands on the therapist’s screen.")
	v.acknowledges()
	says(p, `[data-page="left"]`, "You asked the therapist to come to Alex Robin knows.")
	act(p, "Arrive")
	says(p, ".card", "Alex took the medicine")
}

// count is how many events of a type there are.
func count(events []session.Event, fact string) (n int) {
	for _, e := range events {
		if session.FactName(e.Fact) == fact {
			n++
		}
	}
	return n
}
