package store

import (
	"fmt"
	"time"
)

// Validate reports the first thing that keeps b from being appended to any log.
// Stores call it before anything else; nothing is written when it fails.
func (b Batch) Validate() error {
	if err := ValidName(b.Log); err != nil {
		return err
	}
	if b.After.Seq == 0 && b.After != (Position{}) {
		return fmt.Errorf("append to %s: the empty log has no hash", b.Log)
	}
	if len(b.Records) > MaxRecords {
		return fmt.Errorf("append to %s: %d records, at most %d fit one batch", b.Log, len(b.Records), MaxRecords)
	}
	if len(b.Summary) > MaxSummary {
		return fmt.Errorf("append to %s: the summary has %d bytes, at most %d are kept", b.Log, len(b.Summary), MaxSummary)
	}
	if len(b.Cause) > MaxCause {
		return fmt.Errorf("append to %s: the cause has %d bytes, at most %d are kept", b.Log, len(b.Cause), MaxCause)
	}
	if !b.Due.IsZero() && (b.Due.Before(minDue) || b.Due.After(maxDue)) {
		return fmt.Errorf("append to %s: deadline %s is no plausible wall time", b.Log, b.Due.UTC().Format(time.RFC3339))
	}
	at, size := b.After, 0
	for _, r := range b.Records {
		switch {
		case r.Seq != at.Seq+1:
			return fmt.Errorf("append to %s: event %d follows event %d", b.Log, r.Seq, at.Seq)
		case r.Prev != at.Hash:
			return fmt.Errorf("append to %s: event %d is not linked to the event before", b.Log, r.Seq)
		case len(r.Data) == 0:
			return fmt.Errorf("append to %s: event %d is empty", b.Log, r.Seq)
		case len(r.Data) > MaxRecord:
			return fmt.Errorf("append to %s: event %d has %d bytes, at most %d are kept", b.Log, r.Seq, len(r.Data), MaxRecord)
		}
		at, size = r.Position(), size+len(r.Data)
	}
	if size > MaxBatch {
		return fmt.Errorf("append to %s: %d bytes of events, at most %d fit one batch", b.Log, size, MaxBatch)
	}
	return nil
}

// End returns the head of the log after b.
func (b Batch) End() Position {
	if n := len(b.Records); n > 0 {
		return b.Records[n-1].Position()
	}
	return b.After
}

// ValidName reports whether a log may be called name: 1 to MaxName letters,
// digits, dots, underscores and hyphens.
func ValidName(name string) error {
	if name == "" || len(name) > MaxName {
		return fmt.Errorf("the name of a log has %d characters: 1 to %d are allowed", len(name), MaxName)
	}
	for i := range len(name) {
		switch c := name[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '.', c == '_', c == '-':
		default:
			return fmt.Errorf("the name of a log has the character %q: only letters, digits, '.', '_' and '-' are allowed", c)
		}
	}
	return nil
}

// Deadlines lie in a range in which milliseconds since 1970 sort as unsigned
// bytes and are exact as the float64 of a sorted set.
var (
	minDue = time.UnixMilli(1)
	maxDue = time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)
)

// DueMillis returns a deadline as stores keep it: milliseconds since 1970,
// rounded up, so that no log is found due before its time; 0 for none.
func DueMillis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	ms := t.UnixMilli()
	if t.Sub(time.UnixMilli(ms)) > 0 {
		ms++
	}
	return ms
}

// DueTime is the inverse of DueMillis.
func DueTime(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

// Page returns how many heads an answer may hold when limit are asked for.
func Page(limit int) int { return min(max(limit, 0), MaxPage) }
