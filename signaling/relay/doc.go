// Package relay is one more peer in each room: it answers the offers of pages,
// takes their picture and sound, and passes both on, packet by packet and without
// touching what is in them, to everybody who may meet them.
//
//	r, err := relay.New(relay.Options{UDP: socket, TCP: listener, Say: post})
//	err = r.Open(session, false)               // a room; ErrFull where there is none left
//	r.SetMembers(session, members)             // who is there, and who may see whom
//	r.Receive(session, page, &protocol.Offer{…}) // the answer comes through Say
//	heard := r.Heard(session)                  // what really arrives, measured here
//	err = r.Close()
//
// # Guarantees
//
//   - Nobody receives anything of a page that SetMembers did not let them see: a
//     change is in force when SetMembers returns.
//   - Every page has fixed places to receive in (slots): the description is agreed
//     on once, people come and go without another. When a slot changes hands its
//     numbers and times go on, so that the receiver sees one stream that begins
//     anew with a key frame.
//   - One slow viewer holds up nobody: no write waits.
//   - Sound goes before picture. Where packets to a viewer stand in a queue on their
//     way, or are lost, the picture steps down to the small layer, or stops, as far
//     as what comes through says (see way and steps); it returns by itself.
//   - Sound and picture are decrypted and sent on by whoever reads them from the
//     socket: no hand-off to another goroutine, and no memory that is made for a
//     packet. Many are read, and many are sent, with one call (see mux, shortcut,
//     and signaling/datagram).
//   - What waits for a connection that does not keep up has an end (see port).
//   - Key frames are asked of a publisher at most every 500 ms, however many need one.
//   - The relay sends nothing to an address that did not first prove that it
//     belongs to the page (RFC 8445 section 7.3): candidates in offers are not read.
//   - A room that has begun is never refused (see Open). What one page sends, however
//     broken, ends at most that page's own connection. An offer is looked at, strictly,
//     before pion reads it (see admissible).
//   - Say is never called with a lock held that a method of Relay needs, and in
//     order for each page. Close returns when every goroutine has ended.
//
// The same in plainer words: it is a patch panel. It sees who is plugged in where,
// it keeps the lines clean, it never listens; and it can't mix up two rooms.
//
// # Duties of callers
//
// Options.UDP and Options.TCP belong to the relay once New has returned without an
// error; Close closes them. Say must not block: it is the edge's bounded outbox.
//
// # Not here
//
// Who may meet, what counts as a lost picture, and which of two ropes somebody
// wants: the first two are the session's, the last the receiving page's.
package relay
