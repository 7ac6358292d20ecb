package session_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"belay/session/transcript"
)

var update = flag.Bool("update", false, "write the golden transcripts and STATE.md anew")

// The transcripts are the rules as a therapist would read them. A difference is
// a change of what happens in the room: read it before you update it.
func TestWhatHappensInTheRoomIsWhatTheTranscriptsSay(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no transcripts: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			played, err := transcript.Play(want, os.DirFS("testdata"))
			if err != nil {
				t.Fatal(err)
			}
			if *update {
				if err := os.WriteFile(file, played.Text, 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(string(played.Text), "\n")); diff != "" {
				t.Errorf("the rules now say something else (-transcript +rules):\n%s", diff)
			}
			again, err := transcript.Play(played.Text, os.DirFS("testdata"))
			if err != nil || string(again.Text) != string(played.Text) {
				t.Errorf("the transcript does not play to itself: %v", err)
			}
		})
	}
}

// What a running session wrote down can be kept as a test: played again, it
// gives the same record, byte for byte.
func TestATranscriptFromTheFieldPlaysAgain(t *testing.T) {
	first, _ := seeds(t)
	for seed := first; seed < first+20; seed++ {
		h := newHistory(t, seed)
		h.tame = true
		for range 60 {
			h.step()
		}
		played, err := transcript.Play(h.transcript(), nil)
		if err != nil {
			t.Fatalf("BELAY_SEED=%d: %v\n%s", seed, err, h.transcript())
		}
		if played.State.Head != h.s.Head {
			t.Fatalf("BELAY_SEED=%d: the transcript plays to another record:\n%s\n---- played\n%s", seed, h.transcript(), played.Text)
		}
	}
}

func TestAScriptThatCannotBeReadSaysWhere(t *testing.T) {
	for script, words := range map[string]string{
		"14:00:00 therapist-1 Sign\n":                        "line 1",
		"2026-03-02T14:00:00 therapist-1 Dance\n":            "no act",
		"2026-03-02T14:00:00 server JoinPeer seat=c sea=x\n": "no field",
		"2026-03-02T14:00:00 server JoinPeer seat\n":         "no value",
		"2026-03-02T14:00:00 server JoinPeer seat=\"x\n":     "line 1",
		"  + seat=x\n":             "goes on with nothing",
		"include nowhere.script\n": "no such file",
		"2026-03-02T14:00:00 wait\n2026-03-02T13:00:00 wait\n":    "line 2",
		"2026-03-02T14:00:00 therapist-1 RecordDose number=one\n": "no number",
		"+5 wait\n": "line 1",
	} {
		if _, err := transcript.Play([]byte(script), os.DirFS("testdata")); err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("%q: %v", script, err)
		}
	}
}
