// Package disk asks the operating system how much room there is.
package disk

import "errors"

// ErrUnknown says that this system is not asked.
var ErrUnknown = errors.New("the free space is not known on this system")
