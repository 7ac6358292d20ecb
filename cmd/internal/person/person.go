package person

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/gorilla/websocket"
	"github.com/pion/webrtc/v4"

	"belay/session"
	"belay/signaling/protocol"
)

// Options say who joins, and how. The functions are called from the person's own
// goroutines, one at a time each, and must return at once.
type Options struct {
	URL     string         // of the seat's socket: ws://host/s/SESSION/SEAT/ws
	Cookies http.CookieJar // what opens the seat; nil: nothing
	Header  http.Header    // sent besides with the upgrade
	TLS     *tls.Config    // nil: the machine's own roots
	Camera  bool           // exchanges picture and sound
	Relay   bool           // also through the relay, always: see Flow of the seat "relay"
	TURN    bool           // reaches the relay by TURN alone, as from a network that lets nothing else out

	Heard  func(at time.Time, frame []byte)             // every message from the server, as it came; frame is not changed later
	View   func(at time.Time, v session.View)           // every view
	Direct func(from session.SeatID, m protocol.Direct) // every message over a data channel

	Log *slog.Logger // for whoever looks for a mistake in this package; nil discards
}

func (o *Options) validate() error {
	u, err := url.Parse(o.URL)
	if err != nil || u.Scheme != "ws" && u.Scheme != "wss" || u.Host == "" {
		return fmt.Errorf("person: %q is no address of a socket", o.URL)
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return nil
}

// Absence is a time without a connection, between two connections.
type Absence struct {
	From, To time.Time
	Code     int // the server's close code; 0: none was heard
}

// Ack is the server's word that a command is done.
type Ack struct {
	ID  string
	Act session.Act
	Seq uint64 // of the last event that it caused; 0: none
}

// Person is somebody at a screen. All methods may be called concurrently; whoever
// joined closes.
type Person struct {
	opts   Options
	peer   protocol.PeerID
	api    *webrtc.API
	camera *camera // nil: none
	spare  chan *connection
	clock  clock

	ctx    context.Context // ends with Close
	cancel context.CancelFunc
	run    sync.WaitGroup

	write sync.Mutex // one writer at a time; held while a message is written

	mu       sync.Mutex
	changed  chan struct{} // closed, and made anew, whenever something below changes
	ws       *websocket.Conn
	welcomed bool
	hold     time.Time // no dialling before
	view     session.View
	seen     bool
	unread   json.RawMessage // a newer view that nobody has looked at; nil: none
	fresh    bool            // the last view came over this connection
	degraded protocol.Degraded
	failure  protocol.Failure
	ended    error // the person does not come back
	pending  map[string]*pending
	acks     []Ack
	absences []Absence
	lost     Absence // To is zero: it lasts
	servers  []protocol.ICEServer
	links    map[protocol.PeerID]*link
	early    []brokered
	flows    map[session.SeatID]*flow
	commands int
}

// pending is a command that has no answer yet.
type pending struct {
	act     session.Act
	command protocol.Command
	given   time.Time
	answer  chan Answer
}

// frame is the command as it is sent now: one that waited says for how long.
func (c *pending) frame() []byte {
	m := c.command
	if age := time.Since(c.given); age >= time.Second {
		m.Age = age.Milliseconds()
	}
	frame, err := protocol.Encode(m)
	if err != nil { // its body was JSON before
		panic(fmt.Sprintf("encode %s: %v", m.Act, err))
	}
	return frame
}

// brokered is a message of a peer that is not listed yet.
type brokered struct {
	from    protocol.PeerID
	message any
}

// Join takes a seat. It returns at once: Await tells when something is there.
func Join(o Options) (*Person, error) {
	if err := o.validate(); err != nil {
		return nil, err
	}
	api, err := newAPI()
	if err != nil {
		return nil, err
	}
	p := &Person{
		opts: o, peer: protocol.PeerID(uuid.NewString()), api: api, changed: make(chan struct{}), spare: make(chan *connection, 1),
		pending: map[string]*pending{}, links: map[protocol.PeerID]*link{}, flows: map[session.SeatID]*flow{},
	}
	if o.Camera {
		if p.camera, err = newCamera(); err != nil {
			return nil, err
		}
	}
	p.ctx, p.cancel = context.WithCancel(context.Background())
	if p.camera != nil {
		p.run.Go(func() { p.camera.run(p.ctx.Done()) })
		p.run.Go(p.report)
		p.run.Go(func() {
			if c, err := p.newConnection(true); err == nil { // else it fails again where it is said
				p.spare <- c
			}
		})
	}
	p.run.Go(p.attend)
	return p, nil
}

// Close leaves, as a tab that is closed does, and returns when every goroutine
// of the person has ended.
func (p *Person) Close() error {
	p.mu.Lock()
	ws := p.ws
	p.mu.Unlock()
	if ws != nil {
		bye := websocket.FormatCloseMessage(websocket.CloseGoingAway, "")
		// Best effort: the connection may be gone already.
		_ = ws.WriteControl(websocket.CloseMessage, bye, time.Now().Add(time.Second))
	}
	p.cancel()
	p.run.Wait()
	p.mu.Lock()
	links := slices.Collect(maps.Values(p.links))
	p.links = map[protocol.PeerID]*link{}
	p.mu.Unlock()
	for _, l := range links {
		l.close()
	}
	select {
	case c := <-p.spare:
		return c.pc.GracefulClose()
	default:
		return nil
	}
}

// notify wakes whoever awaits something. p.mu is held.
func (p *Person) notify() {
	close(p.changed)
	p.changed = make(chan struct{})
}

// arrived says that a frame came in.
func (p *Person) arrived() {
	p.mu.Lock()
	p.notify()
	p.mu.Unlock()
}

// until returns when ok does, looking whenever something has changed. ok is called
// with p.mu held.
func (p *Person) until(ctx context.Context, ok func() bool) error {
	for {
		p.mu.Lock()
		done, ended, changed := ok(), p.ended, p.changed
		p.mu.Unlock()
		switch {
		case done:
			return nil
		case ended != nil:
			return ended
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-p.ctx.Done():
			return errors.New("the person has left")
		}
	}
}

// Peer is the id of this page.
func (p *Person) Peer() protocol.PeerID { return p.peer }

// Now is the session's time as this screen shows it; zero before the first word
// of the server.
func (p *Person) Now() time.Time { return p.clock.now() }

// View is the last view; false while there is none.
func (p *Person) View() (session.View, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	seen := p.look()
	return p.view, seen
}

// Await returns the first view, the present one included, for which ok is true.
func (p *Person) Await(ctx context.Context, ok func(session.View) bool) (v session.View, err error) {
	err = p.until(ctx, func() bool {
		seen := p.look()
		v = p.view
		return seen && ok(v)
	})
	return v, err
}

// Open waits until the screen is connected and has a view that came over this
// connection.
func (p *Person) Open(ctx context.Context) error {
	return p.until(ctx, func() bool { return p.welcomed && p.fresh })
}

func (p *Person) open() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.welcomed
}

