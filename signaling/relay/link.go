package relay

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/webrtc/v4"

	"belay/signaling/protocol"
)

// link is one connection of a page. Its description belongs to the party's
// goroutine; pion's callbacks only start readers and post.
type link struct {
	party *party
	pc    *webrtc.PeerConnection
	in    inlets
	way   way // to the page

	sounds, pictures [MaxSlots]*slot // nil: not offered; set before the link is shown to anybody

	offer, answer string // the last ones
	route         atomic.Value
	up            atomic.Bool

	mu      sync.Mutex
	closing bool
	readers sync.WaitGroup
}

// offered answers an offer.
func (p *party) offered(m *protocol.Offer) {
	if err := admissible(m.SDP); err != nil {
		p.cannot(err) // what there is stays
		return
	}
	l := p.current()
	switch {
	case l != nil && l.offer == m.SDP:
		p.say(protocol.Answer{From: p.room.peer, SDP: l.answer}) // the answer was lost
		return
	case l != nil && fingerprint(l.offer) == fingerprint(m.SDP): // an ICE restart, or another direction
	case m.Restart: // of a connection that is no more
		p.say(protocol.NeedOffer{From: p.room.peer})
		return
	default:
		p.drop()
		var err error
		if l, err = newLink(p, m.SDP); err != nil {
			p.room.relay.opts.Log.Warn("a relay connection could not be made", "session", p.room.id, "err", err)
			return
		}
	}
	answer, err := l.describe(m.SDP)
	if err != nil {
		p.cannot(err)
		p.drop()
		l.close() // where it was not yet the party's own
		return
	}
	if !p.adopt(l) {
		l.close()
		return
	}
	p.say(protocol.Answer{From: p.room.peer, SDP: answer})
	p.saySlots()
}

// cannot says that an offer can't be answered. The words may hold parts of the
// description: they are for the page alone.
func (p *party) cannot(err error) {
	p.say(protocol.Undelivered{To: p.room.peer, Type: "offer", Words: "the relay can't answer this offer: " + clip(err.Error())})
}

func clip(s string) string { return s[:min(len(s), 200)] }

func (p *party) current() *link {
	p.room.mu.Lock()
	defer p.room.mu.Unlock()
	return p.link
}

// adopt makes l the party's connection; false: the party is gone.
func (p *party) adopt(l *link) bool {
	p.room.mu.Lock()
	defer p.room.mu.Unlock()
	if p.gone {
		return false
	}
	if p.link != l {
		p.link = l
		p.room.wire(time.Now())
	}
	return true
}

// drop closes the party's connection, and waits for it.
func (p *party) drop() {
	p.room.mu.Lock()
	l := p.link
	p.link = nil
	p.room.mu.Unlock()
	if l != nil {
		l.close()
	}
}

func newLink(p *party, offer string) (*link, error) {
	l := &link{party: p}
	pc, err := p.room.relay.stack.connect(&l.in)
	if err != nil {
		return nil, err
	}
	l.pc = pc
	// Added before the description, in its order: each takes the next m-line of
	// its kind (see DESIGN of slots in signaling/protocol/PROTOCOL.md).
	for i := range MaxSlots {
		for _, row := range []struct {
			kind  webrtc.RTPCodecType
			lines int
			slots *[MaxSlots]*slot
		}{
			{webrtc.RTPCodecTypeAudio, strings.Count(offer, "\nm=audio "), &l.sounds},
			{webrtc.RTPCodecTypeVideo, strings.Count(offer, "\nm=video "), &l.pictures},
		} {
			if i >= row.lines {
				continue
			}
			o := newSlot(l, i, row.kind)
			t, err := pc.AddTransceiverFromTrack(o, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendrecv})
			if err != nil {
				l.close()
				return nil, err
			}
			row.slots[i] = o
			l.read(func() { o.feedback(t.Sender()) })
		}
	}
	pc.OnTrack(func(track *webrtc.TrackRemote, receiver *webrtc.RTPReceiver) {
		s := newSource(l, track, receiver)
		l.read(s.run)
		l.read(s.reports)
	})
	pc.OnConnectionStateChange(l.became)
	pc.SCTP().Transport().ICETransport().OnSelectedCandidatePairChange(func(pair *webrtc.ICECandidatePair) {
		l.turned("relay-"+pair.Local.Protocol.String(), time.Now())
	})
	return l, nil
}

