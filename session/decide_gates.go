package session

import (
	"fmt"
	"slices"
	"strconv"
	"time"
)

func (c *ClientState) passed(g GateID) bool {
	state := c.Gates[g].State
	return state == "passed" || state == "overridden"
}

// openGates lists the gates that stand open before a dose.
func (c *ClientState) openGates() (ids []GateID, missing []string) {
	for _, g := range Gates {
		if !c.passed(g.ID) {
			ids = append(ids, g.ID)
			missing = append(missing, g.Missing)
		}
	}
	return ids, missing
}

func (d *decision) settleGate(a SettleGate) error {
	gate, ok := GateByID(a.Gate)
	if !ok {
		return refuse(NoSuchThing, "There is no check %q.", a.Gate)
	}
	values, r := d.ticked(gate.Title, gate.By, gate.Fields, a.Values)
	if r != nil {
		return r
	}
	d.pass(d.Client(a.Client), a.Gate, values)
	return nil
}

// ticked returns the values with which a row of checks or criteria is settled by
// hand, or why it is not.
func (d *decision) ticked(title string, by []Role, fields []Field, given map[string]string) (map[string]string, *Refusal) {
	switch {
	case len(by) == 0:
		return nil, refuse(NotNow, "“%s” is settled by what it is about, not by a tick.", title)
	case !slices.Contains(by, d.role(d.cmd.Seat)):
		return nil, refuse(NotYourRole, "The therapist settles this.")
	}
	return d.values(fields, given)
}

func (d *decision) pass(c *ClientState, id GateID, values map[string]string) {
	d.emit(GatePassed{c.Seat, id, values})
	d.gatesAgain(c)
}

// gatesAgain ends the alarm about a reopened gate once no gate is open.
func (d *decision) gatesAgain(c *ClientState) {
	if ids, _ := c.openGates(); len(ids) == 0 {
		d.over(GateReopenedAfter, c.Seat, "", "every check is settled again")
	}
}

func (d *decision) reopenGate(a ReopenGate) error {
	gate, ok := GateByID(a.Gate)
	if !ok {
		return refuse(NoSuchThing, "There is no check %q.", a.Gate)
	}
	if r := needs(a.Reason, "Say why “"+gate.Title+"” is open again."); r != nil {
		return r
	}
	if c := d.Client(a.Client); c.passed(a.Gate) {
		d.reopen(c, a.Gate, a.Reason)
	}
	return nil
}

// reopen opens a gate, ends an authorisation that rested on it and says so.
func (d *decision) reopen(c *ClientState, id GateID, reason string) {
	d.emit(GateReopened{c.Seat, id, reason})
	if c = d.Client(c.Seat); c.Auth != nil && c.Auth.Ended == "" {
		gate, _ := GateByID(id)
		d.emit(AuthorizationEnded{Client: c.Seat, Number: c.Auth.Number, Why: "a check reopened: " + gate.Title})
		d.raise(GateReopenedAfter, c.Seat, "", d.now, d.now, "")
	}
}

func (d *decision) overrideGate(a OverrideGate) error {
	gate, ok := GateByID(a.Gate)
	if !ok {
		return refuse(NoSuchThing, "There is no check %q.", a.Gate)
	}
	if a.Gate == GateConsent { // also where it was given and then taken back
		return refuse(NotNow, "Consent cannot be overridden: nobody is dosed without it. The client gives it on their own page.")
	}
	if a.Gate == GateClientYes {
		return refuse(NotNow, "The client's yes cannot be overridden.")
	}
	if r := needs(a.Reason, "An override of “"+gate.Title+"” needs a written reason."); r != nil {
		return r
	}
	c := d.Client(a.Client)
	if c.Gates[a.Gate].State == "passed" {
		return refuse(AlreadySo, "“%s” is passed: there is nothing to override.", gate.Title)
	}
	d.emit(GateOverridden(a))
	d.gatesAgain(c)
	return nil
}

func (d *decision) consent(a GiveConsent) error {
	if a.Version != d.Settings.ConsentVersion {
		return refuse(BadValue, "The consent shown was version %q; the current one is %q. Please reload the page.", a.Version, d.Settings.ConsentVersion)
	}
	c := d.Client(a.Client)
	if c.ConsentGiven == a.Version && c.passed(GateConsent) {
		return nil
	}
	d.emit(ConsentGiven(a))
	d.pass(c, GateConsent, map[string]string{"version": a.Version})
	return nil
}

