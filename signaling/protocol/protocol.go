package protocol

import (
	"encoding/json"
	"time"
)

// Subprotocol is the WebSocket subprotocol that both sides must name.
const Subprotocol = "belay.1"

// Limits and rhythms of a connection.
const (
	MaxFromScreen = 64 << 10         // bytes of one message from a screen
	MaxReceiving  = 16               // peers in one Telemetry
	HelloWithin   = 5 * time.Second  // the first message of a connection is Hello
	PingEvery     = 2 * time.Second  // both ways: the server sends Ping, the screen answers Pong; and the screen sends Ping
	SilenceIsLoss = 8 * time.Second  // nothing heard for this long: the connection is lost
	OutboxLimit   = 256              // messages; a slower reader is closed
	ReturnWithin  = 60 * time.Second // a lost peer stays in the lists of the others so long: its media may be alive
	HeldForReturn = 64               // brokered messages that are kept for a peer that is just reconnecting
)

// Rates that a connection may not exceed.
const (
	MessageRate    = 50  // messages per second
	MessageBurst   = 200 // of them at once
	TelemetryRate  = 2   // telemetry messages per second
	TelemetryBurst = 10  // of them at once
)

// Close codes (RFC 6455 section 7.4.2, private use).
const (
	CloseReplaced = 4001 // a newer connection took this seat: do not reconnect by yourself
	CloseSlow     = 4002 // the reader was too slow: reconnect
	CloseProtocol = 4003 // the screen broke the protocol: reload the page
	CloseRevoked  = 4004 // the link or the login was revoked or has expired
	CloseDraining = 4005 // this node stops, or asks again who you are: reconnect at once
	CloseUnknown  = 4006 // there is no such session
	CloseFull     = 4007 // the server has no room for one more visit now: reconnect
	CloseInternal = 1011 // the server failed: reconnect
)

// Frame is the envelope of every message: a type and one body of that type.
//
//	{"type": "command", "body": {…}}
type Frame struct {
	Type string          `json:"type"`
	Body json.RawMessage `json:"body"`
}

// PeerID names a page, or another party that exchanges media. The page keeps
// it as long as it lives: the same id keeps running media, a new one builds anew.
type PeerID string

// Messages from a screen to the server.
type (
	// Hello is the first message of every connection.
	Hello struct {
		Peer  PeerID `json:"peer"`            // made by the page, 16 to 64 characters [A-Za-z0-9-]
		Media bool   `json:"media"`           // it can exchange audio and video
		Relay bool   `json:"relay,omitempty"` // it knows what to do with the relay: only then is it listed
	}
	// Command carries one act. It is answered by a Result with the same id.
	Command struct {
		ID   string          `json:"id"` // made by the page, unique per seat
		Act  string          `json:"act"`
		Body json.RawMessage `json:"body,omitempty"`
		Age  int64           `json:"age,omitempty"` // milliseconds from the tap to this sending, by the page's monotonic clock; -1: it can't tell, the device slept meanwhile
	}
	// Ping asks for a Pong. Either side may send it.
	Ping struct {
		N uint64 `json:"n"`
	}
	// Pong answers a Ping. From the server it carries the session's time.
	Pong struct {
		N   uint64     `json:"n"`
		Now *time.Time `json:"now,omitempty"`
	}
	// Telemetry is what a page sees and hears, once a second; never logged.
	Telemetry struct {
		Battery   *float64    `json:"battery,omitempty"` // 0 to 1
		Charging  *bool       `json:"charging,omitempty"`
		WakeLock  bool        `json:"wake_lock"`
		Visible   bool        `json:"visible"`
		MicLevel  float64     `json:"mic_level"`          // own microphone, 0 to 1
		MicLive   bool        `json:"mic_live"`           // a live, unmuted track with samples
		MicOff    bool        `json:"mic_off,omitempty"`  // the person here has switched their microphone off, or never on
		NoSound   bool        `json:"no_sound,omitempty"` // the browser lets no sound out here until somebody taps the page
		CamLive   bool        `json:"cam_live"`
		Receiving []Receiving `json:"receiving,omitempty"`
	}
	// Receiving is what a page receives from one other peer.
	Receiving struct {
		Peer       PeerID  `json:"peer"`
		FrameAge   float64 `json:"frame_age"`  // seconds since the last new decoded frame; -1: none yet
		PacketAge  float64 `json:"packet_age"` // seconds since the last packet
		FPS        float64 `json:"fps"`
		SoundAge   float64 `json:"sound_age"`   // seconds since the last audio packet; -1: none yet
		SoundLevel float64 `json:"sound_level"` // 0 to 1; 0 exactly for 10 s is digital zero
		Loss       float64 `json:"loss"`        // 0 to 1
		RoundTrip  float64 `json:"round_trip"`  // seconds
		Route      string  `json:"route"`       // "direct", "relay-udp", "relay-tcp", "relay-tls", ""
	}
)

