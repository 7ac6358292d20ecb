package session

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// rule returns the row of a condition. A session that was made by an earlier
// version has none for what that did not know: then the default counts, for nothing
// switches an alarm off.
func (s *State) rule(c Condition) (AlarmRule, bool) {
	for _, rules := range [][]AlarmRule{s.Settings.Alarms, defaultAlarms} {
		for _, r := range rules {
			if r.Condition == c {
				return r, true
			}
		}
	}
	return AlarmRule{}, false
}

var defaultAlarms = DefaultAlarms() // not changed

// standing returns the alarm whose condition still holds, or nil.
func (s *State) standing(c Condition, client, subject SeatID) *Alarm {
	for _, a := range s.Alarms {
		if a.Condition == c && a.Client == client && a.Subject == subject && a.Ended.IsZero() {
			return a
		}
	}
	return nil
}

func (s *State) watched(c Condition, client, subject SeatID) bool {
	return slices.ContainsFunc(s.Watches, func(w Watch) bool {
		return w.Condition == c && w.Client == client && w.Subject == subject
	})
}

// watch begins a condition that raises its alarm at the first rung of its
// ladder, counted from since, unless it ends before.
func (d *decision) watch(c Condition, client, subject SeatID, since time.Time) {
	rule, ok := d.rule(c)
	if !ok || d.watched(c, client, subject) || d.standing(c, client, subject) != nil {
		return
	}
	due := since.Add(rule.Ladder[0].After.D())
	if !due.After(d.now) {
		d.raise(c, client, subject, since, due, "")
		return
	}
	d.emitAt(since, WatchBegan{Watch{Condition: c, Client: client, Subject: subject, Since: since, Due: due}})
}

// raise raises an alarm whose condition began at since. One that stands already
// is not raised twice.
func (d *decision) raise(c Condition, client, subject SeatID, since, due time.Time, words string) {
	rule, ok := d.rule(c)
	if !ok || d.standing(c, client, subject) != nil {
		return
	}
	ladder := make([]DueRung, len(rule.Ladder))
	for i, r := range rule.Ladder {
		ladder[i] = DueRung{Due: since.Add(r.After.D()), Priority: r.Priority, Do: r.Do, UnlessAcked: r.UnlessAcked}
	}
	text := d.alarmWords(rule.Words, client, subject)
	if strings.TrimSpace(words) != "" {
		text += ": " + words
	}
	id := fmt.Sprintf("a%d", d.nextAlarm+1)
	d.emit(AlarmRaised{Alarm: id, Condition: c, Client: client, Subject: subject, Words: text, Since: since, Due: due,
		Late: d.late(due), Ladder: ladder, MayAck: rule.Acknowledge, MayClear: rule.Clear, ClientToo: rule.ClientToo})
	d.act(id, 0)
}

// raiseAnew raises an alarm that a person or a reading asks for. Where the same
// one stands acknowledged, and so silent, it ends and a new ladder begins.
func (d *decision) raiseAnew(c Condition, client, subject SeatID, since, due time.Time, words string) {
	if old := d.standing(c, client, subject); old != nil && !old.Acknowledged.IsZero() {
		d.emit(AlarmEnded{old.ID, "raised again"})
		d.emit(AlarmCleared{Alarm: old.ID})
	}
	d.raise(c, client, subject, since, due, words)
}

func (d *decision) alarmWords(words string, client, subject SeatID) string {
	chaperone, therapist := subject, subject
	if d.role(subject) != Chaperone && len(d.Chaperones) > 0 {
		chaperone = d.Chaperones[0].Seat
	}
	name := "The chaperone"
	if chaperone != "" {
		name = d.name(chaperone)
	}
	return strings.NewReplacer("{client}", d.name(client), "{chaperone}", name, "{therapist}", d.name(therapist)).Replace(words)
}

// act does what a rung says, besides what the fold shows of it.
func (d *decision) act(id string, rung int) {
	a := d.Alarm(id)
	for _, do := range a.Ladder[rung].Do {
		switch do {
		case DoCall:
			d.call(a.Client, id, false)
		case DoSit:
			if !d.therapistPresent() {
				for _, c := range d.Clients {
					if c.Phase.Dosed() {
						d.call(c.Seat, id, true)
						break
					}
				}
			}
		}
	}
}

