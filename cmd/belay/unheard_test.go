package main

import (
	"fmt"
	"testing"

	"belay/cmd/internal/browser"
)

// With the browser's own rule for sound, which other stories lift: a client whose page
// plays no sound is one who does not hear the therapist, and that is told, for as long as
// it is so. Whoever lies under the medicine taps nothing: what can be had without it is.
func TestAClientWhoIsKeptFromHearingIsNoticed(t *testing.T) {
	oneAtATime(t)
	chromium := browser.StartChromium(t, browser.Options{Flags: map[string]any{"autoplay-policy": "document-user-activation-required"}})
	v := &visit{t: t, server: startChild(t)}
	v.robin = chromium.Open("robin", browser.Seat{})
	v.alex = chromium.Open("alex", browser.Seat{})
	v.begun(1)
	v.clientArrived()
	v.admitted()
	v.alex.Expect("beforeunload") // nobody asks to stay on a page that is loaded again
	told := func() { says(v.robin, ".picture-odd", "their browser plays no sound until they tap") }
	plays := func(p *browser.Person, video string, heard bool) {
		t.Helper()
		p.WaitFor(fmt.Sprintf(`(() => {
			const { paused, muted } = document.querySelector(%s) ?? {};
			return paused === false && muted === %v;
		})()`, quoted(video), !heard), browser.Patience)
	}

	// A camera takes its time, and until it is there the page may not be heard.
	v.alex.Before(`(() => {
		const open = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
		const opens = new Promise((done) => (globalThis.openDevices = done));
		navigator.mediaDevices.getUserMedia = (wanted) => opens.then(() => open(wanted));
	})()`)
	v.opensPage(v.alex)
	v.therapistJoins()
	plays(v.alex, therapistAtClient, false)
	told()
	browser.Eval[bool](v.alex, `(openDevices(), true)`)
	plays(v.alex, therapistAtClient, true)
	v.see()
	v.robin.WaitNoText("their browser plays no sound")

	// Something pauses the picture, as a phone call does: it goes on by itself.
	for p, video := range map[*browser.Person]string{v.alex: therapistAtClient, v.robin: clientAtTherapist} {
		browser.Eval[bool](p, fmt.Sprintf(`(document.querySelector(%s).pause(), true)`, quoted(video)))
		plays(p, video, true)
	}

	// Where there are no devices a tap it has to be, and nothing less counts.
	v.alex.Refit(browser.Seat{DenyMedia: true})
	v.alex.Reload()
	browser.Eval[bool](v.alex, `(openDevices(), true)`)
	plays(v.alex, therapistAtClient, false)
	says(v.alex, "main", "Tap anywhere to hear your therapist")
	told()
	says(v.robin, ".picture[data-still] .picture-state", "You do not see Alex now") // but as the page before showed them
	v.alex.Shot("client/no-sound")
	v.robin.Shot("therapist/no-sound")
	browser.Eval[bool](v.alex, fmt.Sprintf(`(document.querySelector(%s).muted = false, true)`, quoted(therapistAtClient)))
	plays(v.alex, therapistAtClient, false)
	told()
	v.alex.Click(browser.CSS(".room-status"))
	plays(v.alex, therapistAtClient, true)
	v.robin.WaitNoText("their browser plays no sound")
	v.alex.WaitNoText("Tap anywhere to hear your therapist")
}
