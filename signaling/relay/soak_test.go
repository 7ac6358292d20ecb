package relay_test

import (
	"fmt"
	"os"
	"runtime"
	"runtime/pprof"
	"testing"
	"time"
)

// Pages that come and are killed leave nothing behind, neither goroutines nor memory
// nor open files, and the people in another room notice nothing.
func TestPagesThatComeAndAreKilledLeaveNothing(t *testing.T) {
	const full = 3 * time.Second // until what is kept of those who stay, to send it again, has filled
	rounds := 20
	if os.Getenv("BELAY_LONG") != "" {
		rounds = 1000
	}
	h := open(t)
	one, two := h.page("therapist-1", options{room: "visit-2"}), h.page("client-1", options{room: "visit-2"})
	h.meet(one, two)
	one.connect().send()
	two.connect().send()
	one.sees(0, two, 5)
	two.sees(0, one, 5)
	a := h.page("therapist-1", options{})
	h.meet(a)
	a.connect().send()
	visit := func(i int) {
		b := h.page("client-1", options{})
		h.meet(a, b)
		b.connect().send()
		if i%2 == 0 {
			a.await("a frame", func() bool { return a.slots[0].view().from[b.mark()] > 0 })
			a.slots[0].forget()
		}
		b.close() // without a word: the relay learns it from the members
		h.meet(a)
		h.mu.Lock()
		delete(h.pages, b.peer)
		h.mu.Unlock()
	}
	began := time.Now()
	for i := 0; i < 5 || time.Since(began) < full; i++ { // then what is made once has been made
		visit(i)
	}
	start := settle(t, left{goroutines: 1 << 20, files: 1 << 20, heap: 1 << 40})
	for i := range rounds {
		visit(i)
	}
	end := settle(t, left{goroutines: start.goroutines + 2, files: start.files, heap: start.heap + 1<<20})
	t.Logf("%d rounds: %v before, %v after", rounds, start, end)
	if open, _ := h.relay.Rooms(); open != 2 {
		t.Errorf("%d rooms are open", open)
	}
	for _, p := range []*page{one, two} {
		if v := p.slots[0].view(); v.longest > time.Second || v.jumps != 0 || v.back != 0 {
			t.Errorf("%s in the other room: the picture stood still for %s: %+v", p.seat, v.longest, v)
		}
		if v := p.sounds[0].view(); v.longest > time.Second || v.jumps != 0 {
			t.Errorf("%s in the other room: the sound stood still for %s: %+v", p.seat, v.longest, v)
		}
	}
}

// left is what a process holds.
type left struct {
	goroutines, files int
	heap              uint64 // bytes
}

func (l left) String() string {
	return fmt.Sprintf("%d goroutines, %d files, %d KiB", l.goroutines, l.files, l.heap>>10)
}

// settle waits until no more is held than most. BELAY_PROFILE=PATH writes a profile of
// the memory where it is more.
func settle(t *testing.T, most left) (now left) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		open, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Skip("there is no /proc here")
		}
		now = left{runtime.NumGoroutine(), len(open), m.HeapAlloc}
		if now.goroutines <= most.goroutines && now.files <= most.files && now.heap <= most.heap {
			return now
		}
	}
	if path := os.Getenv("BELAY_PROFILE"); path != "" {
		if f, err := os.Create(path); err == nil {
			_ = pprof.Lookup("heap").WriteTo(f, 0)
			f.Close()
		}
	}
	t.Fatalf("after 20 s there are %v, not %v or less", now, most)
	return now
}

// A viewer's way becomes narrow: the small picture, then none; the sound goes on all
// the time. It is measured by what a viewer tells of arrivals, which come late long
// before any is lost.
func TestANarrowWayTakesThePictureBeforeTheSound(t *testing.T) {
	h := open(t)
	a, b := h.page("therapist-1", options{tells: true}), h.page("client-1", options{simulcast: true, big: 5})
	way := limit(t, h.addr)
	a.through = way.instead
	h.meet(a, b)
	a.connect().send()
	b.connect().send()
	layer := func(i byte) int { return a.slots[0].view().from[b.mark()+i] }
	shows := func(i byte) {
		t.Helper()
		before := layer(i)
		a.await(fmt.Sprintf("30 frames of layer %d", i), func() bool { return layer(i) >= before+30 })
	}
	shows(0) // 850 kbit/s
	way.narrow(600e3)
	shows(1) // 340 kbit/s
	if v := a.sounds[0].view(); v.jumps != 0 {
		t.Errorf("sound was lost: %+v", v)
	}
	// It is seen after a second or so, when what was sent since has stood in the queue
	// (limit's holds four seconds) and has come. Narrower still, and the queue runs over.
	way.narrow(150e3)
	a.await("no picture", func() bool { return time.Since(a.slots[0].view().last) > time.Second })
	before := a.sounds[0].view()
	began := time.Now()
	a.await("sound alone", func() bool { return a.sounds[0].view().packets >= before.packets+100 })
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("2 s of sound took %s", took)
	}
	// It waits behind the picture for a moment, and none of it is lost.
	if v := a.sounds[0].view(); v.jumps != 0 || v.longest > time.Second {
		t.Errorf("sound: %+v", v)
	}
	if heard := h.relay.Heard(visit)[a.peer]; heard.Loss > 0 {
		t.Errorf("it was seen by loss: %v", heard.Loss)
	}
}
