package doctor

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/url"
	"strings"
)

// usualMedia is the port of picture and sound in every file under deploy.
const usualMedia = "3478"

// media looks from another machine at what only another machine can see: whether the
// firewalls between let picture and sound in. Without the server's own words it knows no
// ports and no credentials, so it tries the usual ones, asks for no more than an answer, and
// calls nothing wrong for certain.
func (d *doctor) media(ctx context.Context, at *url.URL, trust *tls.Config) {
	places := []string{net.JoinHostPort(at.Hostname(), usualMedia), net.JoinHostPort(at.Hostname(), port(at))}
	if d.opts.Media != "" {
		places = []string{d.opts.Media}
	}
	udp, udpErr := first(places, func(to string) error { return ask("udp", to) })
	tcp, tcpErr := first(places, func(to string) error { return d.askTCP(ctx, to, at, trust) })
	otherwise := "If the server has another port or address for them (-udp, -relay-tcp, -advertise): belay doctor -media HOST:PORT."
	tried := strings.Join(places, " and ")
	if udpErr != nil && tcpErr != nil {
		d.say(Finding{Careful, fmt.Sprintf("Neither UDP nor TCP for picture and sound gets through from here: %v; %v.", udpErr, tcpErr), "Who can't connect to the others directly sees and hears nobody, and nobody has a second rope.", fmt.Sprintf("Let UDP and TCP to %s in, at the firewall and at the cloud's. A proxy before the server does not pass them on: they go past it. Or this network lets nothing out. %s", tried, otherwise)})
		return
	}
	if udpErr != nil {
		d.say(Finding{Careful, fmt.Sprintf("Nothing comes back over UDP from %s: %v.", tried, udpErr), "Picture and sound through the server take TCP instead, which stutters on bad networks; direct connections fail more often.", "Let UDP in there, at the firewall and at the cloud's. " + otherwise})
	} else {
		d.fine("UDP gets through to %s.", udp)
	}
	if tcpErr != nil {
		d.say(Finding{Careful, fmt.Sprintf("TURN can't be reached at %s: %v.", tried, tcpErr), "Who is in a network that lets no UDP out has no second rope.", "Let TCP in there, at the firewall and at the cloud's. " + otherwise})
	} else {
		d.fine("TURN answers at %s over TCP, for networks that let no UDP out.", tcp)
	}
}

// first returns the first place that answers, or what the first one said.
func first(places []string, ask func(to string) error) (string, error) {
	var said error
	for _, to := range places {
		err := ask(to)
		if err == nil {
			return to, nil
		}
		if said == nil {
			said = err
		}
	}
	return "", said
}

// askTCP asks the way pages are told to: within TLS where the server has a certificate
// of its own, and in the open where a proxy has it.
func (d *doctor) askTCP(ctx context.Context, to string, at *url.URL, trust *tls.Config) error {
	err := ask("tcp", to)
	if err == nil || at.Scheme != "https" {
		return err
	}
	conn, tlsErr := dialTURN(ctx, to, true, at, trust)
	if tlsErr != nil {
		return err
	}
	defer conn.Close()
	return bind(conn)
}
