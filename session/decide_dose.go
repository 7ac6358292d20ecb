package session

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

func (c *ClientState) taken() (mg float64) {
	for _, dose := range c.Doses {
		mg += dose.Mg
	}
	return mg
}

// authorize allows one dose. Every open gate is named at once, so that the
// therapist sees all that is missing.
func (d *decision) authorize(a AuthorizeDose) error {
	c := d.Client(a.Client)
	next := len(c.Doses) + 1
	switch {
	case a.Number != next:
		return refuse(BadValue, "The next dose is number %d, not %d.", next, a.Number)
	case !(a.Mg > 0) || a.Tablets < 1 || a.Tablets > 10: // so that NaN is refused too
		return refuse(BadValue, "A dose has an amount in mg and 1 to 10 tablets.")
	case next == 1 && c.Phase.Dosed(), next > 1 && !c.Phase.Dosed():
		return refuse(NotNow, "%s", notInPhase("AuthorizeDose", c.Phase))
	}
	if r := c.withinOrder(a, d.now); r != nil {
		return r
	}
	if _, missing := c.openGates(); len(missing) > 0 {
		r := refuse(GatesOpen, "Not authorised: %d of %d checks are open. Settle each, or override it with a reason.", len(missing), len(Gates))
		r.Missing = missing
		return r
	}
	if c.PictureLost != (time.Time{}) && c.Gates[GateCamera].State != "overridden" {
		return refuse(GatesOpen, "Not authorised: there is no picture of the client now.")
	}
	lapses := d.now.Add(d.Settings.AuthorizationFor.D())
	if _, to := c.boosterWindow(); a.Number > 1 && to.Before(lapses) {
		lapses = to // what may not be authorised any more may not be taken either
	}
	d.emit(DoseAuthorized{Client: a.Client, Number: a.Number, Mg: a.Mg, Tablets: a.Tablets, Lapses: lapses})
	if c.Phase == CheckingIn {
		d.move(c, Ready, "")
	}
	return nil
}

// withinOrder says what of a dose at a time is beyond the prescription, or nil.
func (c *ClientState) withinOrder(a AuthorizeDose, at time.Time) *Refusal {
	o := c.Order
	switch {
	case a.Number == 1 && a.Mg > o.DoseMg:
		return refuse(BeyondOrder, "%g mg is more than the %g mg that are prescribed for the first dose.", a.Mg, o.DoseMg)
	case c.taken()+a.Mg > o.TotalMg:
		return refuse(BeyondOrder, "With %g mg the total would be %g mg; %g mg are prescribed.", a.Mg, c.taken()+a.Mg, o.TotalMg)
	case a.Number == 1:
		return nil
	case o.BoosterTo == 0:
		return refuse(BeyondOrder, "No second dose is prescribed.")
	}
	if from, to := c.boosterWindow(); at.Before(from) || !at.Before(to) {
		return refuse(BeyondOrder, "A second dose is prescribed only between T+%d and T+%d minutes.", int(o.BoosterFrom/60), int(o.BoosterTo/60))
	}
	return nil
}

// boosterWindow is when a second dose is prescribed: from the first time on, before the second.
func (c *ClientState) boosterWindow() (from, to time.Time) {
	return c.Windows.T0.Add(c.Order.BoosterFrom.D()), c.Windows.T0.Add(c.Order.BoosterTo.D())
}

// correctOrder corrects what was entered of the prescription. Nothing has been taken
// on it yet; from the first dose on the order is what that dose was measured by.
func (d *decision) correctOrder(a CorrectOrder) error {
	if r := needs(a.Reason, "A correction of the order needs a reason. Both stay in the record."); r != nil {
		return r
	}
	if r := a.Order.validate(); r != nil {
		return r
	}
	c := d.Client(a.Client)
	was, before := c.Order, limitsOf(d.State, c)
	if orderChanges(was, a.Order) == "" {
		return refuse(AlreadySo, "The order is like this already.")
	}
	d.emit(OrderCorrected{Client: a.Client, Order: a.Order, Was: was, Reason: a.Reason})
	rests := []GateID{GatePrescription}
	if limitsOf(d.State, c) != before {
		rests = append(rests, GateVitals)
	}
	if was.Conditions != a.Order.Conditions {
		rests = append(rests, GateContraindications)
	}
	for _, id := range rests {
		if c.passed(id) {
			d.reopen(c, id, "the order was corrected")
		}
	}
	if c.Auth != nil && c.Auth.Ended == "" { // also where nobody had checked it against the order
		d.emit(AuthorizationEnded{Client: a.Client, Number: c.Auth.Number, Why: "the order was corrected"})
	}
	return nil
}

func (d *decision) withdraw(a WithdrawAuthorization) error {
	c := d.Client(a.Client)
	if c.Auth == nil || c.Auth.Ended != "" {
		return refuse(AlreadySo, "No dose is authorised.")
	}
	why := withdrawn
	if a.Reason != "" {
		why += ": " + a.Reason
	}
	d.emit(AuthorizationEnded{Client: a.Client, Number: c.Auth.Number, Why: why})
	return nil
}

