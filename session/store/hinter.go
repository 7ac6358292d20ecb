package store

import "context"

// Hint says that a log was appended to.
type Hint struct {
	Log string
	Seq uint64 // of its last event

	// Events are the Data of the events up to that one, as many as were appended at
	// once; none where that is too much to carry along. Whoever takes them in checks
	// that they continue the chain, and reads the log where they do not.
	Events [][]byte
}

// Hinter is a Store that other processes write to as well, and that can say when.
// Its methods may be called concurrently.
type Hinter interface {
	// Hints calls f after appends, of whatever process, until ctx ends. They are hints
	// and no more: some are lost, some come twice or late. f must return at once.
	Hints(ctx context.Context, f func(Hint))

	// Positions returns where each log ends, in their order: the zero Position for one
	// that is unknown. At most MaxPage logs may be asked for.
	Positions(ctx context.Context, logs []string) ([]Position, error)
}
