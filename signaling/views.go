package signaling

import (
	"belay/session"
	"belay/session/live"
	"belay/signaling/protocol"
)

// views is a connection as the sink of its seat's views.
type views conn

// View implements live.Sink.
func (v *views) View(view session.View) {
	c := (*conn)(v)
	frame, err := protocol.EncodeView(view)
	if err != nil {
		c.fail(err, "a view could not be encoded")
		return
	}
	c.out.put(frame, true)
}

// Degraded implements live.Sink.
func (v *views) Degraded(d live.Degraded) {
	(*conn)(v).send(protocol.Degraded{OK: d.OK, Since: d.Since, Words: d.Words, Noted: d.Noted})
}
