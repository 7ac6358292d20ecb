package signaling

import (
	"time"

	"belay/session"
	"belay/signaling/protocol"
)

// mic is what a page has last told of its own microphone.
type mic struct {
	at   time.Time // zero: nothing yet
	off  bool      // by a tap of the person there
	live bool
}

func (m *mic) told(now time.Time, t *protocol.Telemetry) { *m = mic{now, t.MicOff, t.MicLive} }

// speaking is what a client's page receives of one therapist's.
type speaking struct {
	received protocol.Receiving
	off      bool // they are silent on purpose
	dumb     bool // nothing can be heard, whatever comes
}

// overhear takes a report of a client's page about all therapists who are connected.
// One whose microphone is off by their own tap counts neither way: a quiet phase is
// no fault, and none that is over either.
func (j *judge) overhear(now time.Time, client session.SeatID, page protocol.PeerID, all map[session.SeatID]speaking) (finding, bool) {
	s := sense{client, voice}
	lost, watched := j.log[s]
	if !watched {
		return finding{}, false
	}
	h := j.about(s, page)
	for by := range h.by {
		if one, here := all[by]; !here || one.off {
			delete(h.by, by)
		}
	}
	for by, one := range all {
		if one.off {
			continue
		}
		g := h.glance(now, by, one.received.Peer)
		g.listen(now, one.received)
		g.speak(now, one.dumb)
	}
	f, ok := h.change(now, lost)
	f.sense = s
	return f, ok
}

// speak judges a voice that may not be heard although something comes.
func (g *glance) speak(now time.Time, dumb bool) {
	switch {
	case !dumb:
		g.dumb = time.Time{}
		return
	case g.dumb.IsZero():
		g.dumb = now
	}
	switch {
	case g.v == bad:
	case now.Sub(g.dumb) >= soundBad:
		g.v, g.since = bad, g.dumb
	default:
		g.v = unclear
	}
}

// overhear judges what a client's page has told of the therapists' voices. The
// session is told by one of the therapists' connections here; nil: there is none, and
// the node of another judges the same. r.mu is held.
func (r *room) overhear(p *place, t *protocol.Telemetry, now time.Time) (found []finding, by *conn) {
	heard := r.heard(now)
	all := map[session.SeatID]speaking{}
	for _, q := range r.places {
		if !isTherapist(r.roles[q.seat]) || q.conn == nil && !q.there || !r.mayMeet(p, q) || q.mic.at.IsZero() {
			continue
		}
		if q.ready && !q.there {
			by = q.conn
		}
		one := speaking{off: q.mic.off, dumb: t.NoSound || !q.mic.live && now.Sub(q.mic.at) <= freshFor}
		one.received, _ = receivedOf(t, q.peer)
		if m, ok := r.measured(p, q, heard, now); ok { // what comes to the client through it has lost the sender's own word on its level
			one.received.SoundLevel = min(one.received.SoundLevel, m.SoundLevel)
		}
		all[q.seat] = one
	}
	if by == nil {
		return nil, nil
	}
	if f, ok := r.judge.overhear(now, p.seat, p.peer, all); ok {
		found = append(found, f)
	}
	return found, by
}

// takeTruth gives a therapist's page here what a page at another node sees and hears;
// what that says of a voice is judged here too: at the therapists' nodes, where both
// ends have told of themselves.
func (r *room) takeTruth(m crossing) {
	found, by := r.hearTruth(m)
	r.tell(by, found)
}

func (r *room) hearTruth(m crossing) ([]finding, *conn) {
	r.mu.Lock()
	defer r.mu.Unlock()
	source, target := r.find(m.From), r.find(m.To)
	if source == nil || source.conn != nil || target == nil || !target.ready || !isTherapist(r.roles[target.seat]) {
		return nil, nil
	}
	target.conn.out.put(m.Frame)
	message, err := protocol.DecodeFromServer(m.Frame)
	truth, ok := message.(*protocol.Truth)
	if err != nil || !ok {
		return nil, nil
	}
	now := time.Now()
	source.mic.told(now, &truth.Seen)
	if r.roles[source.seat] != session.Client {
		return nil, nil
	}
	return r.overhear(source, &truth.Seen, now)
}
