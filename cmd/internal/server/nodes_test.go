package server_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/gorilla/websocket"

	"belay/cmd/internal/person"
	"belay/cmd/internal/server"
	"belay/session"
	"belay/signaling/protocol"
)

// two are two servers on one Redis.
type two struct {
	t    *testing.T
	a, b *server.Server
	m    made
	at   map[session.SeatID]string // the place of each seat's page
	who  map[session.SeatID]*visitor

	relay bool // whoever sits down uses the relay too,
	turn  bool // and by TURN alone
}

// startTwo starts two servers, and makes a session at the first whose client opened
// the link at the second. Both are run with the first of opts.
func startTwo(t *testing.T, opts ...server.Options) *two {
	t.Helper()
	where := deployedRedis(t)
	w := &two{t: t, at: map[session.SeatID]string{}, who: map[session.SeatID]*visitor{}}
	o := append(opts, server.Options{})[0]
	o.Redis = where
	w.a, w.b = start(t, o), start(t, o)
	robin := therapist(t, w.a)
	w.m = robin.make(plain())
	w.who["therapist-1"], w.at["therapist-1"] = robin, w.m.place
	for _, seat := range []session.SeatID{"client-1", "chaperone-1"} {
		v := visit(t, w.b.URL())
		w.who[seat], w.at[seat] = v, v.open(200, w.m.links[string(seat)])["location"].(string)
	}
	return w
}

// sits has somebody take a seat at a server.
func (w *two) sits(seat session.SeatID, s *server.Server) *person.Person {
	w.t.Helper()
	p, err := person.Join(person.Options{
		URL:     strings.Replace(s.URL(), "http", "ws", 1) + w.at[seat] + "ws",
		Cookies: w.who[seat].http.Jar, Camera: seat != "chaperone-1", Relay: w.relay, TURN: w.turn,
	})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = p.Close() })
	return p
}