// turned says that the page is reached by another path: nothing that was measured, and
// nothing of the picture, is there.
func (l *link) turned(route string, now time.Time) {
	l.route.Store(route)
	l.way.reset(now)
	l.each((*slot).turned)
	l.refresh(now)
}

// each does something with every slot that there is.
func (l *link) each(do func(*slot)) {
	for i := range MaxSlots {
		for _, o := range []*slot{l.sounds[i], l.pictures[i]} {
			if o != nil {
				do(o)
			}
		}
	}
}

// refresh asks for a key frame of every picture that the page is shown, and of its
// own: what was asked for on the path before may never have come there.
func (l *link) refresh(now time.Time) {
	room := l.party.room
	room.mu.Lock()
	var own []*source
	if l.party.link == l {
		own = l.party.sources()
	}
	room.mu.Unlock()
	for _, s := range own {
		if s.picture {
			s.askKey(now)
		}
	}
	for _, o := range l.pictures {
		if o == nil {
			continue
		}
		if s := o.shown(); s != nil {
			s.askKey(now)
		}
	}
}

// read runs a reader that close waits for.
func (l *link) read(f func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.closing {
		l.readers.Go(f)
	}
}

func (l *link) close() {
	l.mu.Lock()
	first := !l.closing
	l.closing = true
	l.mu.Unlock()
	if first {
		_ = l.pc.GracefulClose() // its errors are about what is gone already
	}
	l.readers.Wait()
}

// became follows the connection: slots open with it; one that has failed is
// given up, and the page is asked for another.
func (l *link) became(state webrtc.PeerConnectionState) {
	p := l.party
	switch state {
	case webrtc.PeerConnectionStateConnected:
		l.up.Store(true)
		l.each((*slot).open)
	case webrtc.PeerConnectionStateDisconnected:
		l.up.Store(false)
	case webrtc.PeerConnectionStateFailed, webrtc.PeerConnectionStateClosed:
		l.up.Store(false)
		p.post(func() {
			if p.current() == l {
				p.drop()
				p.say(protocol.NeedOffer{From: p.room.peer})
			}
		})
	}
}

func (l *link) state() (up bool, route string) {
	route, _ = l.route.Load().(string)
	return l.up.Load(), route
}

var errNoMedia = errors.New("it offers neither sound nor picture")

// describe works an offer in and returns the answer, with all our addresses.
func (l *link) describe(offer string) (answer string, err error) {
	// A parser of foreign text that panics must not end everybody's visit.
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("not understood: %v", r)
		}
	}()
	if l.sounds[0] == nil && l.pictures[0] == nil {
		return "", errNoMedia
	}
	err = l.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: withoutCandidates(offer)})
	if err != nil {
		return "", err
	}
	sdp, err := l.pc.CreateAnswer(nil)
	if err != nil {
		return "", err
	}
	gathered := webrtc.GatheringCompletePromise(l.pc)
	if err := l.pc.SetLocalDescription(sdp); err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(context.Background(), answerAfter)
	defer cancel()
	select {
	case <-gathered:
	case <-ctx.Done():
		return "", errors.New("no address of the relay was found")
	}
	l.offer, l.answer = offer, l.pc.LocalDescription().SDP
	return l.answer, nil
}

var (
	candidates   = regexp.MustCompile(`(?m)^a=(candidate|remote-candidates|end-of-candidates)[^\n]*\n?`)
	fingerprints = regexp.MustCompile(`(?m)^a=fingerprint:(.*)$`)
)

// withoutCandidates leaves out where the page says that it can be reached: it is
// found by what it sends, and nothing is sent to where it merely points.
func withoutCandidates(sdp string) string { return candidates.ReplaceAllString(sdp, "") }

// fingerprint names the page's connection: a new one has a new certificate.
func fingerprint(sdp string) string {
	if m := fingerprints.FindStringSubmatch(sdp); m != nil {
		return strings.TrimSpace(m[1])
	}
	return ""
}
