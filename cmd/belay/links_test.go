package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"belay/cmd/internal/browser"
)

// Everybody's first try: all three links side by side in one browser.
func TestThreeLinksInOneBrowser(t *testing.T) {
	oneAtATime(t)
	v := &visit{t: t, server: startChild(t)}
	chromium := browser.StartChromium(t, browser.Options{})
	v.robin = chromium.Open("robin", browser.Seat{})
	v.setUp()
	v.practise("1")
	v.alex = chromium.Open("alex", browser.Seat{Beside: v.robin})
	v.sam = chromium.Open("sam", browser.Seat{Beside: v.robin})

	v.chaperoneArrives()
	v.clientArrives()
	v.therapistJoins()
	act(v.robin, "Admit")
	v.see()

	// Each stays who they are through a reload, and a link opens again where it
	// was opened first.
	v.alex.Reload()
	v.sam.Goto(v.links["chaperone-1"])
	v.robin.Reload()
	says(v.sam, ".card", "Alex and the therapist are going through the last questions.")
	v.alex.WaitText("Do you want to begin today?")
	v.phase("Checking in")
	v.see()

	v.partOfAPageFails()
	v.turnsTheClientOut()
}

// partOfAPageFails has each page say so for as long as a part of it fails, and cover
// nothing by it.
func (v *visit) partOfAPageFails() {
	const says = "Part of this page has failed."
	for p, counts := range map[*browser.Person]string{
		v.robin: ".head-client strong, .head-chaperone strong, .practice, .foot .urgent", v.alex: ".practice, .help-button", v.sam: ".practice, .happening",
	} {
		browser.Eval[bool](p, `import("/static/fault.js").then(({ attempt }) => {
			let fails = true;
			const part = () => { if (fails) throw new Error("on purpose"); };
			globalThis.__again = (how) => { fails = how; attempt(part); };
			const log = console.error;
			console.error = () => {};
			__again(true);
			console.error = log;
			return true;
		})`)
		p.WaitText(says)
		if under := browser.Eval[[]string](p, fmt.Sprintf(`[...document.querySelectorAll(%s)].filter((one) => one.checkVisibility()).filter((one) => {
			const { left, right, top, bottom } = one.getBoundingClientRect();
			return [top + 2, bottom - 2].some((y) => !one.contains(document.elementFromPoint((left + right) / 2, y)));
		}).map((one) => one.innerText)`, quoted(counts))); len(under) > 0 {
			v.t.Errorf("%s: the words of a fault stand over %q", p.Name, under)
		}
		if p == v.robin {
			p.Shot("therapist/part-failed")
			p.Accessible("a page of which a part has failed")
		}
		browser.Eval[bool](p, `(__again(false), true)`)
		p.WaitFor(`!document.body.innerText.includes("`+says+`")`, browser.Patience)
	}
}

// turnsTheClientOut withdraws the client's link in the middle of a call: neither sees the
// other any longer, although nothing has broken between their pages.
func (v *visit) turnsTheClientOut() {
	browser.Eval[bool](v.robin, `fetch("/api/sessions/`+v.id()+`/links/client-1", { method: "DELETE" }).then(({ ok }) => ok)`)
	v.alex.WaitText("This link does not work any more")
	v.alex.WaitFor(`document.querySelector("[data-testid=remote]") === null`, 5*time.Second)
	v.robin.WaitFor(`document.querySelector("[data-testid=video-client-1]").srcObject.getTracks().length === 0`, 5*time.Second)
	v.alex.Shot("client/turned-out")
}

// A link opens where it was opened first, elsewhere after one tap, and not at all once it
// is withdrawn.
func TestALinkOpensForWhoItIsFor(t *testing.T) {
	oneAtATime(t)
	chromium := browser.StartChromium(t, browser.Options{})
	v := newVisit(t, chromium)
	v.begun(1)
	v.clientArrives()
	v.therapistJoins()

	phone := chromium.Open("alex's phone", browser.Seat{Phone: true})
	phone.Goto(v.links["client-1"])
	phone.WaitText("Waiting for your therapist")
	phone.Shot("client/second-device")
	phone.Accessible("a second device that waits")
	says(v.robin, ".device-requests", "Someone opens Alex’s link on another device (Chrome on Android).")
	v.robin.Shot("therapist/second-device")
	act(v.robin, "AdmitDevice")
	says(phone, "h1", "Camera, microphone and sound") // all else is answered; these are new
	goes(v.robin, ".device-requests")
	says(v.robin, ".device-taken", "Alex’s page was opened once more")
	v.alex.WaitText("Your session is open somewhere else")
	v.alex.Shot("client/replaced")
	v.alex.Accessible("a page whose seat went elsewhere")

	// A stranger who found the link is turned away, and told what an honest one would need.
	stranger := chromium.Open("stranger", browser.Seat{})
	stranger.Goto(v.links["client-1"])
	stranger.WaitText("Waiting for your therapist")
	says(v.robin, ".device-requests", "Someone opens Alex’s link")
	act(v.robin, "RefuseDevice")
	stranger.WaitNoText("Waiting for your therapist")
	stranger.WaitText("Your therapist can make a new link at once")
	stranger.Shot("client/refused")

	// And back to the first device, by its own button.
	v.alex.Click(browser.TestID("take-back"))
	v.alex.WaitText("All set. Your therapist comes to you here.")
	phone.WaitText("Your session is open somewhere else")
	v.revokesALink(chromium)
}

