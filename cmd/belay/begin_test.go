package main

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"belay/cmd/internal/browser"
	"belay/cmd/internal/person"
	"belay/session"
)

// A story begins where it becomes one: what came before is done by scripted people over
// the protocol that the pages speak, in a hundredth of the time, and the pages then have
// their cookies. That each page leads through all of it is the stories' of a whole
// session and of the three links.

// script is somebody of a visit as they are without their page.
type script struct {
	*person.Visitor
	place string // of the seat's page
}

// takesAccount sets up a therapist's account with the link that a server printed.
func takesAccount(ctx context.Context, robin *person.Visitor, link string) error {
	_, token, _ := strings.Cut(link, "#")
	return robin.SetUp(ctx, token, "Robin", "robin@example.org", password, "OR")
}

// planned is a session as the console hands it to its therapist.
type planned struct {
	id, place string
	links     map[string]string // by seat
}

// plans has a therapist make a session with one client and one chaperone: a practice
// session whose clock runs rate times as fast, or with rate 0 an ordinary one.
func plans(ctx context.Context, robin *person.Visitor, rate float64) (planned, error) {
	order := map[string]any{"product": "ketamine lozenge 100 mg", "dose_mg": 100, "tablets": 1, "total_mg": 200, "number": 3, "of": 6, "prescriber": "Dr. Okafor", "phone": "503-555-0100"}
	asked := map[string]any{
		"phone":      "503-555-0119",
		"clients":    []any{map[string]any{"name": "Alex", "pronouns": "they/them", "phone": "503-555-0142", "order": order}},
		"chaperones": []any{map[string]any{"name": "Sam", "phone": "503-555-0178"}},
	}
	if rate > 0 {
		asked["practice"], asked["rate"] = true, rate
	}
	var made struct {
		ID, Place string
		Links     []struct{ Seat, URL string }
	}
	err := robin.Ask(ctx, http.MethodPost, "/api/sessions", asked, &made)
	links := map[string]string{}
	for _, l := range made.Links {
		links[l.Seat] = l.URL
	}
	return planned{made.ID, made.Place, links}, err
}

// account has the therapist set up an account, and signs their browser in.
func (v *visit) account() *script {
	robin := v.scripted()
	v.check("the account", takesAccount(v.t.Context(), robin.Visitor, v.server.setUpLink()))
	v.scripts = map[*browser.Person]*script{v.robin: robin}
	v.given(v.robin)
	return robin
}

// begun makes the account and a session, whose clock runs that many times as fast.
func (v *visit) begun(rate float64) {
	robin := v.account()
	made, err := plans(v.t.Context(), robin.Visitor, rate)
	v.check("the session", err)
	v.place, v.links, robin.place = v.server.url+made.place, made.links, made.place
}

// goesOnWithoutPages is begun where account and session were made on their pages.
func (v *visit) goesOnWithoutPages() {
	robin := v.scripted()
	v.check("to sign in", robin.SignIn(v.t.Context(), "robin@example.org", password))
	robin.place = strings.TrimPrefix(v.place, v.server.url)
	v.scripts = map[*browser.Person]*script{v.robin: robin}
}

// clientArrived has the client through the pages of arrival.
func (v *visit) clientArrived() {
	var settings struct {
		Settings struct {
			ConsentVersion string `json:"consent_version"`
		} `json:"settings"`
	}
	v.check("the settings", v.scripts[v.robin].Ask(v.t.Context(), http.MethodGet, "/api/settings", nil, &settings))
	v.opens(v.alex, "client-1")
	v.does(v.alex, session.IntroduceSelf{Client: "client-1", Name: "Alex", Pronouns: "they/them"},
		session.CheckDevice{Camera: "ok", Microphone: "ok", Loudspeaker: "heard"},
		session.StateAddress{Client: "client-1", Street: "12 Alder Street, apartment 3", City: "Portland", State: "OR", Access: "Second floor, door code 4711", Phone: "503-555-0142"},
		session.AnswerToday{Client: "client-1", Fasted: true, Intention: "To listen."},
		session.GiveConsent{Client: "client-1", Version: settings.Settings.ConsentVersion})
}

