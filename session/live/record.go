package live

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"belay/session"
	"belay/session/store"
)

const (
	maxConflicts = 8  // then somebody else writes all the time
	maxReaches   = 64 // rounds of deadlines at one moment
)

var (
	errContended = errors.New("another writer was always first")
	errRules     = errors.New("the rules failed")
)

// do decides one command, after everything that was due before it.
func (a *actor) do(c session.Command) (uint64, error) {
	if _, ok := c.Do.(session.CreateSession); ok {
		return 0, fmt.Errorf("session %s: only Create begins a session", a.id)
	}
	if a.aside != nil {
		return a.note(c, ErrNotRecorded)
	}
	seq, err := a.doNow(c)
	if errors.Is(err, ErrNotRecorded) && a.st != nil {
		a.arm() // whatever it was that failed: perhaps nothing of the command's was tried yet
		return a.note(c, err)
	}
	return seq, err
}

// owe keeps a fact of the edge until the store takes it.
func (a *actor) owe(c session.Command) {
	if len(a.owed) == maxOwed {
		a.owed, a.missed = a.owed[1:], a.missed+1
	}
	a.owed = append(a.owed, c)
	a.arm()
}

// owes reports whether an act is a fact of the edge that must not be lost
// because the store could not take it at that moment.
func owes(act session.Act) bool {
	switch act.(type) {
	case session.JoinPeer, session.LosePeer, session.ReportPicture, session.ReportSound, session.ReportVoice:
		return true
	}
	return false
}

func (a *actor) doNow(c session.Command) (uint64, error) {
	if err := a.ready(); err != nil {
		return 0, err
	}
	if err := a.reenter(); err != nil {
		return 0, err
	}
	if err := a.pay(); err != nil {
		return 0, err
	}
	if err := a.reach(); errors.Is(err, ErrNotRecorded) {
		return 0, err // else the clock's rules failed: that must not keep a fact out of the record
	}
	a.rejoin()
	seq, err := a.commit(c)
	a.arm()
	return seq, err
}

// create begins the log.
func (a *actor) create(c session.Command) error {
	switch err := a.ready(); {
	case err == nil:
		if _, again := a.st.Done(c.Seat, c.ID); again {
			return nil
		}
	case !errors.Is(err, ErrUnknown):
		return err
	default:
		a.st = &session.State{ID: a.id}
	}
	_, err := a.commit(c)
	if a.st.Seq == 0 && a.doubt == nil {
		a.st = nil
		a.restless.Store(false)
		return err
	}
	a.loaded.Store(true)
	a.arm()
	return err
}

// tick is the agenda's: whatever is in doubt, owed or due. seq is the head that
// the store named, 0 where it was not asked.
func (a *actor) tick(seq uint64) error {
	defer a.arm()
	err := a.tickNow(seq)
	if errors.Is(err, ErrNotRecorded) {
		a.reachAside()
	}
	return err
}

func (a *actor) tickNow(seq uint64) error {
	if err := a.ready(); err != nil {
		return err
	}
	if seq > a.st.Seq {
		if err := a.catchUp(); err != nil {
			return err
		}
		a.publish()
	}
	if err := a.reenter(); err != nil {
		return err
	}
	if err := a.pay(); err != nil {
		return err
	}
	if err := a.reach(); err != nil {
		return err
	}
	a.rejoin()
	if !a.restless.Load() {
		return nil
	}
	// Nothing is left to write: ask the store whether it would.
	err := a.append(nil, a.st, nil, nil)
	if conflict := (*store.ConflictError)(nil); errors.As(err, &conflict) { // it would, and another has written meanwhile
		if err = a.catchUp(); err == nil {
			a.works()
			a.publish()
		}
	}
	if err == nil {
		a.rejoin()
	}
	return err
}

// declareLost ends every presence that the log knows at a process that is over.
func (a *actor) declareLost(now time.Time) error {
	if err := a.ready(); err != nil {
		return err
	}
	for _, seat := range a.st.Seats {
		p := a.st.Presence[seat.ID]
		if p.Conn == "" {
			continue
		}
		heard, lapsed := a.all.lapsed(p.Node)
		if !lapsed {
			continue
		}
		// Nobody knows when it was heard last: then it counts as heard until now. Where
		// that is known, what others did since makes it no later.
		earliest := p.Since
		if heard.IsZero() {
			heard, earliest = now, a.st.Recorded
		}
		last := session.Instant(a.st.Pace.Of(a.all.Wall(a.id, heard)))
		if last.Before(earliest) {
			last = earliest
		}
		lost := session.LosePeer{Seat: seat.ID, Lost: p.Conn, Heard: last, Restart: true}
		_, err := a.do(session.Command{ID: "lose-" + p.Conn, Seat: session.Server, Conn: p.Conn, Do: lost})
		if refusal := (*session.Refusal)(nil); err != nil && !errors.As(err, &refusal) {
			return err
		}
	}
	return nil
}

// pay sends again what the edge reported while the store failed.
func (a *actor) pay() error {
	for len(a.owed) > 0 {
		_, err := a.commit(a.owed[0])
		if errors.Is(err, ErrNotRecorded) {
			return err
		}
		if a.owed = a.owed[1:]; len(a.owed) == 0 { // done, or refused: it is not so any more
			a.owed = nil
			a.calm()
		}
	}
	if a.missed > 0 {
		a.all.opts.Log.Error("facts about connections were lost while the store failed", "session", a.id, "count", a.missed)
		a.missed = 0
	}
	return nil
}

