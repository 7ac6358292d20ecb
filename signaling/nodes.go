package signaling

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"sync"
	"time"

	"belay/session"
	"belay/signaling/protocol"
)

// Nodes are the edges of other processes that serve the same sessions. Its methods
// may be called concurrently; those without a context return at once. What it
// brings from the others goes to Edge.Take.
type Nodes interface {
	// Name is this process's own: another after a restart.
	Name() string
	// Runs reports whether a process is seen to live.
	Runs(node string) bool
	// Heirs are the others that live and take in what is new, in no order.
	Heirs() []string
	// Post sends a message to another's edge: in order, never twice. False: it can't.
	Post(node string, message []byte) bool
	// Cast sends what may be lost.
	Cast(node string, message []byte)
	// SetHome makes to the home of a session if from is, or nobody, and returns who
	// is then; empty: nobody.
	SetHome(ctx context.Context, session, from, to string) (home string, err error)
	// Homes returns the homes of sessions, in their order.
	Homes(ctx context.Context, sessions []string) ([]string, error)
}

// name is this process's own among nodes; empty: it is the only one.
func (e *Edge) name() string {
	if e.opts.Nodes == nil {
		return ""
	}
	return e.opts.Nodes.Name()
}

// boot is what stands for a node in the names of its relay.
func boot(node string) string {
	sum := sha256.Sum256([]byte(node))
	return hex.EncodeToString(sum[:4])
}

// locate puts every seat whose page is connected to another node where the session
// says that it is, and finds out what became of the connections here. r.mu is held.
func (r *room) locate(st *session.State) {
	r.presence = st.Presence
	if r.edge.opts.Nodes == nil {
		return
	}
	for seat := range st.Presence {
		at, p := st.Presence[seat], r.places[seat]
		switch {
		case p != nil && p.conn != nil:
			if !r.tookOver(p) && p.logged && at.Conn == "" && !p.conn.out.ending() {
				p.logged = false // until it is told again
				p.conn.acts.add(p.conn.rejoin)
			}
		case at.Conn != "" && at.Node != "" && at.Node != r.edge.name():
			r.sitsElsewhere(seat, at)
		case at.Conn == "" && p != nil && p.node != "":
			p.there, p.until = false, st.Pace.Wall(at.Since).Add(protocol.ReturnWithin)
			if p.doubted != "" {
				p.until = st.Pace.Wall(at.Since).Add(doubtedReturn)
			}
			if at.Left {
				delete(r.places, seat)
			}
		}
	}
}

// tookOver reports whether a seat's page was replaced by one at another node, and
// closes it then. Until the session has taken in that it came, what the session
// says is about another, older one. r.mu is held.
func (r *room) tookOver(p *place) bool {
	at := r.presence[p.seat]
	switch {
	case r.edge.opts.Nodes == nil:
	case at.Conn == p.conn.id:
		p.logged = true
	case p.logged && at.Conn != "" && at.Node != "" && at.Node != r.edge.name():
		p.conn.out.end(protocol.CloseReplaced, "replaced", "This place was taken over by another window or device.")
		r.sitsElsewhere(p.seat, at)
		return true
	}
	return false
}

// sitsElsewhere notes where a seat's page is connected, and sends on what waits for
// it. r.mu is held.
func (r *room) sitsElsewhere(seat session.SeatID, at session.Presence) {
	p := r.places[seat]
	if p == nil || p.peer != protocol.PeerID(at.Peer) {
		p = &place{seat: seat, peer: protocol.PeerID(at.Peer)}
		r.places[seat] = p
	}
	p.conn, p.ready, p.told, p.logged = nil, false, nil, false
	p.node, p.there, p.known, p.media, p.relay = at.Node, true, true, at.Media, at.Relay
	if p.doubted != at.Conn {
		p.doubted = ""
	}
	waiting := p.held
	p.held = nil
	for _, h := range waiting {
		switch from := r.find(h.from); {
		case h.from.IsRelay():
			r.saysRelay(p, h.from, h.frame)
		case from != nil && r.mayMeet(from, p):
			r.give(p, h.from, h.kind, h.frame)
		}
	}
}

const (
	roundEvery = 500 * time.Millisecond
	askEvery   = 2 * time.Second // where the homes are
	askWithin  = 2 * time.Second
)

// rounds are what an edge does regularly where there are other nodes.
type rounds struct {
	cancel context.CancelFunc
	done   sync.WaitGroup
}

func (x *rounds) start(e *Edge) {
	if e.opts.Nodes == nil {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	x.cancel = cancel
	x.done.Go(func() {
		tick := time.NewTicker(roundEvery)
		defer tick.Stop()
		var asked time.Time
		for {
			select {
			case <-ctx.Done():
				return
			case now := <-tick.C:
				ask := now.Sub(asked) >= askEvery
				if ask {
					asked = now
				}
				e.round(ctx, ask)
			}
		}
	})
}

// stop ends the rounds, and gives up the rooms that were held for others.
func (x *rounds) stop(e *Edge) {
	if x.cancel == nil {
		return
	}
	x.cancel()
	x.done.Wait()
	for _, r := range e.openRooms() {
		r.endHosting(true)
	}
}

func (e *Edge) openRooms() []*room {
	e.mu.Lock()
	defer e.mu.Unlock()
	all := make([]*room, 0, len(e.rooms))
	for _, r := range e.rooms {
		all = append(all, r)
	}
	return all
}

// round looks after the homes of the sessions that have pages here, and tells
// others what the relay here has measured of theirs.
func (e *Edge) round(ctx context.Context, ask bool) {
	rooms := e.openRooms()
	homes := make([]string, len(rooms))
	if ask {
		homes = e.askHomes(ctx, rooms)
	}
	for i, r := range rooms {
		r.lookHome(ctx, homes[i])
		r.castHeard()
		r.endHosting(false)
	}
}

// askHomes returns the homes of rooms; empty where it can't be found out.
func (e *Edge) askHomes(ctx context.Context, rooms []*room) []string {
	const most = 500
	var all []string
	for len(all) < len(rooms) {
		part := rooms[len(all):min(len(rooms), len(all)+most)]
		ids := make([]string, len(part))
		for i, r := range part {
			ids[i] = r.id
		}
		within, cancel := context.WithTimeout(ctx, askWithin)
		homes, err := e.opts.Nodes.Homes(within, ids)
		cancel()
		for i := range part {
			switch {
			case err != nil:
				all = append(all, "")
			case homes[i] == "":
				all = append(all, noHome)
			default:
				all = append(all, homes[i])
			}
		}
	}
	return all
}
