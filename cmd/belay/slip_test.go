package main

import (
	"strings"
	"testing"
	"time"

	"belay/cmd/internal/browser"
)

// asked is how often the browser has asked the person whether they want to leave. The
// answer of every test is yes.
func asked(p *browser.Person) (times int) {
	for _, line := range p.Log.Lines() {
		if line.Kind == "dialog" && strings.HasPrefix(line.Text, "beforeunload") {
			times++
		}
	}
	return times
}

// While somebody is under the medicine nobody who watches is lost by a slip of a hand,
// and whoever was signed out is back in the same place when they have signed in.
func (v *visit) nobodyIsLostByASlip(t *testing.T, chromium *browser.Browser) {
	v.robin.Reload()
	v.phase("Absorbing")
	if asked(v.robin) == 0 {
		t.Error("the therapist left a client under the medicine, and the browser did not ask")
	}
	says(v.sam, ".card", "Alex took the medicine")
	v.sam.Click(browser.CSS(`.card [data-act="CheckIn"]`))
	says(v.sam, ".card-said", "Noted")
	browser.Eval[bool](v.sam, `(history.back(), true)`)
	says(v.sam, ".card-said", "This page stays open until the session is over")
	says(v.sam, ".reach", "Connected")
	v.sam.Reload()
	says(v.sam, ".card", "Alex took the medicine")
	act(v.robin, "CallChaperone")
	says(v.sam, ".call", "Please go to Alex now.")
	v.sam.Click(browser.CSS(".ways li:first-child a"))
	v.answersCalls()
	if n := asked(v.sam); n != 1 {
		t.Errorf("the browser asked the chaperone %d times, who loaded the page again and then dialled a number", n)
	}

	v.signsOutInTheMiddle(chromium)
}

// signsOutInTheMiddle has the therapist end the sign-in of the page of a visit that goes on.
func (v *visit) signsOutInTheMiddle(chromium *browser.Browser) {
	console := chromium.Open("robin's console", browser.Seat{Beside: v.robin})
	console.Goto(v.server.url)
	console.Click(browser.Text("Sign out"))
	console.WaitText("Your visit with Alex is not over.")
	console.Shot("console/sign-out-in-a-visit")
	console.Accessible("signing out in the middle of a visit")
	console.Click(browser.Text("Stay signed in"))
	v.see()
	form := chromium.Open("robin's half filled form", browser.Seat{Beside: v.robin})
	form.Goto(v.server.url + "/#new")
	form.Type(browser.TestID("client-1-name"), "Kim")
	form.Click(browser.CSS(`[name="client-1-booster"]`))
	form.Expect("401")
	console.Click(browser.Text("Sign out"))
	console.Click(browser.TestID("sign-out"))
	console.WaitText("Password")
	says(v.robin, ".taken", "You are no longer signed in. Please sign in again; the session goes on.")
	// The face of somebody who has left does not go on looking at the client.
	v.alex.WaitFor(`[...document.querySelectorAll(".face")].every((face) => getComputedStyle(face).visibility === "hidden")`, 5*time.Second)
	if left := browser.Eval[int](v.robin, `document.querySelectorAll("video, .therapist").length`); left > 0 {
		v.t.Errorf("%d parts of the visit are left on the page of somebody who signed out", left)
	}
	v.alex.WaitFor(`document.querySelector("[data-testid=remote]") === null`, browser.Patience) // nor is anything sent to it
	v.robin.Shot("therapist/signed-out")
	v.robin.Accessible("signed out in the middle of a visit")
	v.robin.Click(browser.CSS(".taken a"))
	fill(v.robin, "form", answer{"email", "robin@example.org"}, answer{"password", password})
	v.robin.Press(browser.Enter)
	v.phase("Absorbing")
	v.see()
	v.findsTheFormAgain(form)
}

// findsTheFormAgain signs in where somebody was signed out over a form: they were told
// before they sent it, and it is as they left it.
func (v *visit) findsTheFormAgain(form *browser.Person) {
	form.WaitText("You are no longer signed in")
	form.Shot("console/signed-out-over-a-form")
	fill(form, "form", answer{"email", "robin@example.org"}, answer{"password", password})
	form.Press(browser.Enter)
	form.WaitText("The prescriber's order")
	if !browser.Eval[bool](form, `document.querySelector("[name=client-1-name]").value === "Kim" && document.querySelector("[name=client-1-booster]").checked`) {
		v.t.Error("what was entered before the sign-out is gone")
	}
}
