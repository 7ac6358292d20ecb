package person

import (
	"encoding/json"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/pion/webrtc/v4"

	"belay/session"
	"belay/signaling/protocol"
)

// The same rhythms as the browser's pages have (static/peer.js).
const (
	lookEvery    = 500 * time.Millisecond
	restartAfter = 2 * time.Second  // of "disconnected"; never waiting for "failed"
	askAgain     = 4 * time.Second  // between two offers, restarts or questions
	rebuildAfter = 15 * time.Second // without a connection although restarts were tried
	staleAfter   = 10 * time.Second // without a packet: a peer that is no longer listed is gone
	maxWaiting   = 128              // candidates that wait for a description
)

// link is the connection to one other peer. Its state belongs to its own
// goroutine; everybody else, pion's callbacks included, only posts to it.
type link struct {
	p      *Person
	listed protocol.Peer // as it was when the link was made
	flow   *flow

	mu     sync.Mutex
	steps  []func()
	wake   chan struct{}
	quit   chan struct{}
	ended  chan struct{}
	absent time.Time // since when the server does not list it; of the person's reader

	pc        *webrtc.PeerConnection
	channel   *webrtc.DataChannel
	waiting   []webrtc.ICECandidateInit
	described bool      // a remote description is set
	asked     time.Time // when something was last sent that wants an answer
	unwell    time.Time // since when it is not connected; zero: it is
	failed    bool
	readers   sync.WaitGroup
}

func newLink(p *Person, listed protocol.Peer) *link {
	l := &link{
		p: p, listed: listed, flow: p.flowOf(session.SeatID(listed.Seat)),
		wake: make(chan struct{}, 1), quit: make(chan struct{}), ended: make(chan struct{}),
	}
	go l.run()
	return l
}

// post has f run by the link's goroutine, after what was posted before it.
func (l *link) post(f func()) {
	l.mu.Lock()
	l.steps = append(l.steps, f)
	l.mu.Unlock()
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

func (l *link) run() {
	defer close(l.ended)
	l.build()
	if l.listed.Offer {
		l.offer(false)
	}
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	for {
		select {
		case <-l.quit:
			l.drop()
			return
		case <-look.C:
			l.look()
		case <-l.wake:
			l.mu.Lock()
			steps := l.steps
			l.steps = nil
			l.mu.Unlock()
			for _, step := range steps {
				step()
			}
		}
	}
}

// close ends the link and waits for it.
func (l *link) close() {
	close(l.quit)
	<-l.ended
}

// drop ends the connection and waits for its goroutines.
func (l *link) drop() {
	if l.pc == nil {
		return
	}
	if err := l.pc.GracefulClose(); err != nil {
		l.p.opts.Log.Debug("close a peer connection", "err", err)
	}
	l.readers.Wait()
	l.pc = nil
}

func (l *link) build() {
	l.drop()
	l.waiting, l.described, l.failed = nil, false, false
	l.asked, l.unwell = time.Time{}, time.Now()
	pc, err := l.p.api.NewPeerConnection(webrtc.Configuration{ICEServers: l.p.iceServers(), BundlePolicy: webrtc.BundlePolicyMaxBundle})
	if err != nil {
		l.p.opts.Log.Error("make a peer connection", "err", err)
		return
	}
	l.pc = pc
	mine := func(f func()) {
		l.post(func() {
			if l.pc == pc {
				f()
			}
		})
	}
	negotiated, id := true, uint16(0)
	channel, err := pc.CreateDataChannel("belay", &webrtc.DataChannelInit{Negotiated: &negotiated, ID: &id})
	if err != nil {
		l.p.opts.Log.Error("make a data channel", "err", err)
		return
	}
	l.channel = channel
	channel.OnMessage(func(m webrtc.DataChannelMessage) { l.direct(m) })
	if l.listed.Video && l.p.camera != nil {
		// Added before any description, they take the offer's places.
		for _, track := range []webrtc.TrackLocal{l.p.camera.sound, l.p.camera.picture} {
			sender, err := pc.AddTrack(track)
			if err != nil {
				l.p.opts.Log.Error("add a track", "err", err)
				return
			}
			l.readers.Go(func() { l.feedback(sender) })
		}
	}
	pc.OnICECandidate(func(c *webrtc.ICECandidate) {
		m := protocol.Candidate{To: l.listed.Peer}
		if c != nil {
			init := c.ToJSON()
			m.Candidate, m.SDPMid, m.SDPMLineIndex, m.UsernameFragment = init.Candidate, init.SDPMid, init.SDPMLineIndex, init.UsernameFragment
		}
		mine(func() { l.p.send(m) })
	})
	pc.OnICEConnectionStateChange(func(s webrtc.ICEConnectionState) { mine(func() { l.became(s) }) })
	pc.OnConnectionStateChange(func(s webrtc.PeerConnectionState) {
		if s == webrtc.PeerConnectionStateConnected && l.p.camera != nil {
			l.p.camera.refresh()
		}
	})
	pc.OnTrack(func(track *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
		mine(func() { l.readers.Go(func() { l.receive(track) }) })
	})
}

// feedback reads what the other side says about what it gets.
func (l *link) feedback(sender *webrtc.RTPSender) {
	buf := make([]byte, 1500)
	for {
		n, _, err := sender.Read(buf)
		if err != nil {
			return
		}
		// RFC 4585 section 6.3.1 and RFC 5104 section 4.3.1: a key frame is asked for.
		if n >= 2 && buf[1] == 206 && (buf[0]&0x1f == 1 || buf[0]&0x1f == 4) {
			l.p.camera.refresh()
		}
	}
}

// receive counts what arrives on a track until it ends.
func (l *link) receive(track *webrtc.TrackRemote) {
	picture := track.Kind() == webrtc.RTPCodecTypeVideo
	var frames completes
	for {
		packet, _, err := track.ReadRTP()
		if err != nil {
			return
		}
		frame := frames.frame(picture, packet)
		l.flow.note(picture, frame, time.Now())
		if frame {
			l.p.arrived()
		}
	}
}

func (l *link) direct(m webrtc.DataChannelMessage) {
	var d protocol.Direct
	if l.p.opts.Direct != nil && len(m.Data) <= 4096 && json.Unmarshal(m.Data, &d) == nil {
		l.p.opts.Direct(session.SeatID(l.listed.Seat), d)
	}
}

// say sends a direct message; it reports whether the channel was open.
func (l *link) say(d protocol.Direct) bool {
	done := make(chan bool, 1)
	l.post(func() {
		text, err := json.Marshal(d)
		ok := err == nil && l.channel != nil && l.channel.ReadyState() == webrtc.DataChannelStateOpen
		done <- ok && l.channel.SendText(string(text)) == nil
	})
	select {
	case ok := <-done:
		return ok
	case <-l.ended:
		return false
	}
}

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
	sdp, err := l.pc.CreateOffer(&webrtc.OfferOptions{ICERestart: restart})
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
