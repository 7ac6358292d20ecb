package live_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"belay/session"
	"belay/session/live"
	"belay/session/store"
	"belay/session/store/bolt"
)

// common is one store that several nodes write to.
type common struct {
	store.Store
	mu    sync.Mutex
	hear  map[*beside]func(store.Hint)
	ended map[string]time.Time
	names []string
	fails int // appends that continued another's
	reads int
	twist func([][]byte) [][]byte // what becomes of the events that a hint carries; nil: nothing
}

// beside is a node's side of it. A deaf one gets no hints.
type beside struct {
	*common
	name string
	deaf bool
}

func (c *common) Append(ctx context.Context, b store.Batch) error {
	err := c.Store.Append(ctx, b)
	c.mu.Lock()
	defer c.mu.Unlock()
	if errors.As(err, new(*store.ConflictError)) {
		c.fails++
	}
	if err == nil {
		for _, f := range c.hear {
			f(c.hint(b))
		}
	}
	return err
}

// hint is what nodes hear of an append. c.mu is held.
func (c *common) hint(b store.Batch) store.Hint {
	h := store.Hint{Log: b.Log, Seq: b.End().Seq}
	for _, r := range b.Records {
		h.Events = append(h.Events, r.Data)
	}
	if c.twist != nil {
		h.Events = c.twist(h.Events)
	}
	return h
}

func (c *common) Read(ctx context.Context, log string, after uint64) ([]store.Record, error) {
	c.mu.Lock()
	c.reads++
	c.mu.Unlock()
	return c.Store.Read(ctx, log, after)
}

func (b *beside) Hints(ctx context.Context, f func(store.Hint)) {
	if !b.deaf {
		b.mu.Lock()
		b.hear[b] = f
		b.mu.Unlock()
	}
	<-ctx.Done()
	b.mu.Lock()
	delete(b.hear, b)
	b.mu.Unlock()
}

func (b *beside) Positions(ctx context.Context, logs []string) ([]store.Position, error) {
	all := make([]store.Position, len(logs))
	for i, log := range logs {
		h, err := b.Head(ctx, log)
		if err != nil {
			return nil, err
		}
		all[i] = h.Position
	}
	return all, nil
}

func (b *beside) Lapsed(node string) (time.Time, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	at, gone := b.ended[node]
	return at, gone
}

func (b *beside) Running() (all []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, name := range b.names {
		if _, gone := b.ended[name]; !gone && name != b.name {
			all = append(all, name)
		}
	}
	return all
}

// cluster is desks that share a store: what one creates is there for the others.
func cluster(t *testing.T, deaf bool, names ...string) (*common, []*desk) {
	t.Helper()
	db, err := bolt.Open(bolt.Options{Path: filepath.Join(t.TempDir(), "log"), NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	c := &common{Store: db, hear: map[*beside]func(store.Hint){}, ended: map[string]time.Time{}, names: names}
	var all []*desk
	for i, name := range names {
		d := &desk{t: t, n: 1000 * i} // commands have ids of their own
		if d.live, err = live.New(live.Options{Store: c, Nodes: &beside{c, name, deaf}, Log: slog.New(noErrors{t})}); err != nil {
			t.Fatal(err)
		}
		if err := d.live.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		all = append(all, d)
	}
	t.Cleanup(func() {
		for _, d := range all {
			if err := d.live.Close(); err != nil {
				t.Error(err)
			}
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return c, all
}

// noErrors is a log in which nothing may be called an error: that nodes share sessions
// is none.
type noErrors struct{ t *testing.T }

func (noErrors) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelError }
func (l noErrors) Handle(_ context.Context, r slog.Record) error {
	l.t.Errorf("an operator reads: %s", r.Message)
	return nil
}
func (l noErrors) WithAttrs([]slog.Attr) slog.Handler { return l }
func (l noErrors) WithGroup(string) slog.Handler      { return l }

func TestNodesThatDecideTheSameDeadlineWriteItOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, nodes := cluster(t, false, "a", "b", "c")
		nodes[0].create(1)
		var screens []*screen
		for _, d := range nodes { // in memory at each
			screens = append(screens, d.attach("therapist-1"))
		}
		nodes[1].dose()
		time.Sleep(3 * time.Hour)
		synctest.Wait()
		raised := map[string]int{}
		_, alarms := find[session.AlarmRaised](nodes[2])
		for _, a := range alarms {
			raised[a.Alarm]++
			if raised[a.Alarm] > 1 {
				t.Errorf("alarm %s was raised twice", a.Alarm)
			}
		}
		if len(raised) < 5 {
			t.Fatalf("%d alarms in three hours in which nobody does anything", len(raised))
		}
		events, _ := find[session.AlarmRaised](nodes[2])
		for i, e := range events {
			if late := e.Recorded.Sub(alarms[i].Due); late > time.Second {
				t.Errorf("%s came %v late", alarms[i].Condition, late)
			}
		}
		last := nodes[0].events()
		for i, s := range screens {
			if v, _ := s.last(); v.Seq != last[len(last)-1].Seq {
				t.Errorf("the screen at node %d shows event %d of %d", i, v.Seq, last[len(last)-1].Seq)
			}
		}
		for i, s := range screens {
			if said := s.said(); len(said) > 0 {
				t.Errorf("the screen at node %d was told of trouble: %+v", i, said)
			}
		}
		t.Logf("%d appends came second", c.fails)
	})
}

func TestARefusalComesFromTheNewestState(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, nodes := cluster(t, true, "a", "b")
		nodes[0].create(1)
		nodes[1].attach("client-1") // in memory, and told nothing
		nodes[0].join("therapist-1")
		nodes[0].do("therapist-1", session.WriteNote{Text: "opens the lobby"})
		// As this node knows the session, it is not open yet.
		if _, err := nodes[1].try("therapist-1", session.Admit{Client: "client-1", Reason: "a test"}); err != nil {
			t.Errorf("refused by a node that had not heard of the latest: %v", err)
		}
		if p := nodes[1].phase(); p != session.CheckingIn {
			t.Errorf("the client is in %s", p)
		}
	})
}

