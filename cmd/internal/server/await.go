package server

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"

	"belay/session/store/redis"
	"belay/static"
)

const (
	askRedisEvery  = time.Second
	askRedisWithin = 8 * time.Second // more than it takes to find out that nobody answers
	saidAgain      = time.Minute
)

// What people read who come to a server that waits for Redis. Without the record it
// knows nobody, and can let nobody in or take anything down.
const (
	waitsTitle = "The server cannot reach its record yet"
	waitsWords = "It was started a moment ago, goes on trying by itself, and this page asks again every few seconds. " +
		"Nothing can be recorded here until then: write down what happens, with the time. In an emergency call your local emergency number."
)

// ErrWaits is what the administration of such a server answers, whatever it is asked.
var ErrWaits = errors.New("a belay runs on this folder and waits for Redis: without it it knows no account and has no record. " +
	"Bring Redis back, then ask again; the server goes on by itself")

// awaitRedis returns when Redis answers, or is there and can't be used, or ctx ends.
//
// Meanwhile the address of this server is held. It says that the process is well and
// that nobody is to be sent here: other servers, which ran when Redis went, still take
// down what happens in the room. Whoever comes all the same reads why nothing works.
func awaitRedis(ctx context.Context, opts Options, why error) error {
	s := &Server{opts: opts, failed: make(chan error, 1)}
	if err := s.hold(); err != nil {
		return errors.Join(err, s.Close())
	}
	began, said := time.Now(), time.Time{}
	tick := time.NewTicker(askRedisEvery)
	defer tick.Stop()
	for redis.Away(why) {
		if time.Since(said) >= saidAgain {
			said = time.Now()
			opts.Log.Error("Redis can't be reached: this server starts when it can", "for", time.Since(began).Round(time.Second), "err", why)
		}
		select {
		case <-ctx.Done():
			return errors.Join(ctx.Err(), s.Close())
		case err := <-s.failed:
			return errors.Join(err, s.Close())
		case <-tick.C:
		}
		within, cancel := context.WithTimeout(ctx, askRedisWithin)
		why = redis.Reach(within, *opts.Redis)
		cancel()
	}
	if why == nil {
		opts.Log.Info("Redis is there", "after", time.Since(began).Round(time.Second))
	}
	return errors.Join(why, s.Close())
}

// hold listens where the server will, and says that it waits. The folder is taken, as
// by a server that has started: its socket is this one's to open.
func (s *Server) hold() error {
	if _, err := s.takeFolder(); err != nil {
		return err
	}
	if err := s.listen(); err != nil {
		return err
	}
	files, err := newSite(static.Files, nil, s.opts.Log)
	if err != nil {
		return err
	}
	s.serve("web pages", s.pages.HTTP(), guard(waits(files), false))
	socket, err := listenAdmin(s.opts.Data)
	if err != nil {
		s.opts.Log.Warn("no administration over the local socket", "err", err)
		return nil
	}
	s.serve("administration", socket, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, ErrWaits.Error(), http.StatusServiceUnavailable)
	}))
	return nil
}

// waits answers while there is no record.
func waits(files *site) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", healthz)
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "not ready: starting, Redis can't be reached", http.StatusServiceUnavailable)
	})
	mux.HandleFunc("GET /static/{file...}", files.static)
	mux.HandleFunc("/api/", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		w.Header().Set("Retry-After", "5")
		w.WriteHeader(http.StatusServiceUnavailable)
		_ = json.NewEncoder(w).Encode(map[string]string{"code": "not_recorded", "words": waitsTitle + ". " + waitsWords}) // whoever asked may have gone
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Retry-After", "5")
		if !strings.HasSuffix(r.URL.Path, "/ws") { // sockets have their own patience
			w.Header().Set("Refresh", "5")
		}
		files.say(w, http.StatusServiceUnavailable, waitsTitle, waitsWords)
	})
	return mux
}
