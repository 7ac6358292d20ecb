package practice

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"belay/session"
	"belay/session/store"
)

// freshness bounds how old the own picture of the log may be when it is asked:
// another node may have written.
const freshness = time.Second

// Options say where the practice lives.
type Options struct {
	Store store.Store // closed by whoever opened it
}

func (o Options) validate() error {
	if o.Store == nil {
		return errors.New("the practice has no store")
	}
	return nil
}

// Practice is the practice on a store. All methods may be called concurrently.
// It has no goroutine and nothing to close.
type Practice struct {
	store   store.Store
	state   atomic.Pointer[state]
	checked atomic.Int64 // wall time of the last look at the log, ns
}

// Open reads the practice's log.
func Open(ctx context.Context, opts Options) (*Practice, error) {
	if err := opts.validate(); err != nil {
		return nil, err
	}
	p := &Practice{store: opts.Store}
	p.state.Store(empty())
	if _, err := p.refresh(ctx); err != nil {
		return nil, err
	}
	return p, nil
}

// refresh reads what the log has got since.
func (p *Practice) refresh(ctx context.Context) (*state, error) {
	s := p.state.Load()
	began := time.Now()
	records, err := p.store.Read(ctx, LogName, s.at.Seq)
	if err != nil {
		return nil, fmt.Errorf("read the practice's log: %w", err)
	}
	n, err := s.fold(records)
	if err != nil {
		return nil, err
	}
	n = p.publish(n)
	p.checked.Store(began.UnixNano()) // only now: who sees this time takes what is published
	return n, nil
}

// publish makes n the current state unless a newer one is, and returns the newer of both.
func (p *Practice) publish(n *state) *state {
	for {
		old := p.state.Load()
		if old.at.Seq >= n.at.Seq {
			return old
		}
		if p.state.CompareAndSwap(old, n) {
			return n
		}
	}
}

// now returns a state that is at most freshness old.
func (p *Practice) now(ctx context.Context) (*state, error) {
	if age := time.Since(time.Unix(0, p.checked.Load())); age >= 0 && age < freshness {
		return p.state.Load(), nil
	}
	return p.refresh(ctx)
}

// missEvery bounds how often a secret that nobody knows has the log looked at.
const missEvery = 50 * time.Millisecond

// anew returns a state that was read after the call: for what is missing in one that
// may be a second old. It waits for its turn to look, at most missEvery.
func (p *Practice) anew(ctx context.Context) (*state, error) {
	asked := time.Now()
	for {
		looked := time.Unix(0, p.checked.Load())
		age := time.Since(looked)
		switch {
		case looked.After(asked):
			return p.state.Load(), nil
		case age < 0, age >= missEvery:
			return p.refresh(ctx)
		}
		select {
		case <-time.After(missEvery - age):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// change appends the facts that decide returns for the newest state. Where
// somebody else was faster, it decides again. No facts: nothing is written. Neither that
// nor a refusal comes from an old state: what it misses may have been made at another
// node a moment ago.
func (p *Practice) change(ctx context.Context, by string, decide func(*state, time.Time) ([]session.Fact, error)) (*state, error) {
	s, err := p.now(ctx)
	if err != nil {
		return nil, err
	}
	looked := false
	for range 20 {
		wall := session.Instant(time.Now())
		if wall.Before(s.recorded) {
			wall = s.recorded
		}
		facts, err := decide(s, wall)
		if len(facts) == 0 && !looked {
			looked = true
			if s, err = p.anew(ctx); err != nil {
				return nil, err
			}
			continue
		}
		if err != nil || len(facts) == 0 {
			return s, err
		}
		batch, err := link(s, by, wall, facts)
		if err != nil {
			return nil, err
		}
		var conflict *store.ConflictError
		switch err := p.store.Append(ctx, batch); {
		case errors.As(err, &conflict):
			if s, err = p.refresh(ctx); err != nil {
				return nil, err
			}
		case err != nil:
			return nil, fmt.Errorf("write the practice's log: %w", err)
		default:
			n, err := s.fold(batch.Records)
			if err != nil {
				return nil, err
			}
			return p.publish(n), nil
		}
	}
	return nil, errors.New("write the practice's log: somebody else was always faster")
}

func link(s *state, by string, now time.Time, facts []session.Fact) (store.Batch, error) {
	if by == "" {
		by = string(session.Server)
	}
	batch := store.Batch{Log: LogName, After: s.at}
	prev, seq, command := s.at.Hash, s.at.Seq, uuid.NewString()
	for _, f := range facts {
		seq++
		var salt [16]byte
		rand.Read(salt[:])
		e, raw, err := session.Link(session.Event{
			Log: LogName, Seq: seq, Recorded: now, At: now, Seat: session.SeatID(by), Command: command, Fact: f,
		}, prev, salt)
		if err != nil {
			return store.Batch{}, err
		}
		batch.Records = append(batch.Records, store.Record{Seq: seq, Prev: prev, Hash: e.Hash, Data: raw})
		prev = e.Hash
	}
	return batch, nil
}

// NewSecret returns 256 random bits for a link or a cookie, URL-safe, and the
// SHA-256 of that text in hexadecimal: all of it that is ever kept.
func NewSecret() (secret, hash string) {
	secret = rand.Text() + rand.Text() // 130 bits each
	return secret, HashSecret(secret)
}

// HashSecret returns the SHA-256 of a secret in hexadecimal. Secrets are long
// and random, so a fast hash is right for them. Looking a hash up in a map tells
// an attacker who measures time nothing that would lead to the secret.
func HashSecret(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

func refuse(code, format string, args ...any) error {
	return &session.Refusal{Code: code, Words: fmt.Sprintf(format, args...)}
}