// reach decides every deadline up to now.
func (a *actor) reach() error {
	for range maxReaches {
		due, ok := session.NextDeadline(a.st)
		if !ok || due.After(a.all.Now(a.st)) {
			return nil
		}
		before := a.st
		seq, err := a.commit(session.Command{Seat: session.Clock, Do: session.ReachDeadline{}})
		if err != nil {
			return err
		}
		if seq == 0 && a.st != before {
			continue // another node was first
		}
		if seq == 0 {
			break
		}
		a.all.opts.Observer.Reached(a.all.Wall(a.id, a.all.wall()).Sub(a.st.Pace.Wall(due)))
	}
	a.all.opts.Log.Error("deadlines do not end", "session", a.id, "seq", a.st.Seq)
	a.restless.Store(true)
	return nil
}

// commit decides a command, appends its events and, once they are durable,
// takes over the state after them and publishes it. It returns the number of the
// last event: 0 when there is none.
func (a *actor) commit(c session.Command) (uint64, error) {
	return a.commitAs(c, a.decide, a.cause(c))
}

// commitAs is commit with another way to decide. cause is what a tail that was lost
// is decided from again.
func (a *actor) commitAs(c session.Command, decide func(session.Command) ([]session.Event, error), cause []byte) (uint64, error) {
	for range maxConflicts {
		events, err := decide(c)
		if len(events) == 0 && c.Seat != session.Clock && a.wasBehind() {
			continue // a refusal, or that nothing is to be done, comes from the newest state
		}
		if err != nil {
			return 0, err
		}
		if len(events) == 0 {
			seq, _ := a.st.Done(c.Seat, c.ID)
			return seq, nil
		}
		if len(events) > store.MaxRecords && c.Seat == session.Clock {
			events = events[:store.MaxRecords] // the others are due again
		}
		records, next, err := a.link(a.st, events)
		if err != nil {
			return 0, err
		}
		err = a.append(records, next, events, cause)
		var conflict *store.ConflictError
		if !errors.As(err, &conflict) {
			if err != nil {
				return 0, err
			}
			a.publish()
			return next.Seq, nil
		}
		if err := a.catchUp(); err != nil {
			return 0, err
		}
		a.publish()
	}
	return 0, a.fails(errContended)
}

// decide asks the rules.
func (a *actor) decide(c session.Command) (events []session.Event, err error) {
	err = a.guarded(session.FactName(c.Do), func() (err error) {
		events, err = session.Decide(a.st, c, a.all.Now(a.st))
		return err
	})
	return events, err
}

// link completes events and folds them into a copy of a state, which is not changed.
func (a *actor) link(st *session.State, events []session.Event) ([]store.Record, *session.State, error) {
	next, records := st, make([]store.Record, len(events))
	for i, e := range events {
		var salt [16]byte
		rand.Read(salt[:]) // never fails: see crypto/rand
		linked, raw, err := session.Link(e, next.Head, salt)
		if err == nil {
			err = a.guarded(session.FactName(e.Fact), func() (err error) {
				if i > 0 {
					return next.Apply(linked) // next is our own copy
				}
				next, err = session.Fold(next, linked)
				return err
			})
		}
		if err != nil {
			return nil, nil, fmt.Errorf("session %s, event %d: %w", a.id, e.Seq, err)
		}
		records[i] = store.Record{Seq: linked.Seq, Prev: linked.Prev, Hash: linked.Hash, Data: raw}
	}
	return records, next, nil
}

// append writes records, with the deadline and the summary of the state after
// them, and makes that the state. The error is a *store.ConflictError,
// ErrNotRecorded, or says that the batch can't be written to any store.
func (a *actor) append(records []store.Record, next *session.State, events []session.Event, cause []byte) error {
	var summary []byte
	err := a.guarded("Summarize", func() (err error) {
		summary, err = json.Marshal(summarize(next))
		return err
	})
	if err != nil {
		return fmt.Errorf("session %s: %w", a.id, err)
	}
	batch := store.Batch{
		Log: a.id, After: endOf(a.st),
		Records: records, Due: wallDue(next), Summary: summary, Cause: cause,
	}
	if err := batch.Validate(); err != nil {
		return err
	}
	return a.write(&attempt{batch: batch, next: next, events: events, kept: keptAct(cause)})
}

func (a *actor) write(w *attempt) error {
	answered := a.awaits()
	ctx, cancel := a.patience()
	err := a.all.opts.Store.Append(ctx, w.batch)
	cancel()
	answered()
	var conflict *store.ConflictError
	switch {
	case err == nil:
		a.st, a.doubt = w.next, nil
		a.stands(w.next)
		a.calm()
		a.works()
		a.all.opts.Observer.Recorded(w.events)
		return nil
	case errors.As(err, &conflict):
		a.answers()
		return conflict
	case errors.Is(err, store.ErrFull), errors.Is(err, store.ErrClosed):
		return a.fails(err) // nothing was written
	}
	if len(w.batch.Records) > 0 {
		a.doubt = w
	}
	return a.fails(err)
}

// settle sends the batch whose outcome is open again.
func (a *actor) settle() error {
	w := a.doubt
	if w == nil {
		return nil
	}
	if a.aside != nil && w.kept {
		return a.letGo(w)
	}
	err := a.write(w)
	var conflict *store.ConflictError
	switch {
	case err == nil:
		a.publish()
		return nil
	case !errors.As(err, &conflict):
		return err
	}
	a.doubt = nil
	if conflict.Have == w.batch.End() { // it had been written before
		a.st = w.next
		a.stands(w.next)
		a.calm()
		a.works()
		a.all.opts.Observer.Recorded(w.events)
		a.publish()
		return nil
	}
	if err := a.catchUp(); err != nil {
		return err
	}
	a.publish()
	return nil
}
