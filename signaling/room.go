package signaling

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"belay/session"
	"belay/session/live"
	"belay/signaling/protocol"
)

// room maps the seats of one session to connections, says who meets whom, and
// passes their messages on. What it knows of the session comes from the session
// itself, after each change; it decides nothing.
type room struct {
	edge *Edge
	id   string

	visitors int  // guarded by Edge.mu
	hosting  bool // one of them stands for the pages at other nodes; guarded by Edge.mu

	opening sync.Mutex // one at a time
	stop    func()     // of the watch; guarded by opening
	homing  sync.Mutex // one at a time: it asks where the relay is

	mu       sync.Mutex
	places   map[session.SeatID]*place
	roles    map[session.SeatID]session.Role
	meet     map[[2]session.SeatID]bool // both orders
	revoked  map[session.SeatID]bool
	out      []outcast // the last pages that were turned out
	over     bool      // signed: nobody meets any more
	pace     session.Pace
	recorded time.Time
	presence map[session.SeatID]session.Presence // as the session has it; not changed
	judge    judge
	ropes    ropes
}

// place is a seat that somebody sits on, or was sitting on a moment ago.
type place struct {
	seat  session.SeatID
	conn  *conn // nil: just reconnecting, or at another node
	peer  protocol.PeerID
	media bool
	relay bool      // its page knows what to do with the relay
	ready bool      // its connection was welcomed: it gets peers and messages
	known bool      // the others list it: it was connected here once, or is at another node
	until time.Time // while reconnecting: then it is gone (wall)
	held  []held    // for a page that is just reconnecting
	mic   mic
	told  *protocol.Peers // what its page knows of its peers; nil: nothing yet

	node   string // where its page is, or was; empty: here
	there  bool   // it is connected there
	logged bool   // the session knows of its connection here
	muted  bool   // it was told that nothing of it arrives at the relay

	doubted string // the connection after whose end its page has to show again that it may be here, or is turned out; empty: none
}

// gone reports whether a page did not come back in time.
func (p *place) gone(now time.Time) bool { return p.conn == nil && !p.there && now.After(p.until) }

// doubtedReturn is how long the others keep their media for a page that has to show
// again that it may be here. It comes back at once, or not at all.
const doubtedReturn = 5 * time.Second

// held is a message that waits for a page to return.
type held struct {
	from  protocol.PeerID
	kind  string
	frame []byte
}

func newRoom(e *Edge, id string) *room {
	return &room{edge: e, id: id, places: map[session.SeatID]*place{}}
}

// open begins to watch the session. The first visitor's call does it.
func (r *room) open() error {
	r.opening.Lock()
	defer r.opening.Unlock()
	if r.stop != nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), actWithin)
	defer cancel()
	stop, err := r.edge.opts.Sessions.Watch(ctx, r.id, r.observe)
	if err != nil {
		return err
	}
	r.stop = stop
	return nil
}

// close ends the watch. Nobody visits the room any more.
func (r *room) close() {
	r.opening.Lock()
	defer r.opening.Unlock()
	if r.stop != nil {
		r.stop()
		r.stop = nil
	}
}

// observe takes over what the session says now. The session calls it, once
// at a time, and waits for it.
func (r *room) observe(st *session.State) {
	r.mu.Lock()
	defer r.mu.Unlock()
	first := r.roles == nil
	r.pace, r.recorded = st.Pace, st.Recorded
	r.roles = make(map[session.SeatID]session.Role, len(st.Seats))
	r.meet = make(map[[2]session.SeatID]bool, len(st.Seats))
	for i, a := range st.Seats {
		r.roles[a.ID] = a.Role
		for _, b := range st.Seats[:i] {
			if session.MayMeet(st, a.ID, b.ID) {
				r.meet[[2]session.SeatID{a.ID, b.ID}], r.meet[[2]session.SeatID{b.ID, a.ID}] = true, true
			}
		}
	}
	if first {
		r.recall(st)
	}
	r.locate(st)
	r.revoke(st)
	r.judge.know(st)
	r.knowRopes(st)
	r.tellPeers()
}

// recall keeps places for the pages that were connected a moment ago to the
// process before this one: their media runs on, and nobody is to be told that
// they are gone before they had time to return.
func (r *room) recall(st *session.State) {
	now := time.Now()
	for id, p := range st.Presence {
		seen := now
		if p.Conn == "" {
			seen = st.Pace.Wall(p.Since)
		}
		if p.Peer == "" || p.Left || now.Sub(seen) > protocol.ReturnWithin {
			continue
		}
		old := p.Node == "" // it was not told what the page can do
		r.places[id] = &place{seat: id, peer: protocol.PeerID(p.Peer), media: old || p.Media, relay: old || p.Relay, known: true, until: seen.Add(protocol.ReturnWithin)}
	}
}

// withdrawn is what a page is told whose link was revoked.
const withdrawn = "This link was withdrawn. Ask your therapist for a new one."

