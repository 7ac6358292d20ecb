package server

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"belay/session"
	"belay/signaling/oneport"
	"belay/signaling/protocol"
	"belay/signaling/relay"
	"belay/signaling/turnserver"
)

// media opens the ports of picture and sound, and has STUN and TURN answer on
// them. nil: there is no relay.
func (s *Server) media(ctx context.Context) (*relay.Options, error) {
	o := s.opts
	if o.UDP == "off" && o.RelayTCP == "off" {
		return nil, nil
	}
	media := &relay.Options{Advertise: o.Advertise, MaxRooms: o.Rooms, Log: o.Log}
	tcp, err := s.mediaTCP()
	if err != nil {
		return nil, err
	}
	if o.UDP != "off" {
		udp, err := s.udp()
		if err != nil {
			return nil, err
		}
		if s.turn, err = s.startTURN(ctx, udp, tcp); err != nil {
			return nil, err
		}
		s.onClose("STUN and TURN", 5*time.Second, func(context.Context) error { return s.turn.Close() })
		media.UDP = s.turn.Media()
	}
	if tcp != nil {
		media.TCP = tcp.ICE()
	}
	return media, nil
}

// mediaTCP is the port that media over TCP and TLS uses: that of the pages, or one
// of its own; nil: none.
func (s *Server) mediaTCP() (*oneport.Port, error) {
	switch s.opts.RelayTCP {
	case "off":
		return nil, nil
	case "":
		return s.pages, nil
	}
	l, err := net.Listen("tcp", s.opts.RelayTCP)
	if err != nil {
		return nil, fmt.Errorf("the TCP port of media: %w", err)
	}
	port, err := oneport.New(oneport.Options{Listener: l, TLS: s.tls()})
	if err != nil {
		return nil, errors.Join(err, l.Close())
	}
	if err := port.HTTP().Close(); err != nil { // no pages here
		return nil, errors.Join(err, port.Close())
	}
	s.onClose("the TCP port of media", 5*time.Second, func(context.Context) error { return port.Close() })
	return port, nil
}

// startTURN begins STUN and, where the relay has an IPv4 address, TURN.
func (s *Server) startTURN(ctx context.Context, udp *net.UDPConn, tcp *oneport.Port) (*turnserver.Server, error) {
	o := turnserver.Options{UDP: udp, Lifetime: s.opts.Credentials}
	if peer := s.relayAddress(udp); tcp != nil && peer.IsValid() {
		secret, err := turnSecret(s.opts.Data)
		if err == nil && s.nodes != nil { // each makes credentials for all
			secret, err = s.nodes.Secret(ctx, "turn", secret)
		}
		if err != nil {
			return nil, errors.Join(err, udp.Close())
		}
		o.Peer, o.Secret, o.Streams = peer, secret, []net.Listener{tcp.TURN()}
		at, _ := tcp.Addr().(*net.TCPAddr)
		s.turnTCP, s.turnPeer = at, peer
	}
	return turnserver.New(o)
}

// relayAddress is the one by which TURN knows the relay's socket: among those that
// the relay tells browsers, since they ask for no other.
func (s *Server) relayAddress(udp *net.UDPConn) netip.AddrPort {
	local := udp.LocalAddr().(*net.UDPAddr).AddrPort()
	addr := local.Addr().Unmap()
	for _, a := range s.opts.Advertise {
		if a = a.Unmap(); a.Is4() {
			return netip.AddrPortFrom(a, local.Port())
		}
	}
	if addr.IsUnspecified() {
		addr = netip.AddrFrom4([4]byte{127, 0, 0, 1})
		if lan := lanAddresses(); len(lan) > 0 { // IPv4 first
			if a, err := netip.ParseAddr(lan[0]); err == nil && a.Is4() {
				addr = a
			}
		}
	}
	if !addr.Is4() {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(addr, local.Port())
}

const secretName = "turn-secret"

// turnSecret is what credentials for TURN are signed with. It is kept, so that
// they outlive a restart as the pages do.
func turnSecret(dir string) ([]byte, error) {
	const size = 32
	file := filepath.Join(dir, secretName)
	secret, err := os.ReadFile(file)
	switch {
	case err == nil && len(secret) == size:
		return secret, nil
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("the secret of TURN: %w", err)
	}
	secret = make([]byte, size)
	if _, err := rand.Read(secret); err != nil {
		return nil, err
	}
	if err := os.WriteFile(file, secret, 0o600); err != nil {
		return nil, fmt.Errorf("the secret of TURN: %w", err)
	}
	return secret, nil
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
// the relay must not: a browser would take the relay's packets for answers. It has
// TURN over TLS, for networks that let nothing else out: at the node whose relay it is,
// where the others' credentials count as its own. known: that node has said how it is
// reached.
func (s *Server) iceServers(id string, seat session.SeatID, host, home string) (all []protocol.ICEServer, known bool) {
	name := hostname(host)
	if u := s.opts.PublicURL; u != nil {
		name = u.Hostname()
	}
	if name == "" {
		return nil, true
	}
	if mine := s.way(); mine.STUN != 0 {
		here := mine.nameOr(name)
		if len(s.opts.Advertise) > 0 {
			here = s.opts.Advertise[0].Unmap().String()
		}
		all = append(all, protocol.ICEServer{For: "direct", URLs: []string{"stun:" + net.JoinHostPort(here, strconv.Itoa(mine.STUN))}})
	}
	there, known := s.wayOf(home)
	if known && there.TURN != 0 && s.turnTCP != nil {
		username, password := s.turn.Issue(id, string(seat))
		all = append(all, there.turnServer(there.nameOr(name), username, password))
	}
	return all, known
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
