package storetest

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"belay/session"
	"belay/session/store"
)

func limits(t *testing.T, open Open) {
	f := start(t, open)
	at := f.append(Next("a", store.Position{}, 1, 1))
	with := func(n int, change func(*store.Batch)) store.Batch {
		b := Next("a", at, n, 2)
		change(&b)
		return b
	}
	long := func(n int) []byte { return make([]byte, n) }
	for name, b := range map[string]store.Batch{
		"too many events":         Next("a", at, store.MaxRecords+1, 2),
		"too large an event":      with(1, func(b *store.Batch) { b.Records[0].Data = long(store.MaxRecord + 1) }),
		"too large a batch":       with(17, func(b *store.Batch) { enlarge(b, store.MaxRecord) }),
		"an empty event":          with(1, func(b *store.Batch) { b.Records[0].Data = nil }),
		"a gap":                   with(2, func(b *store.Batch) { b.Records[1].Seq++ }),
		"a gap before the first":  with(1, func(b *store.Batch) { b.Records[0].Seq++ }),
		"a broken link":           with(2, func(b *store.Batch) { b.Records[1].Prev = session.Hash{9} }),
		"a broken first link":     with(1, func(b *store.Batch) { b.Records[0].Prev = session.Hash{9} }),
		"too large a summary":     with(1, func(b *store.Batch) { b.Summary = long(store.MaxSummary + 1) }),
		"a deadline before 1970":  with(1, func(b *store.Batch) { b.Due = time.Unix(-1, 0) }),
		"a deadline after 9999":   with(1, func(b *store.Batch) { b.Due = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC) }),
		"a hash of the empty log": with(1, func(b *store.Batch) { b.After.Seq = 0; b.Records[0].Seq = 1 }),
		"no name":                 Next("", store.Position{}, 1, 2),
		"too long a name":         Next(string(long(store.MaxName+1)), store.Position{}, 1, 2),
		"a name with a slash":     Next("a/b", store.Position{}, 1, 2),
		"a name with a brace":     Next("{a}", store.Position{}, 1, 2),
		"a name with a zero byte": Next("a\x00", store.Position{}, 1, 2),
	} {
		err := f.Append(f.ctx, b)
		var conflict *store.ConflictError
		if err == nil || errors.As(err, &conflict) {
			t.Errorf("%s: %v, want a refusal of the batch", name, err)
		}
	}
	f.wantSame("head", at, f.head("a").Position)
	heads, err := f.Heads(f.ctx, "", 10)
	if err != nil {
		t.Fatal(err)
	}
	f.wantSame("logs", []string{"a"}, names(heads))
}

func enlarge(b *store.Batch, size int) {
	for i := range b.Records {
		b.Records[i].Data = make([]byte, size)
		for j := range b.Records[i].Data {
			b.Records[i].Data[j] = byte(i + j)
		}
	}
}

func largest(t *testing.T, open Open) {
	f := start(t, open)
	b := Next(ID(1), store.Position{}, store.MaxBatch/store.MaxRecord, 1)
	enlarge(&b, store.MaxRecord)
	b.Summary = make([]byte, store.MaxSummary)
	at := f.append(b)
	many := Next(ID(1), at, store.MaxRecords, 2)
	f.append(many)
	f.wantSame("large events", b.Records, f.read(ID(1), 0)[:len(b.Records)])
	f.wantSame("many events", many.Records, f.read(ID(1), at.Seq))
}

func cancelled(t *testing.T, open Open) {
	f := start(t, open)
	ctx, cancel := context.WithCancel(f.ctx)
	cancel()
	if err := f.Append(ctx, Next(ID(1), store.Position{}, 1, 1)); !errors.Is(err, context.Canceled) {
		t.Fatalf("append: %v, want %v", err, context.Canceled)
	}
	for name, call := range map[string]func() error{
		"read":  func() error { _, err := f.Read(ctx, ID(1), 0); return err },
		"head":  func() error { _, err := f.Head(ctx, ID(1)); return err },
		"heads": func() error { _, err := f.Heads(ctx, "", 1); return err },
		"due":   func() error { _, err := f.Due(ctx, time.Now(), 1); return err },
	} {
		if err := call(); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v, want %v", name, err, context.Canceled)
		}
	}
	f.wantSame("head", store.Head{Log: ID(1)}, f.head(ID(1)))

	// An append that loses its caller on the way is either there or not; sent again it is there once.
	at := store.Position{}
	for i := range 50 {
		ctx, cancel := context.WithTimeout(f.ctx, time.Duration(i)*20*time.Microsecond)
		b := Next(ID(2), at, 1, uint64(i))
		err := f.Append(ctx, b)
		cancel()
		if err != nil {
			err = f.Append(f.ctx, b)
		}
		var conflict *store.ConflictError
		if err != nil && (!errors.As(err, &conflict) || conflict.Have != b.End()) {
			t.Fatalf("resend %d: %v", i, err)
		}
		at = b.End()
	}
	f.wantSame("events", 50, len(f.read(ID(2), 0)))
}

func closed(t *testing.T, open Open) {
	s := open(t)
	f := fixture{s, t, t.Context()}
	f.append(Next(ID(1), store.Position{}, 1, 1))
	for range 2 {
		if err := s.Close(); err != nil {
			t.Fatalf("close: %v", err)
		}
	}
	for name, call := range map[string]func() error{
		"append": func() error { return s.Append(f.ctx, Next(ID(2), store.Position{}, 1, 1)) },
		"read":   func() error { _, err := s.Read(f.ctx, ID(1), 0); return err },
		"head":   func() error { _, err := s.Head(f.ctx, ID(1)); return err },
		"heads":  func() error { _, err := s.Heads(f.ctx, "", 1); return err },
		"due":    func() error { _, err := s.Due(f.ctx, time.Now(), 1); return err },
	} {
		if err := call(); !errors.Is(err, store.ErrClosed) {
			t.Errorf("%s: %v, want %v", name, err, store.ErrClosed)
		}
	}
}

func closeWaits(t *testing.T, open Open) {
	s := open(t)
	acked := make([]store.Position, 8)
	var wg sync.WaitGroup
	for w := range acked {
		wg.Go(func() {
			for {
				b := Next(ID(uint64(w)), acked[w], 1, 1)
				if err := s.Append(t.Context(), b); err != nil {
					if !errors.Is(err, store.ErrClosed) {
						t.Errorf("writer %d: %v", w, err)
					}
					return
				}
				acked[w] = b.End()
			}
		})
	}
	for { // until it is busy
		if h, err := s.Head(t.Context(), ID(0)); err != nil || h.Seq > 2 {
			break
		}
	}
	if err := s.Close(); err != nil {
		t.Fatalf("close: %v", err)
	}
	wg.Wait()
	f := start(t, open)
	for w, at := range acked {
		f.wantSame("head after Close", at, f.head(ID(uint64(w))).Position)
	}
}
