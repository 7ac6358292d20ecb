//go:build !linux && !darwin && !freebsd

package disk

// Free returns ErrUnknown.
func Free(string) (uint64, error) { return 0, ErrUnknown }
