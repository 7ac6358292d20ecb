package signaling

import (
	"context"
	"math/rand/v2"
	"time"

	"belay/signaling/protocol"
	"belay/signaling/relay"
)

// formerFor is how long a relay that was handed over passes on what still comes:
// pages change over when the other one holds.
const formerFor = 15 * time.Second

// isHome reports whether the relay here is the session's. r.mu is held.
func (r *room) isHome() bool {
	return r.ropes.open && r.edge.relay != nil && r.ropes.home == r.edge.name()
}

// relayID is the relay's name in this session, wherever it is. r.mu is held.
func (r *room) relayID() protocol.PeerID {
	if r.ropes.home == "" {
		return r.edge.relay.ID(r.id)
	}
	return relay.PeerID(r.id, boot(r.ropes.home))
}

// openRelay finds the relay of the session, once; it is called for every visitor,
// and refused with relay.ErrFull only before the visit.
func (r *room) openRelay() error {
	if r.edge.relay == nil && r.edge.opts.Nodes == nil {
		return nil
	}
	r.homing.Lock()
	defer r.homing.Unlock()
	r.mu.Lock()
	open := r.ropes.open
	r.mu.Unlock()
	if open {
		return nil
	}
	home := ""
	if r.edge.opts.Nodes != nil {
		if home = r.findHome(); home == "" {
			return nil // no node has a relay
		}
	}
	return r.settle(home, false)
}

// findHome returns the node whose relay is the session's: the first that asks, or
// that takes it after one that is gone. Where it can't be found out it is this one,
// until it can. r.homing is held.
func (r *room) findHome() string {
	nodes := r.edge.opts.Nodes
	ctx, cancel := context.WithTimeout(context.Background(), askWithin)
	defer cancel()
	candidate := r.edge.candidate()
	home, err := nodes.SetHome(ctx, r.id, "", candidate)
	if err == nil && home != "" && home != candidate && !nodes.Runs(home) {
		home, err = nodes.SetHome(ctx, r.id, home, candidate)
	}
	if err != nil {
		return candidate
	}
	return home
}

// candidate is the node that a session without a home gets; empty: there is none.
func (e *Edge) candidate() string {
	heirs := e.opts.Nodes.Heirs()
	e.mu.Lock()
	leaving := e.leaving
	e.mu.Unlock()
	if e.relay != nil && !(leaving && len(heirs) > 0) {
		return e.name()
	}
	if len(heirs) == 0 {
		return ""
	}
	return heirs[rand.IntN(len(heirs))]
}

// settle makes a node the session's home as far as this one goes; surely: also where
// the relay here has no room for another. r.homing is held.
func (r *room) settle(home string, surely bool) error {
	me := r.edge.name()
	r.mu.Lock()
	before, open, begun := r.ropes.home, r.ropes.open, r.ropes.begun
	r.mu.Unlock()
	if open && before == home {
		return nil
	}
	switch {
	case home == me:
		if err := r.edge.relay.Open(r.id, begun || surely); err != nil {
			r.giveBack()
			return err
		}
		r.host()
	case !open:
		r.post(home, crossing{Kind: crossHost}) // it knows, if it took it by itself
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if open && before == me {
		r.ropes.former, r.ropes.until = true, time.Now().Add(formerFor)
		r.edge.relay.Shut(r.id, formerFor)
	} else if home == me {
		r.ropes.former = false
	}
	r.ropes.open, r.ropes.home, r.ropes.members, r.ropes.far = true, home, nil, farHeard{}
	r.tellPeers()
	return nil
}

// servers are what a page connects through. r.mu is held.
func (r *room) servers(c *conn) []protocol.ICEServer {
	var servers []protocol.ICEServer
	known := true
	if !r.over {
		servers, known = r.edge.opts.ICEServers(r.id, c.seat, c.host, r.ropes.home)
	}
	if known {
		c.towards = r.ropes.home
	}
	if servers == nil {
		servers = []protocol.ICEServer{}
	}
	return servers
}

// tellWays gives pages another way through where the relay has moved to another node,
// or was at one of which nothing was known when they came. r.mu is held.
func (r *room) tellWays() {
	for _, p := range r.places {
		if !p.ready || p.conn.towards == r.ropes.home {
			continue
		}
		if servers := r.servers(p.conn); p.conn.towards == r.ropes.home {
			p.conn.send(protocol.ICEServers{ICEServers: servers})
		}
	}
}

// giveBack says that this node is not the session's home after all.
func (r *room) giveBack() {
	if r.edge.opts.Nodes == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), askWithin)
	defer cancel()
	_, _ = r.edge.opts.Nodes.SetHome(ctx, r.id, r.edge.name(), "") // whoever asks later finds out
}

// lookHome follows the session's home: it moved, or its node is gone. asked is what
// the nodes know; empty: it was not asked.
func (r *room) lookHome(ctx context.Context, asked string) {
	nodes := r.edge.opts.Nodes
	r.mu.Lock()
	open, home := r.ropes.open, r.ropes.home
	if r.ropes.former && time.Now().After(r.ropes.until) {
		r.ropes.former = false
	}
	r.mu.Unlock()
	if !open {
		return
	}
	none := asked == noHome // it was given up, was lost, or could not be said
	moved := asked != "" && !none && asked != home
	gone := !moved && home != r.edge.name() && !nodes.Runs(home)
	if !none && !moved && !gone {
		return
	}
	r.homing.Lock()
	defer r.homing.Unlock()
	within, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	var err error
	if moved { // asked once more: it may have moved on while this waited
		var homes []string
		if homes, err = nodes.Homes(within, []string{r.id}); err == nil {
			asked = homes[0]
		}
	} else {
		to := home
		if home != r.edge.name() {
			to = r.edge.candidate()
		}
		if to == "" {
			return
		}
		if asked, err = nodes.SetHome(within, r.id, home, to); err == nil && asked == to && to != home {
			r.edge.tally.moves.Add(1)
		}
	}
	if err != nil || asked == "" {
		return // in the next round
	}
	if err := r.settle(asked, true); err != nil {
		r.edge.opts.Log.Warn("the relay could not take a session over", "session", r.id, "err", err)
	}
}

