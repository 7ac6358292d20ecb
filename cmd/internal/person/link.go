package person

import (
	"encoding/json"
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
	made, err := l.p.made(l.listed)
	if err != nil {
		l.p.opts.Log.Error("make a peer connection", "err", err)
		return
	}
	pc := made.pc
	l.pc, l.channel = pc, made.channel
	for _, sender := range made.senders {
		l.readers.Go(func() { l.feedback(sender) })
	}
	mine := func(f func()) {
		l.post(func() {
			if l.pc == pc {
				f()
			}
		})
	}
	l.channel.OnMessage(func(m webrtc.DataChannelMessage) { l.direct(m) })
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
	if l.p.camera != nil {
		l.p.camera.refresh() // the other side hears us too now: show something at once
	}
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
