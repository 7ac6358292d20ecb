// Package turnserver is the server's STUN (RFC 8489), and a TURN (RFC 8656) that
// leads to one place only: the relay's own media socket.
//
//	s, err := turnserver.New(turnserver.Options{
//		UDP: socket, Streams: []net.Listener{tls}, Peer: advertised, Secret: secret,
//	})
//	r, err := relay.New(relay.Options{UDP: s.Media(), …})
//	username, password := s.Issue(session, seat)
//	s.Revoke(session, seat)
//	err = s.Close()
//
// # Guarantees
//
//   - STUN, TURN and the relay's media share one UDP socket. What is the relay's
//     goes from the socket to the relay without another hand-off.
//   - TURN forwards to exactly one address, Options.Peer. CreatePermission,
//     ChannelBind, Send and Connect for anything else are refused, whatever form
//     the address is written in, and no packet leaves for it: an allocation has no
//     socket. Its packets are handed to the relay inside the process, from an
//     address that exists nowhere, and the relay's packets to that address are
//     handed back. Nothing depends on how a network or a NAT sends packets back to
//     its own sender.
//   - Credentials belong to one seat of one session and contain nothing about
//     anybody. Their end is looked at when an allocation is made, and not after: a
//     visit may be longer than a credential. Revoke ends allocations at once, and
//     refuses what was issued before.
//   - A seat, and an address, have at most their quota of allocations, exactly. Over
//     TCP and TLS one that says nothing for a minute, as when its device has gone to
//     another network, does not count against it any longer.
//   - A slow reader over TCP holds up nobody else: what it does not take is dropped.
//   - Malformed packets are dropped; over TCP and TLS they end their connection.
//   - TCP allocations (RFC 6062) and IPv6 allocations (RFC 6156) are refused: the
//     one peer is reached by UDP, over IPv4.
//   - Close returns when every connection and allocation has ended.
//
// The same in plainer words: it is a door for people whose network lets nothing
// else out, and behind the door is one room.
//
// # Duties of callers
//
// Somebody must read from Media all the time: its reader is who reads the socket,
// also for STUN and TURN. Without a relay set Options.Alone. A connection towards
// the relay must not list this server's STUN or its TURN over UDP among its ICE
// servers where both have the same address: a browser then takes the relay's
// packets for answers of the server. STUN belongs to direct connections, TURN over
// TCP or TLS to the relay's.
package turnserver