// opens the lobby, and lets the nodes come to rest: what is due at once is seen by the
// clocks of all.
func (d *desk) opens() {
	d.t.Helper()
	d.join("therapist-1")
	d.do("therapist-1", session.WriteNote{Text: "The first act of a person."})
	time.Sleep(1500 * time.Millisecond)
	synctest.Wait()
}

func TestWhatComesWithAHintIsShownWithoutAWayToTheStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, nodes := cluster(t, false, "a", "b")
		nodes[0].create(1)
		s := nodes[1].attach("client-1")
		nodes[0].opens()
		before, fails := c.reads, c.fails
		for range 3 {
			seq := nodes[0].do("therapist-1", session.WriteNote{Text: "a note"})
			synctest.Wait() // no time passes: nobody has compared
			if v, _ := s.last(); v.Seq != seq {
				t.Errorf("the screen shows event %d of %d", v.Seq, seq)
			}
		}
		if c.reads != before {
			t.Errorf("the store was read %d times for what was there already", c.reads-before)
		}
		nodes[1].do("client-1", session.AskHelp{Client: "client-1"}) // it continues the chain
		if c.fails > fails {
			t.Error("what was taken in is not where the log ends")
		}
	})
}

func TestAHintWhoseEventsDoNotFitIsLookedUp(t *testing.T) {
	var last [][]byte
	for name, twist := range map[string]func([][]byte) [][]byte{
		"none":      func([][]byte) [][]byte { return nil },
		"cut off":   func(all [][]byte) [][]byte { return [][]byte{all[0][:len(all[0])-1]} },
		"no event":  func([][]byte) [][]byte { return [][]byte{[]byte("{}"), nil} },
		"too late":  func(all [][]byte) [][]byte { defer func() { last = all }(); return last },
		"not whole": func(all [][]byte) [][]byte { return append(all, []byte("x")) },
		"newer": func(all [][]byte) [][]byte {
			return [][]byte{bytes.Replace(all[0], []byte(`"type":"`), []byte(`"type":"Later`), 1)}
		},
		"changed": func(all [][]byte) [][]byte {
			return [][]byte{bytes.Replace(all[0], []byte(`"prev":"`), []byte(`"prev":"00`), 1)}
		},
		"of another": func(all [][]byte) [][]byte {
			return [][]byte{bytes.Replace(all[0], []byte(`"log":"`), []byte(`"log":"x`), 1)}
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, nodes := cluster(t, false, "a", "b")
				nodes[0].create(1)
				s := nodes[1].attach("client-1")
				nodes[0].opens()
				c.twist = twist
				fails := c.fails
				for range 3 {
					seq := nodes[0].do("therapist-1", session.WriteNote{Text: "a note"})
					synctest.Wait()
					if v, _ := s.last(); v.Seq != seq {
						t.Errorf("the screen shows event %d of %d", v.Seq, seq)
					}
				}
				nodes[1].do("client-1", session.AskHelp{Client: "client-1"})
				if c.fails > fails {
					t.Error("what was taken in is not where the log ends")
				}
			})
		})
	}
}

func TestADeafNodeIsLevelWithinTwoSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, nodes := cluster(t, true, "a", "b")
		nodes[0].create(1)
		s := nodes[1].attach("client-1")
		nodes[0].join("therapist-1")
		seq := nodes[0].do("therapist-1", session.WriteNote{Text: "a note"})
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if v, _ := s.last(); v.Seq < seq {
			t.Errorf("the screen shows event %d of %d", v.Seq, seq)
		}
	})
}

func TestWhoWasAtANodeThatEndsIsLostOnceAndAsLastHeard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, nodes := cluster(t, false, "a", "b", "dies")
		nodes[0].create(1)
		for seat, node := range map[session.SeatID]string{"therapist-1": "a", "client-1": "dies"} {
			_, err := nodes[0].live.Do(t.Context(), id, session.Command{ID: "join-" + node, Seat: session.Server, Conn: "conn-" + node,
				Do: session.JoinPeer{Seat: seat, Peer: "peer-" + node, Node: node, Media: true}})
			if err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(time.Minute)
		heard := session.Instant(time.Now().Add(-3 * time.Second))
		nodes[0].do("therapist-1", session.WriteNote{Text: "what others do meanwhile is no sign of life"})
		c.mu.Lock()
		c.ended["dies"] = heard
		c.mu.Unlock()
		time.Sleep(time.Second)
		synctest.Wait()
		events, lost := find[session.PeerLost](nodes[1])
		if len(lost) != 1 || lost[0].Seat != "client-1" || !lost[0].Restart || !events[0].At.Equal(heard) {
			t.Fatalf("lost: %+v, at %v; want the client, as heard at %v", lost, events, heard)
		}
	})
}
