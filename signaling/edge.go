package signaling

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"runtime/debug"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/gorilla/websocket"
	"golang.org/x/time/rate"

	"belay/session"
	"belay/session/live"
	"belay/signaling/protocol"
	"belay/signaling/relay"
)

// Pattern is where an Edge belongs in an http.ServeMux: it reads the session
// and the seat from the path.
const Pattern = "GET /s/{session}/{seat}/ws"

// Gatekeeper decides who may take a seat, by what the request carries.
type Gatekeeper interface {
	// Admit returns no error when the request may take the seat, a *session.Refusal
	// with words for the person when it may not, and anything else when that could not
	// be found out. Still, where it is not nil, says later whether it holds, by the same
	// errors: a sign-in may end. It keeps nothing of the request, is called again and
	// again, and not by two goroutines at once.
	Admit(r *http.Request, session string, seat session.SeatID) (still func(context.Context) error, err error)
}

// Options say what an Edge works with.
type Options struct {
	Sessions   *live.Sessions
	Gatekeeper Gatekeeper
	// ICEServers returns what a seat's page connects through, with credentials
	// of its own; nil: none. host is the name by which the page has reached this
	// server, as the page says; home the node whose relay is the session's, empty
	// where there is one node only. known is false where nothing is known of that
	// node yet, or any more: then it is asked again.
	ICEServers func(session string, seat session.SeatID, host, home string) (servers []protocol.ICEServer, known bool)
	// ICEServersFor is how long those can be used; a page gets fresh ones at half
	// of it. 0: as long as it lives.
	ICEServersFor time.Duration
	// Withdrawn is told of a seat whose link was withdrawn, and of a session that is
	// over (no seat): their ICE servers' credentials end. It must not block, and may
	// be told again. nil: nobody.
	Withdrawn func(session string, seat session.SeatID)
	// AllowedOrigins are further origins whose pages may connect
	// ("https://belay.example"), beside the host that the request itself names.
	AllowedOrigins []string
	// Relay is the second way between pages; its Say is the edge's own. nil: pages
	// have only each other. Its sockets are closed by Close.
	Relay *relay.Options
	// Nodes are the edges of the other processes that serve the same sessions; nil:
	// there is no other.
	Nodes Nodes
	Log   *slog.Logger // session and seat ids only; nil discards
}

