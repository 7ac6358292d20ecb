package storetest

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"belay/session/store"
)

// maxEvents bounds the batches that Write makes.
const maxEvents = 4

// Write appends to as many logs at once, each where it stands, until an append
// fails or ctx ends. It reports each append that was acknowledged as a line
// "log number hash" on acks, in one write: what a killed process had reported
// can be held against what is found afterwards. It returns the first error.
func Write(ctx context.Context, s store.Store, acks io.Writer, logs int, seed uint64) error {
	var (
		wg   sync.WaitGroup
		mu   sync.Mutex // guards acks and errs
		errs = make([]error, logs)
	)
	for n := range logs {
		wg.Go(func() {
			errs[n] = func() error {
				rng := rand.New(rand.NewPCG(seed, uint64(n)))
				head, err := s.Head(ctx, ID(uint64(n)))
				if err != nil {
					return err
				}
				for at := head.Position; ; {
					b := Next(head.Log, at, rng.IntN(maxEvents+1), rng.Uint64()>>1)
					b.Due = dueAt(b.End().Seq)
					if err := s.Append(ctx, b); err != nil {
						return err
					}
					at = b.End()
					mu.Lock()
					_, err := fmt.Fprintf(acks, "%s %d %s\n", head.Log, at.Seq, at.Hash)
					mu.Unlock()
					if err != nil {
						return err
					}
				}
			}()
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// dueAt is the deadline that Write gives a log of so many events: a head whose
// deadline is another one was not written in one piece.
func dueAt(seq uint64) time.Time { return time.UnixMilli(int64(seq) + 1).UTC() }

// Ledger holds what stores acknowledged to Write. It is used by one goroutine.
type Ledger struct {
	acked map[string]map[uint64]string // by log and number: the hash
	last  map[string]uint64            // by log: the greatest number acknowledged
	Acks  int
}

// NewLedger returns an empty ledger.
func NewLedger() *Ledger {
	return &Ledger{acked: map[string]map[uint64]string{}, last: map[string]uint64{}}
}

// Take enters one line of Write. It says whether the line was whole.
func (l *Ledger) Take(line string) bool {
	part := strings.Fields(line)
	if !strings.HasSuffix(line, "\n") || len(part) != 3 {
		return false
	}
	seq, err := strconv.ParseUint(part[1], 10, 64)
	if err != nil {
		return false
	}
	if l.acked[part[0]] == nil {
		l.acked[part[0]] = map[uint64]string{}
	}
	if seq > 0 {
		l.acked[part[0]][seq] = part[2]
	}
	l.last[part[0]] = max(l.last[part[0]], seq)
	l.Acks++
	return true
}

// TakeAll enters what r has, up to its end or a line that was cut off.
func (l *Ledger) TakeAll(r *bufio.Reader) {
	for {
		line, err := r.ReadString('\n')
		if !l.Take(line) || err != nil {
			return
		}
	}
}

// Check holds the ledger against s: nothing acknowledged is missing, nothing is
// there twice, every chain is whole, every head belongs to its events, and at
// most one batch of each log is there without having been acknowledged.
func (l *Ledger) Check(ctx context.Context, s store.Store) error {
	heads, err := s.Heads(ctx, "", store.MaxPage)
	if err != nil {
		return err
	}
	byLog := map[string]store.Head{}
	for _, h := range heads {
		byLog[h.Log] = h
	}
	for log := range l.acked {
		if _, found := byLog[log]; !found && l.last[log] > 0 {
			return fmt.Errorf("log %s is missing", log)
		}
	}
	var due []string
	for _, h := range heads {
		if err := l.checkLog(ctx, s, h); err != nil {
			return fmt.Errorf("log %s: %w", h.Log, err)
		}
		due = append(due, h.Log)
	}
	found, err := s.Due(ctx, time.UnixMilli(1<<40), store.MaxPage)
	if err != nil {
		return err
	}
	slices.SortFunc(due, func(a, b string) int {
		return cmp.Or(byLog[a].Due.Compare(byLog[b].Due), strings.Compare(a, b))
	})
	if !slices.Equal(due, names(found)) {
		return fmt.Errorf("due are %v, want %v", names(found), due)
	}
	return nil
}

func (l *Ledger) checkLog(ctx context.Context, s store.Store, h store.Head) error {
	records, err := s.Read(ctx, h.Log, 0)
	if err != nil {
		return err
	}
	if err := Verify(records, store.Position{}); err != nil {
		return err
	}
	n := uint64(len(records))
	switch {
	case h.Seq != n || n > 0 && records[n-1].Position() != h.Position:
		return fmt.Errorf("the head is %v after %d events", h.Position, n)
	case !h.Due.Equal(dueAt(n)) || string(h.Summary) != fmt.Sprintf(`{"events":%d}`, n):
		return fmt.Errorf("deadline %v and summary %s do not belong to %d events", h.Due, h.Summary, n)
	case n < l.last[h.Log]:
		return fmt.Errorf("%d events are there, %d were acknowledged", n, l.last[h.Log])
	case n > l.last[h.Log]+maxEvents:
		return fmt.Errorf("%d events are there, only %d were acknowledged", n, l.last[h.Log])
	}
	for seq, hash := range l.acked[h.Log] {
		if records[seq-1].Hash.String() != hash {
			return fmt.Errorf("event %d is another one than was acknowledged", seq)
		}
	}
	return unique(records)
}

// unique reports events that were written twice: each batch has its own salt
// and, in it, consecutive numbers.
func unique(records []store.Record) error {
	seen := map[uint64]uint64{}
	for _, r := range records {
		var body struct{ Salt uint64 }
		if err := json.Unmarshal(r.Data, &body); err != nil {
			return err
		}
		if last, again := seen[body.Salt]; again && last+1 != r.Seq {
			return fmt.Errorf("events %d and %d come from one batch", last, r.Seq)
		}
		seen[body.Salt] = r.Seq
	}
	return nil
}

// Settled makes the ledger's view of each log's end that of s, after a crash: an
// append whose outcome was open may be there.
func (l *Ledger) Settled(ctx context.Context, s store.Store) error {
	heads, err := s.Heads(ctx, "", store.MaxPage)
	for _, h := range heads {
		l.last[h.Log] = max(l.last[h.Log], h.Seq)
	}
	return err
}

// Seed returns the seed of a randomised test: BELAY_SEED, or a new one. It is
// printed, so that a failure can be run again.
func Seed(t testing.TB) uint64 {
	seed := rand.Uint64()
	if s := os.Getenv("BELAY_SEED"); s != "" {
		var err error
		if seed, err = strconv.ParseUint(s, 10, 64); err != nil {
			t.Fatalf("BELAY_SEED: %v", err)
		}
	}
	t.Logf("BELAY_SEED=%d", seed)
	return seed
}

// Rounds returns how often a test repeats: plain, under CI=true, and in the
// long run under BELAY_LONG=1, or there BELAY_ROUNDS times, to play it in portions.
func Rounds(plain, ci, long int) int {
	switch {
	case os.Getenv("BELAY_LONG") == "1":
		if n, err := strconv.Atoi(os.Getenv("BELAY_ROUNDS")); err == nil && n > 0 {
			return n
		}
		return long
	case CI():
		return ci
	}
	return plain
}

// CI reports whether nothing may be skipped.
func CI() bool { return os.Getenv("CI") == "true" }

// Missing skips a test for want of something that a plain machine may lack.
// Under CI=true it fails instead.
func Missing(t testing.TB, format string, args ...any) {
	t.Helper()
	if CI() {
		t.Fatalf(format, args...)
	}
	t.Skipf(format, args...)
}
