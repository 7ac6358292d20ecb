package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"belay/cmd/internal/observe"
	"belay/session"
	"belay/session/live"
	"belay/session/practice"
	"belay/session/store"
	"belay/session/store/journal"
	"belay/session/store/redis"
	"belay/signaling"
	"belay/signaling/access"
	"belay/signaling/api"
	"belay/signaling/oneport"
	"belay/signaling/turnserver"
	"belay/static"
)

// Options are the settings of one server.
type Options struct {
	Listen    string         // host:port
	Data      string         // folder of the log, the certificate and the socket; made where it is missing
	PublicURL *url.URL       // what links say; nil: the address that the therapist's browser used
	Log       *slog.Logger   // nil discards
	Proxies   []netip.Prefix // that are believed about people's addresses, beside those on this machine

	SelfSigned        bool   // TLS with a certificate of our own, kept in Data
	CertFile, KeyFile string // TLS with this certificate

	UDP       string       // host:port of the relay's media; "": as Listen; "off": none
	RelayTCP  string       // host:port of media over TCP and TLS; "": as Listen; "off": none
	Advertise []netip.Addr // public addresses of the relay behind 1:1 NAT
	Rooms     int          // visits at once with a place at the relay; 0: what the processors bear

	// Credentials is how long a page can begin to use its credentials for TURN,
	// which are renewed at half of that; 0: 10 min.
	Credentials time.Duration

	// Redis is where the event log lies; nil: in Data. Several servers on one Redis
	// serve the same sessions.
	Redis     *redis.Options
	Drain     time.Duration // for handing visits over to other servers at the end; 0: 20 s
	MediaName string        // this server's own name, where pages reach several under one; "": as they call it
	Metrics   string        // host:port of the instruments, a loopback address; "": none
}

