package main

import (
	"testing"
	"time"

	"belay/cmd/internal/browser"
)

// The server dies in the middle of a session: nobody loses the picture, the
// screens say what is true, help still reaches the therapist, and when it is back
// so is everything else.
func TestPicturesAndHelpOutliveTheServer(t *testing.T) {
	chromium := browser.StartChromium(t, browser.Options{})
	v := newVisit(t, chromium)
	v.setUp()
	v.plan()
	v.goesOnWithoutPages()
	v.clientArrived()
	v.chaperoneArrived()
	v.admitted()
	v.settled()
	v.opensPage(v.alex)
	v.opensPage(v.sam)
	v.therapistJoins()
	v.see()
	v.clientSaysYes()
	v.dose()
	v.see()
	v.looksIn()

	watch(v.robin, clientAtTherapist)
	watch(v.alex, therapistAtClient)
	v.sameClock("before")
	before, _ := v.clock()
	at := time.Now()
	events := len(v.readLog(t))
	v.server.kill()
	killed := time.Now()

	// What each screen says is true.
	says(v.robin, ".alarm-bar", "The server has not answered for")
	says(v.sam, ".reach", "No connection for")
	v.alex.Click(browser.CSS(".dark-words")) // a touch anywhere
	says(v.alex, ".dark-trouble", "This page is reconnecting by itself.")
	v.robin.Shot("therapist/outage")
	v.sam.Shot("chaperone/outage")
	v.alex.Shot("client/outage")
	v.alex.Accessible("dark, without a server")
	v.robin.Accessible("without a server")

	// Help goes over the direct way, and the client reads only what is so.
	v.alex.Click(browser.CSS(`.dark [data-act="AskHelp"]`))
	says(v.robin, ".alarm-bar", "Alex asks for help. It came directly, without the server")
	says(v.alex, ".dark-help", "Your therapist knows. Call out loudly, too.")
	v.robin.Shot("therapist/outage-help")
	v.alex.Shot("client/outage-help")

	// What is done meanwhile is kept. The keys go where the pointer would: to the note.
	v.robin.Press("n")
	v.robin.Type(browser.TestID("note"), "Server away; picture and sound are fine.")
	v.robin.Click(browser.CSS(`.note [data-act="WriteNote"]`))

	// At least five seconds without a server.
	v.robin.WaitFor("__belayWatch.count > 20", browser.Patience)
	if left := 5*time.Second - time.Since(killed); left > 0 {
		time.Sleep(left) // the point is that time passes
	}
	away := time.Since(killed)
	v.bothSeeOn(t, "while the server was away", 20)

	v.server.start()
	t.Logf("the server was away for %.1f s", away.Seconds())
	says(v.sam, ".reach", "Connected")
	v.robin.WaitFor(`!document.querySelector('.alarm-bar [data-local="silent"]')`, browser.Patience)
	v.alex.WaitFor(`!document.querySelector(".dark-help").hidden`, browser.Patience)
	says(v.robin, `[data-testid="alarms"]`, "Alex asks for help")
	says(v.alex, ".dark-help", "They know.")

	// One clock, that has gone on.
	v.sameClock("after the restart")
	shown, _ := v.clock()
	if off := (shown - before - time.Since(at)).Abs(); off > 2*time.Second { // two readings in whole seconds
		t.Errorf("%v after T+%v the therapist's clock shows T+%v", time.Since(at), before, shown)
	}
	v.bothSeeOn(t, "until the server was back", 20)

	// The chaperone is called, goes, and says so.
	v.sam.Shot("chaperone/called")
	v.sam.Accessible("called")
	act(v.sam, "GoIn")
	says(v.alex, ".dark-help", "Sam is coming.")
	v.sam.Shot("chaperone/going")
	act(v.sam, "BeWith")
	says(v.alex, ".dark-help", "Sam is with you.")
	v.alex.Shot("client/help-with")
	v.sam.Shot("chaperone/with")
	v.sam.Click(browser.Text("All is well"))
	v.acknowledges()

	after := v.readLog(t)
	if len(after) <= events {
		t.Errorf("the record had %d events before and has %d after", events, len(after))
	}
	has(t, after, "ConsentGiven", "AddressStated", "ChaperoneArrived", "VitalsRecorded", "DoseAuthorized", "DoseWitnessed", "CheckInDone", "HelpAsked", "NoteWritten", "ChaperoneWithThem")
	for _, fact := range []string{"DoseRecorded", "NoteWritten", "HelpAsked"} {
		once(t, after, fact)
	}
}

// newVisit starts a server and seats three people in front of one browser, each
// with cookies of their own.
func newVisit(t *testing.T, chromium *browser.Browser) *visit {
	t.Helper()
	v := &visit{t: t, server: startChild(t)}
	v.robin = chromium.Open("robin", browser.Seat{})
	v.alex = chromium.Open("alex", browser.Seat{})
	v.sam = chromium.Open("sam", browser.Seat{Phone: true})
	return v
}
