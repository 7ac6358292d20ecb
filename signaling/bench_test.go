package signaling

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"golang.org/x/time/rate"

	"belay/session"
	"belay/session/live"
	"belay/session/store/bolt"
	"belay/signaling/protocol"
)

type everybody struct{}

func (everybody) Admit(*http.Request, string, session.SeatID) (func(context.Context) error, error) {
	return nil, nil
}

// server starts an edge over real sockets with n sessions, each with a client
// who is admitted.
func server(tb testing.TB, n int) (*Edge, string) {
	tb.Helper()
	log, err := bolt.Open(bolt.Options{Path: filepath.Join(tb.TempDir(), "log"), NoSync: true})
	if err != nil {
		tb.Fatal(err)
	}
	sessions, err := live.New(live.Options{Store: log})
	if err != nil {
		tb.Fatal(err)
	}
	edge, err := New(Options{Sessions: sessions, Gatekeeper: everybody{}})
	if err != nil {
		tb.Fatal(err)
	}
	edge.rate = rate.Inf
	mux := http.NewServeMux()
	mux.Handle(Pattern, edge)
	web := httptest.NewServer(mux)
	tb.Cleanup(func() {
		edge.Close()
		web.Close()
		sessions.Close()
		log.Close()
	})
	ctx, now := context.Background(), time.Now()
	for i := range n {
		id := fmt.Sprint("visit-", i)
		acts := []session.Act{session.CreateSession{
			ID: id, Owner: "account-1", StartsAt: now.Add(10 * time.Minute), Settings: session.DefaultSettings(), Pace: session.Pace{Epoch: now, Rate: 1},
			Seats: []session.Seat{{ID: "therapist-1", Role: session.Therapist, Name: "Dana"}, {ID: "client-1", Role: session.Client, Name: "Alex"},
				{ID: "chaperone-1", Role: session.Chaperone, Name: "Sam"}},
			Orders: map[session.SeatID]session.Order{"client-1": {Product: "ketamine troche", DoseMg: 100, Tablets: 1, TotalMg: 150, Number: 1, Of: 6}},
		}, session.WriteNote{Text: "Opens the lobby."}, session.Admit{Client: "client-1", Reason: "seen on the phone"}}
		for k, act := range acts {
			c := session.Command{ID: fmt.Sprint("b", k), Seat: "therapist-1", Do: act}
			if k == 0 {
				c.Seat = session.Server
				err = sessions.Create(ctx, id, c)
			} else {
				_, err = sessions.Do(ctx, id, c)
			}
			if err != nil {
				tb.Fatal(err)
			}
		}
	}
	return edge, strings.TrimPrefix(web.URL, "http://")
}

func dial(tb testing.TB, url string) *websocket.Conn {
	tb.Helper()
	dialer := websocket.Dialer{Subprotocols: []string{protocol.Subprotocol}}
	ws, _, err := dialer.Dial(url, nil)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { ws.Close() })
	return ws
}

// until reads until a frame of one type.
func until(tb testing.TB, ws *websocket.Conn, typ string) []byte {
	tb.Helper()
	for {
		_, frame, err := ws.ReadMessage()
		if err != nil {
			tb.Fatalf("waiting for %s: %v", typ, err)
		}
		if strings.HasPrefix(string(frame), `{"type":"`+typ+`"`) {
			return frame
		}
	}
}

// bare is the least that a relay can be: gorilla, two connections, each frame to
// the other one from the reader's own goroutine.
func bare(tb testing.TB) string {
	tb.Helper()
	var mu sync.Mutex
	sides := map[string]*websocket.Conn{}
	other := map[string]string{"a": "b", "b": "a"}
	upgrader := websocket.Upgrader{Subprotocols: []string{protocol.Subprotocol}}
	var running sync.WaitGroup
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		running.Add(1)
		defer running.Done()
		ws, err := upgrader.Upgrade(w, r, nil)
		if err != nil {
			return
		}
		defer ws.Close()
		me := strings.TrimPrefix(r.URL.Path, "/")
		mu.Lock()
		sides[me] = ws
		mu.Unlock()
		for {
			kind, frame, err := ws.ReadMessage()
			if err != nil {
				return
			}
			mu.Lock()
			to := sides[other[me]]
			mu.Unlock()
			if to != nil && to.WriteMessage(kind, frame) != nil {
				return
			}
		}
	}))
	tb.Cleanup(func() { web.Close(); running.Wait() })
	return strings.TrimPrefix(web.URL, "http://")
}

