package bolt

import (
	"errors"
	"os"
	"syscall"
)

// allocate makes the file at path size bytes long at least, with real blocks
// and not holes. It changes nothing unless the disk has spare bytes left after
// that.
func allocate(path string, size, spare int64) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	var disk syscall.Statfs_t
	if err = syscall.Fstatfs(int(f.Fd()), &disk); err == nil && int64(disk.Bavail)*disk.Bsize < spare {
		err = syscall.ENOSPC
	}
	if err == nil {
		err = syscall.Fallocate(int(f.Fd()), 0, 0, size)
	}
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}
