package journal

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	bbolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"belay/session/store"
)

// Options say where a node's journal lies.
type Options struct {
	Path string       // of the file, and of two beside it that begin so; its folder must exist
	Log  *slog.Logger // names of logs and numbers only; nil discards
}

// Journal is what one node holds in its own hand. All methods may be called concurrently; whoever
// opened it closes it.
type Journal struct {
	tape  *tape     // batches that are not safe yet: each append comes by here
	db    *bbolt.DB // what waits, and what is lost: seldom anything
	log   *slog.Logger
	queue *queue[change] // changes of db
	found []*place       // what lay on the tape at Open
	lost  atomic.Int64   // batches that are in no record
	did   atomic.Uint64  // entries that were settled since Open

	mu      sync.Mutex     // guards what follows
	late    map[string]int // by log: how many entries wait
	arrived func(log string)
}

// Late is an entry that waits to be decided at the end of its log.
type Late struct {
	Key   uint64 // rises in the order in which entries came
	Entry []byte
}

// The buckets of the file: entries that wait, by a number, and batches that neither
// fit any more nor say what caused them, by the hash of their end. Where batches were
// kept before there was a tape is read once more at Open.
var (
	lateBucket = []byte("late")
	lostBucket = []byte("lost")
	keptBucket = []byte("kept")
)

// lateEntry is an entry as it lies in the file.
type lateEntry struct {
	Log   string `json:"log"`
	Entry []byte `json:"entry"`
}

// change is a part of a transaction, on its way to the committer.
type change struct {
	do    func(*bbolt.Tx) error
	reply chan error // buffered
}

// Open opens the journal at o.Path and makes it where there is none. It fails after
// a second when another process has it.
func Open(o Options) (*Journal, error) {
	if o.Path == "" {
		return nil, errors.New("no path for the node's journal")
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	db, err := bbolt.Open(o.Path, 0o600, &bbolt.Options{Timeout: time.Second, NoStatistics: true, FreelistType: bbolt.FreelistMapType})
	if errors.Is(err, bolterrors.ErrTimeout) {
		err = errors.New("another process has it")
	}
	if err != nil {
		return nil, fmt.Errorf("open the node's journal %s: %w", o.Path, err)
	}
	j := &Journal{db: db, log: o.Log, late: map[string]int{}}
	err = db.Update(j.begin)
	if err == nil {
		j.tape, j.found, err = openTape(o.Path, reelLength)
	}
	if err == nil {
		err = j.takeOver()
	}
	if err != nil {
		if j.tape != nil {
			err = errors.Join(err, j.tape.close())
		}
		return nil, errors.Join(fmt.Errorf("open the node's journal %s: %w", o.Path, err), db.Close())
	}
	j.queue = newQueue(j.commit)
	return j, nil
}

// begin makes the buckets and counts what waits.
func (j *Journal) begin(tx *bbolt.Tx) error {
	for _, name := range [][]byte{lateBucket, lostBucket} {
		if _, err := tx.CreateBucketIfNotExists(name); err != nil {
			return err
		}
	}
	j.lost.Store(int64(tx.Bucket(lostBucket).Stats().KeyN))
	return tx.Bucket(lateBucket).ForEach(func(_, v []byte) error {
		var e lateEntry
		if err := json.Unmarshal(v, &e); err != nil {
			return err
		}
		j.late[e.Log]++
		return nil
	})
}

// commit has changes made in one transaction: it belongs to the queue.
func (j *Journal) commit(group []change) {
	err := j.db.Update(func(tx *bbolt.Tx) error {
		for _, c := range group {
			if err := c.do(tx); err != nil {
				return err
			}
		}
		return nil
	})
	for _, c := range group {
		c.reply <- err
	}
}

// change queues a part of the next transaction. The channel brings what came of
// it, once it is synced.
func (j *Journal) change(do func(*bbolt.Tx) error) <-chan error {
	c := change{do, make(chan error, 1)}
	if err := j.queue.add(c); err != nil {
		c.reply <- err
	}
	return c.reply
}

// Close lets what has been begun come to its end. The second call does nothing.
func (j *Journal) Close() error {
	if !j.queue.close() {
		return nil
	}
	return errors.Join(j.tape.close(), j.db.Close())
}

// OnLate has f called with the name of a log when entries came to wait there
// because a tail of it was lost. f must return at once and not call back.
func (j *Journal) OnLate(f func(log string)) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.arrived = f
}

// Note keeps an entry for a log and returns once it is synced. After an error the
// entry may be there all the same.
func (j *Journal) Note(ctx context.Context, log string, entry []byte) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("note for %s: %w", log, err)
	}
	if err := store.ValidName(log); err != nil {
		return err
	}
	if len(entry) > store.MaxCause {
		return fmt.Errorf("note for %s: %d bytes, at most %d are kept", log, len(entry), store.MaxCause)
	}
	if err := <-j.change(func(tx *bbolt.Tx) error { return putLate(tx, log, entry) }); err != nil {
		return fmt.Errorf("note for %s: %w", log, err)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.late[log]++
	return nil
}

func putLate(tx *bbolt.Tx, log string, entry []byte) error {
	late := tx.Bucket(lateBucket)
	key, err := late.NextSequence()
	if err != nil {
		return err
	}
	raw, err := json.Marshal(lateEntry{log, entry})
	if err != nil {
		return err
	}
	return late.Put(keyOf(key), raw)
}

// Late returns the entries that wait for a log, in the order in which they came.
func (j *Journal) Late(log string) (all []Late, err error) {
	if j.Waits(log) == 0 {
		return nil, nil // the usual case costs no transaction
	}
	err = j.db.View(func(tx *bbolt.Tx) error {
		return tx.Bucket(lateBucket).ForEach(func(k, v []byte) error {
			var e lateEntry
			if err := json.Unmarshal(v, &e); err != nil {
				return err
			}
			if e.Log == log {
				all = append(all, Late{binary.BigEndian.Uint64(k), e.Entry})
			}
			return nil
		})
	})
	if err != nil {
		return nil, fmt.Errorf("what waits for %s: %w", log, err)
	}
	return all, nil
}

// Waits returns how many entries wait for a log.
func (j *Journal) Waits(log string) int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.late[log]
}

// Waiting returns the names of the logs for which entries wait.
func (j *Journal) Waiting() (logs []string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for log := range j.late {
		logs = append(logs, log)
	}
	return logs
}

// Counts say how much stands in the file that is not what one is doing now.
type Counts struct {
	Waiting int    // entries that wait to be decided at the end of their log
	Settled uint64 // entries that were, since Open
	Lost    int    // batches that fit no more and say not what caused them: they are in no record
}

// Counts returns what stands now.
func (j *Journal) Counts() Counts {
	c := Counts{Settled: j.did.Load(), Lost: int(j.lost.Load())}
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, n := range j.late {
		c.Waiting += n
	}
	return c
}

// Settled takes away an entry that was decided.
func (j *Journal) Settled(log string, key uint64) error {
	gone := false
	err := <-j.change(func(tx *bbolt.Tx) error {
		late := tx.Bucket(lateBucket)
		gone = late.Get(keyOf(key)) != nil
		return late.Delete(keyOf(key))
	})
	if err != nil {
		return fmt.Errorf("settle what waited for %s: %w", log, err)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if gone {
		j.did.Add(1)
		if j.late[log]--; j.late[log] <= 0 {
			delete(j.late, log)
		}
	}
	return nil
}

func keyOf(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }
