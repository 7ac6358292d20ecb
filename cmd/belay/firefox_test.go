package main

import (
	"testing"

	"belay/cmd/internal/browser"
)

// A client opens the link in whatever browser there is.
func TestClientInFirefoxTherapistInChromium(t *testing.T) {
	chromium := browser.StartChromium(t, browser.Options{})
	firefox := browser.StartFirefox(t, browser.Options{})
	v := &visit{t: t, server: startChild(t)}
	v.robin = chromium.Open("robin", browser.Seat{})
	v.alex = firefox.Open("alex", browser.Seat{})

	v.setUp()
	v.practise("1")
	v.clientArrives()
	v.therapistJoins()
	v.see()
	act(v.robin, "Admit")
	v.settleGates()
}
