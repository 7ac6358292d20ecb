package storetest

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"belay/session"
	"belay/session/store"
)

func readBack(t *testing.T, open Open) {
	f := start(t, open)
	first := Next("practice", store.Position{}, 3, 1)
	first.Due = time.Date(2026, 3, 1, 20, 15, 0, 0, time.UTC)
	second := Next("practice", f.append(first), 2, 2)
	second.Due = first.Due.Add(time.Hour)
	f.append(second)

	all := append(first.Records[:3:3], second.Records...)
	f.wantSame("all", all, f.read("practice", 0))
	f.wantSame("after 2", all[2:], f.read("practice", 2))
	f.wantSame("after 4", all[4:], f.read("practice", 4))
	for _, after := range []uint64{5, 6, 1 << 40, 1<<53 + 1, 1<<63 + 1, 1<<64 - 1} {
		if got := f.read("practice", after); len(got) != 0 {
			t.Fatalf("after %d: %d events", after, len(got))
		}
	}
	f.wantSame("head", store.Head{Log: "practice", Position: all[4].Position(), Due: second.Due, Summary: second.Summary}, f.head("practice"))

	// What was read belongs to the reader.
	got := f.read("practice", 0)
	for i := range got[0].Data {
		got[0].Data[i] = 'x'
	}
	f.wantSame("after a reader scribbled", all, f.read("practice", 0))

	odd := store.Batch{Log: "Odd._-9", Records: []store.Record{{Seq: 1, Hash: session.Hash{1}, Data: []byte("\x00\xff\r\n\"\\ \xf0\x9f")}}, Summary: []byte("\x00\xff\r\n")}
	f.append(odd)
	f.wantSame("odd bytes", odd.Records, f.read("Odd._-9", 0))
	f.wantSame("odd summary", store.Head{Log: "Odd._-9", Position: odd.End(), Summary: odd.Summary}, f.head("Odd._-9"))
}

func unknownLog(t *testing.T, open Open) {
	f := start(t, open)
	f.append(Next("aa", store.Position{}, 1, 1))
	for _, log := range []string{"a", "aaa", "b", ID(1)} {
		if got := f.read(log, 0); len(got) != 0 {
			t.Fatalf("%s: %d events", log, len(got))
		}
		f.wantSame("head", store.Head{Log: log}, f.head(log))
	}
}

func conflictBySeq(t *testing.T, open Open) {
	f := start(t, open)
	b := Next(ID(1), store.Position{}, 3, 1)
	end := f.append(b)

	f.wantConflict(Next(ID(1), store.Position{}, 1, 2), end)
	f.wantConflict(Next(ID(1), b.Records[1].Position(), 1, 2), end)
	f.wantConflict(Next(ID(1), store.Position{Seq: 4, Hash: end.Hash}, 1, 2), end)
	f.wantConflict(Next(ID(2), end, 1, 2), store.Position{})
	f.wantSame("events", b.Records, f.read(ID(1), 0))
	f.wantSame("other log", store.Head{Log: ID(2)}, f.head(ID(2)))
	f.append(Next(ID(1), end, 1, 3))
}

func conflictByHash(t *testing.T, open Open) {
	f := start(t, open)
	b := Next(ID(1), store.Position{}, 2, 1)
	end := f.append(b)
	other := Next(ID(1), store.Position{}, 2, 2).End()

	f.wantConflict(Next(ID(1), other, 1, 3), end)
	f.wantConflict(Next(ID(1), store.Position{Seq: 2}, 1, 3), end)
	f.wantConflict(Next(ID(1), other, 0, 3), end)
	f.wantSame("events", b.Records, f.read(ID(1), 0))
}

func resent(t *testing.T, open Open) {
	f := start(t, open)
	b := Next(ID(1), store.Position{}, 2, 1)
	f.append(b)
	f.wantConflict(b, b.End())
	f.wantSame("events", b.Records, f.read(ID(1), 0))
}

