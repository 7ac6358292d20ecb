package browser

import (
	"fmt"
	"strings"
	"sync"
	"time"
)

// Line is one message of a page.
type Line struct {
	// After is the time since the page was opened.
	After time.Duration
	// Kind is the level of the console ("log", "warning", "error", …), or
	// "exception", "dialog" or "network".
	Kind string
	Text string
}

func (l Line) String() string {
	return fmt.Sprintf("%7.3fs %s: %s", l.After.Seconds(), l.Kind, l.Text)
}

// Log collects what a page says: console, uncaught exceptions, dialogs, failed
// requests. It may be used from any goroutine.
type Log struct {
	start time.Time

	mu       sync.Mutex
	lines    []Line
	expected []string
	reported bool
	marks    map[string]chan struct{} // closed when a line with this text arrives
}

// mark returns a channel that is closed when the page says text, which is then not
// recorded: everything that was said before it has arrived.
func (l *Log) mark(text string) <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.marks == nil {
		l.marks = map[string]chan struct{}{}
	}
	l.marks[text] = make(chan struct{})
	return l.marks[text]
}

// report says whether the problems are still to be reported: they are, once.
func (l *Log) report() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	first := !l.reported
	l.reported = true
	return first
}

func (l *Log) add(kind, text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for mark, seen := range l.marks {
		if strings.HasPrefix(text, mark) {
			delete(l.marks, mark)
			close(seen)
			return
		}
	}
	l.lines = append(l.lines, Line{time.Since(l.start), kind, text})
}

// Lines returns everything so far, in the order in which it was said.
func (l *Log) Lines() []Line {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]Line(nil), l.lines...)
}

// expect makes lines that contain text no problem, also earlier ones.
func (l *Log) expect(text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.expected = append(l.expected, text)
}

// Problems returns the exceptions and console errors that nobody expected.
// Failed requests are not among them: a server that was killed on purpose causes
// many, and a page that mishandles one shows it in other ways.
func (l *Log) Problems() []Line {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []Line
	for _, line := range l.lines {
		if line.Kind != "error" && line.Kind != "exception" {
			continue
		}
		known := false
		for _, text := range l.expected {
			known = known || strings.Contains(line.Text, text)
		}
		if !known {
			out = append(out, line)
		}
	}
	return out
}