// Ended returns why the person does not come back: another page took the seat,
// say. It is nil while they do.
func (p *Person) Ended() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.ended
}

// AwaitEnd waits until the person does not come back any more, and says why.
func (p *Person) AwaitEnd(ctx context.Context) error {
	var why error
	if err := p.until(ctx, func() bool { why = p.ended; return why != nil }); err != nil {
		return err
	}
	return why
}

// Degraded is the server's last word about what does not work.
func (p *Person) Degraded() protocol.Degraded {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.degraded
}

// Acks are the commands that the server has said are done.
func (p *Person) Acks() []Ack {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.acks)
}

// Absences are the times without a connection that are over.
func (p *Person) Absences() []Absence {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.absences)
}

// Flow is what has arrived from a seat.
func (p *Person) Flow(seat session.SeatID) Flow { return p.flowOf(seat).snapshot(seat) }

// AwaitMedia returns when at least one frame of the picture and one of the sound
// of a seat have arrived.
func (p *Person) AwaitMedia(ctx context.Context, seat session.SeatID) error {
	f := p.flowOf(seat)
	return p.until(ctx, func() bool {
		f.mu.Lock()
		defer f.mu.Unlock()
		return f.picture.Frames > 0 && f.sound.Frames > 0
	})
}

func (p *Person) flowOf(seat session.SeatID) *flow {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.flows[seat] == nil {
		p.flows[seat] = &flow{}
	}
	return p.flows[seat]
}

// CoverCamera stops the picture, not the sound; false shows it again.
func (p *Person) CoverCamera(covered bool) {
	if p.camera == nil {
		return
	}
	p.camera.covered.Store(covered)
	if !covered {
		p.camera.refresh()
	}
}

// LoseMicrophone stops the sound as a pulled plug does; the page notices nothing of
// it. False: it is back.
func (p *Person) LoseMicrophone(lost bool) {
	if p.camera != nil {
		p.camera.dead.Store(lost)
	}
}

// SwitchMicrophoneOff stops the sound and says so; false switches it on again.
func (p *Person) SwitchMicrophoneOff(off bool) {
	if p.camera != nil {
		p.camera.off.Store(off)
	}
}

// SayDirect sends a message over the data channel to every peer that it is open
// to, and returns how many those were. The server has no part in it.
func (p *Person) SayDirect(m protocol.Direct) (sent int) {
	p.mu.Lock()
	links := slices.Collect(maps.Values(p.links))
	p.mu.Unlock()
	for _, l := range links {
		if l.say(m) {
			sent++
		}
	}
	return sent
}

// MoveNetwork restarts ICE with every peer, as a page does when its network has
// changed.
func (p *Person) MoveNetwork() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, l := range p.links {
		l.post(func() {
			if l.described {
				l.asked = time.Time{}
				l.restart()
			}
		})
	}
}

// Servers are what the server told the screen last to connect through.
func (p *Person) Servers() []protocol.ICEServer {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.servers
}
