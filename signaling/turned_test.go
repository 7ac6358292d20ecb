package signaling_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"belay/session"
	"belay/signaling/protocol"
)

// link gives the client a link, which can then be withdrawn.
func (h *house) link() {
	h.do("therapist-1", session.IssueInvitation{Seat: "client-1", Hash: strings.Repeat("ab", 32), Expires: time.Now().Add(time.Hour)})
}

// Who is turned out is no page that was cut off: nobody waits for its return, and
// nobody goes on sending to it meanwhile.
func TestWhoIsTurnedOutIsMetByNobodyAtOnce(t *testing.T) {
	bubble(t, func(t *testing.T, h *house) {
		client, therapist := h.come("client-1"), h.come("therapist-1")
		h.link()
		synctest.Wait()
		if got := seats(last[protocol.Peers](therapist)); got != "client-1;" {
			t.Fatalf("the therapist meets %q", got)
		}
		h.do("therapist-1", session.RevokeInvitation{Seat: "client-1"})
		client.wantClosed(protocol.CloseRevoked)
		synctest.Wait()
		got := last[protocol.Peers](therapist)
		if seats(got) != "" {
			t.Errorf("the therapist's page still meets %q", seats(got))
		}
		if !slices.Equal(got.TurnedOut, []protocol.PeerID{client.peer}) {
			t.Errorf("it is told to end what connects it to %q: its picture of the client would go on", got.TurnedOut)
		}
		// A page that was away at that moment is told when it comes.
		co := h.come("co-therapist-1")
		if got := last[protocol.Peers](co).TurnedOut; !slices.Equal(got, []protocol.PeerID{client.peer}) {
			t.Errorf("a page that comes later is told of %q", got)
		}
		// With a link of their own they are met again.
		h.link()
		h.come("client-1")
		synctest.Wait()
		if got := last[protocol.Peers](therapist); !strings.Contains(seats(got), "client-1;") || len(got.TurnedOut) > 0 {
			t.Errorf("after the return the therapist meets %q, without %q", seats(got), got.TurnedOut)
		}
	})
}

// However often somebody is turned out and let in again, the list of it has an end, and
// names the last ones.
func TestWhoWasTurnedOutIsNotToldForEver(t *testing.T) {
	bubble(t, func(t *testing.T, h *house) {
		therapist := h.come("therapist-1")
		var peers []protocol.PeerID
		for i := range 40 {
			h.link()
			client := h.comeAs(visit, "client-1", protocol.PeerID(fmt.Sprintf("page-%02d-of-the-client", i)))
			synctest.Wait()
			h.do("therapist-1", session.RevokeInvitation{Seat: "client-1"})
			client.wantClosed(protocol.CloseRevoked)
			peers = append(peers, client.peer)
		}
		synctest.Wait()
		got := last[protocol.Peers](therapist).TurnedOut
		if len(got) > 32 {
			t.Errorf("the therapist's page is told of %d pages that were turned out", len(got))
		}
		for _, peer := range peers[len(peers)-20:] {
			if !slices.Contains(got, peer) {
				t.Errorf("it is not told of %q, one of the last", peer)
			}
		}
	})
}

// The first message of a connection may take seconds: a link can be withdrawn meanwhile.
func TestALinkThatIsWithdrawnWhileItsPageComesLetsNobodyIn(t *testing.T) {
	bubble(t, func(t *testing.T, h *house) {
		h.come("therapist-1")
		h.link()
		comes := h.arrive(visit, "client-1")
		synctest.Wait()
		h.do("therapist-1", session.RevokeInvitation{Seat: "client-1"})
		synctest.Wait()
		comes.send(protocol.Hello{Peer: comes.peer, Media: true})
		comes.wantClosed(protocol.CloseRevoked)
	})
}

// A name of a page is its own: somebody else's page that takes it would get what is
// meant for the other.
func TestTwoSeatsHaveNoPageOfOneName(t *testing.T) {
	bubble(t, func(t *testing.T, h *house) {
		client, therapist := h.come("client-1"), h.come("therapist-1")
		other := h.arrive(visit, "co-therapist-1")
		other.send(protocol.Hello{Peer: client.peer, Media: true})
		other.wantClosed(protocol.CloseProtocol)
		for i := range 20 {
			therapist.send(protocol.Candidate{To: client.peer, Candidate: fmt.Sprint("candidate:", i)})
		}
		synctest.Wait()
		if n := len(all[protocol.Candidate](client)); n != 20 {
			t.Errorf("%d of 20 messages reached the page that had the name first", n)
		}
	})
}
