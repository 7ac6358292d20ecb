package session

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// ViewOf returns what the seat may know and do at the session's time now. It
// reads s and changes nothing; see the package comment for who may call it when.
func ViewOf(s *State, seat SeatID, now time.Time) View {
	now = Instant(now)
	you, _ := s.Seat(seat)
	l := look{State: s, seat: you, now: now}
	v := View{
		Session: s.ID, Seq: s.Seq, Now: now, Rate: max(s.Pace.Rate, 1), Practice: s.Practice,
		StartsAt: s.StartsAt, OpensAt: s.OpensAt, Signed: !s.SignedAt.IsZero(),
		You:    You{Seat: seat, Role: you.Role, Name: you.Name},
		Alarms: []AlarmView{}, Actions: []ActionView{}, Clients: []ClientView{}, People: []PersonView{},
	}
	l.people(&v)
	for _, c := range s.Clients {
		switch {
		case isTherapist(you.Role):
			v.Clients = append(v.Clients, l.forTherapist(c))
		case you.Role == Chaperone:
			v.Clients = append(v.Clients, l.forChaperone(c))
		case you.Role == Client && s.actsFor(seat, c.Seat):
			v.Clients = append(v.Clients, l.forClient(c))
		}
	}
	l.alarms(&v)
	l.actions(&v)
	switch you.Role {
	case Therapist, CoTherapist:
		v.States = s.Settings.LicensedStates
		for _, w := range s.Waiting {
			v.Devices = append(v.Devices, DeviceView{w.Request, w.Seat, s.name(w.Seat), w.Words, w.Since})
		}
		recent := s.Recent[max(0, len(s.Recent)-recentLines):]
		v.Lines = make([]LineView, 0, len(recent))
		for _, e := range recent {
			if words := s.Line(*e); words != "" {
				v.Lines = append(v.Lines, LineView{e.Seq, e.At, words, LineKind(e.Fact)})
			}
		}
	case Client:
		v.Consent = s.Settings.ConsentVersion
	case Chaperone:
		l.chaperone(&v)
	}
	return v
}

// look is one view being made.
type look struct {
	*State
	seat Seat
	now  time.Time
}

