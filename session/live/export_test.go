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