func (o *Options) validate() error {
	if o.Listen == "" || o.Data == "" {
		return errors.New("the server needs an address and a data folder")
	}
	if o.MediaName != "" && !hostOrAddress(o.MediaName) {
		return fmt.Errorf("the server's own name %q is neither a name nor an address", o.MediaName)
	}
	if (o.CertFile == "") != (o.KeyFile == "") {
		return errors.New("a certificate needs its key: give both files")
	}
	if o.SelfSigned && o.CertFile != "" {
		return errors.New("either a certificate of your own or a self-signed one")
	}
	if o.Credentials < 0 {
		return errors.New("credentials last for some time")
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Drain == 0 {
		o.Drain = 20 * time.Second
	}
	return nil
}

// Server is one running server. Its methods may be called concurrently; whoever
// started it closes it.
type Server struct {
	opts     Options
	listener net.Listener
	cert     *tls.Certificate
	pages    *oneport.Port      // of the listener; media over TCP comes this way too
	turn     *turnserver.Server // nil: there is no UDP
	turnTCP  *net.TCPAddr       // where TURN listens; nil: nowhere
	turnPeer netip.AddrPort     // where it leads: the relay
	relays   bool               // there is a relay here
	nodes    *nodes             // nil: this is the only one
	setup    string             // token of the set-up link; "" where somebody has an account

	store    store.Store
	journal  *journal.Journal      // what is not yet safe on Redis; nil: the log is in Data
	kept     *journal.Store        // the log on Redis with that under it
	backup   func(io.Writer) error // nil: the store has none of its own
	warnings []string
	practice *practice.Practice
	sessions *live.Sessions

	metrics     *observe.Metrics
	instruments net.Addr
	probes      *probes

	ready  atomic.Bool
	ending atomic.Bool
	drain  func(context.Context) // nil: nothing to hand over
	failed chan error
	stops  []stop // in the order in which things began
	once   sync.Once
	closed error
}

// stop ends one thing that Start began.
type stop struct {
	name   string
	within time.Duration
	do     func(context.Context) error
}

// Start begins everything, and returns when it is there. While Redis is away it waits
// for it, and its address says so meanwhile. ctx bounds the start alone.
func Start(ctx context.Context, opts Options) (*Server, error) {
	if err := opts.validate(); err != nil {
		return nil, err
	}
	for {
		s, err := start(ctx, opts)
		if opts.Redis == nil || !redis.Away(err) || ctx.Err() != nil {
			return s, err
		}
		if err := awaitRedis(ctx, opts, err); err != nil {
			return nil, err
		}
	}
}

// start is Start without patience.
func start(ctx context.Context, opts Options) (_ *Server, err error) {
	s := &Server{opts: opts, metrics: observe.New(), probes: newProbes(), failed: make(chan error, 4)}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	if err := os.MkdirAll(opts.Data, 0o700); err != nil {
		return nil, fmt.Errorf("the data folder: %w", err)
	}
	if err := s.begin(ctx); err != nil {
		return nil, err
	}
	s.ready.Store(true)
	return s, nil
}

// begin starts one thing after the other and notes how each is ended.
func (s *Server) begin(ctx context.Context) (err error) {
	o := s.opts
	if err := s.openLog(ctx); err != nil {
		return err
	}
	s.store = s.metrics.Store(s.store)

	if s.practice, err = practice.Open(ctx, practice.Options{Store: s.store}); err != nil {
		return err
	}
	of := live.Options{Store: s.store, Journal: s.journal, Log: o.Log, Observer: s.metrics}
	if s.nodes != nil {
		of.Nodes = s.nodes
	}
	if s.sessions, err = live.New(of); err != nil {
		return err
	}
	s.onClose("the sessions", 20*time.Second, func(context.Context) error { return s.sessions.Close() })
	if err := s.sessions.Start(ctx); err != nil {
		return err
	}

	door, err := access.New(access.Options{Practice: s.practice, Sessions: s.sessions, PublicURL: o.PublicURL, TrustedProxies: o.Proxies})
	if err != nil {
		return err
	}
	console, err := api.New(api.Options{Practice: s.practice, Sessions: s.sessions, Door: door, Log: o.Log})
	if err != nil {
		return err
	}
	pages, err := newSite(static.Files, door, o.Log)
	if err != nil {
		return err
	}

	if err := s.listen(); err != nil {
		return err
	}
	edge, err := s.edge(ctx, door)
	if err != nil {
		return err
	}
	s.serve("web pages", s.pages.HTTP(), guard(s.routes(pages, console, edge), s.opts.CertFile != "" || o.PublicURL != nil && o.PublicURL.Scheme == "https"))
	// After the listener in the list, so before it in time: whoever is connected
	// is told to come back before new ones are turned away.
	s.onClose("connections", 5*time.Second, func(context.Context) error { return edge.Close() })
	if s.nodes != nil {
		if err := s.say(ctx, false); err != nil {
			return err
		}
		s.nodes.Receive(edge.Take, edge.Lost)
		s.drain = func(ctx context.Context) { s.handOver(ctx, edge) }
	}
	s.onClose("probes", 5*time.Second, func(context.Context) error { s.probes.close(); return nil })
	if err := s.observe(edge); err != nil {
		return err
	}

	if socket, err := listenAdmin(o.Data); err != nil {
		o.Log.Warn("no administration over the local socket", "err", err)
	} else {
		s.serve("administration", socket, s.admin())
	}

	some, err := s.practice.HasAccounts(ctx)
	if err != nil {
		return err
	}
	if !some && (s.nodes == nil || len(s.nodes.Others()) == 0) { // a new link ends the one that another node has printed
		if s.setup, err = s.practice.IssueSetupLink(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (s *Server) routes(pages *site, console http.Handler, edge http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", healthz)
	mux.HandleFunc("GET /readyz", s.readyz)
	mux.Handle("GET /probe/{secret}", s.probes)
	mux.HandleFunc("GET /static/{file...}", pages.static)
	mux.HandleFunc("GET /favicon.ico", pages.page("icon.svg"))
	mux.HandleFunc("GET /{$}", pages.page("console.html"))
	mux.HandleFunc("GET /setup", pages.page("setup.html"))
	mux.HandleFunc("GET /i", pages.page("join.html"))
	mux.Handle("/api/", console)
	mux.HandleFunc("GET /s/{session}/{seat}", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, r.URL.EscapedPath()+"/", http.StatusMovedPermanently)
	})
	mux.HandleFunc("GET /s/{session}/{seat}/{$}", pages.seat)
	mux.Handle(signaling.Pattern, edge)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		pages.say(w, http.StatusNotFound, "There is nothing here", "Please check the address, or open your link again.")
	})
	return mux
}

