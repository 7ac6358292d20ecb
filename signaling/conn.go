package signaling

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/gorilla/websocket"
	"golang.org/x/time/rate"

	"belay/session"
	"belay/session/live"
	"belay/signaling/protocol"
)

const (
	actWithin = 10 * time.Second // a store that hangs longer is answered "not recorded"
	maxActs   = 64               // commands of one connection that wait for the session

	viewWithin = 200 * time.Millisecond // a page gets its first view, recorded or not
)

// conn is one connection of a page to a seat. serve is its reader; everything
// that goes to the page goes through out.
type conn struct {
	edge    *Edge
	id      string
	session string
	seat    session.SeatID
	host    string // that the page named
	told    bool   // it is not let in, and is told why; guarded by Edge.mu
	out     outbox
	heard   atomic.Int64 // Unix milliseconds, wall time: the last message

	// Set before the room knows the connection, and not changed.
	peer  protocol.PeerID
	media bool
	relay bool
	room  *room

	served  time.Time // when the page got its ICE servers; the reader's own
	towards string    // to whose relay those lead; guarded by room.mu

	still   func(context.Context) error // whether it may still be here; nil: it may
	asked   time.Time                   // when still was asked; the reader's own
	door    acts                        // asking
	doubted atomic.Bool                 // it has to show again that it may

	acts    acts
	help    acts        // calls for help: they wait for nothing else
	rejoins int         // how often it told again that it came; acts' own
	left    bool        // the page goes for good; the reader's own
	joined  atomic.Bool // the log knows of it, or will: see live
	before  string      // the connection that this one replaced
	begun   sync.Once   // its views: see attach
	detach  func()      // set by attach; read when acts have ended
}

// breach is a violation of the protocol; the connection is closed with its words.
func (c *conn) breach(err error) {
	c.out.end(protocol.CloseProtocol, "protocol", err.Error())
}

// serve runs the connection to its end.
func (c *conn) serve(ws *websocket.Conn, refused error) {
	done := make(chan struct{})
	var writer sync.WaitGroup
	writer.Go(func() { c.out.write(ws, done) })
	defer func() {
		if c.out.ending() {
			writer.Wait() // it has a last word, and its writes are bounded
		}
		close(done)
		ws.Close()
		writer.Wait()
	}()
	if refused != nil {
		c.refuse(refused)
		c.drain(ws)
		return
	}
	if !c.hello(ws) {
		c.drain(ws)
		return
	}
	c.room = c.edge.enter(c.session)
	defer c.edge.exit(c.room)
	if err := c.room.open(); err != nil {
		c.fail(err, "the room could not be opened")
		c.drain(ws)
		return
	}
	if err := c.room.openRelay(); err != nil {
		c.refuseFull(err)
		c.drain(ws)
		return
	}
	if !c.room.sit(c) {
		c.drain(ws)
		return
	}
	c.say(c.room.welcome(c))
	if c.edge.opts.Nodes == nil {
		c.room.list(c, false)
	}
	c.acts.add(c.join)
	c.left = c.read(ws)
	c.room.leave(c, c.left)
	c.acts.wait()
	c.help.wait()
	c.door.wait()
	if c.detach != nil {
		c.detach()
	}
	c.lose()
}

// refuse ends a connection that was not let in. A link that could not be looked up is
// not said to be a wrong one: the page comes back.
func (c *conn) refuse(err error) {
	var refused *session.Refusal
	if !errors.As(err, &refused) {
		c.fail(err, "the door could not be asked")
		return
	}
	c.out.end(protocol.CloseRevoked, "not_admitted", refused.Error())
}