// complete reports whether a chaperone is here with every part settled.
func (p *ChaperoneState) complete() bool {
	for _, part := range ChaperoneParts {
		if _, ok := p.Parts[part.ID]; !ok {
			return false
		}
	}
	return p.here()
}

func (p *ChaperoneState) here() bool { return !p.Arrived.IsZero() && p.Leaving.IsZero() }

func (d *decision) confirmChaperone(a ConfirmChaperone) error {
	chaperone := d.Chaperone(a.Chaperone)
	if chaperone == nil || !a.Part.known() {
		return refuse(NoSuchThing, "There is no such chaperone, or nothing of that name to confirm.")
	}
	role := d.role(d.cmd.Seat)
	if role == Chaperone && (d.cmd.Seat != a.Chaperone || a.Part == PartTestCall) {
		return refuse(NotYourRole, "The therapist confirms this, after the test call.")
	}
	if _, done := chaperone.Parts[a.Part]; !done {
		d.emit(ChaperoneConfirmed(a))
		d.chaperoneGate()
	}
	return nil
}

// chaperoneGate passes the chaperone gate of every client once one chaperone is
// complete, and opens it again once none is.
func (d *decision) chaperoneGate() {
	complete := slices.ContainsFunc(d.Chaperones, (*ChaperoneState).complete)
	for _, c := range d.Clients {
		switch state := c.Gates[GateChaperone].State; {
		case c.Phase.Ended():
		case complete && state != "passed":
			d.pass(c, GateChaperone, nil)
		case !complete && state == "passed":
			d.reopen(c, GateChaperone, "no chaperone is there any more")
		}
	}
}

func (d *decision) arrive() error {
	chaperone := d.Chaperone(d.cmd.Seat)
	if _, read := chaperone.Parts[PartDuties]; !read {
		return refuse(NotNow, "Please read your part first.")
	}
	if d.now.Before(d.chaperonesFrom()) && !d.begun() {
		return refuse(NotNow, "It is too early: the room is not open yet. Please tap this when you are there for the visit.")
	}
	d.emit(ChaperoneArrived{chaperone.Seat})
	d.over(ChaperoneNotArrived, "", chaperone.Seat, "arrived")
	d.over(ChaperoneLeaves, "", chaperone.Seat, "is back")
	d.chaperoneGate()
	return nil
}

// chaperonesFrom is when a chaperone can have come for this visit and no other day's: once
// the room opens, or they are due.
func (s *State) chaperonesFrom() time.Time {
	if due := s.StartsAt.Add(-s.Settings.ChaperoneBefore.D()); due.Before(s.OpensAt) {
		return due
	}
	return s.OpensAt
}

// begun reports whether anybody's visit has gone beyond being planned.
func (s *State) begun() bool {
	return slices.ContainsFunc(s.Clients, func(c *ClientState) bool { return c.Phase != Scheduled })
}

func (d *decision) announceLeaving(a AnnounceLeaving) error {
	chaperone := d.Chaperone(d.cmd.Seat)
	if !chaperone.Leaving.IsZero() {
		return nil
	}
	d.emit(ChaperoneLeaving{chaperone.Seat, a.Words})
	d.raise(ChaperoneLeaves, "", chaperone.Seat, d.now, d.now, a.Words)
	d.chaperoneGate()
	if slices.ContainsFunc(d.Chaperones, (*ChaperoneState).here) {
		return nil
	}
	for _, c := range d.Clients { // whoever has taken over does so no more
		if !c.Phase.Ended() && c.Criteria[CriterionChaperone].State == "passed" {
			d.emit(CriterionReopened{c.Seat, CriterionChaperone, "no chaperone is there any more"})
		}
	}
	return nil
}

// limits returns those that hold for a client: the prescriber's win.
func (d *decision) limits(c *ClientState) Limits { return limitsOf(d.State, c) }

func limitsOf(s *State, c *ClientState) Limits {
	if c.Order.Limits != nil {
		return *c.Order.Limits
	}
	return s.Settings.Limits
}

