package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"path/filepath"
	"strings"

	"belay/cmd/internal/server"
	"belay/session/store/redis"
	"belay/signaling/access"
)

// serve runs the server until ctx ends: a signal.
func serve(ctx context.Context, s settings, env func(string) string, out, errs io.Writer) error {
	public, err := s.public()
	if err != nil {
		return err
	}
	advertise, err := s.advertised()
	if err != nil {
		return err
	}
	proxies, err := access.ParseProxies(s.proxies)
	if err != nil {
		return fmt.Errorf("%w: -trusted-proxies: %w", errUsage, err)
	}
	log, err := s.logger(errs)
	if err != nil {
		return err
	}
	var where *redis.Options
	if s.redis != "" {
		if where, err = redisAt(s.redis, s.redisShown, s.redisPassword, env); err != nil {
			return err
		}
	}
	running, err := server.Start(ctx, server.Options{
		Listen: s.listen, Data: s.data, PublicURL: public, Proxies: proxies, Log: log,
		Redis: where, Metrics: s.metrics,
		SelfSigned: s.selfSigned, CertFile: s.cert, KeyFile: s.key,
		MediaName: s.mediaName, Drain: s.drain,
		UDP: s.udp, RelayTCP: s.relayTCP, Advertise: advertise, Rooms: s.rooms, Credentials: s.credentials,
	})
	if err != nil {
		if ctx.Err() != nil { // ended while it waited for Redis
			fmt.Fprintln(out, "Ended before it could begin.")
			return nil
		}
		return err
	}
	announce(out, running, s, where)
	select {
	case <-ctx.Done():
		fmt.Fprintln(out, "Ending: screens are told, what is being written is written.")
	case err = <-running.Failed():
	}
	if err = errors.Join(err, running.Close()); err != nil {
		return err
	}
	fmt.Fprintln(out, "Ended.")
	return nil
}

// announce says plainly what a new user needs next.
func announce(out io.Writer, running *server.Server, s settings, where *redis.Options) {
	data, err := filepath.Abs(s.data)
	if err != nil {
		data = s.data
	}
	var b strings.Builder
	fmt.Fprintf(&b, "\nBelay is running. Open  %s\n", running.URL())
	lan := running.LAN()
	if s.selfSigned {
		for _, address := range lan {
			fmt.Fprintf(&b, "From a phone on this network:  %s\n", address)
		}
		fmt.Fprintf(&b, "The browser will warn once, since this certificate is the server's own. Compare its SHA-256 fingerprint:\n  %s\n", running.Fingerprint())
	}
	if where == nil {
		fmt.Fprintf(&b, "The record lies in  %s  (the only copy: back it up)\n", data)
	} else {
		fmt.Fprintf(&b, "The record lies on  %s  (back it up there). This node's own folder is  %s\n", where, data)
		for _, other := range running.Others() {
			fmt.Fprintf(&b, "Beside it serves  %s\n", other)
		}
	}
	if at := running.Instruments(); at != nil {
		fmt.Fprintf(&b, "Metrics are on  http://%s/metrics  for this machine only\n", at)
	}
	for _, words := range running.Warnings() {
		fmt.Fprintf(&b, "\nWARNING. %s\n", words)
	}
	if setup := running.SetupURL(); setup != "" {
		fmt.Fprintf(&b, "\nNobody has an account yet. Set up the first therapist with this link, once:\n  %s\n", setup)
	}
	if host, err := url.Parse(running.URL()); err == nil && access.IsLocal(host.Host) {
		switch {
		case s.selfSigned && len(lan) > 0:
			fmt.Fprintf(&b, "\nLinks say the address that your own browser uses: open %s there, not localhost, when a phone shall follow them.\n", lan[0])
		default:
			b.WriteString("\nLinks will say “localhost” when you open it there: they work in browsers on this computer only.\n" +
				"For a phone on this network:  -tls-self-signed   (cameras need https)\n" +
				"For real use:                 -public-url https://your.name, behind a proxy that has a certificate, or -tls-cert and -tls-key\n")
		}
	} else if strings.HasPrefix(running.URL(), "http://") {
		b.WriteString("\nBrowsers give camera and microphone to https pages only: this address needs a certificate.\n")
	}
	b.WriteString("\nEnd it with Ctrl-C.\n\n")
	fmt.Fprint(out, b.String())
}
