package server

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// What net/http says of a handler that panics goes to a log that nobody reads (it is
// full of other people's broken handshakes): the operator has to hear of ours.
func TestARequestThatPanicsIsSaidToTheOperator(t *testing.T) {
	var said bytes.Buffer
	mux := http.NewServeMux()
	mux.HandleFunc("GET /s/{session}", func(http.ResponseWriter, *http.Request) { panic("a slip") })
	mux.HandleFunc("GET /broken-off", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	web := httptest.NewUnstartedServer(sayPanics(mux, slog.New(slog.NewTextHandler(&said, nil))))
	web.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug)
	web.Start()
	for _, path := range []string{"/broken-off", "/s/of-somebody"} {
		req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, web.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if res, err := http.DefaultClient.Do(req); err == nil {
			_, _ = io.Copy(io.Discard, res.Body)
			res.Body.Close()
			t.Errorf("%s was answered with %d, as if it had been well", path, res.StatusCode)
		}
	}
	web.Close()
	got := said.String()
	if strings.Count(got, "level=ERROR") != 1 || !strings.Contains(got, "panics_test.go") || !strings.Contains(got, `"GET /s/{session}"`) {
		t.Errorf("the operator is told %q", got)
	}
	if strings.Contains(got, "of-somebody") {
		t.Errorf("the log names who it was: %q", got)
	}
}
