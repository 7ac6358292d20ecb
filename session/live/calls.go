package live

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"belay/session"
	"belay/session/store"
)

// Sink is where a seat's views go. Its methods are called one at a time, from the
// actor of the session or from Attach: they must return at once and must not call back.
type Sink interface {
	// View says that the seat's view is another now: after each change, and where time
	// alone may have made another of it.
	View(Look)
	// Degraded brings word that something is wrong with the record or the
	// clock, or that all is well again. It is the whole truth about that seat's
	// session at this moment, not a difference.
	Degraded(Degraded)
}

// Look makes the whole view of a seat as it was when the sink was told. It may be called
// at any time, from any goroutine, or never, where a newer one has come: nothing else of
// the session waits meanwhile. False: it could not be made, which was logged.
type Look func() (session.View, bool)

// Degraded says what is wrong outside the log.
type Degraded struct {
	OK    bool      // all is well again; Words is then empty
	Since time.Time // wall time
	Words string    // for people: what does not work, and what to do
	Noted int       // acts that are noted at this node, and enter the record when it can be written
}

// Create begins a session. by.Do is a session.CreateSession with the same id. It fails with a
// *session.Refusal where the rules refuse it or the session exists.
func (s *Sessions) Create(ctx context.Context, id string, by session.Command) error {
	if create, ok := by.Do.(session.CreateSession); !ok || create.ID != id {
		return fmt.Errorf("create session %s: the command is %s of another", id, session.FactName(by.Do))
	}
	if err := store.ValidName(id); err != nil {
		return fmt.Errorf("create session: %w", err)
	}
	return s.in(ctx, id, func(a *actor) error { return a.create(by) })
}

// Do decides a command and returns the number of the last event that it caused,
// once that is durable; a command that was done before is answered with the same
// number. The error is a *session.Refusal for the sender, ErrUnknown,
// ErrNoted, ErrNotRecorded, ErrClosed, or the context's: the command may then have been
// done, and may be sent again.
func (s *Sessions) Do(ctx context.Context, id string, c session.Command) (uint64, error) {
	return s.do(ctx, id, func(*actor) session.Command { return c })
}

// DoGiven is Do for a command that was given a while ago, by this process's clock:
// what it reports happened then, however long it waited for this session or for the
// disk. Only given's monotonic reading counts, as time.Now makes one.
func (s *Sessions) DoGiven(ctx context.Context, id string, c session.Command, given time.Time) (uint64, error) {
	return s.do(ctx, id, func(a *actor) session.Command { return a.date(c, time.Since(given)) })
}

// do has the actor of a session do the command that is made when its turn has come.
func (s *Sessions) do(ctx context.Context, id string, command func(*actor) session.Command) (uint64, error) {
	var last uint64 // read only after the actor has answered
	err := s.in(ctx, id, func(a *actor) (err error) {
		last, err = a.do(command(a))
		return err
	})
	if err != nil {
		return 0, err
	}
	return last, nil
}

// Attach sends the views of a seat to sink, the first before it returns, and
// keeps the session loaded, until detach is called. After detach has returned
// the sink is not called any more.
func (s *Sessions) Attach(ctx context.Context, id string, seat session.SeatID, sink Sink) (detach func(), err error) {
	return s.attach(ctx, id, &attachment{seat: seat, sink: sink})
}

// Watch calls f at once and after each change, one call at a time, before the views
// are sent. f must return at once, must not call back, and must neither change nor
// keep the state. After stop has returned f is not called any more.
func (s *Sessions) Watch(ctx context.Context, id string, f func(*session.State)) (stop func(), err error) {
	return s.attach(ctx, id, &attachment{watch: f})
}

func (s *Sessions) attach(ctx context.Context, id string, at *attachment) (func(), error) {
	a, err := s.hold(id, true)
	if err != nil {
		return nil, err
	}
	done, err := a.attachNow(at)
	if !done {
		err = a.ask(ctx, func(a *actor) error { return a.attach(at) })
	}
	if err != nil {
		a.detach(at)
		s.release(a)
		return nil, err
	}
	var once sync.Once
	return func() {
		once.Do(func() {
			a.detach(at)
			s.release(a)
		})
	}, nil
}

// Look calls f with the state of a session: f may only read it, must not keep it, and
// must return at once. Where ctx ends first, f may still be called. While the store
// fails, or writes, it sees what was last durable.
func (s *Sessions) Look(ctx context.Context, id string, f func(*session.State)) error {
	a, err := s.hold(id, true)
	if err != nil {
		return err
	}
	defer s.release(a)
	if st := a.last(); st != nil {
		f(st)
		return nil
	}
	return a.ask(ctx, func(a *actor) error {
		if err := a.visible(); err != nil {
			return err
		}
		f(a.shown())
		return nil
	})
}

// Events returns the whole log of a session. It fails with a
// *session.UnknownFactError where a newer version wrote in it.
func (s *Sessions) Events(ctx context.Context, id string) ([]session.Event, error) {
	if err := s.begin(); err != nil {
		return nil, err
	}
	defer s.calls.Done()
	records, err := s.opts.Store.Read(ctx, id, 0)
	if err != nil {
		return nil, fmt.Errorf("read session %s: %w", id, err)
	}
	if len(records) == 0 {
		return nil, ErrUnknown
	}
	return decode(id, records)
}

// Summaries returns what lists show of every session, by id. Nothing is
// replayed: a summary that this version can't read holds the id alone.
func (s *Sessions) Summaries(ctx context.Context) ([]session.Summary, error) {
	if err := s.begin(); err != nil {
		return nil, err
	}
	defer s.calls.Done()
	var all []session.Summary
	err := s.heads(ctx, func(h store.Head) {
		var sum summary
		if err := json.Unmarshal(h.Summary, &sum); err != nil {
			sum = summary{}
		}
		sum.ID = h.Log
		all = append(all, sum.Summary)
	})
	if err != nil {
		return nil, fmt.Errorf("list sessions: %w", err)
	}
	return all, nil
}

func (s *Sessions) begin() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return ErrClosed
	}
	s.calls.Add(1)
	return nil
}

func decode(id string, records []store.Record) ([]session.Event, error) {
	events := make([]session.Event, 0, len(records))
	for _, r := range records {
		e, err := session.Log.Decode(r.Data)
		if err != nil {
			return nil, fmt.Errorf("session %s, event %d: %w", id, r.Seq, err)
		}
		if e.Hash != r.Hash || e.Log != id {
			return nil, fmt.Errorf("session %s, event %d: %w", id, r.Seq, errBroken)
		}
		events = append(events, e)
	}
	return events, nil
}

// errBroken says that what the store returned is not what was written.
var errBroken = errors.New("the log is damaged: its hashes do not fit")

// Loaded returns how many sessions are in memory.
func (s *Sessions) Loaded() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.actors)
}