func at(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func (l look) people(v *View) {
	full := isTherapist(l.seat.Role)
	for _, seat := range l.Seats {
		if !full && l.seat.Role == Chaperone && seat.Role == Chaperone && seat.ID != l.seat.ID {
			continue
		}
		p := PersonView{Seat: seat.ID, Role: seat.Role, Name: seat.Name, Pronouns: seat.Pronouns, Present: l.Present(seat.ID)}
		if chaperone := l.Chaperone(seat.ID); chaperone != nil {
			p.Arrived, p.Leaving = !chaperone.Arrived.IsZero(), !chaperone.Leaving.IsZero()
			p.Near = l.near(chaperone)
			if full {
				p.Confirmed, p.Parts = at(chaperone.Confirmed), parts(chaperone)
				if chaperone.Call != nil {
					p.Call = l.called(chaperone.Call)
				}
			}
		}
		if full {
			p.Since, p.Phone = at(l.Presence[seat.ID].Since), seat.Phone
			p.Instead = at(l.Presence[seat.ID].Instead)
			if device, ok := l.Devices[seat.ID]; ok {
				p.Device = &device
			}
			p.Link = l.link(seat.ID)
		}
		v.People = append(v.People, p)
	}
}

// near reports whether it is true now that the chaperone is in the next room:
// arrived, not leaving, heard of within a round and its grace, and not on the way
// to the client or with them.
func (l look) near(p *ChaperoneState) bool {
	grace := l.Settings.CheckInEvery.D() + 5*time.Minute
	return p.here() && (p.Call == nil || p.Call.Going.IsZero()) && l.now.Sub(p.Confirmed) <= grace
}

func (l look) link(seat SeatID) string {
	link, ok := l.Links[seat]
	switch {
	case !ok:
		return "none"
	case link.Revoked:
		return "revoked"
	case !l.now.Before(link.Expires):
		return "expired"
	case len(link.Devices) > 0:
		return "used"
	}
	return "valid"
}

func parts(p *ChaperoneState) (all []PartView) {
	for _, part := range ChaperoneParts {
		_, done := p.Parts[part.ID]
		all = append(all, PartView{part.ID, part.Title, done})
	}
	return all
}

func (l look) base(c *ClientState) ClientView {
	seat, _ := l.Seat(c.Seat)
	return ClientView{Seat: c.Seat, Name: seat.Name, Pronouns: seat.Pronouns, Phase: c.Phase}
}

func (l look) forClient(c *ClientState) ClientView {
	v := l.base(c)
	v.Dimmed = c.Phase == Absorbing || c.Phase == Active
	v.ChaperoneSees, v.Music = c.ChaperoneSees, c.Music
	v.Help = l.help(c)
	if c.Phase == Integrating || c.Phase == ReleaseCheck {
		v.Words = c.WordsOffered
	}
	if c.Phase == Closed || c.Phase == Signed {
		if t, err := time.Parse(time.RFC3339, c.Criteria[CriterionIntegration].Values["at"]); err == nil {
			v.VisitAt = at(t)
		}
	}
	if slices.Contains(beforeDose, c.Phase) {
		_, device := l.Devices[l.seat.ID]
		v.Steps = &StepsView{Device: device, Introduced: c.Introduced, Address: c.Stated, Today: c.Today,
			Consented: c.passed(GateConsent), SaidYes: c.passed(GateClientYes)}
		if c.Phase == CheckingIn {
			for _, g := range Gates {
				if !c.passed(g.ID) {
					v.Steps.Open = append(v.Steps.Open, g.ID)
				}
			}
		}
	}
	if c.Auth != nil && Permitted(Client, "RecordDose", c.Phase) && c.authorized(c.Auth.Number, l.now) == nil {
		v.MayTake = &MayTake{c.Auth.Number, c.Auth.Mg, c.Auth.Tablets}
	}
	return v
}

// help says what is true about a call for help, and no more.
func (l look) help(c *ClientState) *HelpView {
	var alarm *Alarm
	for _, a := range l.Alarms {
		if a.Condition == HelpAskedFor && a.Client == c.Seat && a.Ended.IsZero() {
			alarm = a
		}
	}
	if alarm == nil {
		return nil
	}
	h := &HelpView{Stage: "calling"}
	if !alarm.Shown.IsZero() || !alarm.Acknowledged.IsZero() {
		h.Stage = "known"
	}
	for _, p := range l.Chaperones {
		if p.Call == nil || !slices.Contains(p.Call.clients(), c.Seat) {
			continue
		}
		if p.Call.Client == c.Seat && !p.Call.With.IsZero() {
			return &HelpView{"with", l.name(p.Seat)}
		}
		if !p.Call.Going.IsZero() || !p.Call.With.IsZero() {
			h = &HelpView{"coming", l.name(p.Seat)}
		}
	}
	return h
}

func (l look) forChaperone(c *ClientState) ClientView {
	v := l.base(c)
	v.T0, v.ChaperoneSees = at(c.Windows.T0), c.ChaperoneSees
	v.Look = l.round(c)
	v.VitalsAsk = l.standing(VitalsMissed, c.Seat, "") != nil
	return v
}

func (l look) round(c *ClientState) *LookView {
	r := &LookView{Last: at(c.CheckIn.Last), Due: at(c.CheckIn.Due), Every: l.Settings.CheckInEvery}
	if a := l.standing(CheckInMissed, c.Seat, ""); a != nil {
		r.Prompt = "due"
		if a.Loud {
			r.Prompt = "loud"
		}
	}
	if c.CheckIn.By != "" {
		r.By = l.name(c.CheckIn.By)
	}
	return r
}

func (l look) forTherapist(c *ClientState) ClientView {
	v := l.base(c)
	order, limits := c.Order, limitsOf(l.State, c)
	v.PhaseSince, v.Order, v.Stated, v.Today = at(c.PhaseSince), &order, c.Stated, c.Today
	v.ChaperoneSees, v.Music = c.ChaperoneSees, c.Music
	v.T0, v.Look = at(c.Windows.T0), l.round(c)
	v.VitalsAsk = l.standing(VitalsMissed, c.Seat, "") != nil
	if !c.Windows.T0.IsZero() {
		w := c.Windows
		v.Windows = &w
		if w.HoldEnds.After(l.now) {
			v.Holding = &w.HoldEnds
		}
	}
	if !c.Phase.Ended() {
		v.Gates = l.gates(c)
	}
	if c.Auth != nil {
		v.Authorization = &AuthorizationView{c.Auth.Number, c.Auth.Mg, c.Auth.Tablets, c.Auth.At, c.Auth.Lapses, true, ""}
		if r := c.authorized(c.Auth.Number, l.now); r != nil {
			v.Authorization.Valid, v.Authorization.Why = false, cmp.Or(c.Auth.Ended, r.Words)
		}
	}
	// Copies: a view is read after its state has gone on.
	v.Doses, v.Vitals, v.Limits = slices.Clone(c.Doses), slices.Clone(c.Vitals), &limits
	v.SideEffects, v.Ratings = slices.Clone(c.SideEffects), slices.Clone(c.Ratings)
	if c.Phase == Integrating || c.Phase == ReleaseCheck || c.Phase == Closed {
		v.Criteria = l.criteria(c)
	}
	v.PictureLost, v.SoundLost, v.VoiceLost, v.Words = at(c.PictureLost), at(c.SoundLost), at(c.VoiceLost), c.WordsOffered
	v.Next, v.Help, v.Card = l.next(c), l.help(c), l.card(c)
	v.Summary, v.CPT = c.Summary, c.CPT
	return v
}

func (l look) gates(c *ClientState) (all []GateView) {
	all = make([]GateView, 0, len(Gates))
	for _, g := range Gates {
		state := c.Gates[g.ID]
		v := GateView{ID: g.ID, Title: g.Title, State: cmp.Or(state.State, "open"), Reason: state.Reason, At: at(state.At), Values: state.Values, Fields: g.Fields}
		if state.By != "" {
			v.By = l.name(state.By)
		}
		switch g.ID {
		case GateConsent:
			v.Hint = "The client gives it on their own page, version " + l.Settings.ConsentVersion + "."
		case GateChaperone:
			v.Hint = "Settled when one chaperone is here, has read the duties, has answered a test call and has said: adult, in the home, another room within call."
		case GateVitals:
			lim := limitsOf(l.State, c)
			v.Hint = fmt.Sprintf("Settled by a reading at or below %d/%d and heart rate %d.", lim.BlockSystolic, lim.BlockDiastolic, lim.BlockHeartRate)
		}
		all = append(all, v)
	}
	return all
}

func (l look) criteria(c *ClientState) (all []CriterionView) {
	unmet := c.unmet(l.now)
	for _, row := range Criteria {
		state := c.Criteria[row.ID]
		v := CriterionView{ID: row.ID, Title: row.Title, Met: !slices.Contains(unmet, row.Missing), Why: state.Reason, At: at(state.At), Values: state.Values, Fields: row.Fields}
		if state.By != "" {
			v.By = l.name(state.By)
		}
		if row.ID == CriterionTime && !v.Met && !c.Windows.ReleaseFrom.IsZero() {
			from := c.Windows.ReleaseFrom
			v.At, v.Why = &from, "not before the minimum has passed"
		}
		all = append(all, v)
	}
	return all
}

var nextWords = map[DeadlineKind]string{
	DueOpen: "the room opens", DueChaperone: "chaperone due", DueLapse: "the authorisation lapses", DueHold: "the hold ends", DueWindow: "returning is offered",
	DueOverdue: "the window ends", DueVitals: "blood pressure", DueRemeasure: "measure again", DueCheckIn: "look-in",
	DuePlannedEnd: "planned end", DueReleaseFrom: "release possible", DueReleaseBy: "release overdue",
}

func (l look) next(c *ClientState) (all []NextView) {
	for _, due := range l.Deadlines {
		if due.Kind == DueChaperone && slices.ContainsFunc(l.Chaperones, (*ChaperoneState).here) {
			continue // it has come true
		}
		if words := nextWords[due.Kind]; words != "" && (due.Client == c.Seat || due.Client == "") && due.At.After(l.now) {
			all = append(all, NextView{words, due.At})
		}
	}
	return all
}

// card is the emergency card: what is known, with what is not known said so.
func (l look) card(c *ClientState) *Card {
	seat, _ := l.Seat(c.Seat)
	card := &Card{Conditions: cmp.Or(c.Order.Conditions, "none noted")}
	if address, how := l.address(c); address != "" {
		card.Address, card.Confirmed = address, how
	} else {
		card.Address, card.Confirmed = "not known", "No address was given today."
	}
	card.Emergency = c.Gates[GateEmergencyNumber].Values["number"]
	if phone := cmp.Or(c.Gates[GateCallback].Values["number"], seat.Phone); phone != "" {
		card.Ways = append(card.Ways, WayView{seat.Name, phone})
	} else if c.Stated != nil && c.Stated.Phone != "" {
		card.Ways = append(card.Ways, WayView{seat.Name, c.Stated.Phone})
	}
	card.Ways = append(card.Ways, l.chaperoneWays()...)
	if c.Order.Phone != "" {
		card.Ways = append(card.Ways, WayView{cmp.Or(c.Order.Prescriber, "Prescriber"), c.Order.Phone})
	}
	for _, dose := range c.Doses {
		card.Doses = append(card.Doses, fmt.Sprintf("%s, %g mg, %s ago", cmp.Or(c.Order.Product, "ketamine"), dose.Mg, spoken(l.now.Sub(dose.At))))
	}
	card.Vitals = "none taken"
	if n := len(c.Vitals); n > 0 {
		card.Vitals = fmt.Sprintf("%s, %s ago", c.Vitals[n-1].Words(), spoken(l.now.Sub(c.Vitals[n-1].At)))
	}
	card.Script = l.script(c, card, seat)
	return card
}

func (l look) script(c *ClientState, card *Card, seat Seat) []string {
	therapist := "a therapist"
	for _, s := range l.Seats {
		if s.Role == Therapist && s.Name != "" {
			therapist = s.Name + ", a therapist"
		}
	}
	script := []string{
		fmt.Sprintf("My name is %s. I am on a video call with a client and am not at their address.", therapist),
		stopped("Please send an ambulance to: " + card.Address),
		fmt.Sprintf("The client is %s.", cmp.Or(seat.Name, "an adult")),
	}
	if len(card.Doses) == 0 {
		script = append(script, "They have taken no medicine in this session.")
	}
	for _, dose := range card.Doses {
		script = append(script, "They have taken, under medical prescription: "+dose+".")
	}
	script = append(script, "Last blood pressure and heart rate: "+card.Vitals+".", stopped("Relevant conditions: "+card.Conditions))
	return append(append(script, l.inTheHome()...), "What I see now is: …")
}

// inTheHome says who can let an ambulance in: only a chaperone who has come and
// has not said that they leave.
func (l look) inTheHome() []string {
	away := []string{"I know of no adult in the home who could open the door."}
	for _, p := range l.Chaperones {
		seat, _ := l.Seat(p.Seat)
		switch {
		case p.here() && seat.Phone != "":
			return []string{fmt.Sprintf("An adult is in the home: %s, %s.", seat.Name, seat.Phone)}
		case p.here():
			away = []string{fmt.Sprintf("An adult is in the home: %s.", seat.Name)}
		}
	}
	return away
}

func (l look) address(c *ClientState) (address, how string) {
	gate := c.Gates[GateAddress]
	if v := gate.Values; v["street"] != "" {
		address = fmt.Sprintf("%s, %s, %s", v["street"], v["city"], v["state"])
		if v["access"] != "" {
			address += " (" + v["access"] + ")"
		}
		if gate.State == "passed" {
			return address, "Confirmed today, " + spoken(l.now.Sub(gate.At)) + " ago."
		}
		return address, "Confirmed earlier, then opened again: " + gate.Reason
	}
	if a := c.Stated; a != nil && a.Street != "" {
		address = fmt.Sprintf("%s, %s, %s", a.Street, a.City, a.State)
		if a.Access != "" {
			address += " (" + a.Access + ")"
		}
		return address, "As the client wrote it today; not confirmed."
	}
	return "", ""
}

func (l look) chaperoneWays() (ways []WayView) {
	for _, seat := range l.Seats {
		if seat.Role == Chaperone && seat.Phone != "" {
			ways = append(ways, WayView{seat.Name, seat.Phone})
		}
	}
	return ways
}

func (l look) alarms(v *View) {
	if l.seat.Role == Client {
		return // alarms never stand, and never sound, at the client
	}
	for _, a := range l.Alarms {
		mine := slices.Contains(a.MayAck, l.seat.Role)
		if l.seat.Role == Chaperone && !mine && !l.said(a) || !a.OnScreen {
			continue
		}
		w := AlarmView{ID: a.ID, Condition: a.Condition, Client: a.Client, Words: a.Words, Priority: a.Priority, Since: a.Since,
			Raised: a.Raised, Late: a.Late, Rung: a.Rung + 1, Rungs: len(a.Ladder), Acknowledged: at(a.Acknowledged), Ended: at(a.Ended),
			Shown: !a.Shown.IsZero(), Mine: mine && a.Acknowledged.IsZero(), MayClear: slices.Contains(a.MayClear, l.seat.Role), Own: l.said(a)}
		if a.AckBy != "" {
			w.AcknowledgedBy = l.name(a.AckBy)
		}
		if isTherapist(l.seat.Role) {
			w.Card = a.Card
			if a.Dial {
				w.Dial = l.chaperoneWays()
				if c := l.Client(a.Client); c != nil && a.Condition == VitalsHigh && c.Order.Phone != "" {
					w.Dial = append(w.Dial, WayView{cmp.Or(c.Order.Prescriber, "Prescriber"), c.Order.Phone})
				}
			}
		} else {
			w.Words = l.chaperoneWords(a)
		}
		v.Alarms = append(v.Alarms, w)
	}
	// Of equals the one that has waited longest: what is about to be pressed stays where it is.
	slices.SortStableFunc(v.Alarms, func(a, b AlarmView) int {
		return cmp.Or(b.Priority.Rank()-a.Priority.Rank(), over(a)-over(b), a.Condition.rank()-b.Condition.rank(), a.Raised.Compare(b.Raised))
	})
}

// over is 1 where only the acknowledgement is missing: what goes on comes first.
func over(a AlarmView) int {
	if a.Ended != nil {
		return 1
	}
	return 0
}

// said reports whether this chaperone raised the alarm: they are told who knows of it.
func (l look) said(a *Alarm) bool {
	return a.Subject == l.seat.ID && (a.Condition == PleaseLook || a.Condition == PleaseCome)
}

// chaperoneWords leaves out what people wrote into an alarm: it may be clinical.
func (l look) chaperoneWords(a *Alarm) string {
	switch {
	case l.said(a) && a.Condition == PleaseCome:
		return fmt.Sprintf("You asked the therapist to come to %s", l.name(a.Client))
	case l.said(a):
		return fmt.Sprintf("You asked the therapist to look at %s", l.name(a.Client))
	}
	rule, _ := l.rule(a.Condition)
	d := decision{State: l.State}
	return d.alarmWords(rule.Words, a.Client, a.Subject)
}

func (l look) chaperone(v *View) {
	p := l.Chaperone(l.seat.ID)
	if p == nil {
		return
	}
	v.You.Arrived, v.You.Leaving = !p.Arrived.IsZero(), !p.Leaving.IsZero()
	v.Parts = parts(p)
	for _, seat := range l.Seats {
		if isTherapist(seat.Role) && seat.Phone != "" {
			v.Ways = append(v.Ways, WayView{seat.Name, seat.Phone})
		}
	}
	for _, c := range l.Clients {
		if n := c.Gates[GateEmergencyNumber].Values["number"]; n != "" {
			v.Ways = append(v.Ways, WayView{"Emergency", n})
			break
		}
	}
	if p.Call != nil {
		v.Call = l.called(p.Call)
	}
}

func (l look) called(c *Call) *CallView {
	var names []string
	for _, id := range c.clients() {
		names = append(names, l.name(id))
	}
	name := strings.Join(names, " and ")
	v := &CallView{Client: c.Client, Stage: "called", Since: c.Since, Words: fmt.Sprintf("Please go to %s now.", name)}
	switch a := l.Alarm(c.Alarm); {
	case len(names) > 1:
	case c.Alarm == "":
		v.Words += " The therapist is asking."
	case a != nil && a.Condition == HelpAskedFor:
		v.Words += " They asked for help."
	case a != nil && (a.Condition == PictureGone || a.Condition == ClientGone):
		v.Words += " We cannot see them."
	}
	if c.Sit {
		v.Words = fmt.Sprintf("Please sit with %s. The therapist's connection is lost.", name)
	}
	switch {
	case !c.With.IsZero():
		v.Stage, v.Words = "with", fmt.Sprintf("You are with %s. How is it?", name)
	case !c.Going.IsZero():
		v.Stage, v.Words = "going", fmt.Sprintf("You are going to %s.", name)
	}
	return v
}
