package person

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/gorilla/websocket"

	"belay/session"
	"belay/signaling/protocol"
)

const (
	openWithin  = 6 * time.Second
	writeWithin = 5 * time.Second
	maxEarly    = 64
)

// waits are between two attempts to connect, before jitter.
var waits = []time.Duration{200 * time.Millisecond, 500 * time.Millisecond, time.Second, 2 * time.Second, 4 * time.Second, 7 * time.Second}

// attend keeps the person connected until they leave or are replaced.
func (p *Person) attend() {
	attempt := 0
	for {
		was, code := p.connect()
		if p.ctx.Err() != nil {
			return
		}
		switch code {
		case protocol.CloseReplaced, protocol.CloseRevoked, protocol.CloseUnknown, protocol.CloseProtocol:
			p.mu.Lock()
			p.ended = &Ended{Code: code, Words: p.failure.Words}
			p.notify()
			p.mu.Unlock()
			return
		}
		if was {
			attempt = 0
		}
		wait := waits[min(attempt, len(waits)-1)]
		if code == protocol.CloseDraining && was {
			wait = 50 * time.Millisecond
		}
		attempt++
		wait = time.Duration(float64(wait) * (0.6 + 0.4*rand.Float64()))
		p.mu.Lock()
		wait = max(wait, time.Until(p.hold))
		p.mu.Unlock()
		select {
		case <-time.After(wait):
		case <-p.ctx.Done():
			return
		}
	}
}

// Ended says why a person does not come back.
type Ended struct {
	Code  int // close code, see package protocol
	Words string
}

func (e *Ended) Error() string {
	return fmt.Sprintf("the server ended it (%d): %s", e.Code, e.Words)
}

