package relay

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"runtime"
	"sync"
	"time"

	"belay/signaling/protocol"
)

// MaxSlots is how many others a page can see and hear at once.
const MaxSlots = 4

// roomsPerCore is the stated capacity: a room is two people with 1.2 Mbit/s of
// picture and their sound, both ways.
const roomsPerCore = 20

const (
	lookEvery   = 250 * time.Millisecond // steps, layers that ended, key frames that are due
	answerAfter = 5 * time.Second        // to gather our own addresses: they are known, this bounds a mistake
	maxWaiting  = 64                     // messages of one page
)

// ErrFull says that no further room can be opened now.
var ErrFull = errors.New("relay: every room is taken")

// Options say what a relay works with.
type Options struct {
	UDP       net.PacketConn // all media over UDP; nil: none
	TCP       net.Listener   // ICE over TCP (RFC 6544); nil: none
	Advertise []netip.Addr   // public addresses of a server behind 1:1 NAT, in place of its own; one IPv4 at least
	MaxRooms  int            // 0: what the processors bear
	Boot      string         // part of its name in each room: another for each process; "": made up

	// Say hands a message to a page: an answer, a question for an offer, its
	// slots. It must not block.
	Say func(session string, to protocol.PeerID, message any)
	Log *slog.Logger // session ids only; nil discards
}

func (o *Options) validate() error {
	switch {
	case o.UDP == nil && o.TCP == nil:
		return errors.New("relay: a UDP socket or a TCP listener is needed")
	case o.Say == nil:
		return errors.New("relay: Say is needed")
	case o.MaxRooms < 0:
		return errors.New("relay: MaxRooms is negative")
	}
	four := len(o.Advertise) == 0
	for _, a := range o.Advertise {
		if a = a.Unmap(); !a.IsValid() || a.IsUnspecified() || a.IsMulticast() {
			return fmt.Errorf("relay: %s can't be advertised", a)
		}
		four = four || a.Is4()
	}
	if !four {
		return errors.New("relay: advertise an IPv4 address too: many networks have nothing else")
	}
	if o.MaxRooms == 0 {
		o.MaxRooms = roomsPerCore * runtime.GOMAXPROCS(0)
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return nil
}

// Relay passes media on in all rooms of one process. Its methods may be called
// concurrently; whoever made it closes it.
type Relay struct {
	opts  Options
	stack *stack

	mu     sync.Mutex
	rooms  map[string]*room
	closed bool

	running sync.WaitGroup
	quit    chan struct{}
}

// New makes a relay. The sockets belong to it once it returns without an error.
func New(o Options) (*Relay, error) {
	if err := o.validate(); err != nil {
		return nil, err
	}
	if o.Boot == "" {
		var boot [4]byte
		rand.Read(boot[:]) // never fails
		o.Boot = hex.EncodeToString(boot[:])
	}
	s, err := newStack(o)
	if err != nil {
		return nil, err
	}
	r := &Relay{opts: o, stack: s, rooms: map[string]*room{}, quit: make(chan struct{})}
	r.running.Go(r.look)
	return r, nil
}

// ID is the relay's name in a session. It changes with the process, so that a
// page builds its connection anew after a restart instead of waiting for the old
// one to die.
func (r *Relay) ID(session string) protocol.PeerID { return PeerID(session, r.opts.Boot) }

// PeerID is the name in a session of the relay with this Options.Boot.
func PeerID(session, boot string) protocol.PeerID {
	const keep = 40
	name := make([]byte, 0, keep)
	for i := 0; i < len(session) && i < keep; i++ {
		switch c := session[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-':
			name = append(name, c)
		}
	}
	return protocol.PeerID("relay-" + string(name) + "-" + boot)
}

// Open gives a session a room, once; Shut takes it back. A session that has begun
// is never refused: it has its room above the stated number.
func (r *Relay) Open(session string, begun bool) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.closed:
		return net.ErrClosed
	case r.rooms[session] != nil:
		r.rooms[session].until = time.Time{}
		return nil
	case len(r.rooms) >= r.opts.MaxRooms && !begun:
		return ErrFull
	}
	r.rooms[session] = newRoom(r, session)
	return nil
}