// call puts a call on the screen of every chaperone who is here; where nobody
// is, on everybody's: somebody may pick the phone up. Who asks the therapist to come
// is not sent for by that: their screen says who knows of it.
func (d *decision) call(client SeatID, alarm string, sit bool) {
	except := SeatID("")
	if a := d.Alarm(alarm); a != nil && a.Condition == PleaseCome {
		except = a.Subject
	}
	here := slices.ContainsFunc(d.Chaperones, func(p *ChaperoneState) bool { return p.Seat != except && p.here() })
	for _, p := range d.Chaperones {
		if p.Seat == except || here && !p.here() {
			continue
		}
		if p.Call != nil {
			if sit && !p.Call.Sit {
				continue // a call to go in is not weakened to "sit with them"
			}
			if slices.Contains(p.Call.clients(), client) && p.Call.Sit == sit && !p.Call.answeredBefore(d.now.Add(-answerHolds)) {
				continue // called already
			}
		}
		d.emit(ChaperoneCalled{Chaperone: p.Seat, Client: client, Alarm: alarm, Sit: sit})
	}
}

// answerHolds is how long "I'm going" or "I'm with them" answers further calls
// too: after that the chaperone may have come out again without a tap [J].
const answerHolds = 2 * time.Minute

func (c *Call) answeredBefore(t time.Time) bool {
	last := c.Going
	if c.With.After(last) {
		last = c.With
	}
	return !last.IsZero() && last.Before(t)
}

// endSits takes "please sit with them" back once a therapist is there again.
func (d *decision) endSits() {
	for _, p := range d.Chaperones {
		if p.Call != nil && p.Call.Sit && p.Call.Going.IsZero() {
			d.emit(CallEnded{Chaperone: p.Seat, Why: "a therapist is connected again"})
		}
	}
}

// over ends a condition: its watch, and its alarm. A high alarm that nobody has
// acknowledged latches: it stays on the screens, ended, until somebody does.
func (d *decision) over(c Condition, client, subject SeatID, why string) {
	if d.watched(c, client, subject) {
		d.emit(WatchEnded{c, client, subject})
	}
	if a := d.standing(c, client, subject); a != nil {
		d.endAlarm(a, why)
	}
}

func (d *decision) endAlarm(a *Alarm, why string) {
	id, latched := a.ID, a.Priority == High && a.Acknowledged.IsZero()
	d.emit(AlarmEnded{id, why})
	if !latched {
		d.emit(AlarmCleared{Alarm: id})
	}
}

func (d *decision) askHelp(a AskHelp) error {
	d.emit(HelpAsked(a))
	if old := d.standing(HelpAskedFor, a.Client, ""); old != nil && old.Acknowledged.IsZero() {
		d.call(a.Client, old.ID, false) // it stands, loud, already; whoever is not on the way is called again
		return nil
	}
	d.raiseAnew(HelpAskedFor, a.Client, "", d.now, d.now, "")
	return nil
}

// raisable is which conditions a person may raise, by role.
var raisable = map[Role][]Condition{
	Therapist:   {Unresponsive, Breathing, ChestPain},
	CoTherapist: {Unresponsive, Breathing, ChestPain},
	Chaperone:   {PleaseLook, PleaseCome, Unresponsive, Breathing, ChestPain},
}

func (d *decision) raiseAlarm(a RaiseAlarm) error {
	role := d.role(d.cmd.Seat)
	if !slices.Contains(raisable[role], a.Condition) {
		return refuse(NotYourRole, "The alarm %q cannot be raised from here.", a.Condition)
	}
	subject := SeatID("")
	if role == Chaperone && (a.Condition == PleaseLook || a.Condition == PleaseCome) {
		subject = d.cmd.Seat
	}
	d.raiseAnew(a.Condition, a.Client, subject, d.now, d.now, a.Words)
	return nil
}

func (d *decision) showAlarm(a ShowAlarm) error {
	alarm := d.Alarm(a.Alarm)
	if alarm == nil || !alarm.Shown.IsZero() || !isTherapist(d.role(d.cmd.Seat)) {
		return nil // gone meanwhile, or known already: a page reports what it paints
	}
	d.emit(AlarmShown(a))
	return nil
}

func (d *decision) acknowledge(a AcknowledgeAlarm) error {
	alarm := d.Alarm(a.Alarm)
	switch {
	case alarm == nil:
		return refuse(NoSuchThing, "That alarm is over.")
	case !alarm.Acknowledged.IsZero():
		return nil
	}
	if r := d.staysLoud(alarm, a.Priority); r != nil {
		return r
	}
	d.silence(alarm)
	return nil
}

// staysLoud says why an alarm that somebody saw at a priority is not silenced by
// them, or nil.
func (d *decision) staysLoud(alarm *Alarm, seen Priority) *Refusal {
	switch {
	case seen.Rank() < Low.Rank():
		return refuse(BadValue, "Say at which priority the alarm was seen: low, medium or high.")
	case !slices.Contains(alarm.MayAck, d.role(d.cmd.Seat)):
		return refuse(NotYourRole, "The therapist acknowledges this alarm.")
	case alarm.Priority.Rank() > seen.Rank():
		return refuse(NotNow, "%s", stopped("More urgent since you looked, and not silenced: "+alarm.Words))
	}
	return nil
}

