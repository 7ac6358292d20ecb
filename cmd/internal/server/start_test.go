package server_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"belay/cmd/internal/server"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		// The browser drivers' own; they end with their processes.
		goleak.IgnoreAnyFunction("github.com/chromedp/chromedp.(*Browser).run"))
}

const passphrase = "a rope is held by two"

// start runs a server for the test; the data folder may be used again after.
func start(t testing.TB, opts server.Options) *server.Server {
	t.Helper()
	if opts.Listen == "" {
		opts.Listen = "127.0.0.1:0"
	}
	if opts.Data == "" {
		opts.Data = t.TempDir()
	}
	s, err := server.Start(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// visitor is a browser without a screen: cookies, and the API.
type visitor struct {
	t    testing.TB
	base string
	http *http.Client
}

func visit(t testing.TB, base string) *visitor {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return &visitor{t, base, &http.Client{
		Jar: jar, Transport: transport, Timeout: 20 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// try sends one request and returns the status and the raw answer.
func (v *visitor) try(method, path, kind string, body []byte) (int, []byte) {
	v.t.Helper()
	req, err := http.NewRequestWithContext(context.Background(), method, v.base+path, bytes.NewReader(body))
	if err != nil {
		v.t.Fatal(err)
	}
	if kind != "" {
		req.Header.Set("Content-Type", kind)
	}
	res, err := v.http.Do(req)
	if err != nil {
		v.t.Fatal(err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		v.t.Fatal(err)
	}
	return res.StatusCode, raw
}

// ask sends JSON and reads JSON; any answer but want ends the test.
func (v *visitor) ask(want int, method, path string, body any) map[string]any {
	v.t.Helper()
	var raw []byte
	kind := ""
	if body != nil {
		var err error
		if raw, err = json.Marshal(body); err != nil {
			v.t.Fatal(err)
		}
		kind = "application/json"
	}
	status, answer := v.try(method, path, kind, raw)
	if status != want {
		v.t.Fatalf("%s %s: %d, want %d: %s", method, path, status, want, answer)
	}
	out := map[string]any{}
	if err := json.Unmarshal(answer, &out); err != nil {
		v.t.Fatalf("%s %s: %v: %s", method, path, err, answer)
	}
	return out
}

// therapist sets up an account on a fresh server.
func therapist(t testing.TB, s *server.Server) *visitor {
	t.Helper()
	v := visit(t, s.URL())
	_, token, ok := strings.Cut(s.SetupURL(), "#")
	if !ok {
		t.Fatal("there is no set-up link")
	}
	v.ask(200, "POST", "/api/setup", map[string]any{"token": token, "name": "Robin Hale", "email": "robin@example.org", "password": passphrase, "states": []string{"OR", "WA"}})
	return v
}

func order() map[string]any {
	return map[string]any{"product": "ketamine lozenge", "dose_mg": 100, "tablets": 1, "total_mg": 100, "number": 1, "of": 6}
}

// plain is a session with one client and one chaperone.
func plain() map[string]any {
	return map[string]any{
		"clients":    []any{map[string]any{"name": "Alex", "pronouns": "they/them", "phone": "503-555-0142", "order": order()}},
		"chaperones": []any{map[string]any{"name": "Sam", "phone": "503-555-0178"}},
	}
}

// made is a session that a therapist made.
type made struct {
	id, place string
	links     map[string]string // by seat
}

func (v *visitor) make(body map[string]any) made {
	v.t.Helper()
	answer := v.ask(201, "POST", "/api/sessions", body)
	m := made{id: answer["id"].(string), place: answer["place"].(string), links: map[string]string{}}
	for _, l := range answer["links"].([]any) {
		link := l.(map[string]any)
		m.links[link["seat"].(string)] = link["url"].(string)
	}
	return m
}

// open shows a link as the invitation page does.
func (v *visitor) open(want int, link string) map[string]any {
	v.t.Helper()
	_, fragment, _ := strings.Cut(link, "#")
	parts := strings.Split(fragment, ".")
	if len(parts) != 3 {
		v.t.Fatalf("the link %q has %d parts", link, len(parts))
	}
	return v.ask(want, "POST", "/api/open", map[string]any{"session": parts[0], "seat": parts[1], "secret": parts[2], "words": "Firefox on Linux"})
}

// page returns the status of a page.
func (v *visitor) page(path string) int {
	v.t.Helper()
	status, _ := v.try("GET", path, "", nil)
	return status
}
