package redis

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	goredis "github.com/redis/go-redis/v9"
)

// Limits of what nodes send to each other.
const (
	MaxLetter    = 128 << 10        // bytes of one message
	inboxLength  = 10000            // messages that wait for one node
	inboxLives   = 10 * time.Minute // unread, after the last one
	lettersWait  = 4096             // at the sender
	lettersAge   = 10 * time.Second // then they are of no use any more
	lettersOnce  = 64               // in one round trip
	inboxBlock   = 2 * time.Second
	inboxRead    = 256
	postAgain    = 100 * time.Millisecond
	postWithin   = 2 * time.Second
	castsWait    = 1024
	probeMail    = 5 * time.Second // a node writes to itself, and sees how long it takes
	wakeLetter   = ""
	letterFrom   = "f"
	letterNumber = "n"
	letterText   = "m"
)

func (s *Store) inboxKey(name string) string {
	return string(s.keys(shardOf(name))) + ":inbox:" + name
}

func (s *Store) castKey(name string) string {
	return string(s.keys(shardOf(name))) + ":cast:" + name
}

// letter is a message on its way.
type letter struct {
	to      string
	number  uint64
	message []byte
	at      time.Time // monotonic
	cast    bool
}

// mail is how a node reaches the others: a stream for each, that only it reads,
// for what has to arrive, and a channel for what may be lost.
type mail struct {
	m *Member

	mu      sync.Mutex
	number  uint64
	queue   []letter
	casts   []letter
	ready   chan struct{} // holds a token when there is something to send
	take    func(from string, message []byte)
	lost    func(to string, message []byte)
	begins  chan struct{} // closed by Receive
	started bool

	unread atomic.Int64  // that were read together and are not taken yet
	gaveUp atomic.Uint64 // that were given back
	probe  probe
}

// probe is a node's letter to itself. It goes the way of all: through the queue,
// Redis, and the inbox.
type probe struct {
	sync.Mutex           // guards the rest
	posted     time.Time // the last one; zero: it has come, or was given up
	out        time.Time // the first one that has not come, whatever became of it; zero: all have
	crossed    func(time.Duration)
}

// MailCounts say how the mail between nodes is.
type MailCounts struct {
	Waiting int           // letters that this node has not handed to Redis yet
	Oldest  time.Duration // for how long the first of them has waited
	Unread  int           // letters in this node's inbox that were read and are not taken yet
	Behind  time.Duration // for how long this node's own letter to itself has been on its way, beyond the usual second
	Lost    uint64        // letters that were given back since Join
}

// MailCounts returns what stands now.
func (m *Member) MailCounts() MailCounts {
	p := &m.mail
	c := MailCounts{Unread: int(p.unread.Load()), Lost: p.gaveUp.Load()}
	p.mu.Lock()
	if c.Waiting = len(p.queue); c.Waiting > 0 {
		c.Oldest = time.Since(p.queue[0].at)
	}
	p.mu.Unlock()
	p.probe.Lock()
	defer p.probe.Unlock()
	if !p.probe.out.IsZero() {
		c.Behind = max(0, time.Since(p.probe.out)-time.Second)
	}
	return c
}

// OnCrossing has f told how long each letter took that this node wrote to itself:
// from its Post until it is taken. f must return at once.
func (m *Member) OnCrossing(f func(time.Duration)) {
	m.mail.probe.Lock()
	defer m.mail.probe.Unlock()
	m.mail.probe.crossed = f
}

// probeSelf writes to this node, one letter after the other.
func (p *mail) probeSelf(ctx context.Context) {
	for ctx.Err() == nil {
		p.probe.Lock()
		now := time.Now()
		if p.probe.posted.IsZero() || now.Sub(p.probe.posted) > 2*lettersAge { // a failover may have lost it
			if p.probe.out.IsZero() {
				p.probe.out = now
			}
			if p.put(letter{to: p.m.Name()}) {
				p.probe.posted = now
			}
		}
		p.probe.Unlock()
		pause(ctx, probeMail)
	}
}

