package live

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"belay/session/store"
	"belay/session/store/journal"
)

// Errors that callers compare to.
var (
	// ErrUnknown says that there is no such session.
	ErrUnknown = errors.New("there is no such session")
	// ErrNotRecorded says that the store did not take the act. The screens have
	// been told. The same command, with the same id, may be sent again: it takes
	// effect at most once.
	ErrNotRecorded = errors.New("not recorded: the store does not take it now")
	// ErrNoted says that the store did not take the act, which is a fact from the
	// room: it is safe in this node's journal, and enters the record, with its time
	// and its id, as soon as it can be written.
	ErrNoted = errors.New("noted here: it enters the record when that can be written")
	// ErrClosed is returned by every method after Close.
	ErrClosed = errors.New("the sessions are closed")
)

// Options say what sessions run on.
type Options struct {
	Store store.Store  // whoever opened it closes it, after Close
	Log   *slog.Logger // session and seat ids only; nil discards
	// Journal keeps facts from the room while the store fails; nil: they are refused.
	Journal *journal.Journal
	Idle    time.Duration // a session that nobody uses is unloaded after this; 0: five minutes
	// Nodes are the other processes on the same store; nil: this is the only one.
	Nodes Nodes
	// Observer is told what happens, for operators; nil: nobody is.
	Observer Observer
}

func (o *Options) validate() error {
	if o.Store == nil {
		return errors.New("live: no store")
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Observer == nil {
		o.Observer = nobody{}
	}
	if o.Idle < 0 {
		return errors.New("live: a negative idle time")
	}
	if o.Idle == 0 {
		o.Idle = 5 * time.Minute
	}
	return nil
}

const (
	closeWithin = 10 * time.Second // then appends that hang are given up
	firesAtOnce = 64               // sessions whose deadlines are decided at the same time
	retryEvery  = time.Second      // a store that failed is tried again
	retryNewer  = time.Minute      // a session that is refused is looked at again
)

// Sessions are the sessions in use. All methods may be called concurrently.
type Sessions struct {
	opts   Options
	agenda *agenda

	base   context.Context // of every append; ends when Close has waited long enough
	cancel context.CancelFunc

	mu     sync.Mutex
	actors map[string]*actor
	closed bool
	calls  sync.WaitGroup // holders of actors

	hands    *hands
	clock    clock
	troubled seldom // of the goroutine alone that asks what is overdue
	others   others

	clockTrouble atomic.Pointer[Degraded] // the wall clock stepped
}

// New makes Sessions over a store. Nothing runs before Start but what is asked for.
func New(o Options) (*Sessions, error) {
	if err := o.validate(); err != nil {
		return nil, err
	}
	s := &Sessions{opts: o, agenda: newAgenda(), actors: map[string]*actor{}, hands: newHands()}
	s.base, s.cancel = context.WithCancel(context.Background())
	return s, nil
}

// Start declares former connections lost, fires what is overdue and arms the
// timer. It returns when every connection of a process that is known to be over has
// been declared lost, or with the error that kept the store from being read.
func (s *Sessions) Start(ctx context.Context) error {
	err := s.declareLapsed(ctx, func(h store.Head, sum summary) {
		s.goesOn(h.Log, sum.Summary)
		if !h.Due.IsZero() {
			s.agenda.set(h.Log, h.Due)
		}
	})
	s.awaitLate()
	if err != nil {
		return fmt.Errorf("start the sessions: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return ErrClosed
	}
	s.clock.start(s)
	s.others.start(s)
	return nil
}

// practiceLog is the one log in the store that is no session's: that of package
// session/practice, which is not imported for its name.
const practiceLog = "practice"

// heads calls f for the log of every session.
func (s *Sessions) heads(ctx context.Context, f func(store.Head)) error {
	after := ""
	for {
		page, err := s.opts.Store.Heads(ctx, after, store.MaxPage)
		if err != nil {
			return err
		}
		for _, h := range page {
			if h.Log != practiceLog {
				f(h)
			}
		}
		if len(page) < store.MaxPage {
			return nil
		}
		after = page[len(page)-1].Log
	}
}

// Close stops the timer, lets what has been begun come to its end and returns
// when no goroutine is left. Appends that hang are given up after ten seconds.
// The second call does nothing.
func (s *Sessions) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	s.mu.Unlock()

	limit := time.AfterFunc(closeWithin, s.cancel)
	defer limit.Stop()
	defer s.cancel()
	// Last in, first out.
	for _, step := range []struct {
		name string
		stop func()
	}{
		{"the look at other nodes", s.others.stop},
		{"the timer", s.clock.stop},
		{"calls", s.calls.Wait},
		{"actors", s.stopActors},
	} {
		began := time.Now()
		step.stop()
		if took := time.Since(began); took > time.Second {
			s.opts.Log.Warn("stopping took long", "what", step.name, "took", took)
		}
	}
	return nil
}

func (s *Sessions) stopActors() {
	s.mu.Lock()
	all := s.actors
	s.actors = map[string]*actor{}
	s.mu.Unlock()
	for _, a := range all {
		close(a.inbox)
	}
	for _, a := range all {
		<-a.ended
	}
}

// inMemory returns the actors of this moment, so that they can be asked without s.mu.
func (s *Sessions) inMemory() []*actor {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Collect(maps.Values(s.actors))
}

// hold returns the actor of a session and keeps it from being unloaded until
// release. The session need not exist: its first task finds out. A user is
// anybody but the clock.
func (s *Sessions) hold(id string, user bool) (*actor, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, ErrClosed
	}
	a := s.actors[id]
	if a == nil {
		a = newActor(s, id)
		s.actors[id] = a
		go a.run()
	}
	a.holders++
	if user {
		a.used = time.Now()
	}
	s.calls.Add(1)
	return a, nil
}

