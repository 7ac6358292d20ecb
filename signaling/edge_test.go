package signaling_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"

	"belay/session"
	"belay/session/store"
	"belay/signaling"
	"belay/signaling/protocol"
)

func TestPagesMeetOnlyWhomTheyMayAndOneSideOffers(t *testing.T) {
	bubble(t, func(t *testing.T, h *house) {
		therapist, client, chaperone := h.come("therapist-1"), h.come("client-1"), h.come("chaperone-1")
		h.create("visit-2")
		stranger := h.comeAs("visit-2", "client-1", peerOf("visit-2", "client-1"))
		synctest.Wait()
		if got := seats(last[protocol.Peers](therapist)); got != "client-1;" {
			t.Errorf("the therapist meets %q", got)
		}
		if got := seats(last[protocol.Peers](client)); got != "therapist-1 (offer);" {
			t.Errorf("the client meets %q", got)
		}
		if got := seats(last[protocol.Peers](chaperone)); got != "" {
			t.Errorf("the chaperone meets %q: they see and hear nothing", got)
		}
		client.send(protocol.Offer{To: therapist.peer, SDP: "v=0"})
		client.send(protocol.Candidate{To: therapist.peer, Candidate: "candidate:1"})
		synctest.Wait()
		if offer := last[protocol.Offer](therapist); offer.From != client.peer || offer.To != "" || offer.SDP != "v=0" {
			t.Errorf("the therapist got %+v", offer)
		}
		if got := last[protocol.Candidate](therapist); got.From != client.peer || got.Candidate != "candidate:1" {
			t.Errorf("the therapist got %+v", got)
		}
		therapist.send(protocol.Answer{To: client.peer, SDP: "v=0 answer"})
		therapist.send(protocol.NeedOffer{To: client.peer, Restart: true})
		synctest.Wait()
		if got := last[protocol.Answer](client); got.From != therapist.peer {
			t.Errorf("the client got %+v", got)
		}
		if got := last[protocol.NeedOffer](client); got.From != therapist.peer || !got.Restart {
			t.Errorf("the client got %+v", got)
		}
		for _, wrong := range []struct {
			from *page
			to   protocol.PeerID
		}{
			{chaperone, client.peer}, {chaperone, therapist.peer}, {client, chaperone.peer},
			{stranger, client.peer}, {stranger, therapist.peer}, {client, stranger.peer}, {client, client.peer}, {client, "nobody-of-this-name"},
		} {
			before := len(all[protocol.Undelivered](wrong.from))
			wrong.from.send(protocol.Offer{To: wrong.to, SDP: "v=0"})
			synctest.Wait()
			said := all[protocol.Undelivered](wrong.from)
			if len(said) != before+1 || said[before].To != wrong.to || said[before].Type != "offer" {
				t.Errorf("an offer from %s to %s was answered %+v", wrong.from.peer, wrong.to, said)
			}
		}
		if n := len(all[protocol.Offer](client)) + len(all[protocol.Offer](chaperone)) + len(all[protocol.Offer](stranger)); n > 0 {
			t.Errorf("%d offers reached somebody who may not have them", n)
		}
	})
}

func TestAConnectionBeginsWithOneWelcomeItsPeersAndAView(t *testing.T) {
	bubble(t, func(t *testing.T, h *house) {
		h.come("therapist-1")
		synctest.Wait() // until that is in the record
		client := h.come("client-1")
		synctest.Wait()
		got := client.messages()
		if len(got) != 3 {
			t.Fatalf("%d messages came: %+v", len(got), got)
		}
		if _, ok := got[1].(*protocol.Peers); !ok {
			t.Errorf("after its welcome came %+v, not its peers", got[1])
		}
		welcome, ok := got[0].(*protocol.Welcome)
		if !ok || welcome.Seat != "client-1" || welcome.Rate != 1 || !welcome.Now.Equal(session.Instant(time.Now())) ||
			welcome.ICEServers[0].URLs[0] != "stun:visit-1.client-1" {
			t.Errorf("welcome: %+v", got[0])
		}
		var view session.View
		if m, ok := got[2].(*protocol.View); !ok || json.Unmarshal(m.View, &view) != nil || view.You.Seat != "client-1" {
			t.Errorf("view: %+v", got[2])
		}
		if !slices.ContainsFunc(view.People, func(p session.PersonView) bool { return p.Seat == "client-1" && p.Present }) {
			t.Error("in its first view the client is not connected")
		}
		client.send(protocol.Ping{N: 41})
		synctest.Wait()
		if pong := last[protocol.Pong](client); pong.N != 41 || pong.Now == nil || !pong.Now.Equal(session.Instant(time.Now())) {
			t.Errorf("pong: %+v", pong)
		}
	})
}

