package signaling

import (
	"context"
	"math/rand/v2"
	"slices"
	"time"

	"belay/signaling/protocol"
)

const drainLook = 100 * time.Millisecond

// Drain hands over what this node does for sessions, to the nodes beside it, and
// returns when every page that the relay here served has its connection to the next
// one, or when ctx ends. Connections stay; Close ends them. Without another node it
// does nothing.
func (e *Edge) Drain(ctx context.Context) {
	if e.opts.Nodes == nil || len(e.opts.Nodes.Heirs()) == 0 {
		return
	}
	e.mu.Lock()
	e.leaving = true
	e.mu.Unlock()
	handed := slices.DeleteFunc(e.openRooms(), func(r *room) bool { return !r.handOver(ctx) })
	tick := time.NewTicker(drainLook)
	defer tick.Stop()
	for {
		handed = slices.DeleteFunc(handed, (*room).holdsElsewhere)
		if len(handed) == 0 {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			e.opts.Log.Warn("some pages have no connection to the next relay yet", "sessions", len(handed))
			return
		}
	}
}

// handOver gives the session's relay to another node; false: it was not here, or
// nobody takes it.
func (r *room) handOver(ctx context.Context) bool {
	r.homing.Lock()
	defer r.homing.Unlock()
	r.mu.Lock()
	home, had := r.isHome(), []protocol.PeerID{}
	if home {
		for peer, h := range r.edge.relay.Heard(r.id) {
			if h.Connected {
				had = append(had, peer)
			}
		}
	}
	r.mu.Unlock()
	heirs := r.edge.opts.Nodes.Heirs()
	if !home || len(heirs) == 0 {
		return false
	}
	me, heir := r.edge.name(), heirs[rand.IntN(len(heirs))]
	have, err := r.edge.opts.Nodes.SetHome(ctx, r.id, me, heir)
	if err != nil || have == "" || have == me {
		r.edge.opts.Log.Warn("the relay of a session could not be handed over", "session", r.id, "err", err)
		return false
	}
	r.edge.tally.moves.Add(1)
	r.post(have, crossing{Kind: crossHost}) // first: the pages' offers come after it
	if err := r.settle(have, true); err != nil {
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ropes.awaits = had
	r.tellNodes(crossing{Kind: crossMoved, Node: have}, have)
	return true
}

// holdsElsewhere reports whether every page that had a connection to the relay here
// has one to the next, as far as it is still there.
func (r *room) holdsElsewhere() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tellPeers()
	fresh := time.Since(r.ropes.far.at) < freshFor
	return !slices.ContainsFunc(r.ropes.awaits, func(peer protocol.PeerID) bool {
		p := r.find(peer)
		return p != nil && (p.conn != nil || p.there) && !(fresh && r.ropes.far.all[peer].Connected)
	})
}
