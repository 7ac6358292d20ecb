package signaling

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"belay/session/live"
	"belay/signaling/protocol"
	"belay/signaling/relay"
)

// crossing is what one node's edge sends to another's about a session. A node
// refuses fields that it does not know, and drops kinds that it does not know: what
// a newer version has to say is a new kind.
type crossing struct {
	Kind    string                          `json:"kind"`
	Session string                          `json:"session"`
	From    protocol.PeerID                 `json:"from,omitempty"` // a page, or the relay
	To      protocol.PeerID                 `json:"to,omitempty"`
	Type    string                          `json:"type,omitempty"`  // of a brokered frame
	Frame   json.RawMessage                 `json:"frame,omitempty"` // as the receiving page gets it
	Node    string                          `json:"node,omitempty"`
	Heard   map[protocol.PeerID]relay.Heard `json:"heard,omitempty"`
	Hops    int                             `json:"hops,omitempty"`
	Conn    string                          `json:"conn,omitempty"`
}

const (
	crossFrame       = "frame"       // a brokered frame from a page to a page
	crossUndelivered = "undelivered" // it reached nobody
	crossToRelay     = "to_relay"    // an offer of a page to the relay
	crossFromRelay   = "from_relay"  // what the relay says to a page
	crossRepeat      = "repeat"      // a page is back: the relay tells it its slots again
	crossTruth       = "truth"       // what a therapist's page learns of another seat; may be lost
	crossHeard       = "heard"       // what the relay has measured; may be lost
	crossHost        = "host"        // you are the session's home
	crossMoved       = "moved"       // Node is
	crossDoubted     = "doubted"     // the page From was closed with its connection Conn, and has to show again that it may be here
	maxHops          = 2             // of a frame whose page moves on while it travels
	maxCrossing      = 96 << 10      // bytes
)

// brokered are the types of frames that cross from page to page.
var brokered = []string{"offer", "answer", "candidate", "need_offer", "rope"}

func (m crossing) encode() ([]byte, error) { return json.Marshal(m) }

// decodeCrossing reads what another node sent. known is false for a kind of a
// newer version.
func decodeCrossing(raw []byte) (m crossing, known bool, err error) {
	if len(raw) > maxCrossing {
		return m, false, fmt.Errorf("it has %d bytes", len(raw))
	}
	var kind struct {
		Kind string `json:"kind"`
	}
	if err := json.Unmarshal(raw, &kind); err != nil {
		return m, false, err
	}
	if !slices.Contains([]string{crossFrame, crossUndelivered, crossToRelay, crossFromRelay, crossRepeat, crossTruth, crossHeard, crossHost, crossMoved, crossDoubted}, kind.Kind) {
		return m, false, nil
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&m); err != nil {
		return m, true, err
	}
	if _, err := dec.Token(); err != io.EOF {
		return m, true, errors.New("something follows it")
	}
	switch {
	case m.Session == "":
		return m, true, errors.New("it names no session")
	case m.Kind == crossFrame && !slices.Contains(brokered, m.Type):
		return m, true, fmt.Errorf("a frame of type %q does not cross", m.Type)
	}
	return m, true, nil
}

// post sends m to another node, in order. r.mu may be held: nothing waits.
func (r *room) post(node string, m crossing) (why string) {
	m.Session = r.id
	raw, err := m.encode()
	if err != nil || len(raw) > maxCrossing || r.edge.opts.Nodes == nil || !r.edge.opts.Nodes.Post(node, raw) {
		return "its server can't be reached now"
	}
	return ""
}

// tellNodes posts m to every node at which a page of this session sits, but to those
// that know it. r.mu is held.
func (r *room) tellNodes(m crossing, know ...string) {
	for _, p := range r.places {
		if p.there && !slices.Contains(know, p.node) {
			know = append(know, p.node)
			r.post(p.node, m)
		}
	}
}

// cast sends m to another node, where it may be lost.
func (r *room) cast(node string, m crossing) {
	m.Session = r.id
	if raw, err := m.encode(); err == nil && len(raw) <= maxCrossing && r.edge.opts.Nodes != nil {
		r.edge.opts.Nodes.Cast(node, raw)
	}
}

