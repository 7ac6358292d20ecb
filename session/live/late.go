package live

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"belay/session"
)

// lateCommand is a command as it waits in the journal, to be decided for the log.
type lateCommand struct {
	ID   string          `json:"id"`
	Seat session.SeatID  `json:"seat"`
	Conn string          `json:"conn,omitempty"`
	Act  string          `json:"act"`
	Body json.RawMessage `json:"body"`
	At   time.Time       `json:"at"` // the session's time at which it was given
}

// date says by the session's clock when a command was given that is so old.
func (a *actor) date(c session.Command, age time.Duration) session.Command {
	if a.shown() == nil {
		a.visible() // what is wrong with it is said when the command is decided
	}
	if st := a.shown(); st != nil && !c.Undated {
		c.Given = a.all.Now(st).Add(-time.Duration(float64(age) * max(1, st.Pace.Rate)))
	}
	return c
}

// encodeLate keeps a command with the time at which it was given: now, unless it
// says another.
func encodeLate(c session.Command, now time.Time) []byte {
	at := now
	if !c.Given.IsZero() && c.Given.Before(now) {
		at = c.Given
	}
	body, err := json.Marshal(c.Do)
	if err == nil {
		body, err = json.Marshal(lateCommand{c.ID, c.Seat, c.Conn, session.FactName(c.Do), body, at})
	}
	if err != nil { // acts are made of what JSON has
		panic(fmt.Sprintf("encode %s: %v", session.FactName(c.Do), err))
	}
	return body
}

func decodeLate(raw []byte) (c session.Command, at time.Time, err error) {
	var l lateCommand
	if err := json.Unmarshal(raw, &l); err != nil {
		return c, at, err
	}
	do, err := session.DecodeAct(l.Act, l.Body)
	return session.Command{ID: l.ID, Seat: l.Seat, Conn: l.Conn, Do: do}, l.At, err
}

// cause is what a command is decided from again, should a failover lose what it led
// to; nil where no journal would keep it.
func (a *actor) cause(c session.Command) []byte {
	if a.all.opts.Journal == nil {
		return nil
	}
	return encodeLate(c, a.all.Now(a.st))
}

// waits returns how many entries of the journal are to be decided for this session.
// Any goroutine may ask.
func (a *actor) waits() int {
	if a.all.opts.Journal == nil {
		return 0
	}
	return max(0, a.all.opts.Journal.Waits(a.id)-int(a.stays.Load()))
}

// lateEntry is an entry of the journal, read.
type lateEntry struct {
	key uint64
	cmd session.Command
	at  time.Time
}

// reenter decides what waits in the journal for this session, in the order in which
// it was given. Each has its effect once, also where this process dies in between:
// its id is in the log then.
func (a *actor) reenter() error {
	if a.waits() == 0 {
		return nil
	}
	if err := a.asLogged(); err != nil {
		return err
	}
	for _, e := range a.late() {
		if e.cmd.Seat != session.Clock { // deadlines are decided anew
			decide := func(c session.Command) (events []session.Event, err error) {
				err = a.guarded(session.FactName(c.Do), func() (err error) {
					events, err = session.DecideLate(a.st, c, e.at, a.all.Now(a.st))
					return err
				})
				return events, err
			}
			_, err := a.commitAs(e.cmd, decide, encodeLate(e.cmd, e.at))
			switch {
			case errors.Is(err, ErrNotRecorded):
				return err
			case err != nil:
				a.sticks(e.key, err)
				continue
			}
		}
		if err := a.all.opts.Journal.Settled(a.id, e.key); err != nil {
			// It is decided, and decided again it has no effect.
			a.all.opts.Log.Error("the node's journal can't be written", "session", a.id, "err", err)
			return nil
		}
	}
	return nil
}

// asLogged makes sure that the state is that of the log. Where a failover lost a tail of
// it, the state still holds what waits to re-enter, and would take it for done.
func (a *actor) asLogged() error {
	h, err := a.all.opts.Store.Head(a.all.base, a.id)
	if err != nil {
		return a.fails(err)
	}
	if h.Position == endOf(a.st) {
		return nil
	}
	if err := a.catchUp(); err != nil {
		return err
	}
	a.publish()
	return nil
}

// late returns what waits, oldest first.
func (a *actor) late() (all []lateEntry) {
	entries, err := a.all.opts.Journal.Late(a.id)
	if err != nil {
		a.all.opts.Log.Error("the node's journal can't be read", "session", a.id, "err", err)
		return nil
	}
	for _, e := range entries {
		if a.stuck[e.Key] {
			continue
		}
		c, at, err := decodeLate(e.Entry)
		if err != nil {
			a.sticks(e.Key, err)
			continue
		}
		all = append(all, lateEntry{e.Key, c, at})
	}
	slices.SortStableFunc(all, func(x, y lateEntry) int { return cmp.Or(x.at.Compare(y.at), cmp.Compare(x.key, y.key)) })
	return all
}

// sticks leaves an entry in the journal that can't be decided, so that the others
// are not held up by it.
func (a *actor) sticks(key uint64, err error) {
	if a.stuck == nil {
		a.stuck = map[uint64]bool{}
	}
	a.stuck[key] = true
	a.stays.Store(int64(len(a.stuck)))
	a.all.opts.Log.Error("an entry of the node's journal can't be decided: it stays there", "session", a.id, "entry", key, "err", err)
}

// awaitLate has every session looked at for which entries wait or come to wait.
func (s *Sessions) awaitLate() {
	j := s.opts.Journal
	if j == nil {
		return
	}
	soon := func(log string) {
		if log != practiceLog {
			s.agenda.set(log, time.Now().Round(0))
		}
	}
	j.OnLate(soon)
	for _, log := range j.Waiting() {
		soon(log)
	}
}

const (
	othersMend = 2 * time.Second // the node that was told of a lost tail writes it back
	lookAgain  = 100 * time.Millisecond
)

// fallenBack looks whether the log is shorter than the state: a failover lost what
// another node had written and this one had read. It gives that node a moment to
// write it back, and else reads the log whole. It reports whether it did so.
func (a *actor) fallenBack() (bool, error) {
	for began := time.Now(); ; {
		h, err := a.all.opts.Store.Head(a.all.base, a.id)
		if err != nil {
			return false, a.fails(err)
		}
		if h.Position == endOf(a.st) || h.Seq > a.st.Seq {
			return false, nil
		}
		if time.Since(began) >= othersMend {
			break
		}
		select {
		case <-time.After(lookAgain):
		case <-a.all.base.Done():
			return false, a.fails(a.all.base.Err())
		}
	}
	a.all.opts.Log.Error("a session's log is shorter than it was: reading it whole", "session", a.id, "seq", a.st.Seq)
	return true, a.load()
}
