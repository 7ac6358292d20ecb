package signaling

import (
	"slices"
	"time"

	"belay/session"
	"belay/signaling/protocol"
	"belay/signaling/relay"
)

// Thresholds of a client's picture and sound, as a therapist's page receives
// them (CLINICAL.md, "Alarms"). Between "bad" and "good" lies a span in which
// nothing changes, and what was lost returns only when it was good twice: a
// picture that stutters does not flap. These are technical; how long a lost
// picture may last before it is an alarm stands in the practice's settings.
const (
	pictureBad    = 3 * time.Second // without a new decoded frame
	pictureGood   = 1500 * time.Millisecond
	pictureAwaits = 5 * time.Second // for the first frame of a page
	soundBad      = 5 * time.Second // without a packet
	soundGood     = 2 * time.Second
	soundZero     = 10 * time.Second // of digital zero; low energy is never a fault
	soundAwaits   = 10 * time.Second // for the first packet of a page
	freshFor      = 3 * time.Second  // an older report of a therapist's page says nothing
	goodTwice     = 2
)

// judge turns what the therapists' pages receive of each client into facts. It
// trusts only reports of therapists that are connected now: where nobody looks,
// nothing changes. It belongs to its room's lock.
type judge struct {
	senses map[sense]*hearing
	log    map[sense]bool // lost, as the log has it
}

// sense is a client's picture or sound.
type sense struct {
	client session.SeatID
	sound  bool
}

// hearing collects what is reported about one sense.
type hearing struct {
	peer    protocol.PeerID // the page that it is about
	by      map[session.SeatID]*glance
	good    int       // good verdicts in a row
	returns time.Time // the first of them
}

// glance is the last report of one therapist's page.
type glance struct {
	at    time.Time
	v     verdict
	since time.Time // of a bad one: the last good moment
	none  time.Time // nothing has come since then
	zero  time.Time // digital zero since then
}

type verdict int

const (
	unclear verdict = iota
	good
	bad
)

// finding is a change that the session is to be told.
type finding struct {
	sense
	lost  bool
	since time.Time // wall time
}

// know takes over what the log says.
func (j *judge) know(st *session.State) {
	j.log = make(map[sense]bool, 2*len(st.Clients))
	for _, c := range st.Clients {
		j.log[sense{c.Seat, false}] = !c.PictureLost.IsZero()
		j.log[sense{c.Seat, true}] = !c.SoundLost.IsZero()
	}
}

// hear takes a report of a therapist's page about a client's page, at a wall
// time, and returns what has changed by it.
func (j *judge) hear(now time.Time, by, client session.SeatID, r protocol.Receiving) (found []finding) {
	for _, s := range []sense{{client, false}, {client, true}} {
		h := j.senses[s]
		if h == nil || h.peer != r.Peer { // another page: nothing is known of it yet
			h = &hearing{peer: r.Peer, by: map[session.SeatID]*glance{}}
			if j.senses == nil {
				j.senses = map[sense]*hearing{}
			}
			j.senses[s] = h
		}
		g := h.by[by]
		if g == nil || now.Sub(g.at) > freshFor {
			g = &glance{}
			h.by[by] = g
		}
		if s.sound {
			g.listen(now, r)
		} else {
			g.look(now, r)
		}
		if f, ok := h.change(now, j.log[s]); ok {
			f.sense = s
			found = append(found, f)
		}
	}
	return found
}

func seconds(v float64) time.Duration { return time.Duration(v * float64(time.Second)) }

// look judges the picture.
func (g *glance) look(now time.Time, r protocol.Receiving) {
	g.at, g.v = now, unclear
	if r.FrameAge < 0 {
		g.awaits(now, pictureAwaits)
		return
	}
	g.none = time.Time{}
	switch age := seconds(r.FrameAge); {
	case age >= pictureBad:
		g.v, g.since = bad, now.Add(-age)
	case age < pictureGood:
		g.v = good
	}
}

// listen judges the sound.
func (g *glance) listen(now time.Time, r protocol.Receiving) {
	g.at, g.v = now, unclear
	if r.SoundAge < 0 {
		g.awaits(now, soundAwaits)
		return
	}
	g.none = time.Time{}
	age := seconds(r.SoundAge)
	switch {
	case r.SoundLevel > 0:
		g.zero = time.Time{}
	case g.zero.IsZero():
		g.zero = now
	}
	switch {
	case age >= soundBad:
		g.v, g.since = bad, now.Add(-age)
	case !g.zero.IsZero() && now.Sub(g.zero) >= soundZero:
		g.v, g.since = bad, g.zero
	case age < soundGood && g.zero.IsZero():
		g.v = good
	}
}

// awaits judges a page of which nothing has come yet.
func (g *glance) awaits(now time.Time, patience time.Duration) {
	if g.none.IsZero() {
		g.none = now
	}
	if now.Sub(g.none) >= patience {
		g.v, g.since = bad, g.none
	}
}

// change compares all fresh reports with the log. One therapist who sees the
// client is enough; it is lost when all who look have lost it.
func (h *hearing) change(now time.Time, lost bool) (finding, bool) {
	v, since := bad, time.Time{}
	for by, g := range h.by {
		switch {
		case now.Sub(g.at) > freshFor:
			delete(h.by, by)
			continue
		case g.v == good:
			v = good
		case g.v == unclear && v == bad:
			v = unclear
		}
		if g.since.After(since) {
			since = g.since
		}
	}
	if v != good {
		h.good = 0
	}
	switch {
	case v == bad && !lost:
		return finding{lost: true, since: since}, true
	case v == good && lost:
		if h.good++; h.good == 1 {
			h.returns = now
		}
		if h.good >= goodTwice {
			return finding{lost: false, since: h.returns}, true
		}
	}
	return finding{}, false
}

// telemetry passes on what a page sees and hears to the therapists, and what
// that says of a client to the session.
func (r *room) telemetry(c *conn, t *protocol.Telemetry) {
	frame, err := protocol.Encode(protocol.Truth{Seat: string(c.seat), Peer: c.peer, Seen: *t})
	if err != nil {
		c.fail(err, "telemetry could not be encoded")
		return
	}
	for _, f := range r.spread(c, t, frame) {
		since := r.at(f.since)
		if f.sound {
			c.report(session.ReportSound{Client: f.client, Lost: f.lost, Since: since})
		} else {
			c.report(session.ReportPicture{Client: f.client, Lost: f.lost, Since: since})
		}
	}
}

func (r *room) spread(c *conn, t *protocol.Telemetry, truth []byte) (found []finding) {
	now := time.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	me := r.places[c.seat]
	if me == nil || me.conn != c {
		return nil
	}
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
	if !isTherapist(r.roles[c.seat]) {
		return nil
	}
	var heard map[protocol.PeerID]relay.Heard
	if r.ropes.open {
		heard = r.heard(now)
	}
	for _, p := range r.places {
		if r.roles[p.seat] != session.Client || !r.mayMeet(me, p) {
			continue
		}
		receiving, ok := r.measured(me, p, heard, now)
		if !ok {
			at := slices.IndexFunc(t.Receiving, func(one protocol.Receiving) bool { return one.Peer == p.peer })
			switch {
			case at >= 0:
				receiving = t.Receiving[at]
			case me.media && p.media: // a page that says nothing of the client receives nothing from them
				receiving = protocol.Receiving{Peer: p.peer, FrameAge: -1, SoundAge: -1}
			default:
				continue
			}
		}
		found = append(found, r.judge.hear(now, c.seat, p.seat, receiving)...)
	}
	return found
}

func isTherapist(role session.Role) bool {
	return role == session.Therapist || role == session.CoTherapist
}
