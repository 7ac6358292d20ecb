package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"belay/cmd/internal/browser"
)

// What people do, in the words of the story and by what stands on their screens.
// Nobody here knows an address or a message that a person would not know.

const (
	clientAtTherapist = `[data-testid="video-client-1"]`
	therapistAtClient = `[data-testid="remote"][data-seat="therapist-1"]`
)

// visit is one session, and the pages of the people in it.
type visit struct {
	t      *testing.T
	server *child

	robin *browser.Person // therapist, at a laptop
	alex  *browser.Person // client
	sam   *browser.Person // chaperone, with a phone

	place string            // of the therapist's page
	links map[string]string // by seat, as the console showed them

	scripts map[*browser.Person]*script // what each did before they had a page
}

func quoted(s string) string {
	data, _ := json.Marshal(s) // a string is always valid
	return string(data)
}

// answer is one field of a form, by its name.
type answer struct{ name, value string }

// fill fills the fields of the form that scope selects: text, choices and boxes.
func fill(p *browser.Person, scope string, answers ...answer) {
	for _, a := range answers {
		selector := fmt.Sprintf("%s [name=%q]", scope, a.name)
		field := browser.CSS(selector)
		p.WaitFor(fmt.Sprintf("document.querySelector(%s) !== null", quoted(selector)), browser.Patience)
		kind := browser.Eval[string](p, fmt.Sprintf("document.querySelector(%s).type", quoted(selector)))
		switch kind {
		case "checkbox":
			if browser.Eval[bool](p, fmt.Sprintf("document.querySelector(%s).checked", quoted(selector))) != (a.value == "yes") {
				p.Click(field)
			}
		case "radio":
			p.Click(browser.CSS(fmt.Sprintf("%s [name=%q][value=%q]", scope, a.name, a.value)))
		case "select-one", "time", "date", "datetime-local":
			p.Choose(field, a.value)
		default:
			p.Type(field, a.value)
		}
	}
}

// says waits until the element shows the words.
func says(p *browser.Person, selector, words string) {
	p.WaitFor(fmt.Sprintf(`[...document.querySelectorAll(%s)].some((el) => el.checkVisibility() && el.innerText.replace(/\s+/g, " ").includes(%s))`,
		quoted(selector), quoted(words)), browser.Patience)
}

// goes waits until nothing that the selector selects is visible any more.
func goes(p *browser.Person, selector string) {
	p.WaitFor(fmt.Sprintf(`![...document.querySelectorAll(%s)].some((el) => el.checkVisibility())`, quoted(selector)), browser.Patience)
}

// act presses the button of an act, wherever the screen has it.
func act(p *browser.Person, name string) {
	p.Click(browser.CSS(fmt.Sprintf("button[data-act=%q]", name)))
}

// password that the therapist chose.
const password = "a rope holds on both ends"

// setUp makes the first account, from the link that the server printed.
func (v *visit) setUp() {
	p := v.robin
	p.Goto(v.server.setUpLink())
	p.WaitText("Set up Belay")
	p.Shot("console/set-up")
	fill(p, "form", answer{"name", "Robin"}, answer{"email", "robin@example.org"}, answer{"password", password})
	p.Click(browser.TestID("state-OR"))
	p.Click(browser.TestID("submit"))
	p.WaitText("Sessions")
	p.WaitText("No session is planned")
	p.Shot("console/empty")
}

// relayOnly has the practice exchange no addresses: everything goes through the relay.
func (v *visit) relayOnly() { v.rules(`{ relay_only: true }`) }

// rules changes settings of the practice, given as an object of the page's language.
func (v *visit) rules(changed string) {
	browser.Eval[bool](v.robin, `(async () => {
		const { settings } = await (await fetch("/api/settings")).json();
		const answer = await fetch("/api/settings", { method: "PUT", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ ...settings, ...`+changed+` }) });
		if (!answer.ok) throw new Error(await answer.text());
		return true;
	})()`)
}

// signIn signs the same therapist in, in another browser.
func signIn(p *browser.Person, url string) {
	p.Goto(url)
	p.WaitText("Sign in")
	fill(p, "form", answer{"email", "robin@example.org"}, answer{"password", password})
	p.Press(browser.Enter)
	p.WaitNoText("Password")
}

