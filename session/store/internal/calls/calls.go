// Package calls lets a store end only when nothing of it is under way.
package calls

import (
	"sync"

	"belay/session/store"
)

// Gate counts the calls of a store that have begun. The zero Gate is open. All
// methods may be called concurrently.
type Gate struct {
	mu     sync.Mutex // guards closed, and adding to calls
	closed bool
	calls  sync.WaitGroup
}

// Begin registers a call, or returns store.ErrClosed. The caller calls Done
// when it got no error.
func (g *Gate) Begin() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return store.ErrClosed
	}
	g.calls.Add(1)
	return nil
}

// Done ends a call.
func (g *Gate) Done() { g.calls.Done() }

// Close lets nothing begin any more, and returns when all calls have ended. It
// reports whether it was the first to close.
func (g *Gate) Close() (first bool) {
	g.mu.Lock()
	first = !g.closed
	g.closed = true
	g.mu.Unlock()
	g.calls.Wait()
	return first
}