// Later are the messages from screens, and the fields of them, that the first servers
// of this version did not read. A server names those that it knows in Welcome; a page
// leaves out what it does not name, because in a rolling update a page may be newer
// than its server, and what is not known there breaks the protocol. So Hello, which
// comes before Welcome, is never added to.
var Later = []string{"command.age", "telemetry.mic_off", "telemetry.no_sound"}

// Messages that are brokered from one peer to another. To is set by the
// sender; the server replaces it with From.
type (
	// Offer carries a session description.
	Offer struct {
		To      PeerID `json:"to,omitempty"`
		From    PeerID `json:"from,omitempty"`
		SDP     string `json:"sdp"`
		Restart bool   `json:"restart,omitempty"` // an ICE restart
	}
	// Answer answers it.
	Answer struct {
		To   PeerID `json:"to,omitempty"`
		From PeerID `json:"from,omitempty"`
		SDP  string `json:"sdp"`
	}
	// Candidate trickles one ICE candidate (RFC 8838); an empty one ends them.
	Candidate struct {
		To               PeerID  `json:"to,omitempty"`
		From             PeerID  `json:"from,omitempty"`
		Candidate        string  `json:"candidate"`
		SDPMid           *string `json:"sdp_mid,omitempty"`
		SDPMLineIndex    *uint16 `json:"sdp_m_line_index,omitempty"`
		UsernameFragment *string `json:"username_fragment,omitempty"`
	}
	// NeedOffer asks the side that always offers for an offer. From the relay, with
	// restart, it says that nothing of the page arrives there although somebody receives
	// it that way: the page builds its connection anew, unless it sends nothing.
	NeedOffer struct {
		To      PeerID `json:"to,omitempty"`
		From    PeerID `json:"from,omitempty"`
		Restart bool   `json:"restart,omitempty"`
	}
	// Rope says by which of two ropes a page wants another's picture and sound, or
	// that the first new frame has come by one. The receiver decides; it repeats
	// what it wants every second until it is so. It may want the relay before it is sure
	// that it needs it, and takes that back by saying that it has got the direct one.
	Rope struct {
		To   PeerID `json:"to,omitempty"`
		From PeerID `json:"from,omitempty"`
		Want string `json:"want,omitempty"` // "direct" or "relay": send me yours by that one
		Got  string `json:"got,omitempty"`  // "direct" or "relay": I have it there, put the other to a trickle
	}
)