// revoke turns out whoever sits where the link was revoked.
func (r *room) revoke(st *session.State) {
	if over := !st.SignedAt.IsZero(); over && !r.over {
		r.over = true
		r.edge.opts.Withdrawn(r.id, "")
	}
	before := r.revoked
	r.revoked = make(map[session.SeatID]bool, len(st.Links))
	for seat, link := range st.Links {
		if !link.Revoked {
			continue
		}
		r.revoked[seat] = true
		if !before[seat] {
			r.edge.opts.Withdrawn(r.id, seat)
		}
		if p := r.places[seat]; p != nil {
			if p.conn != nil {
				p.conn.out.end(protocol.CloseRevoked, "revoked", withdrawn)
			}
			r.turnOut(p)
		}
	}
}

// turnOut forgets a page for whose return nobody waits, and has the others end what
// connects them to it: theirs would go on as long as it sends. r.mu is held.
func (r *room) turnOut(p *place) {
	delete(r.places, p.seat)
	r.forgive(p.peer)
	r.out = append(r.out[max(0, len(r.out)+1-mostOut):], outcast{p.peer, p.seat})
}

// outcast is a page that was turned out, and where it sat.
type outcast struct {
	peer protocol.PeerID
	seat session.SeatID
}

// mostOut bounds how many pages that were turned out the others are told of: a page that
// missed the word of so many has lost its connections to the first of them long ago.
const mostOut = 32

// forgive lets a page be met again. r.mu is held.
func (r *room) forgive(peer protocol.PeerID) {
	r.out = slices.DeleteFunc(r.out, func(one outcast) bool { return one.peer == peer })
}

// sit gives c its seat; an older connection is replaced at once. False: it may not
// have it, and is ended with words.
func (r *room) sit(c *conn) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, known := r.roles[c.seat]
	namesake := r.find(c.peer)
	switch {
	case !known:
		c.out.end(protocol.CloseUnknown, "unknown", "There is no such seat in this session.")
		return false
	case r.revoked[c.seat]: // since the door let it in
		c.out.end(protocol.CloseRevoked, "revoked", withdrawn)
		return false
	case namesake != nil && namesake.seat != c.seat: // it would get what is meant for the other
		c.breach(errors.New("peer is the name of a page in another seat"))
		return false
	}
	r.forgive(c.peer)
	p := r.places[c.seat]
	if p != nil && p.conn != nil {
		c.before = p.conn.id
		p.conn.out.end(protocol.CloseReplaced, "replaced", "This place was taken over by another window or device.")
	}
	if p == nil || p.peer != c.peer {
		p = &place{seat: c.seat, peer: c.peer}
		r.places[c.seat] = p
	}
	p.conn, p.media, p.relay, p.ready, p.told = c, c.media, c.relay, false, nil
	p.node, p.there, p.logged, p.doubted = "", false, false, ""
	if r.edge.opts.Nodes == nil {
		p.known = true // at once: what they send to it waits until it is welcomed
	}
	r.tellPeers()
	return true
}

// list tells a connection that was welcomed whom it meets, and gives it what waited for
// it; the others list it from now on, if they did not before.
func (r *room) list(c *conn, recorded bool) {
	defer c.out.push() // where no lock is held
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.places[c.seat]
	if p == nil || p.conn != c {
		return
	}
	p.logged = p.logged || recorded
	if r.tookOver(p) {
		return
	}
	p.ready, p.known = true, true
	r.tellPeers()
	waiting := p.held
	p.held = nil
	for _, h := range waiting {
		if from := r.find(h.from); from != nil && r.mayMeet(from, p) || h.from.IsRelay() {
			c.out.put(h.frame)
		}
	}
	r.repeat(c.peer) // the relay's last words may have gone down with the last socket
}

// leave takes c off its seat. A page that is gone for good is forgotten at once;
// one that was cut off keeps its place for a while, because its media may live.
func (r *room) leave(c *conn, gone bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.places[c.seat]
	if p == nil || p.conn != c {
		return
	}
	p.conn, p.ready, p.told = nil, false, nil
	p.until = time.Now().Add(protocol.ReturnWithin)
	if c.doubted.Load() { // nobody goes on seeing them meanwhile
		p.doubted, p.until = c.id, time.Now().Add(doubtedReturn)
		r.tellNodes(crossing{Kind: crossDoubted, From: c.peer, Conn: c.id})
	}
	if gone {
		delete(r.places, c.seat)
	}
	r.tellPeers()
}

// replaced reports whether another connection sits where c sat.
func (r *room) replaced(c *conn) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.places[c.seat]
	return p != nil && p.conn != nil && p.conn != c
}