// askAgain has the door asked whether the page may still be here. Where it may not, the
// page is told to come back at once: it is let in where its browser has signed in anew
// (as after a change of the password), and told why it is not everywhere else. What
// cannot be found out ends nothing: no visit ends because a store is away.
func (c *conn) askAgain(now time.Time) {
	if c.still == nil || now.Sub(c.asked) < protocol.PingEvery {
		return
	}
	c.asked = now
	c.door.add(func() {
		ctx, cancel := context.WithTimeout(context.Background(), actWithin)
		defer cancel()
		var refused *session.Refusal
		if errors.As(c.still(ctx), &refused) {
			c.doubted.Store(true)
			c.out.end(protocol.CloseDraining, "asked_again", refused.Error())
		}
	})
}

// hello awaits the first message.
func (c *conn) hello(ws *websocket.Conn) bool {
	ws.SetReadDeadline(time.Now().Add(protocol.HelloWithin))
	var hello *protocol.Hello
	for hello == nil {
		message, err := c.next(ws)
		var broken *protocol.Error
		switch {
		case errors.As(err, &broken):
			c.breach(broken)
			return false
		case err != nil:
			c.out.end(protocol.CloseProtocol, "protocol", "The first message did not come.")
			return false
		}
		switch m := message.(type) {
		case *protocol.Hello:
			hello = m
		case *protocol.Pong: // our pings begin with the connection
		default:
			c.breach(errors.New("the first message of a connection is hello"))
			return false
		}
	}
	c.peer, c.media, c.relay = hello.Peer, hello.Media, hello.Relay
	c.heard.Store(time.Now().UnixMilli())
	return true
}

// next reads one message. A violation of the protocol is a *protocol.Error. The
// library's own limit would close the connection before there are words.
func (c *conn) next(ws *websocket.Conn) (any, error) {
	kind, r, err := ws.NextReader()
	if err != nil {
		return nil, err
	}
	if kind != websocket.TextMessage {
		return nil, &protocol.Error{Words: "messages are text, not binary"}
	}
	frame := frames.Get().(*bytes.Buffer)
	defer frames.Put(frame)
	frame.Reset()
	if _, err := frame.ReadFrom(io.LimitReader(r, protocol.MaxFromScreen+1)); err != nil {
		return nil, err
	}
	if m, ok := protocol.Route(frame.Bytes()); ok && !m.To.IsRelay() {
		return passed{m.To, m.Type, m.Frame(c.peer)}, nil
	}
	return protocol.Decode(frame.Bytes())
}

// passed is a brokered message, ready for its receiver.
type passed struct {
	to    protocol.PeerID
	kind  string
	frame []byte
}

// frames are the buffers that messages are read into: a connection borrows one
// for the time of one message.
var frames = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// read reads until the connection ends. gone reports whether the page said that
// it goes for good, and was not merely cut off.
func (c *conn) read(ws *websocket.Conn) (gone bool) {
	messages := rate.NewLimiter(c.edge.rate, protocol.MessageBurst)
	reports := rate.NewLimiter(protocol.TelemetryRate, protocol.TelemetryBurst)
	for {
		ws.SetReadDeadline(time.Now().Add(protocol.SilenceIsLoss))
		if c.out.ending() {
			c.drain(ws)
			return false
		}
		message, err := c.next(ws)
		var broken *protocol.Error
		switch {
		case errors.As(err, &broken):
			c.breach(broken)
			continue
		case err != nil:
			return websocket.IsCloseError(err, websocket.CloseNormalClosure, websocket.CloseGoingAway)
		}
		now := time.Now()
		c.heard.Store(now.UnixMilli())
		if !messages.AllowN(now, 1) {
			if asksHelp(message) { // whoever asks for help is heard, and then closed as anybody would be
				c.take(message)
			}
			c.breach(fmt.Errorf("more than %d messages in a second", protocol.MessageRate))
			continue
		}
		if _, ok := message.(*protocol.Telemetry); ok && !reports.AllowN(now, 1) {
			c.breach(fmt.Errorf("more than %d telemetry messages in a second", protocol.TelemetryRate))
			continue
		}
		c.askAgain(now)
		c.take(message)
	}
}