// arrived notes that the letter to itself is here.
func (p *mail) arrived() {
	p.probe.Lock()
	defer p.probe.Unlock()
	if !p.probe.out.IsZero() && p.probe.crossed != nil {
		p.probe.crossed(time.Since(p.probe.out))
	}
	p.probe.out, p.probe.posted = time.Time{}, time.Time{}
}

func (p *mail) init(m *Member) {
	p.m, p.ready, p.begins = m, make(chan struct{}, 1), make(chan struct{})
}

// Receive begins to call take with what other nodes send to this one, one after
// the other, in the order of each sender; and lost with what was posted and could
// not be handed to Redis in ten seconds. Both end with Leave. It is called once.
// What was sent before waits.
func (m *Member) Receive(take func(from string, message []byte), lost func(to string, message []byte)) {
	m.mail.mu.Lock()
	defer m.mail.mu.Unlock()
	if !m.mail.started {
		m.mail.started, m.mail.take, m.mail.lost = true, take, lost
		close(m.mail.begins)
	}
}

// Post sends a message to another node: in the order of the calls, never twice,
// and also across a short absence of Redis. It does not block. False: too much
// waits already, or it is too large.
func (m *Member) Post(to string, message []byte) bool {
	return m.mail.put(letter{to: to, message: message})
}

// Cast is Post for what may be lost. It costs Redis no disk.
func (m *Member) Cast(to string, message []byte) {
	m.mail.put(letter{to: to, message: message, cast: true})
}

func (p *mail) put(l letter) bool {
	if len(l.message) > MaxLetter {
		return false
	}
	l.at = time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case l.cast && len(p.casts) < castsWait:
		p.casts = append(p.casts, l)
	case !l.cast && len(p.queue) < lettersWait:
		p.number++
		l.number = p.number
		p.queue = append(p.queue, l)
	default:
		return false
	}
	select {
	case p.ready <- struct{}{}:
	default:
	}
	return true
}

// run sends and receives until ctx ends.
func (p *mail) run(ctx context.Context) {
	var parts sync.WaitGroup
	defer parts.Wait()
	parts.Go(func() { p.send(ctx) })
	select {
	case <-p.begins:
	case <-ctx.Done():
		return
	}
	var taking sync.Mutex // one message at a time
	take := func(from string, message []byte) {
		taking.Lock()
		defer taking.Unlock()
		p.take(from, message)
	}
	parts.Go(func() { p.receive(ctx, take) })
	parts.Go(func() { p.probeSelf(ctx) })
	name := p.m.Name()
	parts.Go(func() {
		p.m.store.listen(ctx, []string{p.m.store.castKey(name)}, func(text string) {
			if from, message, ok := cutSpace(text); ok {
				take(from, []byte(message))
			}
		})
	})
}

func cutSpace(s string) (before, after string, ok bool) {
	for i := range len(s) {
		if s[i] == ' ' {
			return s[:i], s[i+1:], true
		}
	}
	return s, "", false
}

// send hands to Redis what waits, in order.
func (p *mail) send(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-p.ready:
		}
		for ctx.Err() == nil {
			letters := p.next()
			if len(letters) == 0 {
				break
			}
			within, cancel := context.WithTimeout(ctx, postWithin)
			err := p.hand(within, letters)
			cancel()
			if err != nil {
				pause(ctx, postAgain)
				continue
			}
			p.sent(letters)
		}
	}
}

// next returns what to send now, and gives up what is too old.
func (p *mail) next() []letter {
	p.mu.Lock()
	now := time.Now()
	var old []letter
	for len(p.queue) > 0 && now.Sub(p.queue[0].at) > lettersAge {
		old, p.queue = append(old, p.queue[0]), p.queue[1:]
	}
	letters := append([]letter(nil), p.queue[:min(len(p.queue), lettersOnce)]...)
	letters = append(letters, p.casts...)
	p.casts = nil // tried once
	lost := p.lost
	p.mu.Unlock()
	for _, l := range old {
		switch p.gaveUp.Add(1); {
		case l.to == p.m.Name():
			p.probe.Lock()
			p.probe.posted = time.Time{}
			p.probe.Unlock()
		case lost != nil:
			lost(l.to, l.message)
		}
	}
	return letters
}

