package signaling

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"belay/signaling/protocol"
)

// boxed is an outbox whose writer runs, and the page that it writes to.
func boxed(t *testing.T) (*outbox, *websocket.Conn) {
	t.Helper()
	box := new(outbox)
	box.init()
	var upgrader websocket.Upgrader
	opened, done := make(chan struct{}), make(chan struct{})
	var running sync.WaitGroup
	running.Add(1)
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer running.Done()
		ws, err := upgrader.Upgrade(w, r, nil)
		if err != nil {
			t.Error(err)
			close(opened)
			return
		}
		defer ws.Close()
		running.Go(func() { box.write(ws, done) })
		close(opened)
		<-done
	}))
	page, _, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(web.URL, "http"), nil)
	if err != nil {
		t.Fatal(err)
	}
	<-opened
	t.Cleanup(func() { page.Close(); close(done); running.Wait(); web.Close() })
	return box, page
}

func TestWhatManyWriteToOnePageComesWholeAndInOrder(t *testing.T) {
	box, page := boxed(t)
	const writers, each = 4, 500
	room := make(chan struct{}, protocol.OutboxLimit/2) // as many as may wait
	for w := range writers {
		go func() {
			for i := range each {
				room <- struct{}{}
				frame := fmt.Appendf(nil, "%d %d %s", w, i, strings.Repeat("x", i))
				if w == 0 {
					box.put(frame)
					continue
				}
				box.add(frame)
				box.push()
			}
		}()
	}
	var next [writers]int
	for range writers * each {
		_, frame, err := page.ReadMessage()
		if err != nil {
			t.Fatal(err)
		}
		<-room
		var w, i int
		var tail string
		if n, _ := fmt.Sscan(string(frame), &w, &i, &tail); n < 2 || len(tail) != i || next[w] != i {
			t.Fatalf("%.20q came where %d of writer %d was to come", frame, next[w], w)
		}
		next[w]++
	}
}

func TestNobodyWaitsForAPageThatDoesNotRead(t *testing.T) {
	box, _ := boxed(t)
	frame := []byte(strings.Repeat("x", atOnce/2))
	began := time.Now()
	for !box.ending() {
		if box.add(frame) {
			box.push()
		}
	}
	if box.closing != protocol.CloseSlow {
		t.Errorf("closed with %d %s", box.closing, box.reason)
	}
	// Whoever waits, waits for as long as a write may take.
	if waited := time.Since(began); waited >= writeWithin {
		t.Errorf("the sender was kept for %s", waited)
	}
}

func TestAViewThatANewerOneReplacesIsNeverMade(t *testing.T) {
	box := new(outbox)
	box.init()
	shows := func(name string) { box.show(func() []byte { return []byte(name) }) }
	shows("old")
	shows("first")
	box.put([]byte("answer"))
	shows("older")
	shows("second")
	all, _, _, _ := box.take()
	var written []string
	for _, w := range all {
		if w.view != nil {
			w.frame = w.view()
		}
		written = append(written, string(w.frame))
	}
	if got := strings.Join(written, " "); got != "first answer second" {
		t.Errorf("the page is told %q", got)
	}
}
