package server_test

import (
	"net"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/pion/turn/v5"

	"belay/cmd/internal/person"
	"belay/cmd/internal/server"
	"belay/session"
	"belay/session/store/redis"
	"belay/session/store/redis/redistest"
	"belay/signaling/protocol"
)

// sitsApart is a visit whose relay is at the therapist's node, with everybody else at the
// other; the client's network lets nothing out but TURN.
func (w *two) sitsApart() (robin, alex, sam *person.Person) {
	w.t.Helper()
	w.relay = true
	robin = w.sits("therapist-1", w.a) // its node is the home
	awaits(w.t, robin, "no view", func(session.View) bool { return true })
	w.turn = true
	alex, sam = w.sits("client-1", w.b), w.sits("chaperone-1", w.b)
	awaits(w.t, robin, "somebody is not there", func(v session.View) bool { return present(v, "client-1") && present(v, "chaperone-1") })
	awaits(w.t, sam, "no view", func(session.View) bool { return true })
	return robin, alex, sam
}

// turnOf is what a page reaches the relay by.
func turnOf(t *testing.T, p *person.Person) protocol.ICEServer {
	t.Helper()
	for _, s := range p.Servers() {
		if s.For == "relay" && len(s.URLs) == 1 {
			return s
		}
	}
	t.Fatalf("no way through TURN among %v", p.Servers())
	return protocol.ICEServer{}
}

// leadsTo reports whether TURN is asked for at a server.
func leadsTo(way protocol.ICEServer, s *server.Server) bool {
	return way.URLs[0] == "turn:"+s.Addr().String()+"?transport=tcp"
}

// allocates asks for an allocation as a page does, and keeps it until the test ends.
func allocates(t *testing.T, way protocol.ICEServer, peer net.Addr) (permits func() error, err error) {
	t.Helper()
	u, err := url.Parse(way.URLs[0])
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", u.Opaque)
	if err != nil {
		t.Fatal(err)
	}
	c, err := turn.NewClient(&turn.ClientConfig{TURNServerAddr: u.Opaque, Username: way.Username, Password: way.Credential,
		Conn: turn.NewSTUNConn(conn), RTO: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close(); conn.Close() })
	if err := c.Listen(); err != nil {
		t.Fatal(err)
	}
	allocation, err := c.Allocate()
	if err != nil {
		return nil, err
	}
	t.Cleanup(func() { _ = allocation.Close() }) // it may have been ended
	return func() error { return c.CreatePermission(peer) }, nil
}

// hearsAfter waits for sound by the relay that came after a moment.
func hearsAfter(t *testing.T, p *person.Person, moment time.Time, when string) {
	t.Helper()
	for deadline := time.Now().Add(15 * time.Second); !p.Flow("relay").Sound.Last.After(moment); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s nothing comes by the relay: %+v", when, p.Flow("relay"))
		}
	}
}

// Whoever can reach the relay by TURN alone reaches it at another node than their own,
// goes on when their network has changed long after the first credential has ended, and
// follows the relay when its node does.
func TestTheOnlyWayOutLeadsToTheRelayAtAnotherNodeAndFollowsIt(t *testing.T) {
	t.Parallel()
	const lifetime = 4 * time.Second
	w := startTwo(t, server.Options{Credentials: lifetime})
	robin, alex, _ := w.sitsApart()
	first := turnOf(t, alex)
	if !leadsTo(first, w.a) {
		t.Fatalf("the relay is at %s, the page's TURN is %s", w.a.Addr(), first.URLs[0])
	}
	does(t, robin, session.Admit{Client: "client-1", Reason: "a test"})
	for name, p := range map[string]*person.Person{"therapist": robin, "client": alex} {
		if err := p.AwaitMedia(soon(t), "relay"); err != nil {
			t.Fatalf("the %s receives nothing by the relay: %v", name, err)
		}
	}

	time.Sleep(lifetime) // by the clock of TURN's server, which is a real one
	if _, err := allocates(t, first, nil); err == nil {
		t.Error("a credential that has ended still begins something")
	}
	if turnOf(t, alex).Username == first.Username {
		t.Error("the page has no other credential than the one that has ended")
	}
	alex.MoveNetwork()
	hearsAfter(t, alex, time.Now().Add(time.Second), "after a change of network")

	before := time.Now()
	if err := w.a.Close(); err != nil {
		t.Fatal(err)
	}
	if next := turnOf(t, alex); !leadsTo(next, w.b) {
		t.Errorf("the relay is at %s now, the page's TURN is %s", w.b.Addr(), next.URLs[0])
	}
	hearsAfter(t, alex, time.Now().Add(time.Second), "after the relay's node has ended")
	gap := alex.Flow("relay").Sound.LongestGap(before, time.Now())
	t.Logf("the longest silence by TURN while the relay moved was %v", gap.Round(time.Millisecond))
	if gap > time.Second {
		t.Errorf("silence of %v by TURN while the relay moved", gap)
	}
}

