package signaling_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"
	"go.uber.org/goleak"

	"belay/session"
	"belay/session/live"
	"belay/session/store"
	"belay/session/store/bolt"
	"belay/signaling"
	"belay/signaling/protocol"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const visit = "visit-1"

// house is a server with its edge, reached over pipes.
type house struct {
	t      testing.TB
	path   string
	bolt   store.Store
	broken *broken
	live   *live.Sessions
	edge   *signaling.Edge
	server *http.Server
	pipes  *pipes
	served sync.WaitGroup
	n      int
	ended  []string                 // seats and sessions whose credentials ended; read when nothing runs
	change func(*signaling.Options) // nil: none
	door   tokens
}

// broken is a store that stops taking appends.
type broken struct {
	store.Store
	mu   sync.Mutex
	err  error
	wait chan struct{} // an append hangs until it is closed; nil: none does
}

// hang has appends wait until release is called.
func (b *broken) hang() (release func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	wait := make(chan struct{})
	b.wait = wait
	return func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.wait = nil
		close(wait)
	}
}

func (b *broken) set(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.err = err
}

func (b *broken) Append(ctx context.Context, batch store.Batch) error {
	b.mu.Lock()
	err, wait := b.err, b.wait
	b.mu.Unlock()
	if wait != nil {
		<-wait
	}
	if err != nil {
		return err
	}
	return b.Store.Append(ctx, batch)
}

