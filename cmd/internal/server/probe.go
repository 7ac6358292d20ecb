package server

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"belay/signaling/protocol"
)

// Bounds of a probe: a socket that belay doctor opens over the public address, to
// see that it leads here and that nothing on the way cuts or holds up sockets.
const (
	probeKept  = 2 * time.Minute
	probeEvery = 2 * time.Second // as protocol.PingEvery
	probeLasts = 15 * time.Minute
	probesMost = 16
)

// Status is what a running server says of itself over the local socket.
type Status struct {
	URL      string   `json:"url"`
	Public   bool     `json:"public"` // URL was given, not guessed
	Listen   string   `json:"listen"`
	Store    string   `json:"store"`
	UDP      int      `json:"udp"` // port of STUN and the relay; 0: there is none
	Sessions int      `json:"sessions"`
	Degraded int      `json:"degraded"`
	Warnings []string `json:"warnings"`
	Probe    string   `json:"probe"` // secret of a probe, good once

	Ways     []protocol.ICEServer `json:"ways"`     // by which a page on this machine would connect, with credentials of its own
	Relay    string               `json:"relay"`    // where TURN leads, address:port; empty: there is none
	Nameless bool                 `json:"nameless"` // there are other servers beside it, and it has no name of its own
}

// probes are the secrets that were given out, and the sockets that they opened.
type probes struct {
	mu      sync.Mutex
	open    map[string]time.Time // until
	ended   bool
	stop    chan struct{}
	running sync.WaitGroup
}

func newProbes() *probes { return &probes{open: map[string]time.Time{}, stop: make(chan struct{})} }

// give returns a new secret, or "" while too many are out.
func (p *probes) give() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	for secret, until := range p.open {
		if time.Now().After(until) {
			delete(p.open, secret)
		}
	}
	if p.ended || len(p.open) >= probesMost {
		return ""
	}
	secret := rand.Text()
	p.open[secret] = time.Now().Add(probeKept)
	return secret
}

// take uses a secret up and counts its socket in.
func (p *probes) take(secret string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	until, known := p.open[secret]
	delete(p.open, secret)
	if p.ended || !known || time.Now().After(until) {
		return false
	}
	p.running.Add(1)
	return true
}

// close ends every probe and returns when they have ended.
func (p *probes) close() {
	p.mu.Lock()
	if !p.ended {
		p.ended = true
		close(p.stop)
	}
	p.mu.Unlock()
	p.running.Wait()
}

// ServeHTTP sends the time every two seconds, and back whatever comes.
func (p *probes) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !p.take(r.PathValue("secret")) {
		http.Error(w, "there is no such probe", http.StatusNotFound)
		return
	}
	defer p.running.Done()
	upgrader := websocket.Upgrader{CheckOrigin: func(*http.Request) bool { return true }} // the secret is what counts
	ws, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return // answered by the upgrader
	}
	ws.SetReadLimit(1 << 10)
	echo := make(chan []byte)
	done := make(chan struct{})
	var reader sync.WaitGroup
	reader.Go(func() {
		defer close(echo)
		for {
			ws.SetReadDeadline(time.Now().Add(probeLasts))
			_, frame, err := ws.ReadMessage()
			if err != nil {
				return
			}
			select {
			case echo <- frame:
			case <-done:
				return
			}
		}
	})
	p.talk(ws, echo)
	close(done)
	ws.Close()
	reader.Wait()
}

func (p *probes) talk(ws *websocket.Conn, echo <-chan []byte) {
	tick := time.NewTicker(probeEvery)
	defer tick.Stop()
	end := time.NewTimer(probeLasts)
	defer end.Stop()
	for {
		var frame []byte
		select {
		case got, ok := <-echo:
			if !ok {
				return
			}
			frame = got
		case now := <-tick.C:
			frame = fmt.Appendf(nil, "tick %d", now.UnixMilli())
		case <-end.C:
			return
		case <-p.stop:
			return
		}
		ws.SetWriteDeadline(time.Now().Add(5 * time.Second))
		if ws.WriteMessage(websocket.TextMessage, frame) != nil {
			return
		}
	}
}

// status answers what Status says.
func (s *Server) status(w http.ResponseWriter, _ *http.Request) {
	st := Status{
		URL: s.URL(), Public: s.opts.PublicURL != nil, Listen: s.Addr().String(), Store: "the data folder",
		Sessions: s.sessions.Loaded(), Degraded: s.sessions.Degraded(), Warnings: s.warnings, Probe: s.probes.give(),
	}
	if s.opts.Redis != nil {
		st.Store = s.opts.Redis.String()
	}
	if s.turn != nil {
		if at, ok := s.turn.Media().LocalAddr().(*net.UDPAddr); ok {
			st.UDP = at.Port
		}
	}
	if s.turnTCP != nil {
		st.Relay = s.turnPeer.String()
	}
	if u, err := url.Parse(s.URL()); err == nil {
		st.Ways, _ = s.iceServers("doctor", "doctor", u.Host, "") // no session, and no seat of one, is called so
	}
	st.Nameless = s.opts.MediaName == "" && len(s.Others()) > 0
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(st) // whoever asked may have gone
}
