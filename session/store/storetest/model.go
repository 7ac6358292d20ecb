package storetest

import (
	"cmp"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"belay/session/store"
)

// model is what a store promises, without durability: the plainest thing that
// can be compared with one.
type model struct {
	heads  map[string]store.Head
	events map[string][]store.Record
}

func (m *model) append(b store.Batch) error {
	if have := m.heads[b.Log].Position; have != b.After {
		return &store.ConflictError{Log: b.Log, Have: have}
	}
	m.events[b.Log] = append(m.events[b.Log], b.Records...)
	m.heads[b.Log] = store.Head{Log: b.Log, Position: b.End(), Due: store.DueTime(store.DueMillis(b.Due)), Summary: b.Summary}
	return nil
}

func (m *model) list(keep func(store.Head) bool, order func(a, b store.Head) int, limit int) []store.Head {
	var list []store.Head
	for _, h := range m.heads {
		if keep(h) {
			list = append(list, h)
		}
	}
	slices.SortFunc(list, order)
	return list[:min(limit, len(list))]
}

func byName(a, b store.Head) int { return strings.Compare(a.Log, b.Log) }
func byDue(a, b store.Head) int  { return cmp.Or(a.Due.Compare(b.Due), byName(a, b)) }

// histories plays random appends, good and stale, and restarts, and compares
// every answer with the model's.
func histories(t *testing.T, open Open) {
	rng := rand.New(rand.NewPCG(Seed(t), 0))
	m := &model{map[string]store.Head{}, map[string][]store.Record{}}
	f := fixture{open(t), t, t.Context()}
	for step := range 400 {
		if rng.IntN(60) == 0 {
			if err := f.Close(); err != nil {
				t.Fatal(err)
			}
			f.Store = open(t)
		}
		b := randomBatch(rng, m, uint64(step))
		want, got := m.append(b), f.Append(f.ctx, b)
		if conflict, ok := errors.AsType[*store.ConflictError](got); ok {
			got = conflict
		}
		f.wantSame("append", want, got)

		log := ID(rng.Uint64N(12))
		after := rng.Uint64N(uint64(len(m.events[log])) + 3)
		f.wantSame("events", len(m.events[log])-min(len(m.events[log]), int(after)), len(f.read(log, after)))
		if step%10 > 0 {
			continue
		}
		if want := m.events[log]; len(want) > 0 {
			f.wantSame("events", want, f.read(log, 0))
		}
		limit, from, until := 1+rng.IntN(14), ID(rng.Uint64N(12)), evening.Add(time.Duration(rng.IntN(40))*time.Second)
		heads, err := f.Heads(f.ctx, from, limit)
		if err != nil {
			t.Fatal(err)
		}
		f.wantSame("heads", m.list(func(h store.Head) bool { return h.Log > from }, byName, limit), heads)
		due, err := f.Due(f.ctx, until, limit)
		if err != nil {
			t.Fatal(err)
		}
		f.wantSame("due", m.list(func(h store.Head) bool { return !h.Due.IsZero() && !h.Due.After(until) }, byDue, limit), due)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

func randomBatch(rng *rand.Rand, m *model, salt uint64) store.Batch {
	log := ID(rng.Uint64N(10))
	after := m.heads[log].Position
	switch rng.IntN(8) {
	case 0: // of another log
		after = m.heads[ID(rng.Uint64N(10))].Position
	case 1: // stale
		if n := len(m.events[log]); n > 1 {
			after = m.events[log][rng.IntN(n)].Position()
		}
	}
	b := Next(log, after, rng.IntN(5), salt)
	if rng.IntN(3) > 0 {
		b.Due = evening.Add(time.Duration(rng.IntN(40_000)) * time.Millisecond)
	}
	return b
}
