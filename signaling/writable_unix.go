//go:build unix

package signaling

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// writable reports whether a socket has room for a message now: the system says so
// while at least a third of what it keeps for one is free, many kilobytes.
func writable(raw syscall.RawConn) bool {
	if raw == nil {
		return false
	}
	room := false
	err := raw.Control(func(fd uintptr) {
		ask := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}
		n, err := unix.Poll(ask, 0)
		room = err == nil && n == 1 && ask[0].Revents == unix.POLLOUT
	})
	return err == nil && room
}
