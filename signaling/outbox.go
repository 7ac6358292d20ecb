package signaling

import (
	"net"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/gorilla/websocket"

	"belay/signaling/protocol"
)

const (
	writeWithin = 5 * time.Second // one message, or all that waits at the end; then the reader is too slow
	byeWithin   = time.Second     // for the other side's close frame
	atOnce      = 8 << 10         // bytes: what a socket that can be written to takes whole
)

// outbox is what waits to be written to one connection. put, add, show, push and end
// may be called from any goroutine and never block; write belongs to one.
type outbox struct {
	wake chan struct{} // holds a token when there is something to write

	mu      sync.Mutex
	ws      *websocket.Conn // nil: write does not run
	raw     syscall.RawConn // its socket; nil: none that can be asked
	queue   []waiting
	busy    bool // somebody writes
	closing int  // close code; 0: open
	reason  string
	until   time.Time // what is still written by then is written, once it closes
}

// waiting is a frame, or what makes that of a view once its turn has come.
type waiting struct {
	frame []byte
	view  func() []byte // nil: frame is there; it answers nil where there is nothing to write
}

func (o *outbox) init() { o.wake = make(chan struct{}, 1) }

// put queues a frame and has it written. False: the connection is closing.
func (o *outbox) put(frame []byte) bool {
	if !o.add(frame) {
		return false
	}
	o.token()
	return true
}

// add queues a frame as put does, for a caller that will push.
func (o *outbox) add(frame []byte) bool { return o.queued(waiting{frame: frame}) }

// show queues a view, which the writer makes. It takes the place of a view that waits
// right before it: views are whole, and one that is not needed any more is never made.
func (o *outbox) show(view func() []byte) {
	if o.queued(waiting{view: view}) {
		o.token()
	}
}

func (o *outbox) queued(w waiting) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	last := len(o.queue) - 1
	switch {
	case o.closing != 0:
		return false
	case w.view != nil && last >= 0 && o.queue[last].view != nil:
		o.queue[last] = w
		return true
	case len(o.queue) >= protocol.OutboxLimit:
		o.queue = nil
		o.close(protocol.CloseSlow, "too slow")
		return false
	}
	o.queue = append(o.queue, w)
	return true
}

// push writes what is queued from the caller's own goroutine, if the system takes it
// without waiting: a message that is passed on then costs no switch of goroutines.
// Otherwise the connection's writer does it, so that a slow reader is waited for by
// nobody else, nor a view that is still to be made.
func (o *outbox) push() {
	o.mu.Lock()
	if !o.light() || o.busy || o.closing != 0 || o.ws == nil || !writable(o.raw) {
		o.mu.Unlock()
		o.token()
		return
	}
	all := o.queue
	o.queue, o.busy = nil, true
	o.mu.Unlock()
	o.say(all)
	o.rest()
}

// light reports whether something is queued, all of it is there, and a socket that can
// be written to takes it whole. o.mu is held.
func (o *outbox) light() bool {
	size := 0
	for _, w := range o.queue {
		if size += len(w.frame); w.view != nil || size > atOnce {
			return false
		}
	}
	return size > 0
}

// say writes what waited; false: it could not, and the reader will notice. It is called
// by whoever has set busy.
func (o *outbox) say(all []waiting) bool {
	for _, w := range all {
		frame := w.frame
		if w.view != nil {
			if frame = w.view(); frame == nil {
				continue
			}
		}
		o.ws.SetWriteDeadline(o.deadline())
		if o.ws.WriteMessage(websocket.TextMessage, frame) != nil {
			o.ws.NetConn().Close()
			return false
		}
	}
	return true
}

// rest ends a writing. What was queued meanwhile is the writer's.
func (o *outbox) rest() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.busy = false
	if len(o.queue) > 0 || o.closing != 0 {
		o.token()
	}
}

// end closes the connection after what is queued, with a Failure that says why.
// Only the first call counts.
func (o *outbox) end(code int, name, words string) {
	frame, err := protocol.Encode(protocol.Failure{Code: name, Words: words})
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closing != 0 {
		return
	}
	if err == nil {
		o.queue = append(o.queue, waiting{frame: frame})
	}
	o.close(code, words)
}

// close has nothing more queued, and the rest written soon. o.mu is held.
func (o *outbox) close(code int, reason string) {
	o.closing, o.reason, o.until = code, reason, time.Now().Add(writeWithin)
	o.token()
}

// deadline is that of a message which is written now.
func (o *outbox) deadline() time.Time {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closing != 0 {
		return o.until
	}
	return time.Now().Add(writeWithin)
}

func (o *outbox) token() {
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

// take returns what is queued, and the close code once there is nothing more to come.
// The caller writes and then calls rest. False: somebody else writes, and will leave a
// token if anything is left.
func (o *outbox) take() (all []waiting, code int, reason string, ok bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.busy {
		return nil, 0, "", false
	}
	all, o.queue, o.busy = o.queue, nil, true
	return all, o.closing, o.reason, true
}

// write writes until the connection closes or done is closed. It pings while
// it has nothing else to say.
func (o *outbox) write(ws *websocket.Conn, done <-chan struct{}) {
	o.mu.Lock()
	o.ws, o.raw = ws, socket(ws.NetConn())
	o.mu.Unlock()
	pulse := time.NewTicker(protocol.PingEvery)
	defer pulse.Stop()
	var pings uint64
	for {
		beat := false
		select {
		case <-done:
			return
		case <-pulse.C:
			beat = true
		case <-o.wake:
		}
		all, code, reason, ok := o.take()
		if !ok {
			continue
		}
		if beat {
			pings++
			all = append(all, waiting{frame: ping(pings)})
		}
		if !o.say(all) {
			return // busy for good: nobody writes any more
		}
		if code != 0 {
			bye := websocket.FormatCloseMessage(code, clip(reason))
			ws.WriteControl(websocket.CloseMessage, bye, time.Now().Add(byeWithin))
			// The reader goes on until the other side has answered, so that our
			// frames are not lost to a reset; it stops when this deadline passes.
			ws.SetReadDeadline(time.Now().Add(byeWithin))
			return
		}
		o.rest()
	}
}

// socket finds the system's socket under what it is wrapped in.
func socket(c net.Conn) syscall.RawConn {
	for {
		switch under := c.(type) {
		case syscall.Conn:
			raw, err := under.SyscallConn()
			if err != nil {
				return nil
			}
			return raw
		case interface{ NetConn() net.Conn }: // TLS
			c = under.NetConn()
		default:
			return nil
		}
	}
}

func ping(n uint64) []byte {
	return append(strconv.AppendUint([]byte(`{"type":"ping","body":{"n":`), n, 10), `}}`...)
}

// clip shortens a reason to what a close frame can carry (RFC 6455 section 5.5).
func clip(reason string) string {
	const room = 123
	if len(reason) <= room {
		return reason
	}
	cut := room
	for cut > 0 && reason[cut]&0xC0 == 0x80 { // not inside a character
		cut--
	}
	return reason[:cut]
}