func TestAnActIsRecordedAnsweredAndShownToEveryScreen(t *testing.T) {
	bubble(t, func(t *testing.T, h *house) {
		therapist, client := h.come("therapist-1"), h.come("client-1")
		help := client.command("help-1", "AskHelp", session.AskHelp{Client: "client-1"})
		if !help.OK || help.Seq == 0 {
			t.Fatalf("help was answered %+v", help)
		}
		synctest.Wait()
		var view session.View
		json.Unmarshal(last[protocol.View](therapist).View, &view)
		if len(view.Alarms) == 0 || view.Alarms[0].Condition != session.HelpAskedFor {
			t.Errorf("the therapist's screen shows %+v", view.Alarms)
		}
		again := client.command("help-1", "AskHelp", session.AskHelp{Client: "client-1"})
		if !again.OK || again.Seq != help.Seq {
			t.Errorf("the same command again was answered %+v", again)
		}
		if asked, _ := facts[session.HelpAsked](h); len(asked) != 1 {
			t.Errorf("help was recorded %d times", len(asked))
		}
		for _, c := range []struct {
			act  string
			body any
			code string
		}{
			{"Admit", session.Admit{Client: "client-1"}, session.NotYourRole},
			{"JoinPeer", session.JoinPeer{Seat: "therapist-1", Peer: "x"}, session.NotYourRole},
			{"LosePeer", session.LosePeer{Seat: "therapist-1", Lost: "x"}, session.NotYourRole},
			{"OpenLink", session.OpenLink{Seat: "therapist-1"}, session.NotYourRole},
			{"ReachDeadline", session.ReachDeadline{}, session.NotYourRole},
			{"RecordDose", session.RecordDose{Client: "client-1", Number: 1}, session.NotNow},
		} {
			r := client.command("wrong-"+c.act, c.act, c.body)
			if r.OK || r.Refused == nil || r.Refused.Code != c.code || r.Refused.Words == "" {
				t.Errorf("%s was answered %+v", c.act, r.Refused)
			}
		}
		// A page may be newer than its server for a while: its other acts go on, and help most of all.
		client.raw([]byte(`{"type":"command","body":{"id":"help-2","act":"AskHelp","body":{"client":"client-1","song":"x"}}}`))
		heard := func(m any) bool { r, ok := m.(*protocol.Result); return ok && r.ID == "help-2" }
		if r := client.await("an answer", heard).(*protocol.Result); !r.OK {
			t.Errorf("a newer page's call for help was answered %+v", r)
		}
		for i, body := range []string{`{"id":"newer-0","act":"OpenPodBayDoors","body":{}}`, `{"id":"newer-1","act":"IntroduceSelf","body":{"client":"client-1","song":"x"}}`} {
			client.raw([]byte(`{"type":"command","body":` + body + `}`))
			answer := func(m any) bool { r, ok := m.(*protocol.Result); return ok && r.ID == fmt.Sprint("newer-", i) }
			if r := client.await("an answer", answer).(*protocol.Result); r.OK || r.Refused == nil || r.Refused.Code != "not_understood" {
				t.Errorf("%s was answered %+v", body, r)
			}
		}
		if r := client.command("create", "CreateSession", session.CreateSession{ID: visit}); r.OK {
			t.Error("a screen may create a session")
		}
	})
}

