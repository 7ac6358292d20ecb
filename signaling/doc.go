// Package signaling is the edge between screens and sessions: WebSocket
// connections, the seats that they take, the rooms that they meet in, and the
// broker for offers, answers and candidates. It knows no clinical rule: what a
// seat may do and whom it may meet it asks of packages live and session.
//
//	socket ─► reader ─► Decode ─► command  ─► live.Do ─► Result ─┐
//	                            ├ offer …  ─► room ─► other page │
//	                            └ telemetry ─► room ─► Truth     │
//	socket ◄─ writer ◄─ bounded outbox ◄─────── views, results ◄─┘
//
// # Guarantees
//
//   - A seat has one connection: a newer one replaces the older at once. The
//     loss of one that was replaced is nothing.
//   - One goroutine reads a connection and one writes it. Nobody waits for a
//     slow reader: its outbox is bounded, and it is closed (4002).
//   - A page that comes is told at once whom it meets, and gets one view when its
//     coming is in the record: media waits for no disk, and a disk that hangs keeps
//     nobody from what the record holds.
//   - Eight seconds without a message are a lost connection, and the log learns
//     when the seat was last heard.
//   - Whatever a screen sends is decoded strictly. What breaks the protocol
//     closes the connection with words (4003); what the rules refuse is answered
//     and the connection lives; anything else is logged once and closes it (1011).
//   - Who is turned out, because a link was withdrawn or a sign-in has ended, is told
//     so, and the others are told to end at once what connects them to that page. A
//     page's name is its own: another seat's page does not get in with it.
//   - That a connection was lost is told to the session until it knows, also where the
//     store hangs meanwhile.
//   - Offers, answers and candidates pass only between pages of one session that
//     may meet by session.MayMeet at that moment, in order. To a page that is
//     just reconnecting they wait; to one that is gone they are answered with
//     Undelivered.
//   - Pages that know the relay (package relay) have it in their lists beside each
//     other: two ropes. Three or more of them, or a practice that wants no
//     addresses exchanged, have the relay alone, and no description or candidate
//     passes between them. A visit is refused a place at the relay only before it
//     has begun.
//   - Commands of one connection take effect in the order in which they came,
//     but a call for help waits for none of them, and for no limit of messages.
//   - The pages of one session may be at different nodes. Where each is, the
//     session's log says. What passes between pages crosses in order, and is checked
//     at both ends; a page that comes to another node keeps its media, and replaces
//     the older connection there as here. A connection that another node took for
//     lost while this one could not be seen is told to the session again.
//   - A session's relay is at one node, its home, wherever its pages are. When that
//     ends it is handed over first ([Edge.Drain]), when it dies another takes it, and
//     pages learn of the new one from their list.
//   - Close returns when every connection is closed and every goroutine ended.
//
// The same in plainer words: two tabs can't both be the client; a stranger's page
// can't ride on somebody's cookie; and who may not see each other can't even
// exchange the addresses to try.
package signaling
