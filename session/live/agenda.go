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
	wake  chan struct{} // holds a token when the earliest entry changed
}

type entry struct {
	id    string
	due   time.Time
	index int  // in the queue; -1: it was popped and is being decided
	held  bool // it failed, and is not to be looked at before due
}

func newAgenda() *agenda {
	return &agenda{by: map[string]*entry{}, wake: make(chan struct{}, 1)}
}

// set says when a session is next due; the zero time: never.
func (g *agenda) set(id string, due time.Time) { g.put(id, due, false) }

// postpone keeps a session from being looked at before due, whatever the store says.
func (g *agenda) postpone(id string, due time.Time) { g.put(id, due, true) }

func (g *agenda) put(id string, due time.Time, held bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	e := g.by[id]
	if e != nil {
		e.held = held
	}
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
	if e.index == 0 {
		select {
		case g.wake <- struct{}{}:
		default:
		}
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

// claim takes a session out to be decided now, although it is not due by what
// is known here; false: it is being decided already, is due within a moment, or
// was postponed.
func (g *agenda) claim(id string, soon time.Time) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
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
