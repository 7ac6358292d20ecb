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
