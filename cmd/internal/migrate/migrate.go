// Package migrate moves a practice's record from one store to another: from the
// embedded file to Redis and back.
//
// # Guarantees
//
//   - Every event arrives byte for byte, each log with its deadline and summary,
//     or Copy says which did not.
//   - Afterwards every log of the target is read again: its chain is verified
//     from the first event to the head, and compared with the source.
//   - The source's logs are only read.
//   - A target that holds anything is refused, unless it is what an earlier run of
//     the same move left: then the move goes on where it stopped. Each log's hash
//     says whether it is.
//
// The same in plainer words: either the whole record is at the other place, or it
// still is where it was.
//
// The caller sees to it that no server writes to either store meanwhile.
package migrate

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"belay/session"
	"belay/session/practice"
	"belay/session/store"
)

// ErrNotEmpty says that the target holds logs that are not the beginning of the
// source's.
var ErrNotEmpty = errors.New("the target holds a record already: nothing was written to it")

// Counts are what was moved.
type Counts struct {
	Logs   int
	Events uint64
	Bytes  uint64 // of events
	Before uint64 // of the events, those that an earlier run had moved
}

// Copy copies every log of from to to, which is empty, or with goOn holds what an
// earlier run left. Then it verifies to against from.
func Copy(ctx context.Context, from, to store.Store, goOn bool) (Counts, error) {
	var n Counts
	if !goOn {
		switch heads, err := to.Heads(ctx, "", 1); {
		case err != nil:
			return n, err
		case len(heads) > 0:
			return n, ErrNotEmpty
		}
	}
	err := each(ctx, from, func(h store.Head) error {
		n.Logs++
		return copyLog(ctx, from, to, h, &n)
	})
	if err != nil {
		return n, err
	}
	return n, Verify(ctx, from, to)
}

// each calls f for every log of s.
func each(ctx context.Context, s store.Store, f func(store.Head) error) error {
	after := ""
	for {
		page, err := s.Heads(ctx, after, store.MaxPage)
		if err != nil {
			return err
		}
		for _, h := range page {
			if err := f(h); err != nil {
				return err
			}
			after = h.Log
		}
		if len(page) < store.MaxPage {
			return nil
		}
	}
}

// copyLog appends to the target what it does not have of a log.
func copyLog(ctx context.Context, from, to store.Store, h store.Head, n *Counts) error {
	records, err := from.Read(ctx, h.Log, 0)
	if err != nil {
		return err
	}
	if err := verify(h, records); err != nil {
		return fmt.Errorf("the source: %w", err)
	}
	have, err := to.Head(ctx, h.Log)
	if err != nil {
		return err
	}
	if have.Seq > uint64(len(records)) || have.Seq > 0 && records[have.Seq-1].Position() != have.Position {
		return fmt.Errorf("%w: log %s is another one there", ErrNotEmpty, h.Log)
	}
	n.Before += have.Seq
	for _, r := range records {
		n.Events++
		n.Bytes += uint64(len(r.Data))
	}
	at, left := have.Position, records[have.Seq:]
	for {
		count := fits(left)
		b := store.Batch{Log: h.Log, After: at, Records: left[:count]}
		if left = left[count:]; len(left) == 0 {
			b.Due, b.Summary = h.Due, h.Summary
		}
		if err := to.Append(ctx, b); err != nil {
			return err
		}
		if at = b.End(); len(left) == 0 {
			return nil
		}
	}
}

// fits returns how many of the records go into one batch.
func fits(records []store.Record) (n int) {
	size := 0
	for n < len(records) && n < store.MaxRecords {
		if size += len(records[n].Data); size > store.MaxBatch {
			break
		}
		n++
	}
	return n
}

// Verify reports the first difference between two stores, and the first log of
// to whose chain is broken.
func Verify(ctx context.Context, from, to store.Store) error {
	logs := 0
	err := each(ctx, from, func(want store.Head) error {
		logs++
		have, err := to.Head(ctx, want.Log)
		if err != nil {
			return err
		}
		if have.Position != want.Position || !have.Due.Equal(want.Due) || !bytes.Equal(have.Summary, want.Summary) {
			return fmt.Errorf("log %s: its head is %v at the target and %v at the source", want.Log, have.Position, want.Position)
		}
		source, err := from.Read(ctx, want.Log, 0)
		if err != nil {
			return err
		}
		target, err := to.Read(ctx, want.Log, 0)
		if err != nil {
			return err
		}
		if err := verify(want, target); err != nil {
			return fmt.Errorf("the target: %w", err)
		}
		for i := range source {
			if !bytes.Equal(source[i].Data, target[i].Data) {
				return fmt.Errorf("log %s, event %d: its bytes differ", want.Log, i+1)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	there := 0
	if err := each(ctx, to, func(store.Head) error { there++; return nil }); err != nil {
		return err
	}
	if there != logs {
		return fmt.Errorf("the target holds %d logs, the source %d", there, logs)
	}
	return nil
}

// verify checks a log's chain as a stranger would, against its head.
func verify(h store.Head, records []store.Record) error {
	if uint64(len(records)) != h.Seq {
		return fmt.Errorf("log %s has %d events, its head says %d", h.Log, len(records), h.Seq)
	}
	facts := session.Log
	if h.Log == practice.LogName {
		facts = practice.Log
	}
	raw := make([][]byte, len(records))
	for i, r := range records {
		raw[i] = r.Data
	}
	events, err := facts.VerifyChain(raw, h.Hash)
	if err != nil {
		return fmt.Errorf("log %s: %w", h.Log, err)
	}
	for i, r := range records {
		if e := events[i]; e.Log != h.Log || e.Hash != r.Hash || e.Prev != r.Prev {
			return fmt.Errorf("log %s, event %d: its hashes do not fit", h.Log, r.Seq)
		}
	}
	return nil
}
