package api

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"belay/session/live"
	"belay/session/practice"
	"belay/signaling/access"
)

// Options say what the API stands on.
type Options struct {
	Practice *practice.Practice
	Sessions *live.Sessions
	Door     *access.Door
	Log      *slog.Logger // nil discards
}

func (o *Options) validate() error {
	if o.Practice == nil || o.Sessions == nil || o.Door == nil {
		return errors.New("the API needs the practice, the sessions and the door")
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return nil
}

// API is an http.Handler for the paths under /api/. Safe for concurrent use. It
// has no goroutine and nothing to close.
type API struct {
	practice *practice.Practice
	sessions *live.Sessions
	door     *access.Door
	log      *slog.Logger
	handler  http.Handler
}

// Limits of one request.
const (
	maxBody  = 256 << 10 // bytes; settings with their alarms are the largest
	deadline = 15 * time.Second
)

// route is one operation. Its method and path stand in openapi.json too.
type route struct {
	method, path string
	do           func(*API, *exchange) (any, error)
	open         bool // for people without an account
}

var routes = []route{
	{"GET", "/api/openapi.json", (*API).describe, true},

	{"POST", "/api/setup", (*API).setUp, true},
	{"POST", "/api/setup/opens", (*API).opens, true},
	{"POST", "/api/reset", (*API).reset, true},
	{"POST", "/api/signin", (*API).signIn, true},
	{"POST", "/api/signout", (*API).signOut, true},
	{"GET", "/api/me", (*API).me, true},
	{"POST", "/api/password", (*API).password, false},

	{"GET", "/api/sessions", (*API).list, false},
	{"POST", "/api/sessions", (*API).create, false},
	{"GET", "/api/sessions/{id}", (*API).look, false},
	{"POST", "/api/sessions/{id}/links", (*API).invite, false},
	{"DELETE", "/api/sessions/{id}/links/{seat}", (*API).revoke, false},
	{"POST", "/api/sessions/{id}/devices", (*API).answerDevice, false},
	{"PUT", "/api/sessions/{id}/start", (*API).moveStart, false},
	{"PUT", "/api/sessions/{id}/seats/{seat}", (*API).changeSeat, false},
	{"PUT", "/api/sessions/{id}/seats/{seat}/order", (*API).correctOrder, false},
	{"POST", "/api/sessions/{id}/cancel", (*API).cancel, false},
	{"GET", "/api/sessions/{id}/record", (*API).record, false},
	{"GET", "/api/sessions/{id}/log", (*API).eventLog, false},

	{"GET", "/api/settings", (*API).settings, false},
	{"PUT", "/api/settings", (*API).changeSettings, false},

	{"POST", "/api/open", (*API).open, true},
}

// New returns the API.
func New(opts Options) (*API, error) {
	if err := opts.validate(); err != nil {
		return nil, err
	}
	a := &API{practice: opts.Practice, sessions: opts.Sessions, door: opts.Door, log: opts.Log}
	mux := http.NewServeMux()
	for _, r := range routes {
		mux.HandleFunc(r.method+" "+r.path, a.serve(r))
	}
	mux.HandleFunc("/api/", func(w http.ResponseWriter, r *http.Request) {
		fail(w, http.StatusNotFound, problem{Code: "no_such_thing", Words: "There is nothing at " + r.Method + " " + r.URL.Path + "."})
	})
	ownPages := http.NewCrossOriginProtection()
	ownPages.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fail(w, http.StatusForbidden, problem{Code: "foreign_page", Words: "This was sent by a page of another site. Nothing was done."})
	}))
	a.handler = ownPages.Handler(mux)
	return a, nil
}

// ServeHTTP answers one request.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.handler.ServeHTTP(w, r) }

// exchange is one request being answered.
type exchange struct {
	w       http.ResponseWriter
	r       *http.Request
	account practice.Account // of a route that is not open
	status  int              // of a success; 200 where it is not set
}

func (x *exchange) context() context.Context { return x.r.Context() }

func (a *API) serve(route route) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), deadline)
		defer cancel()
		x := &exchange{w: w, r: r.WithContext(ctx), status: http.StatusOK}
		x.r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		var err error
		if !route.open {
			x.account, err = a.door.Account(x.r)
		}
		var answer any
		if err == nil {
			answer, err = route.do(a, x)
		}
		if err != nil {
			status, p := a.translate(route, err)
			fail(w, status, p)
			return
		}
		if raw, ok := answer.(download); ok {
			raw.write(w)
			return
		}
		write(w, x.status, answer)
	}
}
