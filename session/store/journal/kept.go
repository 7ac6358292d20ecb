package journal

import (
	"encoding/json"
	"fmt"
	"time"

	bbolt "go.etcd.io/bbolt"

	"belay/session/store"
)

// kept is a batch that lies on the tape until it is safe.
type kept struct {
	at         *place
	after, end store.Position
	told       bool      // somebody may have been told that it is recorded
	since      time.Time // when it came onto the tape, or the journal was opened
}

// keep puts a batch onto the tape. The channel brings what came of it.
func (j *Journal) keep(b store.Batch) (*place, <-chan error) {
	raw, err := json.Marshal(b)
	if err != nil {
		failed := make(chan error, 1)
		failed <- err
		return nil, failed
	}
	return j.tape.put(raw)
}

// forget takes batches off the tape. Nobody waits for it: one that is found there
// after the next start is found to be safe once more.
func (j *Journal) forget(all []kept) {
	if len(all) == 0 {
		return
	}
	places := make([]*place, len(all))
	for i, k := range all {
		places[i] = k.at
	}
	j.tape.strike(places)
}

// batch reads one back. It may have been found to be safe meanwhile, and written over.
func (j *Journal) batch(log string, k kept) (store.Batch, error) {
	b, err := j.read(k.at)
	if err == nil && (b.Log != log || b.After != k.after || b.End() != k.end) {
		err = fmt.Errorf("another one is in its place")
	}
	if err != nil {
		return b, fmt.Errorf("event %d of %s in the node's journal: %w", k.end.Seq, log, err)
	}
	return b, nil
}

func (j *Journal) read(at *place) (b store.Batch, err error) {
	raw, err := j.tape.read(at)
	if err != nil {
		return b, err
	}
	return b, json.Unmarshal(raw, &b)
}

// stray adds what caused a batch to what waits, because its records fit no more. The
// caller then has the batch forgotten. A crash in the middle leaves it in both places:
// whoever decides it again takes care that a second time has no effect.
func (j *Journal) stray(log string, k kept) error {
	b, err := j.batch(log, k)
	if err == nil {
		err = <-j.change(func(tx *bbolt.Tx) error {
			if len(b.Cause) > 0 {
				return putLate(tx, log, b.Cause)
			}
			raw, err := json.Marshal(b)
			if err != nil {
				return err
			}
			return tx.Bucket(lostBucket).Put(k.end.Hash[:], raw)
		})
	}
	if err != nil {
		return fmt.Errorf("keep what no longer fits %s: %w", log, err)
	}
	if len(b.Cause) == 0 {
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

// all returns what lay on the tape at Open, by log, oldest first.
func (j *Journal) all() (map[string][]kept, error) {
	found, now := map[string][]kept{}, time.Now()
	for _, at := range j.found {
		b, err := j.read(at)
		if err != nil {
			return nil, fmt.Errorf("read the node's journal: %w", err)
		}
		found[b.Log] = append(found[b.Log], kept{at: at, after: b.After, end: b.End(), told: true, since: now})
	}
	j.found = nil
	return found, nil
}

// takeOver moves to the tape what was kept in the file before there was one.
func (j *Journal) takeOver() error {
	return j.db.Update(func(tx *bbolt.Tx) error {
		before := tx.Bucket(keptBucket)
		if before == nil {
			return nil
		}
		err := before.ForEach(func(_, raw []byte) error {
			at, synced := j.tape.put(append([]byte(nil), raw...))
			j.found = append(j.found, at)
			return <-synced
		})
		if err != nil {
			return err
		}
		return tx.DeleteBucket(keptBucket)
	})
}
