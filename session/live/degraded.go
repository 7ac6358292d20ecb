package live

import (
	"errors"
	"time"

	"belay/session/store"
)

const (
	wordsFull   = "The record can't be written: the server's disk is full. Nothing you do now is kept. Write down what happens, with the time, and free space on the server."
	wordsHangs  = "The server's disk does not answer. Nothing you do now is kept until it does, and alarms may be late. Write down what happens, with the time."
	wordsAway   = "The record can't be reached now. What happens in the room is noted at this server and enters the record when it is back: a dose that was authorised, vitals, looking in, help, notes. Until then nothing can be authorised and no phase moves. Alarms go on."
	wordsFailed = "The record can't be written now. Nothing you do now is kept until it can. Write down what happens, with the time."
)

// fails notes that the store did not take an append, tells every attached seat
// once, and has the agenda try again.
func (a *actor) fails(err error) error {
	words := wordsFailed
	switch {
	case a.all.opts.Journal != nil:
		words = wordsAway
	case errors.Is(err, store.ErrFull):
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

// hangsAfter is how long a store may take over one append before the screens are
// told. A deadline that waits longer is marked late.
const hangsAfter = 3 * time.Second

// awaits has every attached seat told when the store does not answer in time: a
// disk that hangs gives no error, and no deadline is decided meanwhile. The caller
// calls answered when it has its answer; after that nobody is told any more.
func (a *actor) awaits() (answered func()) {
	told := make(chan struct{})
	slow := time.AfterFunc(hangsAfter, func() {
		defer close(told)
		a.mu.Lock()
		defer a.mu.Unlock()
		if a.trouble != nil {
			return // they know
		}
		words := wordsHangs
		if a.all.opts.Journal != nil {
			words = wordsAway
		}
		a.trouble = &Degraded{Since: time.Now().Round(0), Words: words}
		a.all.opts.Log.Error("the store does not answer", "session", a.id, "since", hangsAfter)
		a.tell()
	})
	return func() {
		if !slow.Stop() {
			<-told
		}
	}
}

// answers notes that the store answered, though with a refusal: it hangs no more.
func (a *actor) answers() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.trouble != nil && (a.trouble.Words == wordsHangs || a.trouble.Words == wordsAway) {
		a.trouble = nil
		a.tell()
	}
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
			d.Noted = a.waits()
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