// level says how a reading stands to the limits. "Block" means above them
// [19], the alarm at or above [CLINICAL.md, Alarms].
func level(l Limits, a RecordVitals) string {
	switch {
	case a.Systolic >= l.AlarmSystolic || a.Diastolic >= l.AlarmDiastolic:
		return "alarm"
	case a.Systolic > l.BlockSystolic || a.Diastolic > l.BlockDiastolic || a.HeartRate > l.BlockHeartRate:
		return "block"
	case a.Systolic > l.CautionSystolic || a.Diastolic > l.CautionDiastolic:
		return "caution"
	}
	return "ok"
}

func (d *decision) recordVitals(a RecordVitals) error {
	switch {
	case a.Systolic < 40 || a.Systolic > 300 || a.Diastolic < 20 || a.Diastolic > 200 || a.Diastolic >= a.Systolic:
		return refuse(BadValue, "Please check the blood pressure: the upper number first (40 to 300), then the lower one (20 to 200).")
	case a.HeartRate != 0 && (a.HeartRate < 20 || a.HeartRate > 250):
		return refuse(BadValue, "Please check the heart rate: 20 to 250 beats a minute, or leave it empty.")
	case a.SpO2 != 0 && (a.SpO2 < 50 || a.SpO2 > 100):
		return refuse(BadValue, "Please check the oxygen saturation: 50 to 100 per cent, or leave it empty.")
	}
	at, r := d.reported(a.At)
	if r != nil {
		return r
	}
	c := d.Client(a.Client)
	lvl := level(d.limits(c), a)
	fact := VitalsRecorded{Client: a.Client, Vitals: Vitals{At: at, Systolic: a.Systolic, Diastolic: a.Diastolic,
		HeartRate: a.HeartRate, SpO2: a.SpO2, Source: a.Source, By: d.cmd.Seat, Level: lvl}}
	newest := len(c.Vitals) == 0 || !at.Before(c.Vitals[len(c.Vitals)-1].At)
	switch {
	case !newest: // what is to be measured again still is
		fact.Remeasure = d.pending(DueRemeasure, a.Client)
	case lvl == "alarm":
		fact.Remeasure = d.now.Add(d.Settings.RemeasureAfter.D())
	}
	d.emitAt(at, fact)
	if !newest {
		return nil // an older reading is kept, and changes nothing now
	}
	d.over(VitalsMissed, a.Client, "", "measured")
	if lvl == "alarm" {
		d.raiseAnew(VitalsHigh, a.Client, "", at, d.now, "")
	} else {
		d.over(VitalsHigh, a.Client, "", "measured again: lower")
	}
	switch {
	case c.Phase == ReleaseCheck:
		d.vitalsCriterion(c, a, lvl)
	case !c.Phase.Ended() && c.Phase != Integrating:
		d.vitalsGate(c, a, lvl)
	}
	return nil
}

func (d *decision) vitalsGate(c *ClientState, a RecordVitals, lvl string) {
	reading := fmt.Sprintf("%d/%d, heart rate %d", a.Systolic, a.Diastolic, a.HeartRate)
	switch {
	case lvl == "block" || lvl == "alarm":
		d.reopen(c, GateVitals, reading+" is above the limits")
	case a.HeartRate == 0:
		if !c.passed(GateVitals) {
			d.reopen(c, GateVitals, "the heart rate is missing")
		}
	default:
		values := map[string]string{"systolic": strconv.Itoa(a.Systolic), "diastolic": strconv.Itoa(a.Diastolic), "heart_rate": strconv.Itoa(a.HeartRate)}
		if lvl == "caution" {
			values["caution"] = "above the caution limit: consider waiting"
		}
		d.pass(c, GateVitals, values)
	}
}

