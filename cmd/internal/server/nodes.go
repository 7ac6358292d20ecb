package server

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strconv"
	"time"

	"belay/session/live"
	"belay/session/store/redis"
	"belay/signaling"
	"belay/signaling/protocol"
)

// nodes are the servers on one Redis, as this one sees them.
type nodes struct {
	*redis.Store
	*redis.Member
}

var (
	_ live.Nodes      = (*nodes)(nil)
	_ signaling.Nodes = (*nodes)(nil)
)

// Running implements live.Nodes.
func (n *nodes) Running() []string {
	var all []string
	for _, p := range n.Others() {
		all = append(all, p.Name)
	}
	return all
}

// Heirs implements signaling.Nodes: those with a relay that are not about to end.
func (n *nodes) Heirs() []string {
	var all []string
	for _, p := range n.Others() {
		if way, ok := readWay(p.About); ok && way.Relay && !p.Draining {
			all = append(all, p.Name)
		}
	}
	return all
}

// Others says, for operators, which servers share the record with this one.
func (s *Server) Others() (all []string) {
	if s.nodes != nil {
		for _, p := range s.nodes.Others() {
			all = append(all, p.Words)
		}
	}
	return all
}

// way is how pages reach the relay of a node. It tells the others, so that each can
// send its pages there.
type way struct {
	Relay  bool   `json:"relay"`            // it has one
	Name   string `json:"name,omitempty"`   // host; empty: as the page calls the server
	STUN   int    `json:"stun,omitempty"`   // UDP port; 0: none
	TURN   int    `json:"turn,omitempty"`   // TCP port; 0: none
	Secure bool   `json:"secure,omitempty"` // TURN is under TLS
}

func readWay(about []byte) (w way, ok bool) {
	err := json.Unmarshal(about, &w)
	return w, err == nil
}

// way is this server's own.
func (s *Server) way() way {
	w := way{Relay: s.relays, Name: s.opts.MediaName, Secure: s.cert != nil}
	if s.turn != nil {
		if at, ok := s.turn.Media().LocalAddr().(*net.UDPAddr); ok {
			w.STUN = at.Port
		}
		if s.turnTCP != nil {
			w.TURN = s.turnTCP.Port
		}
	}
	return w
}

// wayOf is how pages reach the relay of a node; false: it is not known.
func (s *Server) wayOf(home string) (way, bool) {
	if s.nodes == nil || home == "" || home == s.nodes.Name() {
		return s.way(), true
	}
	for _, p := range s.nodes.Others() {
		if p.Name == home {
			return readWay(p.About)
		}
	}
	return way{}, false
}

// say tells the other nodes how this one's relay is reached, and whether it ends.
func (s *Server) say(ctx context.Context, draining bool) error {
	about, err := json.Marshal(s.way())
	if err != nil {
		return err
	}
	return s.nodes.Say(ctx, about, draining)
}

// join takes this server's place among the nodes on a Redis.
func (s *Server) join(ctx context.Context, log *redis.Store, id string) error {
	host, err := os.Hostname()
	if err != nil {
		host = "a machine without a name"
	}
	member, err := log.Join(ctx, redis.Node{ID: id, Words: fmt.Sprintf("%s, process %d, since %s", host, os.Getpid(), time.Now().UTC().Format("2006-01-02 15:04:05 UTC"))})
	if err != nil {
		return err
	}
	s.nodes = &nodes{log, member}
	done := make(chan struct{})
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		select {
		case <-member.Lost():
			s.failed <- fmt.Errorf("this Redis is being moved by somebody else: this node was away for too long. It ends, so that nobody writes where the record is not any more")
		case <-done:
		}
	}()
	s.onClose("the node's place on Redis", 5*time.Second, func(context.Context) error {
		close(done)
		<-watched
		if err := member.Leave(); err != nil { // nothing is lost by it: that is no failure of ours
			s.opts.Log.Warn("Redis is away at the end", "err", err)
		}
		return nil
	})
	return nil
}

// noticed is how long it takes those who send people here to see that this server
// is about to end.
const noticed = 2 * time.Second

// handOver gives what this server does to the nodes beside it, where there are any,
// before anybody is told to go there.
func (s *Server) handOver(ctx context.Context, edge *signaling.Edge) {
	began := time.Now()
	within, cancel := context.WithTimeout(ctx, noticed)
	err := s.say(within, true) // it hears of the others too
	cancel()
	if err != nil {
		s.opts.Log.Warn("the other nodes could not be told that this one ends", "err", err)
	}
	if len(s.nodes.Heirs()) == 0 {
		return
	}
	edge.Drain(ctx)
	select {
	case <-time.After(time.Until(began.Add(noticed))):
	case <-ctx.Done():
	}
}

// turnServer is how pages reach TURN at a node.
func (w way) turnServer(name, username, password string) protocol.ICEServer {
	scheme := "turns:"
	if !w.Secure {
		scheme = "turn:"
	}
	return protocol.ICEServer{For: "relay", Username: username, Credential: password,
		URLs: []string{scheme + net.JoinHostPort(name, strconv.Itoa(w.TURN)) + "?transport=tcp"}}
}

// nameOr is the host at which a node is reached: its own name, else as the page
// calls the server.
func (w way) nameOr(host string) string {
	if w.Name != "" {
		return w.Name
	}
	return host
}

// hostOrAddress reports whether a name can stand in an address.
func hostOrAddress(name string) bool {
	_, err := netip.ParseAddr(name)
	return err == nil || plainHost.MatchString(name)
}