// Why an authorisation ended.
const (
	withdrawn = "withdrawn"
	lapsed    = "it lapsed"
)

const swallowed = " If it has already been swallowed, the therapist records that with “It has already been swallowed”."

// authorized says why a dose may not be recorded as authorised now, or nil.
func (c *ClientState) authorized(number int, now time.Time) *Refusal {
	switch {
	case c.Auth == nil:
		return refuse(NotAuthorized, "No dose is authorised.%s", swallowed)
	case c.Auth.Ended != "":
		why := c.Auth.Ended
		if strings.HasPrefix(why, withdrawn) {
			why = withdrawn // the reason is the therapist's: the client reads this too
		}
		return refuse(NotAuthorized, "The dose is no longer authorised: %s.%s", why, swallowed)
	case !now.Before(c.Auth.Lapses):
		return refuse(NotAuthorized, "The authorisation has lapsed. Please authorise again.%s", swallowed)
	case c.Auth.Number != number:
		return refuse(NotAuthorized, "Dose %d is authorised, not dose %d.", c.Auth.Number, number)
	}
	if _, missing := c.openGates(); len(missing) > 0 {
		r := refuse(GatesOpen, "A check is open again.%s", swallowed)
		r.Missing = missing
		return r
	}
	return nil
}

// recordDose is either tap. The other side's tap for the same number is the witness.
func (d *decision) recordDose(a RecordDose) error {
	c := d.Client(a.Client)
	if a.Number >= 1 && a.Number <= len(c.Doses) {
		dose := c.Doses[a.Number-1]
		if dose.WitnessedBy == "" && isTherapist(d.role(dose.By)) != isTherapist(d.role(d.cmd.Seat)) {
			d.emit(DoseWitnessed(a))
		}
		return nil
	}
	if r := d.authorizedThen(c, a.Number); r != nil {
		return r
	}
	d.take(c, d.happened(), DoseRecorded{Client: a.Client, Number: a.Number, Mg: c.Auth.Mg, Tablets: c.Auth.Tablets})
	return nil
}

// recordSwallowed records what has already happened, past every gate, and
// raises a high alarm. Gates stop an action, never a fact.
func (d *decision) recordSwallowed(a RecordSwallowed) error {
	if r := needs(a.Reason, "Please write one sentence: how it came about."); r != nil {
		return r
	}
	if !(a.Mg > 0) || a.Mg > 5000 || a.Tablets < 0 || a.Tablets > 40 {
		return refuse(BadValue, "Please check amount and tablets.")
	}
	at, r := d.reported(&a.At)
	if r != nil {
		return r
	}
	c := d.Client(a.Client)
	open, _ := c.openGates()
	d.take(c, at, DoseRecorded{Client: a.Client, Number: len(c.Doses) + 1, Mg: a.Mg, Tablets: max(a.Tablets, 1),
		PastGates: true, OpenGates: open, Reason: a.Reason})
	d.raiseAnew(TakenPastGates, a.Client, "", d.now, d.now, a.Reason)
	return nil
}

// take records a dose, moves the phase and begins the watch over whoever is missing.
func (d *decision) take(c *ClientState, at time.Time, f DoseRecorded) {
	f.Windows = d.windows(append(slices.Clone(c.Doses), Dose{Number: f.Number, At: at, Mg: f.Mg, Tablets: f.Tablets}))
	if f.CheckIn = c.CheckIn.Due; f.CheckIn.IsZero() {
		f.CheckIn = f.Windows.T0.Add(d.Settings.CheckInEvery.D())
		for _, later := range []time.Time{c.CheckIn.Last, at} { // a dose after the visit had ended begins a round of its own
			if next := later.Add(d.Settings.CheckInEvery.D()); next.After(f.CheckIn) {
				f.CheckIn = next
			}
		}
	}
	reason := ""
	if f.PastGates {
		reason = "taken past open checks"
	}
	again := c.Phase == Integrating || c.Phase == ReleaseCheck || c.Phase.Ended()
	if again { // the visit goes back before the windows are set, so that each is watched again
		d.moveAt(at, c, Absorbing, reason)
	}
	d.emitAt(at, f)
	if c.Phase != Absorbing && c.Phase != Active {
		d.moveAt(at, c, Absorbing, reason)
	}
	d.over(NotReleased, c.Seat, "", "a further dose was taken")
	if again {
		d.outOfDate(c)
		if !c.Windows.Overdue.After(d.now) {
			d.raise(ActiveOverdue, c.Seat, "", c.Windows.Overdue, d.now, "")
		}
		if !c.Windows.ReleaseBy.After(d.now) {
			d.raise(NotReleased, c.Seat, "", c.Windows.ReleaseBy, d.now, "")
		}
	}
	d.survey(c)
}

// outOfDate opens the release criteria that a further dose makes untrue.
func (d *decision) outOfDate(c *ClientState) {
	for _, id := range []CriterionID{CriterionAlert, CriterionWalks, CriterionNausea, CriterionVitals, CriterionChaperone} {
		if c.Criteria[id].State == "passed" {
			d.emit(CriterionReopened{c.Seat, id, "a further dose was taken"})
		}
	}
}

