package main

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"belay/cmd/internal/person"
	"belay/session"
)

// foreign is a page that was written without a line of ours: Debian's aiortc.
type foreign struct {
	t  *testing.T
	mu sync.Mutex

	got       map[string]struct{ Audio, Video int } // frames that it has decoded, by seat
	connected []string                              // seats
	said      []string
}

// needAiortc returns the interpreter that has it: Debian's own.
func needAiortc(t *testing.T) string {
	t.Helper()
	const python = "/usr/bin/python3"
	if err := exec.Command(python, "-c", "import aiortc, aiohttp").Run(); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("aiortc is missing (CI=true: nothing may be skipped); Debian's packages are python3-aiortc and python3-aiohttp: %v", err)
		}
		t.Skip("aiortc is not installed; Debian's packages are python3-aiortc and python3-aiohttp")
	}
	return python
}

// attend has a foreign page take the seat at place.
func attend(t *testing.T, v *person.Visitor, place string, relay bool, acts ...[2]any) *foreign {
	t.Helper()
	var cookies []string
	for _, c := range v.Cookies(place) {
		cookies = append(cookies, c.Name+"="+c.Value)
	}
	socket := v.Socket(place)
	if acts == nil {
		acts = [][2]any{}
	}
	told, err := json.Marshal(map[string]any{"socket": socket, "relay": relay, "cookies": strings.Join(cookies, "; "), "acts": acts,
		"origin": "http" + strings.TrimPrefix(socket, "ws")[:strings.Index(strings.TrimPrefix(socket, "ws"), "/s/")]})
	if err != nil {
		t.Fatal(err)
	}
	f := &foreign{t: t}
	cmd := exec.Command(needAiortc(t), "testdata/foreign.py", string(told))
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, write := io.Pipe()
	cmd.Stdout, cmd.Stderr = write, write
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	read := make(chan struct{})
	go func() {
		defer close(read)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			f.hear(lines.Text())
		}
	}()
	t.Cleanup(func() {
		in.Close()
		late := time.AfterFunc(10*time.Second, func() { _ = cmd.Process.Kill() })
		err := cmd.Wait()
		late.Stop()
		write.Close()
		<-read
		if err != nil {
			t.Errorf("the foreign page ended with %v", err)
		}
		if t.Failed() {
			t.Logf("the foreign page at %s said:\n%s", place, tail(strings.Join(f.said, "\n"), 30))
		}
	})
	return f
}

func (f *foreign) hear(line string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.said = append(f.said, line)
	var m struct {
		Got       map[string]struct{ Audio, Video int }
		Connected []string
	}
	if json.Unmarshal([]byte(line), &m) == nil && m.Got != nil {
		f.got, f.connected = m.Got, m.Connected
	}
}

// sees waits until it has decoded frames of a seat's picture and sound.
func (f *foreign) sees(seat string) {
	f.t.Helper()
	const enough = 20
	for end := time.Now().Add(40 * time.Second); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		f.mu.Lock()
		got := f.got[seat]
		f.mu.Unlock()
		if got.Audio >= enough && got.Video >= enough {
			f.t.Logf("of %s it has decoded %d frames and %d pieces of sound", seat, got.Video, got.Audio)
			return
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.t.Fatalf("the foreign page has of %s: %+v; it is connected to %v", seat, f.got[seat], f.connected)
}

// practice makes a practice session, as the console does, and opens its links.
func practice(t *testing.T, c *child, relayOnly bool) (robin, alex *person.Visitor, place, clients string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	robin, err := person.NewVisitor(c.url, nil)
	check(err)
	alex, err = person.NewVisitor(c.url, nil)
	check(err)
	check(takesAccount(ctx, robin, c.setUpLink()))
	if relayOnly {
		var is struct{ Settings session.Settings }
		check(robin.Ask(ctx, http.MethodGet, "/api/settings", nil, &is))
		is.Settings.RelayOnly = true
		check(robin.Ask(ctx, http.MethodPut, "/api/settings", is.Settings, nil))
	}
	made, err := plans(ctx, robin, 1)
	check(err)
	clients, err = alex.Open(ctx, made.links["client-1"])
	check(err)
	return robin, alex, made.place, clients
}

// admit is what a therapist does before the two can see each other.
var admit = [][2]any{{"WriteNote", session.WriteNote{Text: "a first act opens the lobby"}}, {"Admit", session.Admit{Client: "client-1", Reason: "a test"}}}

// A client whose page is written by somebody else, from PROTOCOL.md alone, meets
// the therapist directly: the other side is pion.
func TestAForeignPageMeetsTheTherapistDirectly(t *testing.T) {
	needAiortc(t)
	robin, alex, place, clients := practice(t, startChild(t), false)
	p, err := person.Join(person.Options{URL: robin.Socket(place), Cookies: robin.Jar(), Camera: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for _, act := range admit {
		answer, err := p.Do(ctx, act[1].(session.Act))
		if err != nil || answer.Err() != nil {
			t.Fatal(err, answer.Err())
		}
	}
	f := attend(t, alex, clients, false)
	f.sees("therapist-1")
	if err := p.AwaitMedia(ctx, "client-1"); err != nil {
		t.Fatalf("the therapist sees nothing of the foreign page: %v; %+v", err, p.Flow("client-1"))
	}
}

// Two such pages in a practice that exchanges no addresses meet through the relay.
func TestForeignPagesMeetThroughTheRelay(t *testing.T) {
	needAiortc(t)
	robin, alex, place, clients := practice(t, startChild(t), true)
	therapist := attend(t, robin, place, true, admit...)
	client := attend(t, alex, clients, true)
	client.sees("therapist-1")
	therapist.sees("client-1")
	for _, f := range []*foreign{therapist, client} {
		f.mu.Lock()
		if len(f.connected) != 1 || f.connected[0] != "relay" {
			t.Errorf("it is connected to %v, not to the relay alone", f.connected)
		}
		f.mu.Unlock()
	}
}
