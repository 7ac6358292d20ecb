package relay_test

import (
	"strings"
	"testing"
	"time"

	"belay/signaling/protocol"
)

// An offer that a page makes while it rests calls its layers paused. An answer that
// says the same would be taken for a wish, by a page that has gone on meanwhile.
func TestAnAnswerPausesNoLayer(t *testing.T) {
	h := open(t)
	b := h.page("client-1", options{simulcast: true})
	h.meet(b)
	sdp, err := b.pc.CreateOffer(nil)
	if err != nil {
		t.Fatal(err)
	}
	resting := strings.NewReplacer("a=simulcast:send h;l", "a=simulcast:send ~h;~l", "a=simulcast:send l;h", "a=simulcast:send ~l;~h").Replace(sdp.SDP)
	if resting == sdp.SDP {
		t.Fatalf("the offer has no layers:\n%s", sdp.SDP)
	}
	h.relay.Receive(visit, b.peer, &protocol.Offer{SDP: resting})
	select {
	case answer := <-b.answers:
		if !strings.Contains(answer, "a=simulcast:recv") || strings.Contains(answer, "~") {
			t.Errorf("the answer has a layer pause, or none:\n%s", answer)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("no answer")
	}
}
