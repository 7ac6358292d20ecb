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

	"belay/session/store"
)

// several is the mark that all nodes keep together: while it is there nobody
// claims this Redis for themselves, as a migration does.
var several = mark{node: Node{ID: "nodes", Words: "one belay or more"}, run: "-"}

// Peer is a node that shares this Redis.
type Peer struct {
	Name     string // of this run of it: another after a restart
	Words    string // for operators
	Draining bool   // it is about to end: nothing new for it
	About    []byte // what it tells the others of itself; JSON
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
	peers    map[string]*seen     // by id, without itself
	watching time.Duration        // for so long Redis has been asked without a break
	last     time.Time            // a look that worked; monotonic
	asked    time.Time            // when that look was begun, by the wall clock, and kept while looks fail
	looked   time.Time            // the same; monotonic
	unseen   map[string]time.Time // runs that no look has shown, and when they were first asked about; zero: they are over
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
	m := &Member{store: s, id: node.ID, run: strings.ToLower(rand.Text()[:10]), lost: make(chan struct{}), peers: map[string]*seen{}, unseen: map[string]time.Time{}}
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
// can't be seen at the moment, because Redis can't be asked, or because it has come
// since the last look, it is not known.
func (m *Member) Lapsed(name string) (heard time.Time, lapsed bool) {
	if name == m.Name() {
		return time.Time{}, false
	}
	id, of, _ := strings.Cut(name, ".")
	m.mu.Lock()
	defer m.mu.Unlock()
	p := m.peers[id]
	switch {
	case id == m.id:
		return time.Time{}, true
	case p == nil:
		return time.Time{}, m.watching >= silentFor && !m.mayHaveCome(name)
	case p.Run == of:
		return p.heard, p.silent >= silentFor
	case p.former.name == of:
		return p.former.heard, true
	}
	return time.Time{}, !m.mayHaveCome(name)
}

// mayHaveCome reports whether a run that no look has shown may have joined since the
// last one: others learn of it from its work before they see it beat. m.mu is held.
func (m *Member) mayHaveCome(name string) bool {
	first, asked := m.unseen[name]
	if !asked {
		first = time.Now()
		m.unseen[name] = first
	}
	return !first.IsZero() && !m.looked.After(first)
}

// Runs reports whether a run is seen to live, or may have come since the last look.
func (m *Member) Runs(name string) bool {
	id, run, _ := strings.Cut(name, ".")
	m.mu.Lock()
	defer m.mu.Unlock()
	p := m.peers[id]
	if p == nil || p.Run != run {
		return name == m.Name() || id != m.id && (p == nil || p.former.name != run) && m.mayHaveCome(name)
	}
	return p.silent < silentFor
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
