//go:build !linux

package datagram

import "net"

// many does not exist here: each packet is a call of its own.
type many struct{}

func (*many) init(*net.UDPConn)          {}
func (*many) works() bool                { return false }
func (*many) read([]Packet) (int, error) { return 0, nil }
func (*many) write([]Packet) error       { return nil }
