package signaling_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"belay/session"
	"belay/signaling/protocol"
)

// While a disk hangs, pages ask again and again; whoever is lost meanwhile must not
// stand in the record as connected for good.
func TestWhoIsLostWhileTheDiskHangsIsMissedAfterwards(t *testing.T) {
	bubble(t, func(t *testing.T, h *house) {
		client, therapist, chaperone := h.come("client-1"), h.come("therapist-1"), h.come("chaperone-1")
		synctest.Wait()
		release := h.broken.hang()
		notes := func() {
			for _, p := range []*page{therapist, chaperone} {
				for i := range 3 {
					body, err := json.Marshal(session.WriteNote{Text: "Is it there?"})
					if err != nil {
						t.Fatal(err)
					}
					p.send(protocol.Command{ID: fmt.Sprint("n", time.Now().Unix(), i), Act: "WriteNote", Body: body})
				}
			}
		}
		for range 20 {
			notes()
			time.Sleep(10 * time.Second)
		}
		client.ws.NetConn().Close()
		<-client.done
		time.Sleep(30 * time.Second)
		release()
		time.Sleep(2 * time.Second)
		lost, _ := facts[session.PeerLost](h)
		if !slices.ContainsFunc(lost, func(f session.PeerLost) bool { return f.Seat == "client-1" }) {
			t.Errorf("the client is gone, and the record holds %d losses: %+v", len(lost), lost)
		}
	})
}
