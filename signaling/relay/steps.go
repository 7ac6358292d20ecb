package relay

import (
	"sync"
	"time"
)

// step is how much picture a viewer is sent. Sound is always sent.
type step int

const (
	full step = iota
	reduced
	none
)

// How a viewer goes down and up the steps. Random loss is repaired (NACK), and is
// no reason to take the picture away; much loss, or loss of sound, says that the
// way is full, and so do packets that stand in a queue (see way). What comes
// through a full way is what it bears: it says how far down. Upwards an attempt
// alone can tell.
const (
	lossReduce   = 0.08 // of the picture: the small layer is enough
	lossStop     = 0.25 // of the small layer: no picture
	lossOfSound  = 0.10 // it suffers already: one step at once
	lossGood     = 0.03
	badReports   = 2                      // in a row
	queueLong    = 120 * time.Millisecond // sound stands in it too
	queueFull    = 300 * time.Millisecond // one measurement of it is enough
	queueShrinks = 20 * time.Millisecond  // between two measurements: it runs empty by itself
	longWindows  = 2                      // of a long queue, in a row
	fits         = 0.9                    // of what the way bears
	bearsMore    = 1.5                    // times what is sent
	settles      = 2 * time.Second        // after a step, reports speak of what was before
	upAfter      = 10 * time.Second       // of good reports
	backAfter    = 7 * time.Second        // of them, where there is no picture at all: to see nobody is worse than a moment of poor sound
	upAtMost     = 80 * time.Second       // after attempts that failed
	upHeld       = 60 * time.Second       // an attempt that has not failed for so long succeeded
)

// steps is the ladder of one viewer: down fast, up slowly, and more slowly after
// each attempt that failed. The zero value is ready.
type steps struct {
	step step // guarded by room.mu: look alone changes it

	mu       sync.Mutex
	needs    [none + 1]float64 // bit/s of pictures on each step, as they are sent now
	standing int               // measurements of a long queue, in a row
	way      measure           // the last one
	next     step
	moved    time.Time // when it last changed
	climbed  step      // from which it went up the last time; full: it did not, or that has held
	bad      int
	good     time.Time               // since when reports have been good; zero: they are not
	patience [none + 1]time.Duration // on each step, after attempts that failed
	picture  float64                 // last report
	sound    float64
	reported time.Time
}

// report takes what a viewer has lost, 0 to 1, of picture or sound since its last
// report.
func (s *steps) report(now time.Time, sound bool, lost float64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reported = now
	if sound {
		s.sound = lost
	} else {
		s.picture = lost
	}
	if now.Sub(s.moved) < settles {
		return
	}
	limit := lossReduce
	if s.next >= reduced {
		limit = lossStop
	}
	switch {
	case sound && lost >= lossOfSound:
		s.down(now, s.next+1)
	case !sound && lost >= limit:
		s.good = time.Time{}
		if s.bad++; s.bad >= badReports {
			s.down(now, s.next+1)
		}
	case lost < lossGood:
		if !sound {
			s.bad = 0
		}
		if s.good.IsZero() {
			s.good = now
		}
	default: // neither: it stays as it is
		s.good = time.Time{}
		if !sound {
			s.bad = 0
		}
	}
}

// measured takes what the way of pictures has borne.
func (s *steps) measured(now time.Time, m measure) {
	s.mu.Lock()
	defer s.mu.Unlock()
	shrinks := m.queue < s.way.queue-queueShrinks
	s.way = m
	if m.sent.Before(s.moved) { // it tells of what was before
		return
	}
	// More comes through than is sent: nothing is full. A viewer whose machine stood
	// still for a moment takes in at once what had come meanwhile.
	bears := s.needs[s.next] > 0 && m.rate > bearsMore*s.needs[s.next]
	if m.queue < queueLong || shrinks || bears {
		s.standing = 0
		return
	}
	s.good = time.Time{}
	if s.standing++; s.standing < longWindows && m.queue < queueFull {
		return
	}
	to := s.next + 1
	for to < none && s.needs[to] > fits*m.rate {
		to++
	}
	s.down(now, to)
}

// sends says how many bits a second the pictures of each step have.
func (s *steps) sends(whole, small float64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.needs = [none + 1]float64{full: whole, reduced: small}
}

func (s *steps) down(now time.Time, to step) {
	if s.climbed > full && now.Sub(s.moved) < upHeld {
		s.patience[s.climbed] = min(2*s.waits(s.climbed), upAtMost)
	}
	s.bad, s.standing, s.good, s.climbed = 0, 0, time.Time{}, full
	if s.next < none {
		s.next, s.moved = min(to, none), now
	}
}

// waits is for how long reports have to be good on a step before more is tried.
func (s *steps) waits(at step) time.Duration {
	if at == none {
		return max(s.patience[at], backAfter)
	}
	return max(s.patience[at], upAfter)
}

// look moves up when it is time, and reports whether the step has changed.
func (s *steps) look(now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.climbed > full && now.Sub(s.moved) >= upHeld {
		s.patience[s.climbed], s.climbed = 0, full
	}
	if wait := s.waits(s.next); s.next > full && !s.good.IsZero() && now.Sub(s.good) >= wait && now.Sub(s.moved) >= wait {
		s.climbed = s.next
		s.next--
		s.moved, s.good, s.bad, s.standing = now, time.Time{}, 0, 0
	}
	changed := s.step != s.next
	s.step = s.next
	return changed
}

// loss is the worse of the last reports.
func (s *steps) loss() float64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return max(s.picture, s.sound)
}
