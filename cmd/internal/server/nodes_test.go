package server_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"belay/cmd/internal/person"
	"belay/cmd/internal/redistest"
	"belay/cmd/internal/server"
	"belay/session"
	"belay/session/store/redis"
)

// two are two servers on one Redis.
type two struct {
	t    *testing.T
	a, b *server.Server
	m    made
	at   map[session.SeatID]string // the place of each seat's page
	who  map[session.SeatID]*visitor
}

// startTwo starts two servers, and makes a session at the first whose client opened
// the link at the second.
func startTwo(t *testing.T) *two {
	t.Helper()
	where := &redis.Options{Addrs: []string{redistest.Start(t)}}
	w := &two{t: t, at: map[session.SeatID]string{}, who: map[session.SeatID]*visitor{}}
	w.a = start(t, server.Options{Redis: where})
	w.b = start(t, server.Options{Redis: where})
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
		Cookies: w.who[seat].http.Jar, Camera: seat != "chaperone-1",
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

