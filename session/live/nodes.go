package live

import (
	"context"
	"encoding/json"
	"slices"
	"sync"
	"time"

	"belay/session"
	"belay/session/store"
)

// Nodes are the processes that serve the same sessions from one store. Its methods
// may be called concurrently, and return at once but for those that take a context.
type Nodes interface {
	store.Hinter

	// Lapsed reports whether a process is known to be over, and when it was last
	// heard, by the wall clock; zero: not by this one.
	Lapsed(node string) (heard time.Time, lapsed bool)

	// Running are the others that are seen to live now.
	Running() []string
}

const (
	catchUpEvery = time.Second // every session in memory is compared with the store
	lapseEvery   = 250 * time.Millisecond
	scanEvery    = 30 * time.Second // for connections of processes that nobody saw end
)

// others is what keeps this process level with those beside it.
type others struct {
	cancel context.CancelFunc
	done   sync.WaitGroup
}

// start begins to look, where there are others. Sessions.mu is held.
func (o *others) start(s *Sessions) {
	if o.cancel != nil || s.opts.Nodes == nil {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	o.cancel = cancel
	o.done.Go(func() { s.opts.Nodes.Hints(ctx, s.hinted) })
	o.done.Go(func() { every(ctx, catchUpEvery, func() { s.compare(ctx) }) })
	o.done.Go(func() { s.watchNodes(ctx) })
}

func (o *others) stop() {
	if o.cancel != nil {
		o.cancel()
		o.done.Wait()
	}
}

// hinted brings a session in memory up to an event that somebody appended.
func (s *Sessions) hinted(h store.Hint) {
	needed := func(a *actor) bool {
		at := a.end.Load()
		if at != nil && at.Seq >= h.Seq {
			return false
		}
		a.hears(h.Seq)
		return true
	}
	s.bring(h.Log, needed, func(a *actor) error { return a.level(h) })
}

// hears notes up to where somebody has appended, also where a hint before this one is
// still to be taken in.
func (a *actor) hears(seq uint64) {
	for {
		before := a.heard.Load()
		if seq <= before || a.heard.CompareAndSwap(before, seq) {
			return
		}
	}
}

// compared brings a session in memory up to where its log ends, also where that is
// less, or another end than is known here: a failover lost what this node had read.
func (s *Sessions) compared(id string, end store.Position) {
	s.bring(id, func(a *actor) bool { at := a.end.Load(); return at != nil && *at != end }, func(a *actor) error {
		if a.st == nil || a.newer != nil {
			return nil
		}
		defer a.arm()
		if err := a.settle(); err != nil {
			return err
		}
		return a.asLogged() // this session may have gone on since
	})
}

// bring has the actor of a session in memory do something, where it is needed and
// the actor is not about to do it anyway.
func (s *Sessions) bring(id string, needed func(*actor) bool, do func(*actor) error) {
	s.mu.Lock()
	a := s.actors[id]
	if s.closed || a == nil || !needed(a) || !a.loaded.Load() || !a.catching.CompareAndSwap(false, true) {
		s.mu.Unlock()
		return
	}
	a.holders++
	s.calls.Add(1)
	s.mu.Unlock()
	go func() { // waited for by Close, as every holder is
		defer s.release(a)
		a.ask(s.base, func(a *actor) error {
			a.catching.Store(false) // what comes from now on is hinted at again
			return do(a)
		})
	}()
}

// compare looks whether hints were lost.
func (s *Sessions) compare(ctx context.Context) {
	for ids := range slices.Chunk(s.LoadedIDs(), store.MaxPage) {
		within, cancel := context.WithTimeout(ctx, hangsAfter)
		ends, err := s.opts.Nodes.Positions(within, ids)
		cancel()
		if err != nil {
			return // said where it hurts
		}
		for i, id := range ids {
			s.compared(id, ends[i])
		}
	}
}

// CatchUp brings a session in memory up to the store, where others write too.
func (s *Sessions) CatchUp(ctx context.Context, id string) error {
	if s.opts.Nodes == nil {
		return nil
	}
	return s.in(ctx, id, func(a *actor) error {
		if err := a.ready(); err != nil {
			return err
		}
		a.wasBehind()
		return nil
	})
}

// level folds in what others appended, and tells everybody: what came with the hint,
// where that continues what is known here, and what the store has where it does not.
func (a *actor) level(h store.Hint) error {
	if a.st == nil || a.newer != nil || a.st.Seq >= h.Seq {
		return nil
	}
	defer a.arm()
	if err := a.settle(); err != nil {
		return err
	}
	if a.st.Seq >= h.Seq {
		return nil
	}
	if !a.follow(h.Events) || a.st.Seq < a.heard.Load() {
		if err := a.catchUp(); err != nil {
			return err
		}
	}
	a.publish()
	return nil
}

// follow folds in events that somebody says were appended. False: they do not continue
// the log as it is known here, or are not understood, and nothing is changed.
func (a *actor) follow(raw [][]byte) bool {
	next := a.st
	for _, r := range raw {
		e, err := session.Log.Decode(r)
		if err != nil || e.Log != a.id {
			return false
		}
		if e.Seq <= next.Seq {
			continue
		}
		if next, err = session.Fold(next, e); err != nil { // the chain is checked there
			return false
		}
	}
	if next == a.st {
		return false
	}
	a.st = next
	a.stands(next)
	return true
}

// wasBehind reports whether the log is another than was known here; it is known now.
func (a *actor) wasBehind() bool {
	if a.all.opts.Nodes == nil || a.st == nil || a.st.Seq == 0 {
		return false
	}
	ctx, cancel := context.WithTimeout(a.all.base, hangsAfter)
	defer cancel()
	ends, err := a.all.opts.Nodes.Positions(ctx, []string{a.id})
	if err != nil || ends[0] == endOf(a.st) {
		return false
	}
	before := a.st
	if a.catchUp() != nil {
		return false
	}
	a.publish()
	return a.st != before
}

// lapsed reports whether a process is over; all but this one are, where there is
// only one.
func (s *Sessions) lapsed(node string) (heard time.Time, lapsed bool) {
	if s.opts.Nodes == nil || node == "" { // from a time when there was one process
		return time.Time{}, true
	}
	return s.opts.Nodes.Lapsed(node)
}

// summary is what a list shows of a session, and where its pages are.
type summary struct {
	session.Summary
	Nodes []string `json:"nodes,omitempty"`
}

func summarize(st *session.State) summary {
	sum := summary{Summary: session.Summarize(st)}
	if sum.Signed {
		return sum
	}
	for _, seat := range st.Seats {
		if p := st.Presence[seat.ID]; p.Conn != "" && p.Node != "" && !slices.Contains(sum.Nodes, p.Node) {
			sum.Nodes = append(sum.Nodes, p.Node)
		}
	}
	return sum
}

// declareLapsed ends the presence of every connection at a process that is over,
// in all sessions, and shows each to f.
func (s *Sessions) declareLapsed(ctx context.Context, f func(store.Head, summary)) error {
	began := s.wall()
	var fire sync.WaitGroup
	defer fire.Wait()
	gate := make(chan struct{}, firesAtOnce)
	return s.heads(ctx, func(h store.Head) {
		var sum summary
		err := json.Unmarshal(h.Summary, &sum)
		f(h, sum)
		// A summary that can't be read, or is from before there were nodes, is read
		// from the log itself.
		if err == nil {
			over := func(node string) bool { _, lapsed := s.lapsed(node); return lapsed }
			if len(sum.Arrived) == 0 || sum.Signed && s.opts.Nodes != nil || len(sum.Nodes) > 0 && !slices.ContainsFunc(sum.Nodes, over) {
				return
			}
		}
		gate <- struct{}{}
		fire.Go(func() {
			defer func() { <-gate }()
			if err := s.byClock(ctx, h.Log, func(a *actor) error { return a.declareLost(began) }); err != nil && ctx.Err() == nil {
				s.opts.Log.Error("former connections could not be declared lost", "session", h.Log, "err", err)
			}
		})
	})
}

// watchNodes declares lost what was connected to a process that ends without a
// word: first in the sessions that are in memory here, then in all.
func (s *Sessions) watchNodes(ctx context.Context) {
	var scanned time.Time
	running := s.opts.Nodes.Running()
	every(ctx, lapseEvery, func() {
		before := running
		running = s.opts.Nodes.Running()
		gone := slices.ContainsFunc(before, func(node string) bool { return !slices.Contains(running, node) })
		now := time.Now()
		if !gone && now.Sub(scanned) < scanEvery {
			return
		}
		scanned = now
		if gone {
			wall := s.wall()
			for _, id := range s.LoadedIDs() {
				_ = s.byClock(ctx, id, func(a *actor) error { return a.declareLost(wall) }) // all are looked at once more
			}
		}
		if s.declareLapsed(ctx, func(store.Head, summary) {}) != nil {
			scanned = time.Time{} // the store fails, which is said elsewhere
		}
	})
}
