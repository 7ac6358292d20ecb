package live

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"belay/session"
	"belay/session/store"
)

// actor owns the state of one session. Everything below "owned by run" is
// touched by its goroutine alone.
type actor struct {
	id    string
	all   *Sessions
	inbox chan func() // closed when nobody holds the actor
	ended chan struct{}

	holders int       // guarded by Sessions.mu
	used    time.Time // guarded by Sessions.mu; zero: by nobody but the clock

	loaded   atomic.Bool                    // it has a state
	restless atomic.Bool                    // it has something to try again: do not unload
	end      atomic.Pointer[store.Position] // where the log ends, as is known here
	catching atomic.Bool                    // it is about to look for newer ones
	heard    atomic.Uint64                  // the last event that a hint named
	stays    atomic.Int64                   // how many are stuck

	// Owned by run.
	st     *session.State    // nil: not loaded
	newer  error             // why the log is refused
	doubt  *attempt          // an append whose outcome is open
	owed   []session.Command // the edge's facts that the store did not take, oldest first
	missed int               // of them, how many did not fit
	aside  *session.State    // how the session goes on here while the store fails; nil: it does not
	stuck  map[uint64]bool   // entries of the journal that the rules can't decide

	mu       sync.Mutex // guards what follows, and is held while sinks are called
	attached []*attachment
	scene    scene     // what was shown last
	trouble  *Degraded // the store fails; nil: it does not
}

// scene is a state as screens see it. A state that was shown is not changed any more:
// Fold goes on from a copy. So it may be read from any goroutine, also while the actor
// waits for the disk.
type scene struct {
	st    *session.State // nil: none was shown yet
	aside bool           // the store fails: see aside
	at    time.Time      // when everybody was shown it; monotonic
}

// attachment is where views go, or where a watcher looks on.
type attachment struct {
	seat  session.SeatID
	sink  Sink
	watch func(*session.State)
	over  bool // detached, perhaps before the actor came to attach it; guarded by actor.mu
}

// attempt is an append, and the state after it.
type attempt struct {
	batch  store.Batch
	next   *session.State
	events []session.Event
	kept   bool // what it does is not done late: it authorises something, or moves a phase
}

const (
	inboxSize = 16
	maxOwed   = 1000
)

func newActor(s *Sessions, id string) *actor {
	return &actor{id: id, all: s, inbox: make(chan func(), inboxSize), ended: make(chan struct{})}
}

func (a *actor) run() {
	defer close(a.ended)
	for task := range a.inbox {
		task()
	}
}

