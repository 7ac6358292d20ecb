package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"belay/cmd/internal/person"
	"belay/session"
	"belay/signaling/access"
	"belay/signaling/protocol"
)

// scene is one part of the visit.
type scene struct {
	name string
	play func() error
}

// scenes are the whole visit, in its order. Times are those of each client's own
// clock; a scene that comes late because the speed is high is played all the same.
func (p *play) scenes() []scene {
	all := []scene{
		{"the session is made", p.makeSession},
		{"doors", p.tryDoors},
		{"arriving", p.arrive},
		{"checks", p.settleChecks},
		{"the dose", p.takeDoses},
		{"the hold", p.holdMedicine},
		{"the therapist's connection", p.loseTherapist},
		{"the camera", p.coverCamera},
		{"the server", p.loseServer},
		{"help", p.askHelp},
		{"observing", p.observe},
		{"the round", p.missCheckIn},
		{"returning", p.bringBack},
		{"another phone", p.takeOver},
		{"the release", p.release},
		{"the record", p.sign},
	}
	if p.stay == nil {
		return all
	}
	dosed := slices.IndexFunc(all, func(s scene) bool { return s.name == "the dose" })
	return append(all[:dosed+1], scene{"staying", p.stay})
}

// makeSession is the console's part: the therapist makes a session and links.
func (p *play) makeSession() error {
	var settings struct {
		Settings session.Settings `json:"settings"`
	}
	if err := p.visitor.Ask(p.ctx, http.MethodGet, "/api/settings", nil, &settings); err != nil {
		return err
	}
	if len(settings.Settings.LicensedStates) == 0 {
		return errors.New("the practice has no licensed state yet: see Settings in the console")
	}
	p.state, p.consent = settings.Settings.LicensedStates[0], settings.Settings.ConsentVersion

	type newPerson struct {
		Name     string `json:"name"`
		Pronouns string `json:"pronouns,omitempty"`
		Phone    string `json:"phone,omitempty"`
	}
	type newClient struct {
		newPerson
		Order session.Order `json:"order"`
	}
	var clients []newClient
	for _, c := range p.clients {
		c.order = session.Order{Product: "ketamine lozenge", DoseMg: 100, Tablets: 1, TotalMg: 150, Number: 3, Of: 6,
			BoosterFrom: 20 * 60, BoosterTo: 60 * 60, Prescriber: "Dr. Okafor", Phone: "(303) 555-0199", Conditions: secretCondition}
		clients = append(clients, newClient{newPerson{c.seat.Name, c.seat.Pronouns, ""}, c.order})
	}
	var made struct {
		ID    string `json:"id"`
		Place string `json:"place"`
		Links []struct {
			Seat session.SeatID `json:"seat"`
			URL  string         `json:"url"`
		} `json:"links"`
	}
	err := p.visitor.Ask(p.ctx, http.MethodPost, "/api/sessions", map[string]any{
		"clients": clients, "chaperones": []newPerson{{Name: p.chaperone.seat.Name, Phone: "(303) 555-0142"}},
		"practice": true, "rate": p.speed}, &made)
	if err != nil {
		return err
	}
	p.id = made.ID
	p.therapist.visitor, p.therapist.place = p.visitor, made.Place
	for _, a := range p.cast() {
		i := slices.IndexFunc(made.Links, func(l struct {
			Seat session.SeatID `json:"seat"`
			URL  string         `json:"url"`
		}) bool {
			return l.Seat == a.seat.ID
		})
		if a == p.therapist {
			continue
		}
		if i < 0 {
			return fmt.Errorf("there is no link for %s", a.seat.ID)
		}
		if a.visitor, err = person.NewVisitor(p.serves(a), nil); err != nil {
			return err
		}
		a.link = made.Links[i].URL
		if err := p.opens(a); err != nil {
			return fmt.Errorf("the link of %s: %w", a.seat.ID, err)
		}
	}
	p.tell("A practice session %g times as fast is made; everybody has opened their link.", p.speed)
	return nil
}

// opens opens somebody's link. Many who come from one address are asked to wait.
func (p *play) opens(a *actor) (err error) {
	ctx, cancel := p.within(time.Minute)
	defer cancel()
	for {
		a.place, err = a.visitor.Open(ctx, a.link)
		if refusal, ok := errors.AsType[*session.Refusal](err); !ok || refusal.Code != access.TooMany {
			return err
		}
		select {
		case <-time.After(500 * time.Millisecond):
		case <-ctx.Done():
			return errors.Join(context.Cause(ctx), err)
		}
	}
}

