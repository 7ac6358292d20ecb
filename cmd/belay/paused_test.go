package main

import (
	"testing"
	"time"

	"belay/cmd/internal/browser"
)

// A rope that rests is asked for while its path is being made anew: the offer says
// that the picture is paused, and the answer comes when it no longer is. A browser
// took the answer's word for it, and sent no picture until somebody paused it and
// asked again.
func TestAPictureThatGoesOnWhileARestartIsOnItsWayGoesOn(t *testing.T) {
	oneAtATime(t)
	rope := openRope(t, false)
	p := rope.page
	browser.Eval[bool](p, `(__begin(), true)`)
	answered := func() { t.Helper(); rope.answer(nil) }
	comes := func(what string, want bool) {
		t.Helper()
		for end := time.Now().Add(15 * time.Second); ; time.Sleep(20 * time.Millisecond) {
			age := rope.relay.Heard(ropeVisit)[ropePage].FrameAge
			if is := age >= 0 && age < 1500*time.Millisecond; is == want {
				return
			}
			if time.Now().After(end) {
				t.Fatalf("%s: the last frame that reached the relay is %v old", what, age)
			}
		}
	}
	answered()
	comes("at first", true)
	for range 2 {
		browser.Eval[bool](p, `(__rope.pay("paused"), true)`)
		comes("while it rests", false)
		browser.Eval[bool](p, `(__rope.moved(), __rope.pay("full"), true)`)
		answered()
		passes(2 * time.Second) // some frames may leave before the answer comes
		comes("when it was asked for", true)
		browser.Eval[bool](p, `(__rope.moved(), __rope.pay("paused"), true)`)
		answered()
		comes("when it was let rest", false)
		browser.Eval[bool](p, `(__rope.pay("full"), true)`)
		comes("after that", true)
	}
}
