package live

import (
	"fmt"
	"sync"
	"time"

	"belay/session"
)

const (
	stepFrom  = 2 * time.Second // a difference between the clocks that is a step
	stepShown = time.Minute     // how long a step is shown
)

// hands are the wall clock and the monotonic one, compared at every look. The
// wall clock says what time it is, also after a suspend, in which the monotonic
// one stands still; the monotonic one says how much time has passed, also when
// somebody has set the wall clock.
//
// Where the wall clock is set back, the clock of every session that there is
// goes on as if it had not been: it is ahead of the wall clock from then on, by
// as much. What was due in five minutes is due in five minutes. Where it is set
// forward, sessions follow, and those that are ahead are so by less. A session
// that is made later goes by the wall clock alone.
type hands struct {
	read func() (wall time.Time, mono time.Duration)

	mu     sync.Mutex
	wall   time.Time // at the last look
	mono   time.Duration
	unsaid time.Duration // steps that nobody has been told of
}

func newHands() *hands {
	began := time.Now()
	return newHandsOn(func() (time.Time, time.Duration) {
		now := time.Now()
		return now.Round(0), now.Sub(began)
	})
}

func newHandsOn(read func() (time.Time, time.Duration)) *hands {
	h := &hands{read: read}
	h.wall, h.mono = read()
	return h
}

// step returns by how much the wall clock moved more than time did.
func step(mono, wall time.Duration) time.Duration {
	if d := wall - mono; d >= stepFrom || d <= -stepFrom {
		return d
	}
	return 0
}

// look reads the wall clock, and sees to it that a step is known to the agenda
// before anybody goes by the time after it. s.hands.mu is held.
func (s *Sessions) look() time.Time {
	h := s.hands
	wall, mono := h.read()
	if by := step(mono-h.mono, wall.Sub(h.wall)); by != 0 {
		h.wall, h.mono = wall, mono
		h.unsaid += by
		s.agenda.step(by)
	}
	return wall
}

// wall returns the wall clock's time.
func (s *Sessions) wall() time.Time {
	s.hands.mu.Lock()
	defer s.hands.mu.Unlock()
	return s.look()
}

// Now returns the session's time: that of its own clock, which never goes back
// and never stands still. Where the last event lies ahead of it, as after a
// restart with the wall clock set back, the clock goes on from that event. It may
// be called wherever st may be read.
func (s *Sessions) Now(st *session.State) time.Time {
	s.hands.mu.Lock()
	defer s.hands.mu.Unlock()
	wall := s.look()
	now := session.Instant(st.Pace.Of(wall.Add(s.agenda.ahead(st.ID))))
	if !now.Before(st.Recorded) {
		return now
	}
	s.goOnFrom(st.ID, st.Pace.Wall(st.Recorded), wall)
	return st.Recorded
}

// goOnFrom has a session's clock show at least t now. s.hands.mu is held.
func (s *Sessions) goOnFrom(id string, t, wall time.Time) {
	lead := t.Sub(wall)
	if lead <= s.agenda.ahead(id) {
		return
	}
	s.agenda.lead(id, lead)
	if lead >= stepFrom { // less is the difference between two machines
		s.opts.Log.Warn("a session's clock is ahead of the wall clock and goes on from its last event", "session", id, "by", lead)
	}
}

// goesOn has the clock of a session that is not loaded go on from its last event
// where that lies ahead: the wall clock was set back while no process ran, or by
// the process before this one.
func (s *Sessions) goesOn(id string, sum session.Summary) {
	s.hands.mu.Lock()
	defer s.hands.mu.Unlock()
	if wall := s.look(); sum.At.After(wall) {
		s.goOnFrom(id, sum.At, wall)
	}
}

// Wall returns a recent reading of the wall clock as the clock of a session
// counts it: see Now.
func (s *Sessions) Wall(id string, t time.Time) time.Time {
	s.hands.mu.Lock()
	defer s.hands.mu.Unlock()
	s.look()
	return t.Round(0).Add(s.agenda.ahead(id))
}

// said is what people were told of the clocks. It belongs to the clock's goroutine.
type said struct {
	until time.Time // it stands until then, by the monotonic clock; zero: nothing does
}

// watchHands says which steps there were since it looked last, and begins anew.
func (s *Sessions) watchHands(d *said) {
	h := s.hands
	h.mu.Lock()
	wall := s.look()
	h.wall, h.mono = h.read() // drift of less than a step does not add up to one
	by := h.unsaid
	h.unsaid = 0
	h.mu.Unlock()
	s.stepped(d, time.Now(), wall, by)
}

// stepped says for a minute that the wall clock stepped: it was set, or the
// machine slept.
func (s *Sessions) stepped(d *said, now, wall time.Time, by time.Duration) {
	switch {
	case by > 0:
		d.until = now.Add(stepShown)
		s.sayClock(&Degraded{Since: wall, Words: fmt.Sprintf(
			"The server's clock jumped ahead by %s: it slept, or was set. Compare the session's clock with your own watch.", by.Round(time.Second))}, by)
	case by < 0:
		d.until = now.Add(stepShown)
		s.sayClock(&Degraded{Since: wall, Words: fmt.Sprintf(
			"The server's clock was set back by %s. The session's clock goes on as before, so that nothing comes late: times of day may differ from your own watch.", (-by).Round(time.Second))}, by)
	case !d.until.IsZero() && !now.Before(d.until):
		d.until = time.Time{}
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