// healthz is about the process: it answers.
func healthz(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") }

// readyWithin is for how long the log may take until /readyz answers without it. Whoever
// asks has a patience of their own, of two or three seconds: a log that is slow must not
// make a server look as if it were away.
const readyWithin = 500 * time.Millisecond

// readyz says whether people should be sent here: the server is not starting and not
// about to end. A log that can't be read now is said, and keeps nobody away: there is
// no other place to go, and screens that come are told what is wrong.
func (s *Server) readyz(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), readyWithin)
	defer cancel()
	if !s.ready.Load() {
		http.Error(w, "not ready: starting or draining", http.StatusServiceUnavailable)
		return
	}
	if _, err := s.store.Head(ctx, practice.LogName); err != nil {
		fmt.Fprintln(w, "ok, but the event log can't be read now")
		return
	}
	fmt.Fprintln(w, "ok")
}

// listen opens the port of the pages.
func (s *Server) listen() (err error) {
	if s.listener, err = net.Listen("tcp", s.opts.Listen); err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	if err = s.certificate(); err == nil {
		s.pages, err = oneport.New(oneport.Options{Listener: s.listener, TLS: s.tls()})
	}
	if err != nil {
		return errors.Join(err, s.listener.Close())
	}
	s.onClose("the port of the pages", 5*time.Second, func(context.Context) error { return s.pages.Close() })
	return nil
}

// certificate reads or makes the certificate, where one is asked for.
func (s *Server) certificate() error {
	var cert tls.Certificate
	var err error
	switch {
	case s.opts.CertFile != "":
		if cert, err = tls.LoadX509KeyPair(s.opts.CertFile, s.opts.KeyFile); err != nil {
			return fmt.Errorf("the certificate: %w", err)
		}
	case s.opts.SelfSigned:
		hosts := append([]string{"localhost", "127.0.0.1", "::1"}, lanAddresses()...)
		if name, err := os.Hostname(); err == nil && name != "" {
			hosts = append(hosts, name)
		}
		if u := s.opts.PublicURL; u != nil {
			hosts = append(hosts, u.Hostname())
		}
		if cert, err = selfSigned(s.opts.Data, hosts); err != nil {
			return err
		}
	default:
		return nil
	}
	s.cert = &cert
	return nil
}

// serve runs an HTTP server on a listener until Close.
func (s *Server) serve(name string, l net.Listener, h http.Handler) {
	hs := &http.Server{
		Handler:           sayPanics(h, s.opts.Log),
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       30 * time.Second, // sockets set their own once they are taken over
		WriteTimeout:      60 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          slog.NewLogLogger(s.opts.Log.Handler(), slog.LevelDebug),
	}
	if l.Addr().Network() == "unix" {
		hs.WriteTimeout = 0 // a backup takes as long as it takes
	}
	if s.cert != nil && l == s.pages.HTTP() {
		underTLS(hs)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := hs.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			s.failed <- fmt.Errorf("%s: %w", name, err)
		}
	}()
	s.onClose(name, 5*time.Second, func(ctx context.Context) error {
		err := hs.Shutdown(ctx)
		if err != nil {
			err = hs.Close() // whoever has not finished by now is cut off
		}
		<-ended
		return err
	})
}

func (s *Server) onClose(name string, within time.Duration, do func(context.Context) error) {
	s.stops = append(s.stops, stop{name, within, do})
}

// Failed carries an error when the server can't go on. Close it then.
func (s *Server) Failed() <-chan error { return s.failed }

