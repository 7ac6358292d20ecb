package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"belay/session"
)

// Limits of a batch. They bound one transaction, one script and one reply.
const (
	MaxRecords = 256      // records in one batch
	MaxRecord  = 1 << 20  // bytes of one record's Data
	MaxBatch   = 16 << 20 // bytes of Data in one batch
	MaxSummary = 16 << 10 // bytes of a summary
	MaxCause   = 1 << 20  // bytes of a cause
	MaxName    = 100      // characters of a log's name
	MaxPage    = 1000     // heads in one answer; a larger limit is taken as this
)

// Errors that callers compare to. Both say that nothing was written.
var (
	// ErrClosed is returned by every method after Close.
	ErrClosed = errors.New("the store is closed")
	// ErrFull says that there is no space left. The next append after space
	// has returned works; nothing that was acknowledged is lost.
	ErrFull = errors.New("no space left for the event log")
)

// Position is the place of the last event of a log. The zero Position is that
// of an empty log.
type Position struct {
	Seq  uint64
	Hash session.Hash
}

func (p Position) String() string {
	if p == (Position{}) {
		return "0"
	}
	return fmt.Sprintf("%d (%.12s)", p.Seq, p.Hash.String())
}

// Record is one event as it is kept.
type Record struct {
	Seq  uint64 // 1 for the first of a log, then without gaps
	Prev session.Hash
	Hash session.Hash
	Data []byte // canonical JSON of the event, as session.Link returns it
}

// Position returns the place of r in its log.
func (r Record) Position() Position { return Position{Seq: r.Seq, Hash: r.Hash} }

// Batch is one append. A batch without records moves only the deadline and the
// summary; it too must name the log's head, so that a stale writer can't put an
// old deadline back.
type Batch struct {
	Log     string
	After   Position // the head that the batch continues
	Records []Record
	Due     time.Time // wall time of the log's next deadline, zero for none; kept in whole milliseconds, rounded up
	Summary []byte    // what a list shows of the log; replaces the former one

	// Cause is what led to the records, for whoever has to have it decided again
	// where the records no longer fit: see package journal. It is no part of the
	// log: other stores leave it aside.
	Cause []byte
}

// Head is what is known of a log without reading it.
type Head struct {
	Log string
	Position
	Due     time.Time // UTC; zero for none
	Summary []byte
}

// Store keeps logs. All methods may be called concurrently. What they return
// belongs to the caller; what they are given must not be changed until they
// return, and an Append whose context ended may look at its batch for longer:
// never change the bytes of a batch.
type Store interface {
	// Append writes b and returns nil once it is durable. Batches of one log
	// take effect in the order of their positions, those of different logs in
	// any order. See the package comment for what its errors mean.
	Append(ctx context.Context, b Batch) error

	// Read returns the records of a log with Seq greater than after, in
	// order. An unknown log is an empty one.
	Read(ctx context.Context, log string, after uint64) ([]Record, error)

	// Head returns the head of a log. For an unknown log only Log is set.
	Head(ctx context.Context, log string) (Head, error)

	// Heads returns the heads of logs whose name is greater than after,
	// byte by byte, in that order: at most limit, and at most MaxPage. Fewer
	// than that were asked for means that there are no more.
	Heads(ctx context.Context, after string, limit int) ([]Head, error)

	// Due returns the heads of logs whose deadline is at or before until,
	// earliest first and then by name: at most limit, and at most MaxPage.
	Due(ctx context.Context, until time.Time, limit int) ([]Head, error)

	// Close lets what has been begun come to its end, refuses everything
	// else with ErrClosed, and returns when nothing of the store runs any
	// more. The second call does nothing.
	Close() error
}

// ConflictError says that a batch did not continue the head of its log.
// Nothing was written: reload, decide again.
type ConflictError struct {
	Log  string
	Have Position // the head
}

func (e *ConflictError) Error() string {
	return fmt.Sprintf("log %s is at %s: the append continues another position", e.Log, e.Have)
}
