package main

import (
	"fmt"

	"belay/cmd/internal/browser"
)

// After the dose the client's link is opened on a tablet: the phone in the client's hand
// is dark and takes part no more. The therapist is told, the phone says so, and its one
// button still calls everybody.
func (v *visit) helpWorksOnAScreenWhoseSeatWentElsewhere(chromium *browser.Browser) {
	v.alex.WaitFor(`document.body.dataset.screen === "dark"`, browser.Patience)
	v.touchesTheDark()

	tablet := chromium.Open("alex's tablet", browser.Seat{})
	tablet.Goto(v.links["client-1"])
	says(v.robin, ".device-requests", "Someone opens Alex’s link on another device")
	act(v.robin, "AdmitDevice")
	tablet.WaitFor(`document.body.dataset.screen === "dark"`, browser.Patience)
	says(v.robin, `[data-instead="client-1"]`, "Alex’s page was opened once more")
	v.robin.Shot("therapist/client-elsewhere")
	says(v.alex, ".dark-trouble", "Your session is open on another screen now. Help works here too.")
	v.alex.Shot("client/dark-replaced")
	v.alex.Accessible("a dark screen whose seat went elsewhere")

	v.alex.Click(browser.CSS(".dark-help-button"))
	says(v.robin, ".alarm-bar", "Alex asks for help")
	says(v.alex, ".dark-help", "They know.")
	v.acknowledgesTogether()
}

// touchesTheDark touches the sleeping screen where a button stands that can't be seen:
// the first touch wakes it, and nothing more.
func (v *visit) touchesTheDark() {
	p := v.alex
	face := browser.CSS(".dark-face")
	p.WaitFor(`document.querySelector(".dark-face").checkVisibility()`, browser.Patience)
	browser.Eval[bool](p, `document.body.removeAttribute("data-awake") === undefined`) // as after 25 s without a touch
	p.Shot("client/dark-asleep")
	p.Click(face)
	p.WaitFor(`document.body.hasAttribute("data-awake")`, browser.Patience)
	if browser.Eval[bool](p, `document.body.hasAttribute("data-face")`) {
		v.t.Error("the touch that woke the screen also showed the face")
	}
	p.Shot("client/dark-awake")
	v.darkEnlarged()
	browser.Eval[bool](p, `new Promise((read) => setTimeout(() => read(true), 1100))`)
	p.Click(face)
	p.WaitFor(`document.body.dataset.face === "kept"`, browser.Patience)
	p.Click(face)
	p.WaitFor(`!document.body.hasAttribute("data-face")`, browser.Patience)
}

// darkEnlarged looks at the dark screen as laptop and phone show it at 200 %.
func (v *visit) darkEnlarged() {
	p := v.alex
	for _, size := range [][2]int{{640, 360}, {195, 422}} {
		p.Refit(browser.Seat{Width: size[0], Height: size[1], Scale: 2})
		p.Shot(fmt.Sprintf("client/dark-awake-%d", size[0]))
		if lines := browser.Eval[int](p, `(() => {
			const words = document.createRange();
			words.selectNodeContents(document.querySelector(".dark-help-button"));
			return words.getClientRects().length;
		})()`); lines != 1 {
			v.t.Errorf("%d wide, the one word Help is broken into %d lines", size[0], lines)
		}
		if size[0] > size[1] && !browser.Eval[bool](p, `(() => {
			const face = document.querySelector(".dark-face");
			const { left, top, right, bottom } = face.getBoundingClientRect();
			return [[left + 4, top + 4], [right - 4, bottom - 4]].every(([x, y]) => face.contains(document.elementFromPoint(x, y)));
		})()`) {
			v.t.Errorf("%d wide, the button for the face does not stand whole", size[0])
		}
	}
	for _, size := range [][2]int{{360, 640}, {390, 844}, {1024, 768}, {1280, 720}} {
		p.Refit(browser.Seat{Width: size[0], Height: size[1]})
		p.Shot(fmt.Sprintf("client/dark-awake-%d", size[0]))
		if small := browser.Eval[[]string](p, `(() => {
			const box = document.querySelector(".dark-words").getBoundingClientRect();
			return [...document.querySelectorAll(".dark-words > :is(p, button)")].filter((one) => one.checkVisibility({ opacityProperty: true }) && one.textContent).filter((one) => {
				const { top, bottom } = one.getBoundingClientRect();
				return parseFloat(getComputedStyle(one).fontSize) < 40 || top < box.top - 1 || bottom > box.bottom + 1;
			}).map((one) => one.innerText);
		})()`); len(small) > 0 {
			v.t.Errorf("%d wide, on the dark screen these words are small, or not whole: %q", size[0], small)
		}
	}
	p.Refit(browser.Seat{})
}

// acknowledgesTogether opens the pile of alarms and silences it with one press.
func (v *visit) acknowledgesTogether() {
	p := v.robin
	p.Click(browser.CSS(".alarm-more"))
	says(p, ".alarm-together", "Acknowledge all")
	browser.Eval[bool](p, `new Promise((read) => setTimeout(() => read(true), 1200))`)
	p.Shot("therapist/alarms-together")
	p.Accessible("several alarms, opened")
	before := browser.Eval[[]string](p, `[...document.querySelectorAll(".alarm-bar [data-alarm]")].filter((row) => row.checkVisibility()).map((row) => row.dataset.alarm)`)
	p.Click(browser.CSS(".alarm-together"))
	for _, alarm := range before { // another may have come since
		p.WaitFor(fmt.Sprintf(`(document.querySelector('.alarm-bar [data-alarm=%q]')?.dataset.acknowledged ?? "yes") === "yes"`, alarm), browser.Patience)
	}
	p.Shot("therapist/alarms-acknowledged")
}
