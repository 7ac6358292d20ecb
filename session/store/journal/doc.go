// Package journal is what one node holds in its own hand: a file in its data
// folder for what is not yet safe in a log that several nodes share.
//
// # Guarantees
//
//   - [Store] is the shared log with a net under it. A batch is in this node's
//     file, synced, before the append is acknowledged, and stays there until every
//     replica of the shared log has it.
//   - When a failover has lost a tail of a log, the node that had been told of it
//     writes it back before it reads or appends anything there: the very same
//     records, with the same hashes.
//   - Where they no longer fit, because another node wrote in the meantime, what
//     caused them waits in the [Journal], to be decided again at the end of the log.
//   - What is noted in the Journal while the shared log is away is synced before
//     Note returns, and waits there until it is settled, also through a crash.
//
// The same in plainer words: what somebody was told is recorded is on at least one
// disk of ours at every moment, and finds its way back into the one log, exactly
// once. The shared log alone decides what comes first.
//
// # What it does not do
//
// A node that never comes back takes its file with it: what it alone had been
// told, in the moment before a failover lost it, is lost with both machines. And
// between a failover and the writing back another node may read the shorter log.
//
// # Duties of callers
//
// Whoever opened a Journal closes it, after the Store over it. Entries are opaque
// here. Whoever takes them from Late has each decided in such a way that a second
// time has no effect, and says Settled only then.
package journal