// windows computes every time that follows from the doses. Tablets are held one
// after the other [23]; the release minimum counts from the last dose [28].
func (d *decision) windows(doses []Dose) Windows {
	byTime := slices.Clone(doses)
	slices.SortStableFunc(byTime, func(a, b Dose) int { return a.At.Compare(b.At) })
	set := d.Settings
	w := Windows{T0: byTime[0].At}
	for _, dose := range byTime {
		if dose.At.After(w.HoldEnds) {
			w.HoldEnds = dose.At
		}
		w.HoldEnds = w.HoldEnds.Add(time.Duration(dose.Tablets) * set.HoldPerTablet.D())
	}
	last := byTime[len(byTime)-1].At
	w.Offered, w.Overdue = w.T0.Add(set.WindowFrom.D()), w.T0.Add(set.WindowTo.D())
	w.VitalsDue, w.PlannedEnd = w.T0.Add(set.VitalsAt.D()), w.T0.Add(set.PlannedEnd.D())
	w.ReleaseFrom = last.Add(set.ReleaseMinimum.D())
	w.ReleaseBy = w.ReleaseFrom.Add(set.ReleaseOverdue.D())
	return w
}

func (d *decision) correctDose(a CorrectDose) error {
	c := d.Client(a.Client)
	if a.Number < 1 || a.Number > len(c.Doses) {
		return refuse(NoSuchThing, "There is no dose %d to correct.", a.Number)
	}
	if r := needs(a.Reason, "A correction needs a reason. Both values stay in the record."); r != nil {
		return r
	}
	if !(a.Mg > 0) || a.Mg > 5000 || a.Tablets < 0 || a.Tablets > 10 {
		return refuse(BadValue, "Please check the amount: mg, in 1 to 10 tablets.")
	}
	at, r := d.reported(&a.At)
	if r != nil {
		return r
	}
	was := c.Doses[a.Number-1]
	tablets := cmp.Or(a.Tablets, was.Tablets)
	if at.Equal(was.At) && a.Mg == was.Mg && tablets == was.Tablets {
		return refuse(AlreadySo, "The dose is recorded like this already.")
	}
	doses := slices.Clone(c.Doses)
	doses[a.Number-1].At, doses[a.Number-1].Mg, doses[a.Number-1].Tablets = at, a.Mg, tablets
	old, w := c.Windows, d.windows(doses)
	checkIn := c.CheckIn.Due
	if !c.CheckIn.Last.After(c.Windows.T0) && !checkIn.IsZero() {
		checkIn = w.T0.Add(d.Settings.CheckInEvery.D())
	}
	corrected := DoseCorrected{Client: a.Client, Number: a.Number, Mg: a.Mg, WasAt: was.At, WasMg: was.Mg,
		Reason: a.Reason, Windows: w, CheckIn: checkIn}
	if tablets != was.Tablets {
		corrected.Tablets, corrected.WasTablets = tablets, was.Tablets
	}
	d.emitAt(at, corrected)
	if c.Auth != nil && c.Auth.Ended == "" { // total and window rest on what was corrected
		d.emit(AuthorizationEnded{Client: a.Client, Number: c.Auth.Number, Why: fmt.Sprintf("dose %d was corrected", a.Number)})
	}
	if vitals := d.standing(VitalsMissed, a.Client, ""); vitals != nil && vitals.Since.Equal(old.VitalsDue) && w.VitalsDue.After(d.now) {
		d.over(VitalsMissed, a.Client, "", "the dose time was corrected")
	}
	for _, ahead := range []struct {
		at   time.Time
		what Condition
	}{{w.Overdue, ActiveOverdue}, {w.ReleaseBy, NotReleased}, {checkIn, CheckInMissed}} {
		if ahead.at.After(d.now) {
			d.over(ahead.what, a.Client, "", "the dose time was corrected")
		}
	}
	return nil
}

func (d *decision) recordHold(a RecordHold) error {
	c := d.Client(a.Client)
	if a.Number < 1 || a.Number > len(c.Doses) {
		return refuse(NoSuchThing, "There is no dose %d.", a.Number)
	}
	if a.Outcome != "swallowed" && a.Outcome != "spat" {
		return refuse(BadValue, "After the hold the medicine was swallowed or spat out.")
	}
	if c.Doses[a.Number-1].Outcome != a.Outcome {
		d.emit(HoldRecorded(a))
	}
	return nil
}

func (d *decision) markReturning(a MarkReturning) error {
	c := d.Client(a.Client)
	if d.now.Before(c.Windows.Offered) {
		if r := needs(a.Reason, fmt.Sprintf("Before T+%d only with a reason.", int(d.Settings.WindowFrom/60))); r != nil {
			return r
		}
	}
	if c.Auth != nil && c.Auth.Ended == "" {
		d.emit(AuthorizationEnded{Client: a.Client, Number: c.Auth.Number, Why: "the client is returning"})
	}
	d.move(c, Integrating, a.Reason)
	d.over(ActiveOverdue, a.Client, "", "returning")
	d.over(GateReopenedAfter, a.Client, "", "returning: no further dose") // no check can be settled from here on
	return nil
}
