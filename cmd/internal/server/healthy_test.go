package server_test

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"belay/cmd/internal/person"
	"belay/cmd/internal/server"
	"belay/session"
	"belay/session/store/redis"
	"belay/session/store/redis/redistest"
)

// askedOf reads from the deployment files what asks a server how it is, by the path, and
// how long the most impatient of them waits for an answer.
func askedOf(t *testing.T) map[string]time.Duration {
	t.Helper()
	read := func(name string) string {
		raw, err := os.ReadFile(filepath.Join("../../../deploy", name))
		if err != nil {
			t.Fatal(err)
		}
		return string(raw)
	}
	asked := map[string]time.Duration{}
	least := func(path string, within time.Duration) {
		if before, ok := asked[path]; !ok || within < before {
			asked[path] = within
		}
	}
	probe := regexp.MustCompile(`(startup|liveness|readiness)Probe:\n +httpGet: \{path: (/\w+), port: http\}\n((?: +\w+: \d+\n)+)`)
	timeout := regexp.MustCompile(`timeoutSeconds: (\d+)`)
	for _, name := range []string{"kubernetes/belay.yaml", "kubernetes/belay-nodes.yaml"} {
		all := probe.FindAllStringSubmatch(read(name), -1)
		if len(all) != 3 {
			t.Errorf("%s: %d probes are understood", name, len(all))
		}
		for _, m := range all {
			// What restarts a server asks about the process, and only what sends people elsewhere
			// asks whether it ends.
			if want := map[string]string{"startup": "/healthz", "liveness": "/healthz", "readiness": "/readyz"}[m[1]]; m[2] != want {
				t.Errorf("%s: the %s probe asks %s", name, m[1], m[2])
			}
			seconds := 1 // where nothing is said
			if said := timeout.FindStringSubmatch(m[3]); said != nil {
				seconds, _ = strconv.Atoi(said[1])
			}
			least(m[2], time.Duration(seconds)*time.Second)
		}
	}
	uri := regexp.MustCompile(`health_uri (/\w+)`).FindStringSubmatch(read("Caddyfile"))
	within := regexp.MustCompile(`health_timeout (\d+)s`).FindStringSubmatch(read("Caddyfile"))
	if uri == nil || within == nil || uri[1] != "/readyz" {
		t.Fatalf("the proxy asks %v within %v", uri, within)
	}
	seconds, _ := strconv.Atoi(within[1])
	least(uri[1], time.Duration(seconds)*time.Second)
	return asked
}

// No restart mends a slow Redis: it would end the visits that go on without it. And
// where all servers have the same Redis, nobody is better off at another.
func TestNoServerIsRestartedOrLeftOutBecauseRedisIsSlowOrAway(t *testing.T) {
	asked := askedOf(t)
	at := redistest.Alone(t)
	way := redistest.Swallow(t, at.Addr)
	s := start(t, server.Options{Redis: &redis.Options{Addrs: []string{way.Addr}}})
	robin := therapist(t, s)
	sitting, err := person.Join(person.Options{URL: strings.Replace(s.URL(), "http", "ws", 1) + robin.make(plain()).place + "ws", Cookies: robin.http.Jar})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sitting.Close() })
	awaits(t, sitting, "no view", func(session.View) bool { return true })
	work := t.Context() // and work for the record goes on all the while
	var busy sync.WaitGroup
	t.Cleanup(busy.Wait)
	busy.Go(func() {
		for work.Err() == nil {
			if _, err := sitting.Do(work, session.WriteNote{Text: "Quiet."}); err != nil {
				return
			}
			time.Sleep(20 * time.Millisecond)
		}
	})

	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 20 * time.Second}
	ask := func(path string) (status int, words string, took time.Duration) {
		began := time.Now()
		res, err := client.Get(s.URL() + path)
		if err != nil {
			return 0, err.Error(), time.Since(began)
		}
		defer res.Body.Close()
		raw, _ := io.ReadAll(res.Body)
		return res.StatusCode, string(raw), time.Since(began)
	}
	for _, how := range []struct {
		is    string
		begin func()
		reads bool // the log can be read soon enough to be said to be readable
	}{
		{"well", func() {}, true},
		{"a second late", func() { way.Slows(time.Second) }, false},
		{"three seconds late", func() { way.Slows(3 * time.Second) }, false},
		{"cut off", func() { way.Eats(true) }, false},
		{"standing still", func() { way.Eats(false); way.Slows(0); at.Pause() }, false},
		{"gone", at.Kill, false},
	} {
		how.begin()
		longest := map[string]time.Duration{}
		unread := 0
		for end := time.Now().Add(1200 * time.Millisecond); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
			for path, within := range asked {
				status, words, took := ask(path)
				if longest[path] = max(longest[path], took); status != 200 || took > within/2 {
					t.Errorf("Redis is %s: %s says %d %q after %v, and is given up after %v", how.is, path, status, words, took, within)
				}
				if strings.Contains(words, "can't be read") {
					unread++
				}
			}
		}
		if how.reads != (unread == 0) {
			t.Errorf("Redis is %s: that the log can't be read is said %d times", how.is, unread)
		}
		t.Logf("Redis is %s: answers within %v", how.is, longest)
	}

	// Only its own end makes it say no, also then, and that at once.
	at.Start()
	at.Pause()
	ended := make(chan error, 1)
	go func() { ended <- s.Close() }()
	for status := 200; status == 200; {
		var words string
		var took time.Duration
		if status, words, took = ask("/readyz"); status != 200 && (status != http.StatusServiceUnavailable || took > asked["/readyz"]/2) {
			t.Errorf("while it ends /readyz says %d %q after %v", status, words, took)
		}
	}
	if status, words, _ := ask("/healthz"); status != 200 {
		t.Errorf("while it ends /healthz says %d %q", status, words)
	}
	at.Resume()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
