package session

import "time"

// How long a command may take from the tap to its decision [J]. A practice
// session's seconds pass faster than its people's.
const (
	onItsWay   = time.Second    // less is the way to the server: no second time in the record
	stillMeant = time.Minute    // an authorisation, a phase, an acknowledgement
	stillTold  = 24 * time.Hour // a fact: as far back as a person may report one
)

// dated takes over when a command was given, where that is the time of what it
// reports, and says why one is not done that comes too long after, or from a time
// that nobody knows. An authorisation that comes late is not wanted any more; a fact
// is still a fact; and whoever calls for help is never asked when.
func (d *decision) dated() *Refusal {
	c := d.cmd
	if c.Given.IsZero() && !c.Undated {
		return nil
	}
	age, waited := time.Duration(0), time.Duration(0) // by the session's clock, by the people's
	if !c.Given.IsZero() {
		age = d.now.Sub(c.Given)
		waited = time.Duration(float64(age) / max(1, d.Pace.Rate))
	}
	switch LatenessOf(FactName(c.Do)) {
	case Kept:
		if !saysWhen(c.Do) && (c.Undated || waited > stillMeant) {
			return refuse(NotNow, "This was on its way for too long and was not done. Please do it again where it is still wanted.")
		}
	case Noted:
		switch {
		case callsForHelp(c.Do):
			if waited >= onItsWay && age <= stillTold {
				d.at = Instant(c.Given)
			}
		case saysWhen(c.Do):
		case c.Undated, age > stillTold:
			return refuse(NeedsTime, "When was that? This device slept while it was on its way, so nothing was recorded. %s", whatThen(c.Do))
		case waited >= onItsWay:
			d.at = Instant(c.Given)
		}
	}
	return nil
}

func whatThen(do Act) string {
	if _, dose := do.(RecordDose); dose {
		return "If the dose has been swallowed, the therapist records it with its time: “It has already been swallowed”."
	}
	return "Please do it again if it is so now, or write it as a note with its time."
}

// callsForHelp reports whether an act asks for somebody: it counts whenever it comes.
func callsForHelp(do Act) bool {
	switch a := do.(type) {
	case AskHelp, RaiseAlarm, CallChaperone, AnnounceLeaving, OpenCard:
		return true
	case ReportBack:
		return !a.Well
	}
	return false
}

// saysWhen reports whether an act carries the time of what it reports.
func saysWhen(do Act) bool {
	var at *time.Time
	switch a := do.(type) {
	case RecordSwallowed:
		return true
	case RecordVitals:
		at = a.At
	case RecordSideEffect:
		at = a.At
	case ResolveSideEffect:
		at = a.At
	case Rate:
		at = a.At
	case RecordIntervention:
		at = a.At
	case WriteNote:
		at = a.Begun
	case CheckIn:
		at = a.At
	}
	return at != nil && !at.IsZero()
}
