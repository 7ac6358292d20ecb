package doctor

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/gorilla/websocket"

	"belay/cmd/internal/server"
	"belay/signaling/protocol"
)

const proxyWords = "The proxy must pass Upgrade and Connection on, and the Host and Origin that the browser sent (deploy/nginx.conf shows how; Caddy does it by itself)."

// dial opens a socket as a page does.
func dial(ctx context.Context, at *url.URL, trust *tls.Config, path string, subprotocols ...string) (*websocket.Conn, *http.Response, error) {
	scheme := "ws://"
	if at.Scheme == "https" {
		scheme = "wss://"
	}
	dialer := websocket.Dialer{HandshakeTimeout: 10 * time.Second, TLSClientConfig: trust, Subprotocols: subprotocols}
	ws, res, err := dialer.DialContext(ctx, scheme+at.Host+path, http.Header{"Origin": {at.Scheme + "://" + at.Host}})
	if err != nil && res != nil {
		err = fmt.Errorf("%w: %s", err, res.Status)
	}
	return ws, res, err
}

// sockets opens the socket of a seat that does not exist: the server takes the
// socket first and says no afterwards, in words.
func (d *doctor) sockets(ctx context.Context, at *url.URL, trust *tls.Config) {
	ws, res, err := dial(ctx, at, trust, "/s/doctor/doctor/ws", protocol.Subprotocol)
	if err != nil {
		f := Finding{Wrong, fmt.Sprintf("A WebSocket can't be opened: %v.", err), "Pages load, but stay at “connecting”.", proxyWords}
		if res != nil && res.StatusCode == http.StatusForbidden {
			f.Words = "The server takes the socket for one of a foreign page."
			f.Do = "Give the server -public-url as people open it, or let the proxy pass the Host on. " + proxyWords
		}
		d.say(f)
		return
	}
	defer ws.Close()
	ws.SetReadDeadline(time.Now().Add(10 * time.Second))
	_, frame, err := ws.ReadMessage()
	switch {
	case err != nil || !bytes.Contains(frame, []byte(`"failure"`)):
		d.say(Finding{Wrong, fmt.Sprintf("A WebSocket opens, but what comes over it is not Belay's (%v).", err), "Pages load, but stay at “connecting”.", proxyWords})
	case ws.Subprotocol() != protocol.Subprotocol:
		d.say(Finding{Wrong, "Something on the way drops the WebSocket's subprotocol.", "Browsers close such a connection at once.", "The proxy must pass Sec-WebSocket-Protocol on, both ways."})
	default:
		d.fine("A WebSocket opens, and the server's words come over it.")
	}
}

// probe holds a socket that only the server on this data folder knows.
func (d *doctor) probe(ctx context.Context, at *url.URL, trust *tls.Config, status *server.Status) {
	if status.Probe == "" {
		d.say(Finding{Unknown, "The server gives no probe now: too many are out.", "", "Try again in two minutes."})
		return
	}
	ws, res, err := dial(ctx, at, trust, "/probe/"+status.Probe)
	if err != nil {
		f := Finding{Wrong, fmt.Sprintf("A socket to the server on this machine can't be opened over %s: %v.", at, err), "", proxyWords}
		if res != nil && res.StatusCode == http.StatusNotFound {
			f.Words = fmt.Sprintf("%s leads to another Belay than the one on this data folder.", at)
			f.Means = "People who follow its links land at the wrong server."
			f.Do = "Look at the proxy's target and at the name's address; or say -data as that server does."
		}
		d.say(f)
		return
	}
	defer ws.Close()
	stop := context.AfterFunc(ctx, func() { ws.Close() })
	defer stop()
	took, err := echo(ws)
	if err != nil {
		d.say(Finding{Wrong, fmt.Sprintf("What is sent over a socket does not come back: %v.", err), "Pages load, but stay at “connecting”.", "Something on the way holds small messages back: switch its buffering off."})
		return
	}
	d.fine("%s leads to this server; a message goes there and back in %s.", at, took.Round(100*time.Microsecond))
	began := time.Now()
	for time.Since(began) < d.opts.Hold {
		ws.SetReadDeadline(time.Now().Add(protocol.SilenceIsLoss))
		if _, _, err := ws.ReadMessage(); err != nil {
			d.say(Finding{Wrong, fmt.Sprintf("A socket was cut after %s: %v.", time.Since(began).Round(time.Second), err), "Every screen would reconnect as often as that.", "Raise the time-outs of what lies between (proxy, load balancer) to hours for sockets. deploy/nginx.conf and deploy/Caddyfile show how."})
			return
		}
	}
	f := Finding{Fine, fmt.Sprintf("A socket was held open for %s.", d.opts.Hold), "", ""}
	if d.opts.Hold < time.Minute {
		f.Words += " Proxies often cut after 60 s: -hold 75s looks for that."
	}
	d.say(f)
}

