package journal

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	bbolt "go.etcd.io/bbolt"

	"belay/session/store"
	"belay/session/store/redis"
	"belay/session/store/redis/redistest"
	"belay/session/store/storetest"
)

// Whoever was told that something is recorded, or noted, must be right also when this
// machine loses its power the moment after.
func TestNobodyIsToldBeforeThisNodesDiskHasIt(t *testing.T) {
	n := open(t, filepath.Join(t.TempDir(), "journal"), redis.Options{Addrs: []string{redistest.Alone(t).Addr}})
	defer n.Close()
	log := storetest.ID(1)
	b := event(log, store.Position{}, "a")
	for _, c := range []struct {
		what string
		do   func() error
	}{
		{"an append", func() error { return n.Append(context.Background(), b) }},
		{"a note", func() error { return n.journal.Note(context.Background(), log, []byte("noted")) }},
	} {
		hangs := make(chan struct{}) // the disk
		if c.what == "an append" {
			n.journal.tape.sync = func(*os.File) error { <-hangs; return nil }
		} else {
			began := make(chan struct{})
			n.journal.change(func(*bbolt.Tx) error { close(began); <-hangs; return nil })
			<-began
		}
		told := make(chan error, 1)
		go func() { told <- c.do() }()
		if c.what == "an append" { // Redis has it at once
			eventually(t, "Redis has it", func() bool {
				h, err := n.shared.Head(t.Context(), log)
				return err == nil && h.Position == b.End()
			})
		}
		select {
		case err := <-told:
			t.Errorf("%s was acknowledged (%v) while the node's disk hung", c.what, err)
			close(hangs)
			continue
		case <-time.After(100 * time.Millisecond):
		}
		close(hangs)
		if err := <-told; err != nil {
			t.Errorf("%s: %v", c.what, err)
		}
	}
}
