package redis

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"belay/session/store"
)

// The pulse of nodes. A node that others have not seen beat for silentFor is gone
// for them; seconds in which Redis could not be asked do not count.
const (
	beatEvery  = 500 * time.Millisecond
	beatWithin = 2 * time.Second
	silentFor  = 2500 * time.Millisecond
	maxAbout   = 4 << 10 // bytes that a node says about itself
)

// several is the mark that all nodes keep together: while it is there nobody
// claims this Redis for themselves, as a migration does.
var several = mark{node: Node{ID: "nodes", Words: "one belay or more"}, run: "-"}

// beatScript says that a node lives, renews the common mark, and answers what all
// nodes said last. Where somebody else holds the mark it answers whose it is.
//
// KEYS: mark, nodes. ARGV: the common mark, its life, the node's id, what it says.
var beatScript = goredis.NewScript(`
local have = redis.call('GET', KEYS[1])
if have and have ~= ARGV[1] then
  return {have}
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
redis.call('HSET', KEYS[2], ARGV[3], ARGV[4])
return {ARGV[1], redis.call('HGETALL', KEYS[2])}
`)

// leaveScript takes a node off, where no later run of it has come, and the common
// mark with the last one.
//
// KEYS: mark, nodes. ARGV: the common mark, the node's id, its run.
var leaveScript = goredis.NewScript(`
local said = redis.call('HGET', KEYS[2], ARGV[2])
if said and string.find(said, ARGV[3], 1, true) then
  redis.call('HDEL', KEYS[2], ARGV[2])
end
if redis.call('HLEN', KEYS[2]) == 0 and redis.call('GET', KEYS[1]) == ARGV[1] then
  redis.call('DEL', KEYS[1])
end
return 0
`)

// Peer is a node that shares this Redis.
type Peer struct {
	Name     string // of this run of it: another after a restart
	Words    string // for operators
	Draining bool   // it is about to end: nothing new for it
	About    []byte // what it tells the others of itself; JSON
}

// pulse is what a node says about itself, twice a second anew.
type pulse struct {
	Run      string          `json:"run"`
	Words    string          `json:"words"`
	Beat     uint64          `json:"beat"`
	Draining bool            `json:"draining,omitempty"`
	About    json.RawMessage `json:"about,omitempty"`
}

// seen is what a node knows of another one's pulse.
type seen struct {
	pulse
	silent time.Duration // without a new beat, while Redis answered
	heard  time.Time     // wall time at which the last new beat had not come yet; zero: not known
	former string        // the run before, which a replica that was promoted may still show
}

// Member is a node's place among those that share a Redis, from Join to Leave. Its
// methods may be called concurrently.
type Member struct {
	store *Store
	id    string
	run   string
	mail  mail

	cancel context.CancelFunc
	done   sync.WaitGroup
	lost   chan struct{}
	once   sync.Once
	ended  error

	beating sync.Mutex // one beat at a time

	mu       sync.Mutex
	own      pulse
	peers    map[string]*seen // by id, without itself
	watching time.Duration    // for so long Redis has been asked without a break
	last     time.Time        // a look that worked; monotonic
	asked    time.Time        // when that look was begun, by the wall clock, and kept while looks fail
}

// Join takes a place among the nodes, and returns when the others can see it.
// Where a migration is at work it is waited for as by Claim, and refused then.
func (s *Store) Join(ctx context.Context, node Node) (*Member, error) {
	if err := store.ValidName(node.ID); err != nil || strings.Contains(node.ID, ".") {
		return nil, errors.Join(fmt.Errorf("the node's name %q can't be used", node.ID), err)
	}
	if err := s.begin(ctx); err != nil {
		return nil, err
	}
	defer s.calls.Done()
	if err := s.hold(ctx, several, several.String(), markLives, markEvery); err != nil {
		return nil, err
	}
	if err := s.whole(ctx); err != nil {
		return nil, err // the mark lapses by itself
	}
	m := &Member{store: s, id: node.ID, run: strings.ToLower(rand.Text()[:10]), lost: make(chan struct{}), peers: map[string]*seen{}}
	m.own = pulse{Run: m.run, Words: node.Words}
	m.mail.init(m)
	if err := m.beat(ctx); err != nil {
		return nil, fmt.Errorf("join the nodes on this Redis: %w", err)
	}
	running, cancel := context.WithCancel(context.Background())
	m.cancel = cancel
	m.done.Go(func() { m.keepBeating(running) })
	m.done.Go(func() { m.mail.run(running) })
	return m, nil
}

// Name is this run's own. The same data folder has another after a restart.
func (m *Member) Name() string { return m.id + "." + m.run }

// Say tells the others something about this node, and whether it is about to end,
// and returns when they can see it. about is JSON of at most 4 KB.
func (m *Member) Say(ctx context.Context, about []byte, draining bool) error {
	if len(about) > maxAbout || len(about) > 0 && !json.Valid(about) {
		return fmt.Errorf("a node says %d bytes about itself: at most %d bytes of JSON are told", len(about), maxAbout)
	}
	m.mu.Lock()
	m.own.About, m.own.Draining = about, draining
	m.mu.Unlock()
	return m.beat(ctx)
}

// Others are the nodes that live now, without this one.
func (m *Member) Others() []Peer {
	m.mu.Lock()
	defer m.mu.Unlock()
	var all []Peer
	for id, p := range m.peers {
		if p.silent < silentFor {
			all = append(all, Peer{Name: id + "." + p.Run, Words: p.Words, Draining: p.Draining, About: p.About})
		}
	}
	return all
}

