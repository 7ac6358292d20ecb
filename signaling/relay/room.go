package relay

import (
	"cmp"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"belay/signaling/protocol"
)

// room is one session: who is there, who sees whom in which slot, and which
// stream goes into which slot. Its lock is never held over I/O.
type room struct {
	relay *Relay
	id    string
	peer  protocol.PeerID // the relay, here
	until time.Time       // then it ends; zero: it stays. Guarded by Relay.mu

	mu      sync.Mutex
	members map[protocol.PeerID]Member
	parties map[protocol.PeerID]*party
	dirty   atomic.Bool // a slot has passed on to another stream since the last wiring
	over    bool        // shut: nobody comes any more
}

func newRoom(r *Relay, id string) *room {
	return &room{relay: r, id: id, peer: r.ID(id), parties: map[protocol.PeerID]*party{}}
}

func (r *room) party(peer protocol.PeerID) *party {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.parties[peer]
}

// end disconnects everybody, without waiting.
func (r *room) end() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.over = true
	r.admit(nil)
}

func (r *room) setMembers(members map[protocol.PeerID]Member) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.over {
		r.admit(members)
	}
}

// admit takes over who is there. r.mu is held.
func (r *room) admit(members map[protocol.PeerID]Member) {
	r.members = maps.Clone(members)
	for peer, p := range r.parties {
		if _, stays := members[peer]; !stays {
			delete(r.parties, peer)
			p.leaves()
		}
	}
	for peer := range members {
		if r.parties[peer] == nil {
			r.parties[peer] = newParty(r, peer)
		}
	}
	for peer, p := range r.parties {
		if p.show(r.visible(peer)) {
			p.post(p.saySlots)
		}
	}
	r.wire(time.Now())
}

// visible lists whom a page sees, by seat. r.mu is held.
func (r *room) visible(peer protocol.PeerID) []protocol.Slot {
	var all []protocol.Slot
	for _, other := range r.members[peer].Sees {
		if m, here := r.members[other]; here && other != peer {
			all = append(all, protocol.Slot{Seat: m.Seat, Peer: other})
		}
	}
	slices.SortFunc(all, func(a, b protocol.Slot) int {
		return cmp.Or(cmp.Compare(a.Seat, b.Seat), cmp.Compare(a.Peer, b.Peer))
	})
	return all
}

// wire puts into each slot of each page the stream that belongs there, and tells
// each stream its slots. r.mu is held.
func (r *room) wire(now time.Time) {
	r.dirty.Store(false)
	to := map[*source][]*slot{}
	for _, viewer := range r.parties {
		link := viewer.link
		if link == nil {
			continue
		}
		for i := range MaxSlots {
			shown := r.parties[viewer.showing[i].Peer] // nil for an empty slot
			if o := link.sounds[i]; o != nil {
				var want *source
				if shown != nil {
					want = shown.sound
				}
				o.aim(want)
				o.listen(to)
			}
			if o := link.pictures[i]; o != nil {
				var want *source
				if shown != nil {
					want = shown.layer(viewer.steps.step, o.wanted(), now)
				}
				o.aim(want)
				o.listen(to)
			}
		}
	}
	for _, p := range r.parties {
		for _, s := range p.sources() {
			s.feed(to[s])
		}
	}
}

// look does what time brings: a layer that its sender has given up, a viewer
// whose way has become better or worse, a key frame that is still owed.
func (r *room) look(now time.Time) {
	for _, p := range r.due(now) {
		p.keys.due(now)
	}
}

// due wires what has changed and returns everybody.
func (r *room) due(now time.Time) []*party {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := make([]*party, 0, len(r.parties))
	wire := r.dirty.Load()
	for _, p := range r.parties {
		for _, s := range p.layers {
			s.weigh(now)
		}
	}
	for _, p := range r.parties {
		p.steps.sends(r.weight(p, full, now), r.weight(p, reduced, now))
		if p.steps.look(now) {
			wire = true
		}
		if len(p.layers) > 1 {
			wire = true // which of them live is a matter of time
		}
		all = append(all, p)
	}
	if wire {
		r.wire(now)
	}
	return all
}

// weight is how many bits a second the pictures have that a viewer is shown on a
// step. r.mu is held.
func (r *room) weight(viewer *party, at step, now time.Time) (rate float64) {
	for _, showing := range viewer.showing {
		if shown := r.parties[showing.Peer]; shown != nil {
			if s := shown.layer(at, nil, now); s != nil {
				rate += s.rate
			}
		}
	}
	return rate
}

// stale says that a slot has passed on to another stream: the one before need not
// feed it any more. It takes no lock: who calls it holds the slot's.
func (r *room) stale() { r.dirty.Store(true) }

// add takes a stream of a page in, unless its connection was replaced.
func (r *room) add(l *link, s *source) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := l.party
	if p.link != l {
		return false
	}
	if s.picture {
		p.layers[s.rid] = s
	} else {
		p.sound = s
	}
	r.wire(time.Now())
	return true
}

// remove forgets a stream that has ended.
func (r *room) remove(s *source) {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := s.link.party
	if p.sound == s {
		p.sound = nil
	}
	if p.layers[s.rid] == s {
		delete(p.layers, s.rid)
	}
	r.wire(time.Now())
}

func (r *room) heard(now time.Time) map[protocol.PeerID]Heard {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := make(map[protocol.PeerID]Heard, len(r.parties))
	for peer, p := range r.parties {
		h := Heard{PacketAge: -1, FrameAge: -1, SoundAge: -1, SoundLevel: -1, Loss: p.steps.loss()}
		if p.link != nil {
			h.Connected, h.Route = p.link.state()
		}
		younger := func(age *time.Duration, at int64) {
			if at == 0 {
				return
			}
			if d := max(0, now.Sub(time.Unix(0, at))); *age < 0 || d < *age {
				*age = d
			}
		}
		younger(&h.SoundAge, p.soundAt.Load())
		younger(&h.FrameAge, p.frameAt.Load())
		younger(&h.PacketAge, p.soundAt.Load())
		younger(&h.PacketAge, p.pictureAt.Load())
		if level := p.level.Load(); level >= 0 {
			h.SoundLevel = amplitude(level)
		}
		all[peer] = h
	}
	return all
}
