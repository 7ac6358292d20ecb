//go:build !linux

package datagram

func refuseSegments(*Socket, bool) {}
