package protocol

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"
)

const peer = "0123456789abcdef"

// samples are one sound body per message.
func samples() []any {
	now, half, yes, mid, line := time.Date(2026, 3, 1, 14, 3, 0, 0, time.UTC), 0.5, true, "0", uint16(0)
	telemetry := Telemetry{Battery: &half, Charging: &yes, WakeLock: true, Receiving: []Receiving{{Peer: peer, FrameAge: 0.04, SoundAge: -1, Route: "direct"}}}
	return []any{
		Hello{Peer: peer, Media: true},
		Command{ID: "a-2", Act: "CheckIn", Age: 4200}, Command{ID: "a-3", Act: "CheckIn", Age: -1},
		Command{ID: "a-1", Act: "WriteNote", Body: json.RawMessage(`{"text":"calm"}`)},
		telemetry,
		Ping{N: 1}, Pong{N: 1},
		Offer{To: peer, SDP: "v=0"}, Answer{To: peer, SDP: "v=0"},
		Candidate{To: peer, Candidate: "candidate:1", SDPMid: &mid, SDPMLineIndex: &line}, Candidate{To: peer},
		NeedOffer{To: peer, Restart: true},
		Rope{To: peer, Want: "relay"}, Rope{To: peer, Got: "direct"},
		Welcome{Conn: "c", Seat: "client-1", Now: now, Rate: 1, ICEServers: []ICEServer{{URLs: []string{"stun:x"}}}, Knows: Later},
		View{View: json.RawMessage(`{"seq":1}`)},
		Result{ID: "a-1", Refused: &Refused{Code: "gates_open", Words: "Two checks are open.", Missing: []string{"consent"}}},
		Peers{Peers: []Peer{{Peer: peer, Seat: "client-1", Role: "client", Offer: true, Video: true}}},
		Slots{Peer: "relay-" + peer, Slots: []Slot{{Slot: 2, Seat: "client-1", Peer: peer}}},
		Truth{Seat: "client-1", Peer: peer, Seen: telemetry},
		Undelivered{To: peer, Type: "offer", Words: "gone"},
		Degraded{Since: now, Words: "full"}, Failure{Code: "replaced", Words: "…"},
	}
}

func TestEveryMessageComesThroughUnchanged(t *testing.T) {
	for _, want := range samples() {
		frame, err := Encode(want)
		if err != nil {
			t.Fatal(err)
		}
		if byPointer, err := Encode(ptr(want)); err != nil || !bytes.Equal(frame, byPointer) {
			t.Errorf("%T: a pointer encodes as %s, %v", want, byPointer, err)
		}
		if _, ours := fromScreen[typeOf(want)]; ours {
			got, err := Decode(frame)
			if err != nil || !reflect.DeepEqual(got, ptr(want)) {
				t.Errorf("%s decodes to %+v, %v", frame, got, err)
			}
		}
		if _, ours := fromServer[typeOf(want)]; ours {
			got, err := DecodeFromServer(frame)
			if err != nil || !reflect.DeepEqual(got, ptr(want)) {
				t.Errorf("%s decodes to %+v, %v", frame, got, err)
			}
		}
	}
}

func TestAViewIsEncodedInOneGoAsInTwo(t *testing.T) {
	type view struct {
		Seq   int      `json:"seq"`
		Words string   `json:"words"`
		Lines []string `json:"lines"`
	}
	for _, v := range []view{{}, {Seq: 7, Words: "<é> & }}", Lines: []string{"}}", `"type":"view"`}}} {
		raw, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		want, err := Encode(View{View: raw})
		if err != nil {
			t.Fatal(err)
		}
		got, err := EncodeView(v)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s, %v; want %s", got, err, want)
		}
		read, err := DecodeFromServer(got)
		if err != nil || !bytes.Equal(read.(*View).View, raw) {
			t.Errorf("read as %+v, %v", read, err)
		}
	}
	// A newer server adds a field, and a frame may be broken.
	got, err := DecodeFromServer([]byte(`{"type":"view","body":{"view":{"seq":1},"more":{"a":{}}}}`))
	if err != nil || string(got.(*View).View) != `{"seq":1}` {
		t.Errorf("%+v, %v", got, err)
	}
	for _, bad := range []string{`{"type":"view","body":{"view":}}`, `{"type":"view","body":{"view":{"seq":1}}`, `{"type":"view","body":{"view":{"seq":1}}}}`} {
		if got, err := DecodeFromServer([]byte(bad)); err == nil {
			t.Errorf("%s is read as %+v", bad, got)
		}
	}
	if _, err := EncodeView(func() {}); err == nil {
		t.Error("a function is encoded")
	}
}

func typeOf(message any) string {
	for _, k := range Kinds {
		if reflect.TypeOf(k.Empty) == reflect.TypeOf(message) {
			return k.Type
		}
	}
	return ""
}

func ptr(v any) any {
	p := reflect.New(reflect.TypeOf(v))
	p.Elem().Set(reflect.ValueOf(v))
	return p.Interface()
}

