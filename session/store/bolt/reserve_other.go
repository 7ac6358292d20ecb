//go:build !linux

package bolt

import "errors"

func allocate(string, int64, int64) error { return errors.ErrUnsupported }
