// Package session is the rules of a dosing session, and nothing else: no clock,
// no goroutine, no input or output. Everything that changes a session passes
// through it in one direction:
//
//	screen → Command → Decide → Events → Store.Append → Apply → ViewOf each seat → screens
//	                     ↑ now
//	deadline ────────────┘
//
// # Guarantees
//
//   - Decide is pure. It is the only place with rules, and it answers with events
//     or with a *Refusal that names what is missing.
//   - Apply folds one event into a State and knows no rule: due times and windows
//     stand in the facts, the settings stand whole in SessionCreated. Replaying a
//     stored log therefore gives the same state in every later version.
//   - No dose is recorded as authorised past an open gate. A dose that has been
//     swallowed can always be recorded (RecordSwallowed), with a reason and a high alarm.
//   - No phase moves but by a person's command, except from absorbing to active
//     when the hold timer ends.
//   - A deadline is data (State.Deadlines). One that was reached is decided by the
//     command ReachDeadline, once; deciding again gives no second event. One decided
//     more than two seconds after its due time is marked late.
//   - The recorded times of a log never run backwards.
//   - A command resent with the same id by the same seat has no second effect.
//   - ViewOf sends a seat only what its role may know, with every action that the
//     role has, whether it is allowed now, and Decide's own reason where it is not.
//
// # The same in plainer words
//
// Ask Decide what follows from a wish at a certain time. Store what it says.
// Only then Apply it, and show everybody ViewOf. When NextDeadline has come, wish
// ReachDeadline. That is all that a shell around this package does.
//
// STATE.md lists every phase, permission, check, criterion, alarm and deadline,
// printed from the tables here. testdata holds whole sessions as transcripts
// (package transcript) that a therapist can read.
//
// # Testing
//
// The random histories run with BELAY_LONG=1 a hundred thousand times (-timeout
// 3h), BELAY_HISTORIES=n as often as wished, BELAY_SEED=n once more. A failure
// prints its history as a transcript: keep it in testdata.
//
// # Duties of callers
//
// A State has one owner, who alone calls Apply; Decide, ViewOf and Summarize read
// it and may run concurrently with each other but not with Apply. Seat and Conn of
// a Command are set by the server's edge, never by a screen. Events that Decide
// returns are linked (Link) and stored before anybody is told.
package session