// drain reads what still comes, to no effect, until the other side closes or
// the writer's patience ends.
func (c *conn) drain(ws *websocket.Conn) {
	ws.SetReadDeadline(time.Now().Add(writeWithin + byeWithin))
	for {
		if _, _, err := ws.NextReader(); err != nil {
			return
		}
	}
}

// take gives a message to whom it concerns.
func (c *conn) take(message any) {
	switch m := message.(type) {
	case *protocol.Ping:
		now := c.room.now()
		c.send(protocol.Pong{N: m.N, Now: &now})
		c.renew()
	case *protocol.Pong:
	case *protocol.Command:
		c.command(m)
	case *protocol.Telemetry:
		c.room.telemetry(c, m)
	case passed:
		c.edge.tally.brokered.Add(1)
		c.room.broker(c, m.to, m.kind, m.frame)
	case *protocol.Offer:
		c.broker(m, &m.To, &m.From, "offer")
	case *protocol.Answer:
		c.broker(m, &m.To, &m.From, "answer")
	case *protocol.Candidate:
		c.broker(m, &m.To, &m.From, "candidate")
	case *protocol.NeedOffer:
		c.broker(m, &m.To, &m.From, "need_offer")
	case *protocol.Rope:
		c.room.rope(c, m)
		c.broker(m, &m.To, &m.From, "rope")
	case *protocol.Hello:
		c.breach(errors.New("hello comes once"))
	}
}

// renew sends fresh ICE servers when those that the page has are half through:
// it has good ones at hand whenever its network changes.
func (c *conn) renew() {
	lifetime := c.edge.opts.ICEServersFor
	if lifetime == 0 || time.Since(c.served) < lifetime/2 {
		return
	}
	c.served = time.Now()
	c.send(protocol.ICEServers{ICEServers: c.room.iceServers(c)})
}

// broker has a message passed on that did not take the short way.
func (c *conn) broker(message any, to, from *protocol.PeerID, kind string) {
	c.edge.tally.brokered.Add(1)
	target := *to
	*to, *from = "", c.peer
	if target.IsRelay() {
		c.room.toRelay(c, target, kind, message)
		return
	}
	frame, err := protocol.Encode(message)
	if err != nil {
		c.fail(err, "a message could not be encoded")
		return
	}
	c.room.broker(c, target, kind, frame)
}

// send queues a message.
func (c *conn) send(message any) {
	if frame, ok := c.encode(message); ok {
		c.out.put(frame)
	}
}

// say sends a message from the caller's own goroutine, if that does not have to wait.
func (c *conn) say(message any) {
	if frame, ok := c.encode(message); ok && c.out.add(frame) {
		c.out.push()
	}
}

// encode returns the frame of a message. One of ours that has none ends the connection.
func (c *conn) encode(message any) (frame []byte, ok bool) {
	frame, err := protocol.Encode(message)
	if err != nil {
		c.fail(err, "a message could not be encoded")
	}
	return frame, err == nil
}

// fail ends the connection for a reason that is ours, or because there is
// nothing to connect to.
func (c *conn) fail(err error, what string) {
	switch {
	case errors.Is(err, live.ErrUnknown):
		c.out.end(protocol.CloseUnknown, "unknown", "There is no such session.")
		return
	case errors.Is(err, live.ErrClosed):
		c.out.end(protocol.CloseDraining, "draining", "The server restarts.")
		return
	case errors.Is(err, live.ErrNotRecorded): // said by live
	default:
		c.edge.opts.Log.Error(what, "session", c.session, "seat", string(c.seat), "err", err)
	}
	c.out.end(protocol.CloseInternal, "internal", "Something failed on the server. The page connects again by itself.")
}

