package signaling

import (
	"testing"
	"time"

	"belay/session"
	"belay/signaling/protocol"
	"belay/signaling/relay"
)

// relayedPair is a room with a client and their therapist, who may meet and may use the relay.
func relayedPair() (r *room, alex, robin *place) {
	const client, therapist = "client-1", "therapist-1"
	alex = &place{seat: client, peer: "alex", media: true, relay: true, known: true}
	robin = &place{seat: therapist, peer: "robin", media: true, relay: true, known: true, ready: true, conn: &conn{}}
	return &room{
		edge:   &Edge{},
		places: map[session.SeatID]*place{client: alex, therapist: robin},
		roles:  map[session.SeatID]session.Role{client: session.Client, therapist: session.Therapist},
		meet:   map[[2]session.SeatID]bool{{client, therapist}: true, {therapist, client}: true},
		ropes:  ropes{open: true},
	}, alex, robin
}

// What comes to a client through the relay has lost the sender's own word on its level,
// so that their page takes digital zero for a quiet room. The relay has read it.
func TestTheRelayIsBelievedThatATherapistsMicrophoneIsDead(t *testing.T) {
	for name, c := range map[string]struct {
		direct bool
		level  float64 // as the relay has heard it
		lost   bool
	}{
		"digital zero":                     {false, 0, true},
		"a quiet voice":                    {false, 0.0001, false},
		"a sender that does not say":       {false, -1, false},
		"zero, and it is the other rope's": {true, 0, false}, // a sender that is paused there
	} {
		t.Run(name, func(t *testing.T) {
			began := time.Unix(1_790_000_000, 0)
			r, alex, robin := relayedPair()
			r.judge, r.ropes.only = judge{log: map[sense]bool{{alex.seat, voice}: false}}, !c.direct
			lost := time.Duration(0)
			for at := time.Duration(0); at < 20*time.Second; at += time.Second {
				now := began.Add(at)
				robin.mic.told(now, &protocol.Telemetry{MicLive: true})
				r.ropes.far = farHeard{now, map[protocol.PeerID]relay.Heard{"robin": {SoundLevel: c.level}}}
				found, by := r.overhear(alex, &protocol.Telemetry{Receiving: []protocol.Receiving{{Peer: "robin", SoundAge: 0.02, SoundLevel: 0.2}}}, now)
				if by != robin.conn {
					t.Fatal("nobody would tell the session")
				}
				if len(found) > 0 && lost == 0 {
					if lost = at; !found[0].lost || found[0].of != voice || found[0].client != alex.seat {
						t.Fatalf("found %+v", found[0])
					}
				}
			}
			if c.lost != (lost > 0) || c.lost && lost != soundZero {
				t.Errorf("found lost after %v; the client hears them: %v", lost, !c.lost)
			}
		})
	}
}