// BenchmarkBroker passes a message from a client's page to a therapist's, in
// turns through this edge and through a bare relay, and reports how much more
// processor time and how much longer it takes. Writing and reading at the pages
// is in both.
func BenchmarkBroker(b *testing.B) {
	for _, size := range []struct {
		name string
		body any
	}{
		{"candidate", protocol.Candidate{To: "page-of-the-therapist", Candidate: "candidate:842163049 1 udp 1677729535 203.0.113.7 46154 typ srflx raddr 192.0.2.4 rport 46154 generation 0 ufrag EsAw network-cost 999"}},
		{"offer", protocol.Offer{To: "page-of-the-therapist", SDP: strings.Repeat("a=rtpmap:111 opus/48000/2\r\n", 110)}},
	} {
		b.Run(size.name, func(b *testing.B) {
			_, host := server(b, 1)
			therapist, client := dial(b, "ws://"+host+"/s/visit-0/therapist-1/ws"), dial(b, "ws://"+host+"/s/visit-0/client-1/ws")
			say(b, therapist, protocol.Hello{Peer: "page-of-the-therapist", Media: true})
			until(b, therapist, "peers")
			say(b, client, protocol.Hello{Peer: "page-of-the-client", Media: true})
			until(b, client, "peers")
			frame, err := protocol.Encode(size.body)
			if err != nil {
				b.Fatal(err)
			}
			plain := bare(b)
			to, from := dial(b, "ws://"+plain+"/a"), dial(b, "ws://"+plain+"/b")
			time.Sleep(50 * time.Millisecond)
			typ := protocol.Kinds[slices.IndexFunc(protocol.Kinds, func(k protocol.Kind) bool { return fmt.Sprintf("%T", k.Empty) == fmt.Sprintf("%T", size.body) })].Type
			ours := func() { pass(b, client, therapist, frame, typ) }
			theirs := func() { pass(b, from, to, frame, typ) }
			for range 200 {
				ours()
				theirs()
			}
			const turn = 50
			var cpu [2]time.Duration
			var took [2][]time.Duration
			for i := 0; b.Loop(); i++ {
				// One measured turn of each, in random order: the machine drifts.
				order := []int{0, 1}
				if rand.IntN(2) == 0 {
					order = []int{1, 0}
				}
				for _, who := range order {
					f := []func(){ours, theirs}[who]
					before := processor()
					for range turn {
						began := time.Now()
						f()
						took[who] = append(took[who], time.Since(began))
					}
					cpu[who] += processor() - before
				}
			}
			n := float64(len(took[0]))
			slices.Sort(took[0])
			slices.Sort(took[1])
			median := func(i int) float64 { return float64(took[i][len(took[i])/2].Microseconds()) }
			b.ReportMetric(float64(cpu[0])/float64(cpu[1]), "cpu-ratio")
			b.ReportMetric(median(0)/median(1), "p50-ratio")
			b.ReportMetric(float64(cpu[0].Microseconds())/n, "cpu-µs/message")
			b.ReportMetric(median(0), "p50-µs")
			b.ReportMetric(0, "ns/op")
		})
	}
}

func say(tb testing.TB, ws *websocket.Conn, message any) {
	tb.Helper()
	frame, err := protocol.Encode(message)
	if err != nil {
		tb.Fatal(err)
	}
	if err := ws.WriteMessage(websocket.TextMessage, frame); err != nil {
		tb.Fatal(err)
	}
}

func pass(b *testing.B, from, to *websocket.Conn, frame []byte, typ string) {
	if err := from.WriteMessage(websocket.TextMessage, frame); err != nil {
		b.Fatal(err)
	}
	until(b, to, typ)
}