// tryDoors tries what must not open.
func (p *play) tryDoors() error {
	if p.forgets.doors {
		return nil
	}
	client := p.clients[0]
	door := func(what string, err error) {
		p.e.note(func() { p.e.links = append(p.e.links, link{what, err}) })
	}
	other, err := person.NewVisitor(p.place, nil)
	if err != nil {
		return err
	}
	if _, err = other.Open(p.ctx, client.link); errors.Is(err, person.ErrWaits) {
		err = nil
	} else if err == nil {
		err = errors.New("it was let in")
	}
	door("a second browser with the client's link waits", err)

	forged := client.link[:len(client.link)-4] + "AAAA"
	if _, err = other.Open(p.ctx, forged); err == nil || errors.Is(err, person.ErrWaits) {
		err = fmt.Errorf("it was answered with %v", err)
	} else {
		err = nil
	}
	door("a link with another secret opens nothing", err)

	for _, seat := range []*actor{client, p.therapist} {
		// The chaperone's cookies, at somebody else's place. A browser sends a cookie
		// to its own path only; somebody with ill intent sends it anywhere.
		err := p.turnedAway(seat.place)
		door(fmt.Sprintf("the chaperone's cookie does not open the place of %s", seat.seat.ID), err)
	}
	return nil
}

// turnedAway returns nil where the chaperone's cookie does not open a place.
func (p *play) turnedAway(place string) error {
	header := http.Header{}
	for _, c := range p.chaperone.visitor.Cookies(p.chaperone.place) {
		header.Add("Cookie", c.String())
	}
	intruder, err := person.Join(person.Options{URL: p.visitor.Socket(place), Header: header})
	if err != nil {
		return err
	}
	defer intruder.Close()
	ctx, cancel := p.within(promptly)
	defer cancel()
	var ended *person.Ended
	if err := intruder.AwaitEnd(ctx); !errors.As(err, &ended) || ended.Code != protocol.CloseRevoked {
		return fmt.Errorf("it was answered with %v", err)
	}
	return nil
}

// arrive brings everybody to their page.
func (p *play) arrive() error {
	for _, a := range p.cast() {
		if err := p.join(a); err != nil {
			return err
		}
	}
	v, ok := p.therapist.View()
	if ok {
		p.e.note(func() { p.e.rate = v.Rate }) // before anybody lives by it
	}
	p.lives(p.therapist, p.watches())
	p.lives(p.chaperone, p.mindsClient)
	if ok {
		for _, d := range v.Devices { // the second browser that waits
			if err := p.does(p.therapist, session.RefuseDevice{Request: d.Request}); err != nil {
				return err
			}
		}
	}
	for _, c := range p.clients {
		err := p.does(c, session.CheckDevice{Camera: "ok", Microphone: "ok", Loudspeaker: "heard"},
			session.IntroduceSelf{Client: c.seat.ID, Name: c.seat.Name, Pronouns: c.seat.Pronouns},
			session.StateAddress{Client: c.seat.ID, Street: secretStreet, City: "Denver", State: p.state, Phone: "(303) 555-0111"},
			session.AnswerToday{Client: c.seat.ID, Fasted: true, Intention: secretIntention},
			session.GiveConsent{Client: c.seat.ID, Version: p.consent})
		if err != nil {
			return err
		}
	}
	err := p.probes(p.chaperone, "arriving before the duties are read", session.NotNow, session.Arrive{})
	if err != nil {
		return err
	}
	for _, part := range []session.ChaperonePart{session.PartDuties, session.PartAdult, session.PartOnSite, session.PartAnotherRoom} {
		if err := p.does(p.chaperone, session.ConfirmChaperone{Chaperone: p.chaperone.seat.ID, Part: part}); err != nil {
			return err
		}
	}
	if err := p.does(p.chaperone, session.Arrive{}); err != nil {
		return err
	}
	p.tell("Everybody is here.")
	return nil
}

