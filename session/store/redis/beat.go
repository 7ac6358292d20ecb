package redis

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	goredis "github.com/redis/go-redis/v9"
)

// The pulse of nodes. A node that others have not seen beat for silentFor is gone
// for them; seconds in which Redis could not be asked do not count.
const (
	beatEvery  = 500 * time.Millisecond
	beatWithin = 2 * time.Second
	silentFor  = 2500 * time.Millisecond
	maxAbout   = 4 << 10 // bytes that a node says about itself
	unseenKept = time.Minute
	mostUnseen = 1000
)

// beatScript says that a node lives, renews the common mark, and answers what all
// nodes said last, when that came, and what the time is, both in milliseconds by the
// clock of Redis. Where somebody else holds the mark it answers whose it is.
//
// KEYS: mark, nodes, times of their beats. ARGV: the common mark, its life, the node's id,
// what it says.
var beatScript = goredis.NewScript(`
local have = redis.call('GET', KEYS[1])
if have and have ~= ARGV[1] then
  return {have}
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
redis.call('HSET', KEYS[2], ARGV[3], ARGV[4])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('HSET', KEYS[3], ARGV[3], string.format('%.0f', now))
return {ARGV[1], redis.call('HGETALL', KEYS[2]), redis.call('HGETALL', KEYS[3]), now}
`)

// leaveScript takes a node off, where no later run of it has come, and the common
// mark with the last one.
//
// KEYS: mark, nodes, times of their beats. ARGV: the common mark, the node's id, its run.
var leaveScript = goredis.NewScript(`
local said = redis.call('HGET', KEYS[2], ARGV[2])
if said and string.find(said, ARGV[3], 1, true) then
  redis.call('HDEL', KEYS[2], ARGV[2])
  redis.call('HDEL', KEYS[3], ARGV[2])
end
if redis.call('HLEN', KEYS[2]) == 0 and redis.call('GET', KEYS[1]) == ARGV[1] then
  redis.call('DEL', KEYS[1])
end
return 0
`)

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
	heard  time.Time     // wall time of the last new beat, or a little before it; zero: not known
	former run           // the run before, which a replica that was promoted may still show
}

// run is one that is over.
type run struct {
	name  string
	heard time.Time // as in seen
}

func (m *Member) keepBeating(ctx context.Context) {
	untilTaken(ctx, beatEvery, m.lost, func() bool {
		within, cancel := context.WithTimeout(ctx, beatWithin)
		defer cancel()
		return errors.As(m.beat(within), new(*TakenError))
	})
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
	fields, ages, ok := readBeats(answer)
	if !ok {
		return fmt.Errorf("the script answered %v", answer)
	}
	m.look(fields, ages, asked, time.Now())
	return nil
}

// readBeats reads what beatScript answers: what each node said last, and how long
// before the answer that was. A node from before there were times has none.
func readBeats(answer []any) (said map[string]string, ages map[string]time.Duration, ok bool) {
	if len(answer) != 4 {
		return nil, nil, false
	}
	said, saidOK := readHash(answer[1])
	times, timesOK := readHash(answer[2])
	now, nowOK := answer[3].(int64)
	if !saidOK || !timesOK || !nowOK {
		return nil, nil, false
	}
	ages = map[string]time.Duration{}
	for id, text := range times {
		at, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return nil, nil, false
		}
		ages[id] = time.Duration(now-at) * time.Millisecond
	}
	return said, ages, true
}

func readHash(answer any) (map[string]string, bool) {
	fields, ok := answer.([]any)
	if !ok || len(fields)%2 != 0 {
		return nil, false
	}
	hash := map[string]string{}
	for i := 0; i < len(fields); i += 2 {
		name, isName := fields[i].(string)
		value, isValue := fields[i+1].(string)
		if !isName || !isValue {
			return nil, false
		}
		hash[name] = value
	}
	return hash, true
}

func (m *Member) keys() []string {
	return []string{m.store.nodeKey(), m.store.nodesKey(), m.store.nodesKey() + ":beats"}
}

func (s *Store) nodesKey() string { return string(s.keys(0)) + ":nodes" }

// look takes in what all nodes said last, and how long ago. A beat or a run from before
// what was seen already is what a promoted replica had not yet heard otherwise, and no
// sign of life. When exactly a new one came is not asked, only that it was after the look
// before was begun: the node counts as heard then, so that no record says a time at which
// it was dead. At the first look, with none before, it is as long ago as Redis says.
func (m *Member) look(said map[string]string, ages map[string]time.Duration, asked, now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var passed time.Duration
	if !m.last.IsZero() {
		passed = min(now.Sub(m.last), beatEvery*3/2) // more than that nobody looked
	}
	before := m.asked
	m.last, m.asked, m.looked = now, asked.Round(0), asked
	m.watching += passed
	there := map[string]bool{}
	for id, text := range said {
		var p pulse
		if id == m.id || json.Unmarshal([]byte(text), &p) != nil {
			continue
		}
		there[id] = true
		heard := before
		if age, known := ages[id]; before.IsZero() && known {
			heard = m.asked.Add(-max(age, 0))
		}
		old := m.peers[id]
		switch {
		case old == nil:
			m.peers[id] = &seen{pulse: p, heard: heard}
		case old.Run != p.Run && p.Run != old.former.name:
			m.isOver(id, old.former.name)
			m.peers[id] = &seen{pulse: p, heard: heard, former: run{old.Run, old.heard}}
		case old.Run == p.Run && p.Beat > old.Beat:
			m.peers[id] = &seen{pulse: p, heard: heard, former: old.former}
		default:
			old.silent += passed
		}
	}
	for id, p := range m.peers {
		if !there[id] { // it has left, or Redis has lost it: then it says so again
			if p.silent += passed; p.silent >= silentFor {
				m.isOver(id, p.Run)
				delete(m.peers, id)
			}
		}
	}
	for name, first := range m.unseen {
		if !first.IsZero() && asked.Sub(first) > unseenKept {
			delete(m.unseen, name)
		}
	}
}

// isOver notes a run that was seen once and will not be again. m.mu is held.
func (m *Member) isOver(id, run string) {
	if run == "" {
		return
	}
	if len(m.unseen) >= mostUnseen { // they are asked about once more, which is all that is lost
		clear(m.unseen)
	}
	m.unseen[id+"."+run] = time.Time{}
}