// vitalsCriterion compares a reading in the release check with the last one
// before the first dose [32]: near it is both ways, because a pressure that has
// fallen far is a client who falls when they stand up. Without such a reading
// only the caution limit is there to compare with.
func (d *decision) vitalsCriterion(c *ClientState, a RecordVitals, lvl string) {
	l := d.limits(c)
	base := "the caution limit, as there is no reading from before the dose"
	far := a.Systolic > l.CautionSystolic || a.Diastolic > l.CautionDiastolic
	fast := a.HeartRate > l.BlockHeartRate
	if b, ok := c.baseline(); ok {
		away := func(is, was int) bool { return is-was > l.BaselineSpan || was-is > l.BaselineSpan }
		base = Vitals{Systolic: b.Systolic, Diastolic: b.Diastolic, HeartRate: b.HeartRate}.Words() + " before the dose"
		far = away(a.Systolic, b.Systolic) || away(a.Diastolic, b.Diastolic)
		if b.HeartRate > 0 {
			fast = away(a.HeartRate, b.HeartRate) // [J]: the same span for the heart rate
		}
	}
	why := ""
	switch {
	case lvl == "alarm": // however high it was before
		why = fmt.Sprintf("%d/%d is very high", a.Systolic, a.Diastolic)
	case far || a.HeartRate > 0 && fast:
		why = fmt.Sprintf("%s is not near %s", Vitals{Systolic: a.Systolic, Diastolic: a.Diastolic, HeartRate: a.HeartRate}.Words(), base)
	case a.HeartRate == 0:
		why = "the heart rate is missing"
	}
	if why != "" {
		d.emit(CriterionReopened{c.Seat, CriterionVitals, why})
		return
	}
	d.emit(CriterionSettled{c.Seat, CriterionVitals, map[string]string{"reading": fmt.Sprintf("%d/%d, heart rate %d", a.Systolic, a.Diastolic, a.HeartRate)}})
}

// baseline is the last reading before the first dose.
func (c *ClientState) baseline() (Vitals, bool) {
	for _, v := range slices.Backward(c.Vitals) {
		if c.Windows.T0.IsZero() || v.At.Before(c.Windows.T0) {
			return v, true
		}
	}
	return Vitals{}, false
}

func (d *decision) recordSideEffect(a RecordSideEffect) error {
	c := d.Client(a.Client)
	if len(c.SideEffects) >= 200 {
		return refuse(BadValue, "Two hundred side effects are recorded: please write further ones as notes.")
	}
	return d.recordAt(a.At, a.Kind, SideEffectRecorded{a.Client, fmt.Sprintf("e%d", len(c.SideEffects)+1), a.Kind, a.Note})
}

func (d *decision) resolveSideEffect(a ResolveSideEffect) error {
	for _, e := range d.Client(a.Client).SideEffects {
		if e.ID == a.ID {
			if e.Resolved != nil {
				return nil
			}
			at, r := d.reported(a.At)
			if r != nil {
				return r
			}
			if at.Before(e.Onset) {
				return refuse(BadValue, "It cannot have ended before it began.")
			}
			d.emitAt(at, SideEffectResolved{a.Client, a.ID, a.Action})
			return nil
		}
	}
	return refuse(NoSuchThing, "There is no such side effect in the record.")
}

func (d *decision) rate(a Rate) error {
	top, ok := map[string]int{"moaas": 5, "dissociation": 4}[a.Scale]
	if !ok || a.Value < 0 || a.Value > top {
		return refuse(BadValue, "MOAA/S runs from 0 to 5, dissociation from 0 to 4.")
	}
	return d.recordAt(a.At, a.Scale, RatingRecorded{a.Client, a.Scale, a.Value})
}

func (d *decision) checkIn(a CheckIn) error {
	at, r := d.reported(a.At)
	if r != nil {
		return r
	}
	for _, c := range d.Clients {
		if a.Client != "" && a.Client != c.Seat || c.Phase.Ended() {
			continue
		}
		next := time.Time{}
		if c.Phase.Dosed() {
			next = at.Add(d.Settings.CheckInEvery.D())
			if c.CheckIn.Due.After(next) {
				next = c.CheckIn.Due // a report that came late does not bring the next one forward
			}
		}
		d.emitAt(at, CheckInDone{c.Seat, next})
		if next.IsZero() || next.After(d.now) {
			d.over(CheckInMissed, c.Seat, "", "looked in")
		}
	}
	if len(d.events) == 0 {
		return refuse(NotNow, "The visit has ended: there is nobody left to look in on.")
	}
	return nil
}
