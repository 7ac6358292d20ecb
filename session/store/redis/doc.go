// Package redis keeps the event log on Redis: standalone, with Sentinel, or as a
// Cluster. It is made for several nodes; the rest of a server is not yet, so that
// [Store.Claim] keeps it to one.
//
// # Guarantees
//
//   - An append is one script: it compares number and hash of the head, adds the
//     events to the log's stream, moves the deadline and the summary, and
//     publishes a hint. Redis runs scripts one after the other and writes them to
//     its file whole. The append is the only fence between nodes.
//   - Nothing is evicted and everything goes to the append-only file: a server
//     that is set otherwise is refused at the start. What can't be found out, and
//     what weakens a guarantee without breaking it, is in [Store.Warnings].
//   - An answer that was lost on the way is settled by asking again: the script
//     runs a second time, and a head that is the batch's own last event says that
//     the first time it had worked.
//
// How durable an acknowledged append is, is a setting of the server: with
// appendfsync always it survives the loss of power there; with everysec the last
// second may be lost. A failover to a replica loses what that one did not have:
// package journal keeps it in the node, asks with [Store.Confirm] until every replica
// has it, and writes it back.
//
// # Keys
//
// Logs are spread over 16 shards by their name. All keys of a log and the
// deadlines of its shard share a hash tag, so that a script finds them on one
// node of a Cluster ("belay" is the prefix, "07" a shard):
//
//	{belay:07}:log:NAME   stream   id NUMBER-0, fields h (hash), p (hash before), d (data)
//	{belay:07}:head:NAME  hash     seq, hash, due (milliseconds since 1970, 0 for none), sum (summary)
//	{belay:07}:due        sorted   NAME by deadline
//	{belay:07}:logs       sorted   every NAME, all with score 0: in order of the bytes
//	{belay:07}:hint       channel  "NAME NUMBER" after each append
//	{belay:07}:sure       string   empty; written before the replicas are asked
//	{belay:00}:node       string   the one node that keeps its log here; lapses, see [Store.Claim]
//	{belay:00}:unfinished string   there while a migration has not come to its end
//
// A hint may be lost at any time. Whoever listens reads the stream where a
// number is missing, and looks at the deadlines regularly.
package redis
