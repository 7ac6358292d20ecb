package store

import "context"

// Hinter is a Store that other processes write to as well, and that can say when.
// Its methods may be called concurrently.
type Hinter interface {
	// Hints calls f after appends, of whatever process, with the log and the number
	// of its last event, until ctx ends. It is a hint and no more: some are lost,
	// some come twice or late. f must return at once.
	Hints(ctx context.Context, f func(log string, seq uint64))

	// Positions returns where each log ends, in their order: the zero Position for one
	// that is unknown. At most MaxPage logs may be asked for.
	Positions(ctx context.Context, logs []string) ([]Position, error)
}