func race(t *testing.T, open Open) {
	f := start(t, open)
	const writers, rounds = 4, 25
	at := store.Position{}
	for round := range rounds {
		errs := make([]error, writers)
		batches := make([]store.Batch, writers)
		var wg sync.WaitGroup
		for w := range writers {
			batches[w] = Next(ID(1), at, 1+w%2, uint64(round*writers+w))
			wg.Go(func() { errs[w] = f.Append(f.ctx, batches[w]) })
		}
		wg.Wait()
		var won []store.Position
		for w, err := range errs {
			var conflict *store.ConflictError
			switch {
			case err == nil:
				won = append(won, batches[w].End())
			case !errors.As(err, &conflict):
				t.Fatalf("round %d, writer %d: %v", round, w, err)
			}
		}
		if len(won) != 1 {
			t.Fatalf("round %d: %d writers won, want 1", round, len(won))
		}
		at = won[0]
	}
	records := f.read(ID(1), 0)
	if err := Verify(records, store.Position{}); err != nil {
		t.Fatal(err)
	}
	f.wantSame("head", at, records[len(records)-1].Position())
}

func concurrentLogs(t *testing.T, open Open) {
	f := start(t, open)
	const logs, appends = 16, 20
	var wg sync.WaitGroup
	for n := range uint64(logs) {
		wg.Go(func() {
			at := store.Position{}
			for i := range uint64(appends) {
				b := Next(ID(n), at, 1+int(i%3), n)
				b.Due = time.UnixMilli(int64(1 + n*appends + i))
				if err := f.Append(f.ctx, b); err != nil {
					t.Errorf("log %d: %v", n, err)
					return
				}
				at = b.End()
				got, err := f.Read(f.ctx, ID(n), b.After.Seq)
				if err != nil || len(got) != len(b.Records) {
					t.Errorf("log %d: %d events read after an append of %d: %v", n, len(got), len(b.Records), err)
				}
			}
		})
	}
	wg.Wait()
	for n := range uint64(logs) {
		records := f.read(ID(n), 0)
		if err := Verify(records, store.Position{}); err != nil {
			t.Errorf("log %d: %v", n, err)
		}
		if h := f.head(ID(n)); h.Seq != uint64(len(records)) || h.Due.UnixMilli() != int64(n*appends+appends) {
			t.Errorf("log %d: head %+v after %d events", n, h, len(records))
		}
	}
}

func reopen(t *testing.T, open Open) {
	var want []store.Record
	due := time.Date(2026, 3, 1, 20, 15, 0, 7e6, time.UTC)
	at := store.Position{}
	for round := range uint64(3) {
		f := fixture{open(t), t, t.Context()}
		f.wantSame("events after a restart", want, f.read(ID(1), 0))
		if round > 0 {
			f.wantSame("deadline after a restart", []string{ID(1)}, f.due(due, 10))
		}
		b := Next(ID(1), at, 2, round)
		b.Due = due
		at = f.append(b)
		want = append(want, b.Records...)
		if err := f.Close(); err != nil {
			t.Fatalf("close: %v", err)
		}
	}
}

func longLog(t *testing.T, open Open) {
	f := start(t, open)
	at, want := store.Position{}, []store.Record(nil)
	for len(want) < 5000 {
		b := Next(ID(1), at, 250, uint64(len(want)))
		at, want = f.append(b), append(want, b.Records...)
	}
	f.wantSame("events", want, f.read(ID(1), 0))
	f.wantSame("tail", want[4998:], f.read(ID(1), 4998))
}

func wholeBatches(t *testing.T, open Open) {
	f := start(t, open)
	const size, appends = 5, 40
	done := make(chan error, 1)
	go func() {
		at := store.Position{}
		for i := range uint64(appends) {
			b := Next(ID(1), at, size, i)
			if err := f.Append(f.ctx, b); err != nil {
				done <- err
				return
			}
			at = b.End()
		}
		done <- nil
	}()
	for {
		records := f.read(ID(1), 0)
		if len(records)%size != 0 {
			t.Errorf("%d events read: no whole number of batches", len(records))
		}
		h := f.head(ID(1))
		if h.Seq < uint64(len(records)) || string(h.Summary) != fmt.Sprintf(`{"events":%d}`, h.Seq) && h.Seq > 0 {
			t.Errorf("head %d with summary %s after %d events", h.Seq, h.Summary, len(records))
		}
		select {
		case err := <-done:
			if err != nil {
				t.Fatal(err)
			}
			return
		default:
		}
	}
}
