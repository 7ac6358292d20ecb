package person

import (
	"regexp"
	"strings"
	"time"

	"github.com/pion/webrtc/v4"

	"belay/signaling/protocol"
)

// What follows belongs to the link's own goroutine.

func (l *link) became(s webrtc.ICEConnectionState) {
	switch s {
	case webrtc.ICEConnectionStateConnected, webrtc.ICEConnectionStateCompleted:
		l.unwell, l.failed = time.Time{}, false
	case webrtc.ICEConnectionStateFailed:
		l.failed = true
		l.restart()
		fallthrough
	default:
		if l.unwell.IsZero() {
			l.unwell = time.Now()
		}
	}
}

// look repeats what got no answer and mends what is broken. Nothing on the way
// to a first connection waits for it.
func (l *link) look() {
	if l.pc == nil || !l.p.open() {
		return
	}
	since := time.Since(l.asked)
	waits := l.pc.SignalingState() == webrtc.SignalingStateHaveLocalOffer
	switch {
	case since <= askAgain:
	case !l.unwell.IsZero() && l.described && time.Since(l.unwell) > rebuildAfter:
		l.rebuild()
	case l.listed.Offer && (waits || !l.described):
		l.offer(false)
	case !l.listed.Offer && !l.described, l.described && l.failed:
		l.restart()
	case l.described && l.pc.ICEConnectionState() == webrtc.ICEConnectionStateDisconnected && time.Since(l.unwell) >= restartAfter:
		l.restart()
	}
}

func (l *link) offer(restart bool) {
	if l.pc == nil || !l.p.open() {
		return
	}
	l.asked = time.Now()
	if l.pc.SignalingState() == webrtc.SignalingStateHaveLocalOffer && !restart {
		l.p.send(protocol.Offer{To: l.listed.Peer, SDP: l.pc.LocalDescription().SDP})
		return
	}
	var err error
	if restart { // by what the server said last
		err = l.pc.SetConfiguration(l.p.configuration(l.listed))
	}
	var sdp webrtc.SessionDescription
	if err == nil {
		sdp, err = l.pc.CreateOffer(&webrtc.OfferOptions{ICERestart: restart})
	}
	if err == nil {
		err = l.pc.SetLocalDescription(sdp)
	}
	if err != nil {
		l.broken("offer", err)
		return
	}
	l.p.send(protocol.Offer{To: l.listed.Peer, SDP: sdp.SDP, Restart: restart})
}

// restart begins or asks for an ICE restart.
func (l *link) restart() {
	switch {
	case !l.p.open() || time.Since(l.asked) < askAgain:
	case l.listed.Offer:
		l.offer(l.described)
	default:
		l.asked = time.Now()
		l.p.send(protocol.NeedOffer{To: l.listed.Peer, Restart: l.described})
	}
}

func (l *link) rebuild() {
	l.build()
	if l.listed.Offer {
		l.offer(false)
	} else if l.p.send(protocol.NeedOffer{To: l.listed.Peer}) {
		l.asked = time.Now()
	}
}

func (l *link) broken(what string, err error) {
	l.p.opts.Log.Warn("negotiation failed, building anew", "at", what, "err", err)
	if time.Since(l.asked) > time.Second {
		l.rebuild()
	}
}

// signal works on what the other side sent through the server.
func (l *link) signal(message any) {
	if l.pc == nil {
		return
	}
	switch m := message.(type) {
	case *protocol.Offer:
		l.onOffer(m.SDP)
	case *protocol.Answer:
		if l.pc.SignalingState() != webrtc.SignalingStateHaveLocalOffer {
			return
		}
		if err := l.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: m.SDP}); err != nil {
			l.broken("answer", err)
			return
		}
		l.drain()
	case *protocol.Candidate:
		c := webrtc.ICECandidateInit{Candidate: m.Candidate, SDPMid: m.SDPMid, SDPMLineIndex: m.SDPMLineIndex, UsernameFragment: m.UsernameFragment}
		if l.described {
			l.add(c)
		} else if len(l.waiting) < maxWaiting {
			l.waiting = append(l.waiting, c)
		}
	case *protocol.NeedOffer:
		switch {
		case !l.listed.Offer || time.Since(l.asked) < time.Second:
		case m.Restart || l.pc.SignalingState() == webrtc.SignalingStateHaveLocalOffer:
			l.offer(m.Restart && l.described)
		default:
			l.rebuild()
		}
	}
}

func (l *link) onOffer(sdp string) {
	if l.listed.Offer {
		return // only this side offers
	}
	if l.described && fingerprint(l.pc.RemoteDescription().SDP) != fingerprint(sdp) {
		if l.build(); l.pc == nil {
			return
		}
	}
	err := l.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: sdp})
	var answer webrtc.SessionDescription
	if err == nil {
		answer, err = l.pc.CreateAnswer(nil)
	}
	if err == nil {
		err = l.pc.SetLocalDescription(answer)
	}
	if err != nil {
		l.broken("offer from the other side", err)
		return
	}
	l.p.send(protocol.Answer{To: l.listed.Peer, SDP: answer.SDP})
	l.drain()
}

func (l *link) drain() {
	l.described = true
	for _, c := range l.waiting {
		l.add(c)
	}
	l.waiting = nil
}

func (l *link) add(c webrtc.ICECandidateInit) {
	if err := l.pc.AddICECandidate(c); err != nil {
		// One of an earlier description: it leads nowhere, and others follow.
		l.p.opts.Log.Debug("a candidate that does not fit", "err", err)
	}
}

// back says that the server can be reached again.
func (l *link) back() {
	l.asked = time.Time{}
	if !l.unwell.IsZero() {
		l.restart()
	}
}

var fingerprints = regexp.MustCompile(`(?m)^a=fingerprint:(.*)$`)

// fingerprint names the other side's connection: a new one has a new certificate,
// and cannot be a continuation of the old one.
func fingerprint(sdp string) string {
	if m := fingerprints.FindStringSubmatch(sdp); m != nil {
		return strings.TrimSpace(m[1])
	}
	return ""
}