// Take takes in a message of another node's edge. Those of one node are given to it
// one after the other.
func (e *Edge) Take(from string, raw []byte) {
	m, known, err := decodeCrossing(raw)
	switch {
	case err != nil:
		e.opts.Log.Warn("a message of another node can't be read", "node", from, "err", err)
		return
	case !known:
		return
	case m.Kind == crossHost:
		e.hostFor(m.Session, from)
		return
	}
	e.mu.Lock()
	r := e.rooms[m.Session]
	e.mu.Unlock()
	if r != nil && r.arrives(from, m) {
		return
	}
	if m.Kind == crossToRelay { // the word that this is the home came another way, and later
		e.hostFor(m.Session, "")
		e.mu.Lock()
		r = e.rooms[m.Session]
		e.mu.Unlock()
	}
	if r != nil && m.Kind != crossTruth && m.Kind != crossHeard {
		// What it is about may be news to this node.
		ctx, cancel := context.WithTimeout(context.Background(), askWithin)
		err := e.opts.Sessions.CatchUp(ctx, m.Session)
		cancel()
		if err == nil && r.arrives(from, m) {
			return
		}
		if err != nil && !errors.Is(err, live.ErrClosed) && !errors.Is(err, live.ErrNotRecorded) {
			e.opts.Log.Warn("a session could not be brought up to date for another node", "session", m.Session, "err", err)
		}
	}
	if m.Kind == crossFrame || m.Kind == crossToRelay {
		e.returns(from, m, nobodyThere)
	}
}

// Lost takes back what could not be sent to another node.
func (e *Edge) Lost(to string, raw []byte) {
	if m, known, err := decodeCrossing(raw); known && err == nil && (m.Kind == crossFrame || m.Kind == crossToRelay) {
		e.mu.Lock()
		r := e.rooms[m.Session]
		e.mu.Unlock()
		if r != nil {
			r.undelivered(m, "its server can't be reached now")
		}
	}
}

// returns tells the sender's node that a frame reached nobody.
func (e *Edge) returns(node string, m crossing, words string) {
	frame, err := protocol.Encode(protocol.Undelivered{To: m.To, Type: typeOf(m), Words: words})
	if err != nil {
		return
	}
	if raw, err := (crossing{Kind: crossUndelivered, Session: m.Session, To: m.From, Frame: frame}).encode(); err == nil {
		e.opts.Nodes.Post(node, raw)
	}
}

func typeOf(m crossing) string {
	if m.Kind == crossToRelay {
		return "offer"
	}
	return m.Type
}

// undelivered tells a page here that its frame reached nobody.
func (r *room) undelivered(m crossing, words string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if p := r.find(m.From); p != nil && p.ready {
		p.conn.send(protocol.Undelivered{To: m.To, Type: typeOf(m), Words: words})
	}
}

// arrives does what a message of another node says; false: what it is about is not
// known here, or may not be.
func (r *room) arrives(from string, m crossing) bool {
	switch m.Kind {
	case crossMoved:
		r.edge.background(func() { r.lookHome(context.Background(), m.Node) })
		return true
	case crossTruth:
		r.takeTruth(m)
		return true
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	source, target := r.find(m.From), r.find(m.To)
	far := source != nil && source.conn == nil // it is no page of this node that is spoken for
	switch m.Kind {
	case crossFrame:
		if !far || target == nil || target.gone(time.Now()) || !r.mayMeet(source, target) || m.Type != "rope" && !r.direct(source, target) {
			return false
		}
		if target.there {
			if m.Hops++; m.Hops >= maxHops {
				return false
			}
			r.post(target.node, m)
			return true
		}
		return r.give(target, m.From, m.Type, m.Frame) == ""
	case crossUndelivered:
		if target != nil && target.ready {
			target.conn.out.put(m.Frame)
		}
	case crossToRelay:
		return far && source.node == from && r.isHome() && r.offerFrom(source, m)
	case crossFromRelay:
		if target == nil || target.there || m.From != relay.PeerID(r.id, boot(from)) {
			return false
		}
		r.saysRelay(target, m.From, m.Frame)
	case crossRepeat:
		if far && source.node == from && r.isHome() {
			r.edge.relay.Repeat(r.id, m.From)
			return true
		}
		return false
	case crossDoubted:
		if !far || source.node != from {
			return false
		}
		if now := r.presence[source.seat].Conn; now != "" && now != m.Conn {
			return true // it is back already
		}
		source.doubted = m.Conn
		if !source.there {
			source.until = time.Now().Add(doubtedReturn)
		}
	case crossHeard:
		if from == r.ropes.home && !r.isHome() {
			r.ropes.far = farHeard{time.Now(), m.Heard}
		}
	}
	return true
}

// offerFrom hands an offer of a page at another node to the relay here. r.mu is held.
func (r *room) offerFrom(p *place, m crossing) bool {
	message, err := protocol.Decode(m.Frame)
	offer, ok := message.(*protocol.Offer)
	if err != nil || !ok || offer.To != m.To || !r.listsRelay(p, offer.To) {
		return false
	}
	offer.To, offer.From = "", p.peer
	r.edge.relay.Receive(r.id, p.peer, offer)
	return true
}

// enters counts the caller in, for Close to wait for; false: it is too late.
func (e *Edge) enters() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.draining {
		e.running.Add(1)
	}
	return !e.draining
}

// background runs f in a goroutine that Close waits for.
func (e *Edge) background(f func()) {
	if e.enters() {
		go func() {
			defer e.running.Done()
			f()
		}()
	}
}
