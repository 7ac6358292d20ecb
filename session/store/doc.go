// Package store is the event log under every session: append-only, one log per
// session, with the wall time at which the log's clock next has something to say.
//
// # Guarantees
//
// Every implementation passes the suite in storetest, which says all of this in
// executable form:
//
//   - An Append that returned nil is durable: it survives the death of the
//     process and the loss of power.
//   - A batch is written whole or not at all, its records together with the
//     log's new deadline and summary.
//   - A batch names the position that it continues. Where that is not the log's
//     head, by number and by hash, nothing is written and the error is a
//     [*ConflictError] that says what the head is. Of two writers that continue
//     the same position exactly one wins. The append is the only fence: there is
//     no lease, no leader and no lock around a log.
//   - Records come back byte for byte, in order, without gaps, never twice.
//   - What a reader is given is durable already.
//
// The same in plainer words: whoever was told that a dose is recorded can pull
// the plug; two machines that think they both run a session can't write two
// truths; and a server that comes back finds every overdue deadline by asking.
//
// # What an error means
//
// A [*ConflictError], an [ErrFull] and the error of a batch that breaks a limit
// say that nothing was written. After any other error of Append, a cancelled
// context included, the outcome is open: the batch may have been written, or may
// still be. Sending the very same batch again settles it: either it is written
// now, or the conflict's Have is the position of the batch's own last record,
// and then it had been written before.
//
// # Duties of callers
//
// The store does not look into Data and does not compute hashes: it checks that
// a batch is linked (numbers without gaps, each Prev the Hash before) and leaves
// the truth of the hashes to package session. That keeps the door open for sealed
// events, whose hash is over the plaintext. Log names carry nothing personal.
package store