// tellPeers sends every page whose list has changed its new list. r.mu is held.
func (r *room) tellPeers() {
	now := time.Now()
	for seat, p := range r.places {
		switch {
		case !p.gone(now):
		case p.doubted != "":
			r.turnOut(p)
		default:
			delete(r.places, seat)
		}
	}
	r.tellRelay()
	r.tellWays() // a page needs the way before the list that names the relay there
	for _, p := range r.places {
		if !p.ready {
			continue
		}
		list := protocol.Peers{Peers: r.peersOf(p), TurnedOut: r.outOf(p)}
		if p.told == nil || !slices.Equal(list.Peers, p.told.Peers) || !slices.Equal(list.TurnedOut, p.told.TurnedOut) {
			p.told = &list
			p.conn.send(list)
		}
	}
}

// outOf lists who was turned out of those whom a page might have met. r.mu is held.
func (r *room) outOf(p *place) (all []protocol.PeerID) {
	for _, one := range r.out {
		if r.meet[[2]session.SeatID{p.seat, one.seat}] {
			all = append(all, one.peer)
		}
	}
	return sorted(all)
}

// peersOf lists whom a page exchanges media with now. r.mu is held.
func (r *room) peersOf(p *place) []protocol.Peer {
	peers := []protocol.Peer{}
	for _, q := range r.places {
		if peer, listed := r.peerOf(p, q); listed {
			peers = append(peers, peer)
		}
	}
	if peer, listed := r.relayPeer(p); listed {
		peers = append(peers, peer)
	}
	slices.SortFunc(peers, func(a, b protocol.Peer) int { return cmp.Compare(a.Seat, b.Seat) })
	return peers
}

// mayMeet reports whether two pages exchange media now. r.mu is held.
func (r *room) mayMeet(p, q *place) bool {
	return p.media && q.media && r.meet[[2]session.SeatID{p.seat, q.seat}]
}

func sorted(peers []protocol.PeerID) []protocol.PeerID {
	slices.Sort(peers)
	return peers
}

// find returns the place of a page. r.mu is held.
func (r *room) find(peer protocol.PeerID) *place {
	for _, p := range r.places {
		if p.peer == peer {
			return p
		}
	}
	return nil
}

// broker passes a frame on to one page, or says that it can't.
func (r *room) broker(c *conn, to protocol.PeerID, kind string, frame []byte) {
	out, words := r.pass(c, to, kind, frame)
	switch {
	case out != nil:
		out.push() // here, where no lock is held
	case words != "":
		c.send(protocol.Undelivered{To: to, Type: kind, Words: words})
	}
}

// pass queues a frame for a page. The caller pushes what it gets, or says why there is nothing.
func (r *room) pass(c *conn, to protocol.PeerID, kind string, frame []byte) (out *outbox, why string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	from, p := r.places[c.seat], r.find(to)
	switch {
	case from == nil || from.conn != c:
		return nil, "this connection was replaced"
	case p == nil, !r.mayMeet(from, p), kind != "rope" && !r.direct(from, p), p.gone(time.Now()):
		return nil, nobodyThere
	case p.ready && !p.there:
		p.conn.out.add(frame)
		return &p.conn.out, ""
	}
	return nil, r.give(p, c.peer, kind, frame)
}

// The same words for each reason: who is there is not for everybody.
const nobodyThere = "there is nobody of this name to meet"

// give hands a frame to a page, wherever it is, or keeps it until it is back. r.mu is held.
func (r *room) give(p *place, from protocol.PeerID, kind string, frame []byte) (why string) {
	switch {
	case p.there:
		return r.post(p.node, crossing{Kind: crossFrame, From: from, To: p.peer, Type: kind, Frame: frame})
	case p.ready:
		p.conn.out.put(frame)
	case len(p.held) < protocol.HeldForReturn:
		p.held = append(p.held, held{from, kind, frame})
	default:
		return "it is not back yet, and too much waits for it"
	}
	return ""
}

// welcome answers a hello.
func (r *room) welcome(c *conn) protocol.Welcome {
	servers := r.iceServers(c)
	c.served = time.Now()
	now := r.now()
	r.mu.Lock()
	defer r.mu.Unlock()
	rate := r.pace.Rate
	if rate == 0 {
		rate = 1
	}
	return protocol.Welcome{Conn: c.id, Seat: string(c.seat), Now: now, Rate: rate, ICEServers: servers, Knows: protocol.Later}
}

// iceServers are what a page connects through now; none when all is over.
func (r *room) iceServers(c *conn) []protocol.ICEServer {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.servers(c)
}

// now returns the session's time.
func (r *room) now() time.Time { return r.at(time.Now()) }

// at returns the session's time at a wall time, never before its last event at
// that moment; a time that lies back may.
func (r *room) at(wall time.Time) time.Time {
	own := r.edge.opts.Sessions.Wall(r.id, wall)
	r.mu.Lock()
	defer r.mu.Unlock()
	t := session.Instant(r.pace.Of(own))
	if t.Before(r.recorded) && time.Since(wall) < time.Second {
		return r.recorded
	}
	return t
}

var _ live.Sink = (*views)(nil)
