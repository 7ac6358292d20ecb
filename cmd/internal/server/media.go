package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"belay/session"
	"belay/signaling/protocol"
	"belay/signaling/relay"
	"belay/signaling/turnserver"
)

// media opens the sockets of picture and sound: STUN and the relay on one UDP
// socket. nil: there is no relay.
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
		if s.turn, err = turnserver.New(turnserver.Options{UDP: udp}); err != nil {
			return nil, err
		}
		s.onClose("STUN and TURN", 5*time.Second, func(context.Context) error { return s.turn.Close() })
		media.UDP = s.turn.Media()
	}
	if o.RelayTCP != "" {
		tcp, err := net.Listen("tcp", o.RelayTCP)
		if err != nil {
			return nil, fmt.Errorf("the relay's TCP port: %w", err)
		}
		media.TCP = tcp
	}
	return media, nil
}

// udp listens where it was told to. Where it was not told, on the number of the
// pages' port; somebody else may have that one, and visits without a firewall's
// hole for media are better than no server.
func (s *Server) udp() (*net.UDPConn, error) {
	at := s.opts.UDP
	if at == "" {
		host, _, err := net.SplitHostPort(s.opts.Listen)
		if err != nil {
			return nil, fmt.Errorf("listen: %w", err)
		}
		at = net.JoinHostPort(host, strconv.Itoa(s.port()))
	}
	conn, err := listenUDP(at)
	if err == nil {
		return conn, nil
	}
	if s.opts.UDP != "" {
		return nil, fmt.Errorf("the UDP port: %w", err)
	}
	host, _, _ := net.SplitHostPort(at)
	other, again := listenUDP(net.JoinHostPort(host, "0"))
	if again != nil {
		return nil, fmt.Errorf("the UDP port: %w", errors.Join(err, again))
	}
	s.opts.Log.Warn("the UDP port is taken: media goes over another, which a firewall may not know", "instead", other.LocalAddr().String(), "err", err)
	return other, nil
}

func listenUDP(at string) (*net.UDPConn, error) {
	conn, err := net.ListenPacket("udp", at)
	if err != nil {
		return nil, err
	}
	return conn.(*net.UDPConn), nil
}

// iceServers are what a page connects through. A direct connection learns its own
// address from STUN here, on the port that the relay uses too; the connection to
// the relay must not: a browser would take the relay's packets for answers.
func (s *Server) iceServers(_ string, _ session.SeatID, host string) []protocol.ICEServer {
	if s.turn == nil {
		return nil
	}
	name := hostname(host)
	if u := s.opts.PublicURL; u != nil {
		name = u.Hostname()
	}
	if len(s.opts.Advertise) > 0 {
		name = s.opts.Advertise[0].Unmap().String()
	}
	if name == "" {
		return nil
	}
	at, ok := s.turn.Media().LocalAddr().(*net.UDPAddr)
	if !ok {
		return nil
	}
	return []protocol.ICEServer{{For: "direct", URLs: []string{"stun:" + net.JoinHostPort(name, strconv.Itoa(at.Port))}}}
}

// hostname takes the port off what a page has called this server; "" where it is
// neither a name nor an address.
func hostname(host string) string {
	if !plainHost.MatchString(host) {
		return ""
	}
	name, _, err := net.SplitHostPort(host)
	if err != nil {
		name = host
	}
	if ip, err := netip.ParseAddr(strings.Trim(name, "[]")); err == nil {
		return ip.String()
	}
	return name
}
