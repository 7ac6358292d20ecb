package bolt

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"time"

	bbolt "go.etcd.io/bbolt"

	"belay/session/store"
	"belay/session/store/storetest"
)

// waitFor waits for a state that another goroutine is about to reach.
func waitFor(reached func() bool) {
	for !reached() {
		runtime.Gosched()
	}
}

func TestADiskThatFailsBeforeTheCommitChangesNothing(t *testing.T) {
	s := fresh(t)
	at := mustAppend(t, s, storetest.Next("a", store.Position{}, 2, 1))
	b := storetest.Next("a", at, 1, 2)

	for _, c := range []struct{ disk, want error }{
		{syscall.ENOSPC, store.ErrFull},
		{errors.New("file resize error: " + syscall.ENOSPC.Error()), store.ErrFull}, // as bbolt says it
		{syscall.EIO, syscall.EIO},
	} {
		s.commit = func(tx *bbolt.Tx) error { return errors.Join(c.disk, tx.Rollback()) }
		if err := s.Append(t.Context(), b); !errors.Is(err, c.want) {
			t.Fatalf("append: %v, want %v", err, c.want)
		}
		wantLog(t, s, "a", at)
	}
	s.commit = (*bbolt.Tx).Commit
	wantLog(t, s, "a", mustAppend(t, s, b))
}

func TestADiskThatFailsInTheMiddleOfACommitIsSettledBeforeAnyAnswer(t *testing.T) {
	for name, written := range map[string]bool{"written": true, "not written": false} {
		t.Run(name, func(t *testing.T) {
			s := fresh(t)
			at := mustAppend(t, s, storetest.Next("a", store.Position{}, 2, 1))
			b := storetest.Next("a", at, 1, 2)
			broken := 2 // the commit itself, and the first attempt to open again
			s.commit = func(tx *bbolt.Tx) error {
				if broken--; broken < 0 {
					return tx.Commit()
				}
				if written {
					if err := tx.Commit(); err != nil {
						t.Error(err)
					}
					return syscall.EIO
				}
				if broken == 1 {
					panic("the disk is gone")
				}
				return syscall.EIO
			}
			err := s.Append(t.Context(), b)
			if err == nil || errors.Is(err, store.ErrFull) {
				t.Fatalf("append: %v", err)
			}
			if _, err := s.Head(t.Context(), "a"); err == nil {
				t.Fatal("an unconfirmed state was read")
			}
			// The disk works again.
			want := at
			if written {
				want = b.End()
			}
			wantLog(t, s, "a", want)
			err = s.Append(t.Context(), b)
			if conflict, ok := errors.AsType[*store.ConflictError](err); written && (!ok || conflict.Have != b.End()) || !written && err != nil {
				t.Fatalf("resend: %v", err)
			}
			wantLog(t, s, "a", b.End())
		})
	}
}

func TestNobodyReadsWhatIsNotDurableYet(t *testing.T) {
	s := fresh(t)
	b := storetest.Next("a", store.Position{}, 1, 1)
	synced, early := false, make(chan bool, 1)
	s.commit = func(tx *bbolt.Tx) error {
		err := tx.Commit() // visible to bbolt's readers; say its last fsync takes a while
		go func() {
			_, readErr := s.Head(t.Context(), "a")
			early <- !synced || readErr != nil // ordered by the lock that Head waits for
		}()
		time.Sleep(20 * time.Millisecond)
		synced = true
		return err
	}
	mustAppend(t, s, b)
	if <-early {
		t.Error("a reader was told of an event that a crash could still take back")
	}
}