// processor is the processor time of this process.
func processor() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkIdleSeat is the memory of a connected seat that does nothing, its
// share of the session included, beside that of a bare connection. Heap and
// stacks of this process; its other ends are plain sockets that hold nothing.
func BenchmarkIdleSeat(b *testing.B) {
	const visits = 100
	seats := []string{"therapist-1", "client-1", "chaperone-1"}
	for range b.N {
		plain := bare(b)
		before := memory()
		var ends []net.Conn
		for i := range visits * len(seats) {
			ends = append(ends, raw(b, plain, fmt.Sprint("/", i)))
		}
		time.Sleep(200 * time.Millisecond)
		bareSeat := float64(memory()-before) / float64(len(ends))
		for _, c := range ends {
			c.Close()
		}
		time.Sleep(200 * time.Millisecond)

		edge, host := server(b, visits)
		before = memory() // the sessions are loaded
		ends = ends[:0]
		for i := range visits {
			for _, seat := range seats {
				c := raw(b, host, fmt.Sprint("/s/visit-", i, "/", seat, "/ws"))
				hello, err := protocol.Encode(protocol.Hello{Peer: protocol.PeerID(fmt.Sprintf("page-of-%s-%06d", seat, i)), Media: true})
				if err != nil {
					b.Fatal(err)
				}
				if _, err := c.Write(masked(hello)); err != nil {
					b.Fatal(err)
				}
				ends = append(ends, c)
			}
			if i%10 == 9 {
				alive(ends) // or the first would be lost before the last has come
			}
		}
		for range 3 {
			time.Sleep(time.Second)
			alive(ends)
		}
		edge.mu.Lock()
		connected := len(edge.conns)
		edge.mu.Unlock()
		if connected != len(ends) {
			b.Fatalf("%d of %d are connected", connected, len(ends))
		}
		seat := float64(memory()-before) / float64(len(ends))
		b.ReportMetric(seat/1024, "KiB/seat")
		b.ReportMetric(bareSeat/1024, "KiB/bare")
		b.ReportMetric(seat/bareSeat, "ratio")
		for _, c := range ends {
			c.Close()
		}
	}
}

// alive sends a sign of life over every connection.
func alive(ends []net.Conn) {
	frame := masked([]byte(`{"type":"ping","body":{"n":1}}`))
	for _, c := range ends {
		c.Write(frame)
	}
}

// memory is what lives on the heap, and the stacks. Room that the setting up has
// left free in the heap is not counted: the next connection uses it.
func memory() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc + m.StackInuse
}

// raw opens a WebSocket without keeping anything for it but the socket.
func raw(tb testing.TB, host, path string) net.Conn {
	tb.Helper()
	c, err := net.Dial("tcp", host)
	if err != nil {
		tb.Fatal(err)
	}
	fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"+
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: %s\r\n\r\n", path, host, protocol.Subprotocol)
	r := bufio.NewReaderSize(io.LimitReader(c, 4096), 16)
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			tb.Fatal(err)
		}
		if line == "\r\n" {
			return c
		}
	}
}

// masked is a text frame of a client (RFC 6455 section 5.2), with a key of zeros.
func masked(payload []byte) []byte {
	frame := binary.BigEndian.AppendUint16([]byte{0x81, 0x80 | 126}, uint16(len(payload)))
	return append(append(frame, 0, 0, 0, 0), payload...)
}

func TestPagesMeetOverRealSockets(t *testing.T) {
	edge, host := server(t, 1)
	therapist, client := dial(t, "ws://"+host+"/s/visit-0/therapist-1/ws"), dial(t, "ws://"+host+"/s/visit-0/client-1/ws")
	say(t, therapist, protocol.Hello{Peer: "page-of-the-therapist", Media: true})
	until(t, therapist, "peers")
	say(t, client, protocol.Hello{Peer: "page-of-the-client", Media: true})
	until(t, client, "peers")
	for i := range 100 {
		sdp := fmt.Sprint("v=0 ", i)
		say(t, client, protocol.Offer{To: "page-of-the-therapist", SDP: sdp})
		m, err := protocol.DecodeFromServer(until(t, therapist, "offer"))
		if err != nil {
			t.Fatal(err)
		}
		if offer := m.(*protocol.Offer); offer.SDP != sdp || offer.From != "page-of-the-client" {
			t.Fatalf("offer %d arrived as %+v", i, offer)
		}
	}
	closed := make(chan struct{})
	go func() { edge.Close(); close(closed) }()
	for _, ws := range []*websocket.Conn{therapist, client} {
		until(t, ws, "failure")
		if _, _, err := ws.ReadMessage(); !websocket.IsCloseError(err, protocol.CloseDraining) {
			t.Errorf("closed with %v", err)
		}
	}
	<-closed
}