// practise makes a practice session from the console, with one press.
func (v *visit) practise(rate string) {
	p := v.robin
	p.WaitText("Try a practice session")
	p.Choose(browser.TestID("speed"), rate)
	p.Click(browser.TestID("practice"))
	v.readLinks()
}

// plan makes a session from the console's form.
func (v *visit) plan() {
	p := v.robin
	p.Click(browser.TestID("new"))
	p.WaitText("The prescriber's order")
	fill(p, "form", answer{"client-1-name", "Alex"}, answer{"client-1-pronouns", "they/them"}, answer{"client-1-phone", "503-555-0142"},
		answer{"client-1-dose", "100"}, answer{"client-1-total", "200"}, answer{"client-1-number", "3"}, answer{"client-1-of", "6"},
		answer{"client-1-prescriber", "Dr. Okafor"}, answer{"client-1-prescriber-phone", "503-555-0100"},
		answer{"chaperone-1-name", "Sam"}, answer{"chaperone-1-phone", "503-555-0178"})
	p.ShotWhole("console/new")
	p.Accessible("the form of a new session")
	p.Click(browser.TestID("create"))
	v.readLinks()
	p.Accessible("the links")
}

// readLinks reads the three links from the console's page.
func (v *visit) readLinks() {
	p := v.robin
	p.WaitText("Links for this session")
	v.links = browser.Eval[map[string]string](p, `Object.fromEntries([...document.querySelectorAll("input[data-testid^=link-]")]
		.map((field) => [field.dataset.testid.slice("link-".length), field.value]))`)
	v.place = browser.Eval[string](p, `document.querySelector("[data-testid=own]").href`)
	if len(v.links) != 2 {
		v.t.Fatalf("the console shows links for %d people, not for client and chaperone: %v", len(v.links), v.links)
	}
	p.ShotWhole("console/links")
}

// id is the session's, as the therapist's address shows it.
func (v *visit) id() string {
	parts := strings.Split(v.place, "/")
	return parts[len(parts)-3]
}

// therapistJoins opens the therapist's page and joins.
func (v *visit) therapistJoins() {
	p := v.robin
	p.Goto(v.place)
	p.WaitText("Join the session")
	p.Shot("therapist/join")
	p.Click(browser.TestID("join"))
	p.WaitFor(`document.querySelector("[data-testid=clock], [data-testid=phase]") !== null`, browser.Patience)
}

// clientArrives opens the client's link and goes through the pages of arrival.
func (v *visit) clientArrives() {
	p := v.alex
	p.Goto(v.links["client-1"])
	next := func(title, shot string, answers ...answer) {
		says(p, "h1", title)
		fill(p, "form", answers...)
		p.Shot("client/arrive-" + shot)
		p.Click(browser.TestID("next"))
	}
	next("How should we call you?", "1-name", answer{"name", "Alex"}, answer{"pronouns", "they/them"})
	says(p, "h1", "Camera, microphone and sound")
	if p.Kind == "firefox" { // Chromium has been told the answer before, and the page does not ask again
		p.Click(browser.TestID("start-devices"))
	}
	p.WaitFrames(`[data-testid="self-check"]`, 3)
	p.Click(browser.TestID("tone"))
	p.Click(browser.TestID("tone-heard"))
	next("Camera, microphone and sound", "2-devices")
	next("Where are you today?", "3-place", answer{"street", "12 Alder Street, apartment 3"}, answer{"city", "Portland"}, answer{"state", "OR"},
		answer{"access", "Second floor, door code 4711"}, answer{"phone", "503-555-0142"})
	next("Who is with you?", "4-with")
	next("How is today?", "5-today", answer{"fasted", "yes"}, answer{"intention", "To listen."})
	next("Your consent", "6-consent")
	next("May Sam see and hear you?", "7-see")
	p.WaitText("All set. Your therapist comes to you here.")
	p.Shot("client/waiting")
}

