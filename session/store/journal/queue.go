package journal

import (
	"sync"

	"belay/session/store"
)

const maxGroup = 256 // pieces of work that are done at once

// queue hands work to a goroutine of its own, which does at once whatever waits: so
// that many who wait share one look of the disk. Its methods may be called
// concurrently.
type queue[T any] struct {
	work chan T
	done chan struct{} // the goroutine has ended

	mu     sync.Mutex // guards closed, and adding to work
	closed bool
}

func newQueue[T any](do func([]T)) *queue[T] {
	q := &queue[T]{work: make(chan T, maxGroup), done: make(chan struct{})}
	go q.run(do)
	return q
}

func (q *queue[T]) run(do func([]T)) {
	defer close(q.done)
	for first := range q.work {
		group := []T{first}
	gather:
		for len(group) < maxGroup {
			select {
			case w, ok := <-q.work:
				if !ok {
					break gather
				}
				group = append(group, w)
			default:
				break gather
			}
		}
		do(group)
	}
}

// add hands on a piece of work, or returns store.ErrClosed.
func (q *queue[T]) add(w T) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return store.ErrClosed
	}
	q.work <- w // the goroutine takes no lock of ours
	return nil
}

// close lets what was handed over be done, and returns then. It reports whether it
// was the first to close.
func (q *queue[T]) close() (first bool) {
	q.mu.Lock()
	if first = !q.closed; first {
		q.closed = true
		close(q.work)
	}
	q.mu.Unlock()
	<-q.done
	return first
}
