package live

import (
	"maps"
	"slices"
	"time"

	"belay/session"
)

// Observer is told what operators measure. Its methods are called from the
// actors, of many sessions at the same time: they must return at once, must not
// call back, and must not keep what they are given.
type Observer interface {
	// Reached is called for each deadline, once all that it caused is durable,
	// with how long after its time that is by the wall clock.
	Reached(late time.Duration)
	// Recorded is called with events that have become durable. Those of an append
	// whose answer was lost come when that is settled.
	Recorded([]session.Event)
}

// nobody observes.
type nobody struct{}

func (nobody) Reached(time.Duration)    {}
func (nobody) Recorded([]session.Event) {}

// Degraded returns how many sessions are told now that their record can't be
// written, or that the clock stepped.
func (s *Sessions) Degraded() (n int) {
	for _, a := range s.inMemory() {
		a.mu.Lock()
		if !a.degraded().OK {
			n++
		}
		a.mu.Unlock()
	}
	return n
}

// LoadedIDs returns the sessions that are in memory, in no order.
func (s *Sessions) LoadedIDs() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Collect(maps.Keys(s.actors))
}
