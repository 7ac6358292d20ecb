package main

import "belay/cmd/internal/browser"

// onPaper takes a picture of the page as it is printed, and fails the test where what
// can only be pressed is on it, ink fills it, something does not fit its width, or would
// be printed over something else where a page ends in it.
func (v *visit) onPaper(p *browser.Person, name string) {
	v.t.Helper()
	p.Refit(browser.Seat{Paper: true, Dark: true, Width: 680, Height: 960}) // A4 between its margins
	p.ShotWhole(name)
	wrong := browser.Eval[[]string](p, `(() => {
		const wrong = [...document.querySelectorAll("button, nav, input, select, summary, video")].filter((one) => one.checkVisibility()).map((one) => one.outerHTML.slice(0, 80));
		if (getComputedStyle(document.body).backgroundColor !== "rgb(255, 255, 255)") wrong.push("the ground is " + getComputedStyle(document.body).backgroundColor);
		if (document.scrollingElement.scrollWidth > innerWidth) wrong.push("it is wider than the page");
		for (const one of document.querySelectorAll("*")) if (getComputedStyle(one).display.endsWith("grid") && one.offsetHeight > innerHeight) wrong.push("a grid is broken over pages: " + one.className);
		if (!document.body.innerText.includes("(GMT")) wrong.push("nothing says in which time zone its times are");
		return wrong;
	})()`)
	for _, what := range wrong {
		v.t.Errorf("%s on paper: %s", name, what)
	}
	p.Refit(browser.Seat{})
}
