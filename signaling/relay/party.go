package relay

import (
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/rtcp"

	"belay/signaling/protocol"
)

// party is one page in a room. What it is asked to do runs one after the other in
// a goroutine that exists only while there is something to do.
type party struct {
	room *room
	peer protocol.PeerID

	// Guarded by room.mu.
	link    *link                   // the newest; nil: none
	showing [MaxSlots]protocol.Slot // whom its slots show; no peer: empty
	sound   *source
	layers  map[string]*source // of its picture, by RID; "": it has one
	steps   steps
	gone    bool

	// What has arrived from it, over all its connections. Unix nanoseconds; 0: none.
	soundAt, pictureAt, frameAt atomic.Int64
	level                       atomic.Int32 // RFC 6464, 0 to 127; negative: not told
	frames                      atomic.Int64 // of all layers, counted
	keys                        keys

	mu      sync.Mutex
	waiting []func()
	busy    bool
	over    bool // nothing is taken any more
}

func newParty(r *room, peer protocol.PeerID) *party {
	p := &party{room: r, peer: peer, layers: map[string]*source{}}
	for i := range p.showing {
		p.showing[i].Slot = i
	}
	p.level.Store(-1)
	return p
}

// post has f run after what was posted before. Too much that waits is dropped:
// a page repeats what got no answer.
func (p *party) post(f func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.over || len(p.waiting) >= maxWaiting {
		return
	}
	p.waiting = append(p.waiting, f)
	if !p.busy {
		p.busy = true
		p.room.relay.running.Go(p.work)
	}
}

func (p *party) work() {
	for {
		p.mu.Lock()
		if len(p.waiting) == 0 {
			p.waiting, p.busy = nil, false
			p.mu.Unlock()
			return
		}
		f := p.waiting[0]
		p.waiting = p.waiting[1:]
		p.mu.Unlock()
		f()
	}
}

// leaves disconnects the page for good. Nothing goes there from now on, however long
// its connection takes to end. room.mu is held.
func (p *party) leaves() {
	p.gone = true
	if p.link != nil {
		p.link.each(func(o *slot) { o.aim(nil) })
	}
	p.mu.Lock()
	p.waiting = nil // nothing of it matters any more, and the end finds room
	p.mu.Unlock()
	p.post(func() {
		p.mu.Lock()
		p.over, p.waiting = true, nil
		p.mu.Unlock()
		p.drop()
	})
}

func (p *party) say(message any) { p.room.relay.opts.Say(p.room.id, p.peer, message) }

// show takes over whom the page sees now: the same page keeps its slot, a new page
// in the same seat takes its predecessor's, whoever is left gets what is free. It
// reports a change. room.mu is held.
func (p *party) show(all []protocol.Slot) (changed bool) {
	before, rest := p.showing, slices.Clone(all)
	p.showing = [MaxSlots]protocol.Slot{}
	for _, fits := range []func(old, one protocol.Slot) bool{
		func(old, one protocol.Slot) bool { return old.Peer == one.Peer },
		func(old, one protocol.Slot) bool { return old.Peer != "" && old.Seat == one.Seat },
		func(protocol.Slot, protocol.Slot) bool { return true },
	} {
		for i, old := range before {
			if p.showing[i].Peer != "" {
				continue
			}
			if at := slices.IndexFunc(rest, func(one protocol.Slot) bool { return fits(old, one) }); at >= 0 {
				p.showing[i] = rest[at]
				rest = slices.Delete(rest, at, at+1)
			}
		}
	}
	for i := range p.showing {
		p.showing[i].Slot = i
	}
	return p.showing != before
}

// saySlots tells the page whom its slots show.
func (p *party) saySlots() {
	p.room.mu.Lock()
	m := protocol.Slots{Peer: p.room.peer, Slots: []protocol.Slot{}}
	for _, s := range p.showing {
		if s.Peer != "" {
			m.Slots = append(m.Slots, s)
		}
	}
	gone := p.gone
	p.room.mu.Unlock()
	if !gone {
		p.say(m)
	}
}

// sources are all streams of the page. room.mu is held.
func (p *party) sources() []*source {
	all := make([]*source, 0, 1+len(p.layers))
	if p.sound != nil {
		all = append(all, p.sound)
	}
	for _, s := range p.layers {
		all = append(all, s)
	}
	return all
}

const (
	liveFor     = 1500 * time.Millisecond // a layer without a packet for longer is not being sent,
	givenUp     = 400 * time.Millisecond  // or for so long, where so many frames of the other have come meanwhile
	givenUpLate = 6
	livesFrom   = 3 * time.Second // and one that comes back is believed after this
)

// layer chooses the stream of the page's picture for a viewer on a step of the
// ladder; have is what the viewer has now. room.mu is held.
func (p *party) layer(at step, have *source, now time.Time) *source {
	if at == none || len(p.layers) == 0 {
		return nil
	}
	big, small := p.layers["h"], p.layers["l"]
	if big == nil || small == nil { // one layer, whatever it is called
		for _, s := range p.layers {
			return s
		}
	}
	if at == reduced {
		if small.live(now, 0) || !big.live(now, 0) {
			return small
		}
		return big
	}
	switch {
	case big.live(now, 0) && (have == big || have == nil || !small.live(now, 0) || big.live(now, livesFrom)):
		return big
	case small.live(now, 0):
		return small
	case have == small:
		return small
	}
	return big
}

// amplitude turns a level (RFC 6464: minus decibels of full scale) into 0 to 1.
func amplitude(level int32) float64 {
	if level >= 127 {
		return 0
	}
	return math.Pow(10, -float64(level)/20)
}

// keys asks a publisher for key frames, at most one request in askEvery.
type keys struct {
	mu   sync.Mutex
	last time.Time
	owed []*source // asked for too early
}

const askEvery = 500 * time.Millisecond

// ask requests a key frame of s now, or as soon as it may.
func (k *keys) ask(s *source, now time.Time) {
	k.mu.Lock()
	if now.Sub(k.last) < askEvery {
		if !slices.Contains(k.owed, s) {
			k.owed = append(k.owed, s)
		}
		k.mu.Unlock()
		return
	}
	k.last = now
	k.mu.Unlock()
	s.requestKey()
}

// due sends what is owed, in one request by each connection: a page that has built its
// own anew may owe by both.
func (k *keys) due(now time.Time) {
	k.mu.Lock()
	if len(k.owed) == 0 || now.Sub(k.last) < askEvery {
		k.mu.Unlock()
		return
	}
	owed := k.owed
	k.owed, k.last = nil, now
	k.mu.Unlock()
	packets := map[*link][]rtcp.Packet{}
	for _, s := range owed {
		packets[s.link] = append(packets[s.link], s.keyRequest())
	}
	for l, all := range packets {
		_ = l.pc.WriteRTCP(all) // a connection that is being closed needs none
	}
}
