package turnserver

import (
	"errors"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/pion/logging"
	"github.com/pion/turn/v5"
)

const (
	realm = "belay"

	defaultPerSeat    = 16 // a browser makes one for each network interface, and again with each ICE restart
	defaultPerAddress = 64 // a clinic behind one address
	defaultLifetime   = 10 * time.Minute

	largest = 1500 // bytes of one message; what is larger is dropped
)

// Options say what a server works with.
type Options struct {
	UDP     *net.UDPConn   // shared by STUN, TURN and the relay
	Streams []net.Listener // TURN over TCP, or over TLS that was taken off already
	Alone   bool           // nobody reads Media

	// Peer is the relay's media socket as it is advertised to browsers, IPv4: the
	// only address that TURN leads to. The zero value: STUN alone.
	Peer netip.AddrPort
	// Secret signs credentials, 32 bytes or more. Whoever has it can make them.
	Secret []byte
	// Lifetime is how long a credential can be used to begin; 0: 10 min.
	Lifetime time.Duration

	PerSeat    int // allocations of one seat at once; 0: 16
	PerAddress int // allocations from one address at once; 0: 64

	silence time.Duration // after which a connection with an allocation is cut off; 0: silentFor
	vacant  time.Duration // after which one without is; 0: allocateWithin
}

func (o *Options) validate() error {
	o.Peer = netip.AddrPortFrom(o.Peer.Addr().Unmap(), o.Peer.Port())
	switch {
	case o.UDP == nil:
		return errors.New("turnserver: a UDP socket is needed")
	case o.Peer.Addr().IsValid() && (!o.Peer.Addr().Is4() || o.Peer.Addr().IsUnspecified() || o.Peer.Port() == 0):
		return errors.New("turnserver: the relay's address must be an IPv4 address with a port")
	case o.Peer.Addr().IsValid() && len(o.Secret) < 32:
		return errors.New("turnserver: a secret of 32 bytes is needed")
	case len(o.Streams) > 0 && !o.Peer.IsValid():
		return errors.New("turnserver: TURN leads to the relay, and there is none")
	case o.PerSeat < 0 || o.PerAddress < 0 || o.Lifetime < 0:
		return errors.New("turnserver: quotas and lifetimes are not negative")
	}
	if o.PerSeat == 0 {
		o.PerSeat = defaultPerSeat
	}
	if o.PerAddress == 0 {
		o.PerAddress = defaultPerAddress
	}
	if o.Lifetime == 0 {
		o.Lifetime = defaultLifetime
	}
	if o.silence == 0 {
		o.silence = silentFor
	}
	if o.vacant == 0 {
		o.vacant = allocateWithin
	}
	return nil
}

// Server answers STUN and TURN. Its methods may be called concurrently; whoever
// made it closes it.
type Server struct {
	opts  Options
	now   func() time.Time
	front *front
	turn  *turn.Server

	mu      sync.Mutex
	closed  bool
	revoked map[string]time.Time // by tag of a session, or of a seat: what was issued until then
	ways    map[uint16]*way      // allocations, by the port of their made-up address
	next    uint16
	seats   map[string]int // allocations by seat
	from    map[netip.Addr]int
	streams map[string]*stream // by remote address

	running sync.WaitGroup // reader of the socket, streams, allocations

	permissions *permissions
}

// New makes a server. The socket and the listeners belong to it, also when it
// fails; Close closes them.
func New(o Options) (*Server, error) { return start(o, time.Now) }

func start(o Options, now func() time.Time) (_ *Server, err error) {
	s := &Server{now: now, revoked: map[string]time.Time{}, ways: map[uint16]*way{},
		seats: map[string]int{}, from: map[netip.Addr]int{}, streams: map[string]*stream{}, permissions: newPermissions()}
	defer func() {
		if err == nil {
			return
		}
		if o.UDP != nil {
			err = errors.Join(err, o.UDP.Close())
		}
		for _, l := range o.Streams {
			err = errors.Join(err, l.Close())
		}
	}()
	if err := o.validate(); err != nil {
		return nil, err
	}
	s.opts = o
	s.front = newFront(s, o.UDP)
	config := turn.ServerConfig{
		Realm:               realm,
		LoggerFactory:       &logging.DefaultLoggerFactory{DefaultLogLevel: logging.LogLevelDisabled}, // its words name addresses
		StrictAddressFamily: true,
		InboundMTU:          largest + 1,
		PacketConnConfigs: []turn.PacketConnConfig{{PacketConn: s.front.line,
			RelayAddressGenerator: (*generator)(s), PermissionHandler: s.permits}},
	}
	if o.Peer.IsValid() {
		config.AuthHandler = s.authenticate
		config.QuotaHandler = s.withinQuota
		config.EventHandler = turn.EventHandler{OnAllocationCreated: s.settle, OnAllocationDeleted: s.unsettle,
			OnPermissionCreated: s.permissions.created, OnPermissionDeleted: s.permissions.deleted}
		for _, l := range o.Streams {
			config.ListenerConfigs = append(config.ListenerConfigs, turn.ListenerConfig{Listener: &streams{Listener: l, server: s},
				RelayAddressGenerator: (*generator)(s), PermissionHandler: s.permits})
		}
	}
	s.running.Add(1) // the reader of the line; see line.ReadFrom
	if s.turn, err = turn.NewServer(config); err != nil {
		return nil, err
	}
	if o.Alone {
		s.running.Go(s.front.discard)
	}
	return s, nil
}

// Media is the relay's part of the UDP socket. Its reader must be quick: it reads
// for STUN and TURN too. One goroutine reads at a time. Closing it closes the
// socket.
func (s *Server) Media() net.PacketConn { return s.front }

// Allocations is how many allocations there are now.
func (s *Server) Allocations() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.ways)
}

// Close ends every connection and allocation, closes the socket and the listeners,
// and returns when all has ended. The second call waits too.
func (s *Server) Close() error {
	s.mu.Lock()
	first := !s.closed
	s.closed = true
	ways, streams := s.allWays(nil), make([]*stream, 0, len(s.streams))
	for _, st := range s.streams {
		streams = append(streams, st)
	}
	s.mu.Unlock()
	var err error
	if first {
		err = s.turn.Close()
	}
	for _, w := range ways {
		_ = w.Close() // it has no socket that could fail
	}
	for _, st := range streams {
		_ = st.Conn.Close() // whatever its state is, it ends
	}
	if closing := s.front.Close(); first && closing != nil && !errors.Is(closing, net.ErrClosed) {
		err = errors.Join(err, closing)
	}
	s.running.Wait()
	return err
}
