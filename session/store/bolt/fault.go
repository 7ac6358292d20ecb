package bolt

import (
	"errors"
	"fmt"
	"runtime/debug"
	"strings"
	"syscall"

	bbolt "go.etcd.io/bbolt"

	"belay/session/store"
)

// faultError is what was caught inside bbolt: a page that can't be read through
// the mapping, or one that contradicts the rest. Its locks may still be held,
// so that the database is not touched again.
type faultError struct{ cause any }

func (e *faultError) Error() string {
	if _, memory := e.cause.(interface{ Addr() uintptr }); memory {
		return "the file is damaged or can't be read: a page of it is missing"
	}
	return fmt.Sprintf("the file is damaged or can't be read: %v", e.cause)
}

// guarded runs f and turns a panic into a *faultError. Without it a bad sector
// would end the process, and with it the picture of every session.
func guarded(f func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if cause := recover(); cause != nil {
			err = &faultError{cause}
		}
	}()
	return f()
}

// isFull reports whether err says that there is no space. bbolt wraps some of
// its errors as text only.
func isFull(err error) bool {
	for _, full := range []syscall.Errno{syscall.ENOSPC, syscall.EDQUOT, syscall.EFBIG} {
		if errors.Is(err, full) || strings.Contains(err.Error(), full.Error()) {
			return true
		}
	}
	return false
}

// fullOr makes store.ErrFull out of an error that says so.
func fullOr(err error) error {
	if isFull(err) {
		return fmt.Errorf("%w: %w", store.ErrFull, err)
	}
	return err
}

// txID returns the number of the last transaction that a reader sees.
func txID(db *bbolt.DB) (int, error) {
	tx, err := db.Begin(false)
	if err != nil {
		return 0, err
	}
	id := tx.ID()
	return id, tx.Rollback()
}