func TestWhatBreaksTheProtocolClosesWithWords(t *testing.T) {
	frame := func(typ, body string) []byte { return []byte(`{"type":"` + typ + `","body":` + body + `}`) }
	peer := `"to":"page-of-therapist-1-in-visit-1"`
	for name, bad := range map[string][]byte{
		"not JSON":            []byte("hello"),
		"an array":            []byte(`[]`),
		"nothing":             []byte(``),
		"null":                []byte(`null`),
		"no body":             []byte(`{"type":"ping"}`),
		"null body":           frame("ping", `null`),
		"unknown type":        frame("chat", `{}`),
		"server's type":       frame("view", `{"view":{}}`),
		"unknown field":       frame("ping", `{"n":1,"m":2}`),
		"unknown frame field": []byte(`{"type":"ping","body":{"n":1},"seat":"therapist-1"}`),
		"something after it":  []byte(`{"type":"ping","body":{"n":1}} {}`),
		"wrong type of value": frame("ping", `{"n":"one"}`),
		"negative number":     frame("ping", `{"n":-1}`),
		"not UTF-8":           frame("command", "{\"id\":\"a\",\"act\":\"WriteNote\",\"body\":{\"text\":\"\xff\xfe\"}}"),
		"a truncated frame":   []byte(`{"type":"ping","body":{"n":`),
		"second hello":        frame("hello", `{"peer":"0123456789abcdef","media":true}`),
		"an offer with from":  frame("offer", `{`+peer+`,"from":"page-of-client-1-in-visit-1","sdp":"v=0"}`),
		"an offer to nobody":  frame("offer", `{"to":"","sdp":"v=0"}`),
		"an empty offer":      frame("offer", `{`+peer+`,"sdp":""}`),
		"no command id":       frame("command", `{"id":"","act":"GoIn"}`),
		"long command id":     frame("command", `{"id":"`+strings.Repeat("x", 65)+`","act":"GoIn"}`),
		"wrong value of act":  frame("command", `{"id":"a","act":"WriteNote","body":{"text":7,"seat":"therapist-1"}}`),
		"a pong that knows":   frame("pong", `{"n":1,"now":"2026-01-01T00:00:00Z"}`),
		"17 peers":            frame("telemetry", `{"receiving":[`+strings.Repeat(`{"peer":"0123456789abcdef"},`, 16)+`{"peer":"0123456789abcdef"}]}`),
		"oversized":           frame("command", `{"id":"a","act":"WriteNote","body":{"text":"`+strings.Repeat("x", protocol.MaxFromScreen)+`"}}`),
		"deeply nested":       frame("command", `{"id":"a","act":"GoIn","body":`+strings.Repeat("[", 20_000)+`}`),
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, h *house) {
				therapist, client := h.come("therapist-1"), h.come("client-1")
				synctest.Wait() // their coming is recorded
				before, _ := h.live.Events(context.Background(), visit)
				go client.raw(bad) // the server may stop reading in the middle of it
				if words := client.wantClosed(protocol.CloseProtocol); words == "" {
					t.Error("no words say what was wrong")
				}
				synctest.Wait()
				after, err := h.live.Events(context.Background(), visit)
				if err != nil || len(after) != len(before)+1 { // the lost peer
					t.Errorf("%d events were recorded (%v)", len(after)-len(before), err)
				}
				if r := therapist.command("n", "WriteNote", session.WriteNote{Text: "Still here."}); !r.OK {
					t.Errorf("the others' connection: %+v", r)
				}
			})
		})
	}
	t.Run("binary", func(t *testing.T) {
		bubble(t, func(t *testing.T, h *house) {
			client := h.come("client-1")
			client.mu.Lock()
			client.ws.WriteMessage(websocket.BinaryMessage, frame("ping", `{"n":1}`))
			client.mu.Unlock()
			client.wantClosed(protocol.CloseProtocol)
		})
	})
	t.Run("before hello", func(t *testing.T) {
		bubble(t, func(t *testing.T, h *house) {
			client := h.arrive(visit, "client-1")
			client.send(protocol.Command{ID: "a", Act: "GoIn"})
			client.wantClosed(protocol.CloseProtocol)
			if joined, _ := facts[session.PeerJoined](h); len(joined) > 0 {
				t.Error("a page that did not say hello has joined")
			}
		})
	})
	t.Run("no hello", func(t *testing.T) {
		bubble(t, func(t *testing.T, h *house) {
			began := time.Now()
			client := h.arrive(visit, "client-1")
			client.wantClosed(protocol.CloseProtocol)
			if waited := time.Since(began); waited < protocol.HelloWithin || waited > protocol.HelloWithin+time.Second {
				t.Errorf("it was waited for %v", waited)
			}
		})
	})
}

func TestASilentPeerIsLostAfterEightSeconds(t *testing.T) {
	bubble(t, func(t *testing.T, h *house) {
		client := h.come("client-1")
		client.mu.Lock()
		client.mute = true // the page hangs, and its socket stays open
		client.mu.Unlock()
		client.send(protocol.Ping{N: 1})
		heard := time.Now()
		time.Sleep(7900 * time.Millisecond)
		if lost, _ := facts[session.PeerLost](h); len(lost) > 0 {
			t.Error("it was lost too early")
		}
		time.Sleep(200 * time.Millisecond)
		lost, at := facts[session.PeerLost](h)
		if len(lost) != 1 || lost[0].Seat != "client-1" {
			t.Fatalf("lost: %+v", lost)
		}
		if !at[0].At.Equal(session.Instant(heard)) {
			t.Errorf("it was last heard at %v, not at %v", at[0].At, heard)
		}
	})
}

func TestAPageThatIsQuietButAliveIsNotLost(t *testing.T) {
	bubble(t, func(t *testing.T, h *house) {
		h.come("client-1")
		time.Sleep(3 * time.Hour)
		if lost, _ := facts[session.PeerLost](h); len(lost) > 0 {
			t.Errorf("lost: %+v", lost)
		}
	})
}

func TestANewerPageTakesTheSeatAtOnce(t *testing.T) {
	bubble(t, func(t *testing.T, h *house) {
		therapist, old := h.come("therapist-1"), h.come("client-1")
		fresh := h.comeAs(visit, "client-1", "another-tab-of-the-client")
		if words := old.wantClosed(protocol.CloseReplaced); words == "" {
			t.Error("the older page is not told why")
		}
		synctest.Wait()
		if got := last[protocol.Peers](therapist); len(got.Peers) != 1 || got.Peers[0].Peer != fresh.peer {
			t.Errorf("the therapist meets %+v", got)
		}
		if lost, _ := facts[session.PeerLost](h); len(lost) > 0 {
			t.Errorf("the replaced page was recorded as lost: %+v", lost)
		}
		if r := fresh.command("a", "AskHelp", session.AskHelp{Client: "client-1"}); !r.OK {
			t.Errorf("the newer page: %+v", r)
		}
		var conn string
		h.live.Look(context.Background(), visit, func(st *session.State) { conn = st.Presence["client-1"].Conn })
		if conn != last[protocol.Welcome](fresh).Conn {
			t.Errorf("the log holds connection %q, not the newer page's", conn)
		}
	})
}

