// Package observe is what an operator sees of a running server: metrics for
// Prometheus, and a page of counts and states for one session.
//
// # Guarantees
//
//   - Nothing personal: no name, number, address, note, amount or measurement, and
//     no session's id in a metric. The page of a session says phases and counts;
//     ids of sessions and seats are random or generic.
//   - Few labels, each with a fixed set of values that are there from the start.
//   - It listens on a loopback address only, and answers only requests that name
//     one: a page of another site in a browser on that machine learns nothing.
//
// The same in plainer words: who may log in to the machine may look at its
// instruments, and sees no patient there.
package observe
