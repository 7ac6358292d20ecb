package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"belay/cmd/internal/person"
	"belay/session"
	"belay/session/store/redis/redistest"
	"belay/session/store/storetest"
)

// front is what stands before several nodes: it sends each connection to the first
// of them that says it is ready.
type front struct {
	listener net.Listener
	nodes    []*child
	first    atomic.Int32 // where it begins to look
	conns    sync.WaitGroup
	mu       sync.Mutex
	open     map[net.Conn]bool
}

func startFront(t *testing.T, nodes ...*child) *front {
	t.Helper()
	l, err := net.Listen("tcp", "localhost:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &front{listener: l, nodes: nodes, open: map[net.Conn]bool{}}
	f.conns.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			f.conns.Go(func() { f.carry(c) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		f.mu.Lock()
		for c := range f.open {
			_ = c.Close()
		}
		f.mu.Unlock()
		f.conns.Wait()
	})
	return f
}

func (f *front) url() string { return "http://" + f.listener.Addr().String() }

func (f *front) carry(c net.Conn) {
	defer c.Close()
	for i := range f.nodes {
		n := f.nodes[(int(f.first.Load())+i)%len(f.nodes)]
		if !n.answers("/readyz") {
			continue
		}
		d, err := net.Dial("tcp", strings.TrimPrefix(n.url, "http://"))
		if err != nil {
			continue
		}
		f.mu.Lock()
		f.open[c], f.open[d] = true, true
		f.mu.Unlock()
		var both sync.WaitGroup
		for _, way := range [][2]net.Conn{{c, d}, {d, c}} {
			both.Go(func() {
				_, _ = io.Copy(way[0], way[1])
				_ = way[0].Close()
			})
		}
		both.Wait()
		f.mu.Lock()
		delete(f.open, c)
		delete(f.open, d)
		f.mu.Unlock()
		return
	}
}

// cluster is some nodes on one Redis, and a dosed client's visit on them: the
// therapist comes to the first, the client and the chaperone to the second.
type cluster struct {
	t     *testing.T
	nodes []*child
	front *front

	robin, alex, sam *person.Person
	therapist        *person.Visitor
	id               string
}

func startCluster(t *testing.T, count int, relay bool) *cluster {
	t.Helper()
	return startClusterOn(t, count, relay, "redis://"+redistest.Alone(t).Addr)
}

// startClusterOn is startCluster on a Redis that is there.
func startClusterOn(t *testing.T, count int, relay bool, redis string, args ...string) *cluster {
	t.Helper()
	return startClusterAt(t, slices.Repeat([]string{redis}, count), relay, args...)
}

// startClusterAt is startCluster with a way of its own to Redis for each node.
func startClusterAt(t *testing.T, redis []string, relay bool, args ...string) *cluster {
	t.Helper()
	c := &cluster{t: t}
	for _, way := range redis {
		n := newChild(t, append([]string{"-redis", way}, args...)...)
		n.start()
		c.nodes = append(c.nodes, n)
	}
	c.front = startFront(t, c.nodes...)
	ctx := t.Context()
	v := c.visitor()
	c.check("the account", takesAccount(ctx, v, c.nodes[0].setUpLink()))
	made, err := plans(ctx, v, 0)
	c.check("the session", err)
	c.therapist, c.id = v, made.id
	sits := func(v *person.Visitor, place string, camera bool) *person.Person {
		p, err := person.Join(person.Options{URL: v.Socket(place), Cookies: v.Jar(), Camera: camera, Relay: relay && camera})
		c.check("to sit down", err)
		t.Cleanup(func() { _ = p.Close() })
		c.check("to sit down", p.Open(c.soon()))
		return p
	}
	c.robin = sits(v, made.place, true)
	c.front.first.Store(1)
	opens := func(seat string, camera bool) *person.Person {
		v := c.visitor()
		place, err := v.Open(ctx, made.links[seat])
		c.check("the link of "+seat, err)
		return sits(v, place, camera)
	}
	c.alex, c.sam = opens("client-1", true), opens("chaperone-1", false)
	c.sees(c.robin, "everybody", func(v session.View) bool { return here(v, "client-1") && here(v, "chaperone-1") })
	c.does(c.robin, session.Admit{Client: "client-1", Reason: "a test"})
	c.does(c.robin, session.RecordSwallowed{Client: "client-1", Mg: 100, Tablets: 1, At: c.robin.Now(), Reason: "a test"})
	c.check("the therapist's picture", c.robin.AwaitMedia(c.soon(), "client-1"))
	c.check("the client's picture", c.alex.AwaitMedia(c.soon(), "therapist-1"))
	return c
}

func (c *cluster) visitor() *person.Visitor {
	v, err := person.NewVisitor(c.front.url(), nil)
	c.check("a browser", err)
	return v
}

func (c *cluster) check(what string, err error) {
	c.t.Helper()
	if err != nil {
		c.t.Fatalf("%s: %v", what, err)
	}
}

func (c *cluster) soon() context.Context {
	ctx, cancel := context.WithTimeout(c.t.Context(), 30*time.Second)
	c.t.Cleanup(cancel)
	return ctx
}

func (c *cluster) does(p *person.Person, act session.Act) {
	c.t.Helper()
	done, err := p.Do(c.soon(), act)
	c.check(session.FactName(act), errors.Join(err, done.Err()))
}

func (c *cluster) sees(p *person.Person, what string, ok func(session.View) bool) {
	c.t.Helper()
	_, err := p.Await(c.soon(), ok)
	c.check("to see "+what, err)
}

func here(v session.View, seat session.SeatID) bool {
	for _, p := range v.People {
		if p.Seat == seat {
			return p.Present
		}
	}
	return false
}

// record is the log as it can be taken out.
func (c *cluster) record() []session.Event {
	c.t.Helper()
	var raw []byte
	c.check("the record", c.therapist.Ask(c.t.Context(), http.MethodGet, fmt.Sprintf("/api/sessions/%s/log", c.id), nil, &raw))
	return readEvents(c.t, raw, c.id)
}

// A node is killed with the therapist on it, and in the second story the master of Redis
// with it: the others find out, and nothing that is due comes later than it may.
func TestANodeThatDiesIsNoticedAndNothingDueIsLate(t *testing.T) {
	besideOthers(t)
	t.Run("alone", func(t *testing.T) {
		t.Parallel()
		c := startCluster(t, 2, true)
		c.check("the relay", c.alex.AwaitMedia(c.soon(), "relay")) // at the node that will die
		c.losesTheTherapistsNode(5*time.Second, func() {})
	})
	t.Run("with the master of Redis", func(t *testing.T) {
		t.Parallel()
		for range storetest.Rounds(1, 1, 10) {
			w := redistest.Sentinel(t, 1, 2*time.Second) // as deploy/ has it
			c := startClusterOn(t, 2, false, "redis://"+strings.Join(w.Sentinels, ",")+"?master="+w.Name)
			w.InStep()
			master := w.Master(t.Context())
			c.losesTheTherapistsNode(10*time.Second, func() { master.Kill() })
			if w.Master(t.Context()) == master {
				t.Error("the Sentinels still name the master that was killed")
			}
		}
	})
}

// losesTheTherapistsNode kills the node with the therapist on it, and whatever dies with
// it, and waits for the alarm, which may be that late.
func (c *cluster) losesTheTherapistsNode(atMost time.Duration, alsoDies func()) {
	t := c.t
	t.Helper()
	c.front.first.Store(1)        // whoever comes back comes there
	c.robin.Cut(40 * time.Second) // and the therapist does not for a while
	c.nodes[0].kill()
	killed := time.Now()
	alsoDies()
	c.sees(c.sam, "that the therapist is gone", func(v session.View) bool { return !here(v, "therapist-1") })
	noticed := time.Since(killed)

	var lost, alarm session.Event
	declared := 0
	for deadline := time.Now().Add(30 * time.Second); alarm.Seq == 0 && time.Now().Before(deadline); time.Sleep(200 * time.Millisecond) {
		declared = 0
		for _, e := range c.record() {
			switch f := e.Fact.(type) {
			case session.PeerLost:
				if f.Seat == "therapist-1" {
					lost = e
					declared++
				}
			case session.AlarmRaised:
				if f.Condition == session.TherapistGone && lost.Seq > 0 {
					alarm = e
				}
			}
		}
	}
	if alarm.Seq == 0 {
		t.Fatal("no alarm says that the therapist is gone")
	}
	late := alarm.Recorded.Sub(killed.UTC()) - 10*time.Second
	t.Logf("the loss was in the record %v after the death, heard last %v before it; the alarm came %v after its ten seconds",
		lost.Recorded.Sub(killed.UTC()).Round(time.Millisecond), killed.UTC().Sub(lost.At).Round(time.Millisecond), late.Round(time.Millisecond))
	if noticed > atMost || late > atMost {
		t.Errorf("noticed after %v, the alarm %v late", noticed, late)
	}
	if lost.At.After(killed) {
		t.Errorf("the record says that the therapist was heard %v after the node's death", lost.At.Sub(killed))
	}
	if declared != 1 {
		t.Errorf("the therapist was declared lost %d times", declared)
	}
}

// A node dies with the relay on it and nobody else: what went through it goes
// through the other one.
func TestTheRelayOfANodeThatDiesComesBackAtAnother(t *testing.T) {
	besideOthers(t)
	c := startCluster(t, 2, true)
	for _, p := range []*person.Person{c.robin, c.alex} {
		c.check("the relay", p.AwaitMedia(c.soon(), "relay"))
	}
	c.front.first.Store(1)
	c.nodes[0].kill()
	killed := time.Now()
	c.check("to come back", c.robin.Open(c.soon()))
	deadline := time.Now().Add(25 * time.Second)
	for c.alex.Flow("relay").Sound.Last.Before(killed.Add(500*time.Millisecond)) || c.robin.Flow("relay").Sound.Last.Before(killed.Add(500*time.Millisecond)) {
		if time.Now().After(deadline) {
			t.Fatalf("nothing comes by the relay again: %+v, %+v", c.alex.Flow("relay"), c.robin.Flow("relay"))
		}
		time.Sleep(50 * time.Millisecond)
	}
	end := time.Now()
	t.Logf("by the relay nothing came for %v; directly no longer than for %v",
		c.alex.Flow("relay").Sound.LongestGap(killed, end).Round(time.Millisecond),
		c.alex.Flow("therapist-1").Picture.LongestGap(killed, end).Round(time.Millisecond))
	if gap := c.alex.Flow("therapist-1").Picture.LongestGap(killed, end); gap > time.Second {
		t.Errorf("the direct picture stood for %v", gap)
	}
}

// Nodes are ended one after the other, as an update does it, with a visit on them.
func TestARollingRestartIsNotNoticed(t *testing.T) {
	besideOthers(t)
	c := startCluster(t, 2, true)
	for _, p := range []*person.Person{c.robin, c.alex} {
		c.check("the relay", p.AwaitMedia(c.soon(), "relay"))
	}
	rounds := storetest.Rounds(1, 1, 100)
	t.Log("restart of both | longest time without: a connection, the picture directly, sound by the relay (0: less than 250 ms) | round took")
	for round := range rounds {
		before := time.Now()
		c.restartAll(round)
		time.Sleep(time.Second) // the point is that it goes on
		end := time.Now()
		var longest time.Duration
		for _, p := range []*person.Person{c.robin, c.alex, c.sam} {
			for _, a := range p.Absences() {
				if a.To.After(before) {
					longest = max(longest, a.To.Sub(a.From))
				}
			}
		}
		direct := c.alex.Flow("therapist-1").Picture.LongestGap(before, end)
		relayed := c.alex.Flow("relay").Sound.LongestGap(before, end)
		t.Logf("%15d | %20v %20v %20v | %v", round+1, longest.Round(time.Millisecond), direct.Round(time.Millisecond), relayed.Round(time.Millisecond), end.Sub(before).Round(100*time.Millisecond))
		if longest > 3*time.Second || direct > time.Second || relayed > time.Second {
			t.Errorf("restart %d: without a connection for %v, without a picture for %v, without relayed sound for %v", round+1, longest, direct, relayed)
		}
	}
	notes := 0
	for _, e := range c.record() {
		if _, ok := e.Fact.(session.NoteWritten); ok {
			notes++
		}
	}
	if notes != 2*rounds {
		t.Errorf("the record has %d notes of %d", notes, 2*rounds)
	}
}

// restartAll ends one node after the other and starts it again, as an update does, and
// returns when everybody is there and a note was written after each.
func (c *cluster) restartAll(round int) {
	c.t.Helper()
	for i, n := range c.nodes {
		c.front.first.Store(int32(1 - i))
		if err := n.cmd.Process.Signal(syscall.SIGTERM); err != nil {
			c.t.Fatal(err)
		}
		<-n.ended
		if err := n.cmd.Wait(); err != nil {
			c.t.Errorf("the node ended with %v", err)
		}
		n.cmd = nil
		n.start()
		for _, p := range []*person.Person{c.robin, c.alex, c.sam} {
			c.check("to come back", p.Open(c.soon()))
		}
		c.does(c.robin, session.WriteNote{Text: fmt.Sprintf("after restart %d of node %d", round, i)})
	}
}