func (o *Options) validate() error {
	if o.Sessions == nil || o.Gatekeeper == nil {
		return errors.New("signaling: sessions and gatekeeper are needed")
	}
	for _, origin := range o.AllowedOrigins {
		u, err := url.Parse(origin)
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.Path != "" && u.Path != "/" {
			return fmt.Errorf("signaling: %q is no origin", origin)
		}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Withdrawn == nil {
		o.Withdrawn = func(string, session.SeatID) {}
	}
	if o.ICEServers == nil {
		o.ICEServers = func(string, session.SeatID, string, string) ([]protocol.ICEServer, bool) { return nil, true }
	}
	return nil
}

// Edge accepts the WebSocket connections of screens. Its methods may be called
// concurrently.
type Edge struct {
	opts     Options
	relay    *relay.Relay // nil: none
	upgrader websocket.Upgrader
	rate     rate.Limit // of messages of one connection; a benchmark raises it

	mu       sync.Mutex
	draining bool // nobody comes any more
	leaving  bool // this node is about to end: it takes no session's home
	conns    map[*conn]struct{}
	rooms    map[string]*room
	telling  int // connections that were not let in, and are told why
	running  sync.WaitGroup
	tally    tally

	rounds rounds
}

// New makes an Edge. It is an http.Handler for Pattern.
func New(o Options) (*Edge, error) {
	if err := o.validate(); err != nil {
		return nil, err
	}
	e := &Edge{
		opts: o,
		rate: protocol.MessageRate,
		upgrader: websocket.Upgrader{
			HandshakeTimeout: handshakeWithin,
			Subprotocols:     []string{protocol.Subprotocol},
			WriteBufferPool:  &sync.Pool{},
			CheckOrigin:      func(*http.Request) bool { return true }, // checked before, see ServeHTTP
		},
		conns: map[*conn]struct{}{},
		rooms: map[string]*room{},
	}
	if o.Relay != nil {
		with := *o.Relay
		with.Say = e.fromRelay
		if o.Nodes != nil {
			with.Boot = boot(o.Nodes.Name())
		}
		var err error
		if e.relay, err = relay.New(with); err != nil {
			return nil, err
		}
	}
	e.rounds.start(e)
	return e, nil
}

const (
	handshakeWithin = 5 * time.Second
	maxTold         = 128 // connections that are told at the same time why they are not let in: each takes seconds
)

// ServeHTTP upgrades the request and begins its connection, which Close waits for.
func (e *Edge) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case !websocket.IsWebSocketUpgrade(r):
		http.Error(w, "This address speaks WebSocket.", http.StatusUpgradeRequired)
		return
	case !e.originAllowed(r):
		http.Error(w, "The page belongs to another site.", http.StatusForbidden)
		return
	case !offers(r, protocol.Subprotocol):
		http.Error(w, "The subprotocol "+protocol.Subprotocol+" is needed.", http.StatusBadRequest)
		return
	}
	c := &conn{
		edge: e, id: uuid.NewString(),
		session: r.PathValue("session"), seat: session.SeatID(r.PathValue("seat")), host: r.Host,
	}
	if !e.admit(c) {
		w.Header().Set("Retry-After", "1")
		http.Error(w, "The server is about to stop.", http.StatusServiceUnavailable)
		return
	}
	// Asked before the upgrade, told after it: a page can't read the status of a
	// refused upgrade, but it can read why its connection is closed.
	var refused error
	c.still, refused = e.opts.Gatekeeper.Admit(r, c.session, c.seat)
	if refused != nil && !e.tells(c) { // whoever may come in is never one too many
		c.refuse(refused)
		e.dismiss(c)
		w.Header().Set("Retry-After", "10")
		http.Error(w, "Too many were not let in just now.", http.StatusTooManyRequests)
		return
	}
	ws, err := e.upgrader.Upgrade(w, r, nil)
	if err != nil {
		e.dismiss(c)
		return // answered by the upgrader
	}
	// A goroutine of its own: the request, its buffers and its stack are let go.
	go func() {
		defer e.dismiss(c)
		defer func() {
			if cause := recover(); cause != nil { // as net/http does: one page must not end the others
				e.opts.Log.Error("a connection panicked", "session", c.session, "seat", string(c.seat), "stack", string(debug.Stack()))
				ws.Close()
			}
		}()
		c.serve(ws, refused)
	}()
}

// admit counts c in, unless the edge is draining.
func (e *Edge) admit(c *conn) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.draining {
		return false
	}
	c.out.init()
	e.conns[c] = struct{}{}
	e.running.Add(1)
	return true
}

// tells counts c among those that are told why they are not let in; false: they are
// too many already.
func (e *Edge) tells(c *conn) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.telling >= maxTold {
		return false
	}
	e.telling++
	c.told = true
	return true
}

func (e *Edge) dismiss(c *conn) {
	e.mu.Lock()
	delete(e.conns, c)
	if c.told {
		e.telling--
	}
	e.mu.Unlock()
	e.tally.end(c.out.code())
	e.running.Done()
}

// Close tells every page to come back at once (4005), to the next process, and
// returns when every connection has ended. The second call waits too.
func (e *Edge) Close() error {
	e.mu.Lock()
	e.draining = true
	for c := range e.conns {
		c.out.end(protocol.CloseDraining, "draining", "The server restarts.")
	}
	e.mu.Unlock()
	e.running.Wait()
	e.rounds.stop(e)
	if e.relay != nil {
		return e.relay.Close()
	}
	return nil
}

// ending reports whether Close was called.
func (e *Edge) ending() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.draining
}

// enter returns the room of a session and counts the caller in.
func (e *Edge) enter(id string) *room {
	e.mu.Lock()
	defer e.mu.Unlock()
	r := e.rooms[id]
	if r == nil {
		r = newRoom(e, id)
		e.rooms[id] = r
	}
	r.visitors++
	return r
}

// exit counts the caller out; the last one closes the room.
func (e *Edge) exit(r *room) {
	e.mu.Lock()
	r.visitors--
	last := r.visitors == 0
	if last {
		delete(e.rooms, r.id)
		r.leaveRelay() // before another room of this session can be made
	}
	e.mu.Unlock()
	if last {
		r.giveUpHome()
		r.close()
	}
}
