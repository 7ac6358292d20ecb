package store

import (
	"testing"
	"time"

	"go.uber.org/goleak"
	"pgregory.net/rapid"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A deadline that came back earlier than it was set would fire twice; one that
// came back much later would be late.
func TestADeadlineIsKeptNeverEarlierAndLessThanAMillisecondLater(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		due := time.Unix(rapid.Int64Range(1, maxDue.Unix()-1).Draw(t, "s"), rapid.Int64Range(0, 999_999_999).Draw(t, "ns"))
		kept := DueTime(DueMillis(due))
		if late := kept.Sub(due); late < 0 || late >= time.Millisecond {
			t.Fatalf("%v is kept as %v", due, kept)
		}
		if DueMillis(kept) != DueMillis(due) {
			t.Fatalf("%v changes each time it is kept", due)
		}
	})
	if !DueTime(DueMillis(time.Time{})).IsZero() {
		t.Error("no deadline became one")
	}
}
