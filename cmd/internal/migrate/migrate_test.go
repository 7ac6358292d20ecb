package migrate

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"belay/session"
	"belay/session/practice"
	"belay/session/store"
	"belay/session/store/bolt"
	"belay/session/store/redis"
	"belay/session/store/redis/redistest"
	"belay/session/store/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// redisPlace is a prefix of its own on a real server of the test's own.
func redisPlace(t *testing.T) Place {
	t.Helper()
	return Place{Redis: &redis.Options{Addrs: []string{redistest.Alone(t).Addr}, Prefix: "moved"}}
}

// filled is a folder with a practice and some sessions, one of them longer than
// a batch.
func filled(t *testing.T) Place {
	t.Helper()
	p := Place{Folder: t.TempDir()}
	s, err := bolt.Open(bolt.Options{Path: p.file(), NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	fill(t, s, practice.LogName, 3, time.Time{}, practice.SignedOut{Hash: "x"})
	for n := range uint64(20) {
		fill(t, s, storetest.ID(n), 10, time.UnixMilli(1_900_000_000_000+int64(n)), session.NoteWritten{Text: strings.Repeat("é ", int(n))})
	}
	fill(t, s, storetest.ID(99), store.MaxRecords+30, time.Time{}, session.NoteWritten{})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return p
}

func fill(t *testing.T, s store.Store, log string, n int, due time.Time, fact session.Fact) {
	t.Helper()
	at := store.Position{}
	for i := range n {
		now := session.Instant(time.UnixMilli(1_800_000_000_000 + int64(i)))
		e, raw, err := session.Link(session.Event{Log: log, Seq: at.Seq + 1, Recorded: now, At: now, Seat: session.Server, Fact: fact}, at.Hash, session.SaltFrom(uint64(i)))
		if err != nil {
			t.Fatal(err)
		}
		b := store.Batch{Log: log, After: at, Due: due, Summary: fmt.Appendf(nil, `{"n":%d}`, i),
			Records: []store.Record{{Seq: e.Seq, Prev: at.Hash, Hash: e.Hash, Data: raw}}}
		if err := s.Append(t.Context(), b); err != nil {
			t.Fatal(err)
		}
		at = b.End()
	}
}

const allEvents = 3 + 20*10 + store.MaxRecords + 30

func TestAPracticeMovesToRedisAndBackWithoutLosingAnEvent(t *testing.T) {
	home, away := filled(t), redisPlace(t)
	back := Place{Folder: filepath.Join(t.TempDir(), "new", "data")}
	for _, move := range [][2]Place{{home, away}, {away, back}} {
		n, err := Move(t.Context(), move[0], move[1])
		if err != nil || n.Logs != 22 || n.Events != allEvents || n.Before != 0 {
			t.Fatalf("%v to %v: %+v, %v", move[0], move[1], n, err)
		}
	}
	first, second := reopen(t, home), reopen(t, back)
	if err := Verify(t.Context(), first, second); err != nil {
		t.Fatal(err)
	}
	if due, err := second.Due(t.Context(), time.UnixMilli(1_900_000_000_004), 100); err != nil || len(due) != 5 {
		t.Errorf("%d deadlines arrived, %v", len(due), err)
	}
}

func reopen(t *testing.T, p Place) store.Store {
	t.Helper()
	o, err := openSource(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = o.close() })
	return o.store
}

func TestARecordIsNeverMovedOntoAnother(t *testing.T) {
	home, away := filled(t), redisPlace(t)
	if _, err := Move(t.Context(), home, away); err != nil {
		t.Fatal(err)
	}
	for _, to := range []Place{away, home} {
		if _, err := Move(t.Context(), filled(t), to); !errors.Is(err, ErrNotEmpty) {
			t.Errorf("onto %v: %v", to, err)
		}
	}
	s, err := redis.Open(t.Context(), *away.Redis)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	// A node may still begin there: the refused move has not marked it as half.
	claim, err := s.Claim(t.Context(), redis.Node{ID: "node", Words: "a server"})
	if err != nil {
		t.Fatal(err)
	}
	defer claim.Release()
	if _, err := Move(t.Context(), away, Place{Folder: t.TempDir()}); err == nil || !strings.Contains(err.Error(), "a server") {
		t.Errorf("from under a running server: %v", err)
	}
}

func TestAMoveThatBrokeOffGoesOnAndIsServedByNobodyBefore(t *testing.T) {
	home, away := filled(t), redisPlace(t)
	folder := Place{Folder: t.TempDir()}
	for _, to := range []Place{away, folder} {
		target, err := openTarget(t.Context(), to)
		if err != nil {
			t.Fatal(err)
		}
		source, err := openSource(t.Context(), home)
		if err != nil {
			t.Fatal(err)
		}
		_, err = Copy(t.Context(), source.store, &brittle{Store: target.store, left: 7}, false)
		if !errors.Is(err, errBrittle) {
			t.Fatal(err)
		}
		if err := errors.Join(source.close(), target.close()); err != nil {
			t.Fatal(err)
		}
		if _, err := openSource(t.Context(), to); err == nil {
			t.Errorf("half of a record at %v is taken for a whole one", to)
		}
		n, err := Move(t.Context(), home, to)
		if err != nil || n.Events != allEvents || n.Before == 0 {
			t.Errorf("going on to %v: %+v, %v", to, n, err)
		}
	}
	source := reopen(t, home)
	for _, to := range []Place{away, folder} {
		if err := Verify(t.Context(), source, reopen(t, to)); err != nil {
			t.Error(err)
		}
	}
}

// brittle takes some appends and then no more.
type brittle struct {
	store.Store
	left int
}

var errBrittle = errors.New("the power is gone")

func (b *brittle) Append(ctx context.Context, batch store.Batch) error {
	if b.left--; b.left < 0 {
		return errBrittle
	}
	return b.Store.Append(ctx, batch)
}

func TestADamagedSourceIsNotPassedOnAsWhole(t *testing.T) {
	p := Place{Folder: t.TempDir()}
	s, err := bolt.Open(bolt.Options{Path: p.file(), NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	fill(t, s, storetest.ID(1), 3, time.Time{}, session.NoteWritten{})
	head, err := s.Head(t.Context(), storetest.ID(1))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(s.Append(t.Context(), storetest.Next(storetest.ID(1), head.Position, 1, 0)), s.Close()); err != nil {
		t.Fatal(err)
	}
	to := Place{Folder: t.TempDir()}
	if _, err := Move(t.Context(), p, to); err == nil || !strings.Contains(err.Error(), "the source") {
		t.Fatalf("moved: %v", err)
	}
	if _, err := os.Stat(to.file()); err == nil {
		t.Error("a server would take what arrived for the record")
	}
	if _, err := Move(t.Context(), Place{Folder: t.TempDir()}, to); err == nil || !strings.Contains(err.Error(), "no record") {
		t.Errorf("from an empty folder: %v", err)
	}
}