func TestAResumeKeepsTheRunningMedia(t *testing.T) {
	bubble(t, func(t *testing.T, h *house) {
		therapist, client := h.come("therapist-1"), h.come("client-1")
		synctest.Wait()
		told := len(all[protocol.Peers](therapist))
		client.ws.NetConn().Close() // cut off
		<-client.done
		synctest.Wait()
		// Messages wait for the page that is on its way back, and arrive in order.
		therapist.send(protocol.NeedOffer{To: client.peer})
		therapist.send(protocol.Candidate{To: client.peer, Candidate: "candidate:2"})
		time.Sleep(5 * time.Second)
		back := h.come("client-1")
		synctest.Wait()
		if got := len(all[protocol.Peers](therapist)); got != told {
			t.Errorf("the therapist was told peers %d times more: media would be built anew", got-told)
		}
		if n := len(all[protocol.Undelivered](therapist)); n > 0 {
			t.Errorf("%d messages were not delivered", n)
		}
		var kinds []string
		for _, m := range back.messages() {
			switch m.(type) {
			case *protocol.Welcome:
				kinds = append(kinds, "welcome")
			case *protocol.View:
				kinds = append(kinds, "view")
			case *protocol.Peers:
				kinds = append(kinds, "peers")
			case *protocol.NeedOffer:
				kinds = append(kinds, "need_offer")
			case *protocol.Candidate:
				kinds = append(kinds, "candidate")
			}
		}
		if got := strings.Join(kinds, " "); got != "welcome peers need_offer candidate view" {
			t.Errorf("the page that came back got: %s", got)
		}
	})
}

func TestAPageThatDoesNotComeBackIsForgottenAndOneThatSaysGoodbyeAtOnce(t *testing.T) {
	bubble(t, func(t *testing.T, h *house) {
		therapist, client := h.come("therapist-1"), h.come("client-1")
		client.ws.NetConn().Close()
		for range 70 {
			time.Sleep(time.Second)
			therapist.send(protocol.Telemetry{Visible: true})
		}
		synctest.Wait()
		if got := seats(last[protocol.Peers](therapist)); got != "" {
			t.Errorf("after 70 s the therapist still meets %q", got)
		}
		therapist.send(protocol.NeedOffer{To: client.peer})
		synctest.Wait()
		if last[protocol.Undelivered](therapist).To != client.peer {
			t.Error("a message to a page that is gone has no answer")
		}
		again := h.come("client-1")
		synctest.Wait()
		if got := seats(last[protocol.Peers](therapist)); got != "client-1;" {
			t.Errorf("after the return the therapist meets %q", got)
		}
		again.mu.Lock()
		again.ws.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseGoingAway, ""), time.Now().Add(time.Second))
		again.mu.Unlock()
		<-again.done
		synctest.Wait()
		if got := seats(last[protocol.Peers](therapist)); got != "" {
			t.Errorf("after the goodbye the therapist still meets %q", got)
		}
	})
}

func TestARestartOfTheServerKeepsThePeersListed(t *testing.T) {
	for name, orderly := range map[string]bool{"stopped": true, "killed": false} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, h *house) {
				therapist, client := h.come("therapist-1"), h.come("client-1")
				synctest.Wait() // their coming is in the record
				h.end(orderly)
				if orderly {
					therapist.wantClosed(protocol.CloseDraining)
					client.wantClosed(protocol.CloseDraining)
				}
				time.Sleep(3 * time.Second)
				h.start()
				first := h.come("therapist-1") // the client is not back yet
				synctest.Wait()
				if got := seats(last[protocol.Peers](first)); got != "client-1;" {
					t.Errorf("the therapist, back first, meets %q: the running picture would be dropped", got)
				}
				h.come("client-1")
				synctest.Wait()
				if n := len(all[protocol.Peers](first)); n != 1 {
					t.Errorf("peers were told %d times", n)
				}
			})
		})
	}
}