// ask runs f in the actor's goroutine and returns its error. The caller holds a.
func (a *actor) ask(ctx context.Context, f func(*actor) error) error {
	answer := make(chan error, 1)
	select {
	case a.inbox <- func() { answer <- f(a) }:
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case err := <-answer:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// ready makes sure that a state is there and that no append is in doubt. With
// an error and a state, the state may be shown but not be decided upon.
func (a *actor) ready() error {
	if a.newer != nil {
		return a.newer
	}
	if a.st == nil {
		if err := a.load(); err != nil {
			return err
		}
	}
	return a.settle()
}

// visible makes sure that a state is there to be shown, also while the store fails.
func (a *actor) visible() error {
	if a.aside != nil {
		return nil
	}
	defer a.arm()
	switch err := a.ready(); {
	case a.st == nil:
		return err
	case a.st.Seq == 0: // begun, but its first append is in doubt
		return errors.Join(ErrUnknown, err)
	}
	return a.newer
}

// load replays the log.
func (a *actor) load() error {
	records, err := a.all.opts.Store.Read(a.all.base, a.id, 0)
	if err != nil {
		a.all.opts.Log.Error("a session could not be read", "session", a.id, "err", err)
		return errors.Join(ErrNotRecorded, err)
	}
	if len(records) == 0 {
		return ErrUnknown
	}
	events, err := decode(a.id, records)
	var st *session.State
	if err == nil {
		st, err = session.Replay(events)
	}
	if err != nil {
		a.refuse(err)
		a.loaded.Store(true) // keep the actor: the log is not read again for each call
		return err
	}
	a.st = st
	a.stands(st)
	a.loaded.Store(true)
	a.arm()
	return nil
}

// stands notes for others how far this session is.
func (a *actor) stands(st *session.State) {
	end := endOf(st)
	a.end.Store(&end)
}

// endOf is where the log of a state ends.
func endOf(st *session.State) store.Position { return store.Position{Seq: st.Seq, Hash: st.Head} }

// catchUp folds in what another writer appended.
func (a *actor) catchUp() error {
	records, err := a.all.opts.Store.Read(a.all.base, a.id, a.st.Seq)
	if err != nil {
		return a.fails(err)
	}
	if len(records) > 0 && records[0].Prev != a.st.Head {
		a.all.opts.Log.Error("a session's log is another one now: reading it whole", "session", a.id, "seq", a.st.Seq)
		return a.load()
	}
	if len(records) == 0 {
		if back, err := a.fallenBack(); back || err != nil {
			return err
		}
	}
	events, err := decode(a.id, records)
	if err == nil {
		next := a.st
		for _, e := range events {
			if next, err = session.Fold(next, e); err != nil {
				break
			}
		}
		if err == nil {
			a.st = next
			a.stands(next)
			return nil
		}
	}
	a.refuse(err)
	return err
}

// refuse has a log that can't be understood not be shown either.
func (a *actor) refuse(err error) {
	a.all.opts.Log.Error("a session is refused", "session", a.id, "err", err)
	a.newer = err
	a.mu.Lock()
	defer a.mu.Unlock()
	a.scene = scene{}
}

// arm tells the agenda when the session is next due.
func (a *actor) arm() {
	switch {
	case a.restless.Load():
		a.all.agenda.retry(a.id, a.all.wall().Add(retryEvery))
	case a.st != nil:
		a.all.Now(a.st) // where the log is ahead of the wall clock, its deadlines are too
		a.all.agenda.set(a.id, wallDue(a.st))
	}
}

// wallDue returns the time of the next deadline by the session's own clock at
// the pace of the wall, in whole milliseconds, never before it; zero: there is none.
func wallDue(st *session.State) time.Time {
	due, ok := session.NextDeadline(st)
	if !ok {
		return time.Time{}
	}
	wall := store.DueTime(store.DueMillis(st.Pace.Wall(due)))
	if session.Instant(st.Pace.Of(wall)).Before(due) { // a fast clock rounds
		wall = wall.Add(time.Millisecond)
	}
	return wall
}

// attach adds at and shows it where things stand.
func (a *actor) attach(at *attachment) error {
	if err := a.visible(); err != nil {
		return err
	}
	a.mu.Lock()
	a.show()
	a.mu.Unlock()
	_, err := a.attachNow(at)
	return err
}

// attachNow is attach from any goroutine, where something was shown before. Nobody who
// comes waits for the disk, which the one before them may keep busy. False: it is for
// the actor to do.
func (a *actor) attachNow(at *attachment) (done bool, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	st := a.scene.st
	switch {
	case at.over:
		return true, nil // its caller has gone, and nobody would detach it
	case st == nil:
		return false, nil
	}
	if at.sink != nil {
		if _, ok := st.Seat(at.seat); !ok {
			return true, ErrUnknown
		}
	}
	a.attached = append(a.attached, at)
	if at.watch != nil {
		at.watch(st)
		return true, nil
	}
	at.sink.View(a.look(at.seat, a.all.Now(st)))
	if d := a.degraded(); !d.OK {
		at.sink.Degraded(d)
	}
	return true, nil
}

// last returns the state that was shown last; nil: none was.
func (a *actor) last() *session.State {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.scene.st
}

// show takes over what is to be shown from now on. a.mu is held.
func (a *actor) show() { a.scene = scene{a.shown(), a.aside != nil, time.Now()} }

// detach may be called from any goroutine.
func (a *actor) detach(at *attachment) {
	a.mu.Lock()
	defer a.mu.Unlock()
	at.over = true
	for i, have := range a.attached {
		if have == at {
			last := len(a.attached) - 1
			a.attached[i], a.attached[last] = a.attached[last], nil
			a.attached = a.attached[:last]
			return
		}
	}
}

// publish sends the state to watchers and says to every attached seat that its view is
// another now.
func (a *actor) publish() {
	now := a.all.Now(a.shown())
	a.mu.Lock()
	defer a.mu.Unlock()
	a.show()
	for _, at := range a.attached {
		if at.watch != nil {
			at.watch(a.scene.st)
		}
	}
	a.tellAll(now)
}

// tellAll says to every attached seat that its view is another now. a.mu is held.
func (a *actor) tellAll(now time.Time) {
	for _, at := range a.attached {
		if at.sink != nil {
			at.sink.View(a.look(at.seat, now))
		}
	}
}

// How old a view may become. How long ago something was, who is near, what may be done:
// that changes with the time alone, and no event says so.
const (
	anewAfter = time.Minute     // by the session's clock
	anewLeast = 5 * time.Second // by everybody's: a practice session's may be fast
)

// showAnew says to every screen whose view has become old that it is another now.
func (s *Sessions) showAnew() {
	for _, a := range s.inMemory() {
		a.showAnew()
	}
}

// showAnew may be called from any goroutine.
func (a *actor) showAnew() {
	a.mu.Lock()
	defer a.mu.Unlock()
	st := a.scene.st
	if st == nil || len(a.attached) == 0 || time.Since(a.scene.at) < anewLeast ||
		time.Since(a.scene.at) < time.Duration(float64(anewAfter)/max(1, st.Pace.Rate)) {
		return
	}
	if !slices.ContainsFunc(st.Clients, func(c *session.ClientState) bool { return !c.Phase.Ended() }) {
		return // nothing of it goes on
	}
	a.scene.at = time.Now()
	a.tellAll(a.all.Now(st))
}

// look returns what makes the view of a seat as things stand now. a.mu is held.
func (a *actor) look(seat session.SeatID, now time.Time) Look {
	scene := a.scene
	return func() (view session.View, ok bool) {
		err := a.guarded("ViewOf", func() error {
			view = session.ViewOf(scene.st, seat, now)
			return nil
		})
		if scene.aside {
			onlyNoted(&view)
		}
		return view, err == nil
	}
}

// guarded calls into the rules. They never panic; should they all the same, that
// must not end the other sessions of this process.
func (a *actor) guarded(what string, f func() error) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			a.all.opts.Log.Error("the rules panicked", "session", a.id, "in", what,
				"stack", string(debug.Stack()))
			err = fmt.Errorf("session %s, %s: %w", a.id, what, errRules)
		}
	}()
	return f()
}
