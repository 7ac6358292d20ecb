package store

import "context"

// Standing says how safe an acknowledged append is in a store of several machines.
type Standing int

// How safe it is.
const (
	Gone Standing = iota // the log no longer holds it: a failover lost it
	Here                 // the log holds it, but not yet every replica
	Safe                 // every replica that is configured holds it
)

// Shared is a store on other machines, whose acknowledged appends a failover may
// lose. Package journal keeps them in this node's hand until they are safe.
type Shared interface {
	Store

	// Confirm says how safe each log is up to its position. Logs that could not be
	// asked are missing in the answer, and the error says why. It may take as long
	// as the replicas do, at most some seconds.
	Confirm(ctx context.Context, ends map[string]Position) (map[string]Standing, error)
}