// noHome is what askHomes says of a session that has none.
const noHome = "-"

// host keeps the room open for pages at other nodes.
func (r *room) host() {
	if r.edge.opts.Nodes == nil {
		return
	}
	r.edge.mu.Lock()
	defer r.edge.mu.Unlock()
	if !r.hosting {
		r.hosting = true
		r.visitors++
	}
}

// endHosting lets the room go when nobody is anywhere any more, or in any case.
func (r *room) endHosting(anyway bool) {
	r.edge.mu.Lock()
	end := r.hosting && (anyway || r.visitors == 1 && r.idle())
	if end {
		r.hosting = false
	}
	r.edge.mu.Unlock()
	if end {
		r.edge.exit(r)
	}
}

// idle reports whether no page of the session needs the relay here.
func (r *room) idle() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tellPeers() // whoever did not come back in time is gone
	return len(r.places) == 0 || !r.isHome() && !r.ropes.former
}

// hostFor opens the room of a session whose home this node is, because another one,
// that has sent a page's offer or hands the session over, says so.
func (e *Edge) hostFor(id, giver string) {
	if e.relay == nil || !e.enters() {
		return
	}
	defer e.running.Done()
	r := e.enter(id)
	defer e.exit(r)
	if err := r.open(); err != nil {
		e.opts.Log.Warn("a session could not be opened for another node", "session", id, "err", err)
		return
	}
	r.homing.Lock()
	defer r.homing.Unlock()
	r.mu.Lock()
	r.ropes.giver = giver
	r.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), askWithin)
	defer cancel()
	if home, err := e.opts.Nodes.Homes(ctx, []string{id}); err != nil || home[0] != e.name() {
		return
	}
	if err := r.settle(e.name(), true); err != nil {
		e.opts.Log.Warn("the relay could not take a session over", "session", id, "err", err)
	}
}

// leaveRelay gives the room at the relay back: at once where everybody has left,
// after a while where they were only cut off, because their media lives.
func (r *room) leaveRelay() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.isHome() && !r.ropes.former {
		return
	}
	linger := protocol.ReturnWithin
	if len(r.places) == 0 {
		linger = 0
	}
	r.edge.relay.Shut(r.id, linger)
}

// giveUpHome says that this node is the session's home no more. Nobody visits the room.
func (r *room) giveUpHome() {
	r.mu.Lock()
	home := r.isHome()
	r.mu.Unlock()
	if home {
		r.giveBack()
	}
}

// farHeard is what a relay elsewhere has said of what it receives.
type farHeard struct {
	at  time.Time
	all map[protocol.PeerID]relay.Heard
}

// heard is what the session's relay has measured; nil: it has none. r.mu is held.
func (r *room) heard(now time.Time) map[protocol.PeerID]relay.Heard {
	if !r.ropes.open {
		return nil
	}
	if r.isHome() {
		return r.edge.relay.Heard(r.id)
	}
	age := now.Sub(r.ropes.far.at)
	if age > freshFor || age < 0 {
		return nil
	}
	all := make(map[protocol.PeerID]relay.Heard, len(r.ropes.far.all))
	for peer, h := range r.ropes.far.all {
		for _, d := range []*time.Duration{&h.PacketAge, &h.FrameAge, &h.SoundAge} {
			if *d >= 0 {
				*d += age
			}
		}
		all[peer] = h
	}
	return all
}

// castHeard tells the other nodes what the relay here has measured: therapists'
// pages judge by it, and a node that hands over waits for it.
func (r *room) castHeard() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.isHome() {
		return
	}
	nodes := map[string]bool{}
	for _, p := range r.places {
		if p.there {
			nodes[p.node] = true
		}
	}
	if r.ropes.giver != "" && r.edge.opts.Nodes.Runs(r.ropes.giver) {
		nodes[r.ropes.giver] = true
	}
	delete(nodes, r.edge.name())
	for node := range nodes {
		r.cast(node, crossing{Kind: crossHeard, Heard: r.edge.relay.Heard(r.id)})
	}
}

// repeat has the relay tell a page its slots again. r.mu is held.
func (r *room) repeat(page protocol.PeerID) {
	switch {
	case !r.ropes.open:
	case r.isHome():
		r.edge.relay.Repeat(r.id, page)
	case r.ropes.home != "":
		r.post(r.ropes.home, crossing{Kind: crossRepeat, From: page})
	}
}

// toFarRelay sends a page's message to the relay at another node.
func (r *room) toFarRelay(home string, from, to protocol.PeerID, message any) (why string) {
	offer, ok := message.(*protocol.Offer)
	if !ok {
		return "" // a relay has no use for anything else
	}
	again := *offer
	again.To, again.From = to, ""
	frame, err := protocol.Encode(again)
	if err != nil {
		return "it could not be encoded"
	}
	return r.post(home, crossing{Kind: crossToRelay, From: from, To: to, Frame: frame})
}
