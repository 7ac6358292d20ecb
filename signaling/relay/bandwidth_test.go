package relay

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/pion/interceptor/pkg/twcc"
	"github.com/pion/rtcp"
	"github.com/pion/webrtc/v4"
)

// narrows is a way with a rate and a queue before it, in virtual time, and a viewer
// behind it who tells when packets arrive.
type narrows struct {
	t        *testing.T
	rate     float64       // bit/s
	deep     time.Duration // the queue holds so much
	now      time.Time
	free     time.Time // when what stands in the queue has left
	way      way
	steps    steps
	viewer   *twcc.Recorder
	ahead    time.Duration // the viewer's clock
	inFlight []arrival
	told     time.Time
	longest  time.Duration // that anything stood
	lost     int
	got      []step
}

type arrival struct {
	seq uint16
	at  time.Time
}

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func newNarrows(t *testing.T, rate float64, deep time.Duration) *narrows {
	return &narrows{t: t, rate: rate, deep: deep, now: noon, viewer: twcc.NewRecorder(1), ahead: 77 * time.Hour}
}

const (
	bigRate, smallRate = 1.2e6, 150e3 // bit/s
	travels            = 40 * time.Millisecond
)

// run sends what the steps say, and a sound, for a while.
func (n *narrows) run(long time.Duration) {
	const tick = 33 * time.Millisecond
	for end := n.now.Add(long); n.now.Before(end); n.now = n.now.Add(tick) {
		n.steps.sends(bigRate, smallRate)
		bytes, parts := 0, 1
		switch n.steps.step {
		case full:
			bytes, parts = int(bigRate*tick.Seconds()/8), 5
		case reduced:
			bytes = int(smallRate * tick.Seconds() / 8)
		}
		for range parts {
			if size := bytes / parts; size > 0 {
				n.send(size, n.way.number(n.now, size), true)
			}
		}
		n.send(130, 0, false)
		n.arrive()
		if n.steps.look(n.now) {
			n.got = append(n.got, n.steps.step)
		}
	}
}

func (n *narrows) send(size int, seq uint16, numbered bool) {
	if n.free.Before(n.now) {
		n.free = n.now
	}
	if n.free.Sub(n.now) > n.deep {
		n.lost++
		return
	}
	n.free = n.free.Add(time.Duration(float64(size) * 8 / n.rate * float64(time.Second)))
	n.longest = max(n.longest, n.free.Sub(n.now))
	if numbered {
		n.inFlight = append(n.inFlight, arrival{seq, n.free.Add(travels + rand.N(8*time.Millisecond))})
	}
}

// arrive has the viewer see what has arrived by now, and tell of it every 100 ms.
func (n *narrows) arrive() {
	n.inFlight = slices.DeleteFunc(n.inFlight, func(a arrival) bool {
		if a.at.After(n.now) {
			return false
		}
		n.viewer.Record(1, a.seq, a.at.Add(n.ahead).Sub(noon).Microseconds())
		return true
	})
	if n.now.Sub(n.told) < 100*time.Millisecond {
		return
	}
	n.told = n.now
	for _, packet := range n.viewer.BuildFeedbackPacket() {
		raw, err := packet.Marshal()
		if err != nil {
			n.t.Fatal(err)
		}
		packets, err := rtcp.Unmarshal(raw) // as it comes over the wire
		if err != nil {
			n.t.Fatal(err)
		}
		if m, ok := n.way.feedback(packets[0].(*rtcp.TransportLayerCC), n.now); ok {
			n.steps.measured(n.now, m)
		}
	}
	// Reports of loss, as good as they can be: all that follows is measured.
	n.steps.report(n.now, false, 0)
	n.steps.report(n.now, true, 0)
}

func (n *narrows) want(what string, steps ...step) {
	n.t.Helper()
	if !slices.Equal(n.got, steps) {
		n.t.Errorf("%s: %v, not %v", what, n.got, steps)
	}
	n.got = n.got[:0]
}

