package person_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"go.uber.org/goleak"

	"belay/cmd/internal/person"
	"belay/session"
	"belay/session/live"
	"belay/session/store/bolt"
	"belay/signaling"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// place is a running edge over the embedded store. Its gatekeeper lets in whoever
// names the token.
type place struct {
	url      string // ws://host
	sessions *live.Sessions
	server   *httptest.Server
}

type token string

func (t token) Admit(r *http.Request, _ string, _ session.SeatID) (func(context.Context) error, error) {
	if r.URL.Query().Get("token") != string(t) {
		return nil, &session.Refusal{Code: "not_admitted", Words: "nobody knows you here"}
	}
	return nil, nil
}

func open(t testing.TB) *place { return openStore(t, bolt.Options{}) }

func openStore(t testing.TB, o bolt.Options) *place {
	t.Helper()
	o.Path = filepath.Join(t.TempDir(), "belay.db")
	db, err := bolt.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	sessions, err := live.New(live.Options{Store: db})
	if err != nil {
		t.Fatal(err)
	}
	if err := sessions.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	edge, err := signaling.New(signaling.Options{Sessions: sessions, Gatekeeper: token("let-me-in")})
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle(signaling.Pattern, edge)
	server := httptest.NewServer(mux)
	t.Cleanup(func() {
		for _, end := range []func() error{edge.Close, sessions.Close, db.Close} {
			if err := end(); err != nil {
				t.Error(err)
			}
		}
		server.Close()
	})
	return &place{url: "ws" + strings.TrimPrefix(server.URL, "http"), sessions: sessions, server: server}
}

// session makes a session in which the client has been admitted, and returns its id.
func (p *place) session(t testing.TB) string {
	t.Helper()
	id := uuid.NewString()
	now := session.Instant(time.Now())
	create := session.CreateSession{
		ID: id, Owner: "owner", StartsAt: now, Settings: session.DefaultSettings(), Practice: true, Pace: session.Pace{Epoch: now, Rate: 1},
		Seats: []session.Seat{
			{ID: "therapist-1", Role: session.Therapist, Name: "Kim"},
			{ID: "client-1", Role: session.Client, Name: "Alex"},
			{ID: "chaperone-1", Role: session.Chaperone, Name: "Sam"},
		},
		Orders: map[session.SeatID]session.Order{"client-1": {Product: "lozenge", DoseMg: 100, Tablets: 1, TotalMg: 100, Number: 1, Of: 6}},
	}
	if err := p.sessions.Create(t.Context(), id, session.Command{ID: "create", Seat: session.Server, Do: create}); err != nil {
		t.Fatal(err)
	}
	for i, act := range []session.Act{
		session.WriteNote{Text: "the first act of a person opens the lobby"},
		session.Admit{Client: "client-1", Reason: "a test"},
	} {
		if _, err := p.sessions.Do(t.Context(), id, session.Command{ID: fmt.Sprint(i), Seat: "therapist-1", Do: act}); err != nil {
			t.Fatal(err)
		}
	}
	return id
}

// options are those of somebody who takes a seat of the session.
func (p *place) options(id string, seat session.SeatID) person.Options {
	return person.Options{URL: fmt.Sprintf("%s/s/%s/%s/ws?token=let-me-in", p.url, id, seat), Camera: seat != "chaperone-1"}
}

func join(t testing.TB, o person.Options) *person.Person {
	t.Helper()
	p, err := person.Join(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

func soon(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// meet waits until both see and hear each other.
func meet(t testing.TB, therapist, client *person.Person) {
	t.Helper()
	ctx := soon(t)
	if err := therapist.AwaitMedia(ctx, "client-1"); err != nil {
		t.Fatalf("the therapist does not see and hear the client: %v; %+v", err, therapist.Flow("client-1"))
	}
	if err := client.AwaitMedia(ctx, "therapist-1"); err != nil {
		t.Fatalf("the client does not see and hear the therapist: %v; %+v", err, client.Flow("therapist-1"))
	}
}
