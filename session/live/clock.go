package live

import (
	"context"
	"errors"
	"sync"
	"time"

	"belay/session/store"
)

const (
	lookEvery   = time.Second            // the wall clock
	askEvery    = 250 * time.Millisecond // the store's index of deadlines: sessions that are not loaded are known only there
	unloadEvery = 30 * time.Second       // sessions that nobody uses
)

// clock is the one timer, and the question to the store beside it: what this process
// knows to be due does not wait for that.
type clock struct {
	cancel context.CancelFunc
	done   sync.WaitGroup
	gate   chan struct{} // holds a token for each session whose deadlines are being decided
}

// start runs the clock until stop. Sessions.mu is held.
func (c *clock) start(s *Sessions) {
	if c.cancel != nil {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	c.cancel = cancel
	c.gate = make(chan struct{}, firesAtOnce)
	c.done.Go(func() { s.keepTime(ctx) })
	c.done.Go(func() { every(ctx, askEvery, func() { s.fireOverdue(ctx) }) })
}

// stop returns when no deadline is being decided any more.
func (c *clock) stop() {
	if c.cancel == nil {
		return
	}
	c.cancel()
	c.done.Wait()
}

// every calls f again and again until ctx ends.
func every(ctx context.Context, d time.Duration, f func()) {
	tick := time.NewTicker(d)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			f()
		}
	}
}

// fire has the deadlines of a session decided. It waits while too many are.
func (s *Sessions) fire(ctx context.Context, id string, seq uint64) {
	select {
	case s.clock.gate <- struct{}{}:
	case <-ctx.Done():
		return
	}
	s.clock.done.Go(func() {
		defer func() { <-s.clock.gate }()
		s.tick(ctx, id, seq)
	})
}

// keepTime fires what is due, at its time.
func (s *Sessions) keepTime(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	var said said
	var looked, swept time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		case <-s.agenda.wake:
		}
		now := s.wall()
		for _, id := range s.agenda.pop(now) {
			s.fire(ctx, id, 0)
		}
		if d := now.Sub(looked); d >= lookEvery || d < 0 {
			looked = now
			s.watchHands(&said)
			s.showAnew()
		}
		if d := now.Sub(swept); d >= unloadEvery || d < 0 {
			swept = now
			s.unload(time.Now())
		}
		wait := looked.Add(lookEvery).Sub(now)
		if next, ok := s.agenda.next(); ok {
			wait = min(wait, next.Sub(s.wall()))
		}
		timer.Reset(max(wait, 0))
	}
}

// fireOverdue fires what is due by the store, which also knows of sessions that are
// not loaded and of those that another node wrote. It names those too that are due only
// where the session's clock is ahead: the agenda knows.
func (s *Sessions) fireOverdue(ctx context.Context) {
	now := s.wall()
	heads, err := s.opts.Store.Due(ctx, now.Add(s.agenda.furthest()), store.MaxPage)
	if err != nil && ctx.Err() == nil && s.troubled.note(now) {
		s.opts.Log.Error("the store can't say what is due", "err", err)
	}
	for _, h := range heads {
		if s.agenda.claim(h.Log, h.Due, now, now.Add(2*lookEvery)) {
			s.fire(ctx, h.Log, h.Seq)
		}
	}
}

// tick decides the deadlines of one session.
func (s *Sessions) tick(ctx context.Context, id string, seq uint64) {
	err := s.byClock(ctx, id, func(a *actor) error { return a.tick(seq) })
	now := s.wall()
	switch {
	case err == nil, errors.Is(err, ErrClosed), ctx.Err() != nil:
		s.agenda.done(id)
	case errors.Is(err, ErrNotRecorded):
		s.agenda.postpone(id, now.Add(retryEvery))
	case errors.Is(err, ErrUnknown):
		s.agenda.set(id, time.Time{})
		s.agenda.done(id)
	default: // refused, or the rules failed: said where it happened
		s.agenda.postpone(id, now.Add(retryNewer))
	}
}

// seldom lets a complaint through once a minute. It belongs to one goroutine.
type seldom struct{ last time.Time }

func (r *seldom) note(now time.Time) bool {
	if now.Sub(r.last) < time.Minute && !now.Before(r.last) {
		return false
	}
	r.last = now
	return true
}