// A laptop dies: the therapist signs in elsewhere and goes on at once. Later the client's
// page goes elsewhere too.
func TestSeatsGoToOtherDevicesInTheMiddleOfAVisit(t *testing.T) {
	oneAtATime(t)
	chromium := browser.StartChromium(t, browser.Options{})
	v := newVisit(t, chromium)
	v.tookIt()
	v.phase("Absorbing")
	says(v.robin, ".alarm-bar", "Alex has taken a dose past open checks")

	old := v.robin
	v.robin = chromium.Open("robin's other laptop", browser.Seat{Width: 1024, Height: 768})
	signIn(v.robin, v.place)
	v.robin.WaitText("Join the session")
	v.robin.Click(browser.TestID("join"))
	v.phase("Absorbing")
	v.see()
	v.sameClock("on the other laptop")
	says(old, ".taken", "This seat was taken over by another window or device.")
	old.Shot("therapist/replaced")
	for _, key := range []string{"n", "e", "g", "g"} {
		old.Press(key) // the keys of a page that has lost its seat do nothing, now or when it is taken back
	}
	if opened := browser.Eval[string](old, `[...document.querySelectorAll(".note textarea, .sheet, .go-in-said")].find((one) => one.checkVisibility())?.className ?? ""`); opened != "" {
		t.Errorf("a key pressed on a page that lost its seat has opened %q", opened)
	}
	says(v.robin, ".alarm-bar", "Alex has taken a dose past open checks")
	v.robin.Shot("therapist/took-over")
	v.helpWorksOnAScreenWhoseSeatWentElsewhere(chromium)
}

// revokesALink withdraws the chaperone's link; a link that does not open says what to do.
func (v *visit) revokesALink(chromium *browser.Browser) {
	v.chaperoneArrives()
	console := v.server.url + "/#session/" + v.id()

	other := chromium.Open("robin's other window", browser.Seat{Beside: v.robin})
	other.Goto(v.server.url)
	says(other, `[data-testid="session"]`, "Alex")
	v.robin.Goto(console)
	v.robin.Click(browser.TestID("revoke-chaperone-1"))
	v.robin.Shot("console/revoke")
	v.robin.Click(browser.TestID("sure-chaperone-1"))
	says(v.robin, `[data-seat="chaperone-1"]`, "link withdrawn")
	v.sam.WaitText("This link is no longer valid. If the session still goes on, please call the therapist.")
	v.sam.Shot("chaperone/revoked")
	v.sam.Goto(v.links["chaperone-1"])
	v.sam.WaitText("This link does not open")
	v.sam.WaitText("Your therapist can make a new link at once: it takes one tap.")
	v.sam.Shot("chaperone/link-revoked")
	v.sam.Accessible("a link that was withdrawn")

	// The chaperone's page opens with nothing else than the chaperone's link.
	v.alex.Goto(v.server.url + "/s/" + v.id() + "/chaperone-1/")
	v.alex.WaitText("This page is not open in this browser")
	v.alex.Shot("client/not-open")
	cut := v.links["client-1"]
	v.alex.Goto(cut[:strings.LastIndex(cut, ".")])
	v.alex.WaitText("This link is not complete")
	last := "A"
	if strings.HasSuffix(cut, last) {
		last = "Q"
	}
	v.alex.Goto(cut[:len(cut)-1] + last)
	v.alex.WaitText("This link does not open")
	v.alex.Shot("client/link-wrong")

	// A fresh one does.
	v.robin.Click(browser.TestID("fresh-chaperone-1"))
	v.robin.WaitFor(`document.querySelector("[data-testid=link-chaperone-1]") !== null`, browser.Patience)
	fresh := browser.Eval[string](v.robin, `document.querySelector("[data-testid=link-chaperone-1]").value`)
	v.sam.Goto(fresh)
	says(v.sam, ".chaperone", "Connected")
	v.sam.WaitFor(`!document.body.innerText.includes("no longer valid")`, 10*time.Second)

	// What is cancelled in one window stands in no other, nor on anybody's phone.
	v.robin.Click(browser.CSS(".changes details:nth-of-type(2) summary"))
	fill(v.robin, ".changes", answer{"cancel-reason", "The client is ill."})
	v.robin.Click(browser.TestID("cancel"))
	goes(other, `[data-testid="session"]`)
	says(v.sam, ".over", "It does not take place today.")
	if says := browser.Eval[string](v.sam, `document.querySelector(".reach").innerText`); strings.Contains(says, "Leave this page open") {
		v.t.Errorf("the page can be closed, and says %q", says)
	}
}
