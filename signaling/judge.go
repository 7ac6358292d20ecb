package signaling

import (
	"time"

	"belay/session"
	"belay/signaling/protocol"
)

// Thresholds of a client's picture and sound, as a therapist's page receives
// them (CLINICAL.md, "Alarms"), and of the therapists' sound, as a client's does.
// Between "bad" and "good" lies a span in which nothing changes, and what was lost
// returns only when it was good twice: a picture that stutters does not flap. These
// are technical; how long a lost picture may last before it is an alarm stands in the
// practice's settings.
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

// judge turns what the therapists' pages receive of each client, and each client's
// of the therapists, into facts. Where no therapist is connected nothing changes. It
// belongs to its room's lock.
type judge struct {
	senses map[sense]*hearing
	log    map[sense]bool // lost, as the log has it; a device is missing once everybody's visit there has ended
}

// sense is a client's picture, their sound, or what they hear.
type sense struct {
	client session.SeatID
	of     matter
}

type matter int

const (
	picture matter = iota
	sound
	voice // of the therapists
)

// hearing collects what is reported about one sense.
type hearing struct {
	peer    protocol.PeerID            // the client's page
	by      map[session.SeatID]*glance // by therapist
	good    int                        // good verdicts in a row
	returns time.Time                  // the first of them
}

// glance is the last report that one therapist's page made, or, of a voice, that was
// made about it.
type glance struct {
	page  protocol.PeerID // of a voice
	at    time.Time
	v     verdict
	since time.Time // of a bad one: the last good moment
	none  time.Time // nothing has come since then
	zero  time.Time // digital zero since then
	dumb  time.Time // nothing can be heard since then, whatever comes
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

// know takes over what the log says. Partners at one device are seen and heard there:
// it is watched until the visits of both have ended.
func (j *judge) know(st *session.State) {
	j.log = make(map[sense]bool, 3*len(st.Clients))
	for _, c := range st.Clients {
		if c.Phase.Ended() {
			continue
		}
		device := c.Seat
		if seat, ok := st.Seat(c.Seat); ok && seat.SharesWith != "" {
			device = seat.SharesWith
		}
		for of, since := range map[matter]time.Time{picture: c.PictureLost, sound: c.SoundLost, voice: c.VoiceLost} {
			j.log[sense{device, of}] = j.log[sense{device, of}] || !since.IsZero()
		}
	}
}

// about returns what is known of one sense of a client's page.
func (j *judge) about(s sense, page protocol.PeerID) *hearing {
	h := j.senses[s]
	if h == nil || h.peer != page { // another page: nothing is known of it yet
		h = &hearing{peer: page, by: map[session.SeatID]*glance{}}
		if j.senses == nil {
			j.senses = map[sense]*hearing{}
		}
		j.senses[s] = h
	}
	return h
}

// glance returns what is known of what one therapist's page receives, or of what is
// received of that page; nothing, where that is old.
func (h *hearing) glance(now time.Time, by session.SeatID, page protocol.PeerID) *glance {
	g := h.by[by]
	if g == nil || g.page != page || now.Sub(g.at) > freshFor {
		g = &glance{page: page}
		h.by[by] = g
	}
	return g
}

// hear takes a report of a therapist's page about a client's page, at a wall
// time, and returns what has changed by it.
func (j *judge) hear(now time.Time, by, client session.SeatID, r protocol.Receiving) (found []finding) {
	for _, s := range []sense{{client, picture}, {client, sound}} {
		lost, watched := j.log[s]
		if !watched {
			continue
		}
		h := j.about(s, r.Peer)
		g := h.glance(now, by, "")
		if s.of == sound {
			g.listen(now, r)
		} else {
			g.look(now, r)
		}
		if f, ok := h.change(now, lost); ok {
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
// client, or is heard by them, is enough; it is lost when it is lost for all.
func (h *hearing) change(now time.Time, lost bool) (finding, bool) {
	v, since := bad, time.Time{}
	if len(h.by) == 0 {
		v = unclear
	}
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
