package journal

import (
	"context"
	"errors"
	"fmt"
	"time"

	"belay/session/store"
)

const (
	othersMend = 2 * time.Second       // another node may hold what is missing before ours
	lookAgain  = 50 * time.Millisecond // whether it has come
	maxRaces   = 16                    // then somebody else writes all the time
)

var errRaced = errors.New("another writer was always first")

// mend writes back what a failover lost of a log, and sets aside what no longer
// fits. The caller has the turn.
func (s *Store) mend(ctx context.Context, log string, h *hold) error {
	var waiting time.Time // since when a gap before ours is waited for
	for races := 0; races < maxRaces; {
		s.mu.Lock()
		mine := append([]kept(nil), h.kept...)
		s.mu.Unlock()
		if len(mine) == 0 {
			return nil
		}
		head, hashes, err := s.look(ctx, log, mine[0].after.Seq)
		if err != nil {
			return err
		}
		first := -1
		for i, k := range mine {
			if hashes[k.end.Seq] != k.end {
				first = i
				break
			}
		}
		if first < 0 {
			return nil
		}
		k := mine[first]
		switch {
		case !k.told: // its caller sends it again, or no longer wants it
			if err := s.setAside(log, h, k); err != nil {
				return err
			}
		case head == k.after:
			err := s.writeBack(ctx, log, k)
			if _, raced := errors.AsType[*store.ConflictError](err); raced {
				races++
			} else if err != nil {
				return err
			}
		case head.Seq < k.after.Seq && (waiting.IsZero() || time.Since(waiting) < othersMend):
			if waiting.IsZero() {
				waiting = time.Now()
			}
			select {
			case <-time.After(lookAgain):
			case <-ctx.Done():
				return ctx.Err()
			}
		default:
			if err := s.setAside(log, h, k); err != nil {
				return err
			}
		}
	}
	return fmt.Errorf("mend %s: %w", log, errRaced)
}

// look reads the head of a log and where it stands at each event after a number.
func (s *Store) look(ctx context.Context, log string, after uint64) (store.Position, map[uint64]store.Position, error) {
	at := map[uint64]store.Position{}
	head, err := s.shared.Head(ctx, log)
	if err != nil {
		return store.Position{}, nil, err
	}
	records, err := s.shared.Read(ctx, log, after)
	for _, r := range records {
		at[r.Seq] = r.Position()
	}
	if n := len(records); n > 0 { // later than the head was read
		head.Position = records[n-1].Position()
	}
	return head.Position, at, err
}

// writeBack appends the very same records again.
func (s *Store) writeBack(ctx context.Context, log string, k kept) error {
	b, err := s.journal.batch(log, k)
	if err != nil {
		return err
	}
	if err := s.shared.Append(ctx, b); err != nil {
		return err
	}
	s.mu.Lock()
	s.back++
	s.mu.Unlock()
	s.journal.log.Warn("events that a failover had lost were written back", "log", log, "seq", k.end.Seq, "events", len(b.Records))
	return nil
}

// setAside has what caused a batch wait, because another writer has taken its
// place. A batch of which nobody was told is for its caller to settle.
func (s *Store) setAside(log string, h *hold, k kept) error {
	if k.told {
		if err := s.journal.stray(log, k); err != nil {
			return err
		}
		s.mu.Lock()
		s.aside++
		s.mu.Unlock()
	}
	// Whoever drops a batch forgets it: the replicas may have been found to have it meanwhile.
	s.journal.forget(s.drop(h, func(other kept) bool { return other.at == k.at }))
	return nil
}

// drop takes batches off what is kept of a log.
func (s *Store) drop(h *hold, gone func(kept) bool) (dropped []kept) {
	s.mu.Lock()
	defer s.mu.Unlock()
	left := h.kept[:0:0]
	for _, k := range h.kept {
		if gone(k) {
			dropped = append(dropped, k)
		} else {
			left = append(left, k)
		}
	}
	h.kept = left
	return dropped
}

// rouse has the replicas asked soon.
func (s *Store) rouse() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// confirmAll asks the replicas as long as something is not safe, and mends what a
// failover lost of logs that nobody looks at.
func (s *Store) confirmAll(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.wake:
		}
		timer.Reset(confirmEvery) // so that many appends share one question
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		if s.confirm(ctx) {
			s.rouse()
		}
	}
}

// confirm asks once. It reports whether something is left.
func (s *Store) confirm(ctx context.Context) (left bool) {
	ctx, cancel := context.WithTimeout(ctx, confirmWithin)
	defer cancel()
	ends := s.ends()
	if len(ends) == 0 {
		return false
	}
	standing, err := s.shared.Confirm(ctx, ends)
	for log, st := range standing {
		switch st {
		case store.Safe:
			s.safe(log, ends[log])
		case store.Gone:
			err = errors.Join(err, s.whole(ctx, log))
		}
	}
	return s.sayBehind(err)
}

// ends returns where each log ends by what is kept of it.
func (s *Store) ends() map[string]store.Position {
	s.mu.Lock()
	defer s.mu.Unlock()
	ends := map[string]store.Position{}
	for log, h := range s.logs {
		if n := len(h.kept); n > 0 {
			ends[log] = h.kept[n-1].end
		}
	}
	return ends
}

// safe forgets what is safe of a log: all up to a position that every replica
// holds, because each event holds the hash of the one before.
func (s *Store) safe(log string, end store.Position) {
	s.mu.Lock()
	h := s.logs[log]
	s.mu.Unlock()
	if h == nil {
		return
	}
	s.journal.forget(s.drop(h, func(k kept) bool { return k.end.Seq <= end.Seq }))
	s.mu.Lock()
	defer s.mu.Unlock()
	if h.users == 0 && len(h.kept) == 0 && s.logs[log] == h {
		delete(s.logs, log)
	}
}

// sayBehind says once a minute that replicas lag behind. It reports whether
// anything is kept.
func (s *Store) sayBehind(err error) bool {
	n, since := s.Kept()
	s.mu.Lock()
	defer s.mu.Unlock()
	if now := time.Now(); n > 0 && now.Sub(since) >= unsafeSaid && now.Sub(s.said) >= unsafeSaid {
		s.said = now
		s.journal.log.Warn("not every replica of the shared log has what was recorded: it is kept in the node's journal until then",
			"batches", n, "since", since.Round(0), "err", err)
	}
	return n > 0
}