// acknowledgeAll silences what somebody has seen, as they have seen it. Where
// nothing of it is left to silence but what they may not, or have not seen like
// this, it says so.
func (d *decision) acknowledgeAll(a AcknowledgeAlarms) error {
	if len(a.Alarms) < 1 || len(a.Alarms) > MaxSeenAlarms {
		return refuse(BadValue, "Name 1 to %d alarms.", MaxSeenAlarms)
	}
	var left *Refusal
	for _, seen := range a.Alarms {
		alarm := d.Alarm(seen.Alarm)
		if alarm == nil || !alarm.Acknowledged.IsZero() {
			continue
		}
		if r := d.staysLoud(alarm, seen.Priority); r != nil {
			left = r
			continue
		}
		d.silence(alarm)
	}
	if len(d.events) == 0 && left != nil {
		return left
	}
	return nil
}

// silence acknowledges an alarm; one that is over goes.
func (d *decision) silence(alarm *Alarm) {
	id, ended := alarm.ID, !alarm.Ended.IsZero()
	d.emit(AlarmAcknowledged{id})
	if ended {
		d.emit(AlarmCleared{Alarm: id})
	}
}

func (d *decision) clearAlarm(a ClearAlarm) error {
	alarm := d.Alarm(a.Alarm)
	switch {
	case alarm == nil:
		return nil // over already
	case !slices.Contains(alarm.MayClear, d.role(d.cmd.Seat)):
		return refuse(NotNow, "This alarm ends by itself when what it is about ends. You can acknowledge it.")
	}
	if alarm.Acknowledged.IsZero() {
		d.emit(AlarmAcknowledged{a.Alarm})
	}
	d.emit(AlarmCleared(a))
	return nil
}

func (d *decision) callChaperone(a CallChaperone) error {
	if len(d.Chaperones) == 0 {
		return refuse(NoSuchThing, "There is no chaperone in this session. Use the emergency card.")
	}
	d.call(a.Client, "", false)
	for _, p := range d.Chaperones {
		if p.Call != nil && slices.Contains(p.Call.clients(), a.Client) && p.Call.Going.IsZero() && p.Call.With.IsZero() {
			d.watch(CallUnanswered, a.Client, p.Seat, p.Call.Since)
		}
	}
	return nil
}

func (d *decision) goIn() error {
	p := d.Chaperone(d.cmd.Seat)
	if p.Call == nil {
		return refuse(NotNow, "Nobody is calling you now.")
	}
	if p.Call.Going.IsZero() {
		d.emit(ChaperoneGoing{p.Seat})
		d.answered(p.Seat, p.Call.clients(), "going")
	}
	return nil
}

func (d *decision) beWith() error {
	p := d.Chaperone(d.cmd.Seat)
	if p.Call == nil {
		return refuse(NotNow, "Nobody is calling you now.")
	}
	if p.Call.With.IsZero() {
		d.emit(ChaperoneWithThem{p.Seat})
		d.answered(p.Seat, p.Call.clients(), "with them")
	}
	return nil
}

func (d *decision) reportBack(a ReportBack) error {
	p := d.Chaperone(d.cmd.Seat)
	if p.Call == nil {
		return refuse(NotNow, "Nobody is calling you now.")
	}
	clients, sit, with := p.Call.clients(), p.Call.Sit, !p.Call.With.IsZero()
	for _, client := range clients {
		d.emit(ChaperoneReported{p.Seat, client, a.Well, a.Words})
	}
	d.answered(p.Seat, clients, "answered")
	if a.Well && with {
		d.callOff(clients, sit, d.name(p.Seat)+" is there, and all is well")
	}
	if !a.Well {
		d.raiseAnew(PleaseCome, clients[0], p.Seat, d.now, d.now, a.Words)
	}
	return nil
}

// callOff takes the same call from the other chaperones' screens, once one of them has
// been with the clients. Whoever said "I'm going" tells how it is when they are there.
func (d *decision) callOff(clients []SeatID, sit bool, why string) {
	other := func(id SeatID) bool { return !slices.Contains(clients, id) }
	for _, p := range d.Chaperones {
		if c := p.Call; c != nil && c.Sit == sit && c.Going.IsZero() && c.With.IsZero() && !slices.ContainsFunc(c.clients(), other) {
			d.emit(CallEnded{Chaperone: p.Seat, Why: why})
			d.answered(p.Seat, clients, why)
		}
	}
}

// answered ends the watch over a call that a chaperone has taken up.
func (d *decision) answered(chaperone SeatID, clients []SeatID, how string) {
	for _, client := range clients {
		d.over(CallUnanswered, client, chaperone, how)
	}
}
