package main

import (
	"testing"
	"time"

	"belay/cmd/internal/browser"
)

// thirdWithin is how long the picture or the sound of somebody who is there already may
// stand still where a third comes or goes.
const thirdWithin = time.Second

// addCoTherapist makes a seat for Kim and returns its link.
func (v *visit) addCoTherapist() string {
	p := v.robin
	p.Click(browser.Text("People and links"))
	ask(p, ".people-sheet", "AddSeat", answer{"role", "co_therapist"}, answer{"name", "Kim"})
	p.Click(browser.CSS(`.people-person[data-seat="co-therapist-1"] [data-open="link"]`))
	p.WaitFor(`document.querySelector('[data-seat="co-therapist-1"] [data-testid=link]') !== null`, browser.Patience)
	link := browser.Eval[string](p, `document.querySelector('[data-seat="co-therapist-1"] [data-testid=link]').value`)
	p.Press(browser.Escape)
	return link
}

// third is a co-therapist who comes to a visit of two, and goes again.
type third struct {
	*visit
	kim *browser.Person
}

// comes has the third join, and takes down what the others missed until nobody has a
// direct connection any more.
func (v *third) comes(what string) {
	v.t.Helper()
	v.watch()
	v.kim.Click(browser.TestID("join"))
	v.kim.WaitFrames(clientAtTherapist, 10)
	for _, p := range v.both() {
		p.WaitFor(`(async () => (await __watch.ways(false)).length === 0)()`, browser.Patience)
	}
	says(v.robin, `[data-testid="connection"]`, "relayed")
	v.alex.WaitFor(`document.querySelectorAll('[data-testid="remote"]').length === 2`, browser.Patience)
	v.measured(row{what: what, by: "relay-udp", goal: thirdWithin}, nil)
}

// directAgain waits until the two who are left are, and takes down what they missed.
func (v *third) directAgain(what string) {
	v.t.Helper()
	says(v.robin, `[data-testid="connection"]`, "Alex: direct")
	v.alex.WaitFor(`(async () => (await __watch.ways(false)).length === 1 && !(await __watch.busy(true)))()`, browser.Patience)
	v.measured(row{what: what, by: "direct", goal: thirdWithin}, nil)
}

func TestAThirdComesAndGoesWithoutAGap(t *testing.T) {
	chromium := browser.StartChromium(t, browser.Options{})
	v := &third{visit: &visit{t: t, server: startChild(t)}}
	v.robin = chromium.Open("robin", browser.Seat{})
	v.alex = chromium.Open("alex", browser.Seat{})
	for _, p := range v.both() {
		p.Before(watchJS)
	}
	t.Cleanup(v.tells)
	t.Cleanup(func() { t.Log(printed()) })
	v.meet()
	link := v.addCoTherapist()
	v.watch()
	passes(4 * time.Second)
	v.measured(row{what: "nothing happens", by: "direct", goal: noGap}, nil)

	v.kim = browser.StartChromium(t, browser.Options{}).Open("kim", browser.Seat{})
	v.kim.Goto(link)
	v.kim.WaitText("Join the session")
	v.comes("a third comes")
	v.watch()
	v.kim.Close()
	v.directAgain("the third leaves")
}
