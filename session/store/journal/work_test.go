package journal

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"belay/session/store"
	"belay/session/store/storetest"
)

// worker is what a node does in these tests: it appends to logs that others append to
// as well, and says on acks what was acknowledged. Each event has an id of its own.
type worker struct {
	store *Store
	name  string // of this run of this node
	logs  int
	pause time.Duration // between two appends, so that a laptop bears it

	mu   sync.Mutex
	acks io.Writer
}

type body struct {
	ID   string `json:"id"`
	Seq  uint64 `json:"seq"`
	Prev string `json:"prev"`
}

func event(log string, after store.Position, id string) store.Batch {
	data, err := json.Marshal(body{id, after.Seq + 1, after.Hash.String()})
	if err != nil {
		panic(err)
	}
	r := store.Record{Seq: after.Seq + 1, Prev: after.Hash, Hash: sha256.Sum256(data), Data: data}
	return store.Batch{Log: log, After: after, Records: []store.Record{r}, Due: time.UnixMilli(int64(r.Seq)), Cause: []byte(id)}
}

// work goes on until ctx ends.
func (w *worker) work(ctx context.Context, seed uint64) {
	var all sync.WaitGroup
	for n := range w.logs {
		all.Go(func() {
			rng := rand.New(rand.NewPCG(seed, uint64(n)))
			log := storetest.ID(uint64(n))
			var at store.Position
			for i := 0; ctx.Err() == nil; i++ {
				id := fmt.Sprintf("%s-%d-%d", w.name, n, i)
				if at = w.one(ctx, log, at, id); ctx.Err() != nil {
					return
				}
				w.reenter(ctx, log)
				time.Sleep(time.Duration(rng.Int64N(int64(w.pause))))
			}
		})
	}
	all.Wait()
}

// one appends an event until it is known what came of it, as the sessions do: an
// append in doubt is sent again, the very same, and after a conflict it is decided anew.
func (w *worker) one(ctx context.Context, log string, at store.Position, id string) store.Position {
	b := event(log, at, id)
	for ctx.Err() == nil {
		try, cancel := context.WithTimeout(ctx, 2*time.Second)
		err := w.store.Append(try, b)
		cancel()
		conflict, refused := errors.AsType[*store.ConflictError](err)
		switch {
		case err == nil, refused && conflict.Have == b.End():
			w.mu.Lock()
			_, _ = fmt.Fprintf(w.acks, "%s %s\n", log, id)
			w.mu.Unlock()
			return b.End()
		case refused:
			// A record further back may be ours: the answer was lost and others went on.
			if there, end, err := find(ctx, w.store, log, id); err == nil && there {
				return end
			} else if err == nil {
				b = event(log, end, id)
			}
		default:
			time.Sleep(20 * time.Millisecond) // Redis is away
		}
	}
	return at
}

// reenter does what the sessions do with what no longer fits: it is decided again at
// the end of the log, unless it is there.
func (w *worker) reenter(ctx context.Context, log string) {
	late, err := w.store.journal.Late(log)
	if err != nil {
		return
	}
	for _, e := range late {
		for ctx.Err() == nil {
			there, end, err := find(ctx, w.store, log, string(e.Entry))
			if err == nil && !there {
				err = w.store.Append(ctx, event(log, end, string(e.Entry)))
			}
			if err == nil {
				_ = w.store.journal.Settled(log, e.Key)
				break
			}
			time.Sleep(20 * time.Millisecond)
		}
	}
}

// find looks for an event in a log, and returns its end.
func find(ctx context.Context, s store.Store, log, id string) (there bool, end store.Position, err error) {
	records, err := s.Read(ctx, log, 0)
	for _, r := range records {
		end = r.Position()
		there = there || strings.Contains(string(r.Data), `"`+id+`"`)
	}
	return there, end, err
}

// ledger is what was acknowledged, kept outside.
type ledger struct {
	mu    sync.Mutex
	acked map[string]string // by id: the log
}

func (l *ledger) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for line := range strings.Lines(string(p)) {
		l.take(line)
	}
	return len(p), nil
}

func (l *ledger) take(line string) {
	if log, id, ok := strings.Cut(strings.TrimSuffix(line, "\n"), " "); ok && strings.HasSuffix(line, "\n") {
		l.acked[id] = log
	}
}

func (l *ledger) takeAll(r *bufio.Reader) {
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		l.mu.Lock()
		l.take(line)
		l.mu.Unlock()
	}
}

func (l *ledger) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.acked)
}

// check holds the ledger against the logs.
func (l *ledger) check(t *testing.T, s store.Store, logs int) (missing, twice, events int) {
	t.Helper()
	seen := map[string]int{}
	for n := range logs {
		records, err := s.Read(t.Context(), storetest.ID(uint64(n)), 0)
		if err == nil {
			err = storetest.Verify(records, store.Position{})
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range records {
			var b body
			if err := json.Unmarshal(r.Data, &b); err != nil {
				t.Fatal(err)
			}
			seen[b.ID]++
			events++
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for id, log := range l.acked {
		if seen[id] == 0 {
			missing++
			t.Errorf("%s of %s was acknowledged and is missing", id, log)
		}
	}
	for id, n := range seen {
		if n > 1 {
			twice++
			t.Errorf("%s is there %d times", id, n)
		}
	}
	return missing, twice, events
}
