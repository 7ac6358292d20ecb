package session

import (
	"slices"
	"time"
)

func (d *decision) beginReleaseCheck(a BeginReleaseCheck) error {
	d.move(d.Client(a.Client), ReleaseCheck, "")
	d.raise(VitalsMissed, a.Client, "", d.now, d.now, "for the release")
	return nil
}

func (d *decision) settleCriterion(a SettleCriterion) error {
	row, ok := CriterionByID(a.Criterion)
	if !ok {
		return refuse(NoSuchThing, "There is no release criterion %q.", a.Criterion)
	}
	values, r := d.ticked(row.Title, row.By, row.Fields, a.Values)
	if r != nil {
		return r
	}
	if a.Criterion == CriterionIntegration {
		if r := d.integrationVisit(values["at"]); r != nil {
			return r
		}
	}
	d.emit(CriterionSettled{a.Client, a.Criterion, values})
	return nil
}

// integrationVisit checks that the visit lies within its days from now [16].
func (d *decision) integrationVisit(v string) *Refusal {
	at, err := time.Parse(time.RFC3339, v)
	if err != nil {
		return refuse(BadValue, "The integration visit needs a date and a time.")
	}
	from, to := d.now.Add(d.Settings.IntegrationFrom.D()), d.now.Add(d.Settings.IntegrationTo.D())
	if at.Before(from.Add(-12*time.Hour)) || at.After(to.Add(12*time.Hour)) { // a day's hours of leeway [J]
		return refuse(BadValue, "The integration visit belongs %d to %d hours after this one.",
			int(d.Settings.IntegrationFrom.D().Hours()), int(d.Settings.IntegrationTo.D().Hours()))
	}
	return nil
}

func (d *decision) reopenCriterion(a ReopenCriterion) error {
	c := d.Client(a.Client)
	if _, ok := CriterionByID(a.Criterion); !ok {
		return refuse(NoSuchThing, "There is no release criterion %q.", a.Criterion)
	}
	if r := needs(a.Reason, "Say why it is open again."); r != nil {
		return r
	}
	if c.Criteria[a.Criterion].State == "passed" {
		d.emit(CriterionReopened(a))
	}
	return nil
}

// unmet lists the release criteria that are not met now, in words.
func (c *ClientState) unmet(now time.Time) (missing []string) {
	for _, row := range Criteria {
		met := c.Criteria[row.ID].State == "passed"
		if row.ID == CriterionTime {
			met = !c.Windows.ReleaseFrom.IsZero() && !now.Before(c.Windows.ReleaseFrom)
		}
		if !met {
			missing = append(missing, row.Missing)
		}
	}
	return missing
}

func (d *decision) release(a Release) error {
	c := d.Client(a.Client)
	if missing := c.unmet(d.now); len(missing) > 0 {
		r := refuse(CriteriaOpen, "Not released: %d of %d criteria are open. An end without them is “End early”.", len(missing), len(Criteria))
		r.Missing = missing
		return r
	}
	for _, alarm := range d.Alarms {
		if alarm.Client == c.Seat && alarm.Priority == High && alarm.Acknowledged.IsZero() {
			return refuse(NotNow, "Not released: an alarm about %s is not acknowledged (%s).", d.name(c.Seat), alarm.Words)
		}
	}
	d.move(c, Closed, "")
	d.endClient(c.Seat, "released")
	return nil
}

func (d *decision) end(client SeatID, to Phase, reason string) error {
	if r := needs(reason, "Please write the reason: it stands in the record."); r != nil {
		return r
	}
	d.move(d.Client(client), to, reason)
	d.endClient(client, "the visit has ended")
	return nil
}

func (d *decision) cancel(a Cancel) error {
	if slices.ContainsFunc(d.Clients, func(c *ClientState) bool { return len(c.Doses) > 0 }) {
		return refuse(NotNow, "Somebody has taken a dose: there is no cancel any more. End early, or release.")
	}
	clients := []SeatID{a.Client}
	for _, c := range d.Clients {
		if a.All && c.Seat != a.Client && !c.Phase.Ended() {
			clients = append(clients, c.Seat)
		}
	}
	for _, client := range clients {
		if err := d.end(client, Cancelled, a.Reason); err != nil {
			return err
		}
	}
	return nil
}

// endClient ends what was watched for a client whose visit is over. High alarms
// that nobody acknowledged stay until somebody does.
func (d *decision) endClient(client SeatID, why string) {
	for _, w := range slices.Clone(d.Watches) {
		if w.Client == client || w.Client == "" && !d.dosed() {
			d.emit(WatchEnded{w.Condition, w.Client, w.Subject})
		}
	}
	for _, a := range slices.Clone(d.Alarms) {
		if a.Ended.IsZero() && (a.Client == client || a.Client == "" && d.allEnded()) {
			d.endAlarm(a, why)
		}
	}
	here := func(id SeatID) bool { c := d.Client(id); return c != nil && !c.Phase.Ended() }
	for _, p := range d.Chaperones {
		if p.Call != nil && !slices.ContainsFunc(p.Call.clients(), here) {
			d.emit(CallEnded{Chaperone: p.Seat, Why: why})
		}
	}
}

func (d *decision) enterCode(a EnterCode) error {
	if !cptCode.MatchString(a.CPT) {
		return refuse(BadValue, "A CPT code has five characters, for example 90837.")
	}
	d.emit(CodeEntered(a))
	return nil
}

func (d *decision) sign() error {
	for _, c := range d.Clients {
		if !c.Phase.Ended() {
			return refuse(NotNow, "The visit of %s has not ended: %s.", d.name(c.Seat), phaseWords[c.Phase])
		}
	}
	for _, a := range d.Alarms {
		if a.Priority == High && a.Acknowledged.IsZero() {
			return refuse(NotNow, "%s", stopped("An alarm is not acknowledged yet: "+a.Words))
		}
	}
	for _, a := range slices.Clone(d.Alarms) {
		if a.Ended.IsZero() {
			d.emit(AlarmEnded{a.ID, "the record was signed"})
		}
		d.emit(AlarmCleared{Alarm: a.ID})
	}
	for _, c := range d.Clients {
		if c.Phase == Closed {
			d.move(c, Signed, "")
		}
	}
	d.emit(SessionSigned{})
	return nil
}

func (d *decision) addendum(a AddAddendum) error {
	if d.SignedAt.IsZero() {
		return refuse(NotNow, "The record is not signed yet: write a note.")
	}
	if r := needs(a.Text, "The addendum is empty."); r != nil {
		return r
	}
	d.emit(AddendumAdded(a))
	return nil
}