func (p *mail) sent(letters []letter) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, l := range letters {
		if !l.cast && len(p.queue) > 0 && p.queue[0].number <= l.number {
			p.queue = p.queue[1:]
		}
	}
	if len(p.queue) == 0 {
		p.queue = nil
	}
}

// postScript puts letters of one sender into an inbox, all or none: a letter that came
// after a later one of its sender would be taken for an old one.
//
// KEYS: inbox. ARGV: its length, its life, the sender; then number and text of each.
var postScript = goredis.NewScript(`
for i = 4, #ARGV, 2 do
  redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[1], '*', '` + letterFrom + `', ARGV[3], '` + letterNumber + `', ARGV[i], '` + letterText + `', ARGV[i+1])
end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
`)

// hand hands letters to Redis. After an error some inboxes may have theirs.
func (p *mail) hand(ctx context.Context, letters []letter) error {
	s, from := p.m.store, p.m.Name()
	_, err := s.client.Pipelined(ctx, func(pipe goredis.Pipeliner) error {
		to := map[string][]any{}
		for _, l := range letters {
			if l.cast {
				pipe.Publish(ctx, s.castKey(l.to), from+" "+string(l.message))
				continue
			}
			key := s.inboxKey(l.to)
			if to[key] == nil {
				to[key] = []any{inboxLength, inboxLives.Milliseconds(), from}
			}
			to[key] = append(to[key], strconv.FormatUint(l.number, 10), l.message)
		}
		for key, args := range to {
			postScript.Eval(ctx, pipe, []string{key}, args...)
		}
		return nil
	})
	return err
}

// receive reads this node's stream. The ids in it are by the clock of Redis, and that
// of a replica that became the master may be behind: what comes then can stand before
// what was read. So after a break, and when nothing has come for a while, it is read
// from its beginning. That each letter is taken once is by the number of its sender.
func (p *mail) receive(ctx context.Context, take func(from string, message []byte)) {
	const beginning = "0"
	s := p.m.store
	if s.begin(ctx) != nil {
		return
	}
	defer s.calls.Done()
	key, at := s.inboxKey(p.m.Name()), beginning
	last := map[string]uint64{} // by sender
	for ctx.Err() == nil {
		got, err := s.client.XRead(ctx, &goredis.XReadArgs{Streams: []string{key, at}, Count: inboxRead, Block: inboxBlock}).Result()
		if err != nil || len(got) == 0 {
			if at = beginning; !errors.Is(err, goredis.Nil) {
				pause(ctx, postAgain)
			}
			continue
		}
		letters := got[0].Messages
		p.open(letters, last, take)
		if at == beginning { // else they stay until it is quiet, and cost nothing more
			s.drop(ctx, key, letters)
		}
		at = letters[len(letters)-1].ID
	}
	within, cancel := context.WithTimeout(context.Background(), postWithin)
	defer cancel()
	_ = s.client.Del(within, key).Err() // else it lapses
}

// open takes letters in that are new.
func (p *mail) open(letters []goredis.XMessage, last map[string]uint64, take func(from string, message []byte)) {
	p.unread.Store(int64(len(letters)))
	for _, m := range letters {
		p.unread.Add(-1)
		text := func(name string) string { v, _ := m.Values[name].(string); return v }
		from := text(letterFrom)
		n, err := strconv.ParseUint(text(letterNumber), 10, 64)
		if from == wakeLetter || err != nil || n <= last[from] {
			continue
		}
		if last[from] = n; from == p.m.Name() {
			p.arrived()
			continue
		}
		take(from, []byte(text(letterText)))
	}
}

// drop takes letters off a stream that were taken in. Where that fails they are read
// once more.
func (s *Store) drop(ctx context.Context, key string, letters []goredis.XMessage) {
	ids := make([]string, len(letters))
	for i, m := range letters {
		ids[i] = m.ID
	}
	within, cancel := context.WithTimeout(ctx, postWithin)
	defer cancel()
	_ = s.client.XDel(within, key, ids...).Err()
}

// wake ends a read that waits.
func (p *mail) wake(ctx context.Context) {
	_ = p.m.store.client.XAdd(ctx, &goredis.XAddArgs{Stream: p.m.store.inboxKey(p.m.Name()), Values: []any{letterFrom, wakeLetter}}).Err()
}