// settleGates settles every check through the forms that the therapist sees.
func (v *visit) settleGates() {
	p := v.robin
	says(p, `[data-testid="phase"]`, "Checking in")
	settle := func(gate string, answers ...answer) {
		row := fmt.Sprintf("[data-gate=%q]", gate)
		p.Click(browser.CSS(row + ` [data-act="SettleGate"]:not([type=submit])`))
		if len(answers) > 0 {
			fill(p, row+" form", answers...)
			p.Click(browser.CSS(row + " form [type=submit]"))
		}
		p.WaitFor(fmt.Sprintf(`document.querySelector(%s)?.dataset.state === "passed"`, quoted(row)), browser.Patience)
	}
	settle("identity")
	settle("address", answer{"access", "Second floor, door code 4711"})
	settle("emergency_number", answer{"number", "503-823-3333"})
	settle("callback", answer{"number", "503-555-0142"})
	settle("prescription", answer{"label", "yes"}, answer{"lot", "L-2291"})
	settle("contraindications", answer{"none", "yes"})
	settle("fasting")
	settle("space", answer{"comfort", "yes"}, answer{"privacy", "yes"}, answer{"way", "yes"})
	settle("camera")
	settle("no_driving")
	settle("connection_plan")
}

// vitals records a reading by the form beside the picture.
func (v *visit) vitals(systolic, diastolic, heartRate string) {
	p := v.robin
	p.Click(browser.CSS(`.observe-buttons [data-open="RecordVitals"]`))
	fill(p, ".observe form", answer{"systolic", systolic}, answer{"diastolic", diastolic}, answer{"heart_rate", heartRate}, answer{"source", "home cuff"})
	p.Click(browser.CSS(".observe form [type=submit]"))
	p.WaitFor(fmt.Sprintf(`document.querySelector("[data-testid=lines]").innerText.includes(%s)`, quoted(systolic+"/"+diastolic)), browser.Patience)
}

// phase waits until the therapist's screen says the phase.
func (v *visit) phase(words string) { says(v.robin, `[data-testid="phase"]`, words) }

// tookIt brings client and therapist together, the client having swallowed the dose
// already: the quickest way to a running clock.
func (v *visit) tookIt() {
	v.begun(1)
	v.clientArrived()
	v.admitted()
	v.swallowed()
	v.opensPage(v.alex)
	v.therapistJoins()
	v.see()
}

// see waits until both see each other's pictures move.
func (v *visit) see() {
	v.robin.WaitFrames(clientAtTherapist, 10)
	v.alex.WaitFrames(therapistAtClient, 10)
}

// clock reads the therapist's T+ and asks the server what it should be, in one
// go. What the screen shows is in whole seconds and changes once a second, so that
// it is up to a second behind even where it is exact.
func (v *visit) clock() (shown, true_ time.Duration) {
	v.t.Helper()
	got := browser.Eval[struct {
		Shown string
		True  float64
	}](v.robin, fmt.Sprintf(`(async () => {
		// The answer was made between the asking and the reading: on a busy machine that is long.
		const asked = performance.now();
		const record = await (await fetch("/api/sessions/%s/record")).json();
		const since = ((performance.now() - asked) / 2) * record.rate;
		const shown = document.querySelector("[data-testid=clock]").innerText;
		return { shown, true: Date.parse(record.now) + since - Date.parse(record.clients[0].t0) };
	})()`, v.id()))
	for part := range strings.SplitSeq(strings.TrimPrefix(strings.TrimSpace(got.Shown), "T+"), ":") {
		var n int
		if _, err := fmt.Sscanf(part, "%d", &n); err != nil {
			v.t.Fatalf("the therapist's clock shows %q", got.Shown)
		}
		shown = shown*60 + time.Duration(n)*time.Second
	}
	return shown, time.Duration(got.True * float64(time.Millisecond))
}

// sameClock fails the test where the therapist's clock is more than a second off
// the server's.
func (v *visit) sameClock(when string) {
	v.t.Helper()
	shown, should := v.clock()
	v.t.Logf("%s the therapist's clock shows T+%v; at the server it is T+%v", when, shown, should.Round(time.Millisecond))
	if off := should - shown; off < -time.Second || off > 2*time.Second {
		v.t.Errorf("%s the therapist's clock shows T+%v, and at the server it is T+%v", when, shown, should)
	}
}

