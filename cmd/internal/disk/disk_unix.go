//go:build linux || darwin || freebsd

package disk

import "syscall"

// Free returns how many bytes this user can still write where path lies.
func Free(path string) (uint64, error) {
	var fs syscall.Statfs_t
	if err := syscall.Statfs(path, &fs); err != nil {
		return 0, err
	}
	return uint64(fs.Bavail) * uint64(fs.Bsize), nil
}
