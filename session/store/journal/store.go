package journal

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"belay/session/store"
	"belay/session/store/internal/calls"
)

const (
	confirmEvery  = 200 * time.Millisecond // the replicas are asked
	confirmWithin = 5 * time.Second        // then they are asked again
	unsafeSaid    = time.Minute            // after which it is said that replicas lag behind, and how often
)

// Store is a shared log with a net under it: see the package comment. All methods
// may be called concurrently. Close ends the shared store too, and not the Journal.
type Store struct {
	shared  store.Shared
	journal *Journal
	calls   calls.Gate

	cancel context.CancelFunc
	asks   sync.WaitGroup // the confirming goroutine
	wake   chan struct{}  // holds a token when there is something to confirm

	mu    sync.Mutex // guards what follows
	logs  map[string]*hold
	said  time.Time // when it was said that something is not safe for long
	back  int       // batches that were written back
	aside int       // and that did not fit any more
}

// hold is what this node knows of one log in which something is not yet safe, or
// is being done.
type hold struct {
	turn  chan struct{} // holds a token while somebody appends or mends here
	users int           // who holds or awaits the turn; guarded by Store.mu
	kept  []kept        // oldest first; guarded by Store.mu, changed only by who has the turn or by Confirm
}

var _ store.Store = (*Store)(nil)

// Keep puts the net under a shared log. What the journal still holds from before is
// taken up again. The Store owns shared from here on.
func Keep(shared store.Shared, j *Journal) (*Store, error) {
	found, err := j.all()
	if err != nil {
		return nil, err
	}
	s := &Store{shared: shared, journal: j, logs: map[string]*hold{}, wake: make(chan struct{}, 1)}
	for log, k := range found {
		s.logs[log] = &hold{turn: make(chan struct{}, 1), kept: k}
	}
	ctx, cancel := context.WithCancel(context.Background())
	s.cancel = cancel
	s.asks.Go(func() { s.confirmAll(ctx) })
	s.rouse()
	return s, nil
}

// Close implements store.Store. What is not safe yet stays in the journal.
func (s *Store) Close() error {
	if !s.calls.Close() {
		return nil
	}
	s.cancel()
	s.asks.Wait()
	return s.shared.Close()
}

// Kept returns how many batches are not safe yet, and since when the oldest of them
// has been here.
func (s *Store) Kept() (n int, since time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, h := range s.logs {
		n += len(h.kept)
		if len(h.kept) > 0 && (since.IsZero() || h.kept[0].since.Before(since)) {
			since = h.kept[0].since
		}
	}
	return n, since
}

// Mended returns how many batches that a failover had lost were written back so far,
// and how many did not fit any more.
func (s *Store) Mended() (back, aside int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.back, s.aside
}

// take waits for the turn in a log.
func (s *Store) take(ctx context.Context, log string) (*hold, error) {
	s.mu.Lock()
	h := s.logs[log]
	if h == nil {
		h = &hold{turn: make(chan struct{}, 1)}
		s.logs[log] = h
	}
	h.users++
	s.mu.Unlock()
	select {
	case h.turn <- struct{}{}:
		return h, nil
	case <-ctx.Done():
		s.leave(log, h)
		return nil, ctx.Err()
	}
}

// give ends the turn.
func (s *Store) give(log string, h *hold) {
	<-h.turn
	s.leave(log, h)
}

func (s *Store) leave(log string, h *hold) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if h.users--; h.users == 0 && len(h.kept) == 0 {
		delete(s.logs, log)
	}
}

// holds reports whether something of a log is not safe yet.
func (s *Store) holds(log string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := s.logs[log]
	return h != nil && len(h.kept) > 0
}

