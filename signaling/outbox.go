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
	writeWithin = 5 * time.Second // one message; then the reader is too slow
	byeWithin   = time.Second     // for the other side's close frame
	atOnce      = 8 << 10         // bytes: what a socket that can be written to takes whole
)

// outbox is what waits to be written to one connection. put, add, push and end may
// be called from any goroutine and never block; write belongs to one.
type outbox struct {
	wake chan struct{} // holds a token when there is something to write

	mu      sync.Mutex
	ws      *websocket.Conn // nil: write does not run
	raw     syscall.RawConn // its socket; nil: none that can be asked
	queue   [][]byte
	view    bool // the last one queued is a view
	busy    bool // somebody writes
	closing int  // close code; 0: open
	reason  string
}

func (o *outbox) init() { o.wake = make(chan struct{}, 1) }

// put queues a frame and has it written. A view takes the place of a view that waits
// right before it: views are whole. False: the connection is closing.
func (o *outbox) put(frame []byte, view bool) bool {
	if !o.add(frame, view) {
		return false
	}
	o.token()
	return true
}

// add queues a frame as put does, for a caller that will push.
func (o *outbox) add(frame []byte, view bool) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case o.closing != 0:
		return false
	case view && o.view:
		o.queue[len(o.queue)-1] = frame
		return true
	case len(o.queue) >= protocol.OutboxLimit:
		o.queue, o.closing, o.reason = nil, protocol.CloseSlow, "too slow"
		o.token()
		return false
	}
	o.queue, o.view = append(o.queue, frame), view
	return true
}

// push writes what is queued from the caller's own goroutine, if the system takes it
// without waiting: a message that is passed on then costs no switch of goroutines.
// Otherwise the connection's writer does it, so that a slow reader is waited for by
// nobody else.
func (o *outbox) push() {
	o.mu.Lock()
	size := 0
	for _, frame := range o.queue {
		size += len(frame)
	}
	if size == 0 || size > atOnce || o.busy || o.closing != 0 || o.ws == nil || !writable(o.raw) {
		o.mu.Unlock()
		o.token()
		return
	}
	frames := o.queue
	o.queue, o.view, o.busy = nil, false, true
	o.mu.Unlock()
	o.say(frames)
	o.rest()
}

// say writes frames; false: it could not, and the reader will notice. It is called by
// whoever has set busy.
func (o *outbox) say(frames [][]byte) bool {
	for _, frame := range frames {
		o.ws.SetWriteDeadline(time.Now().Add(writeWithin))
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
		o.queue = append(o.queue, frame)
	}
	o.closing, o.reason, o.view = code, words, false
	o.token()
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
func (o *outbox) take() (frames [][]byte, code int, reason string, ok bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.busy {
		return nil, 0, "", false
	}
	frames, o.queue, o.view, o.busy = o.queue, nil, false, true
	return frames, o.closing, o.reason, true
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
		frames, code, reason, ok := o.take()
		if !ok {
			continue
		}
		if beat {
			pings++
			frames = append(frames, ping(pings))
		}
		if !o.say(frames) {
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