// chaperoneArrived has the chaperone through theirs.
func (v *visit) chaperoneArrived() {
	v.opens(v.sam, "chaperone-1")
	for _, part := range []session.ChaperonePart{session.PartDuties, session.PartAdult, session.PartOnSite, session.PartAnotherRoom} {
		v.does(v.sam, session.ConfirmChaperone{Chaperone: "chaperone-1", Part: part})
	}
	v.does(v.sam, session.Arrive{})
}

// opens opens somebody's link for their page.
func (v *visit) opens(p *browser.Person, seat string) {
	s := v.scripted()
	place, err := s.Open(v.t.Context(), v.links[seat])
	v.check("the link of "+seat, err)
	s.place, v.scripts[p] = place, s
	v.given(p)
}

// given gives somebody's browser the cookies of what was done without it.
func (v *visit) given(p *browser.Person) {
	s := v.scripts[p]
	everywhere := s.Cookies("/")
	p.SetCookies(v.server.url, everywhere)
	p.SetCookies(v.server.url+s.place, slices.DeleteFunc(s.Cookies(s.place), func(c *http.Cookie) bool {
		return slices.ContainsFunc(everywhere, func(e *http.Cookie) bool { return e.Name == c.Name })
	}))
}

func (v *visit) scripted() *script {
	visitor, err := person.NewVisitor(v.server.url, nil)
	v.check("a browser", err)
	return &script{visitor, ""}
}

// does has somebody sit down without their page, do something, and go again.
func (v *visit) does(p *browser.Person, acts ...session.Act) {
	v.t.Helper()
	s := v.scripts[p]
	ctx, cancel := context.WithTimeout(v.t.Context(), browser.Patience)
	defer cancel()
	sits, err := person.Join(person.Options{URL: s.Socket(s.place), Cookies: s.Jar()})
	v.check(p.Name, err)
	v.check(p.Name, sits.Open(ctx))
	for _, act := range acts {
		done, err := sits.Do(ctx, act)
		v.check(p.Name+": "+session.FactName(act), errors.Join(err, done.Err()))
	}
	v.check(p.Name, sits.Close())
}

// admitted has the therapist call the client in.
func (v *visit) admitted() { v.does(v.robin, session.Admit{Client: "client-1"}) }

// settled has the therapist settle every check; the client's own yes is left.
func (v *visit) settled() {
	type values = map[string]string
	gate := func(gate session.GateID, set values) session.Act {
		return session.SettleGate{Client: "client-1", Gate: gate, Values: set}
	}
	v.does(v.robin, gate(session.GateIdentity, values{"confirmed": "yes"}),
		gate(session.GateAddress, values{"street": "12 Alder Street, apartment 3", "city": "Portland", "state": "OR", "access": "Second floor, door code 4711"}),
		gate(session.GateEmergencyNumber, values{"number": "503-823-3333"}), gate(session.GateCallback, values{"number": "503-555-0142"}),
		session.ConfirmChaperone{Chaperone: "chaperone-1", Part: session.PartTestCall},
		gate(session.GatePrescription, values{"label": "yes", "lot": "L-2291"}), gate(session.GateContraindications, values{"none": "yes"}),
		gate(session.GateFasting, values{"confirmed": "yes"}), gate(session.GateSpace, values{"comfort": "yes", "privacy": "yes", "way": "yes"}),
		gate(session.GateCamera, values{"confirmed": "yes"}), gate(session.GateNoDriving, values{"agreed": "yes"}), gate(session.GateConnectionPlan, values{"read": "yes"}),
		session.RecordVitals{Client: "client-1", Systolic: 128, Diastolic: 82, HeartRate: 72, Source: "home cuff"})
}

// swallowed has the client take the dose before the checks, and the therapist note it.
func (v *visit) swallowed() {
	v.does(v.robin, session.RecordSwallowed{Client: "client-1", Mg: 100, Tablets: 1, Reason: "Taken before the checks, on their own."})
}

// opensPage opens the page of somebody who has arrived without it.
func (v *visit) opensPage(p *browser.Person) { p.Goto(v.server.url + v.scripts[p].place) }

func (v *visit) check(what string, err error) {
	v.t.Helper()
	if err != nil {
		v.t.Fatalf("%s: %v", what, err)
	}
}
