package live

import (
	"container/heap"
	"sync"
	"time"
)

// agenda knows when the clock next has something to say in which session. Its
// times are wall times. All methods may be called concurrently.
type agenda struct {
	mu    sync.Mutex
	queue queue
	by    map[string]*entry
	leads map[string]time.Duration // how far a session's clock is ahead of the wall clock; absent: not
	wake  chan struct{}            // holds a token when something is due sooner than anything was
}

type entry struct {
	id    string
	due   time.Time
	index int  // in the queue; -1: it was popped and is being decided
	held  bool // it failed, and is not to be looked at before due
}

func newAgenda() *agenda {
	return &agenda{by: map[string]*entry{}, leads: map[string]time.Duration{}, wake: make(chan struct{}, 1)}
}

// set says when a session is next due by its own clock; the zero time: never.
func (g *agenda) set(id string, due time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !due.IsZero() {
		due = due.Add(-g.leads[id])
	}
	g.put(id, due, false)
}

// retry says when something is to be tried again by the wall clock.
func (g *agenda) retry(id string, at time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.put(id, at, false)
}

// postpone keeps a session from being looked at before at, whatever the store says.
func (g *agenda) postpone(id string, at time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.put(id, at, true)
}

// ahead returns how far a session's clock is ahead of the wall clock.
func (g *agenda) ahead(id string) time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.leads[id]
}

// furthest returns how far the clock of any session is ahead, an hour at most:
// the store is asked for what others wrote, and must not list years.
func (g *agenda) furthest() (most time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, lead := range g.leads {
		most = max(most, lead)
	}
	return min(most, time.Hour)
}

// lead says how far a session's clock is ahead.
func (g *agenda) lead(id string, by time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.move(id, by-g.leads[id])
	g.order()
}

// step takes over that the wall clock was set. Back: the clock of every session
// that has something due is ahead by as much more. Forward: those that are ahead
// are so by less.
func (g *agenda) step(by time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if by < 0 {
		for id := range g.by {
			g.move(id, -by)
		}
	} else {
		for id, lead := range g.leads {
			g.move(id, -min(lead, by))
		}
	}
	g.order()
}

// move changes the lead of a session. g.mu is held, and order follows.
func (g *agenda) move(id string, by time.Duration) {
	if g.leads[id] += by; g.leads[id] == 0 {
		delete(g.leads, id)
	}
	if e := g.by[id]; e != nil {
		e.due = e.due.Add(-by)
	}
}

// order restores the queue after moves. g.mu is held.
func (g *agenda) order() {
	heap.Init(&g.queue)
	g.rouse()
}

// rouse wakes the clock. g.mu is held.
func (g *agenda) rouse() {
	select {
	case g.wake <- struct{}{}:
	default:
	}
}

// put is set with the lead taken off. g.mu is held.
func (g *agenda) put(id string, due time.Time, held bool) {
	e := g.by[id]
	if e != nil {
		e.held = held
	}
	sooner := len(g.queue) == 0 || due.Before(g.queue[0].due)
	switch {
	case due.IsZero():
		if e == nil {
			return
		}
		if e.index >= 0 {
			heap.Remove(&g.queue, e.index)
		}
		delete(g.by, id)
		return
	case e == nil:
		e = &entry{id: id, due: due, held: held}
		g.by[id] = e
		heap.Push(&g.queue, e)
	case e.index < 0:
		e.due = due
		heap.Push(&g.queue, e)
	default:
		e.due = due
		heap.Fix(&g.queue, e.index)
	}
	if sooner {
		g.rouse()
	}
}

// pop takes out every session that is due at now. It is due no more until the
// next set.
func (g *agenda) pop(now time.Time) (ids []string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for len(g.queue) > 0 && !g.queue[0].due.After(now) {
		ids = append(ids, heap.Pop(&g.queue).(*entry).id)
	}
	return ids
}

// next returns the earliest due time.
func (g *agenda) next() (time.Time, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.queue) == 0 {
		return time.Time{}, false
	}
	return g.queue[0].due, true
}

// due returns when a session is due. One that is being decided is due at once.
func (g *agenda) due(id string) (time.Time, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	e := g.by[id]
	switch {
	case e == nil:
		return time.Time{}, false
	case e.index < 0:
		return time.Time{}, true
	}
	return e.due, true
}

// claim takes a session out to be decided now that is due by the store, although
// it is not by what is known here; false: its own clock does not say so, it is
// being decided already, is due within a moment, or was postponed.
func (g *agenda) claim(id string, due, now, soon time.Time) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if due.Add(-g.leads[id]).After(now) {
		return false
	}
	e := g.by[id]
	if e == nil {
		g.by[id] = &entry{id: id, index: -1}
		return true
	}
	if e.index < 0 || e.held || !e.due.After(soon) {
		return false
	}
	heap.Remove(&g.queue, e.index)
	return true
}

// done ends a claim or a pop after which nobody said when the session is next due.
func (g *agenda) done(id string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if e := g.by[id]; e != nil && e.index < 0 {
		delete(g.by, id)
	}
}

// queue is a heap of entries, earliest first.
type queue []*entry

func (q queue) Len() int           { return len(q) }
func (q queue) Less(i, j int) bool { return q[i].due.Before(q[j].due) }
func (q queue) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].index, q[j].index = i, j
}

func (q *queue) Push(x any) {
	e := x.(*entry)
	e.index = len(*q)
	*q = append(*q, e)
}

func (q *queue) Pop() any {
	old := *q
	e := old[len(old)-1]
	old[len(old)-1] = nil
	*q = old[:len(old)-1]
	e.index = -1
	return e
}