func TestADamagedFileIsAnErrorAndNotADeadServer(t *testing.T) {
	build := func(t *testing.T) string {
		path := filepath.Join(t.TempDir(), "belay.db")
		s := open(t, path)
		at := store.Position{}
		for i := range uint64(4) {
			at = mustAppend(t, s, storetest.Next("a", at, 250, i))
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		return path
	}
	scribble := func(t *testing.T, path string, from, n int64) {
		f, err := os.OpenFile(path, os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		junk := make([]byte, n)
		for i := range junk {
			junk[i] = byte(i*7 + 13)
		}
		if _, err := f.WriteAt(junk, from); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	size := func(t *testing.T, path string) int64 {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		return info.Size()
	}

	t.Run("before it is opened", func(t *testing.T) {
		for name, harm := range map[string]func(path string){
			"cut":            func(path string) { _ = os.Truncate(path, 5*4096) },
			"cut to nothing": func(path string) { _ = os.Truncate(path, 100) },
			"another file":   func(path string) { _ = os.WriteFile(path, []byte("a letter to Sam"), 0o600) },
			"both heads":     func(path string) { scribble(t, path, 0, 2*4096) },
			"all but heads":  func(path string) { scribble(t, path, 2*4096, size(t, path)-2*4096) },
		} {
			path := build(t)
			harm(path)
			s, err := Open(Options{Path: path})
			if err == nil {
				_, err = s.Read(t.Context(), "a", 0)
				_ = s.Close()
			}
			if err == nil {
				t.Errorf("%s: nobody noticed", name)
			}
			t.Logf("%s: %v", name, err)
		}
	})
	t.Run("while it is open", func(t *testing.T) {
		for name, harm := range map[string]func(path string){
			"cut":        func(path string) { _ = os.Truncate(path, 4*4096) },
			"cut to 0":   func(path string) { _ = os.Truncate(path, 0) },
			"scribbled":  func(path string) { scribble(t, path, 2*4096, size(t, path)-2*4096) },
			"both heads": func(path string) { scribble(t, path, 0, 2*4096) },
		} {
			path := build(t)
			s := open(t, path)
			harm(path)
			for i := range 2 {
				_, err := s.Read(t.Context(), "a", 0)
				t.Logf("%s: read: %v", name, err)
				if err == nil {
					t.Errorf("%s: reading: nobody noticed", name)
				}
				if err := s.Append(t.Context(), storetest.Next("a", store.Position{}, 1, 1)); err == nil {
					t.Errorf("%s: appending: nobody noticed", name)
				} else if i == 0 {
					t.Logf("%s: append: %v", name, err)
				}
			}
			if err := s.Close(); err != nil {
				t.Logf("%s: close: %v", name, err)
			}
		}
	})
}

func TestAHalfMadeFileIsMadeAnew(t *testing.T) {
	path := filepath.Join(t.TempDir(), "belay.db")
	if err := os.WriteFile(path+".new", make([]byte, 4096), 0o600); err != nil {
		t.Fatal(err)
	}
	s := open(t, path)
	mustAppend(t, s, storetest.Next("a", store.Position{}, 1, 1))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if left, _ := filepath.Glob(path + ".*"); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestANewerFileIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "belay.db")
	if err := open(t, path).Close(); err != nil {
		t.Fatal(err)
	}
	db, err := bbolt.Open(path, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	err = db.Update(func(tx *bbolt.Tx) error { return tx.Bucket(aboutBucket).Put(formatKey, []byte{format + 1}) })
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(Options{Path: path}); err == nil {
		t.Fatalf("a file of format %d was opened", format+1)
	}
}

// A disk that hangs gives no error. Whoever only asks, and says for how long, is not
// held up with it: a probe of the server would count it as dead.
func TestWhoAsksIsNotHeldUpByADiskThatHangsForLongerThanTheySaid(t *testing.T) {
	s := fresh(t)
	b := storetest.Next("a", store.Position{}, 1, 1)
	seen, release := make(chan struct{}), make(chan struct{})
	s.commit = func(tx *bbolt.Tx) error {
		err := tx.Commit() // visible to bbolt's readers; its last fsync hangs
		close(seen)
		<-release
		return err
	}
	var writes sync.WaitGroup
	writes.Go(func() {
		if err := s.Append(t.Context(), b); err != nil {
			t.Error(err)
		}
	})
	<-seen
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	answer := make(chan error, 1)
	go func() { _, err := s.Head(ctx, "a"); answer <- err }()
	select {
	case err := <-answer:
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("answered %v", err)
		}
	case <-time.After(5 * time.Second):
		t.Error("still held up after five seconds")
	}
	close(release)
	writes.Wait()
	wantLog(t, s, "a", b.End())
}
