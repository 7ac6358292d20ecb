package main

import (
	"testing"

	"belay/cmd/internal/browser"
)

// A client opens the link in whatever browser there is.
func TestClientInFirefoxTherapistInChromium(t *testing.T) {
	t.Parallel()
	chromium := browser.StartChromium(t, browser.Options{})
	firefox := browser.StartFirefox(t, browser.Options{})
	v := &visit{t: t, server: startChild(t)}
	v.robin = chromium.Open("robin", browser.Seat{})
	v.sam = chromium.Open("sam", browser.Seat{Phone: true})
	v.alex = firefox.Open("alex", browser.Seat{})

	// The relay of a server on localhost has no other address, and Firefox goes
	// there from none of its own: it says so each time, and goes direct.
	v.alex.Expect("ICE failed")
	// Said of a socket that is open when the page is left, as at the end of the test.
	v.alex.Expect("was interrupted while the page was loading")

	v.setUp()
	v.practise("1")
	v.clientArrives()
	v.chaperoneArrives()
	v.therapistJoins()
	act(v.robin, "Admit")
	v.see()
	v.settleGates()
	v.testCall()
	v.vitals("128", "82", "72")
	v.clientSaysYes()
	v.dose()
	v.see() // on the dark screen too
	v.alex.Shot("client/firefox-dark")

	v.alex.Click(browser.CSS(`.dark [data-act="AskHelp"]`))
	says(v.robin, `[data-testid="alarms"]`, "Alex asks for help")
	says(v.alex, ".dark-help", "They know.")
	act(v.sam, "GoIn")
	says(v.alex, ".dark-help", "Sam is coming.")
	v.alex.Shot("client/firefox-help")
	v.robin.Shot("therapist/firefox-help")
}
