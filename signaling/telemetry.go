package signaling

import (
	"slices"
	"time"

	"belay/session"
	"belay/signaling/protocol"
)

// telemetry passes on what a page sees and hears to the therapists, and what that
// says of a client, or of what a client hears, to the session.
func (r *room) telemetry(c *conn, t *protocol.Telemetry) {
	frame, err := protocol.Encode(protocol.Truth{Seat: string(c.seat), Peer: c.peer, Seen: *t})
	if err != nil {
		c.fail(err, "telemetry could not be encoded")
		return
	}
	found, by := r.spread(c, t, frame)
	r.tell(by, found)
}

// tell reports to the session what a page has brought to light, by a connection of
// this node. r.mu is not held.
func (r *room) tell(by *conn, found []finding) {
	for _, f := range found {
		since := r.at(f.since)
		switch f.of {
		case picture:
			by.report(session.ReportPicture{Client: f.client, Lost: f.lost, Since: since})
		case sound:
			by.report(session.ReportSound{Client: f.client, Lost: f.lost, Since: since})
		case voice:
			by.report(session.ReportVoice{Client: f.client, Lost: f.lost, Since: since})
		}
	}
}

func (r *room) spread(c *conn, t *protocol.Telemetry, truth []byte) (found []finding, by *conn) {
	now := time.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	me := r.places[c.seat]
	if me == nil || me.conn != c {
		return nil, nil
	}
	me.mic.told(now, t)
	for _, p := range r.places {
		switch {
		case p.seat == c.seat || !isTherapist(r.roles[p.seat]):
		case p.ready:
			p.conn.out.put(truth)
		case p.there:
			r.cast(p.node, crossing{Kind: crossTruth, From: c.peer, To: p.peer, Frame: truth})
		}
	}
	r.tellPeers() // a page that did not come back in time is gone
	if r.roles[c.seat] == session.Client {
		return r.overhear(me, t, now)
	}
	if !isTherapist(r.roles[c.seat]) {
		return nil, nil
	}
	heard := r.heard(now)
	for _, p := range r.places {
		if r.roles[p.seat] != session.Client || !r.mayMeet(me, p) {
			continue
		}
		receiving, ok := r.measured(me, p, heard, now)
		if !ok {
			if receiving, ok = receivedOf(t, p.peer); !ok && (!me.media || !p.media) {
				continue
			}
		}
		found = append(found, r.judge.hear(now, c.seat, p.seat, receiving)...)
	}
	return found, c
}

// receivedOf is what a page has told of what it receives from another. One that says
// nothing of it receives nothing: then it is false.
func receivedOf(t *protocol.Telemetry, peer protocol.PeerID) (protocol.Receiving, bool) {
	at := slices.IndexFunc(t.Receiving, func(one protocol.Receiving) bool { return one.Peer == peer })
	if at < 0 {
		return protocol.Receiving{Peer: peer, FrameAge: -1, SoundAge: -1}, false
	}
	return t.Receiving[at], true
}

func isTherapist(role session.Role) bool {
	return role == session.Therapist || role == session.CoTherapist
}