func (s *Sessions) release(a *actor) {
	s.mu.Lock()
	a.holders--
	if !a.used.IsZero() {
		a.used = time.Now()
	}
	// Keep nothing of a session that does not exist or could not be read, nor of
	// one that only the clock looked at: after a restart that may be all of them.
	gone := a.holders == 0 && s.actors[a.id] == a && (!a.loaded.Load() || a.used.IsZero() && s.mayRest(a, s.wall()))
	if gone {
		delete(s.actors, a.id)
		close(a.inbox)
	}
	s.mu.Unlock()
	if gone {
		<-a.ended
	}
	s.calls.Done()
}

// mayRest reports whether the store's index of deadlines is enough to wake a
// session in time, at the wall clock's time. s.mu is held.
func (s *Sessions) mayRest(a *actor, wall time.Time) bool {
	if a.holders > 0 || a.restless.Load() {
		return false
	}
	due, ok := s.agenda.due(a.id)
	return !ok || due.Sub(wall) >= time.Minute
}

// unload ends the actors of sessions that nobody uses and whose next deadline
// is not near: the store's index of deadlines wakes them.
func (s *Sessions) unload(now time.Time) {
	var idle []*actor
	wall := s.wall()
	s.mu.Lock()
	for id, a := range s.actors {
		if now.Sub(a.used) < s.opts.Idle || !s.mayRest(a, wall) {
			continue
		}
		delete(s.actors, id)
		close(a.inbox)
		idle = append(idle, a)
	}
	s.mu.Unlock()
	for _, a := range idle {
		<-a.ended
	}
}

// in runs f in the actor of a session and returns its error. Where ctx ends
// first, f may still run.
func (s *Sessions) in(ctx context.Context, id string, f func(*actor) error) error {
	return s.within(ctx, id, true, f)
}

// byClock is in for the clock.
func (s *Sessions) byClock(ctx context.Context, id string, f func(*actor) error) error {
	return s.within(ctx, id, false, f)
}

func (s *Sessions) within(ctx context.Context, id string, user bool, f func(*actor) error) error {
	a, err := s.hold(id, user)
	if err != nil {
		return err
	}
	defer s.release(a)
	return a.ask(ctx, f)
}
