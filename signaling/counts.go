package signaling

import (
	"sync"
	"sync/atomic"

	"belay/signaling/protocol"
)

// Counts say how much there is, and was, at an edge. They name nobody.
type Counts struct {
	Connections int
	Rooms       int
	Brokered    uint64            // messages passed on from page to page, or refused, since the start
	Ended       map[string]uint64 // connections that have ended since the start, by why

	RelayRooms, RelayRoomsMost int // open at the relay, and at most

	HomeMoves uint64 // of sessions whose relay this node gave to another, or took over, since the start
}

// reasons are why connections end. A connection that the server did not end was lost,
// or left by its page.
var reasons = map[int]string{
	0:                      "left",
	protocol.CloseReplaced: "replaced",
	protocol.CloseSlow:     "slow",
	protocol.CloseProtocol: "protocol",
	protocol.CloseRevoked:  "revoked",
	protocol.CloseDraining: "draining",
	protocol.CloseUnknown:  "unknown",
	protocol.CloseFull:     "full",
	protocol.CloseInternal: "internal",
}

// tally is what an edge counts. It may be used from any goroutine.
type tally struct {
	brokered atomic.Uint64
	moves    atomic.Uint64
	mu       sync.Mutex
	ended    map[string]uint64
}

func (t *tally) end(code int) {
	reason, known := reasons[code]
	if !known {
		reason = "other"
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ended == nil {
		t.ended = map[string]uint64{}
	}
	t.ended[reason]++
}

// code is the close code; 0: this side has not closed.
func (o *outbox) code() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.closing
}

// Counts returns what stands now. Every reason is there from the start.
func (e *Edge) Counts() Counts {
	c := Counts{Brokered: e.tally.brokered.Load(), HomeMoves: e.tally.moves.Load(), Ended: map[string]uint64{}}
	for _, reason := range reasons {
		c.Ended[reason] = 0
	}
	e.tally.mu.Lock()
	for reason, n := range e.tally.ended {
		c.Ended[reason] = n
	}
	e.tally.mu.Unlock()
	e.mu.Lock()
	c.Connections, c.Rooms = len(e.conns), len(e.rooms)
	e.mu.Unlock()
	if e.relay != nil {
		c.RelayRooms, c.RelayRoomsMost = e.relay.Rooms()
	}
	return c
}
