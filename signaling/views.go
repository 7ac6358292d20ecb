package signaling

import (
	"belay/session/live"
	"belay/signaling/protocol"
)

// views is a connection as the sink of its seat's views.
type views conn

// View implements live.Sink. The view is made and encoded by the connection's writer.
func (v *views) View(look live.Look) {
	c := (*conn)(v)
	c.out.show(func() []byte {
		view, ok := look()
		if !ok {
			return nil
		}
		frame, err := protocol.EncodeView(view)
		if err != nil {
			c.fail(err, "a view could not be encoded")
		}
		return frame
	})
}

// Degraded implements live.Sink.
func (v *views) Degraded(d live.Degraded) {
	(*conn)(v).send(protocol.Degraded{OK: d.OK, Since: d.Since, Words: d.Words, Noted: d.Noted})
}