// ask presses the button of an act in the part of the screen, fills the form that
// opens, and sends it.
func ask(p *browser.Person, part, name string, answers ...answer) {
	p.Click(browser.CSS(fmt.Sprintf("%s button[data-act=%q]:not([type=submit])", part, name)))
	form := fmt.Sprintf("%s form:has([type=submit][data-act=%q])", part, name)
	says(p, form, "")
	fill(p, form, answers...)
	// An alarm that comes up between looking and pressing moves what is below it: a
	// press that did nothing is pressed again.
	for range 5 {
		p.Click(browser.CSS(form + " [type=submit]"))
		if browser.Eval[bool](p, fmt.Sprintf(`(async () => {
			for (let i = 0; i < 60; i++) {
				if (!document.querySelector(%s)?.checkVisibility()) return true;
				await new Promise((done) => setTimeout(done, 50));
			}
			return false;
		})()`, quoted(form))) {
			return
		}
	}
	goes(p, form)
}

// chaperoneArrives opens the chaperone's link on the phone and answers one
// question a page.
func (v *visit) chaperoneArrives() {
	p := v.sam
	p.Goto(v.links["chaperone-1"])
	pages := []struct{ page, act string }{
		{"duties", "ConfirmChaperone"}, {"adult", "ConfirmChaperone"}, {"on_site", "ConfirmChaperone"}, {"another_room", "ConfirmChaperone"}, {"test", "Arrive"},
	}
	for i, one := range pages {
		page := fmt.Sprintf("[data-page=%q]", one.page)
		says(p, page, "")
		p.Shot(fmt.Sprintf("chaperone/arrive-%d-%s", i+1, one.page))
		p.Click(browser.CSS(fmt.Sprintf("%s [data-act=%q]", page, one.act)))
	}
	says(p, ".card", "Robin rings this phone once, as a test.")
	p.Shot("chaperone/here")
}

// testCall ticks off that the chaperone answered the phone.
func (v *visit) testCall() {
	p := v.robin
	p.Click(browser.CSS(`[data-gate="chaperone"] button[data-act="ConfirmChaperone"]`))
	p.WaitFor(`document.querySelector('[data-gate="chaperone"]')?.dataset.state === "passed"`, browser.Patience)
}

// says yes: the client's own check.
func (v *visit) clientSaysYes() {
	act(v.alex, "SettleGate")
	v.robin.WaitFor(`document.querySelector('[data-gate="client_yes"]')?.dataset.state === "passed"`, browser.Patience)
}

// dose: the therapist authorises, the client taps, the therapist witnesses.
func (v *visit) dose() {
	ask(v.robin, ".panel-acts", "AuthorizeDose")
	v.phase("Ready for the dose")
	v.alex.Click(browser.TestID("take"))
	says(v.alex, ".confirm", "You take 100 mg (1 tablet) now.")
	act(v.alex, "RecordDose")
	v.alex.WaitFor(`document.body.dataset.screen === "dark"`, browser.Patience)
	v.phase("Absorbing")
	v.robin.Click(browser.CSS(`.panel-acts button[data-act="RecordDose"]`)) // "I saw dose 1 taken"
	says(v.robin, `[data-testid="lines"]`, "dose 1 witnessed by Robin")
}

// looksIn is the chaperone's tap; a call that came meanwhile is answered first.
func (v *visit) looksIn() {
	p := v.sam
	v.answersCalls()
	p.Click(browser.CSS(`button[data-act="CheckIn"]`))
	says(p, ".card-said", "Noted")
}

// acknowledges silences every alarm on the therapist's screen.
func (v *visit) acknowledges() {
	v.robin.WaitFor(`(() => {
		const buttons = [...document.querySelectorAll('.alarm-bar [data-act="AcknowledgeAlarm"], .alarm-bar [data-act="local"]')].filter((b) => b.checkVisibility());
		for (const button of buttons) button.click();
		return buttons.length === 0;
	})()`, browser.Patience)
}
