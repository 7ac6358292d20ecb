package session_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"testing"
	"time"

	"belay/session"
	"belay/session/transcript"
)

// A record that was changed in any byte no longer verifies, the last one included.
func TestNoByteOfTheRecordCanBeChangedUnnoticed(t *testing.T) {
	p, err := transcript.Play([]byte("include dosed.script\n"), os.DirFS("testdata"))
	if err != nil {
		t.Fatal(err)
	}
	records, head := p.Records[:8], p.Events[7].Hash
	if _, err := session.Log.VerifyChain(records, head); err != nil {
		t.Fatalf("the record as it was written does not verify: %v", err)
	}
	for _, i := range []int{0, len(records) / 2, len(records) - 1} {
		for k := 0; k < len(records[i]); k += 1 + len(records[i])/800 { // every byte, but of the long first record
			changed := bytes.Clone(records[i])
			changed[k] ^= 1 << (k % 7)
			forged := append(append(append([][]byte{}, records[:i]...), changed), records[i+1:]...)
			if _, err := session.Log.VerifyChain(forged, head); err == nil {
				t.Fatalf("byte %d of record %d was changed and nobody noticed:\n%s\n%s", k, i+1, records[i], changed)
			}
		}
	}
	for name, forged := range map[string][][]byte{
		"the last record is missing":  records[:len(records)-1],
		"the first record is missing": records[1:],
		"nothing is left":             nil,
		"two records are swapped":     append(append([][]byte{}, records[1], records[0]), records[2:]...),
		"a record stands twice":       append(append([][]byte{}, records...), records[len(records)-1]),
		"something follows a record":  append(append([][]byte{}, records[:len(records)-1]...), append(bytes.Clone(records[len(records)-1]), " {}"...)),
	} {
		if _, err := session.Log.VerifyChain(forged, head); err == nil {
			t.Errorf("%s, and nobody noticed", name)
		}
	}
}

// What a newer version wrote is never skipped or guessed at.
func TestAnEventOfANewerVersionIsNotSkipped(t *testing.T) {
	p, err := transcript.Play([]byte("include checked.script\n"), os.DirFS("testdata"))
	if err != nil {
		t.Fatal(err)
	}
	for _, change := range [][2]string{{`"schema":1`, `"schema":2`}, {`"type":"SessionCreated"`, `"type":"SessionDreamt"`}, {`"seal":"none"`, `"seal":"aes-256-gcm"`}} {
		var newer *session.UnknownFactError
		if _, err := session.Log.Decode(bytes.Replace(p.Records[0], []byte(change[0]), []byte(change[1]), 1)); !errors.As(err, &newer) {
			t.Errorf("%s: %v", change[1], err)
		}
	}
}

// Every fact that the log may hold survives its stable JSON.
func FuzzDecodeEvent(f *testing.F) {
	p, err := transcript.Play([]byte("include dosed.script\n"), os.DirFS("testdata"))
	if err != nil {
		f.Fatal(err)
	}
	for _, raw := range p.Records {
		f.Add(raw)
	}
	f.Add([]byte(`{"schema":1,"type":"SessionSigned","recorded":"2026-03-02T14:03:00.000Z","at":"2026-03-02T14:03:00.000Z","seal":"none","fact":null}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		e, err := session.Log.Decode(raw)
		if err != nil {
			return
		}
		written, err := e.MarshalJSON()
		if err != nil {
			t.Fatalf("what was read cannot be written: %v", err)
		}
		again, err := session.Log.Decode(written)
		if err != nil {
			t.Fatalf("what was written cannot be read: %v\n%s", err, written)
		}
		twice, err := again.MarshalJSON()
		if err != nil || !bytes.Equal(written, twice) {
			t.Fatalf("the canonical bytes are not stable:\n%s\n%s", written, twice)
		}
		(&session.State{}).Apply(e)
	})
}

// Whatever a screen sends is an act or an error; and an act can be decided.
func FuzzDecodeAct(f *testing.F) {
	now := time.Date(2026, 3, 2, 14, 0, 0, 0, time.UTC)
	for name, act := range session.Acts() {
		raw, err := json.Marshal(act)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(name, raw)
	}
	f.Add("RecordDose", []byte(`{"client":"client-1","number":1}x`))
	f.Add("WriteNote", []byte("{\"text\":\"\xff\"}"))
	p, err := transcript.Play([]byte("include dosed.script\n"), os.DirFS("testdata"))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, name string, raw []byte) {
		act, err := session.DecodeAct(name, raw)
		if err != nil {
			return
		}
		for _, seat := range []session.SeatID{"therapist-1", "client-1", "chaperone-1", session.Server} {
			_, err := session.Decide(p.State, session.Command{ID: "f", Seat: seat, Conn: "k", Do: act}, now.Add(time.Hour))
			var r *session.Refusal
			if err != nil && !errors.As(err, &r) {
				t.Fatalf("%s by %s: %v", name, seat, err)
			}
		}
	})
}
