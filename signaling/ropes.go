package signaling

import (
	"errors"
	"maps"
	"reflect"
	"time"

	"belay/session"
	"belay/signaling/protocol"
	"belay/signaling/relay"
)

// manyParties is from how many pages on all media goes through the relay: each
// page would send its picture once to everybody else.
const manyParties = 3

// relayRole is the role and the seat of the relay in lists of peers.
const relayRole = "relay"

// ropes are what a room knows of the second way between its pages: who can use
// it, and who does. It belongs to its room's lock.
type ropes struct {
	open    bool              // a relay has a room for this session
	home    string            // the node whose relay it is; empty: there is one node only
	former  bool              // the relay here was it, and passes on until pages have changed over
	until   time.Time         // then it does not
	far     farHeard          // what a relay elsewhere has measured
	awaits  []protocol.PeerID // pages that the relay here was for, when it was handed over
	giver   string            // the node that handed the session over to this one
	begun   bool              // the visit has: it is never refused one
	only    bool              // the practice wants no addresses exchanged
	members map[protocol.PeerID]relay.Member
	taken   map[way]time.Time // who asked for the relay, when
	forced  map[way]time.Time // who has nothing else, since when
}

// way is from one page to another.
type way struct{ from, to protocol.PeerID }

// knowRopes takes over what the session says. r.mu is held.
func (r *room) knowRopes(st *session.State) {
	r.ropes.only = st.Settings.RelayOnly
	r.ropes.begun = false
	for _, c := range st.Clients {
		switch c.Phase {
		case session.Scheduled, session.Lobby, session.Cancelled:
		default:
			r.ropes.begun = true
		}
	}
}

// relayed reports whether both pages can use the relay. r.mu is held.
func (r *room) relayed(p, q *place) bool {
	return r.ropes.open && p.relay && q.relay
}

// direct reports whether two pages that may meet connect to each other. r.mu is held.
func (r *room) direct(p, q *place) bool {
	return !r.ropes.only && !(r.relayed(p, q) && r.parties() >= manyParties)
}

// parties counts the pages that exchange media with somebody. r.mu is held.
func (r *room) parties() (n int) {
	for _, p := range r.places {
		for _, q := range r.places {
			if p.known && q.known && r.mayMeet(p, q) {
				n++
				break
			}
		}
	}
	return n
}

// peerOf is how q stands in p's list; false: it does not. r.mu is held.
func (r *room) peerOf(p, q *place) (protocol.Peer, bool) {
	if !q.known || !r.mayMeet(p, q) { // a page on its way back is listed still
		return protocol.Peer{}, false
	}
	direct := r.direct(p, q)
	return protocol.Peer{
		Peer: q.peer, Seat: string(q.seat), Role: string(r.roles[q.seat]), Offer: direct && p.seat < q.seat, Video: direct,
	}, direct || r.relayed(p, q)
}

// relayPeer is how the relay stands in p's list; false: it does not. r.mu is held.
func (r *room) relayPeer(p *place) (protocol.Peer, bool) {
	for _, q := range r.places {
		if q.known && r.mayMeet(p, q) && r.relayed(p, q) {
			return protocol.Peer{Peer: r.relayID(), Seat: relayRole, Role: relayRole, Offer: true, Video: true}, true
		}
	}
	return protocol.Peer{}, false
}

// tellRelay says to the relay who is there. It comes before the pages hear of it.
// r.mu is held.
func (r *room) tellRelay() {
	if !r.ropes.open {
		return
	}
	members := map[protocol.PeerID]relay.Member{}
	for _, p := range r.places {
		var sees []protocol.PeerID
		for _, q := range r.places {
			if p.known && q.known && r.mayMeet(p, q) && r.relayed(p, q) {
				sees = append(sees, q.peer)
			}
		}
		if len(sees) > 0 {
			members[p.peer] = relay.Member{Seat: string(p.seat), Sees: sorted(sees)}
		}
	}
	if reflect.DeepEqual(members, r.ropes.members) {
		return
	}
	r.ropes.members = members
	for _, m := range []map[way]time.Time{r.ropes.taken, r.ropes.forced} {
		maps.DeleteFunc(m, func(w way, _ time.Time) bool {
			_, from := members[w.from]
			_, to := members[w.to]
			return !from || !to
		})
	}
	if r.ropes.former || r.isHome() {
		r.edge.relay.SetMembers(r.id, members)
	}
}

// toRelay passes a page's message on to the relay.
func (r *room) toRelay(c *conn, to protocol.PeerID, kind string, message any) {
	r.mu.Lock()
	p := r.places[c.seat]
	listed := p != nil && p.conn == c && r.listsRelay(p, to)
	home, here := r.ropes.home, r.isHome()
	r.mu.Unlock()
	words := nobodyThere
	switch {
	case listed && here:
		r.edge.relay.Receive(r.id, c.peer, message)
		return
	case listed:
		if words = r.toFarRelay(home, c.peer, to, message); words == "" {
			return
		}
	}
	c.send(protocol.Undelivered{To: to, Type: kind, Words: words})
}

// listsRelay reports whether a page has the relay of this name in its list. r.mu is held.
func (r *room) listsRelay(p *place, name protocol.PeerID) bool {
	peer, listed := r.relayPeer(p)
	return listed && peer.Peer == name
}

