package main

import (
	"fmt"
	"os"
	"testing"
	"time"

	"belay/cmd/internal/browser"
	"belay/cmd/internal/person"
)

// thirdWithin is how long the picture or the sound of somebody who is there already may
// stand still where a third comes or goes.
const thirdWithin = time.Second

// A third is a co-therapist who comes to a visit of two, and goes again: with a page, or
// without one, so that this machine need not code and decode for three.
type third struct {
	*visit
	kim  *browser.Person
	seat string // the address of their page, once they have been there

	sits *person.Person // without one
}

// addCoTherapist makes a seat for Kim and returns its link.
func (v *visit) addCoTherapist() string {
	p := v.robin
	p.Click(browser.Text("People and links"))
	ask(p, ".people-sheet", "AddSeat", answer{"role", "co_therapist"}, answer{"name", "Kim"})
	p.Press(browser.Escape)
	return v.linkOfCoTherapist()
}

// linkOfCoTherapist makes a link for Kim's seat, who has none that opens anything.
func (v *visit) linkOfCoTherapist() string {
	p, row := v.robin, `.people-person[data-seat="co-therapist-1"]`
	p.Click(browser.Text("People and links"))
	p.Click(browser.CSS(row + ` [data-open="link"]`))
	p.WaitFor(fmt.Sprintf(`document.querySelector(%s) !== null`, quoted(row+" [data-testid=link]")), browser.Patience)
	link := browser.Eval[string](p, fmt.Sprintf(`document.querySelector(%s).value`, quoted(row+" [data-testid=link]")))
	p.Press(browser.Escape)
	return link
}

// withdraws has the therapist withdraw it.
func (v *visit) withdraws() {
	p, row := v.robin, `.people-person[data-seat="co-therapist-1"]`
	p.Click(browser.Text("People and links"))
	browser.Eval[bool](p, fmt.Sprintf(`([...document.querySelectorAll(%s)].find((one) => one.innerText === "Withdraw the link").click(), true)`, quoted(row+" button")))
	p.Click(browser.CSS(row + ` form [type=submit]`))
	says(p, row, "link withdrawn")
	p.Press(browser.Escape)
}

// waits has the third open the link, in another browser or not, up to the last click.
func (v *third) waits(in *browser.Browser, link string) {
	v.kim, v.seat = in.Open("kim", browser.Seat{}), ""
	v.kim.Goto(link)
	v.kim.WaitText("Join the session")
}

// enters has the third in the visit: by a click the first time, at once when they come back.
func (v *third) enters() {
	if v.seat != "" {
		v.kim.Goto(v.seat)
		return
	}
	v.kim.Click(browser.TestID("join"))
	v.seat = browser.Eval[string](v.kim, "location.href")
}

// comes has the third come to stay, and takes down what the others missed until nobody
// has a direct connection any more.
func (v *third) comes(what string) {
	v.t.Helper()
	v.watch()
	v.enters()
	v.isThere()
	v.kim.WaitFrames(clientAtTherapist, 10)
	v.missed(what, "relay-udp")
}

// isThere waits until the two see the third, and are joined by the relay alone.
func (v *third) isThere() {
	v.t.Helper()
	v.alex.WaitFor(`document.querySelectorAll('[data-testid="remote"]').length === 2`, browser.Patience)
	for _, p := range v.both() {
		p.WaitFor(`__watch.links(false).length === 0`, browser.Patience)
	}
	says(v.robin, `[data-testid="connection"]`, "relayed")
}

// missed takes down what the two have missed of each other since watch.
func (v *third) missed(what, by string) {
	v.t.Helper()
	v.measured(row{what: what, by: by, goal: thirdWithin}, nil)
	for _, p := range v.both() {
		if n := browser.Eval[int](p, "__watch.dropped()"); n != 0 {
			v.t.Errorf("%s: %s's page has ended what showed its picture %d times before anything else did", what, p.Name, n)
		}
	}
}

// leaves has the third go elsewhere in the same window.
func (v *third) leaves() { v.kim.Goto("about:blank") }