// Shut ends a session's room, with every connection in it, without waiting for
// them: now, or after a while in which Open can take it up again as it is.
func (r *Relay) Shut(session string, linger time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	room := r.rooms[session]
	switch {
	case room == nil:
	case linger > 0:
		room.until = time.Now().Add(linger)
	default:
		delete(r.rooms, session)
		room.end()
	}
}

// Rooms is how many rooms are open, and for how many there is room.
func (r *Relay) Rooms() (open, most int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.rooms), r.opts.MaxRooms
}

func (r *Relay) room(session string) *room {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.rooms[session]
}

// Member is a page that may use the relay.
type Member struct {
	Seat string            // its seat, for the slots of the others
	Sees []protocol.PeerID // whom it may see and hear now, others without a seat in the room included
}

// SetMembers says who is in a session's room; whoever is no longer there is
// disconnected. The session must be open. It does not block, and calls nothing.
func (r *Relay) SetMembers(session string, members map[protocol.PeerID]Member) {
	if room := r.room(session); room != nil {
		room.setMembers(members)
	}
}

// Receive takes a page's message to the relay: an *protocol.Offer. Candidates and
// anything else are of no use to it. It does not block.
func (r *Relay) Receive(session string, from protocol.PeerID, message any) {
	room := r.room(session)
	if room == nil {
		return
	}
	if p := room.party(from); p != nil {
		if offer, ok := message.(*protocol.Offer); ok {
			p.post(func() { p.offered(offer) })
		}
	}
}

// Repeat tells a page its slots again: one that is back may have missed the last
// word. It does not block.
func (r *Relay) Repeat(session string, page protocol.PeerID) {
	if room := r.room(session); room != nil {
		if p := room.party(page); p != nil {
			p.post(p.saySlots)
		}
	}
}

// Heard is what the relay itself has measured of one page.
type Heard struct {
	Connected  bool          // it has a connection
	Route      string        // of it: "relay-udp", "relay-tcp", "": not known yet
	PacketAge  time.Duration // since the last packet, sound or picture; negative: none yet
	FrameAge   time.Duration // since the last new frame's last packet; negative: none yet
	SoundAge   time.Duration // since the last packet of sound; negative: none yet
	SoundLevel float64       // 0 to 1, as the sender says; 0 is digital silence; negative: it does not say
	Loss       float64       // 0 to 1: of what the relay sends to it, as it reports
}

// Heard returns what is measured now, by page. It does not block for long and
// calls nothing.
func (r *Relay) Heard(session string) map[protocol.PeerID]Heard {
	room := r.room(session)
	if room == nil {
		return nil
	}
	return room.heard(time.Now())
}

// look does what is due in every room.
func (r *Relay) look() {
	every := time.NewTicker(lookEvery)
	defer every.Stop()
	var rooms []*room
	for {
		select {
		case <-r.quit:
			return
		case <-every.C:
		}
		rooms = rooms[:0]
		now := time.Now()
		r.mu.Lock()
		for id, room := range r.rooms {
			if !room.until.IsZero() && now.After(room.until) {
				delete(r.rooms, id)
				room.end()
				continue
			}
			rooms = append(rooms, room)
		}
		r.mu.Unlock()
		for _, room := range rooms {
			room.look(now)
		}
	}
}

// Close disconnects everybody and returns when every goroutine has ended. The
// second call waits too.
func (r *Relay) Close() error {
	r.mu.Lock()
	first := !r.closed
	r.closed = true
	rooms := r.rooms
	r.rooms = map[string]*room{}
	r.mu.Unlock()
	if first {
		close(r.quit)
	}
	for _, room := range rooms {
		room.end()
	}
	r.running.Wait()
	if first {
		r.stack.close()
	}
	return nil
}
