package signaling

import (
	"strconv"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"belay/signaling/protocol"
)

const (
	writeWithin = 5 * time.Second // one message; then the reader is too slow
	byeWithin   = time.Second     // for the other side's close frame
)

// outbox is what waits to be written to one connection. put and end may be
// called from any goroutine and never block; write belongs to one.
type outbox struct {
	wake chan struct{} // holds a token when there is something to write

	mu      sync.Mutex
	queue   [][]byte
	view    bool // the last one queued is a view
	closing int  // close code; 0: open
	reason  string
}

func (o *outbox) init() { o.wake = make(chan struct{}, 1) }

// put queues a frame. A view takes the place of a view that waits right before
// it: views are whole. False: the connection is closing.
func (o *outbox) put(frame []byte, view bool) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case o.closing != 0:
		return false
	case view && o.view:
		o.queue[len(o.queue)-1] = frame
		return true // a token is there already
	case len(o.queue) >= protocol.OutboxLimit:
		o.queue, o.closing, o.reason = nil, protocol.CloseSlow, "too slow"
		o.token()
		return false
	}
	o.queue, o.view = append(o.queue, frame), view
	o.token()
	return true
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
func (o *outbox) take() (frames [][]byte, code int, reason string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	frames, o.queue, o.view = o.queue, nil, false
	return frames, o.closing, o.reason
}

// write writes until the connection closes or done is closed. It pings while
// it has nothing else to say.
func (o *outbox) write(ws *websocket.Conn, done <-chan struct{}) {
	pulse := time.NewTicker(protocol.PingEvery)
	defer pulse.Stop()
	var pings uint64
	for {
		select {
		case <-done:
			return
		case <-pulse.C:
			pings++
			ws.SetWriteDeadline(time.Now().Add(writeWithin))
			if ws.WriteMessage(websocket.TextMessage, ping(pings)) != nil {
				ws.NetConn().Close()
				return
			}
			continue
		case <-o.wake:
		}
		frames, code, reason := o.take()
		for _, frame := range frames {
			ws.SetWriteDeadline(time.Now().Add(writeWithin))
			if ws.WriteMessage(websocket.TextMessage, frame) != nil {
				ws.NetConn().Close() // the reader notices
				return
			}
		}
		if code != 0 {
			bye := websocket.FormatCloseMessage(code, clip(reason))
			ws.WriteControl(websocket.CloseMessage, bye, time.Now().Add(byeWithin))
			// The reader goes on until the other side has answered, so that our
			// frames are not lost to a reset; it stops when this deadline passes.
			ws.SetReadDeadline(time.Now().Add(byeWithin))
			return
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
