package server_test

import (
	"fmt"
	"testing"
	"time"

	"belay/cmd/internal/browser"
	"belay/cmd/internal/server"
)

// TestANewTherapistGetsFromTheFirstStartToThreeOpenPages goes the whole way of
// somebody who has read nothing: set up, practice session, three links in one
// browser, the chaperone's link on a second device, settings, a couple's session,
// the record.
func TestANewTherapistGetsFromTheFirstStartToThreeOpenPages(t *testing.T) {
	s := start(t, server.Options{})
	chromium := browser.StartChromium(t, browser.Options{})
	robin := chromium.Open("robin", browser.Seat{})

	robin.Expect("401") // the console asks who is signed in: nobody
	robin.Goto(s.URL() + "/")
	robin.WaitText("Nobody has an account here yet")
	robin.Shot("console/01-nobody")
	robin.Goto(s.SetupURL())
	robin.WaitText("Set up Belay")
	robin.Accessible("set-up")
	robin.ShotWhole("console/02-setup")
	robin.Type(browser.TestID("name"), "Robin Hale")
	robin.Type(browser.TestID("email"), "robin@example.org")
	robin.Type(browser.TestID("password"), "too short")
	robin.Click(browser.TestID("state-OR"))
	robin.Click(browser.TestID("submit"))
	robin.WaitText("at least 12 characters.")
	robin.Type(browser.TestID("password"), passphrase)
	robin.Click(browser.TestID("submit"))
	robin.WaitText("No session is planned")
	robin.Accessible("an empty console")
	robin.ShotWhole("console/03-empty")

	robin.Click(browser.TestID("practice"))
	robin.WaitText("Links for this session")
	robin.Accessible("links")
	robin.ShotWhole("console/04-links")

	own := evaluate(t, robin, `document.querySelector('[data-testid="own"]').pathname`)
	links := map[string]string{}
	for _, seat := range []string{"client-1", "chaperone-1"} {
		links[seat] = evaluate(t, robin, fmt.Sprintf(`document.querySelector('[data-testid="link-%s"]').value`, seat))
	}
	// All of them in this browser: everybody's first try.
	for _, seat := range []string{"client-1", "chaperone-1"} {
		robin.Goto(links[seat])
		robin.WaitFor(fmt.Sprintf(`location.pathname.endsWith("/%s/")`, seat), browser.Patience)
	}

	// The chaperone's phone comes second: it waits for the therapist's tap.
	sam := chromium.Open("sam", browser.Seat{Phone: true, Dark: true})
	sam.Goto(links["chaperone-1"])
	sam.WaitText("Waiting for your therapist")
	sam.Accessible("waiting to be let in")
	sam.Shot("console/05-join-waits")
	robin.Goto(s.URL() + "/")
	robin.WaitText("Alex")
	robin.ShotWhole("console/06-sessions")
	robin.Accessible("sessions")
	robin.Click(browser.TestID("people"))
	robin.WaitText("on another device")
	robin.ShotWhole("console/07-people")
	robin.Accessible("people and links")
	robin.Click(browser.TestID("admit"))
	sam.WaitFor(`location.pathname.endsWith("/chaperone-1/")`, browser.Patience)

	// A link that was withdrawn says so, and what to do.
	robin.Click(browser.TestID("revoke-client-1"))
	robin.Click(browser.TestID("sure-client-1"))
	robin.WaitText("link withdrawn")
	sam.Goto(links["client-1"])
	sam.WaitText("This link does not open")
	sam.Accessible("a link that does not open")
	sam.Shot("console/08-join-revoked")

	robin.Goto(s.URL() + "/#settings")
	robin.WaitText("Version 1.")
	robin.Accessible("settings")
	robin.ShotWhole("console/09-settings")
	robin.Click(browser.TestID("save"))
	robin.WaitText("Version 2.")

	robin.Goto(s.URL() + "/#new")
	robin.WaitText("The prescriber's order")
	robin.Click(browser.Text("Add a partner (a couple, each with an own clock)"))
	robin.Type(browser.TestID("client-1-name"), "Alex")
	robin.Type(browser.TestID("client-1-dose"), "100")
	robin.Type(browser.TestID("client-1-total"), "200")
	robin.Type(browser.TestID("client-2-name"), "Kim")
	robin.Type(browser.TestID("client-2-dose"), "80")
	robin.Type(browser.TestID("client-2-total"), "80") // what is never exceeded is entered, not guessed
	robin.Accessible("the form of a new session")
	robin.ShotWhole("console/10-new")
	robin.Click(browser.TestID("create"))
	robin.WaitText("Please fill this in.")
	robin.Type(browser.TestID("chaperone-1-name"), "Sam")
	// Tomorrow: the day is filled in, and the time is on the 24-hour clock however it is written.
	robin.Click(browser.CSS(`[name="when"][value="later"]`))
	robin.Type(browser.TestID("at-time"), "25:00")
	robin.Click(browser.TestID("create"))
	robin.WaitText("the time of day as hh:mm")
	robin.Type(browser.TestID("at-time"), "2:03 pm")
	robin.Click(browser.TestID("chaperone-1-name")) // what is left stands there as it was understood
	robin.WaitFor(`document.querySelector('[data-testid="at-time"]').value === "14:03"`, browser.Patience)
	robin.Click(browser.TestID("create"))
	robin.WaitText("Links for this session")
	robin.WaitFor(`document.querySelectorAll('[data-testid="link"]').length === 3`, browser.Patience)

	robin.Goto(s.URL() + "/")
	robin.WaitText("Alex and Kim")
	robin.WaitText("tomorrow, 14:03")
	robin.ShotWhole("console/11-two-sessions")
	robin.Click(browser.CSS(`[data-group="later"] [data-testid="people"]`))
	robin.Click(browser.Text("Record so far"))
	robin.WaitText("What happened")
	robin.Accessible("a record")
	robin.ShotWhole("console/12-record")

	// Dark, on a phone, and signed out.
	night := chromium.Open("night", browser.Seat{Phone: true, Dark: true})
	night.Expect("401")
	night.Expect("403")
	night.Goto(s.SetupURL()) // it has been used: that is said before the form is filled in
	night.WaitText("This link cannot be used any more")
	night.Accessible("a used set-up link")
	night.Shot("console/13-setup-used")
	night.Goto(s.URL() + own) // the session itself, on another device: sign in, and be there
	night.WaitText("Sign in")
	night.Accessible("sign in")
	night.Shot("console/13-signin-phone-dark")
	night.Type(browser.TestID("email"), "robin@example.org")
	night.Type(browser.TestID("password"), "not the right one")
	night.Click(browser.TestID("submit"))
	night.WaitText("The address or the password is wrong.")
	night.Type(browser.TestID("password"), passphrase)
	night.Click(browser.TestID("submit"))
	night.WaitFor(fmt.Sprintf("location.pathname === %q", own), browser.Patience)
	night.Goto(s.URL() + "/")
	night.WaitText("Alex and Kim")
	night.Accessible("sessions, dark, on a phone")
	night.ShotWhole("console/14-sessions-phone-dark")
	night.Goto(s.URL() + "/#new")
	night.WaitText("The prescriber's order")
	night.ShotWhole("console/15-new-phone-dark")
	night.Goto(s.URL() + "/#settings")
	night.WaitText("Version 2.")
	night.ShotWhole("console/16-settings-phone-dark")
	night.WaitFor(`document.documentElement.scrollWidth <= innerWidth`, 2*time.Second)
}

func evaluate(t *testing.T, p *browser.Person, expression string) string {
	t.Helper()
	raw, err := p.Page.Evaluate(t.Context(), expression)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw[1 : len(raw)-1]) // a JSON string without anything to escape
}