// directAgain waits until the two who are left are, and takes down what they missed.
func (v *third) directAgain(what string) {
	v.t.Helper()
	for _, p := range v.both() {
		p.WaitFor(`__watch.links(false).length === 1 && __watch.shownBy() === __watch.links(false)[0]`, browser.Patience)
	}
	says(v.robin, `[data-testid="connection"]`, "Alex: direct")
	passes(2 * time.Second) // what ends now is no longer needed
	v.missed(what, "direct")
}

// together has a therapist and a client meet, on pages that are watched.
func together(t *testing.T) *third {
	t.Helper()
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
	return v
}

// Three are joined by the relay alone, two directly. BELAY_LONG=1 has the third come and
// go in every way that there is.
func TestAThirdComesAndGoesWithoutAGap(t *testing.T) {
	v := together(t)
	enters := v.opensUnseen(v.addCoTherapist())
	v.watch()
	enters()
	v.isThere()
	v.missed("a third comes", "relay-udp")
	v.watch()
	v.check("the co-therapist", v.sits.Close())
	v.directAgain("the third leaves")
	if os.Getenv("BELAY_LONG") != "" {
		v.looksIn(enters)
	}

	kims := browser.StartChromium(t, browser.Options{})
	v.withdraws()
	v.waits(kims, v.linkOfCoTherapist())
	v.comes("a third comes, in a browser")
	v.alex.Shot("client/two-therapists")
	v.kim.Shot("therapist/co-therapist")
	if os.Getenv("BELAY_LONG") == "" {
		return
	}
	v.comesBackAtOnce()
	v.watch()
	v.withdraws()
	v.directAgain("the third's link is withdrawn")
	v.waits(kims, v.linkOfCoTherapist())
	v.comes("the third comes by another link")
	v.watch()
	kims.Kill()
	passes(10 * time.Second)
	v.missed("the third's browser is killed", "relay-udp")
	v.watch()
	v.directAgain("nobody waits for the third any more")
}

// opensUnseen opens the link of a third without a page, and returns what has them enter.
func (v *third) opensUnseen(link string) (enters func()) {
	v.t.Helper()
	kim := v.scripted()
	place, err := kim.Open(v.t.Context(), link)
	v.check("the co-therapist's link", err)
	return func() {
		v.sits, err = person.Join(person.Options{URL: kim.Socket(place), Cookies: kim.Jar(), Camera: true, Relay: true})
		v.check("the co-therapist", err)
		v.t.Cleanup(func() { v.sits.Close() })
	}
}

// comesBackAtOnce has the third go, and come again before the others are joined directly:
// they stay where they are.
func (v *third) comesBackAtOnce() {
	v.t.Helper()
	v.watch()
	v.leaves()
	passes(1500 * time.Millisecond)
	v.enters()
	passes(6 * time.Second)
	v.isThere()
	v.missed("the third goes, and is back in seconds", "relay-udp")
	for _, p := range v.both() {
		if n := browser.Eval[int](p, "__watch.swaps()"); n != 0 {
			v.t.Errorf("the picture that %s sees has changed its way %d times", p.Name, n)
		}
	}
}

// looksIn has the third come and go before the others have let go of each other: nothing
// of what joins them is made anew.
func (v *third) looksIn(enters func()) {
	v.t.Helper()
	before := [2]string{v.direct(v.robin), v.direct(v.alex)}
	v.watch()
	enters()
	for _, p := range v.both() {
		p.WaitFor(`__watch.swaps() > 0`, browser.Patience) // the relay carries
	}
	v.check("the co-therapist", v.sits.Close())
	v.directAgain("a third only looks in")
	if now := [2]string{v.direct(v.robin), v.direct(v.alex)}; now != before {
		v.t.Errorf("the two were joined by connections %v, and are by %v after somebody has looked in", before, now)
	}
}

// direct names the connection by which somebody is joined directly.
func (v *third) direct(p *browser.Person) string {
	return browser.Eval[string](p, "__watch.links(false).join()")
}
