package bolt

import (
	"context"
	"errors"
	"fmt"

	bbolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"belay/session/store"
)

// Bounds of one transaction.
const (
	maxGroup      = 1024
	maxGroupBytes = 4 * store.MaxBatch
)

// request is a batch on its way to the committer.
type request struct {
	ctx   context.Context
	batch store.Batch
	reply chan error // buffered: the committer never waits for a caller
}

// Append implements store.Store. When ctx ends while the batch is being
// written, it returns at once and the outcome is open.
func (s *Store) Append(ctx context.Context, b store.Batch) error {
	if err := b.Validate(); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("append to %s: %w", b.Log, err)
	}
	if err := s.calls.Begin(); err != nil {
		return err
	}
	defer s.calls.Done()
	r := &request{ctx, b, make(chan error, 1)}
	select {
	case s.queue <- r:
	case <-ctx.Done():
		return fmt.Errorf("append to %s: %w", b.Log, ctx.Err())
	}
	select {
	case err := <-r.reply:
		return err
	case <-ctx.Done():
		return fmt.Errorf("append to %s, outcome open: %w", b.Log, ctx.Err())
	}
}

// run is the committer: whatever waits becomes one transaction.
func (s *Store) run() {
	defer close(s.done)
	for first := range s.queue {
		s.write(s.gather(first))
	}
}

// gather takes what waits behind first, without waiting for more.
func (s *Store) gather(first *request) []*request {
	group, size := []*request{first}, first.size()
	for len(group) < maxGroup && size < maxGroupBytes {
		select {
		case r, ok := <-s.queue:
			if !ok {
				return group
			}
			group, size = append(group, r), size+r.size()
		default:
			return group
		}
	}
	return group
}

func (r *request) size() (n int) {
	for _, record := range r.batch.Records {
		n += len(record.Data)
	}
	return n
}

// write commits a group and answers each of it. Even a conflict is told only
// when the commit has succeeded: it may name a position of this very group.
func (s *Store) write(group []*request) {
	s.committing.lock()
	defer s.committing.unlock()
	results := make([]error, len(group))
	err := s.reopen()
	if err == nil {
		err = s.transact(group, results)
	}
	for i, r := range group {
		if err != nil {
			results[i] = fmt.Errorf("append to %s: %w", r.batch.Log, err)
		}
		r.reply <- results[i]
	}
	if err == nil {
		s.reserve()
	}
}

// transact writes a group in one transaction. It sets the results of those
// batches that fail alone; its own error is that of the whole group. The caller
// holds committing.
func (s *Store) transact(group []*request, results []error) error {
	var tx *bbolt.Tx
	if err := s.deadly(func() (err error) { tx, err = s.db.Begin(true); return err }); err != nil {
		return err
	}
	id, staged := tx.ID(), 0
	err := guarded(func() (err error) { staged, err = stage(tx, group, results); return err })
	if err != nil || staged == 0 {
		return errors.Join(err, s.deadly(tx.Rollback))
	}
	err = guarded(func() error { return s.commit(tx) })
	if err == nil {
		s.durable.Store(int64(id))
		return nil
	}
	if _, fault := errors.AsType[*faultError](err); !fault {
		// bbolt has rolled back. Where its readers see the state before, the
		// transaction never was; a full disk ends here.
		var now int
		seen := s.deadly(func() (err error) { now, err = txID(s.db); return err })
		if seen == nil && now == id-1 {
			return fullOr(err)
		}
	} else if undone := s.deadly(tx.Rollback); undone != nil && !errors.Is(undone, bolterrors.ErrTxClosed) {
		return errors.Join(err, undone)
	}
	// The transaction may be there, may be durable, and may be neither.
	s.abandon()
	return fmt.Errorf("outcome open: %w", err)
}

// stage puts every batch that continues its log into tx and counts them.
func stage(tx *bbolt.Tx, group []*request, results []error) (staged int, err error) {
	for i, r := range group {
		if err := r.ctx.Err(); err != nil {
			results[i] = fmt.Errorf("append to %s: %w", r.batch.Log, err)
			continue
		}
		head, err := follows(tx, r.batch)
		if err != nil {
			results[i] = err
			continue
		}
		if err := put(tx, r.batch, head); err != nil {
			return 0, err
		}
		staged++
	}
	return staged, nil
}