func TestAPageReadsWhatANewerServerSays(t *testing.T) {
	got, err := DecodeFromServer([]byte(`{"type":"pong","hint":"new","body":{"n":7,"drift":0.1}}`))
	if err != nil || got.(*Pong).N != 7 {
		t.Errorf("%+v, %v", got, err)
	}
	var unknown *UnknownTypeError
	if _, err := DecodeFromServer([]byte(`{"type":"weather","body":{}}`)); !errors.As(err, &unknown) || unknown.Type != "weather" {
		t.Errorf("an unknown type: %v", err)
	}
}

func TestCountersOfBrowsersThatOvershootDoNotCostTheConnection(t *testing.T) {
	got, err := Decode([]byte(`{"type":"telemetry","body":{"battery":1.01,"mic_level":-0.2,"receiving":[
		{"peer":"` + peer + `","frame_age":-0.01,"packet_age":-3,"sound_age":1e12,"loss":-0.2,"sound_level":1.5,"fps":-1,"round_trip":-1,"route":"pigeon"}]}}`))
	if err != nil {
		t.Fatal(err)
	}
	want := Receiving{Peer: peer, FrameAge: 0, PacketAge: -1, SoundAge: maxAge, SoundLevel: 1}
	if m := got.(*Telemetry); m.Receiving[0] != want || *m.Battery != 1 || m.MicLevel != 0 {
		t.Errorf("%+v", m)
	}
}

// FuzzDecode looks for a frame that panics, that breaks the protocol without
// words, or that is accepted and can't be passed on as it was understood.
func FuzzDecode(f *testing.F) {
	for _, m := range samples() {
		frame, err := Encode(m)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(frame)
	}
	for _, s := range []string{``, `{}`, `null`, `{"type":"ping","body":null}`, `{"type":"ping","body":{"n":1}}x`, "\xff", `{"TYPE":"ping","Body":{"N":1}}`,
		`{"type":"command","body":{"id":"a","act":"b","body":` + strings.Repeat("[", 500) + `}}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, frame []byte) {
		m, err := Decode(frame)
		checkRoute(t, frame, m, err)
		if err != nil {
			var broken *Error
			if !errors.As(err, &broken) || broken.Words == "" {
				t.Fatalf("refused without words: %v", err)
			}
			return
		}
		again, err := Encode(m)
		if err != nil {
			t.Fatalf("%q was accepted as %+v and can't be encoded: %v", frame, m, err)
		}
		if len(again) > MaxFromScreen {
			return // escaped, it grew beyond what a screen may send
		}
		n, err := Decode(again)
		if err != nil {
			t.Fatalf("%q was accepted and, as %q, refused: %v", frame, again, err)
		}
		if third, err := Encode(n); err != nil || !bytes.Equal(again, third) {
			t.Fatalf("%q became %q, and then %q (%v)", frame, again, third, err)
		}
	})
}

// checkRoute compares the short way of a brokered message with the long one.
func checkRoute(t *testing.T, frame []byte, m any, err error) {
	t.Helper()
	r, ok := Route(frame)
	if !ok {
		return
	}
	if err != nil {
		t.Fatalf("%q is routed although it is refused: %v", frame, err)
	}
	to := address(m)
	if *to[0] != r.To || typeOf(reflect.ValueOf(m).Elem().Interface()) != r.Type {
		t.Fatalf("%q is routed to %q as %s", frame, r.To, r.Type)
	}
	*to[0], *to[1] = "", peer
	defer func() { *to[0], *to[1] = r.To, "" }()
	got, err := DecodeFromServer(r.Frame(peer))
	if err != nil || !reflect.DeepEqual(got, m) {
		t.Fatalf("%q is passed on as %q (%v)", frame, r.Frame(peer), err)
	}
}

// address returns to and from of a brokered message.
func address(m any) [2]*PeerID {
	switch m := m.(type) {
	case *Offer:
		return [2]*PeerID{&m.To, &m.From}
	case *Answer:
		return [2]*PeerID{&m.To, &m.From}
	case *Candidate:
		return [2]*PeerID{&m.To, &m.From}
	case *NeedOffer:
		return [2]*PeerID{&m.To, &m.From}
	case *Rope:
		return [2]*PeerID{&m.To, &m.From}
	}
	return [2]*PeerID{new(PeerID), new(PeerID)}
}

func TestWhatBrowsersSendTakesTheShortWay(t *testing.T) {
	for _, frame := range []string{
		`{"type":"offer","body":{"to":"0123456789abcdef","sdp":"v=0\r\n"}}`,
		`{"type":"offer","body":{"to":"0123456789abcdef","sdp":"v=0\r\n","restart":true}}`,
		`{"type":"answer","body":{"to":"0123456789abcdef","sdp":"v=0"}}`,
		`{"type":"candidate","body":{"to":"0123456789abcdef","candidate":"candidate:1 1 udp","sdp_mid":"0","sdp_m_line_index":0,"username_fragment":"EsAw"}}`,
		`{"type":"candidate","body":{"to":"0123456789abcdef","candidate":""}}`,
		`{"type":"need_offer","body":{"to":"0123456789abcdef"}}`,
		`{"type":"need_offer","body":{"to":"0123456789abcdef","restart":false}}`,
	} {
		if _, ok := Route([]byte(frame)); !ok {
			t.Errorf("%s does not", frame)
		}
		m, err := Decode([]byte(frame))
		checkRoute(t, []byte(frame), m, err)
	}
}
