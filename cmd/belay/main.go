// Command belay is the Belay server and its administration.
//
//	belay [serve]                      run the server
//	belay therapist add                print a link for one more account
//	belay therapist reset-link EMAIL   print a link for a new password
//	belay backup FILE                  write a consistent copy of the log
//	belay migrate -from X -to Y        move the record to Redis, or back
//	belay doctor [URL]                 find out what is wrong with an installation
//
// therapist and backup talk to the server that runs on the same data folder. Every
// flag can be given in the environment too: -public-url as BELAY_PUBLIC_URL.
// Exit codes: 0 all is well, 1 it failed, 2 it was called wrongly.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"net/url"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Getenv, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// settings are what flags and environment say.
type settings struct {
	listen, data, publicURL string
	proxies                 string
	selfSigned              bool
	cert, key               string
	logFormat               string
	udp, relayTCP           string
	advertise               string
	rooms                   int
	credentials             time.Duration
	redis, redisPassword    string
	redisShown              bool // the address was on the command line
	metrics                 string
	mediaName               string
	drain                   time.Duration
	dataGiven               bool
	hold                    time.Duration
	media                   string
}

var errUsage = errors.New("see belay -help")

func run(ctx context.Context, args []string, env func(string) string, out, errs io.Writer) int {
	err := dispatch(ctx, args, env, out, errs)
	switch {
	case err == nil:
		return 0
	case errors.Is(err, flag.ErrHelp):
		return 0
	case errors.Is(err, errUsage):
		fmt.Fprintln(errs, "belay:", err)
		return 2
	}
	fmt.Fprintln(errs, "belay:", err)
	return 1
}

func dispatch(ctx context.Context, args []string, env func(string) string, out, errs io.Writer) error {
	name := "serve"
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		name, args = args[0], args[1:]
	}
	switch name {
	case "serve":
		s, rest, err := parse(name, args, env, errs)
		switch {
		case err != nil:
			return err
		case len(rest) > 0:
			return fmt.Errorf("%w: %q is too much", errUsage, rest[0])
		}
		return serve(ctx, s, env, out, errs)
	case "therapist":
		if len(args) == 0 {
			return fmt.Errorf("%w: belay therapist add, or belay therapist reset-link EMAIL", errUsage)
		}
		return therapist(ctx, args[0], args[1:], env, out, errs)
	case "backup":
		return backup(ctx, args, env, out, errs)
	case "migrate":
		return moves(ctx, args, env, out, errs)
	case "doctor":
		return examine(ctx, args, env, out, errs)
	case "help":
		_, _, err := parse("serve", []string{"-help"}, env, errs)
		return err
	}
	return fmt.Errorf("%w: there is no command %q", errUsage, name)
}