func TestASlowReaderIsClosedAndNobodyWaitsForIt(t *testing.T) {
	bubble(t, func(t *testing.T, h *house) {
		client := h.come("client-1")
		slow, err := h.dial(visit, "therapist-1", h.header(visit, "therapist-1"))
		if err != nil {
			t.Fatal(err)
		}
		close(slow.done) // nobody reads
		slow.send(protocol.Hello{Peer: slow.peer, Media: true})
		synctest.Wait()
		began := time.Now()
		if r := client.command("help", "AskHelp", session.AskHelp{Client: "client-1"}); !r.OK {
			t.Fatalf("help: %+v", r)
		}
		if waited := time.Since(began); waited > 0 {
			t.Errorf("the client waited %v for somebody else's slow page", waited)
		}
		time.Sleep(10 * time.Second)
		lost, _ := facts[session.PeerLost](h)
		if len(lost) != 1 || lost[0].Seat != "therapist-1" {
			t.Errorf("the slow page is not lost: %+v", lost)
		}
	})
}

// A page that takes a little now and then holds up no end: neither its own nor the server's.
func TestAPageThatReadsSlowlyDoesNotHoldUpTheEnd(t *testing.T) {
	bubble(t, func(t *testing.T, h *house) {
		client := h.come("client-1")
		slow, err := h.dial(visit, "therapist-1", h.header(visit, "therapist-1"))
		if err != nil {
			t.Fatal(err)
		}
		read := func() { // a whole message in four seconds: no single one is too late
			defer close(slow.done)
			for {
				if _, _, err := slow.ws.ReadMessage(); err != nil {
					return
				}
				slow.write(protocol.Pong{N: 1}) // it lives
				time.Sleep(4 * time.Second)
			}
		}
		slow.send(protocol.Hello{Peer: slow.peer, Media: true})
		go read()
		synctest.Wait()
		for i := range 100 {
			client.send(protocol.Candidate{To: slow.peer, Candidate: fmt.Sprint("candidate:", i)})
		}
		synctest.Wait()
		began := time.Now()
		h.edge.Close()
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("the server waited %v for it", took)
		}
	})
}

func TestTooManyMessagesAreRefusedWithWords(t *testing.T) {
	bubble(t, func(t *testing.T, h *house) {
		client := h.come("client-1")
		go func() {
			for range 300 {
				if client.write(protocol.Pong{N: 1}) != nil {
					return
				}
			}
		}()
		client.wantClosed(protocol.CloseProtocol)
		again := h.come("client-1")
		go func() {
			for range 20 {
				if again.write(protocol.Telemetry{}) != nil {
					return
				}
			}
		}()
		again.wantClosed(protocol.CloseProtocol)
	})
}

// Each connection that is not let in is kept for the seconds that it takes to say why: a
// flood of them must not use up the server, nor keep anybody out who may come in.
func TestAFloodOfPagesThatMayNotComeInKeepsNobodyOut(t *testing.T) {
	bubble(t, func(t *testing.T, h *house) {
		wrong := h.header(visit, "client-1")
		var turned []*page
		for {
			p, err := h.dial(visit, "therapist-1", wrong)
			if err != nil {
				break
			}
			if turned = append(turned, p); len(turned) > 1000 {
				t.Fatal("each of a thousand is kept, and told why it may not come in")
			}
		}
		if n := h.edge.Counts().Connections; n != len(turned) || n < 100 {
			t.Errorf("%d connections are kept, of %d", n, len(turned))
		}
		h.come("therapist-1")
		for _, p := range turned {
			go p.read()
		}
		time.Sleep(time.Minute)
		p, err := h.dial(visit, "therapist-1", wrong)
		if err != nil {
			t.Fatalf("after the flood nobody is told why: %v", err)
		}
		go p.read()
		p.wantClosed(protocol.CloseRevoked)
	})
}

func TestWhoIsNotAdmittedIsToldWhy(t *testing.T) {
	bubble(t, func(t *testing.T, h *house) {
		header := h.header(visit, "client-1")
		p, err := h.dial(visit, "therapist-1", header) // the client's token on the therapist's seat
		if err != nil {
			t.Fatal(err)
		}
		go p.read()
		if words := p.wantClosed(protocol.CloseRevoked); words != errLink.Error() {
			t.Errorf("the words are %q", words)
		}
		unknown := h.arrive("visit-9", "client-1")
		unknown.send(protocol.Hello{Peer: unknown.peer})
		unknown.wantClosed(protocol.CloseUnknown)
		seat := h.arrive(visit, "client-9")
		seat.send(protocol.Hello{Peer: seat.peer})
		seat.wantClosed(protocol.CloseUnknown)
		if n := h.live.Loaded(); n > 1 {
			t.Errorf("%d sessions are loaded", n)
		}
	})
}

