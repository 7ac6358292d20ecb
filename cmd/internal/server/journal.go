package server

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"belay/session/store/journal"
	"belay/session/store/redis"
)

// JournalName is the node's journal in the data folder: what is not yet safe on Redis.
const JournalName = "journal.db"

// inspectEvery is how often the settings of Redis are looked at again: after a
// failover another server takes the writes.
const inspectEvery = time.Minute

// underNet puts this node's journal under the log on Redis, which belongs to the
// server from here on.
func (s *Server) underNet(log *redis.Store) error {
	j, err := journal.Open(journal.Options{Path: filepath.Join(s.opts.Data, JournalName), Log: s.opts.Log})
	if err != nil {
		return errors.Join(err, log.Close())
	}
	s.onClose("the node's journal", 10*time.Second, func(context.Context) error { return j.Close() })
	kept, err := journal.Keep(log, j)
	if err != nil {
		return errors.Join(err, log.Close())
	}
	s.store, s.journal, s.kept = kept, j, kept
	s.onClose("the event log", 20*time.Second, func(context.Context) error { return kept.Close() })
	if n := len(j.Waiting()); n > 0 {
		s.opts.Log.Warn("what was noted before this start enters the record now", "sessions", n)
	}
	if n := j.Counts().Lost; n > 0 {
		s.warn(fmt.Sprintf("a failover of Redis lost what can't be written back: %d entries are in this node's %s and in no record. An account, a sign-in or a setting may have to be made anew; keep the file", n, JournalName))
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		s.inspectAgain(ctx, log)
	}()
	s.onClose("the look at Redis", 5*time.Second, func(context.Context) error { cancel(); <-ended; return nil })
	return nil
}

// inspectAgain says what has become unsafe about Redis since it was last looked at.
func (s *Server) inspectAgain(ctx context.Context, log *redis.Store) {
	said := slices.Clone(log.Warnings())
	tick := time.NewTicker(inspectEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		look, cancel := context.WithTimeout(ctx, 10*time.Second)
		now, err := log.Inspect(look)
		cancel()
		if err != nil && ctx.Err() == nil { // away, or unsafe: it says which
			s.opts.Log.Error("Redis can't be found safe", "err", err)
			continue
		}
		for _, words := range now {
			if !slices.Contains(said, words) {
				s.opts.Log.Warn("Redis: " + words)
			}
		}
		said = now
	}
}