// fromRelay hands a page what the relay here says; one that is just reconnecting
// gets it when it is back.
func (e *Edge) fromRelay(id string, to protocol.PeerID, message any) {
	e.mu.Lock()
	r := e.rooms[id]
	e.mu.Unlock()
	frame, err := protocol.Encode(message)
	if err != nil || r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if p := r.find(to); p != nil {
		r.saysRelay(p, e.relay.ID(id), frame)
	}
}

// saysRelay hands a page a frame of a relay. r.mu is held.
func (r *room) saysRelay(p *place, from protocol.PeerID, frame []byte) {
	switch {
	case p.there:
		r.post(p.node, crossing{Kind: crossFromRelay, From: from, To: p.peer, Frame: frame})
	case p.ready:
		p.conn.out.put(frame)
	case len(p.held) < protocol.HeldForReturn:
		p.held = append(p.held, held{from, "", frame})
	}
}

// rope notes by which rope a page receives another; the message itself is passed
// on to the other.
func (r *room) rope(c *conn, m *protocol.Rope) {
	r.mu.Lock()
	defer r.mu.Unlock()
	p, q := r.places[c.seat], r.find(m.To)
	if p == nil || p.conn != c || q == nil || !r.relayed(p, q) {
		return
	}
	w := way{from: q.peer, to: p.peer} // the one who says it receives
	switch m.Want + m.Got {
	case "relay":
		if _, already := r.ropes.taken[w]; !already {
			if r.ropes.taken == nil {
				r.ropes.taken = map[way]time.Time{}
			}
			r.ropes.taken[w] = time.Now()
		}
	case "direct":
		if m.Got != "" {
			delete(r.ropes.taken, w)
		}
	}
}

// measured returns what the relay has measured of q where it is the way by which
// p receives q: then no browser is asked. A q of which nothing arrives is told. r.mu is held.
func (r *room) measured(p, q *place, all map[protocol.PeerID]relay.Heard, now time.Time) (protocol.Receiving, bool) {
	if !r.relayed(p, q) {
		return protocol.Receiving{}, false
	}
	w := way{from: q.peer, to: p.peer}
	var since time.Time
	if r.direct(p, q) {
		delete(r.ropes.forced, w)
		var taken bool
		if since, taken = r.ropes.taken[w]; !taken {
			return protocol.Receiving{}, false
		}
	} else if since = r.ropes.forced[w]; since.IsZero() {
		if r.ropes.forced == nil {
			r.ropes.forced = map[way]time.Time{}
		}
		since = now
		r.ropes.forced[w] = now
	}
	h, ok := all[q.peer]
	if !ok {
		return protocol.Receiving{}, false
	}
	r.tellMuted(q, all, since, now)
	// What lies before the rope was taken says nothing: it was kept at a trickle.
	age := func(d time.Duration) float64 {
		if d < 0 {
			return -1
		}
		return min(d, now.Sub(since)).Seconds()
	}
	level := h.SoundLevel
	if level < 0 {
		level = 1 // it does not say: low or silent is no fault that could be told
	}
	return protocol.Receiving{Peer: q.peer, FrameAge: age(h.FrameAge), PacketAge: age(h.PacketAge), SoundAge: age(h.SoundAge), SoundLevel: level, Route: h.Route}, true
}

const (
	// mutedAfter is for how long nothing may arrive at the relay from a page whose sound,
	// fifty packets a second, has been carried, until the page is told.
	mutedAfter = 700 * time.Millisecond
	// hearsWithin is how lately something of somebody else must have: where nothing of
	// anybody does, it is the relay that stands still.
	hearsWithin = 200 * time.Millisecond
)

// tellMuted tells a page, once until something of it comes again, that nothing of it
// arrives at the relay any more although somebody receives it that way, since since. It may
// not see that itself: its way out can be shut while what is sent to it comes by another
// one, and its browser takes up to four seconds to find out (Chromium 156). r.mu is held.
func (r *room) tellMuted(q *place, all map[protocol.PeerID]relay.Heard, since, now time.Time) {
	if !r.isHome() {
		all, now = r.ropes.far.all, r.ropes.far.at // as it was measured there
	}
	age, hears := all[q.peer].PacketAge, false
	for peer, h := range all {
		hears = hears || peer != q.peer && h.PacketAge >= 0 && h.PacketAge < hearsWithin
	}
	switch {
	case age < 0 || age >= now.Sub(since): // nothing has come yet: it may be about to begin
	case age < mutedAfter:
		q.muted = false
	case hears && !q.muted && (q.ready || q.there): // one that is just reconnecting finds out by that
		if frame, err := protocol.Encode(protocol.NeedOffer{From: r.relayID(), Restart: true}); err == nil {
			q.muted = true
			r.saysRelay(q, r.relayID(), frame)
		}
	}
}

// refuseFull ends a connection for which there is no room.
func (c *conn) refuseFull(err error) {
	if errors.Is(err, relay.ErrFull) {
		c.out.end(protocol.CloseFull, "full", "This server holds as many visits as it can just now. The page tries again by itself.")
		return
	}
	c.out.end(protocol.CloseDraining, "draining", "The server restarts.")
}
