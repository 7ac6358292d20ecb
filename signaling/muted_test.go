package signaling

import (
	"strings"
	"testing"
	"time"

	"belay/signaling/protocol"
	"belay/signaling/relay"
)

// A page whose way out is shut may still be reached by another one: then it sees nothing,
// and its browser does not for seconds. It is told once, not before anything has come, and
// not where the relay hears nobody.
func TestAPageOfWhichNothingArrivesAtTheRelayIsToldOnce(t *testing.T) {
	const fresh = 20 * time.Millisecond
	began := time.Unix(1_790_000_000, 0)
	r, alex, robin := relayedPair()
	alex.ready, alex.conn = true, &conn{out: outbox{wake: make(chan struct{}, 1)}}
	r.ropes.home, r.ropes.taken = "n2.b1", map[way]time.Time{{from: "alex", to: "robin"}: began}
	for _, step := range []struct {
		at    time.Duration // since the rope was taken
		age   time.Duration // of the last packet
		other time.Duration // of the other's
		told  int           // in all
	}{
		{2 * time.Second, -1, fresh, 0},
		{3 * time.Second, 4 * time.Second, fresh, 0}, // the trickle of before
		{4 * time.Second, fresh, fresh, 0},
		{5 * time.Second, 400 * time.Millisecond, fresh, 0},
		{6 * time.Second, 1400 * time.Millisecond, 1400 * time.Millisecond, 0},
		{7 * time.Second, fresh, fresh, 0},
		{8 * time.Second, 1020 * time.Millisecond, fresh, 1},
		{9 * time.Second, 2020 * time.Millisecond, fresh, 1},
		{10 * time.Second, fresh, fresh, 1},
		{11 * time.Second, 1020 * time.Millisecond, fresh, 2},
	} {
		now := began.Add(step.at)
		r.ropes.far = farHeard{now, map[protocol.PeerID]relay.Heard{"alex": {PacketAge: step.age}, "robin": {PacketAge: step.other}}}
		if _, ok := r.measured(robin, alex, r.heard(now), now); !ok {
			t.Fatal("the relay is not asked")
		}
		if told := len(alex.conn.out.queue); told != step.told {
			t.Fatalf("after %v, with the last packet %v ago: told %d times, not %d", step.at, step.age, told, step.told)
		}
	}
	if frame := string(alex.conn.out.queue[0].frame); !strings.Contains(frame, `"need_offer"`) || !strings.Contains(frame, `"restart":true`) {
		t.Errorf("it is told %s", frame)
	}
}