func TestAFullWayTakesThePictureBeforeItTakesTheSound(t *testing.T) {
	n := newNarrows(t, 400e3, 3*time.Second)
	n.run(8 * time.Second)
	n.want("400 kbit/s bear the small picture", reduced)
	if n.lost > 0 || n.longest > 2500*time.Millisecond {
		t.Errorf("%d lost, and sound stood for %s", n.lost, n.longest)
	}
	n.longest = 0
	n.run(4 * time.Second)
	n.want("it stays")
	if n.longest > 100*time.Millisecond {
		t.Errorf("with the small picture sound stands for %s", n.longest)
	}
	n.rate = 90e3
	n.run(5 * time.Second)
	n.want("90 kbit/s bear the sound alone", none)
	n.longest = 0
	n.run(3 * time.Second)
	if n.longest > 100*time.Millisecond {
		t.Errorf("alone the sound stands for %s", n.longest)
	}
}

// What stood because the viewer's machine was busy comes in all at once: that is no
// full way, however long it stood.
func TestAViewerThatStoodStillKeepsItsPicture(t *testing.T) {
	s := steps{needs: [none + 1]float64{full: bigRate, reduced: smallRate}}
	for i := range 10 {
		at := noon.Add(time.Duration(i) * 400 * time.Millisecond)
		s.measured(at, measure{queue: 700 * time.Millisecond, rate: 20e6, sent: at})
	}
	if s.look(noon.Add(5 * time.Second)); s.step != full {
		t.Errorf("its picture is %v", s.step)
	}
	for i := range 3 {
		at := noon.Add(time.Duration(10+i) * 400 * time.Millisecond)
		s.measured(at, measure{queue: 700 * time.Millisecond, rate: 400e3, sent: at})
	}
	if s.look(noon.Add(6 * time.Second)); s.step != reduced {
		t.Errorf("where less comes through than is sent its picture is %v", s.step)
	}
}

func TestAVeryNarrowWayGoesStraightToSoundAlone(t *testing.T) {
	n := newNarrows(t, 100e3, 5*time.Second)
	n.run(5 * time.Second)
	n.want("the small picture does not fit either", none)
}

func TestAWideWayIsLeftAlone(t *testing.T) {
	n := newNarrows(t, 5e6, time.Second)
	n.run(5 * time.Minute)
	n.want("it bears everything")
}

// A way that carries little of what it could tells nothing of that: the picture
// comes back by an attempt, and attempts that fail become rare and are short.
func TestAWayThatStaysNarrowIsTriedMoreAndMoreSeldom(t *testing.T) {
	n := newNarrows(t, 400e3, 3*time.Second)
	n.run(5 * time.Minute)
	tries := 0
	for _, s := range n.got {
		if s == full {
			tries++
		}
	}
	if tries < 2 || tries > 6 {
		t.Errorf("tried %d times in 5 minutes: %v", tries, n.got)
	}
	if n.longest > 3*time.Second || n.lost > 0 {
		t.Errorf("an attempt had the sound stand for %s, and lost %d", n.longest, n.lost)
	}
	n.rate, n.got = 5e6, nil
	n.run(3 * time.Minute)
	if len(n.got) == 0 || n.got[len(n.got)-1] != full {
		t.Errorf("the way has become wide, and the picture is %v after %v: %+v", n.steps.step, n.got, &n.steps)
	}
}

// Another network is a longer way, not a full one.
func TestALongerWayIsNoFullOne(t *testing.T) {
	n := newNarrows(t, 5e6, time.Second)
	n.run(10 * time.Second)
	n.ahead += 300 * time.Millisecond // to the relay the same
	n.way.reset(n.now)
	n.run(10 * time.Second)
	n.want("a new way is measured anew")
}

