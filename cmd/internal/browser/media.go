package browser

import (
	_ "embed"
	"fmt"
	"time"
)

//go:embed frames.js
var framesJS string

// framesOf is an expression for the number of frames a video has shown.
func framesOf(selector string) string {
	return fmt.Sprintf("(%s)(%s)", framesJS, quote(selector))
}

// Frames returns how many frames the video that selector selects has decoded and
// shown since the element was made. Counting starts with the first call at the
// latest; only differences mean something.
func (p *Person) Frames(selector string) int {
	p.t.Helper()
	n := Eval[*int](p, framesOf(selector))
	if n == nil {
		p.t.Fatalf("%s (%s): no video at %q", p.Name, p.Kind, selector)
	}
	return *n
}

// WaitFrames waits until the video has shown n more frames than now. A video that
// does not exist yet counts as having shown none.
func (p *Person) WaitFrames(selector string, n int) {
	p.t.Helper()
	p.WaitFramesWithin(selector, n, Patience)
}

// WaitFramesWithin is [Person.WaitFrames] with a deadline of its own.
func (p *Person) WaitFramesWithin(selector string, n int, within time.Duration) {
	p.t.Helper()
	before := 0
	if now := Eval[*int](p, framesOf(selector)); now != nil {
		before = *now
	}
	p.WaitFor(fmt.Sprintf("%s >= %d", framesOf(selector), before+n), within)
}
