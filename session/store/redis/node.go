package redis

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"belay/session/store"
)

// How long a mark lives without being renewed, and how often a claim's is.
const (
	markLives = 10 * time.Second
	markEvery = 3 * time.Second
)

// Node is a server that keeps its log here, or a migration.
type Node struct {
	ID    string // the same after a restart; a store.ValidName
	Words string // for operators: which machine, since when
	Fills bool   // it is no server but a migration into this Redis, and may go on with half a record
}

// TakenError says who uses this Redis, and does not share it with who asked:
// nodes share it among themselves, a migration with nobody.
type TakenError struct{ By Node }

func (e *TakenError) Error() string {
	return fmt.Sprintf("this Redis is in use (by %s): end that first, or use another prefix of the keys", e.By.Words)
}

// errUnfinished keeps a server from starting on half a record.
var errUnfinished = errors.New("a migration into this Redis did not come to its end: run the same belay migrate again, it goes on where it stopped")

// mark is a sign in Redis, with the number of its process: a process that
// ended without taking its sign away is followed by the next of the same node at once.
type mark struct {
	node Node
	run  string
}

func (m mark) String() string { return m.node.ID + " " + m.run + " " + m.node.Words }

func readMark(s string) mark {
	parts := append(strings.SplitN(s, " ", 3), "", "", "")
	return mark{Node{ID: parts[0], Words: parts[2]}, parts[1]}
}

// markScript sets the mark where there is none, or where it is ours. It answers
// whose it is and how long that one lives, in milliseconds.
//
// ARGV: the mark, its life, and how the marks begin that may be replaced.
var markScript = goredis.NewScript(`
local have = redis.call('GET', KEYS[1])
if have and string.sub(have, 1, #ARGV[3]) ~= ARGV[3] then
  return {have, redis.call('PTTL', KEYS[1])}
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return {ARGV[1], tonumber(ARGV[2])}
`)

var unmarkScript = goredis.NewScript(`
if redis.call('GET', KEYS[1]) == ARGV[1] then
  return redis.call('DEL', KEYS[1])
end
return 0
`)

// Claim is a hold on the whole Redis, renewed until Release. Its methods may be
// called concurrently.
type Claim struct {
	store *Store
	mark  mark
	lives time.Duration
	every time.Duration

	cancel context.CancelFunc
	done   sync.WaitGroup
	lost   chan struct{}
	once   sync.Once
	ended  error
}

func (s *Store) nodeKey() string       { return string(s.keys(0)) + ":node" }
func (s *Store) unfinishedKey() string { return string(s.keys(0)) + ":unfinished" }

// Claim takes this Redis for one alone, as a migration needs it: servers and other
// migrations are refused with a *TakenError. Where somebody's mark is there, it is
// waited for up to ten seconds: it may be that of a process that was killed. It
// guards operators from moving a record that is in use, not the log: that is fenced
// by each append.
func (s *Store) Claim(ctx context.Context, node Node) (*Claim, error) {
	return s.claim(ctx, node, markLives, markEvery)
}

func (s *Store) claim(ctx context.Context, node Node, lives, every time.Duration) (*Claim, error) {
	if err := store.ValidName(node.ID); err != nil {
		return nil, fmt.Errorf("the node's name: %w", err)
	}
	if err := s.begin(ctx); err != nil {
		return nil, err
	}
	defer s.calls.Done()
	c := &Claim{store: s, mark: mark{node, rand.Text()}, lives: lives, every: every, lost: make(chan struct{})}
	if err := s.hold(ctx, c.mark, node.ID+" ", lives, every); err != nil {
		return nil, err
	}
	if !node.Fills {
		if err := s.whole(ctx); err != nil {
			return nil, errors.Join(err, c.unmark())
		}
	}
	running, cancel := context.WithCancel(context.Background())
	c.cancel = cancel
	c.done.Go(func() { c.renew(running) })
	return c, nil
}

