package main

import (
	"fmt"
	"testing"
	"time"

	"belay/cmd/internal/browser"
)

// watch notes how long a video has stood still at most since it was called. It
// looks at the decoded frames every 50 ms, by the page's own timer.
func watch(p *browser.Person, selector string) {
	browser.Eval[bool](p, fmt.Sprintf(`(() => {
		const video = document.querySelector(%s);
		let frames = -1;
		const seen = globalThis.__belayWatch = { count: 0, longest: 0, last: performance.now() };
		clearInterval(globalThis.__belayWatching);
		globalThis.__belayWatching = setInterval(() => {
			const now = video.getVideoPlaybackQuality().totalVideoFrames;
			if (now === frames) return;
			if (frames >= 0) { seen.count += now - frames; seen.longest = Math.max(seen.longest, performance.now() - seen.last); }
			seen.last = performance.now();
			frames = now;
		}, 50);
		return true;
	})()`, quoted(selector)))
}

// stood is how long a picture that is watched stood still at most, and how many
// frames have come.
func stood(p *browser.Person) (longest time.Duration, frames int) {
	got := browser.Eval[struct{ Longest, Count float64 }](p,
		`({ longest: Math.max(__belayWatch.longest, performance.now() - __belayWatch.last), count: __belayWatch.count })`)
	return time.Duration(got.Longest * float64(time.Millisecond)), int(got.Count)
}

// stillness is how long a picture may stand still on a machine that is busy with
// three browsers and whatever else is tested beside them: less than the server is
// away. The direct way itself loses nothing (about 100 ms on a machine that has
// time), and the gap is always printed.
const stillness = 4 * time.Second

// bothSeeOn fails the test where either picture has stood still for long, or has
// hardly moved at all.
func (v *visit) bothSeeOn(t *testing.T, while string, atLeast int) {
	t.Helper()
	for _, p := range []*browser.Person{v.robin, v.alex} {
		longest, frames := stood(p)
		t.Logf("%s, %s saw %d frames; the longest gap was %d ms", while, p.Name, frames, longest.Milliseconds())
		if longest > stillness {
			t.Errorf("%s, the picture that %s sees stood still for %v", while, p.Name, longest)
		}
		if frames < atLeast {
			t.Errorf("%s, %s saw only %d frames", while, p.Name, frames)
		}
	}
}