// join tells the session who came, and begins the views of the page with the one in
// which it stands as connected: what screens show is the record as it is. A disk that
// hangs keeps nobody from what the record holds already.
//
// Whom a page may meet rests on that alone, and not on the line about its own coming:
// waiting for that to be durable would be a disk's time in the way to the picture, each
// time that a page comes back. So it was told already, in serve. Other nodes know of a
// page from the record, so where there are any, that comes first.
func (c *conn) join() {
	late := time.AfterFunc(viewWithin, c.attach)
	id := "join-" + c.id
	err := c.tellJoined(id)
	for errors.Is(err, context.DeadlineExceeded) && !c.out.ending() {
		err = c.tellJoined(id) // the store hangs: that ends no connection
	}
	if !late.Stop() {
		c.attach() // or wait until it is done
	}
	var refusal *session.Refusal
	switch {
	case errors.As(err, &refusal):
		c.out.end(protocol.CloseUnknown, refusal.Code, refusal.Words)
		return
	case err != nil && !errors.Is(err, live.ErrNotRecorded) && !errors.Is(err, context.DeadlineExceeded):
		c.fail(err, "a page could not join")
		return
	}
	c.joined.Store(true) // where it is not recorded, the session tries again by itself
	if c.edge.opts.Nodes != nil {
		c.room.list(c, err == nil)
	}
	c.attach()
}

// attach begins the views of the page, once.
func (c *conn) attach() {
	c.begun.Do(func() {
		ctx, cancel := context.WithTimeout(context.Background(), actWithin)
		defer cancel()
		detach, err := c.edge.opts.Sessions.Attach(ctx, c.session, c.seat, (*views)(c))
		if err != nil {
			c.fail(err, "a page could not be attached")
			return
		}
		c.detach = detach
	})
}

// tellJoined tells the session who came.
func (c *conn) tellJoined(id string) error {
	return c.do(session.Command{ID: id, Seat: session.Server, Conn: c.id,
		Do: session.JoinPeer{Seat: c.seat, Peer: string(c.peer), Node: c.edge.name(), Media: c.media, Relay: c.relay}})
}

// rejoin tells the session that a connection lives which another node, that did
// not see this one for a while, has declared lost.
func (c *conn) rejoin() {
	c.rejoins++
	err := c.tellJoined("join-" + c.id + "-" + strconv.Itoa(c.rejoins+1))
	if refusal := (*session.Refusal)(nil); err != nil && !errors.As(err, &refusal) && !errors.Is(err, live.ErrNotRecorded) {
		c.fail(err, "a page could not join again")
	}
}

// lose tells the session that the connection is lost. One that was replaced is
// nothing, unless its successor never came to sit.
func (c *conn) lose() {
	lost := []string{c.id}
	if !c.joined.Load() && c.before != "" {
		lost = append(lost, c.before)
	}
	if c.room.replaced(c) {
		lost = lost[1:]
	}
	heard := c.room.at(time.UnixMilli(c.heard.Load()))
	for _, id := range lost {
		command := session.Command{ID: "lose-" + id, Seat: session.Server, Conn: id,
			Do: session.LosePeer{Seat: c.seat, Lost: id, Heard: heard, Left: c.left}}
		err := c.do(command)
		// A store that hangs is told again, or nobody would miss them once it answers. A
		// process that ends leaves it to the next one, which declares its connections lost.
		for errors.Is(err, context.DeadlineExceeded) && !c.edge.ending() {
			err = c.do(command)
		}
		var refusal *session.Refusal
		if err != nil && !errors.As(err, &refusal) && !errors.Is(err, live.ErrNotRecorded) {
			c.edge.opts.Log.Error("a lost connection could not be told", "session", c.session, "seat", string(c.seat), "err", err)
		}
	}
}

// do runs a command of the edge's own.
func (c *conn) do(command session.Command) error {
	ctx, cancel := context.WithTimeout(context.Background(), actWithin)
	defer cancel()
	_, err := c.edge.opts.Sessions.Do(ctx, c.session, command)
	return err
}

// report has a fact about a client's media recorded.
func (c *conn) report(act session.Act) {
	c.acts.add(func() {
		err := c.do(session.Command{ID: uuid.NewString(), Seat: session.Server, Conn: c.id, Do: act})
		var refusal *session.Refusal
		if err != nil && !errors.As(err, &refusal) && !errors.Is(err, live.ErrNotRecorded) {
			c.edge.opts.Log.Error("a report on media failed", "session", c.session, "seat", string(c.seat), "err", err)
		}
	})
}

