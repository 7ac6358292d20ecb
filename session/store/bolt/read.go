package bolt

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"time"

	bbolt "go.etcd.io/bbolt"

	"belay/session/store"
)

// Read implements store.Store.
func (s *Store) Read(ctx context.Context, log string, after uint64) ([]store.Record, error) {
	if after == math.MaxUint64 {
		return nil, ctx.Err()
	}
	var records []store.Record
	err := s.view(ctx, func(tx *bbolt.Tx) error {
		records = nil
		prefix := append([]byte(log), 0)
		c := tx.Bucket(eventsBucket).Cursor()
		at := after
		for k, v := c.Seek(eventKey(log, after+1)); bytes.HasPrefix(k, prefix) && len(k) == len(prefix)+8; k, v = c.Next() {
			seq := binary.BigEndian.Uint64(k[len(prefix):])
			r, err := decodeRecord(seq, v)
			if err == nil && seq != at+1 {
				err = fmt.Errorf("event %d follows event %d", seq, at)
			}
			if n := len(records); err == nil && n > 0 && r.Prev != records[n-1].Hash {
				err = fmt.Errorf("event %d is not linked to the event before", seq)
			}
			if err != nil {
				return fmt.Errorf("the file is damaged: %w", err)
			}
			records, at = append(records, r), seq
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", log, err)
	}
	return records, nil
}

// Head implements store.Store.
func (s *Store) Head(ctx context.Context, log string) (h store.Head, err error) {
	err = s.view(ctx, func(tx *bbolt.Tx) (err error) {
		h, err = headOf(tx, log)
		return err
	})
	if err != nil {
		return store.Head{}, fmt.Errorf("head of %s: %w", log, err)
	}
	return h, nil
}

// Heads implements store.Store.
func (s *Store) Heads(ctx context.Context, after string, limit int) ([]store.Head, error) {
	var heads []store.Head
	err := s.view(ctx, func(tx *bbolt.Tx) error {
		heads = nil
		c := tx.Bucket(headsBucket).Cursor()
		// The least name that is greater than after.
		for k, v := c.Seek(append([]byte(after), 0)); k != nil && len(heads) < store.Page(limit); k, v = c.Next() {
			h := store.Head{Log: string(k)}
			if err := decodeHead(&h, v); err != nil {
				return err
			}
			heads = append(heads, h)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list logs: %w", err)
	}
	return heads, nil
}

// Due implements store.Store.
func (s *Store) Due(ctx context.Context, until time.Time, limit int) ([]store.Head, error) {
	var heads []store.Head
	last := max(until.UnixMilli(), 0)
	err := s.view(ctx, func(tx *bbolt.Tx) error {
		heads = nil
		c := tx.Bucket(dueBucket).Cursor()
		for k, _ := c.First(); len(k) > 8 && len(heads) < store.Page(limit); k, _ = c.Next() {
			if int64(binary.BigEndian.Uint64(k)) > last {
				break
			}
			h, err := headOf(tx, string(k[8:]))
			if err != nil {
				return err
			}
			heads = append(heads, h)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list due logs: %w", err)
	}
	return heads, nil
}

// Backup writes a consistent snapshot of the whole log to w: a file that Open
// opens. Appends go on meanwhile and are not in it. It gives up with an error
// when the store is closed, or has to be opened again after a failing disk.
func (s *Store) Backup(w io.Writer) error {
	if err := s.calls.Begin(); err != nil {
		return err
	}
	defer s.calls.Done()
	s.committing.lock()
	if err := s.reopen(); err != nil {
		s.committing.unlock()
		return fmt.Errorf("backup: %w", err)
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	_, err := s.read(s.committing.unlock, func(tx *bbolt.Tx) error {
		_, err := tx.WriteTo(hurried{s, w})
		return err
	})
	if err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	return nil
}

// hurried fails when somebody waits for the readers to end.
type hurried struct {
	s *Store
	w io.Writer
}

func (h hurried) Write(p []byte) (int, error) {
	if h.s.hurry.Load() > 0 {
		return 0, errors.New("given up: the store closes its file")
	}
	return h.w.Write(p)
}

// view runs f on a state that is durable: bbolt shows readers a transaction
// as soon as it is written, before it is synced. f may be run twice.
func (s *Store) view(ctx context.Context, f func(*bbolt.Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := s.calls.Begin(); err != nil {
		return err
	}
	defer s.calls.Done()
	s.mu.RLock()
	if s.db != nil {
		id, err := s.read(func() {}, f)
		if int64(id) <= s.durable.Load() {
			s.mu.RUnlock()
			return err
		}
	}
	s.mu.RUnlock()

	// Wait for the commit that was seen too early, then look again: it may have failed.
	if err := s.committing.lockWithin(ctx); err != nil {
		return err
	}
	defer s.committing.unlock()
	if err := s.reopen(); err != nil {
		return err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	_, err := s.read(func() {}, f)
	return err
}

// read runs f in a reader's transaction, with begun called as soon as that is
// open, and returns the transaction's number. The caller holds mu, and db is open.
func (s *Store) read(begun func(), f func(*bbolt.Tx) error) (id int, err error) {
	if dead := s.dead.Load(); dead != nil {
		begun()
		return 0, dead
	}
	var tx *bbolt.Tx
	err = s.deadly(func() (err error) { tx, err = s.db.Begin(false); return err })
	begun()
	if err != nil {
		return 0, err
	}
	id = tx.ID()
	err = guarded(func() error { return f(tx) })
	return id, errors.Join(err, s.deadly(tx.Rollback))
}
