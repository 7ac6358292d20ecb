package server

import (
	"errors"
	"fmt"
	"net"

	"belay/signaling/relay"
)

// media opens the relay's sockets; nil: there is no relay.
func (s *Server) media() (*relay.Options, error) {
	o := s.opts
	if o.UDP == "off" && o.RelayTCP == "" {
		return nil, nil
	}
	media := &relay.Options{Advertise: o.Advertise, MaxRooms: o.Rooms, Log: o.Log}
	if o.UDP != "off" {
		udp, err := s.udp()
		if err != nil {
			return nil, err
		}
		media.UDP = udp
	}
	if o.RelayTCP != "" {
		tcp, err := net.Listen("tcp", o.RelayTCP)
		if err != nil {
			err = fmt.Errorf("the relay's TCP port: %w", err)
			if media.UDP != nil {
				err = errors.Join(err, media.UDP.Close())
			}
			return nil, err
		}
		media.TCP = tcp
	}
	return media, nil
}

// udp listens where it was told to. Where it was not told, on the number of the
// pages' port; somebody else may have that one, and visits without a firewall's
// hole for media are better than no server.
func (s *Server) udp() (net.PacketConn, error) {
	if s.opts.UDP != "" {
		conn, err := net.ListenPacket("udp", s.opts.UDP)
		if err != nil {
			return nil, fmt.Errorf("the relay's UDP port: %w", err)
		}
		return conn, nil
	}
	conn, err := net.ListenPacket("udp", s.opts.Listen)
	if err == nil {
		return conn, nil
	}
	host, _, split := net.SplitHostPort(s.opts.Listen)
	if split != nil {
		return nil, fmt.Errorf("listen: %w", split)
	}
	other, again := net.ListenPacket("udp", net.JoinHostPort(host, "0"))
	if again != nil {
		return nil, fmt.Errorf("the relay's UDP port: %w", errors.Join(err, again))
	}
	s.opts.Log.Warn("the UDP port of the relay is taken: media goes over another, which a firewall may not know", "instead", other.LocalAddr().String(), "err", err)
	return other, nil
}
