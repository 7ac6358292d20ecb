package transcript

import (
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"belay/session"
)

// Writer writes a transcript while a session goes on. It belongs to one goroutine.
type Writer struct {
	w    io.Writer
	last time.Time
	said bool // the last outcome was a refusal
}

// NewWriter returns a Writer that writes to w.
func NewWriter(w io.Writer) *Writer { return &Writer{w: w} }

// ByHand says that the clock's commands are written too, as they came: Play
// then decides no deadline of its own accord.
func (w *Writer) ByHand() error {
	_, err := fmt.Fprintln(w.w, "clock by hand")
	return err
}

// Command writes a command as it is decided at now.
func (w *Writer) Command(c session.Command, now time.Time) error {
	now = session.Instant(now)
	b := &strings.Builder{}
	fmt.Fprintf(b, "%s %s %s", when(now, w.last), c.Seat, session.FactName(c.Do))
	w.last = now
	meta := []field{{"@conn", c.Conn}, {"@id", c.ID}}
	if !c.Given.IsZero() {
		meta = append(meta, field{"@given", when(c.Given, now)})
	}
	if c.Undated {
		meta = append(meta, field{"@given", unknown})
	}
	width := b.Len()
	for _, f := range append(meta, values(c.Do, now)...) {
		if f.value == "" && strings.HasPrefix(f.path, "@") {
			continue
		}
		word := f.path + "=" + quoted(f.value)
		if width+len(word) > 130 {
			b.WriteString("\n  +")
			width = 3
		}
		b.WriteString(" " + word)
		width += len(word) + 1
	}
	_, err := fmt.Fprintln(w.w, b.String())
	return err
}

// values lists an act's fields, without the settings that are the defaults.
func values(do session.Act, now time.Time) []field {
	all := flatten(reflect.ValueOf(do), "", now)
	create, ok := do.(session.CreateSession)
	if !ok {
		return all
	}
	usual := create
	usual.Settings = session.DefaultSettings()
	usual.Pace = session.Pace{Rate: 1}
	defaults := flatten(reflect.ValueOf(usual), "", now)
	return slices.DeleteFunc(all, func(f field) bool {
		return (strings.HasPrefix(f.path, "settings.") || strings.HasPrefix(f.path, "pace.")) && slices.Contains(defaults, f)
	})
}

const unknown = "unknown" // @given, where nobody knows when

func quoted(s string) string {
	if s == "" || strings.ContainsAny(s, " \"\t\n\r\\") || strconv.Quote(s) != `"`+s+`"` {
		return strconv.Quote(s)
	}
	return s
}

// Outcome writes what a command led to: its events, which s has already taken
// in, or its refusal. Another error than a refusal is returned as it is.
func (w *Writer) Outcome(s *session.State, events []session.Event, err error) error {
	var r *session.Refusal
	w.said = errors.As(err, &r)
	if w.said {
		fmt.Fprintf(w.w, "  ! %s: %s\n", r.Code, r.Words)
		for _, missing := range r.Missing {
			fmt.Fprintf(w.w, "  !   %s\n", missing)
		}
		return nil
	}
	if err != nil {
		return err
	}
	return w.Events(s, events)
}

// Events writes events, which s has already taken in. With nothing but these
// lines a transcript can be read, not played.
func (w *Writer) Events(s *session.State, events []session.Event) error {
	for _, e := range events {
		of := ""
		if !e.At.Equal(e.Recorded) {
			of = "(of " + when(e.At, e.Recorded) + ") "
		}
		kind, words := session.LineKind(e.Fact), s.Line(e)
		if words == "" || kind == "" {
			kind, words = "·", session.FactName(e.Fact)
			for _, f := range flatten(reflect.ValueOf(e.Fact), "", e.Recorded) {
				words += " " + f.path + "=" + quoted(f.value)
			}
		}
		if _, err := fmt.Fprintf(w.w, "  | %s %-8s %s%s\n", when(e.Recorded, e.Recorded), kind, of, strings.ReplaceAll(words, "\n", "\n  |   ")); err != nil {
			return err
		}
	}
	return nil
}

func (w *Writer) nothing() { fmt.Fprintln(w.w, "  | nothing new") }