// parse reads flags; what they leave open is taken from the environment.
func parse(name string, args []string, env func(string) string, errs io.Writer) (settings, []string, error) {
	var s settings
	flags := flag.NewFlagSet("belay "+name, flag.ContinueOnError)
	flags.SetOutput(errs)
	flags.StringVar(&s.data, "data", "belay-data", "folder of the record, made where it is missing")
	if name == "serve" {
		flags.StringVar(&s.listen, "listen", ":8080", "address to listen on, host:port")
		flags.StringVar(&s.publicURL, "public-url", "", "what links say, as https://belay.example.org (default: the address that the therapist's browser uses)")
		flags.StringVar(&s.proxies, "trusted-proxies", "", "addresses of proxies on other machines that are believed about whom they pass on, as 10.42.0.0/16, with commas (default: only proxies on this machine are)")
		flags.BoolVar(&s.selfSigned, "tls-self-signed", false, "TLS with a certificate of its own, for a trial with a phone on the local network")
		flags.StringVar(&s.cert, "tls-cert", "", "file of the certificate, PEM")
		flags.StringVar(&s.key, "tls-key", "", "file of its key, PEM")
		flags.StringVar(&s.udp, "udp", "", "address of picture and sound through this server, host:port, or off (default: as -listen, over UDP)")
		flags.StringVar(&s.relayTCP, "relay-tcp", "", "address of the same over TCP and TLS, for networks that let no UDP out, host:port, or off (default: as -listen)")
		flags.StringVar(&s.advertise, "advertise", "", "public IP addresses of this server where it stands behind 1:1 NAT, with commas")
		flags.IntVar(&s.rooms, "rooms", 0, "visits at once that this server has room for (default: 20 for each processor)")
		flags.StringVar(&s.mediaName, "media-name", "", "this server's own name or address for picture and sound, where several stand behind one public address (default: as the page calls it)")
		flags.DurationVar(&s.drain, "drain", 20*time.Second, "at the end, how long visits may take to change over to other servers")
		flags.DurationVar(&s.credentials, "turn-credentials", 10*time.Minute, "how long a page can begin to use credentials for TURN; it gets fresh ones at half of that")
		flags.StringVar(&s.logFormat, "log-format", "text", "text or json")
		flags.StringVar(&s.metrics, "metrics", "", "loopback address for Prometheus and a debug page, as 127.0.0.1:9464 (default: none)")
	}
	if name == "serve" || name == "doctor" {
		flags.StringVar(&s.redis, "redis", "", "keep the record on Redis, as redis://host:6379 (default: in the data folder). Several servers on one Redis serve the same visits")
		flags.StringVar(&s.redisPassword, "redis-password-file", "", "file with the password of Redis (or BELAY_REDIS_PASSWORD)")
	}
	if name == "doctor" {
		flags.DurationVar(&s.hold, "hold", 5*time.Second, "how long a socket is held open through what lies between; 75s finds proxies that cut after a minute")
		flags.StringVar(&s.media, "media", "", "from another machine: host:port of picture and sound (default: 3478, or the page's own port)")
	}
	flags.Usage = func() {
		fmt.Fprint(errs, "Belay, the companion server for remote dosing sessions.\n\n"+
			"  belay [serve] [flags]                      run the server\n"+
			"  belay therapist add [flags]                print a link for one more account\n"+
			"  belay therapist reset-link [flags] EMAIL   print a link for a new password\n"+
			"  belay backup [flags] FILE                  write a consistent copy of the record\n"+
			"  belay migrate -from PLACE -to PLACE        move the record to Redis, or back\n"+
			"  belay doctor [flags] [URL]                 find out what is wrong with an installation\n\n"+
			"Every flag can be given in the environment too: -public-url as BELAY_PUBLIC_URL.\n\nFlags of "+flags.Name()+":\n")
		flags.PrintDefaults()
	}
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return s, nil, err
		}
		return s, nil, fmt.Errorf("%w: %w", errUsage, err)
	}
	given := map[string]bool{}
	flags.Visit(func(f *flag.Flag) { given[f.Name] = true })
	s.redisShown, s.dataGiven = given["redis"], given["data"] || env("BELAY_DATA") != ""
	var bad error
	flags.VisitAll(func(f *flag.Flag) {
		variable := "BELAY_" + strings.ToUpper(strings.ReplaceAll(f.Name, "-", "_"))
		if value := env(variable); value != "" && !given[f.Name] {
			if err := flags.Set(f.Name, value); err != nil {
				bad = fmt.Errorf("%w: %s: %w", errUsage, variable, err)
			}
		}
	})
	return s, flags.Args(), bad
}

// public reads the public address.
func (s settings) public() (*url.URL, error) {
	if s.publicURL == "" {
		return nil, nil
	}
	u, err := url.Parse(s.publicURL)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf("%w: -public-url %q must look like https://belay.example.org", errUsage, s.publicURL)
	}
	return u, nil
}

// advertised reads the addresses of -advertise.
func (s settings) advertised() ([]netip.Addr, error) {
	var all []netip.Addr
	for one := range strings.SplitSeq(s.advertise, ",") {
		if one = strings.TrimSpace(one); one == "" {
			continue
		}
		a, err := netip.ParseAddr(one)
		if err != nil {
			return nil, fmt.Errorf("%w: -advertise %q is no IP address", errUsage, one)
		}
		all = append(all, a)
	}
	return all, nil
}

func (s settings) logger(errs io.Writer) (*slog.Logger, error) {
	switch s.logFormat {
	case "text":
		return slog.New(slog.NewTextHandler(errs, nil)), nil
	case "json":
		return slog.New(slog.NewJSONHandler(errs, nil)), nil
	}
	return nil, fmt.Errorf("%w: -log-format is text or json", errUsage)
}
