package doctor

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/pion/logging"
	"github.com/pion/turn/v5"

	"belay/cmd/internal/server"
	"belay/signaling/protocol"
)

// wayFor is what pages are told to connect through.
func wayFor(what string, status *server.Status) (protocol.ICEServer, bool) {
	for _, way := range status.Ways {
		if way.For == what && len(way.URLs) == 1 {
			return way, true
		}
	}
	return protocol.ICEServer{}, false
}

// turn goes the way of those whose network lets nothing else out, as far as the relay's
// door: a connection over TCP, an allocation there, and leave to speak to the relay.
func (d *doctor) turn(ctx context.Context, at *url.URL, trust *tls.Config, status *server.Status) {
	way, ok := wayFor("relay", status)
	if !ok {
		d.say(Finding{Careful, "The server offers no TURN.", "Who is in a network that lets no UDP out has no second rope.", "Leave -udp and -relay-tcp at their defaults; the relay needs an IPv4 address (-advertise)."})
		return
	}
	if status.Nameless {
		d.say(Finding{Careful, "Several servers share this Redis, and this one has no name of its own.", "A page at another server looks for this one's TURN under that one's name, where it leads elsewhere.", "Give each server -media-name."})
	}
	scheme, rest, _ := strings.Cut(way.URLs[0], ":")
	to, _, _ := strings.Cut(rest, "?")
	do := fmt.Sprintf("Let TCP to %s in, at the firewall and at the cloud's. A proxy before the server does not pass it on: it goes past it.", to)
	conn, err := dialTURN(ctx, to, scheme == "turns", at, trust)
	if err != nil {
		d.say(Finding{Careful, fmt.Sprintf("TURN can't be reached at %s: %v.", to, err), "Who is in a network that lets no UDP out has no second rope.", do})
		return
	}
	defer conn.Close()
	if err := allocate(conn, to, way, status.Relay); err != nil {
		d.say(Finding{Careful, fmt.Sprintf("Something answers at %s, and leads nobody to the relay: %v.", to, err), "Who is in a network that lets no UDP out has no second rope.", "Is it this server's own port, or another's? " + do})
		return
	}
	d.fine("TURN answers at %s and leads to the relay, for networks that let no UDP out.", to)
}

func dialTURN(ctx context.Context, to string, secure bool, at *url.URL, trust *tls.Config) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if !secure {
		var dialer net.Dialer
		return dialer.DialContext(ctx, "tcp", to)
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if host, _, err := net.SplitHostPort(to); err == nil && host == at.Hostname() {
		config = trust // what is wrong with that certificate was said already
	}
	dialer := tls.Dialer{Config: config}
	return dialer.DialContext(ctx, "tcp", to)
}

// allocate asks for what a page asks for, and gives it back.
func allocate(conn net.Conn, to string, way protocol.ICEServer, relay string) error {
	peer, err := netip.ParseAddrPort(relay)
	if err != nil {
		return err
	}
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second)) // it fails where the next line does
	c, err := turn.NewClient(&turn.ClientConfig{TURNServerAddr: to, Username: way.Username, Password: way.Credential,
		Conn: turn.NewSTUNConn(conn), RTO: time.Second, LoggerFactory: &logging.DefaultLoggerFactory{DefaultLogLevel: logging.LogLevelDisabled}})
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.Listen(); err != nil {
		return err
	}
	allocation, err := c.Allocate()
	if err != nil {
		return err
	}
	defer allocation.Close()
	return c.CreatePermission(net.UDPAddrFromAddrPort(peer))
}
