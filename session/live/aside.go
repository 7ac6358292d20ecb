package live

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"belay/session"
)

// While the store fails, a session goes on aside: from what this node knows, and
// without the log. Facts from the room are noted in the node's journal and folded
// into a state of its own, from which the screens are shown and the clock raises its
// alarms. When the store is back the state aside is thrown away: what was noted is
// decided again for the log, in its order and with its time, and then the deadlines.
//
// So there is one log and never two truths: what is shown meanwhile is called noted,
// and nothing in it allows anything.

// writesWithin is how long an append may take where facts can be noted instead.
const writesWithin = 3 * time.Second

// patience bounds one append.
func (a *actor) patience() (context.Context, context.CancelFunc) {
	switch {
	case a.all.opts.Journal == nil:
		return a.all.base, func() {}
	case a.aside != nil:
		return context.WithTimeout(a.all.base, retryEvery)
	}
	return context.WithTimeout(a.all.base, writesWithin)
}

// shown is the state that screens see.
func (a *actor) shown() *session.State {
	if a.aside != nil {
		return a.aside
	}
	return a.st
}

// stepAside begins the state aside, where there is a journal to note in.
func (a *actor) stepAside() bool {
	if a.all.opts.Journal == nil || a.st == nil || a.st.Seq == 0 || a.newer != nil {
		return false
	}
	if a.aside == nil {
		a.aside = a.st
		a.all.opts.Log.Warn("a session goes on without its log", "session", a.id, "seq", a.st.Seq)
		a.publish() // its actions are fewer now
	}
	return true
}

// note takes down a command that the store did not take, as far as that may be. It
// returns ErrNoted, a refusal, or why it is not recorded.
func (a *actor) note(c session.Command, why error) (uint64, error) {
	edge := c.Seat == session.Server && owes(c.Do)
	if edge {
		a.owe(c)
	}
	if !a.stepAside() {
		return 0, why
	}
	a.reachAside()
	noted := c.ID != "" && session.LatenessOf(session.FactName(c.Do)) == session.Noted
	if !edge && !noted {
		return 0, why
	}
	if seq, again := a.st.Done(c.Seat, c.ID); again {
		return seq, nil
	}
	if _, again := a.aside.Done(c.Seat, c.ID); again {
		return 0, ErrNoted
	}
	now := a.all.Now(a.aside)
	events, err := a.decideAside(c, now)
	if err != nil {
		return 0, err
	}
	if noted {
		if len(events) == 0 {
			return 0, nil // the rules see nothing in it
		}
		if err := a.all.opts.Journal.Note(a.all.base, a.id, encodeLate(c, now)); err != nil {
			a.all.opts.Log.Error("a fact could not be noted", "session", a.id, "err", err)
			return 0, errors.Join(why, err)
		}
		a.restless.Store(true)
	}
	a.foldAside(events)
	if noted {
		a.mu.Lock()
		a.tell()
		a.mu.Unlock()
		return 0, ErrNoted
	}
	return 0, why
}

func (a *actor) decideAside(c session.Command, now time.Time) (events []session.Event, err error) {
	err = a.guarded(session.FactName(c.Do), func() (err error) {
		events, err = session.Decide(a.aside, c, now)
		return err
	})
	return events, err
}

// foldAside shows what happened aside. Its chain leads nowhere.
func (a *actor) foldAside(events []session.Event) {
	if len(events) == 0 {
		return
	}
	_, next, err := a.link(a.aside, events)
	if err != nil {
		a.all.opts.Log.Error("what happened without the log can't be shown", "session", a.id, "err", err)
		return
	}
	a.aside = next
	a.publish()
}

// reachAside raises what is due, on the screens alone. It is decided for the log
// when the store is back, marked late.
func (a *actor) reachAside() {
	if !a.stepAside() {
		return
	}
	for range maxReaches {
		now := a.all.Now(a.aside)
		due, ok := session.NextDeadline(a.aside)
		if !ok || due.After(now) {
			return
		}
		events, err := a.decideAside(session.Command{Seat: session.Clock, Do: session.ReachDeadline{}}, now)
		if err != nil || len(events) == 0 {
			return
		}
		a.foldAside(events)
	}
}

// rejoin ends the state aside once the log has everything.
func (a *actor) rejoin() {
	if a.doubt != nil || a.waits() > 0 || a.failing() {
		return
	}
	if a.aside != nil {
		a.aside = nil
		a.all.opts.Log.Info("a session goes on with its log", "session", a.id, "seq", a.st.Seq)
		a.publish()
		a.mu.Lock()
		a.tell()
		a.mu.Unlock()
	}
	a.calm()
}

// calm says whether anything has to be tried again.
func (a *actor) calm() { a.restless.Store(len(a.owed) > 0 || a.aside != nil || a.waits() > 0) }

func (a *actor) failing() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.trouble != nil
}

const reasonAside = "Not now: the record can't be reached. What happens in the room is noted at this server."

// onlyNoted leaves a view those actions that are noted while the log can't be written.
func onlyNoted(v *session.View) {
	for i := range v.Actions {
		if act := &v.Actions[i]; act.Allowed && session.LatenessOf(act.Act) != session.Noted {
			act.Allowed, act.Primary, act.Needs, act.Reason = false, false, "", reasonAside
		}
	}
}

// letGo settles an append in doubt whose command is not done late. Its sender was
// told that it is not recorded, perhaps long ago: it is looked for, and not sent
// again. Where it still comes, the next append meets it as a conflict.
func (a *actor) letGo(w *attempt) error {
	records, err := a.all.opts.Store.Read(a.all.base, a.id, a.st.Seq)
	if err != nil {
		return a.fails(err)
	}
	a.doubt = nil
	if len(records) == 0 {
		a.all.opts.Log.Warn("a command in doubt was not recorded, and is not done late", "session", a.id, "seq", w.next.Seq)
		return nil
	}
	return a.catchUp()
}

// keptAct reports whether a cause is of a command that is not done late.
func keptAct(cause []byte) bool {
	if cause == nil {
		return false
	}
	var l lateCommand
	return json.Unmarshal(cause, &l) == nil && session.LatenessOf(l.Act) == session.Kept
}