// A way may become longer without anybody saying so: after a while that is its length.
func TestAWayThatHasGrownLongerIsFullForAWhileOnly(t *testing.T) {
	n := newNarrows(t, 5e6, time.Second)
	n.run(10 * time.Second)
	n.ahead += 200 * time.Millisecond
	n.run(time.Minute)
	if len(n.got) == 0 || n.steps.step != full {
		t.Errorf("a minute later the picture is %v after %v", n.steps.step, n.got)
	}
	n.got = n.got[:0]
	n.run(time.Minute)
	n.want("it stays")
}

// tells is a viewer's ladder and what is measured of its way, 400 ms apart.
func tells(s *steps, at *time.Time, before time.Duration, rate float64, queues ...time.Duration) step {
	for _, queue := range queues {
		*at = at.Add(400 * time.Millisecond)
		s.measured(*at, measure{queue: queue, rate: rate, sent: at.Add(-before)})
	}
	s.look(*at)
	return s.step
}

func TestWhatWasMeasuredBeforeAStepDoesNotBringTheNext(t *testing.T) {
	const long = 200 * time.Millisecond
	s, at := steps{needs: [none + 1]float64{full: bigRate, reduced: smallRate}}, noon
	if got := tells(&s, &at, 0, 400e3, long, long); got != reduced {
		t.Fatalf("a queue that stands leaves the picture %v", got)
	}
	if got := tells(&s, &at, 2*time.Second, 100e3, 2*long, 2*long); got != reduced {
		t.Errorf("what was sent before the step makes the picture %v", got)
	}
	if got := tells(&s, &at, 0, 100e3, 2*long, 2*long); got != none {
		t.Errorf("what was sent after it leaves the picture %v", got)
	}
}

func TestAQueueThatRunsEmptyByItselfTakesNothing(t *testing.T) {
	s, at := steps{needs: [none + 1]float64{full: bigRate, reduced: smallRate}}, noon
	for queue := 600 * time.Millisecond; queue > queueLong; queue -= 50 * time.Millisecond {
		if queue == 600*time.Millisecond {
			s.way.queue = 2 * queue // it has been longer
		}
		if got := tells(&s, &at, 0, 1e6, queue); got != full {
			t.Fatalf("at %v the picture is %v", queue, got)
		}
	}
	if got := tells(&s, &at, 0, 1e6, 250*time.Millisecond, 250*time.Millisecond); got != reduced {
		t.Errorf("one that stands leaves the picture %v", got)
	}
}

// A picture that suffers steps down whatever the sound loses beside it.
func TestSomeLossOfSoundDoesNotHideWhatThePictureLoses(t *testing.T) {
	var s steps
	for i := range badReports {
		at := noon.Add(time.Duration(i) * time.Second)
		s.report(at, false, 0.12)
		s.report(at, true, 0.05)
	}
	if s.look(noon.Add(time.Minute)); s.step != reduced {
		t.Errorf("its picture is %v", s.step)
	}
}

// On another path nothing is known: neither how long it is, nor what it loses; and
// nothing of the picture is there.
func TestOnAnotherPathEverythingBeginsAnew(t *testing.T) {
	viewer := &party{room: &room{}}
	shown := &source{link: &link{party: &party{room: viewer.room}}, picture: true}
	shown.link.party.keys.last = noon // it is owed one, then, and nothing is sent
	l := &link{party: viewer}
	o := newSlot(l, 0, webrtc.RTPCodecTypeVideo)
	o.writer, o.opened, o.want, o.cur = takes{}, true, shown, shown
	l.pictures[0] = o
	sends(o, shown, 0, 10)
	l.way.measured, l.way.shortest = 2, time.Millisecond
	l.turned("relay-tcp", noon.Add(time.Millisecond))
	if _, route := l.state(); route != "relay-tcp" {
		t.Errorf("the route is %q", route)
	}
	if l.way.measured != 0 {
		t.Error("its length is that of the path before")
	}
	if !o.said.torn || o.said.other != 9 {
		t.Errorf("what the path before has lost counts: %+v", o.said)
	}
	if owed := shown.link.party.keys.owed; len(owed) != 1 || owed[0] != shown {
		t.Errorf("a key frame is asked of %d streams", len(owed))
	}
}
