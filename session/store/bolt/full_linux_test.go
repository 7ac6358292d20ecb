package bolt

import (
	"errors"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"

	"belay/session/store"
	"belay/session/store/storetest"
)

// smallDisk mounts a file system of size bytes and returns its folder.
func smallDisk(t *testing.T, options string) string {
	t.Helper()
	dir := t.TempDir()
	if os.Getuid() != 0 {
		storetest.Missing(t, "only root can mount a small disk")
	}
	if err := syscall.Mount("belay-test", dir, "tmpfs", 0, options); err != nil {
		storetest.Missing(t, "mount a small disk: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Errorf("unmount: %v", err)
		}
	})
	return dir
}

// fill takes all space that is left and returns a function that gives it back.
func fill(t *testing.T, dir string) (release func()) {
	t.Helper()
	path := filepath.Join(dir, "something else")
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	for err == nil {
		_, err = f.Write(make([]byte, 4096))
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAFullDiskLosesNothingAndRecovers(t *testing.T) {
	path := filepath.Join(smallDisk(t, "size=1m"), "belay.db")
	s := open(t, path)
	ends := map[string]store.Position{}
	untilFull := func(salt uint64) {
		t.Helper()
		for n := uint64(0); ; n++ {
			log := storetest.ID(n % 7)
			b := storetest.Next(log, ends[log], 1+int(n%40), salt+n)
			err := s.Append(t.Context(), b)
			if errors.Is(err, store.ErrFull) {
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			ends[log] = b.End()
		}
	}
	check := func() {
		t.Helper()
		for log, end := range ends {
			wantLog(t, s, log, end)
		}
	}
	again := func() {
		t.Helper()
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		s = open(t, path)
		check()
	}

	release := fill(t, filepath.Dir(path))
	_, err := Open(Options{Path: filepath.Join(filepath.Dir(path), "second.db")})
	if !errors.Is(err, store.ErrFull) {
		t.Fatalf("a new store on a full disk: %v", err)
	}
	untilFull(1 << 10)
	check()
	again() // a server that starts on a full disk can be read
	untilFull(2 << 10)
	release()
	untilFull(3 << 10) // works, up to the end of the disk
	check()
	again()
	for range 200 { // nothing breaks by trying
		b := storetest.Next("more", ends["more"], 40, 4<<10)
		if err := s.Append(t.Context(), b); err == nil {
			ends["more"] = b.End()
		} else if !errors.Is(err, store.ErrFull) {
			t.Fatal(err)
		}
	}
	check()
	if err := syscall.Mount("belay-test", filepath.Dir(path), "tmpfs", syscall.MS_REMOUNT, "size=4m"); err != nil {
		t.Fatal(err)
	}
	for i := range uint64(200) {
		log := storetest.ID(i % 9)
		ends[log] = mustAppend(t, s, storetest.Next(log, ends[log], 3, 5<<10+i))
	}
	check()
	again()
	checkPages(t, s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestManyWritersOnAFullDiskAreAllTold(t *testing.T) {
	s := open(t, filepath.Join(smallDisk(t, "size=1m"), "belay.db"))
	ends := make([]store.Position, 16)
	var wg sync.WaitGroup
	for w := range ends {
		wg.Go(func() {
			for salt := uint64(0); ; salt++ {
				b := storetest.Next(storetest.ID(uint64(w)), ends[w], 5, salt)
				if err := s.Append(t.Context(), b); err != nil {
					if !errors.Is(err, store.ErrFull) {
						t.Errorf("writer %d: %v", w, err)
					}
					return
				}
				ends[w] = b.End()
			}
		})
	}
	wg.Wait()
	for w, end := range ends {
		wantLog(t, s, storetest.ID(uint64(w)), end)
	}
	checkPages(t, s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestSessionsGoOnWhenSomethingElseFillsTheDisk(t *testing.T) {
	s := open(t, filepath.Join(smallDisk(t, "size=48m"), "belay.db"))
	release := fill(t, filepath.Dir(s.opts.Path))
	at, events := store.Position{}, 0
	for {
		b := storetest.Next("a", at, 5, at.Seq)
		if err := s.Append(t.Context(), b); err != nil {
			if !errors.Is(err, store.ErrFull) {
				t.Fatal(err)
			}
			break
		}
		at, events = b.End(), events+len(b.Records)
	}
	if events < 5000 {
		t.Errorf("the reserve lasted for %d events", events)
	}
	wantLog(t, s, "a", at)
	release()
	wantLog(t, s, "a", mustAppend(t, s, storetest.Next("a", at, 200, 1)))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}