// echo sends something and returns how long it took to come back.
func echo(ws *websocket.Conn) (time.Duration, error) {
	word := []byte(rand.Text())
	began := time.Now()
	ws.SetWriteDeadline(began.Add(5 * time.Second))
	if err := ws.WriteMessage(websocket.TextMessage, word); err != nil {
		return 0, err
	}
	ws.SetReadDeadline(began.Add(10 * time.Second))
	for {
		_, frame, err := ws.ReadMessage()
		if err != nil {
			return 0, err
		}
		if bytes.Equal(frame, word) {
			return time.Since(began), nil
		}
	}
}

// stun asks for its own address over UDP (RFC 8489, section 6): the way of
// picture and sound.
func (d *doctor) stun(at *url.URL, status *server.Status) {
	if status.UDP == 0 {
		d.say(Finding{Careful, "The server has no UDP port.", "Picture and sound go directly between the browsers, or not at all.", "Leave -udp at its default, and open that port."})
		return
	}
	to := net.JoinHostPort(at.Hostname(), strconv.Itoa(status.UDP))
	if way, ok := wayFor("direct", status); ok {
		to = strings.TrimPrefix(way.URLs[0], "stun:") // as pages are told
	}
	err := ask("udp", to)
	if err != nil {
		d.say(Finding{Careful, fmt.Sprintf("Nothing comes back over UDP from %s: %v.", to, err), "Picture and sound through the server take TCP instead, which stutters on bad networks; direct connections fail more often.", fmt.Sprintf("Let UDP to port %d in, at the firewall and at the cloud's. Where a proxy stands before the server, UDP goes past it: the name must be the machine's own, or say -advertise.", status.UDP)})
		return
	}
	d.fine("UDP port %d answers at %s.", status.UDP, to)
}

// ask sends a Binding over udp or tcp and waits for its answer.
func ask(network, to string) error {
	conn, err := net.DialTimeout(network, to, 5*time.Second)
	if err != nil {
		return err
	}
	defer conn.Close()
	return bind(conn)
}

// bind does the same over a connection that is there.
func bind(conn net.Conn) (err error) {
	request := make([]byte, 20)
	copy(request, []byte{0, 1, 0, 0, 0x21, 0x12, 0xA4, 0x42}) // Binding, no attributes, magic cookie
	_, _ = rand.Read(request[8:])                             // never fails
	answer := make([]byte, 1500)
	for range 3 {
		if _, err = conn.Write(request); err != nil {
			return err
		}
		_ = conn.SetReadDeadline(time.Now().Add(time.Second)) // it fails where the next line does
		var n int
		if n, err = conn.Read(answer); err != nil {
			continue
		}
		if n >= 20 && answer[0] == 1 && answer[1] == 1 && bytes.Equal(answer[8:20], request[8:20]) {
			return nil
		}
		err = fmt.Errorf("something else answers there: %s", strings.ToUpper(fmt.Sprintf("%x", answer[:min(n, 8)])))
	}
	return err
}