// A therapist who has signed out, or whose password is another one now, goes on seeing
// nobody; one of whom the door knows nothing at the moment goes on seeing whom they see.
func TestASignInThatEndsEndsItsPageAndAStoreThatIsAwayEndsNone(t *testing.T) {
	bubble(t, func(t *testing.T, h *house) {
		doubt := func(err error) { h.door.doubt.Store(&err) }
		client, therapist := h.come("client-1"), h.come("therapist-1")
		sees := func(m any) bool {
			peers, ok := m.(*protocol.Peers)
			return ok && slices.ContainsFunc(peers.Peers, func(p protocol.Peer) bool { return p.Seat == "therapist-1" })
		}
		client.await("the therapist among the peers", sees)
		doubt(errors.New("the store is away"))
		time.Sleep(time.Minute)
		if r := therapist.command("a", "WriteNote", session.WriteNote{Text: "Still here."}); !r.OK {
			t.Errorf("a page was ended because its sign-in could not be looked up: %+v", r)
		}
		again, err := h.dial(visit, "therapist-1", h.header(visit, "therapist-1"))
		if err != nil {
			t.Fatal(err)
		}
		go again.read()
		again.wantClosed(protocol.CloseInternal) // it comes back, and does not say that nobody is signed in

		doubt(&session.Refusal{Code: "signed_out", Words: "Please sign in."})
		before := time.Now()
		therapist.wantClosed(protocol.CloseDraining)
		out := h.arrive(visit, "therapist-1")
		if words := out.wantClosed(protocol.CloseRevoked); words != "Please sign in." {
			t.Errorf("the words are %q", words)
		}
		for lists := all[protocol.Peers](client); sees(lists[len(lists)-1]); lists = all[protocol.Peers](client) {
			client.send(protocol.Telemetry{Visible: true}) // as pages do every second
			time.Sleep(time.Second)
			if time.Since(before) > 15*time.Second {
				t.Fatal("the client's page still sends its picture to one that was signed out")
			}
		}
		if got := last[protocol.Peers](client).TurnedOut; !slices.Equal(got, []protocol.PeerID{therapist.peer}) {
			t.Errorf("the client's page is told to end what connects it to %q", got)
		}
		if r := client.command("a", "AskHelp", session.AskHelp{Client: "client-1"}); !r.OK {
			t.Errorf("the client: %+v", r)
		}
	})
}

func TestARevokedLinkEndsItsConnection(t *testing.T) {
	bubble(t, func(t *testing.T, h *house) {
		client, therapist := h.come("client-1"), h.come("therapist-1")
		h.do("therapist-1", session.IssueInvitation{Seat: "client-1", Hash: strings.Repeat("ab", 32), Expires: time.Now().Add(time.Hour)})
		synctest.Wait()
		if r := client.command("a", "AskHelp", session.AskHelp{Client: "client-1"}); !r.OK {
			t.Fatalf("a fresh link ended the page that is there: %+v", r)
		}
		h.do("therapist-1", session.RevokeInvitation{Seat: "client-1"})
		client.wantClosed(protocol.CloseRevoked)
		if r := therapist.command("a", "WriteNote", session.WriteNote{Text: "Still here."}); !r.OK {
			t.Errorf("the therapist: %+v", r)
		}
		synctest.Wait()
		if !slices.Contains(h.ended, "visit-1 client-1") || slices.Contains(h.ended, "visit-1 therapist-1") {
			t.Errorf("the way through the relay ended for %v", h.ended)
		}
	})
}

func TestAStoreThatFailsIsSaidAndTheActMayBeSentAgain(t *testing.T) {
	bubble(t, func(t *testing.T, h *house) {
		client, therapist := h.come("client-1"), h.come("therapist-1")
		h.broken.set(store.ErrFull)
		r := client.command("help-1", "AskHelp", session.AskHelp{Client: "client-1"})
		if r.OK || r.Refused.Code != "not_recorded" || r.Refused.Words == "" {
			t.Fatalf("answered %+v", r)
		}
		synctest.Wait()
		for _, p := range []*page{client, therapist} {
			if d := last[protocol.Degraded](p); d.OK || d.Words == "" {
				t.Errorf("%s is told %+v", p.peer, d)
			}
		}
		// Pages still come and go, and signal, while nothing can be recorded.
		chaperone := h.come("chaperone-1")
		synctest.Wait()
		if d := last[protocol.Degraded](chaperone); d.OK {
			t.Errorf("a page that comes is told %+v", d)
		}
		client.send(protocol.Offer{To: therapist.peer, SDP: "v=0"})
		synctest.Wait()
		if last[protocol.Offer](therapist).From != client.peer {
			t.Error("offers stop while the store fails")
		}
		h.broken.set(nil)
		time.Sleep(2 * time.Second)
		if d := last[protocol.Degraded](therapist); !d.OK {
			t.Errorf("afterwards: %+v", d)
		}
		if r := client.command("help-1", "AskHelp", session.AskHelp{Client: "client-1"}); !r.OK {
			t.Errorf("the resend: %+v", r)
		}
		if joined, _ := facts[session.PeerJoined](h); len(joined) != 3 {
			t.Errorf("%d pages joined in the record, not 3", len(joined))
		}
	})
}

