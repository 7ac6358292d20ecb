package main

import "belay/cmd/internal/browser"

// onAShortPhone fails the test where what is to be pressed does not stand whole on a
// small phone without scrolling, or does not look like something to be pressed where
// the device chooses the colours.
func (v *visit) onAShortPhone(p *browser.Person, name string) {
	v.t.Helper()
	p.Refit(browser.Seat{Phone: true, Width: 360, Height: 640, ForcedColors: true})
	p.Shot(name + "-short-forced")
	flat := browser.Eval[[]string](p, `[...document.querySelectorAll("button:not(.quiet), a.button")].filter((one) => one.checkVisibility()).filter((one) => {
		const { borderTopStyle, borderTopWidth } = getComputedStyle(one);
		return borderTopStyle === "none" || parseFloat(borderTopWidth) === 0;
	}).map((one) => one.innerText)`)
	p.Refit(browser.Seat{Phone: true, Width: 360, Height: 640})
	p.Shot(name + "-short")
	hidden := browser.Eval[[]string](p, `[...document.querySelectorAll("button, a.button")].filter((one) => one.checkVisibility()).filter((one) => {
		const { left, top, right, bottom } = one.getBoundingClientRect();
		return [[left, top], [right, bottom]].some(([x, y]) => !one.contains(document.elementFromPoint(x + (x === left ? 4 : -4), y + (y === top ? 4 : -4))));
	}).map((one) => one.innerText)`)
	p.Refit(browser.Seat{Phone: true})
	for _, words := range flat {
		v.t.Errorf("%s: in colours of the device's own, %q does not look like a button", name, words)
	}
	for _, words := range hidden {
		v.t.Errorf("%s: on a small phone %q does not stand whole", name, words)
	}
}