// asksHelp reports whether a message is a call for help.
func asksHelp(message any) bool {
	m, ok := message.(*protocol.Command)
	return ok && m.Act == session.FactName(session.AskHelp{})
}

// command decodes an act and has it done, after those that came before it. A call
// for help overtakes them.
func (c *conn) command(m *protocol.Command) {
	act, err := session.DecodeAct(m.Act, m.Body)
	switch newer := (*session.NewerActError)(nil); {
	case errors.As(err, &newer) && act != nil && asksHelp(m): // whoever asks for help is heard, whatever else their page says
	case errors.As(err, &newer): // the page came from a newer server: its picture and its other acts go on
		c.send(refused(m.ID, "not_understood", "This cannot be recorded for a moment: the server is being updated. Try again in a few minutes, and say it aloud meanwhile."))
		return
	case err != nil:
		c.breach(err)
		return
	}
	given := time.Now().Add(-time.Duration(max(0, m.Age)) * time.Millisecond)
	id, line := m.ID, &c.acts
	if asksHelp(m) {
		line = &c.help
	}
	if !line.add(func() { c.say(c.answer(session.Command{ID: id, Do: act, Undated: m.Age < 0}, given)) }) {
		c.send(refused(id, "too_many", "Too much is waiting to be recorded. Try again in a moment."))
	}
}

// answer does an act of this seat, which was given at that time, and says what came of it.
func (c *conn) answer(command session.Command, given time.Time) protocol.Result {
	id, act := command.ID, command.Do
	command.Seat, command.Conn = c.seat, c.id
	ctx, cancel := context.WithTimeout(context.Background(), actWithin)
	defer cancel()
	seq, err := c.edge.opts.Sessions.DoGiven(ctx, c.session, command, given)
	var refusal *session.Refusal
	switch {
	case err == nil:
		return protocol.Result{ID: id, OK: true, Seq: seq}
	case errors.Is(err, live.ErrNoted):
		return protocol.Result{ID: id, OK: true, Noted: true}
	case errors.As(err, &refusal):
		return protocol.Result{ID: id, Refused: &protocol.Refused{Code: refusal.Code, Words: refusal.Words, Missing: refusal.Missing}}
	case errors.Is(err, live.ErrNotRecorded), errors.Is(err, live.ErrClosed), errors.Is(err, context.DeadlineExceeded):
		return refused(id, "not_recorded", "This is not in the record: the server can't write it now. It may be sent again.")
	}
	c.edge.opts.Log.Error("a command failed", "session", c.session, "seat", string(c.seat), "act", session.FactName(act), "err", err)
	return refused(id, "not_recorded", "This is not in the record: something failed on the server. It may be sent again.")
}

func refused(id, code, words string) protocol.Result {
	return protocol.Result{ID: id, Refused: &protocol.Refused{Code: code, Words: words}}
}

// ending reports whether the connection is being closed.
func (o *outbox) ending() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.closing != 0
}

// acts runs functions one after the other, in a goroutine that exists only
// while there is something to run: an idle seat costs none.
type acts struct {
	mu      sync.Mutex
	queue   []func()
	running bool
	done    sync.WaitGroup
}

// add queues f; false: too many wait already.
func (a *acts) add(f func()) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.queue) >= maxActs {
		return false
	}
	a.queue = append(a.queue, f)
	if !a.running {
		a.running = true
		a.done.Go(a.run)
	}
	return true
}

func (a *acts) run() {
	for {
		a.mu.Lock()
		if len(a.queue) == 0 {
			a.queue, a.running = nil, false
			a.mu.Unlock()
			return
		}
		f := a.queue[0]
		a.queue = a.queue[1:]
		a.mu.Unlock()
		f()
	}
}

// wait returns when all that was added has run. Nothing may be added any more.
func (a *acts) wait() { a.done.Wait() }
