package live

import (
	"context"
	"time"

	"belay/session/store"
)

// Overdue returns how many sessions are overdue by the store, at most a page.
func (s *Sessions) Overdue(ctx context.Context) int {
	heads, err := s.opts.Store.Due(ctx, time.Now(), store.MaxPage)
	if err != nil {
		return -1
	}
	return len(heads)
}

// Hold has the sessions go by a wall clock that a test sets. It is called before Start.
func (s *Sessions) Hold(read func() (wall time.Time, mono time.Duration)) { s.hands = newHandsOn(read) }
