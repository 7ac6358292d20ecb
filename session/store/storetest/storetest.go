// Package storetest says in executable form what package store promises. Every
// implementation passes it against the real thing: a real file, a real server.
//
// It also makes batches for the tests of other packages: [Next].
package storetest

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"belay/session"
	"belay/session/store"
)

// Open opens a store on one place, always the same one. The suite closes what
// it opens before it opens the place again.
type Open func(t *testing.T) store.Store

// Run runs the suite. It calls place once for each test, for a place that is empty.
func Run(t *testing.T, place func(t *testing.T) Open) {
	t.Helper()
	for _, c := range []struct {
		name string
		test func(t *testing.T, open Open)
	}{
		{"what was appended is read back byte for byte", readBack},
		{"an unknown log is empty", unknownLog},
		{"a stale number is a conflict and writes nothing", conflictBySeq},
		{"a foreign hash is a conflict and writes nothing", conflictByHash},
		{"a resent batch is recognised by the conflict", resent},
		{"of two writers exactly one wins each position", race},
		{"many logs grow at once and stay apart", concurrentLogs},
		{"a process that ends loses nothing", reopen},
		{"a stale writer can't put an old deadline back", staleDeadline},
		{"the earliest deadline comes first, a new one replaces the old", due},
		{"no log is due before its time", dueRounding},
		{"lists page through all logs in order", paging},
		{"what breaks a limit writes nothing", limits},
		{"the largest batch fits", largest},
		{"a cancelled append is refused", cancelled},
		{"a long log stays whole", longLog},
		{"a reader never sees half a batch", wholeBatches},
		{"any history is kept as a plain list would keep it", histories},
		{"nothing is taken after Close", closed},
		{"Close waits for appends that have begun", closeWaits},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, place(t)) })
	}
}

// Next makes a batch of n linked events that continues after. The bytes differ
// from call to call with salt, so that two writers never make the same events.
func Next(log string, after store.Position, n int, salt uint64) store.Batch {
	b := store.Batch{Log: log, After: after, Summary: fmt.Appendf(nil, `{"events":%d}`, after.Seq+uint64(n))}
	at := after
	for range n {
		data := fmt.Appendf(nil, `{"log":%q,"seq":%d,"prev":%q,"salt":%d,"words":"é ☂ \u0000 <&>"}`, log, at.Seq+1, at.Hash.String(), salt)
		r := store.Record{Seq: at.Seq + 1, Prev: at.Hash, Hash: sha256.Sum256(data), Data: data}
		b.Records = append(b.Records, r)
		at = r.Position()
	}
	return b
}

// fixture is a store that is open, with what every test needs around it.
type fixture struct {
	store.Store
	t   *testing.T
	ctx context.Context
}

func start(t *testing.T, open Open) fixture {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	s := open(t)
	t.Cleanup(func() {
		cancel()
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return fixture{s, t, ctx}
}

func (f fixture) append(b store.Batch) store.Position {
	f.t.Helper()
	if err := f.Append(f.ctx, b); err != nil {
		f.t.Fatalf("append %d events to %s after %v: %v", len(b.Records), b.Log, b.After, err)
	}
	return b.End()
}

func (f fixture) read(log string, after uint64) []store.Record {
	f.t.Helper()
	records, err := f.Read(f.ctx, log, after)
	if err != nil {
		f.t.Fatalf("read %s after %d: %v", log, after, err)
	}
	return records
}

func (f fixture) head(log string) store.Head {
	f.t.Helper()
	h, err := f.Head(f.ctx, log)
	if err != nil {
		f.t.Fatalf("head of %s: %v", log, err)
	}
	return h
}

func (f fixture) due(until time.Time, limit int) []string {
	f.t.Helper()
	heads, err := f.Due(f.ctx, until, limit)
	if err != nil {
		f.t.Fatalf("due until %v: %v", until, err)
	}
	return names(heads)
}

func (f fixture) wantConflict(b store.Batch, have store.Position) {
	f.t.Helper()
	err := f.Append(f.ctx, b)
	var conflict *store.ConflictError
	if !errors.As(err, &conflict) {
		f.t.Fatalf("append after %v: %v, want a conflict", b.After, err)
	}
	if diff := cmp.Diff(&store.ConflictError{Log: b.Log, Have: have}, conflict); diff != "" {
		f.t.Fatalf("conflict (-want +got):\n%s", diff)
	}
}

func (f fixture) wantSame(what string, want, got any) {
	f.t.Helper()
	if reflect.DeepEqual(want, got) { // a thousand times quicker than cmp on large bytes
		return
	}
	if diff := cmp.Diff(want, got); diff != "" {
		f.t.Fatalf("%s (-want +got):\n%s", what, diff)
	}
}

func names(heads []store.Head) []string {
	var list []string
	for _, h := range heads {
		list = append(list, h.Log)
	}
	return list
}

// Verify reports the first place where records are not the unbroken chain that
// follows after, or where a hash is not that of the bytes.
func Verify(records []store.Record, after store.Position) error {
	at := after
	for _, r := range records {
		switch {
		case r.Seq != at.Seq+1:
			return fmt.Errorf("event %d follows event %d", r.Seq, at.Seq)
		case r.Prev != at.Hash:
			return fmt.Errorf("event %d is not linked to the event before", r.Seq)
		case r.Hash != session.Hash(sha256.Sum256(r.Data)):
			return fmt.Errorf("event %d has other bytes than were hashed", r.Seq)
		}
		at = r.Position()
	}
	return nil
}

// ID makes a log's name that looks like a session's id, out of a number.
func ID(n uint64) string {
	var b [16]byte
	binary.BigEndian.PutUint64(b[8:], n)
	sum := sha256.Sum256(b[:])
	return fmt.Sprintf("%x-%x-%x-%x-%x", sum[0:4], sum[4:6], sum[6:8], sum[8:10], sum[10:16])
}

// sortedIDs returns n names in the order in which a store lists them.
func sortedIDs(n int) []string {
	ids := make([]string, n)
	for i := range ids {
		ids[i] = ID(uint64(i))
	}
	slices.Sort(ids)
	return ids
}
