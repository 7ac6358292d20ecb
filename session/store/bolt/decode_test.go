package bolt

import (
	"bytes"
	"testing"
	"testing/synctest"
	"time"

	"belay/session"
	"belay/session/store"
	"belay/session/store/storetest"
)

func FuzzHead(f *testing.F) {
	f.Add(encodeHead(store.Position{Seq: 3, Hash: session.Hash{1, 2}}, 1_772_395_200_000, []byte(`{"phase":"active"}`)))
	f.Add([]byte{format})
	f.Fuzz(func(t *testing.T, v []byte) {
		h := store.Head{Log: "a"}
		if decodeHead(&h, v) != nil {
			return
		}
		if again := encodeHead(h.Position, store.DueMillis(h.Due), h.Summary); !bytes.Equal(again, v) && h.Due.Year() < 10_000 && h.Due.Year() > 1969 {
			t.Errorf("%x is read as %+v, which is written as %x", v, h, again)
		}
	})
}

func FuzzRecord(f *testing.F) {
	f.Add(encodeRecord(storetest.Next("a", store.Position{Seq: 6, Hash: session.Hash{7}}, 1, 1).Records[0]))
	f.Fuzz(func(t *testing.T, v []byte) {
		r, err := decodeRecord(7, v)
		if err == nil && !bytes.Equal(encodeRecord(r), v) {
			t.Errorf("%x is read as %+v", v, r)
		}
	})
}

// The tests of the live sessions run hours of virtual time on this store.
func TestTheStoreWorksInVirtualTime(t *testing.T) {
	path := t.TempDir() + "/belay.db"
	synctest.Test(t, func(t *testing.T) {
		s := open(t, path)
		at := store.Position{}
		start := time.Now()
		for range 150 {
			time.Sleep(time.Minute)
			b := storetest.Next("a", at, 1, 1)
			b.Due = time.Now().Add(time.Minute)
			at = mustAppend(t, s, b)
		}
		synctest.Wait()
		wantLog(t, s, "a", at)
		if took := time.Since(start); took != 150*time.Minute {
			t.Errorf("the clock moved by %v", took)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
}
