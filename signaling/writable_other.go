//go:build !unix

package signaling

import "syscall"

// writable is not asked here: the connection's own writer waits for its socket.
func writable(syscall.RawConn) bool { return false }