// Lapsed reports whether a run is known to be over, and when it was last heard
// (wall time; zero: not by this node). One of this node's own that is not the
// present one is over, since there is one process to a data folder. Of one that
// can't be seen at the moment, because Redis can't be asked, it is not known.
func (m *Member) Lapsed(name string) (heard time.Time, lapsed bool) {
	if name == m.Name() {
		return time.Time{}, false
	}
	id, run, _ := strings.Cut(name, ".")
	m.mu.Lock()
	defer m.mu.Unlock()
	p := m.peers[id]
	switch {
	case id == m.id:
		return time.Time{}, true
	case p == nil:
		return time.Time{}, m.watching >= silentFor
	case p.Run != run:
		return time.Time{}, true
	}
	return p.heard, p.silent >= silentFor
}

// Runs reports whether a run is seen to live.
func (m *Member) Runs(name string) bool {
	id, run, _ := strings.Cut(name, ".")
	m.mu.Lock()
	defer m.mu.Unlock()
	p := m.peers[id]
	return name == m.Name() || p != nil && p.Run == run && p.silent < silentFor
}

func (m *Member) keepBeating(ctx context.Context) {
	tick := time.NewTicker(beatEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		within, cancel := context.WithTimeout(ctx, beatWithin)
		err := m.beat(within)
		cancel()
		if errors.As(err, new(*TakenError)) {
			close(m.lost)
			return
		}
	}
}

// beat says that this node lives and looks at the others.
func (m *Member) beat(ctx context.Context) error {
	m.beating.Lock()
	defer m.beating.Unlock()
	m.mu.Lock()
	m.own.Beat++
	said, err := json.Marshal(m.own)
	m.mu.Unlock()
	if err != nil {
		return err
	}
	asked := time.Now()
	answer, err := beatScript.Run(ctx, m.store.client, m.keys(), several.String(), markLives.Milliseconds(), m.id, said).Slice()
	if err != nil {
		m.mu.Lock()
		m.watching, m.last = 0, time.Time{}
		m.mu.Unlock()
		return err
	}
	if len(answer) == 1 {
		text, _ := answer[0].(string)
		return &TakenError{readMark(text).node}
	}
	fields, ok := answer[len(answer)-1].([]any)
	if !ok || len(answer) != 2 || len(fields)%2 != 0 {
		return fmt.Errorf("the script answered %v", answer)
	}
	m.look(fields, asked, time.Now())
	return nil
}

func (m *Member) keys() []string { return []string{m.store.nodeKey(), m.store.nodesKey()} }

func (s *Store) nodesKey() string { return string(s.keys(0)) + ":nodes" }

// look takes in what all nodes said last. A beat or a run from before what was seen
// already is what a promoted replica had not yet heard otherwise, and no sign of life.
// When a new one came is not known, only that it was after the look before was begun:
// the node counts as heard then, so that no record says a time at which it was dead.
func (m *Member) look(fields []any, asked, now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var passed time.Duration
	if !m.last.IsZero() {
		passed = min(now.Sub(m.last), beatEvery*3/2) // more than that nobody looked
	}
	heard := m.asked
	m.last, m.asked = now, asked.Round(0)
	m.watching += passed
	there := map[string]bool{}
	for i := 0; i+1 < len(fields); i += 2 {
		id, _ := fields[i].(string)
		text, _ := fields[i+1].(string)
		var p pulse
		if id == m.id || json.Unmarshal([]byte(text), &p) != nil {
			continue
		}
		there[id] = true
		old := m.peers[id]
		switch {
		case old == nil:
			m.peers[id] = &seen{pulse: p, heard: heard}
		case old.Run != p.Run && p.Run != old.former:
			m.peers[id] = &seen{pulse: p, heard: heard, former: old.Run}
		case old.Run == p.Run && p.Beat > old.Beat:
			m.peers[id] = &seen{pulse: p, heard: heard, former: old.former}
		default:
			old.silent += passed
		}
	}
	for id, p := range m.peers {
		if !there[id] { // it has left, or Redis has lost it: then it says so again
			if p.silent += passed; p.silent >= silentFor {
				delete(m.peers, id)
			}
		}
	}
}

// Lost is closed when this Redis was taken by somebody who is no node of these: a
// migration, while this one was away.
func (m *Member) Lost() <-chan struct{} { return m.lost }

// Leave gives the place up and returns when nothing of it runs any more. It is
// called before the store is closed; the second call does nothing.
func (m *Member) Leave() error {
	m.once.Do(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		m.cancel()
		m.mail.wake(ctx)
		m.done.Wait()
		if err := leaveScript.Run(ctx, m.store.client, m.keys(), several.String(), m.id, m.run).Err(); err != nil {
			m.ended = fmt.Errorf("take this node off Redis, it lapses by itself: %w", err)
		}
	})
	return m.ended
}

// Forget takes what a run that is over has left behind off Redis. Twice does nothing.
func (m *Member) Forget(ctx context.Context, name string) error {
	if _, lapsed := m.Lapsed(name); !lapsed {
		return nil
	}
	return m.store.client.Del(ctx, m.store.inboxKey(name)).Err()
}

// Nodes are those that said something lately or ended without a word, for operators.
func (s *Store) Nodes(ctx context.Context) ([]Peer, error) {
	if err := s.begin(ctx); err != nil {
		return nil, err
	}
	defer s.calls.Done()
	fields, err := s.client.HGetAll(ctx, s.nodesKey()).Result()
	if err != nil {
		return nil, err
	}
	var all []Peer
	for id, text := range fields {
		var p pulse
		if json.Unmarshal([]byte(text), &p) == nil {
			all = append(all, Peer{Name: id + "." + p.Run, Words: p.Words, Draining: p.Draining, About: p.About})
		}
	}
	return all, nil
}