// pipes is a listener whose connections are net.Pipes: they work in virtual time.
type pipes struct {
	accept chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func newPipes() *pipes { return &pipes{accept: make(chan net.Conn), closed: make(chan struct{})} }

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.accept:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}
func (p *pipes) Close() error   { p.once.Do(func() { close(p.closed) }); return nil }
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }
func (p *pipes) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	select {
	case p.accept <- theirs:
		return ours, nil
	case <-p.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// tokens is a gatekeeper that lets in whoever names the seat in a header, and the
// therapist for as long as it is not told otherwise.
type tokens struct{ doubt atomic.Pointer[error] }

var errLink = &session.Refusal{Code: "not_admitted", Words: "this link has expired"}

func (g *tokens) Admit(r *http.Request, id string, seat session.SeatID) (func(context.Context) error, error) {
	if r.Header.Get("Authorization") != "Seat "+id+"/"+string(seat) {
		return nil, errLink
	}
	if seat != "therapist-1" {
		return nil, nil
	}
	return g.still, g.still(r.Context())
}

func (g *tokens) still(context.Context) error {
	if err := g.doubt.Load(); err != nil {
		return *err
	}
	return nil
}

func open(t testing.TB) *house {
	h := &house{t: t, path: filepath.Join(t.TempDir(), "log")}
	h.start()
	t.Cleanup(h.stop)
	return h
}

func (h *house) start() {
	h.t.Helper()
	var err error
	if h.bolt, err = bolt.Open(bolt.Options{Path: h.path, NoSync: true}); err != nil {
		h.t.Fatal(err)
	}
	h.broken = &broken{Store: h.bolt}
	if h.live, err = live.New(live.Options{Store: h.broken}); err != nil {
		h.t.Fatal(err)
	}
	if err := h.live.Start(context.Background()); err != nil {
		h.t.Fatal(err)
	}
	opts := signaling.Options{
		Sessions: h.live, Gatekeeper: &h.door, AllowedOrigins: []string{"https://belay.example"},
		ICEServersFor: time.Minute, Withdrawn: func(id string, seat session.SeatID) { h.ended = append(h.ended, id+" "+string(seat)) },
		ICEServers: func(id string, seat session.SeatID, _, _ string) ([]protocol.ICEServer, bool) {
			return []protocol.ICEServer{{URLs: []string{"stun:" + id + "." + string(seat)}}}, true
		},
	}
	if h.change != nil {
		h.change(&opts)
	}
	if h.edge, err = signaling.New(opts); err != nil {
		h.t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle(signaling.Pattern, h.edge)
	h.server, h.pipes = &http.Server{Handler: mux}, newPipes()
	server, pipes := h.server, h.pipes
	h.served.Go(func() { server.Serve(pipes) })
}

// stop ends the server in order; kill drops it as a crash would.
func (h *house) stop() { h.end(true) }

func (h *house) end(orderly bool) {
	h.t.Helper()
	if h.server == nil {
		return
	}
	if orderly {
		h.edge.Close()
	} else {
		h.broken.set(errors.New("the process is dead"))
	}
	h.server.Close()
	if !orderly {
		h.edge.Close()
	}
	h.served.Wait()
	if err := h.live.Close(); err != nil {
		h.t.Error(err)
	}
	if err := h.bolt.Close(); err != nil {
		h.t.Error(err)
	}
	h.server = nil
}

func (h *house) create(id string) {
	h.t.Helper()
	settings := session.DefaultSettings()
	settings.LicensedStates = []string{"OR"}
	now := time.Now()
	err := h.live.Create(context.Background(), id, session.Command{ID: "create", Seat: session.Server, Do: session.CreateSession{
		ID: id, Owner: "account-1", StartsAt: now.Add(10 * time.Minute), Settings: settings,
		Pace: session.Pace{Epoch: now, Rate: 1},
		Seats: []session.Seat{
			{ID: "therapist-1", Role: session.Therapist, Name: "Dana"},
			{ID: "co-therapist-1", Role: session.CoTherapist, Name: "Kim"},
			{ID: "client-1", Role: session.Client, Name: "Alex"},
			{ID: "chaperone-1", Role: session.Chaperone, Name: "Sam"},
		},
		Orders: map[session.SeatID]session.Order{"client-1": {Product: "ketamine troche", DoseMg: 100, Tablets: 1, TotalMg: 150, Number: 1, Of: 6}},
	}})
	if err != nil {
		h.t.Fatal(err)
	}
	for _, act := range []session.Act{session.WriteNote{Text: "Opens the lobby."}, session.Admit{Client: "client-1", Reason: "seen on the phone"}} {
		command := session.Command{ID: session.FactName(act), Seat: "therapist-1", Do: act}
		if _, err := h.live.Do(context.Background(), id, command); err != nil {
			h.t.Fatal(err)
		}
	}
}

func (h *house) do(seat session.SeatID, act session.Act) {
	h.t.Helper()
	h.n++
	if _, err := h.live.Do(context.Background(), visit, session.Command{ID: fmt.Sprint("t", h.n), Seat: seat, Do: act}); err != nil {
		h.t.Fatalf("%s: %v", session.FactName(act), err)
	}
}

func facts[F any](h *house) (found []F, at []session.Event) {
	h.t.Helper()
	events, err := h.live.Events(context.Background(), visit)
	if err != nil {
		h.t.Fatal(err)
	}
	for _, e := range events {
		if f, ok := e.Fact.(F); ok {
			found, at = append(found, f), append(at, e)
		}
	}
	return found, at
}

// page is a screen, reduced to its connection.
type page struct {
	t    testing.TB
	peer protocol.PeerID
	ws   *websocket.Conn

	mu     sync.Mutex // guards writes, and what follows
	got    []any
	mute   bool // it answers no pings and sends none
	code   int  // of the close frame
	reason string
	more   chan struct{} // closed and made anew with each message
	done   chan struct{}
}

func peerOf(id string, seat session.SeatID) protocol.PeerID {
	return protocol.PeerID("page-of-" + string(seat) + "-in-" + id)
}

func (h *house) header(id string, seat session.SeatID) http.Header {
	return http.Header{"Authorization": {"Seat " + id + "/" + string(seat)}, "Origin": {"http://belay.test"}}
}

// dial connects without saying hello.
func (h *house) dial(id string, seat session.SeatID, header http.Header) (*page, error) {
	dialer := websocket.Dialer{NetDialContext: h.pipes.dial, Subprotocols: []string{protocol.Subprotocol}}
	ws, _, err := dialer.Dial("ws://belay.test/s/"+id+"/"+string(seat)+"/ws", header)
	if err != nil {
		return nil, err
	}
	p := &page{t: h.t, ws: ws, peer: peerOf(id, seat), more: make(chan struct{}), done: make(chan struct{})}
	h.t.Cleanup(func() { ws.Close(); <-p.done })
	return p, nil
}

// come connects a page that lives: it reads, answers pings and pings itself.
func (h *house) come(seat session.SeatID) *page { return h.comeAs(visit, seat, peerOf(visit, seat)) }

func (h *house) comeAs(id string, seat session.SeatID, peer protocol.PeerID) *page {
	h.t.Helper()
	p := h.arrive(id, seat)
	p.peer = peer
	p.send(protocol.Hello{Peer: peer, Media: true})
	go p.pulse()
	p.await("peers", func(m any) bool { _, ok := m.(*protocol.Peers); return ok })
	p.await("a view", func(m any) bool { _, ok := m.(*protocol.View); return ok })
	return p
}

// arrive connects a page that reads, and does nothing else.
func (h *house) arrive(id string, seat session.SeatID) *page {
	h.t.Helper()
	p, err := h.dial(id, seat, h.header(id, seat))
	if err != nil {
		h.t.Fatalf("%s: %v", seat, err)
	}
	go p.read()
	return p
}

func (p *page) read() {
	defer close(p.done)
	for {
		_, frame, err := p.ws.ReadMessage()
		p.mu.Lock()
		var closed *websocket.CloseError
		if errors.As(err, &closed) {
			p.code, p.reason = closed.Code, closed.Text
		}
		if err == nil {
			var m any
			if m, err = protocol.DecodeFromServer(frame); err != nil {
				p.t.Errorf("the server sent %q: %v", frame, err)
			}
			p.got = append(p.got, m)
		}
		close(p.more)
		p.more = make(chan struct{})
		p.mu.Unlock()
		if err != nil {
			p.ws.Close()
			return
		}
		if ping, ok := p.lastPing(); ok && !p.muted() {
			p.write(protocol.Pong{N: ping})
		}
	}
}

func (p *page) lastPing() (uint64, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if ping, ok := p.got[len(p.got)-1].(*protocol.Ping); ok {
		p.got = p.got[:len(p.got)-1] // of no interest to a test
		return ping.N, true
	}
	return 0, false
}

func (p *page) muted() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.mute
}

func (p *page) pulse() {
	tick := time.NewTicker(protocol.PingEvery)
	defer tick.Stop()
	for {
		select {
		case <-p.done:
			return
		case <-tick.C:
			if !p.muted() {
				p.write(protocol.Ping{N: 7})
			}
		}
	}
}

func (p *page) write(message any) error {
	frame, err := protocol.Encode(message)
	if err != nil {
		p.t.Error(err)
	}
	return p.raw(frame)
}

func (p *page) raw(frame []byte) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ws.SetWriteDeadline(time.Now().Add(30 * time.Second))
	return p.ws.WriteMessage(websocket.TextMessage, frame)
}

