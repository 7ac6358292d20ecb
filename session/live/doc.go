// Package live keeps sessions running: it is the shell around the rules of
// package session. It owns the clock, the goroutines and the order in which
// things happen; it knows no rule.
//
//	Command ─► Decide ─► Link ─► Store.Append ─► state ─► View per seat ─► Sinks
//	             ▲ now
//	deadline ────┘
//
// # Guarantees
//
//   - One actor goroutine owns the state of a session. Commands to a session are
//     decided one after the other, those to different sessions at the same time.
//   - Nobody is told of anything before the store has made it durable: neither
//     the sender of a command nor any screen.
//   - A session's time is its pace applied to the wall clock, and it never goes
//     back and never stands still: where the wall clock is set back, or a log lies
//     ahead of it after a restart, the session's own clock goes on by the monotonic
//     one (see hands). Overdue deadlines are decided before each command.
//   - Every session ticks, also one that nobody is connected to and one that is
//     not loaded. There is one timer for all. It looks at the wall clock at
//     least every second, because the monotonic clock stands still in suspend, and
//     never waits for the store to say what is due there.
//   - A screen's view is made anew at the latest after a minute, without an event: what
//     it says of "ago", of who is near and of what may be done is true at that time.
//   - After Start every deadline that passed while the process was away fires
//     at once; the rules mark it late.
//   - A conflict at the store reloads the session and decides again. An append
//     whose outcome is open is settled by sending the very same batch again,
//     before anything else is decided.
//   - When the store fails every attached seat is told Degraded, each command is
//     answered with ErrNotRecorded, and the actor tries again each second: first
//     what is in doubt, then the facts that the server's edge reported meanwhile
//     (who came, who was lost, whose picture stopped), then the deadlines. It
//     says OK once the store takes an append again. A store that does not answer
//     for three seconds is told in the same way.
//   - Whoever comes is shown the session at once, as it was shown last: they do not
//     wait until the store has written what somebody else did.
//   - With a journal in this node ([Options.Journal]) facts from the room are noted
//     there while the store fails, synced, and answered with ErrNoted. The session
//     goes on aside, from what this node knows: the dose clock runs, alarms come and
//     stand on the screens; nothing is authorised, no other phase moves, nothing of it
//     is in the log. When the store is back what was noted is decided for the log, in
//     order, with its id and its time, then the deadlines, marked late: each once, also
//     where the process died in between.
//   - A tail that a failover lost and that no longer fits comes back the same way.
//   - A log with an event of an unknown type is refused whole, never read past.
//
// The same in plainer words: if the screen shows it, it is on a disk, in the record
// or noted for it, and the screen says which; if it is
// due, it fires, whoever is there to see it; and when the disk is full everybody
// in the session knows at once.
//
// # After a crash
//
// Start declares every former connection lost, as last heard at the time of
// Start: when exactly a page was heard before the crash died with the process.
// The ladders count from there, so that a restart of some seconds raises nothing.
//
// # Several processes
//
// Where Options.Nodes says that others serve the same sessions, a session may be in
// memory at each of them. The append is the only fence: what two decide at the same
// time is written once, and the other takes it in. Hints bring a session here up to
// what was appended elsewhere, and each second all in memory are compared with the
// store, for hints get lost. A refusal is never given from an old state. Start
// declares lost what was connected to former runs of this process; what was
// connected to a process that ends without a word is declared lost by whoever sees
// that first, as last heard when it last gave a sign: twice is nothing.
//
// # Duties of callers
//
// A Sink must never block and never call back into this package. Whoever calls
// New calls Close, which returns when nothing of the package runs any more. The
// store is the caller's and is closed after that.
package live