func soon(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// does has a seat do something, and returns the number of what it caused.
func does(t testing.TB, p *person.Person, act session.Act) uint64 {
	t.Helper()
	done, err := p.Do(soon(t), act)
	if err == nil {
		err = done.Err()
	}
	if err != nil {
		t.Fatalf("%s: %v", session.FactName(act), err)
	}
	return done.Seq
}

func awaits(t testing.TB, p *person.Person, what string, ok func(session.View) bool) session.View {
	t.Helper()
	v, err := p.Await(soon(t), ok)
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	return v
}

func TestPeopleOnTwoNodesShareOneSession(t *testing.T) {
	t.Parallel()
	w := startTwo(t)
	robin := w.sits("therapist-1", w.a)
	alex := w.sits("client-1", w.b)
	sam := w.sits("chaperone-1", w.b)

	// A command at one node is on every screen, with the same number.
	awaits(t, robin, "the client is not there", func(v session.View) bool { return present(v, "client-1") && present(v, "chaperone-1") })
	admitted := does(t, robin, session.Admit{Client: "client-1", Reason: "a test"})
	arrived := does(t, sam, session.RaiseAlarm{Client: "client-1", Condition: session.PleaseCome})
	if arrived <= admitted {
		t.Errorf("the second command has the number %d, the first %d", arrived, admitted)
	}
	for name, p := range map[string]*person.Person{"therapist": robin, "client": alex, "chaperone": sam} {
		awaits(t, p, name+" does not see both commands", func(v session.View) bool { return v.Seq >= arrived })
	}

	// Offers, answers and candidates cross, and picture and sound flow.
	if err := robin.AwaitMedia(soon(t), "client-1"); err != nil {
		t.Errorf("the therapist does not see and hear the client: %v; %+v", err, robin.Flow("client-1"))
	}
	if err := alex.AwaitMedia(soon(t), "therapist-1"); err != nil {
		t.Errorf("the client does not see and hear the therapist: %v", err)
	}
}

func present(v session.View, seat session.SeatID) bool {
	for _, p := range v.People {
		if p.Seat == seat {
			return p.Present
		}
	}
	return false
}

func TestASeatThatIsTakenAtAnotherNodeIsLeftAtThisOne(t *testing.T) {
	t.Parallel()
	w := startTwo(t)
	robin := w.sits("therapist-1", w.a)
	first := w.sits("client-1", w.b)
	for range 3 { // to and fro
		for _, at := range []*server.Server{w.a, w.b} {
			awaits(t, robin, "the client is not there", func(v session.View) bool { return present(v, "client-1") })
			second := w.sits("client-1", at)
			awaits(t, second, "the newcomer has no view", func(v session.View) bool { return present(v, "client-1") })
			_ = first.AwaitEnd(soon(t))
			if ended, ok := errors.AsType[*person.Ended](first.Ended()); !ok || ended.Code != protocol.CloseReplaced {
				t.Fatalf("the former place ended with %v", first.Ended())
			}
			first = second
		}
	}
	does(t, robin, session.Admit{Client: "client-1", Reason: "a test"})
	if err := robin.AwaitMedia(soon(t), "client-1"); err != nil {
		t.Errorf("the newcomer is not seen: %v", err)
	}
	if !present(awaits(t, robin, "nothing", func(session.View) bool { return true }), "client-1") {
		t.Error("the loss of a connection that was replaced took the newcomer's presence away")
	}
}

func TestALinkThatIsWithdrawnAtOneNodeEndsItsPageAtAnother(t *testing.T) {
	t.Parallel()
	w := startTwo(t)
	alex := w.sits("client-1", w.b)
	awaits(t, alex, "no view", func(v session.View) bool { return present(v, "client-1") })
	w.who["therapist-1"].ask(200, "DELETE", "/api/sessions/"+w.m.id+"/links/client-1", nil)
	_ = alex.AwaitEnd(soon(t))
	if ended, ok := errors.AsType[*person.Ended](alex.Ended()); !ok || ended.Code != protocol.CloseRevoked {
		t.Errorf("the page ended with %v", alex.Ended())
	}
}

// The relay of a session is handed over before its node ends: what comes through it
// has no gap that anybody would see.
func TestANodeThatEndsHandsTheRelayOverFirst(t *testing.T) {
	t.Parallel()
	w := startTwo(t)
	w.relay = true
	robin := w.sits("therapist-1", w.a) // its node is the home
	awaits(t, robin, "no view", func(session.View) bool { return true })
	alex := w.sits("client-1", w.b)
	awaits(t, robin, "the client is not there", func(v session.View) bool { return present(v, "client-1") })
	does(t, robin, session.Admit{Client: "client-1", Reason: "a test"})
	for name, p := range map[string]*person.Person{"therapist": robin, "client": alex} {
		if err := p.AwaitMedia(soon(t), "relay"); err != nil {
			t.Fatalf("the %s receives nothing by the relay at the other node: %v; %+v", name, err, p.Flow("relay"))
		}
	}
	before := time.Now()
	began := make(chan error, 1)
	go func() { began <- w.a.Close() }()
	status := func() int {
		res, err := http.Get(w.a.URL() + "/readyz")
		if err != nil {
			return 0
		}
		res.Body.Close()
		return res.StatusCode
	}
	if got := status(); got != http.StatusServiceUnavailable {
		t.Errorf("while it hands over, /readyz says %d", got)
	}
	if err := <-began; err != nil {
		t.Fatal(err)
	}
	took := time.Since(before)
	time.Sleep(time.Second) // the point is that it goes on
	gap := alex.Flow("relay").Sound.LongestGap(before, time.Now())
	t.Logf("the node ended after %v; the longest silence by the relay was %v", took.Round(time.Millisecond), gap.Round(time.Millisecond))
	direct := alex.Flow("therapist-1").Picture.LongestGap(before, time.Now())
	if gap > 500*time.Millisecond || direct > time.Second {
		t.Errorf("silence of %v by the relay, a picture that stood for %v directly", gap, direct)
	}
	if took > 10*time.Second {
		t.Errorf("it took %v", took)
	}
}

func TestASignInCountsAtEveryNodeAtOnce(t *testing.T) {
	t.Parallel()
	w := startTwo(t)
	robin := visit(t, w.a.URL())
	for range 3 {
		robin.base = w.a.URL()
		robin.ask(200, "POST", "/api/signin", map[string]any{"email": "robin@example.org", "password": passphrase})
		robin.base = w.b.URL()
		robin.ask(200, "GET", "/api/sessions", nil)
		robin.ask(200, "POST", "/api/signout", map[string]any{})
		robin.base = w.a.URL()
	}
}

// The page of a sign-in that has ended has to show again that it may be here. Until then
// it is met for some seconds: at the other nodes too, whose pages send it their pictures.
func TestAPageWhoseSignInEndedIsMetNoLongerAtTheOtherNodes(t *testing.T) {
	t.Parallel()
	w := startTwo(t)
	robin := w.sits("therapist-1", w.a)
	alex := w.listens("client-1", w.b)
	await := func(what string, ok func(protocol.Peers) bool) time.Duration {
		t.Helper()
		began := time.Now()
		for peers := range alex {
			if ok(peers) {
				return time.Since(began)
			}
		}
		t.Fatalf("%s: the page at the other node was never told", what)
		return 0
	}
	meets := func(p protocol.Peers) bool {
		return slices.ContainsFunc(p.Peers, func(q protocol.Peer) bool { return q.Peer == robin.Peer() })
	}
	does(t, robin, session.Admit{Client: "client-1", Reason: "a test"})
	await("the therapist is there", meets)
	w.who["therapist-1"].ask(200, "POST", "/api/signout", map[string]any{})
	took := await("the therapist was turned out", func(p protocol.Peers) bool { return !meets(p) && slices.Contains(p.TurnedOut, robin.Peer()) })
	if t.Logf("after %v", took.Round(time.Millisecond)); took > 15*time.Second {
		t.Errorf("it goes on sending to a page that was signed out %v ago", took)
	}
}

// listens has a page of a seat at a server that hears whom it meets and does nothing else.
func (w *two) listens(seat session.SeatID, s *server.Server) <-chan protocol.Peers {
	w.t.Helper()
	dialer := websocket.Dialer{Jar: w.who[seat].http.Jar, Subprotocols: []string{protocol.Subprotocol}}
	ws, _, err := dialer.DialContext(soon(w.t), strings.Replace(s.URL(), "http", "ws", 1)+w.at[seat]+"ws", http.Header{"Origin": {s.URL()}})
	if err != nil {
		w.t.Fatal(err)
	}
	send := func(m any) error {
		frame, err := protocol.Encode(m)
		if err != nil {
			return err
		}
		return ws.WriteMessage(websocket.TextMessage, frame)
	}
	if err := send(protocol.Hello{Peer: protocol.PeerID(uuid.NewString()), Media: true}); err != nil {
		w.t.Fatal(err)
	}
	heard := make(chan protocol.Peers, 100)
	ended := make(chan struct{})
	var both sync.WaitGroup
	both.Go(func() {
		defer close(heard)
		for {
			_, frame, err := ws.ReadMessage()
			if err != nil {
				return
			}
			if m, err := protocol.DecodeFromServer(frame); err == nil {
				if peers, ok := m.(*protocol.Peers); ok {
					select {
					case heard <- *peers:
					case <-ended:
					}
				}
			}
		}
	})
	both.Go(func() { // as pages do each second
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				_ = send(protocol.Telemetry{Visible: true})
			case <-ended:
				return
			}
		}
	})
	w.t.Cleanup(func() { close(ended); _ = ws.Close(); both.Wait() })
	time.AfterFunc(80*time.Second, func() { _ = ws.Close() })
	return heard
}
