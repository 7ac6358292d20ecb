// Package redis keeps the event log on Redis: standalone, with Sentinel, or as a
// Cluster. Any number of nodes share it, see [Store.Join]; a migration has it alone,
// see [Store.Claim].
//
// # Guarantees
//
//   - An append is one script: it compares number and hash of the head, adds the
//     events to the log's stream, moves the deadline and the summary, and
//     publishes a hint. Redis runs scripts one after the other and writes them to
//     its file whole. The append is the only fence between nodes.
//   - Nothing is evicted, everything goes to the append-only file, and Redis may read
//     all of that when it starts again: a server that is set otherwise is refused at
//     the start. What can't be found out, and what weakens a guarantee without breaking
//     it, is in [Store.Warnings].
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
// # Nodes
//
// A node says twice a second that it lives. Another that has seen no new number for
// two and a half seconds, in which Redis answered, takes it for gone: a time in which
// Redis was away is nobody's end, and no clock is compared with another's. What nodes
// post to each other arrives once and in the order of its sender, also across a short
// absence of Redis, or is given back after ten seconds. There is no leader and no
// lease; of several that want to be a session's home, a script lets one be it.
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
//	{belay:07}:sure       string   empty; written before the replicas are asked
//	{belay:07}:hint       channel  "NAME NUMBER" after each append, and its events, one on a line, unless
//	                               they are long; "!…" a listener's word to itself
//	{belay:00}:node       string   who uses this Redis: all nodes together, or a migration; lapses in ten seconds
//	{belay:00}:nodes      hash     what each node said last of itself, by its id: JSON with a number that grows
//	{belay:00}:nodes:beats hash    when that came, by the node's id: milliseconds since 1970 by the clock of Redis
//	{belay:07}:inbox:RUN  stream   what was posted to a run of a node, in the shard of its name; capped, lapses
//	{belay:07}:cast:RUN   channel  what was sent to it and may be lost
//	{belay:07}:home:NAME  string   the run whose relay passes a session's media on; lapses in two days
//	{belay:00}:secret:X   string   32 bytes that all nodes share, such as TURN's
//	{belay:00}:unfinished string   there while a migration has not come to its end
//
// A hint may be lost at any time. Whoever listens reads the stream where a
// number is missing, and looks at the deadlines regularly. The events that come with
// a hint spare the way back to Redis; that they continue what is known is checked by
// their hashes, as with those that are read.
package redis
