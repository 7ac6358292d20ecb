package bolt

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	bbolt "go.etcd.io/bbolt"

	"belay/session/store"
	"belay/session/store/storetest"
)

func TestContract(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Open {
		path := filepath.Join(t.TempDir(), "belay.db")
		return func(t *testing.T) store.Store { return open(t, path) }
	})
}

func open(t testing.TB, path string) *Store {
	t.Helper()
	s, err := Open(Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// fresh opens a new store that is closed, and its pages checked, at the end.
func fresh(t *testing.T) *Store {
	t.Helper()
	s := open(t, filepath.Join(t.TempDir(), "belay.db"))
	t.Cleanup(func() {
		if s.db != nil && s.dead.Load() == nil && !t.Failed() {
			checkPages(t, s)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func mustAppend(t testing.TB, s *Store, b store.Batch) store.Position {
	t.Helper()
	if err := s.Append(t.Context(), b); err != nil {
		t.Fatalf("append %d events to %s: %v", len(b.Records), b.Log, err)
	}
	return b.End()
}

// wantLog fails unless the log is the unbroken chain that ends at end.
func wantLog(t testing.TB, s *Store, log string, end store.Position) {
	t.Helper()
	records, err := s.Read(t.Context(), log, 0)
	if err == nil {
		err = storetest.Verify(records, store.Position{})
	}
	if err != nil {
		t.Fatalf("%s: %v", log, err)
	}
	h, err := s.Head(t.Context(), log)
	if err != nil || h.Position != end || uint64(len(records)) != end.Seq {
		t.Fatalf("%s: %d events, head %v, %v; want head %v", log, len(records), h.Position, err, end)
	}
}

func TestTwoServersNeverShareAFile(t *testing.T) {
	s := fresh(t)
	if _, err := Open(s.opts); err == nil || !strings.Contains(err.Error(), "another belay is using "+s.opts.Path) {
		t.Fatalf("second open: %v", err)
	}
}

func TestOthersOnTheMachineCannotReadTheLog(t *testing.T) {
	path := filepath.Join(t.TempDir(), "belay.db")
	for _, before := range []os.FileMode{0, 0o644} { // new, and restored by somebody careless
		if before != 0 {
			if err := os.Chmod(path, before); err != nil {
				t.Fatal(err)
			}
		}
		if err := open(t, path).Close(); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Fatalf("mode %v after %v, %v", info.Mode(), before, err)
		}
	}
}

func TestAPathIsNeeded(t *testing.T) {
	if _, err := Open(Options{}); err == nil {
		t.Error("a store without a path was opened")
	}
	if _, err := Open(Options{Path: filepath.Join(t.TempDir(), "none", "belay.db")}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a store in a folder that is not there: %v", err)
	}
}

func TestAConflictFailsOnlyItsOwnAppend(t *testing.T) {
	s := fresh(t)
	end := mustAppend(t, s, storetest.Next("a", store.Position{}, 2, 1))
	before := s.durable.Load()

	stale := storetest.Next("a", store.Position{}, 1, 2)
	good := []store.Batch{storetest.Next("b", store.Position{}, 1, 3), storetest.Next("a", end, 3, 4), storetest.Next("c", store.Position{}, 1, 5)}
	next := storetest.Next("a", good[1].End(), 1, 6) // continues what waits in front of it
	batches := []store.Batch{stale, good[0], good[1], stale, good[2], next}
	errs := together(t, s, batches)

	for i, have := range map[int]store.Position{0: end, 3: good[1].End()} {
		conflict, ok := errors.AsType[*store.ConflictError](errs[i])
		if !ok || conflict.Have != have {
			t.Errorf("stale append %d: %v, want a conflict with %v", i, errs[i], have)
		}
	}
	for _, i := range []int{1, 2, 4, 5} {
		if errs[i] != nil {
			t.Errorf("append %d: %v", i, errs[i])
		}
	}
	if n := s.durable.Load() - before; n != 2 {
		t.Errorf("%d transactions, want 2: the one that was under way, and the group", n)
	}
	wantLog(t, s, "a", next.End())
	wantLog(t, s, "b", good[0].End())
	wantLog(t, s, "c", good[2].End())
}

// together has the committer find batches waiting, in their order.
func together(t *testing.T, s *Store, batches []store.Batch) []error {
	t.Helper()
	begun, release := make(chan struct{}), make(chan struct{})
	s.commit = func(tx *bbolt.Tx) error {
		s.commit = (*bbolt.Tx).Commit
		close(begun)
		<-release
		return tx.Commit()
	}
	var wg sync.WaitGroup
	wg.Go(func() { mustAppend(t, s, storetest.Next("under-way", store.Position{}, 1, 1)) })
	<-begun
	errs := make([]error, len(batches))
	for i, b := range batches {
		wg.Go(func() { errs[i] = s.Append(t.Context(), b) })
		waitFor(func() bool { return len(s.queue) == i+1 })
	}
	close(release)
	wg.Wait()
	return errs
}

func TestBackupIsAWholeLogWhileAppendsGoOn(t *testing.T) {
	s := fresh(t)
	at := store.Position{}
	for i := range uint64(20) {
		at = mustAppend(t, s, storetest.Next("a", at, 50, i))
	}
	slow := &blocked{begun: make(chan struct{}), release: make(chan struct{})}
	done := make(chan error, 1)
	go func() { done <- s.Backup(slow) }()
	<-slow.begun
	end := at
	for i := range uint64(2) { // a reader that stands still stops nobody, however much the log grows
		end = mustAppend(t, s, storetest.Next("a", end, 200, 100+i))
		large := store.Batch{Log: storetest.ID(i), Records: make([]store.Record, store.MaxBatch/store.MaxRecord)}
		for i := range large.Records {
			large.Records[i] = store.Record{Seq: uint64(i) + 1, Data: make([]byte, store.MaxRecord)}
		}
		mustAppend(t, s, large)
	}
	close(slow.release)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	wantLog(t, s, "a", end)

	path := filepath.Join(t.TempDir(), "restored.db")
	if err := os.WriteFile(path, slow.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	restored := open(t, path)
	defer restored.Close()
	wantLog(t, restored, "a", at)
	checkPages(t, restored)
	mustAppend(t, restored, storetest.Next("a", at, 1, 7))
}

func TestCloseDoesNotWaitForALongBackup(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "belay.db"))
	mustAppend(t, s, storetest.Next("a", store.Position{}, 200, 1))
	slow := &blocked{begun: make(chan struct{}), release: make(chan struct{})}
	backup, closed := make(chan error, 1), make(chan error, 1)
	go func() { backup <- s.Backup(slow) }()
	<-slow.begun
	go func() { closed <- s.Close() }()
	waitFor(func() bool { return s.hurry.Load() > 0 })
	close(slow.release)
	if err := <-backup; err == nil {
		t.Error("the backup went on")
	}
	if err := <-closed; err != nil {
		t.Error(err)
	}
	if err := s.Backup(&bytes.Buffer{}); !errors.Is(err, store.ErrClosed) {
		t.Errorf("backup after Close: %v", err)
	}
}

// blocked is a writer that stands still at its first write until it is released.
type blocked struct {
	bytes.Buffer
	once           sync.Once
	begun, release chan struct{}
}

func (b *blocked) Write(p []byte) (int, error) {
	b.once.Do(func() { close(b.begun); <-b.release })
	return b.Buffer.Write(p)
}