// settleChecks admits the clients and settles every gate, after trying to get past them.
func (p *play) settleChecks() error {
	for _, c := range p.clients {
		if err := p.does(p.therapist, session.Admit{Client: c.seat.ID}); err != nil {
			return err
		}
	}
	for _, pair := range p.pairs() {
		ctx, cancel := p.within(promptly)
		err := pair.by.AwaitMedia(ctx, pair.of.seat.ID)
		cancel()
		if err != nil {
			return fmt.Errorf("%s does not see and hear %s: %w", pair.by.seat.ID, pair.of.seat.ID, err)
		}
	}
	if p.e.media {
		p.e.note(func() { p.e.pictures.From = time.Now() })
		p.tell("They see and hear each other.")
	}
	first := p.clients[0]
	id := first.seat.ID
	authorize := session.AuthorizeDose{Client: id, Number: 1, Mg: 100, Tablets: 1}
	for _, t := range []struct {
		by         *actor
		what, code string
		act        session.Act
	}{
		{p.therapist, "a dose with open gates", session.GatesOpen, authorize},
		{p.therapist, "more than is prescribed", session.BeyondOrder, session.AuthorizeDose{Client: id, Number: 1, Mg: 200, Tablets: 1}},
		{first, "a dose that nobody authorised", session.NotNow, session.RecordDose{Client: id, Number: 1}},
		{first, "the client authorising", session.NotYourRole, authorize},
		{p.chaperone, "the chaperone authorising", session.NotYourRole, authorize},
		{p.chaperone, "the chaperone settling a gate", session.NotYourRole, session.SettleGate{Client: id, Gate: session.GateIdentity, Values: map[string]string{"confirmed": "yes"}}},
		{p.therapist, "an override without a reason", session.NeedsReason, session.OverrideGate{Client: id, Gate: session.GateFasting}},
		{p.therapist, "an address without a street", session.BadValue, session.SettleGate{Client: id, Gate: session.GateAddress, Values: map[string]string{"state": p.state}}},
		{p.therapist, "an act of the server from a screen", session.NotYourRole, session.LosePeer{Seat: id, Lost: "x"}},
	} {
		if err := p.probes(t.by, t.what, t.code, t.act); err != nil {
			return err
		}
	}
	for _, c := range p.clients {
		if err := p.settle(c); err != nil {
			return err
		}
	}
	p.tell("Every check is settled.")
	return nil
}

func (p *play) settle(c *actor) error {
	id := c.seat.ID
	gate := func(g session.GateID, values ...string) session.Act {
		set := session.SettleGate{Client: id, Gate: g, Values: map[string]string{}}
		for _, v := range values {
			name, value, _ := strings.Cut(v, "=")
			set.Values[name] = value
		}
		return set
	}
	err := p.does(p.therapist,
		gate(session.GateIdentity, "confirmed=yes"),
		gate(session.GateAddress, "street="+secretStreet, "city=Denver", "state="+p.state),
		gate(session.GateEmergencyNumber, "number=(720) 913-2000"),
		gate(session.GateCallback, "number=(303) 555-0111"),
		session.ConfirmChaperone{Chaperone: p.chaperone.seat.ID, Part: session.PartTestCall},
		gate(session.GatePrescription, "label=yes", "lot="+secretLot),
		gate(session.GateContraindications, "none=yes"),
		session.OverrideGate{Client: id, Gate: session.GateFasting, Reason: secretReason},
		gate(session.GateSpace, "comfort=yes", "privacy=yes", "way=yes"),
		gate(session.GateCamera, "confirmed=yes"),
		gate(session.GateNoDriving, "agreed=yes"),
		gate(session.GateConnectionPlan, "read=yes"))
	if err != nil {
		return err
	}
	if err := p.does(p.chaperone, reading(id, 122, 78, 70)); err != nil {
		return err
	}
	return p.does(c, gate(session.GateClientYes, "yes=yes"))
}

// takeDoses: the first client says so on their own page, twice, with the
// connection cut in between; for the second the therapist does, ten minutes later.
func (p *play) takeDoses() error {
	for i, c := range p.clients {
		if i > 0 {
			if err := p.after(p.clients[0], 10); err != nil {
				return err
			}
		}
		id := c.seat.ID
		if err := p.does(p.therapist, session.AuthorizeDose{Client: id, Number: 1, Mg: 100, Tablets: 1}); err != nil {
			return err
		}
		by, witness := c, p.therapist
		if i > 0 {
			by, witness = p.therapist, c
		}
		if err := p.takeTwice(by, session.RecordDose{Client: id, Number: 1}); err != nil {
			return err
		}
		if err := p.does(witness, session.RecordDose{Client: id, Number: 1}); err != nil {
			return err
		}
		if err := p.inPhase(c, session.Absorbing); err != nil {
			return err
		}
		p.tell("Dose 1 of %s is taken and witnessed.", c.seat.Name)
		// "I looked in" with the dose sets the round.
		if err := p.does(p.chaperone, session.CheckIn{Client: id}); err != nil {
			return err
		}
	}
	return nil
}

// takeTwice sends the dose, cuts the connection before the answer can be relied
// on, and sends it once more.
func (p *play) takeTwice(a *actor, act session.RecordDose) error {
	command := "dose-" + string(act.Client)
	ctx, cancel := p.within(promptly)
	defer cancel()
	var first person.Answer
	var err error
	var sent sync.WaitGroup
	sent.Go(func() { first, err = a.DoAs(ctx, command, act) })
	cutErr := p.cut(a, 0, false)
	sent.Wait()
	if err = errors.Join(err, cutErr, first.Err()); err != nil {
		return err
	}
	second, err := a.DoAs(ctx, command, act)
	if err = errors.Join(err, second.Err()); err != nil {
		return err
	}
	p.e.note(func() { p.e.doses = append(p.e.doses, dose{act.Client, act.Number, first.Seq, second.Seq}) })
	return nil
}
