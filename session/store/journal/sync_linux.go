package journal

import (
	"os"
	"syscall"
)

// synced has what was written to a file on the disk. What changes of a reel that has
// its length is bytes alone: then this is one look of the disk, and the file system
// writes no transaction of its own.
func synced(f *os.File) error { return syscall.Fdatasync(int(f.Fd())) }