// Append implements store.Store.
func (s *Store) Append(ctx context.Context, b store.Batch) error {
	if err := b.Validate(); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("append to %s: %w", b.Log, err)
	}
	if err := s.calls.Begin(); err != nil {
		return fmt.Errorf("append to %s: %w", b.Log, err)
	}
	defer s.calls.Done()
	h, err := s.take(ctx, b.Log)
	if err != nil {
		return fmt.Errorf("append to %s: %w", b.Log, err)
	}
	defer s.give(b.Log, h)
	if len(b.Records) == 0 { // a deadline: it follows from the events
		return s.orMended(ctx, b, h, s.shared.Append(ctx, b))
	}
	// The file and the shared log are written at the same time: nobody is told
	// before both have it.
	s.mu.Lock()
	k, again := h.last(b.End())
	s.mu.Unlock()
	var synced <-chan error
	if !again {
		k = kept{after: b.After, end: b.End(), since: time.Now()}
		k.at, synced = s.journal.keep(b)
	}
	err = s.shared.Append(ctx, b)
	local := error(nil)
	if !again {
		if local = <-synced; local != nil {
			local = fmt.Errorf("keep the append to %s in the node's journal: %w", b.Log, local)
		}
	}
	switch conflict, refused := errors.AsType[*store.ConflictError](err); {
	case err == nil, refused && conflict.Have == b.End(): // it had been written before
		if local != nil { // what was written is as durable as the shared log is, and no more
			s.journal.log.Error("an append is in the shared log, and could not be kept here until every replica has it", "log", b.Log, "err", local)
		} else {
			s.keep(h, k, again, true)
		}
		return err
	case refused, errors.Is(err, store.ErrFull):
		if !again && local == nil {
			s.journal.forget([]kept{k})
		}
	default: // the outcome is open: perhaps it is there
		if local == nil {
			s.keep(h, k, again, false)
		}
		return err
	}
	return s.orMended(ctx, b, h, err)
}

// last returns what is kept of the end of a log, where that is its end. Store.mu is held.
func (h *hold) last(end store.Position) (kept, bool) {
	if n := len(h.kept); n > 0 && h.kept[n-1].end == end {
		return h.kept[n-1], true
	}
	return kept{}, false
}

// keep notes that a batch is in the file; told: its caller will learn that it is recorded.
func (s *Store) keep(h *hold, k kept, again, told bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if last, there := h.last(k.end); again && there {
		last.told = last.told || told
		h.kept[len(h.kept)-1] = last
	} else if !again {
		k.told = told
		h.kept = append(h.kept, k)
	}
	s.rouse()
}

// orMended passes on what an append came to. A conflict may come from a tail that
// was lost: then the log is mended first, and the conflict names its head after that.
func (s *Store) orMended(ctx context.Context, b store.Batch, h *hold, err error) error {
	conflict, refused := errors.AsType[*store.ConflictError](err)
	if !refused || !s.holds(b.Log) {
		return err
	}
	if mending := s.mend(ctx, b.Log, h); mending != nil {
		return fmt.Errorf("append to %s: %w", b.Log, mending)
	}
	head, err := s.shared.Head(ctx, b.Log)
	if err != nil {
		return fmt.Errorf("append to %s: %w", b.Log, err)
	}
	conflict.Have = head.Position
	return conflict
}

// whole mends a log before it is read, where something of it may be missing.
func (s *Store) whole(ctx context.Context, log string) error {
	if !s.holds(log) {
		return nil
	}
	h, err := s.take(ctx, log)
	if err != nil {
		return err
	}
	defer s.give(log, h)
	return s.mend(ctx, log, h)
}

// Read implements store.Store.
func (s *Store) Read(ctx context.Context, log string, after uint64) ([]store.Record, error) {
	if err := s.calls.Begin(); err != nil {
		return nil, fmt.Errorf("read %s: %w", log, err)
	}
	defer s.calls.Done()
	if err := s.whole(ctx, log); err != nil {
		return nil, fmt.Errorf("read %s: %w", log, err)
	}
	return s.shared.Read(ctx, log, after)
}

// Head implements store.Store.
func (s *Store) Head(ctx context.Context, log string) (store.Head, error) {
	if err := s.calls.Begin(); err != nil {
		return store.Head{}, fmt.Errorf("head of %s: %w", log, err)
	}
	defer s.calls.Done()
	if err := s.whole(ctx, log); err != nil {
		return store.Head{}, fmt.Errorf("head of %s: %w", log, err)
	}
	return s.shared.Head(ctx, log)
}

// Heads implements store.Store. A log whose tail was lost is listed as it is found.
func (s *Store) Heads(ctx context.Context, after string, limit int) ([]store.Head, error) {
	if err := s.calls.Begin(); err != nil {
		return nil, fmt.Errorf("list logs: %w", err)
	}
	defer s.calls.Done()
	return s.shared.Heads(ctx, after, limit)
}

// Due implements store.Store. A log whose tail was lost is listed as it is found.
func (s *Store) Due(ctx context.Context, until time.Time, limit int) ([]store.Head, error) {
	if err := s.calls.Begin(); err != nil {
		return nil, fmt.Errorf("list due logs: %w", err)
	}
	defer s.calls.Done()
	return s.shared.Due(ctx, until, limit)
}