// What opens TURN at the relay's node ends there, whatever node it was given out by.
func TestACredentialEndsAtTheRelaysNodeWithItsLinkAndWithTheVisit(t *testing.T) {
	t.Parallel()
	w := startTwo(t)
	robin, alex, sam := w.sitsApart()
	relay, err := net.ResolveUDPAddr("udp", strings.TrimPrefix(servers(protocol.Welcome{ICEServers: robin.Servers()}, "direct")[0], "stun:"))
	if err != nil {
		t.Fatal(err)
	}
	client, chaperone := turnOf(t, alex), turnOf(t, sam)
	opens := map[string]func() error{}
	for seat, way := range map[string]protocol.ICEServer{"client": client, "chaperone": chaperone} {
		permits, err := allocates(t, way, relay)
		if err != nil || permits() != nil {
			t.Fatalf("the %s does not reach the relay's node: %v", seat, err)
		}
		opens[seat] = permits
	}
	ends := func(seat string, way protocol.ICEServer) {
		t.Helper()
		for deadline := time.Now().Add(10 * time.Second); opens[seat]() == nil; time.Sleep(20 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("what the %s has at the relay's node lives on", seat)
			}
		}
		if _, err := allocates(t, way, relay); err == nil {
			t.Errorf("the %s begins anew with what was taken back", seat)
		}
	}
	w.who["therapist-1"].ask(200, "DELETE", "/api/sessions/"+w.m.id+"/links/client-1", nil)
	ends("client", client)
	if err := opens["chaperone"](); err != nil {
		t.Errorf("somebody else's link was withdrawn, and the chaperone's way is closed: %v", err)
	}
	does(t, robin, session.Cancel{Client: "client-1", Reason: "a test"})
	does(t, robin, session.Sign{})
	ends("chaperone", chaperone)
}

// A node that has only just come may have a relay before the others have heard how it is
// reached: pages are told as soon as they have, and not when their credentials need it.
func TestAPageIsToldTheWayToARelayAsSoonAsItIsKnown(t *testing.T) {
	t.Parallel()
	where := redis.Options{Addrs: []string{redistest.Alone(t).Addr}}
	s := start(t, server.Options{Redis: &where})
	robin := therapist(t, s)
	m := robin.make(plain())
	bare, err := redis.Open(t.Context(), where)
	if err != nil {
		t.Fatal(err)
	}
	defer bare.Close()
	node, err := bare.Join(t.Context(), redis.Node{ID: "third", Words: "a node of the test's own"})
	if err != nil {
		t.Fatal(err)
	}
	defer node.Leave()
	for deadline := time.Now().Add(10 * time.Second); len(s.Others()) == 0; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the server does not see the other node")
		}
	}
	if home, err := bare.SetHome(t.Context(), m.id, "", node.Name()); err != nil || home != node.Name() {
		t.Fatalf("the relay is at %q: %v", home, err)
	}

	w := &two{t: t, at: map[session.SeatID]string{"therapist-1": m.place}, who: map[session.SeatID]*visitor{"therapist-1": robin}}
	p := w.sits("therapist-1", s)
	awaits(t, p, "no view", func(session.View) bool { return true })
	if all := servers(protocol.Welcome{ICEServers: p.Servers()}, "relay"); len(all) != 0 {
		t.Fatalf("nobody knows how that relay is reached, and the page is told %v", all)
	}
	if err := node.Say(t.Context(), []byte(`{"relay":true,"name":"n3.belay.example","turn":443,"secure":true}`), false); err != nil {
		t.Fatal(err)
	}
	said := time.Now()
	for len(servers(protocol.Welcome{ICEServers: p.Servers()}, "relay")) == 0 {
		if time.Since(said) > 10*time.Second {
			t.Fatal("the page is not told the way")
		}
		time.Sleep(10 * time.Millisecond)
	}
	if way := turnOf(t, p); way.URLs[0] != "turns:n3.belay.example:443?transport=tcp" {
		t.Errorf("the page is told %v", way.URLs)
	}
}
