package live

import (
	"errors"
	"time"

	"belay/session/store"
)

const (
	wordsFull   = "The record can't be written: the server's disk is full. Nothing you do now is kept. Write down what happens, with the time, and free space on the server."
	wordsFailed = "The record can't be written now. Nothing you do now is kept until it can. Write down what happens, with the time."
)

// fails notes that the store did not take an append, tells every attached seat
// once, and has the agenda try again.
func (a *actor) fails(err error) error {
	words := wordsFailed
	if errors.Is(err, store.ErrFull) {
		words = wordsFull
	}
	a.restless.Store(true)
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case a.trouble == nil:
		a.trouble = &Degraded{Since: time.Now().Round(0), Words: words}
		a.all.opts.Log.Error("the record of a session can't be written", "session", a.id, "err", err)
	case a.trouble.Words != words:
		a.trouble = &Degraded{Since: a.trouble.Since, Words: words}
	default:
		return errors.Join(ErrNotRecorded, err)
	}
	a.tell()
	return errors.Join(ErrNotRecorded, err)
}

// works notes that the store took an append.
func (a *actor) works() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.trouble == nil {
		return
	}
	a.all.opts.Log.Info("the record of a session can be written again", "session", a.id,
		"after", time.Since(a.trouble.Since).Round(time.Second))
	a.trouble = nil
	a.tell()
}

// degraded returns what is wrong now. a.mu is held.
func (a *actor) degraded() Degraded {
	d := Degraded{OK: true, Since: time.Now().Round(0)}
	for _, t := range []*Degraded{a.trouble, a.all.clockTrouble.Load()} {
		switch {
		case t == nil:
		case d.OK:
			d = *t
		default:
			d.Words += " " + t.Words
			if t.Since.Before(d.Since) {
				d.Since = t.Since
			}
		}
	}
	return d
}

// tell sends to every attached seat what is wrong now. a.mu is held.
func (a *actor) tell() {
	d := a.degraded()
	for _, at := range a.attached {
		if at.sink != nil {
			at.sink.Degraded(d)
		}
	}
}