func TestDrainingTellsEveryPageToComeBack(t *testing.T) {
	bubble(t, func(t *testing.T, h *house) {
		pages := []*page{h.come("client-1"), h.come("therapist-1"), h.come("chaperone-1")}
		began := time.Now()
		h.edge.Close()
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("closing took %v", took)
		}
		for _, p := range pages {
			p.wantClosed(protocol.CloseDraining)
		}
		if _, err := h.dial(visit, "client-1", h.header(visit, "client-1")); err == nil {
			t.Error("a page can connect after Close")
		}
	})
}

func TestAPageOfAnotherSiteCannotConnect(t *testing.T) {
	edge, err := signaling.New(signaling.Options{Sessions: open(t).live, Gatekeeper: &tokens{}, AllowedOrigins: []string{"https://belay.example"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name    string
		origins []string
		cookie  string
		host    string
		want    bool
	}{
		{"own", []string{"http://127.0.0.1:8080"}, "belay_seat=x", "127.0.0.1:8080", true},
		{"own behind TLS", []string{"https://visit.example"}, "belay_seat=x", "visit.example", true},
		{"own, default port", []string{"https://visit.example:443"}, "belay_seat=x", "visit.example", true},
		{"public address", []string{"https://belay.example"}, "belay_seat=x", "10.0.0.7:8080", true},
		{"public address, other scheme", []string{"http://belay.example"}, "belay_seat=x", "10.0.0.7:8080", false},
		{"another port", []string{"http://127.0.0.1:9090"}, "belay_seat=x", "127.0.0.1:8080", false},
		{"another site", []string{"https://evil.example"}, "belay_seat=x", "visit.example", false},
		{"a site that begins alike", []string{"https://visit.example.evil.example"}, "belay_seat=x", "visit.example", false},
		{"null", []string{"null"}, "belay_seat=x", "visit.example", false},
		{"two", []string{"https://visit.example", "https://evil.example"}, "belay_seat=x", "visit.example", false},
		{"none, with a cookie", nil, "belay_seat=x", "visit.example", false},
		{"none, without a cookie", nil, "", "visit.example", true},
	} {
		r := httptest.NewRequest("GET", "/s/visit-1/client-1/ws", nil)
		r.Host = c.host
		for _, o := range c.origins {
			r.Header.Add("Origin", o)
		}
		if c.cookie != "" {
			r.Header.Set("Cookie", c.cookie)
		}
		for k, v := range map[string]string{"Connection": "Upgrade", "Upgrade": "websocket", "Sec-Websocket-Version": "13", "Sec-Websocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", "Sec-Websocket-Protocol": protocol.Subprotocol} {
			r.Header.Set(k, v)
		}
		w := httptest.NewRecorder() // it can't be upgraded: 500 says that the origin was let pass
		edge.ServeHTTP(w, r)
		if got := w.Code != http.StatusForbidden; got != c.want {
			t.Errorf("%s: let pass is %v (%d)", c.name, got, w.Code)
		}
	}
	r := httptest.NewRequest("GET", "/s/visit-1/client-1/ws", nil)
	w := httptest.NewRecorder()
	edge.ServeHTTP(w, r)
	if w.Code != http.StatusUpgradeRequired {
		t.Errorf("a plain request is answered %d", w.Code)
	}
	if !bytes.Contains(w.Body.Bytes(), []byte("WebSocket")) {
		t.Errorf("its words are %q", w.Body)
	}
	edge.Close()
}

func TestAPageHasFreshCredentialsAtHandThroughALongVisit(t *testing.T) {
	bubble(t, func(t *testing.T, h *house) {
		client := h.come("client-1")
		synctest.Wait()
		for n := range uint64(60) { // two minutes
			time.Sleep(2 * time.Second)
			client.send(protocol.Pong{N: n})
			client.send(protocol.Ping{N: n})
			synctest.Wait()
		}
		fresh := 0
		for _, m := range client.messages() {
			if m, ok := m.(*protocol.ICEServers); ok {
				fresh++
				if len(m.ICEServers) != 1 || m.ICEServers[0].URLs[0] != "stun:visit-1.client-1" {
					t.Errorf("%+v", m)
				}
			}
		}
		if fresh != 4 {
			t.Errorf("in two minutes, with credentials of one: %d times", fresh)
		}
	})
}

// A page that has much to say, and a client who needs help now.
func TestACallForHelpOvertakesWhateverElseWaits(t *testing.T) {
	bubble(t, func(t *testing.T, h *house) {
		client := h.come("client-1")
		release := h.broken.hang()
		send := func(id string, act session.Act) {
			body, err := json.Marshal(act)
			if err != nil {
				t.Fatal(err)
			}
			client.send(protocol.Command{ID: id, Act: session.FactName(act), Body: body})
		}
		for i := range 30 {
			send(fmt.Sprint("name-", i), session.IntroduceSelf{Client: "client-1", Name: fmt.Sprint("Alex ", i)})
		}
		send("help", session.AskHelp{Client: "client-1"})
		synctest.Wait()
		release()
		client.await("the answer to the call", func(m any) bool { r, ok := m.(*protocol.Result); return ok && r.ID == "help" && r.OK })
		time.Sleep(time.Second)
		_, asked := facts[session.HelpAsked](h)
		_, named := facts[session.ClientIntroduced](h)
		if len(asked) != 1 || len(named) != 30 {
			t.Fatalf("%d calls and %d names are in the record", len(asked), len(named))
		}
		before := 0
		for _, e := range named {
			if e.Seq < asked[0].Seq {
				before++
			}
		}
		if before > 2 { // the one that was being written, and the one behind it in the session's own line
			t.Errorf("%d acts of the same page were recorded before the call for help", before)
		}
	})
}

// A page that sends too much is closed, but not before its client was heard.
func TestNoLimitOfMessagesKeepsACallForHelpOut(t *testing.T) {
	bubble(t, func(t *testing.T, h *house) {
		client := h.come("client-1")
		ping, err := protocol.Encode(protocol.Ping{N: 1})
		if err != nil {
			t.Fatal(err)
		}
		for range protocol.MessageBurst {
			if client.raw(ping) != nil {
				break
			}
		}
		body, err := json.Marshal(session.AskHelp{Client: "client-1"})
		if err != nil {
			t.Fatal(err)
		}
		client.send(protocol.Command{ID: "help", Act: "AskHelp", Body: body})
		<-client.done
		synctest.Wait()
		if client.code != protocol.CloseProtocol {
			t.Errorf("the flood was closed with %d: this shows nothing", client.code)
		}
		if asked, _ := facts[session.HelpAsked](h); len(asked) != 1 {
			t.Errorf("%d calls for help are in the record", len(asked))
		}
	})
}

// The yes that was taken back ends what the chaperone sees at that moment, not
// with the next connection.
func TestAChaperoneWhoMayNoLongerSeeMeetsNobodyAtOnce(t *testing.T) {
	bubble(t, func(t *testing.T, h *house) {
		h.come("therapist-1")
		client, chaperone := h.come("client-1"), h.come("chaperone-1")
		h.do("client-1", session.AllowChaperone{Client: "client-1", See: true})
		synctest.Wait()
		if got := seats(last[protocol.Peers](chaperone)); !strings.Contains(got, "client-1") {
			t.Fatalf("the chaperone meets %q", got)
		}
		h.do("therapist-1", session.HideFromChaperone{Client: "client-1"})
		synctest.Wait()
		if got := seats(last[protocol.Peers](chaperone)); got != "" {
			t.Errorf("the chaperone still meets %q", got)
		}
		if got := seats(last[protocol.Peers](client)); strings.Contains(got, "chaperone") {
			t.Errorf("the client still meets %q", got)
		}
		chaperone.send(protocol.Offer{To: client.peer, SDP: "v=0"})
		synctest.Wait()
		if len(all[protocol.Offer](client)) > 0 {
			t.Error("an offer of the chaperone's reached the client")
		}
	})
}

// The picture waits for no disk, and a disk that hangs ends no connection.
func TestThatOneHasComeKeepsTheNextFromNothing(t *testing.T) {
	bubble(t, func(t *testing.T, h *house) {
		release := h.broken.hang() // with the line that says that the first has come
		began := time.Now()
		therapist := h.come("therapist-1")
		client := h.come("client-1")
		client.send(protocol.Offer{To: therapist.peer, SDP: "v=0"})
		synctest.Wait()
		if len(all[protocol.Offer](therapist)) != 1 || time.Since(began) > time.Second {
			t.Errorf("the second page waits for the disk: its view came after %s", time.Since(began))
		}
		release()
		synctest.Wait()
	})
}

func TestPagesMeetBeforeTheDiskHasAnswered(t *testing.T) {
	bubble(t, func(t *testing.T, h *house) {
		therapist := h.come("therapist-1")
		synctest.Wait() // until that is in the record
		release := h.broken.hang()
		client := h.come("client-1")
		client.send(protocol.Offer{To: therapist.peer, SDP: "v=0"})
		synctest.Wait()
		if len(all[protocol.Offer](therapist)) != 1 {
			t.Error("an offer waits for the disk")
		}
		present := func() bool {
			var view session.View
			if err := json.Unmarshal(last[protocol.View](therapist).View, &view); err != nil {
				t.Fatal(err)
			}
			return slices.ContainsFunc(view.People, func(p session.PersonView) bool { return p.Seat == "client-1" && p.Present })
		}
		if present() {
			t.Error("the client is shown as connected before it is in the record")
		}
		time.Sleep(25 * time.Second) // longer than an act may take
		release()
		time.Sleep(time.Second)
		if client.code != 0 || len(all[protocol.Welcome](client)) != 1 {
			t.Errorf("the connection was closed with %d", client.code)
		}
		if !present() {
			t.Error("the client is not shown as connected although the disk answers again")
		}
	})
}
