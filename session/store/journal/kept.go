package journal

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"sync/atomic"
	"time"

	bbolt "go.etcd.io/bbolt"

	"belay/session/store"
)

// kept is a batch that lies in the file until it is safe.
type kept struct {
	key        *atomic.Uint64 // its place in the file, once it is there
	after, end store.Position
	told       bool      // somebody may have been told that it is recorded
	at         time.Time // when it came into the file, or the file was opened
}

// keep puts a batch into the file. The channel brings what came of it.
func (j *Journal) keep(b store.Batch) (*atomic.Uint64, <-chan error) {
	place := new(atomic.Uint64)
	raw, err := json.Marshal(b)
	if err != nil { // not in the transaction: that is others' too
		failed := make(chan error, 1)
		failed <- err
		return place, failed
	}
	return place, j.change(func(tx *bbolt.Tx) error {
		bucket := tx.Bucket(keptBucket)
		key, err := bucket.NextSequence()
		if err != nil {
			return err
		}
		place.Store(key)
		return bucket.Put(keyOf(key), raw)
	})
}

// forget takes batches out of the file. Nobody waits for it: one that stays is
// found to be safe once more after the next start.
func (j *Journal) forget(all []kept) {
	j.change(func(tx *bbolt.Tx) error {
		for _, k := range all {
			if err := tx.Bucket(keptBucket).Delete(keyOf(k.key.Load())); err != nil {
				return err
			}
		}
		return nil
	})
}

// batch reads one back.
func (j *Journal) batch(k kept) (b store.Batch, err error) {
	err = j.db.View(func(tx *bbolt.Tx) error {
		raw := tx.Bucket(keptBucket).Get(keyOf(k.key.Load()))
		if raw == nil {
			return fmt.Errorf("the node's journal has lost event %d", k.end.Seq)
		}
		return json.Unmarshal(raw, &b)
	})
	return b, err
}

// stray moves what caused a batch to what waits, because its records fit no more.
func (j *Journal) stray(log string, k kept) error {
	caused := false
	err := <-j.change(func(tx *bbolt.Tx) error {
		bucket := tx.Bucket(keptBucket)
		raw := bucket.Get(keyOf(k.key.Load()))
		if raw == nil {
			return nil
		}
		var b store.Batch
		if err := json.Unmarshal(raw, &b); err != nil {
			return err
		}
		if caused = len(b.Cause) > 0; caused {
			if err := putLate(tx, log, b.Cause); err != nil {
				return err
			}
		} else if err := tx.Bucket(lostBucket).Put(keyOf(k.key.Load()), raw); err != nil {
			return err
		}
		return bucket.Delete(keyOf(k.key.Load()))
	})
	if err != nil {
		return fmt.Errorf("keep what no longer fits %s: %w", log, err)
	}
	if !caused {
		j.lost.Add(1)
		j.log.Error("events that a failover lost do not fit any more: they are kept in the node's journal and are in no record", "log", log, "seq", k.end.Seq)
		return nil
	}
	j.mu.Lock()
	j.late[log]++
	arrived := j.arrived
	j.mu.Unlock()
	if arrived != nil {
		arrived(log)
	}
	return nil
}

// all returns what lies in the file, by log, oldest first.
func (j *Journal) all() (map[string][]kept, error) {
	found, now := map[string][]kept{}, time.Now()
	err := j.db.View(func(tx *bbolt.Tx) error {
		return tx.Bucket(keptBucket).ForEach(func(key, v []byte) error {
			var b store.Batch
			if err := json.Unmarshal(v, &b); err != nil {
				return err
			}
			k := kept{key: new(atomic.Uint64), after: b.After, end: b.End(), told: true, at: now}
			k.key.Store(binary.BigEndian.Uint64(key))
			found[b.Log] = append(found[b.Log], k)
			return nil
		})
	})
	if err != nil {
		return nil, fmt.Errorf("read the node's journal: %w", err)
	}
	return found, nil
}
