package main

import (
	"sync"
	"testing"
)

// What may run beside what, once all that runs by itself is over. A visit in browsers
// fills a small machine and has it alone. Stories of several nodes mostly wait, until
// somebody's silence is noticed or an alarm is due: five at a time.
var (
	visits sync.RWMutex
	nodes  = make(chan struct{}, 5)
)

// oneAtATime lets a test run beside no other than short ones.
func oneAtATime(t *testing.T) {
	t.Parallel()
	visits.Lock()
	t.Cleanup(visits.Unlock)
}

// besideOthers lets a test run beside its like, and beside no visit.
func besideOthers(t *testing.T) {
	t.Parallel()
	visits.RLock()
	nodes <- struct{}{}
	t.Cleanup(func() {
		<-nodes
		visits.RUnlock()
	})
}
