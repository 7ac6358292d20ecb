package live

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"belay/session/store"
)

const (
	lookEvery   = time.Second      // the wall clock, and the store's index of deadlines
	unloadEvery = 30 * time.Second // sessions that nobody uses
	stepFrom    = 2 * time.Second  // a difference between the clocks that is said
	stepShown   = time.Minute      // how long a step forward is shown
)

// clock is the one timer. It belongs to its own goroutine but for start and stop.
type clock struct {
	cancel context.CancelFunc
	done   sync.WaitGroup
}

// start runs the timer until stop. Sessions.mu is held.
func (c *clock) start(s *Sessions) {
	if c.cancel != nil {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	c.cancel = cancel
	c.done.Go(func() { s.keepTime(ctx) })
}

// stop returns when no deadline is being decided any more.
func (c *clock) stop() {
	if c.cancel == nil {
		return
	}
	c.cancel()
	c.done.Wait()
}

// keepTime fires what is due, at its time.
func (s *Sessions) keepTime(ctx context.Context) {
	var fired sync.WaitGroup
	defer fired.Wait()
	gate := make(chan struct{}, firesAtOnce)
	fire := func(id string, seq uint64) {
		select {
		case gate <- struct{}{}:
		case <-ctx.Done():
			return
		}
		fired.Go(func() {
			defer func() { <-gate }()
			s.tick(ctx, id, seq)
		})
	}
	timer := time.NewTimer(0)
	defer timer.Stop()
	hands := hands{last: time.Now()}
	var looked, swept time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		case <-s.agenda.wake:
		}
		cur := time.Now()
		now := cur.Round(0) // the wall clock alone
		for _, id := range s.agenda.pop(now) {
			fire(id, 0)
		}
		if d := now.Sub(looked); d >= lookEvery || d < 0 {
			looked = now
			s.watchHands(&hands, cur)
			for _, h := range s.overdue(ctx, now) {
				if s.agenda.claim(h.Log, now.Add(2*lookEvery)) {
					fire(h.Log, h.Seq)
				}
			}
		}
		if d := now.Sub(swept); d >= unloadEvery || d < 0 {
			swept = now
			s.unload(cur)
		}
		wait := looked.Add(lookEvery).Sub(now)
		if next, ok := s.agenda.next(); ok {
			wait = min(wait, next.Sub(time.Now().Round(0)))
		}
		timer.Reset(max(wait, 0))
	}
}

// overdue asks the store, which also knows of sessions that are not loaded and
// of those that another node wrote.
func (s *Sessions) overdue(ctx context.Context, now time.Time) []store.Head {
	heads, err := s.opts.Store.Due(ctx, now, store.MaxPage)
	if err != nil && ctx.Err() == nil && s.troubled.note(now) {
		s.opts.Log.Error("the store can't say what is due", "err", err)
	}
	return heads
}

// tick decides the deadlines of one session.
func (s *Sessions) tick(ctx context.Context, id string, seq uint64) {
	err := s.byClock(ctx, id, func(a *actor) error { return a.tick(seq) })
	now := time.Now().Round(0)
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

// hands compares the wall clock with the monotonic one, from look to look.
type hands struct {
	last  time.Time
	until time.Time // what was said stands until then, by the wall clock
}

// step returns by how much the wall clock moved more than time did.
func step(mono, wall time.Duration) time.Duration {
	if d := wall - mono; d >= stepFrom || d <= -stepFrom {
		return d
	}
	return 0
}

// watchHands looks at both clocks.
func (s *Sessions) watchHands(h *hands, cur time.Time) {
	wall := cur.Round(0).Sub(h.last.Round(0))
	mono := cur.Sub(h.last)
	h.last = cur
	s.stepped(h, cur.Round(0), step(mono, wall))
}

// stepped says when the wall clock stepped: it was set, or the machine slept. A
// step back is said until the wall has caught up, because the time of sessions
// stands still meanwhile; a step forward for a minute.
func (s *Sessions) stepped(h *hands, now time.Time, by time.Duration) {
	switch {
	case by > 0:
		h.until = now.Add(stepShown)
		s.sayClock(&Degraded{Since: now, Words: fmt.Sprintf(
			"The server's clock jumped ahead by %s: it slept, or was set. Compare the session's clock with your own watch.", by.Round(time.Second))}, by)
	case by < 0:
		h.until = now.Add(-by)
		s.sayClock(&Degraded{Since: now, Words: fmt.Sprintf(
			"The server's clock was set back by %s. The session's clock stands still until it has caught up: use your own watch.", (-by).Round(time.Second))}, by)
	case !h.until.IsZero() && !now.Before(h.until):
		h.until = time.Time{}
		s.sayClock(nil, 0)
	}
}

func (s *Sessions) sayClock(d *Degraded, step time.Duration) {
	if d != nil {
		s.opts.Log.Warn("the wall clock stepped", "by", step)
	}
	s.clockTrouble.Store(d)
	for _, a := range s.inMemory() {
		a.mu.Lock()
		a.tell()
		a.mu.Unlock()
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
