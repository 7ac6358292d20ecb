package protocol

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

const (
	minPeerID    = 16
	maxPeerID    = 64
	maxCommandID = 64
	maxAct       = 64
	maxGiven     = 7 * 24 * 3600 * 1000 // ms
)

// Routes are the values of Receiving.Route.
var Routes = []string{"", "direct", "relay-udp", "relay-tcp", "relay-tls"}

// Ropes are the values of Rope.Want and Rope.Got.
var Ropes = []string{"", "direct", "relay"}

// validate reports the first value that is out of its range. The ranges stand in
// the schemas too.
func validate(body any) error {
	switch m := body.(type) {
	case *Hello:
		if m.Peer.IsRelay() {
			return errors.New("peer has a name that only the relay has")
		}
		return m.Peer.validate("peer")
	case *Command:
		switch {
		case m.ID == "" || len(m.ID) > maxCommandID:
			return fmt.Errorf("id has %d bytes: 1 to %d are allowed", len(m.ID), maxCommandID)
		case m.Act == "" || len(m.Act) > maxAct:
			return errors.New("act names no command")
		case m.Age < -1 || m.Age > maxGiven:
			return fmt.Errorf("age is %d: -1 to %d are allowed", m.Age, int64(maxGiven))
		}
	case *Telemetry:
		return m.validate()
	case *Pong:
		if m.Now != nil {
			return errors.New("only the server tells the time")
		}
	case *Offer:
		return addressed(m.To, m.From, m.SDP)
	case *Answer:
		return addressed(m.To, m.From, m.SDP)
	case *Candidate:
		return addressed(m.To, m.From, "an empty candidate ends them")
	case *NeedOffer:
		return addressed(m.To, m.From, "-")
	case *Rope:
		if !slices.Contains(Ropes, m.Want) || !slices.Contains(Ropes, m.Got) || (m.Want == "") == (m.Got == "") {
			return errors.New(`one of want and got is "direct" or "relay"`)
		}
		return addressed(m.To, m.From, "-")
	}
	return nil
}

func addressed(to, from PeerID, sdp string) error {
	switch {
	case from != "":
		return errors.New("from is set by the server")
	case sdp == "":
		return errors.New("sdp is empty")
	}
	return to.validate("to")
}

// IsRelay reports whether p can only be the name of a relay.
func (p PeerID) IsRelay() bool { return strings.HasPrefix(string(p), "relay-") }

func (p PeerID) validate(field string) error {
	if len(p) < minPeerID || len(p) > maxPeerID {
		return fmt.Errorf("%s has %d characters: %d to %d are allowed", field, len(p), minPeerID, maxPeerID)
	}
	for i := range len(p) {
		switch c := p[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-':
		default:
			return fmt.Errorf("%s has a character that is neither letter, digit nor hyphen", field)
		}
	}
	return nil
}

// validate refuses what no page of ours can mean, and brings numbers back into
// their range: counters of browsers overshoot (a negative loss, an age of
// -0.01 s), and a page that watches over somebody must not lose its connection
// over that.
func (t *Telemetry) validate() error {
	if len(t.Receiving) > MaxReceiving {
		return fmt.Errorf("receiving has %d entries, at most %d are read", len(t.Receiving), MaxReceiving)
	}
	if t.Battery != nil {
		*t.Battery = clamp(*t.Battery, 0, 1)
	}
	t.MicLevel = clamp(t.MicLevel, 0, 1)
	for i := range t.Receiving {
		r := &t.Receiving[i]
		if err := r.Peer.validate("receiving.peer"); err != nil {
			return err
		}
		r.FrameAge, r.PacketAge, r.SoundAge = age(r.FrameAge), age(r.PacketAge), age(r.SoundAge)
		r.SoundLevel, r.Loss = clamp(r.SoundLevel, 0, 1), clamp(r.Loss, 0, 1)
		r.FPS, r.RoundTrip = clamp(r.FPS, 0, 1000), clamp(r.RoundTrip, 0, maxAge)
		if !slices.Contains(Routes, r.Route) {
			r.Route = ""
		}
	}
	return nil
}

const maxAge = 7 * 24 * 3600 // seconds

// age is -1 (never yet) or a number of seconds that is not negative.
func age(v float64) float64 {
	if v <= -0.5 {
		return -1
	}
	return clamp(v, 0, maxAge)
}

func clamp(v, low, high float64) float64 { return min(max(v, low), high) }