// hold sets a mark, in place of marks that begin so, and waits for another's that
// nobody renews.
func (s *Store) hold(ctx context.Context, m mark, begin string, lives, every time.Duration) error {
	left := lives + every // of the other's mark, as last seen
	for {
		have, rest, err := s.setMark(ctx, m, begin, lives)
		switch {
		case err != nil:
			return fmt.Errorf("mark this Redis as used: %w", err)
		case have.String() == m.String():
			return nil
		case rest > left: // renewed while we looked: it is alive
			return &TakenError{have.node}
		}
		left = rest
		select {
		case <-time.After(min(rest, every/6) + time.Millisecond):
		case <-ctx.Done():
			return errors.Join(ctx.Err(), &TakenError{have.node})
		}
	}
}

// whole reports what keeps a server from this record.
func (s *Store) whole(ctx context.Context) error {
	n, err := s.client.Exists(ctx, s.unfinishedKey()).Result()
	if err == nil && n > 0 {
		err = errUnfinished
	}
	return err
}

// setMark sets a mark where marks that begin so may be replaced, and returns whose
// it is then and how long that one lives.
func (s *Store) setMark(ctx context.Context, m mark, begin string, lives time.Duration) (mark, time.Duration, error) {
	answer, err := markScript.Run(ctx, s.client, []string{s.nodeKey()}, m.String(), lives.Milliseconds(), begin).Slice()
	if err != nil {
		return mark{}, 0, err
	}
	if len(answer) == 2 {
		text, isText := answer[0].(string)
		lives, isNumber := answer[1].(int64)
		if isText && isNumber {
			return readMark(text), time.Duration(lives) * time.Millisecond, nil
		}
	}
	return mark{}, 0, fmt.Errorf("the script answered %v", answer)
}

// renew keeps the mark. While Redis is away it tries on; a mark that lapsed
// meanwhile is set again, unless somebody else has come.
func (c *Claim) renew(ctx context.Context) {
	untilTaken(ctx, c.every, c.lost, func() bool {
		have, _, err := c.store.setMark(ctx, c.mark, c.mark.String(), c.lives)
		return err == nil && have.String() != c.mark.String()
	})
}

// untilTaken says again and again that this Redis is ours, until ctx ends or somebody
// else has it: then it closes lost.
func untilTaken(ctx context.Context, every time.Duration, lost chan<- struct{}, say func() (taken bool)) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if say() {
			close(lost)
			return
		}
	}
}

// Lost is closed when somebody else has taken this Redis: this one was away for
// longer than its mark lives.
func (c *Claim) Lost() <-chan struct{} { return c.lost }

// Release takes the mark away, where it is still ours, and returns when nothing
// of the claim runs any more. It is called before the store is closed; the second
// call does nothing.
func (c *Claim) Release() error {
	c.once.Do(func() {
		c.cancel()
		c.done.Wait()
		c.ended = c.unmark()
	})
	return c.ended
}

func (c *Claim) unmark() error {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	if err := unmarkScript.Run(ctx, c.store.client, []string{c.store.nodeKey()}, c.mark.String()).Err(); err != nil {
		return fmt.Errorf("take this node's mark off Redis, it lapses by itself: %w", err)
	}
	return nil
}

// Holder returns who uses this Redis now: a migration, or all nodes under one name
// (see [Store.Nodes]); false: nobody does.
func (s *Store) Holder(ctx context.Context) (Node, bool, error) {
	if err := s.begin(ctx); err != nil {
		return Node{}, false, err
	}
	defer s.calls.Done()
	text, err := s.client.Get(ctx, s.nodeKey()).Result()
	if errors.Is(err, goredis.Nil) {
		return Node{}, false, nil
	}
	return readMark(text).node, err == nil, err
}

// SetUnfinished says that what lies here is not whole, or that it is now. No server
// starts on it before it is.
func (s *Store) SetUnfinished(ctx context.Context, unfinished bool) error {
	if err := s.begin(ctx); err != nil {
		return err
	}
	defer s.calls.Done()
	if unfinished {
		return s.client.Set(ctx, s.unfinishedKey(), "1", 0).Err()
	}
	return s.client.Del(ctx, s.unfinishedKey()).Err()
}

// Unfinished reports what SetUnfinished said last.
func (s *Store) Unfinished(ctx context.Context) (bool, error) {
	if err := s.begin(ctx); err != nil {
		return false, err
	}
	defer s.calls.Done()
	n, err := s.client.Exists(ctx, s.unfinishedKey()).Result()
	return n > 0, err
}
