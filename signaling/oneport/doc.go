// Package oneport has several protocols share one TCP port, so that a firewall
// needs one hole: HTTPS and WebSocket, TURN over TLS, TURN over TCP, and ICE over
// TCP (RFC 6544). They are told apart by the first bytes that a caller sends.
//
//	p, err := oneport.New(oneport.Options{Listener: l, TLS: config})
//	go server.Serve(p.HTTP())
//	turn, ice := p.TURN(), p.ICE()
//	err = p.Close()
//
// # How they are told apart
//
//	0x16                         a TLS handshake; then, inside it, as below
//	STUN's cookie in bytes 4-7   TURN (RFC 8489 section 5)
//	STUN's cookie in bytes 6-9   ICE over TCP: two bytes of length before each packet (RFC 4571)
//	anything else                HTTP
//
// Where there is TLS, what comes without it is TURN or ICE over TCP, whose packets
// are signed or encrypted themselves; HTTP without TLS is told to use it.
//
// # Guarantees
//
//   - A caller who says nothing is cut off after Options.Within; who has spoken has
//     no deadline of ours left.
//   - Connections and listeners report the real addresses.
//   - No byte is lost or changed: each listener's connections begin with what their
//     callers sent first.
//   - A caller who waits holds up nobody.
//   - Close returns when nothing of the port runs any more. Connections that were
//     handed over belong to whoever accepted them.
//
// In plainer words: a doorman who listens to the first word and shows the way.
package oneport
