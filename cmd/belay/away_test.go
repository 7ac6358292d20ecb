package main

import (
	"context"
	"io"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"belay/cmd/internal/person"
	"belay/session"
	"belay/session/store/redis/redistest"
)

// get asks a server, and returns what it says.
func (c *child) get(path string) (status int, body string, header http.Header) {
	c.t.Helper()
	client := http.Client{Timeout: 5 * time.Second}
	defer client.CloseIdleConnections()
	res, err := client.Get(c.url + path)
	if err != nil {
		return 0, err.Error(), nil
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	return res.StatusCode, string(raw), res.Header
}

// says waits until the server has said something.
func (c *child) says(words string) {
	c.t.Helper()
	for end := time.Now().Add(30 * time.Second); !strings.Contains(c.output.text(), words); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			c.t.Fatalf("it never said %q:\n%s", words, c.output.text())
		}
	}
}

// After a power cut the server may be there before its Redis. It must not be given up,
// must draw nobody away from servers that can still take things down, and must be
// whole by itself when Redis comes.
func TestAServerThatStartsBeforeItsRedisSaysSoAndWaitsForIt(t *testing.T) {
	besideOthers(t)
	at := redistest.Alone(t)
	at.Kill()
	n := newChild(t, "-redis", "redis://"+at.Addr)
	n.launch()
	n.says("Redis can't be reached: this server starts when it can")
	for path, want := range map[string]struct {
		status int
		words  string
	}{
		"/healthz":         {200, "ok"},
		"/readyz":          {503, "Redis can't be reached"},
		"/":                {503, "The server cannot reach its record yet"},
		"/s/a/client-1/":   {503, "write down what happens"},
		"/api/sessions":    {503, `"code":"not_recorded"`},
		"/static/base.css": {200, "{"},
	} {
		if status, body, _ := n.get(path); status != want.status || !strings.Contains(body, want.words) {
			t.Errorf("%s: %d %.200q", path, status, body)
		}
	}
	if _, _, header := n.get("/"); header.Get("Refresh") == "" {
		t.Error("whoever reads that page has to come back by hand")
	}
	for _, command := range [][]string{{"therapist", "add"}, {"backup"}, {"doctor"}} {
		args := append(command, "-data", n.args[slices.Index(n.args, "-data")+1])
		if command[0] == "backup" {
			args = append(args, filepath.Join(t.TempDir(), "copy"))
		}
		said, err := belay(t, t.Context(), args...).CombinedOutput()
		if err == nil || !strings.Contains(string(said), "waits for Redis") || strings.Contains(strings.ToLower(string(said)), "no belay runs") {
			t.Errorf("belay %s: %v, %s", command[0], err, said)
		}
	}

	if err := n.cmd.Process.Signal(syscall.SIGTERM); err != nil { // it can be ended all the same
		t.Fatal(err)
	}
	<-n.ended
	if err := n.cmd.Wait(); err != nil {
		t.Errorf("it ended with %v:\n%s", err, n.output.text())
	}
	n.cmd = nil
	n.launch()
	time.Sleep(1500 * time.Millisecond) // so that it has asked in vain more than once
	at.Start()
	n.ready()
	v, err := person.NewVisitor(n.url, nil)
	if err == nil {
		n.says("/setup#")
		err = takesAccount(t.Context(), v, n.setUpLink())
	}
	if err != nil {
		t.Errorf("it is not whole: %v", err)
	}
}

// A Redis that is there and unsafe, or lets nobody in, is not waited for: no patience
// mends that.
func TestARedisThatIsWrongIsRefusedInWordsAndNotWaitedFor(t *testing.T) {
	t.Parallel()
	for name, args := range map[string][]string{
		"appendonly is no": {"--appendonly", "no"},
		"maxmemory-policy": {"--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru"},
		"NOAUTH":           {"--requirepass", "hunter2"},
	} {
		n := newChild(t, "-redis", "redis://"+redistest.Alone(t, args...).Addr)
		n.launch()
		select {
		case <-n.ended:
		case <-time.After(30 * time.Second):
			t.Errorf("%s: it goes on", name)
			continue
		}
		if err := n.cmd.Wait(); err == nil || !strings.Contains(n.output.text(), name) || strings.Contains(n.output.text(), "starts when it can") {
			t.Errorf("%s: it ended with %v:\n%s", name, err, n.output.text())
		}
		n.cmd = nil
	}
}

// The server that had acknowledged is killed, and the master of Redis with it, before
// any replica has what was acknowledged. Both machines come back: the record has it
// once, the very same.
func TestWhatWasAcknowledgedIsThereAfterTheServerAndTheMasterOfRedisDiedTogether(t *testing.T) {
	besideOthers(t)
	w := redistest.Sentinel(t, 1, redistest.Soon)
	c := startClusterOn(t, 1, false, "redis://"+strings.Join(w.Sentinels, ",")+"?master="+w.Name)
	c.does(c.robin, session.WriteNote{Text: "before"})
	w.InStep()
	// The replica is turned away: what the master takes from here on dies with it.
	master := w.Master(t.Context())
	master.Do("ACL", "SETUSER", "default", "-psync", "-sync")
	master.Do("CLIENT", "KILL", "TYPE", "replica")
	c.does(c.robin, session.WriteNote{Text: "acknowledged"})
	c.does(c.robin, session.RecordVitals{Client: "client-1", Systolic: 128, Diastolic: 82, HeartRate: 77, Source: "read aloud"})
	acknowledged := c.record()
	c.nodes[0].kill()
	master.Kill()
	for began := time.Now(); w.Master(t.Context()) == master || w.Master(t.Context()) == nil; time.Sleep(20 * time.Millisecond) {
		if time.Since(began) > 60*time.Second {
			t.Fatal("the Sentinels name no other master")
		}
	}
	if left := length(w.Master(t.Context()), c.id); left >= len(acknowledged) {
		t.Fatalf("Redis has %d events of %d: it lost nothing", left, len(acknowledged))
	}
	c.nodes[0].start()
	now := c.record()
	if len(now) < len(acknowledged) {
		t.Fatalf("the record has %d events, %d were acknowledged", len(now), len(acknowledged))
	}
	for i, e := range acknowledged {
		if now[i].Hash != e.Hash {
			t.Errorf("event %d is another one: %T in place of %T", e.Seq, now[i].Fact, e.Fact)
		}
	}
	notes, vitals := 0, 0
	for _, e := range now {
		switch e.Fact.(type) {
		case session.NoteWritten:
			notes++
		case session.VitalsRecorded:
			vitals++
		}
	}
	if notes != 2 || vitals != 1 {
		t.Errorf("%d notes of 2, %d readings of 1", notes, vitals)
	}
	t.Logf("%d events were acknowledged; the record has them all, and %d that came after", len(acknowledged), len(now)-len(acknowledged))
}

// length is how many events a server of Redis holds of a session.
func length(s *redistest.Server, id string) int {
	c := s.Client()
	defer c.Close()
	keys, _ := c.Keys(context.Background(), "*:log:"+id).Result()
	if len(keys) != 1 {
		return 0
	}
	return int(c.XLen(context.Background(), keys[0]).Val())
}