func (p *page) send(message any) {
	p.t.Helper()
	if err := p.write(message); err != nil {
		p.t.Fatalf("%s: %v", p.peer, err)
	}
}

// await returns the first message that fits, from the first one on.
func (p *page) await(what string, fits func(any) bool) any {
	p.t.Helper()
	limit := time.After(20 * time.Second)
	seen := 0
	for {
		p.mu.Lock()
		for ; seen < len(p.got); seen++ {
			if fits(p.got[seen]) {
				defer p.mu.Unlock()
				return p.got[seen]
			}
		}
		more := p.more
		p.mu.Unlock()
		select {
		case <-more:
		case <-p.done:
			p.t.Fatalf("%s: closed with %d %q while waiting for %s", p.peer, p.code, p.reason, what)
		case <-limit:
			p.t.Fatalf("%s: %s never came", p.peer, what)
		}
	}
}

// all returns every message of one type so far.
func all[M any](p *page) (found []*M) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, m := range p.got {
		if m, ok := m.(*M); ok {
			found = append(found, m)
		}
	}
	return found
}

// last returns the newest message of one type.
func last[M any](p *page) *M {
	p.t.Helper()
	found := all[M](p)
	if len(found) == 0 {
		p.t.Fatalf("%s was sent no %T", p.peer, *new(M))
	}
	return found[len(found)-1]
}

// messages returns everything so far, but for pings.
func (p *page) messages() []any {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.got)
}

// closed waits for the end and returns how the server closed the connection.
func (p *page) closed() (int, string) {
	p.t.Helper()
	select {
	case <-p.done:
	case <-time.After(30 * time.Second):
		p.t.Fatalf("%s: the connection is not closed", p.peer)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.code, p.reason
}

func (p *page) wantClosed(code int) string {
	p.t.Helper()
	got, reason := p.closed()
	if got != code {
		p.t.Errorf("%s: closed with %d %q, not with %d", p.peer, got, reason, code)
	}
	if failures := all[protocol.Failure](p); len(failures) != 1 || failures[0].Words == "" {
		p.t.Errorf("%s: closed after %d failures, not after one with words", p.peer, len(failures))
	}
	return reason
}

// command sends an act and returns its result.
func (p *page) command(id, act string, body any) *protocol.Result {
	p.t.Helper()
	raw, err := json.Marshal(body)
	if err != nil {
		p.t.Fatal(err)
	}
	before := len(all[protocol.Result](p))
	p.send(protocol.Command{ID: id, Act: act, Body: raw})
	n := 0
	return p.await("the result of "+act, func(m any) bool {
		if _, ok := m.(*protocol.Result); ok {
			n++
		}
		return n > before
	}).(*protocol.Result)
}

func seats(m *protocol.Peers) (list string) {
	for _, p := range m.Peers {
		list += p.Seat
		if p.Offer {
			list += " (offer)"
		}
		list += ";"
	}
	return list
}

// bubble runs a test in virtual time.
func bubble(t *testing.T, f func(t *testing.T, h *house)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		h := open(t)
		h.create(visit)
		f(t, h)
	})
}