// Messages from the server to a screen.
type (
	// Welcome answers Hello.
	Welcome struct {
		Conn       string      `json:"conn"`
		Seat       string      `json:"seat"`
		Now        time.Time   `json:"now"`
		Rate       float64     `json:"rate"`
		ICEServers []ICEServer `json:"ice_servers"`
		Knows      []string    `json:"knows"` // what this server reads from screens beyond the first servers of this version, as "type" or "type.field"
	}
	// ICEServer is one entry of RTCConfiguration.iceServers.
	ICEServer struct {
		For        string   `json:"for,omitempty"` // "direct": connections between two pages; "relay": the one to the relay; "": both
		URLs       []string `json:"urls"`
		Username   string   `json:"username,omitempty"`
		Credential string   `json:"credential,omitempty"`
	}
	// ICEServers replaces those of Welcome, in time before their credentials end.
	// Running connections keep theirs; the next one, and the next ICE restart, use these.
	ICEServers struct {
		ICEServers []ICEServer `json:"ice_servers"`
	}
	// View carries the whole view of this seat (package session, type View).
	View struct {
		View json.RawMessage `json:"view"`
	}
	// Result answers a Command: either it is recorded, or Refused says why not.
	// Noted says that the record can't be written now: the act, a fact from the room,
	// is safe at this server, and enters the record with its time when that is back.
	Result struct {
		ID      string   `json:"id"`
		OK      bool     `json:"ok"`
		Noted   bool     `json:"noted,omitempty"`
		Seq     uint64   `json:"seq,omitempty"` // of the last event it caused
		Refused *Refused `json:"refused,omitempty"`
	}
	// Refused names what is missing. Code "not_recorded" means that the store
	// failed: the act is not in the record and may be sent again with the same id.
	Refused struct {
		Code    string   `json:"code"`
		Words   string   `json:"words"`
		Missing []string `json:"missing,omitempty"`
	}
	// Peers lists every peer that this page exchanges media with now. One that is no
	// longer listed may live all the same, where the server has begun anew; one that was
	// turned out may not be met any more, and what connects to it ends at once.
	Peers struct {
		Peers     []Peer   `json:"peers"`
		TurnedOut []PeerID `json:"turned_out,omitempty"`
	}
	// Peer is one of them.
	Peer struct {
		Peer  PeerID `json:"peer"`
		Seat  string `json:"seat"`
		Role  string `json:"role"`  // of the seat; "relay" for the relay, whose seat is "relay" too
		Offer bool   `json:"offer"` // this page makes the offers to it
		Video bool   `json:"video"` // exchange picture and sound with it
	}
	// Slots says whom the relay shows in each slot of this page's connection to it.
	// It is whole: a slot that is not named is empty.
	Slots struct {
		Peer  PeerID `json:"peer"` // the relay
		Slots []Slot `json:"slots"`
	}
	// Slot is one of them: the same index counts m-lines of sound and of picture.
	Slot struct {
		Slot int    `json:"slot"`
		Seat string `json:"seat"`
		Peer PeerID `json:"peer"`
	}
	// Truth is what a therapist's page learns each second of another seat.
	Truth struct {
		Seat string    `json:"seat"`
		Peer PeerID    `json:"peer"`
		Seen Telemetry `json:"seen"`
	}
	// Undelivered answers a brokered message that reached nobody: its To is not
	// there, or is nobody that this page may exchange messages with. Await Peers.
	Undelivered struct {
		To    PeerID `json:"to"`
		Type  string `json:"type"`  // of the message that was not delivered
		Words string `json:"words"` // for the log of a developer
	}
	// Degraded says that the record cannot be written now, that the server's clock
	// cannot be trusted, or (OK) that all is well again. It is whole: the last one counts.
	Degraded struct {
		OK    bool      `json:"ok"`
		Since time.Time `json:"since"`
		Words string    `json:"words"`
		Noted int       `json:"noted,omitempty"` // acts that are noted at this server, and are not in the record yet
	}
	// Failure says why the server closes the connection next.
	Failure struct {
		Code  string `json:"code"`
		Words string `json:"words"`
	}
)

// Direct messages pass between a client's page and a therapist's page over a
// data channel labelled "belay", without the server, as JSON text.
type Direct struct {
	Kind string `json:"kind"` // "help": the client asks for help; "seen": it stands on the therapist's screen; "rope": as the message Rope
	ID   string `json:"id"`
	Want string `json:"want,omitempty"` // of a rope
	Got  string `json:"got,omitempty"`  // of a rope
}
