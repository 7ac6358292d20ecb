// Package bolt keeps the event log in one file of this machine: the store of a
// practice that runs one server. It is go.etcd.io/bbolt under the contract of
// package store.
//
// # Guarantees
//
//   - Append returns nil after the transaction's two fsyncs, not before.
//   - One goroutine commits. It takes whatever waits and writes it as one
//     transaction; there is no timer, so that a single append waits for nobody
//     and many at once share the price of the disk. A conflict inside such a
//     group fails only the batch that has it.
//   - The file belongs to one process at a time, by a lock that dies with the
//     process. It can be read by its owner only.
//   - A full disk is an error of the append, never of the process, and never of
//     what was written before. On Linux some 8 MiB are kept ahead of the log, so
//     that sessions go on for hours when something else has filled the disk.
//   - Nobody is given what a crash of the machine could still take back. After a
//     start, and after a disk that failed in the middle of a confirmation, the
//     state is confirmed by a commit of its own before the first answer.
//   - A file that is damaged, cut short under us or unreadable in places gives
//     errors, not a dead server.
//
// The same in plainer words: kill the process, pull the plug or fill the disk,
// and what was acknowledged is there when the next one opens the file.
//
// # Why no mapping grows
//
// bbolt reads through a mapping of the file. To enlarge the mapping it has to
// wait for every reader, so that one slow backup would stop all appends; and
// where mapping fails in the middle, the database is gone until the next start.
// The mapping is therefore made once, much larger than any practice's file:
// address space costs nothing. The file itself grows by truncation, and pages
// are written by pwrite: on a full disk that fails in the transaction, which is
// then rolled back; a page that was never written is never read, so that no hole
// of the file is ever touched through the mapping.
//
// # The file
//
// Bucket "events": key is the log's name, a zero byte and the sequence number
// (8 bytes, big-endian); value is the event's hash, the hash before (32 bytes
// each) and the canonical JSON. Bucket "heads": by log, one byte of version,
// sequence number, hash, deadline (milliseconds since 1970, 0 for none) and
// summary. Bucket "due": deadline and name of each log that has one. Bucket
// "about": "format", and "opened", which counts confirmations.
package bolt
