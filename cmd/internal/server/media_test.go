package server_test

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/pion/stun/v4"

	"belay/cmd/internal/server"
	"belay/signaling/protocol"
)

// welcome takes a seat as a page does, for as long as the server's welcome needs.
func (v *visitor) welcome(place string) protocol.Welcome {
	v.t.Helper()
	u, err := url.Parse(v.base + place)
	if err != nil {
		v.t.Fatal(err)
	}
	header := http.Header{"Origin": {v.base}}
	for _, c := range v.http.Jar.Cookies(u) {
		header.Add("Cookie", c.Name+"="+c.Value)
	}
	u.Scheme = strings.Replace(u.Scheme, "http", "ws", 1)
	u.Path += "ws"
	dialer := websocket.Dialer{Subprotocols: []string{protocol.Subprotocol}, HandshakeTimeout: 5 * time.Second,
		TLSClientConfig: v.http.Transport.(*http.Transport).TLSClientConfig}
	ws, res, err := dialer.DialContext(v.t.Context(), u.String(), header)
	if err != nil {
		v.t.Fatal(err)
	}
	res.Body.Close()
	defer ws.Close()
	hello, err := protocol.Encode(protocol.Hello{Peer: "a-page-that-asks-once", Media: true})
	if err != nil {
		v.t.Fatal(err)
	}
	if err := ws.WriteMessage(websocket.TextMessage, hello); err != nil {
		v.t.Fatal(err)
	}
	ws.SetReadDeadline(time.Now().Add(10 * time.Second))
	for {
		_, frame, err := ws.ReadMessage()
		if err != nil {
			v.t.Fatal(err)
		}
		message, err := protocol.DecodeFromServer(frame)
		if err != nil {
			v.t.Fatal(err)
		}
		if m, ok := message.(*protocol.Welcome); ok {
			return *m
		}
	}
}

// servers are the addresses that connections of one kind use.
func servers(w protocol.Welcome, of string) (all []string) {
	for _, s := range w.ICEServers {
		if s.For == of || s.For == "" {
			all = append(all, s.URLs...)
		}
	}
	return all
}

func TestTwoBrowsersBehindRoutersLearnTheirAddressesFromThisServer(t *testing.T) {
	s := start(t, server.Options{})
	robin := therapist(t, s)
	direct := servers(robin.welcome(robin.make(plain()).place), "direct")
	if len(direct) != 1 || !strings.HasPrefix(direct[0], "stun:127.0.0.1:") {
		t.Fatalf("a direct connection uses %v", direct)
	}
	conn, err := net.Dial("udp", strings.TrimPrefix(direct[0], "stun:"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	ask := stun.MustBuild(stun.TransactionID, stun.BindingRequest)
	if _, err := conn.Write(ask.Raw); err != nil {
		t.Fatal(err)
	}
	conn.SetReadDeadline(time.Now().Add(5 * time.Second))
	answer := &stun.Message{Raw: make([]byte, 1500)}
	n, err := conn.Read(answer.Raw)
	if err != nil {
		t.Fatal(err)
	}
	answer.Raw = answer.Raw[:n]
	var mine stun.XORMappedAddress
	if err := answer.Decode(); err != nil || answer.TransactionID != ask.TransactionID || mine.GetFrom(answer) != nil {
		t.Fatalf("the answer is %v: %v", answer, err)
	}
	if mine.String() != conn.LocalAddr().String() {
		t.Errorf("it says %s, I am %s", mine, conn.LocalAddr())
	}
}

func TestAPageThatCanReachTheOneTCPPortOnlyIsTold(t *testing.T) {
	data := t.TempDir()
	s := start(t, server.Options{Data: data, SelfSigned: true})
	robin := visit(t, s.URL())
	robin.http.Transport.(*http.Transport).TLSClientConfig = &tls.Config{InsecureSkipVerify: true}
	_, token, _ := strings.Cut(s.SetupURL(), "#")
	robin.ask(200, "POST", "/api/setup", map[string]any{"token": token, "name": "Robin Hale", "email": "robin@example.org", "password": passphrase, "states": []string{"OR"}})
	m := robin.make(plain())
	first, second := robin.welcome(m.place), robin.welcome(m.place)
	port := s.Addr().(*net.TCPAddr).Port
	for _, w := range []protocol.Welcome{first, second} {
		if relay := servers(w, "relay"); len(relay) != 1 || relay[0] != fmt.Sprintf("turns:localhost:%d?transport=tcp", port) && relay[0] != fmt.Sprintf("turns:127.0.0.1:%d?transport=tcp", port) {
			t.Errorf("to the relay: %v", relay)
		}
		for _, url := range servers(w, "direct") {
			if !strings.HasPrefix(url, "stun:") {
				t.Errorf("direct is only ever direct, and uses %s", url)
			}
		}
	}
	if first.ICEServers[1].Username == second.ICEServers[1].Username {
		t.Error("two pages have the same credential")
	}
	info, err := os.Stat(filepath.Join(data, "turn-secret"))
	if err != nil || info.Mode().Perm() != 0o600 || info.Size() != 32 {
		t.Errorf("the secret of the credentials: %v, %v", info, err)
	}

	off := start(t, server.Options{UDP: "off", RelayTCP: "off"})
	alex := therapist(t, off)
	if w := alex.welcome(alex.make(plain()).place); len(w.ICEServers) != 0 {
		t.Errorf("without media: %v", w.ICEServers)
	}
}

func TestPagesUnderTLSKeepHTTP2AndKnowThatTheyAreSecure(t *testing.T) {
	s := start(t, server.Options{SelfSigned: true})
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: true}
	defer transport.CloseIdleConnections()
	res, err := (&http.Client{Transport: transport, Timeout: 10 * time.Second}).Get(s.URL() + "/healthz")
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.ProtoMajor != 2 || res.StatusCode != 200 {
		t.Errorf("%s %s", res.Proto, res.Status)
	}
}