// connect is one connection from the dial to its end. It returns whether the
// server has welcomed it, and the close code where one was heard.
func (p *Person) connect() (welcomed bool, code int) {
	ctx, cancel := context.WithTimeout(p.ctx, openWithin)
	defer cancel()
	dialer := websocket.Dialer{
		Subprotocols: []string{protocol.Subprotocol}, Jar: p.opts.Cookies, TLSClientConfig: p.opts.TLS, HandshakeTimeout: openWithin,
	}
	header := http.Header{"Origin": {origin(p.opts.URL)}}
	for k, v := range p.opts.Header {
		header[k] = v
	}
	ws, res, err := dialer.DialContext(ctx, p.opts.URL, header)
	if err != nil {
		if res != nil {
			res.Body.Close()
		}
		p.opts.Log.Debug("dial", "err", err)
		return false, 0
	}
	defer ws.Close()
	// Close may have come before it could see this connection.
	stop := context.AfterFunc(p.ctx, func() { ws.NetConn().Close() })
	defer stop()
	p.mu.Lock()
	p.ws = ws
	p.mu.Unlock()
	hello, err := protocol.Encode(protocol.Hello{Peer: p.peer, Media: p.camera != nil, Relay: p.opts.Relay})
	if err == nil {
		err = p.writeTo(ws, hello)
	}
	if err != nil {
		p.opts.Log.Debug("hello", "err", err)
		return false, 0
	}
	pinging := make(chan struct{})
	p.run.Go(func() { p.ping(ws, pinging) })
	defer close(pinging)

	for {
		if err := ws.SetReadDeadline(time.Now().Add(protocol.SilenceIsLoss)); err != nil {
			break
		}
		kind, frame, err := ws.ReadMessage()
		if err != nil {
			var closed *websocket.CloseError
			if errors.As(err, &closed) {
				code = closed.Code
			}
			p.opts.Log.Debug("the connection has ended", "err", err)
			break
		}
		if kind == websocket.TextMessage {
			p.read(frame)
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if welcomed = p.welcomed; welcomed {
		p.lost = Absence{From: time.Now(), Code: code}
	}
	p.ws, p.welcomed = nil, false
	p.notify()
	return welcomed, code
}

func origin(socket string) string {
	u, err := url.Parse(socket)
	if err != nil {
		return ""
	}
	if u.Scheme == "wss" {
		return "https://" + u.Host
	}
	return "http://" + u.Host
}

func (p *Person) ping(ws *websocket.Conn, done <-chan struct{}) {
	every := time.NewTicker(protocol.PingEvery)
	defer every.Stop()
	for {
		select {
		case <-done:
			return
		case <-every.C:
			// The number is the time on this machine's clock, so that the pong says
			// how long it was on the way.
			if frame, err := protocol.Encode(protocol.Ping{N: uint64(time.Now().UnixMicro())}); err == nil {
				_ = p.writeTo(ws, frame) // the reader notices
			}
		}
	}
}

func (p *Person) writeTo(ws *websocket.Conn, frame []byte) error {
	p.write.Lock()
	defer p.write.Unlock()
	if err := ws.SetWriteDeadline(time.Now().Add(writeWithin)); err != nil {
		return err
	}
	return ws.WriteMessage(websocket.TextMessage, frame)
}

// put writes a frame where the server has welcomed this page. What it can't
// write is lost: commands and descriptions are sent again after a reconnect.
func (p *Person) put(frame []byte) bool {
	p.mu.Lock()
	ws := p.ws
	if !p.welcomed {
		ws = nil
	}
	p.mu.Unlock()
	return ws != nil && p.writeTo(ws, frame) == nil
}

func (p *Person) send(message any) bool {
	frame, err := protocol.Encode(message)
	return err == nil && p.put(frame)
}

// Cut breaks the connection off, as a cable that is pulled and put back after the
// time away. The picture between people has other ways.
func (p *Person) Cut(away time.Duration) {
	p.mu.Lock()
	p.hold = time.Now().Add(away)
	ws := p.ws
	p.mu.Unlock()
	if ws == nil {
		return
	}
	if tcp, ok := ws.NetConn().(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // then the close is a reset: best effort
	}
	ws.NetConn().Close()
}

// read works on one message of the server. It is called by the reader alone.
func (p *Person) read(frame []byte) {
	at := time.Now()
	if p.opts.Heard != nil {
		p.opts.Heard(at, frame)
	}
	message, err := protocol.DecodeFromServer(frame)
	if err != nil {
		p.opts.Log.Warn("a message that is not understood", "err", err)
		return
	}
	switch m := message.(type) {
	case *protocol.Welcome:
		p.welcome(m)
	case *protocol.Ping:
		p.send(protocol.Pong{N: m.N})
	case *protocol.ICEServers:
		p.mu.Lock()
		p.servers = m.ICEServers
		p.notify()
		p.mu.Unlock()
	case *protocol.Pong:
		if sent := time.UnixMicro(int64(m.N)); m.Now != nil && at.Sub(sent) < protocol.SilenceIsLoss {
			p.clock.correct(*m.Now, 0, at.Sub(sent)/2)
		}
	case *protocol.View:
		p.saw(at, m.View)
	case *protocol.Result:
		p.answered(m)
	case *protocol.Peers:
		p.meet(m.Peers)
	case *protocol.Offer:
		p.broker(m.From, m)
	case *protocol.Answer:
		p.broker(m.From, m)
	case *protocol.Candidate:
		p.broker(m.From, m)
	case *protocol.NeedOffer:
		p.broker(m.From, m)
	case *protocol.Undelivered:
		p.mu.Lock()
		defer p.mu.Unlock()
		if l := p.links[m.To]; l != nil {
			l.post(func() { l.asked = time.Time{} }) // look sends it again
		}
	case *protocol.Degraded:
		p.mu.Lock()
		p.degraded = *m
		p.notify()
		p.mu.Unlock()
	case *protocol.Failure:
		p.mu.Lock()
		p.failure = *m
		p.mu.Unlock()
	}
}

// saw takes over a view. It is read at once where each is asked for; else when
// somebody looks at the screen, so that nothing between people waits until a script
// has taken apart what it may never look at.
func (p *Person) saw(at time.Time, raw json.RawMessage) {
	var v session.View
	read := p.opts.View != nil
	if read {
		if err := json.Unmarshal(raw, &v); err != nil {
			p.opts.Log.Warn("a view that is not understood", "err", err)
			return
		}
		p.opts.View(at, v)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.unread, p.fresh = raw, true; read {
		p.view, p.seen, p.unread = v, true, nil
	}
	p.notify()
}

// look reads the last view, if nobody has yet, and reports whether there is one.
// p.mu is held.
func (p *Person) look() bool {
	if p.unread == nil {
		return p.seen
	}
	var v session.View
	if err := json.Unmarshal(p.unread, &v); err != nil {
		p.opts.Log.Warn("a view that is not understood", "err", err)
	} else {
		p.view, p.seen = v, true
	}
	p.unread = nil
	return p.seen
}

func (p *Person) welcome(m *protocol.Welcome) {
	p.clock.correct(m.Now, max(m.Rate, 1), 0)
	p.mu.Lock()
	p.welcomed, p.fresh, p.servers = true, false, m.ICEServers
	if !p.lost.From.IsZero() {
		p.lost.To = time.Now()
		p.absences = append(p.absences, p.lost)
		p.lost = Absence{}
	}
	var again [][]byte
	for _, c := range p.pending {
		again = append(again, c.frame())
	}
	for _, l := range p.links {
		l.post(l.back)
	}
	p.notify()
	p.mu.Unlock()
	for _, frame := range again {
		p.put(frame)
	}
}

func (p *Person) answered(m *protocol.Result) {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := p.pending[m.ID]
	if c == nil {
		return // answered before: the resend crossed the answer
	}
	delete(p.pending, m.ID)
	if m.OK {
		p.acks = append(p.acks, Ack{m.ID, c.act, m.Seq})
	}
	c.answer <- Answer{ID: m.ID, Seq: m.Seq, Noted: m.Noted, Refused: refusedOf(m)}
}

func refusedOf(m *protocol.Result) *protocol.Refused {
	if !m.OK && m.Refused == nil {
		return &protocol.Refused{Code: "refused", Words: "The server gave no reason."}
	}
	return m.Refused
}