// Addr is the address that the server listens on.
func (s *Server) Addr() net.Addr { return s.listener.Addr() }

// URL is the address to open on this machine, or the public one where there is one.
func (s *Server) URL() string {
	if u := s.opts.PublicURL; u != nil {
		return u.Scheme + "://" + u.Host
	}
	host, _, err := net.SplitHostPort(s.opts.Listen)
	if err != nil || host == "" {
		host = "localhost"
	} else if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	return s.at(host)
}

// LAN are the addresses by which others on the local network reach this server;
// none where it listens on one address only.
func (s *Server) LAN() []string {
	host, _, err := net.SplitHostPort(s.opts.Listen)
	if ip := net.ParseIP(host); err != nil || host != "" && (ip == nil || !ip.IsUnspecified()) {
		return nil
	}
	var all []string
	for _, a := range lanAddresses() {
		all = append(all, s.at(a))
	}
	return all
}

func (s *Server) at(host string) string {
	scheme := "http://"
	if s.cert != nil {
		scheme = "https://"
	}
	return scheme + net.JoinHostPort(host, strconv.Itoa(s.port()))
}

// port is that of the pages.
func (s *Server) port() int {
	if a, ok := s.listener.Addr().(*net.TCPAddr); ok {
		return a.Port
	}
	return 0
}

// SetupURL is the one-time link for the first account, or "" where there is one.
func (s *Server) SetupURL() string {
	if s.setup == "" {
		return ""
	}
	return s.URL() + "/setup#" + s.setup
}

// Fingerprint is the SHA-256 of the certificate as browsers show it, or "".
func (s *Server) Fingerprint() string {
	if s.cert == nil {
		return ""
	}
	return Fingerprint(*s.cert)
}

// Close ends everything, last in first out, and returns when nothing runs any
// more, or with what did not end in its time. The second call waits for the first.
func (s *Server) Close() error {
	s.once.Do(func() {
		s.ready.Store(false)
		s.ending.Store(true)
		if s.drain != nil {
			ctx, cancel := context.WithTimeout(context.Background(), s.opts.Drain)
			s.drain(ctx)
			cancel()
		}
		var errs []error
		for i := len(s.stops) - 1; i >= 0; i-- {
			if err := s.stops[i].run(); err != nil {
				errs = append(errs, err)
			}
		}
		s.closed = errors.Join(errs...)
	})
	return s.closed
}

func (st stop) run() error {
	ctx, cancel := context.WithTimeout(context.Background(), st.within)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- st.do(ctx) }()
	// A little more than its time: what keeps to ctx says itself what went wrong.
	late := time.NewTimer(st.within + 2*time.Second)
	defer late.Stop()
	select {
	case err := <-done:
		if err != nil {
			return fmt.Errorf("end %s: %w", st.name, err)
		}
		return nil
	case <-late.C:
		return fmt.Errorf("end %s: not within %s", st.name, st.within)
	}
}

// edge is the WebSocket edge of the sessions.
func (s *Server) edge(ctx context.Context, door *access.Door) (*signaling.Edge, error) {
	media, err := s.media(ctx)
	if err != nil {
		return nil, err
	}
	opts := signaling.Options{Sessions: s.sessions, Gatekeeper: door, Log: s.opts.Log, Relay: media, ICEServers: s.iceServers}
	s.relays = media != nil
	if s.nodes != nil {
		opts.Nodes = s.nodes
	}
	if s.turnTCP != nil {
		opts.ICEServersFor = s.turn.Lifetime()
		opts.Withdrawn = func(id string, seat session.SeatID) { s.turn.Revoke(id, string(seat)) }
	}
	if u := s.opts.PublicURL; u != nil {
		opts.AllowedOrigins = []string{u.Scheme + "://" + u.Host}
	}
	edge, err := signaling.New(opts)
	if err != nil && media != nil { // they are still ours
		for _, c := range []io.Closer{media.UDP, media.TCP} {
			if c != nil {
				err = errors.Join(err, c.Close())
			}
		}
	}
	return edge, err
}
