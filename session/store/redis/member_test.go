package redis

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"belay/session/store"
	"belay/session/store/redis/redistest"
	"belay/session/store/storetest"
)

func join(t *testing.T, s *Store, id string) *Member {
	t.Helper()
	m, err := s.Join(t.Context(), Node{ID: id, Words: "machine " + id})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.Leave() })
	return m
}

// until waits for something that comes by itself.
func until(t *testing.T, what string, ok func() bool) time.Duration {
	t.Helper()
	began := time.Now()
	for !ok() {
		if time.Since(began) > 30*time.Second {
			t.Fatalf("in vain: %s", what)
		}
		time.Sleep(10 * time.Millisecond)
	}
	return time.Since(began)
}

func TestNodesSeeEachOtherComeAndEnd(t *testing.T) {
	t.Parallel()
	srv := startServer(t)
	s := open(t, Options{Addrs: []string{srv.addr}})
	defer s.Close()
	north, south := join(t, s, "north"), join(t, s, "south")
	until(t, "both see each other", func() bool { return north.Runs(south.Name()) && south.Runs(north.Name()) })
	if err := south.Say(t.Context(), []byte(`{"relay":true}`), true); err != nil {
		t.Fatal(err)
	}
	until(t, "what one says of itself is seen", func() bool {
		all := north.Others()
		return len(all) == 1 && all[0].Draining && string(all[0].About) == `{"relay":true}`
	})
	if _, lapsed := north.Lapsed(south.Name()); lapsed {
		t.Error("a node that lives has lapsed")
	}
	if _, lapsed := north.Lapsed("north.formerly"); !lapsed {
		t.Error("a former run of one's own has not lapsed")
	}

	// Killed: nobody says that it ends.
	south.cancel()
	south.mail.wake(t.Context())
	south.done.Wait()
	took := until(t, "a node that was killed lapses", func() bool { _, lapsed := north.Lapsed(south.Name()); return lapsed })
	if took < silentFor-beatEvery || took > 5*time.Second {
		t.Errorf("it lapsed after %v", took)
	}
	again := join(t, s, "south")
	until(t, "its successor is seen", func() bool { return north.Runs(again.Name()) })
	if _, lapsed := north.Lapsed(south.Name()); !lapsed || north.Runs(south.Name()) {
		t.Error("a run whose successor is there still counts as running")
	}
	if err := again.Leave(); err != nil {
		t.Fatal(err)
	}
	until(t, "a node that left is gone", func() bool { return len(north.Others()) == 0 })
}

// A replica that is promoted may show what its master knew to be over: a dead node's
// beat from before its last, or the run before the one that lives. Neither is news.
func TestWhatAReplicaHadNotHeardYetIsNoSignOfLife(t *testing.T) {
	m := &Member{id: "north", peers: map[string]*seen{}}
	now := time.Now()
	var asked, before time.Time // of the last look and the one before
	age := 300 * time.Millisecond
	sees := func(text string) {
		before, asked = asked, now.Add(beatEvery)
		now = asked.Add(200 * time.Millisecond) // the answer takes its time
		m.look(map[string]string{"south": text}, map[string]time.Duration{"south": age}, asked, now)
	}
	sees(`{"run":"old","beat":70}`)
	first := asked.Add(-age)
	if heard, _ := m.Lapsed("south.old"); !heard.Equal(first) {
		t.Errorf("a beat that was there %v before anybody looked counts as heard %v after the look", age, heard.Sub(asked))
	}
	age = -time.Hour // the clock of another Redis: no word on a time since somebody looks
	sees(`{"run":"new","beat":1}`)
	if heard, lapsed := m.Lapsed("south.old"); !lapsed || !heard.Equal(first) {
		t.Errorf("a run with a successor: lapsed %v, heard %v after it was", lapsed, heard.Sub(first))
	}
	sees(`{"run":"new","beat":2}`)
	last := before
	for range silentFor / beatEvery {
		sees(`{"run":"new","beat":1}`)
	}
	heard, lapsed := m.Lapsed("south.new")
	if !lapsed || !heard.Equal(last) {
		t.Errorf("of a node that said nothing new for %v: lapsed %v, heard %v after the look before its last beat was seen", silentFor, lapsed, heard.Sub(last))
	}
	sees(`{"run":"new","beat":3}`)
	m.last = time.Time{} // Redis is away for a while
	now = now.Add(4 * time.Second)
	sees(`{"run":"new","beat":4}`)
	if heard, _ := m.Lapsed("south.new"); !heard.Equal(before) {
		t.Errorf("a beat that came while nobody looked counts as heard %v after the last look", heard.Sub(before))
	}
	sees(`{"run":"new","beat":5}`)
	sees(`{"run":"old","beat":71}`)
	if _, lapsed := m.Lapsed("south.new"); lapsed || !m.Runs("south.new") {
		t.Error("a node that lives has lapsed, because a replica still knows the run before")
	}
	if _, lapsed := m.Lapsed("south.old"); !lapsed {
		t.Error("a run whose successor was seen counts as living")
	}
}

// A node that has died already when another comes was heard when it last beat, not when
// the other finds out.
func TestANodeThatDiedBeforeAnotherCameWasHeardLastWhenItLived(t *testing.T) {
	t.Parallel()
	srv := startServer(t)
	s := open(t, Options{Addrs: []string{srv.addr}})
	defer s.Close()
	born := time.Now()
	south := join(t, s, "south")
	south.cancel()
	south.mail.wake(t.Context())
	south.done.Wait()
	died := time.Now()
	north := join(t, s, "north")
	until(t, "it lapses", func() bool { _, lapsed := north.Lapsed(south.Name()); return lapsed })
	if heard, _ := north.Lapsed(south.Name()); heard.Before(born.Add(-2*time.Millisecond)) || heard.After(died) {
		t.Errorf("it counts as heard %v after it began, and it lived for %v", heard.Sub(born), died.Sub(born))
	}
}

// While Redis is away nobody can be seen; that is not the others' death.
func TestThatRedisWasAwayEndsNobody(t *testing.T) {
	t.Parallel()
	srv := startServer(t)
	s := open(t, Options{Addrs: []string{srv.addr}})
	defer s.Close()
	north, south := join(t, s, "north"), join(t, s, "south")
	until(t, "both see each other", func() bool { return north.Runs(south.Name()) && south.Runs(north.Name()) })
	srv.Kill()
	for end := time.Now().Add(silentFor + time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		for _, m := range []*Member{north, south} {
			for _, of := range []*Member{north, south} {
				if _, lapsed := m.Lapsed(of.Name()); lapsed {
					t.Fatal("a node was declared dead while Redis was away")
				}
			}
		}
	}
	srv.Start()
	for end := time.Now().Add(silentFor); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if _, lapsed := north.Lapsed(south.Name()); lapsed {
			t.Fatal("a node was declared dead when Redis had come back")
		}
	}
}

func TestNodesAndMigrationsKeepEachOtherOut(t *testing.T) {
	srv := startServer(t)
	s := open(t, Options{Addrs: []string{srv.addr}})
	defer s.Close()
	moving := claim(t, s, "mover")
	if _, err := s.Join(t.Context(), Node{ID: "north", Words: "n"}); !errors.As(err, new(*TakenError)) {
		t.Fatalf("a node joined during a migration: %v", err)
	}
	if err := moving.Release(); err != nil {
		t.Fatal(err)
	}
	north := join(t, s, "north")
	join(t, s, "south")
	if _, err := s.Claim(t.Context(), Node{ID: "mover", Words: "m"}); !errors.As(err, new(*TakenError)) {
		t.Fatalf("a migration began while nodes serve: %v", err)
	}
	if err := north.Leave(); err != nil {
		t.Fatal(err)
	}
	if _, there, err := s.Holder(t.Context()); err != nil || !there {
		t.Fatalf("with one of two nodes the mark went: %v", err)
	}
	if err := s.SetUnfinished(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Join(t.Context(), Node{ID: "west", Words: "w"}); !errors.Is(err, errUnfinished) {
		t.Fatalf("a node joined half a record: %v", err)
	}
}

// A replica that became the master may lack the end of a node's inbox, and its clock may
// be behind: what is posted then stands before what was read. It comes all the same.
func TestLettersComeAlsoFromARedisWhoseClockIsBehind(t *testing.T) {
	t.Parallel()
	srv := startServer(t)
	s := open(t, Options{Addrs: []string{srv.addr}})
	t.Cleanup(func() { _ = s.Close() })
	north, south := join(t, s, "north"), join(t, s, "south")
	got := make(chan string, 10)
	south.Receive(func(_ string, message []byte) { got <- string(message) }, nil)
	for _, text := range []string{"1", "2"} {
		north.Post(south.Name(), []byte(text))
		if came := <-got; came != text {
			t.Fatalf("%q came for %q", came, text)
		}
	}
	key := s.inboxKey(south.Name())
	srv.do("DEL", key)
	srv.do("XADD", key, "1-0", letterFrom, north.Name(), letterNumber, "2", letterText, "2") // this it had
	srv.do("XADD", key, "1-1", letterFrom, north.Name(), letterNumber, "3", letterText, "3")
	select {
	case came := <-got:
		if came != "3" {
			t.Errorf("%q came", came)
		}
	case <-time.After(5 * inboxBlock):
		t.Error("what was posted after the failover never came")
	}
	until(t, "what was read is taken off", func() bool { n, _ := srv.Do("XLEN", key).(int64); return n == 0 })
}

// The others hear of a node by what it does before they see it beat: that is no reason to
// take it for one that is over, to declare its pages lost, or to take a visit's relay from it.
func TestANodeThatHasJustComeIsNotTakenForOneThatIsOver(t *testing.T) {
	t.Parallel()
	srv := startServer(t)
	s := open(t, Options{Addrs: []string{srv.addr}})
	defer s.Close()
	north := join(t, s, "north")
	north.mu.Lock()
	north.watching = silentFor // as if it had looked on for so long
	north.mu.Unlock()
	south := join(t, s, "south")
	for range 3 { // a restart of it too
		if _, lapsed := north.Lapsed(south.Name()); lapsed || !north.Runs(south.Name()) {
			t.Errorf("a node that came a moment ago has lapsed: %v, runs: %v", lapsed, north.Runs(south.Name()))
		}
		until(t, "it is seen", func() bool { return len(north.Others()) == 1 && north.Others()[0].Name == south.Name() })
		before := south.Name()
		if err := south.Leave(); err != nil {
			t.Fatal(err)
		}
		south = join(t, s, "south")
		if _, lapsed := north.Lapsed(south.Name()); lapsed || !north.Runs(south.Name()) {
			t.Errorf("a node that was restarted a moment ago has lapsed: %v, runs: %v", lapsed, north.Runs(south.Name()))
		}
		until(t, "the run before is over", func() bool { _, lapsed := north.Lapsed(before); return lapsed && !north.Runs(before) })
	}
	// One that nobody ever saw is over as soon as that is known.
	took := until(t, "a node that there never was is over", func() bool {
		_, lapsed := north.Lapsed("east.never")
		return lapsed && !north.Runs("east.never")
	})
	if took > 3*beatEvery {
		t.Errorf("that took %v", took)
	}
}

// refusesFirst has Redis refuse the first of several commands, once, as one whose memory
// is full for a moment does.
type refusesFirst struct{ armed atomic.Bool }

func (r *refusesFirst) DialHook(next goredis.DialHook) goredis.DialHook          { return next }
func (r *refusesFirst) ProcessHook(next goredis.ProcessHook) goredis.ProcessHook { return next }
func (r *refusesFirst) ProcessPipelineHook(next goredis.ProcessPipelineHook) goredis.ProcessPipelineHook {
	return func(ctx context.Context, commands []goredis.Cmder) error {
		if len(commands) > 1 && r.armed.CompareAndSwap(true, false) {
			commands[0].Args()[0] = "refused"
		}
		return next(ctx, commands)
	}
}

// A letter that came after a later one would be taken for one that was read already.
func TestNoLetterIsLostWhereRedisTakesOnlySomeOfThem(t *testing.T) {
	t.Parallel()
	srv := startServer(t)
	s := open(t, Options{Addrs: []string{srv.addr}})
	t.Cleanup(func() { _ = s.Close() })
	north, south, west := join(t, s, "north"), join(t, s, "south"), join(t, s, "west")
	at := map[*Member]chan string{south: make(chan string, 10), west: make(chan string, 10)}
	for m, got := range at {
		m.Receive(func(_ string, message []byte) { got <- string(message) }, nil)
	}
	refuses := &refusesFirst{}
	s.client.AddHook(refuses)
	srv.Pause() // so that they go together
	north.Post(south.Name(), []byte("0"))
	time.Sleep(50 * time.Millisecond) // the one before is on its way, and given up on
	for _, text := range []string{"1", "2", "3"} {
		north.Post(south.Name(), []byte(text))
		north.Post(west.Name(), []byte(text))
	}
	refuses.armed.Store(true)
	srv.Resume()
	for m, texts := range map[*Member][]string{south: {"0", "1", "2", "3"}, west: {"1", "2", "3"}} {
		for _, want := range texts {
			select {
			case came := <-at[m]:
				if came != want {
					t.Fatalf("%q came for %q", came, want)
				}
			case <-time.After(lettersAge):
				t.Fatalf("%q never came", want)
			}
		}
	}
	if refuses.armed.Load() {
		t.Error("nothing was refused")
	}
}

// What one node posts to another comes once and in order, though Redis goes away in
// between; what was posted before the other listens waits.
func TestLettersBetweenNodesComeOnceAndInOrder(t *testing.T) {
	t.Parallel()
	srv := startServer(t)
	s := open(t, Options{Addrs: []string{srv.addr}})
	t.Cleanup(func() { _ = s.Close() }) // after both have left
	north, south := join(t, s, "north"), join(t, s, "south")
	const count = 300
	post := func(from, to int) {
		for i := from; i < to; i++ {
			if !north.Post(south.Name(), fmt.Appendf(nil, "%d", i)) {
				t.Fatal("too much waits")
			}
		}
	}
	post(0, 50)
	var mu sync.Mutex
	var got []string
	south.Receive(func(from string, message []byte) {
		mu.Lock()
		defer mu.Unlock()
		if from != north.Name() {
			t.Errorf("a letter from %q", from)
		}
		got = append(got, string(message))
	}, nil)
	have := func() int { mu.Lock(); defer mu.Unlock(); return len(got) }
	until(t, "the first letters come", func() bool { return have() == 50 })
	srv.Kill()
	post(50, 150)
	srv.Start()
	post(150, count)
	until(t, "all letters come", func() bool { return have() >= count })
	for i, text := range got {
		if text != fmt.Sprint(i) {
			t.Fatalf("letter %d is %s", i, text)
		}
	}
	lost := make(chan string, 1)
	north.Receive(func(string, []byte) {}, func(_ string, message []byte) { lost <- string(message) })
	srv.Kill()
	north.Post(south.Name(), []byte("in vain"))
	select {
	case text := <-lost:
		if text != "in vain" {
			t.Errorf("%q was given back", text)
		}
	case <-time.After(lettersAge + 10*time.Second):
		t.Error("what can't be sent is not given back")
	}
}

func TestHintsComeAndNumbersAreThere(t *testing.T) {
	srv := startServer(t)
	s := open(t, Options{Addrs: []string{srv.addr}})
	defer s.Close()
	ctx, cancel := context.WithCancel(t.Context())
	var mu sync.Mutex
	heard := map[string]store.Hint{}
	var done sync.WaitGroup
	done.Go(func() {
		s.Hints(ctx, func(h store.Hint) { mu.Lock(); defer mu.Unlock(); heard[h.Log] = h })
	})
	defer func() { cancel(); done.Wait() }()
	at := map[string]store.Position{}
	write := func(log string) {
		b := storetest.Next(log, at[log], 1, uint64(len(at)))
		if err := s.Append(t.Context(), b); err != nil {
			t.Fatal(err)
		}
		at[log] = b.End()
	}
	hears := func(log string) bool {
		write(log)
		time.Sleep(5 * time.Millisecond)
		mu.Lock()
		defer mu.Unlock()
		return heard[log].Seq > 0
	}
	for i := range 40 { // over all shards
		log := fmt.Sprintf("log-%d", i)
		until(t, "a hint at "+log, func() bool { return hears(log) })
	}
	mu.Lock()
	for log, h := range heard {
		records, err := s.Read(t.Context(), log, h.Seq-1)
		if err != nil || len(h.Events) != 1 || !bytes.Equal(h.Events[0], records[0].Data) {
			t.Errorf("a hint of %s, event %d, carries %q, %v", log, h.Seq, h.Events, err)
		}
	}
	mu.Unlock()
	// A subscription that has died silently is found out and replaced.
	srv.Kill()
	srv.Start()
	until(t, "a hint after Redis was away", func() bool { return hears("after") })
	ends, err := s.Positions(t.Context(), []string{"log-3", "unknown", "after"})
	if err != nil || ends[0] != at["log-3"] || ends[1] != (store.Position{}) || ends[2] != at["after"] {
		t.Errorf("they end at %v, %v", ends, err)
	}
}

func TestAHintCarriesWhatIsShort(t *testing.T) {
	for _, n := range []int{0, 1, 3, 200} {
		b := storetest.Next("log", store.Position{}, n, 1)
		h, ok := readHint(string(hintOf(b)))
		if !ok || h.Log != "log" || h.Seq != uint64(n) {
			t.Errorf("%d events: %+v, %v", n, h, ok)
		}
		want := n
		if n == 200 { // more than is carried
			want = 0
		}
		if len(h.Events) != want {
			t.Errorf("%d of %d events are carried", len(h.Events), want)
		}
		for i, e := range h.Events {
			if !bytes.Equal(e, b.Records[i].Data) {
				t.Errorf("event %d came as %q", i+1, e)
			}
		}
	}
	for _, text := range []string{"", "log", "log x", "log 1x\n{}", " 1", "!probe"} {
		if h, ok := readHint(text); ok {
			t.Errorf("%q is read as %+v", text, h)
		}
	}
}

func TestASessionHasOneHome(t *testing.T) {
	srv := startServer(t)
	s := open(t, Options{Addrs: []string{srv.addr}})
	defer s.Close()
	var all sync.WaitGroup
	homes := make([]string, 8)
	for i := range homes {
		all.Go(func() { homes[i], _ = s.SetHome(t.Context(), "visit", "", fmt.Sprintf("node-%d", i)) })
	}
	all.Wait()
	for _, home := range homes {
		if home == "" || home != homes[0] {
			t.Fatalf("homes %v", homes)
		}
	}
	if have, err := s.SetHome(t.Context(), "visit", "somebody else", "thief"); err != nil || have != homes[0] {
		t.Errorf("taken by who did not know whose it was: %q, %v", have, err)
	}
	if have, err := s.SetHome(t.Context(), "visit", homes[0], "heir"); err != nil || have != "heir" {
		t.Errorf("handed over: %q, %v", have, err)
	}
	if have, err := s.SetHome(t.Context(), "visit", "heir", ""); err != nil || have != "" {
		t.Errorf("given up: %q, %v", have, err)
	}
	if have, err := s.Homes(t.Context(), []string{"visit", "other"}); err != nil || have[0] != "" || have[1] != "" {
		t.Errorf("%v, %v", have, err)
	}
}

// In every shape, through what each can suffer, letters come at most once and in order,
// those posted after it all come, and so do hints.
func TestLettersAndHintsComeThroughWhatEachShapeCanSuffer(t *testing.T) {
	t.Parallel()
	for name, shape := range map[string]func(t *testing.T) (Options, func(), bool){
		"Redis stands still": func(t *testing.T) (Options, func(), bool) {
			srv := startServer(t)
			return Options{Addrs: []string{srv.addr}}, func() { srv.Pause(); time.Sleep(2500 * time.Millisecond); srv.Resume() }, true
		},
		"a failover under Sentinel": func(t *testing.T) (Options, func(), bool) {
			w := redistest.Sentinel(t, 1, redistest.Soon)
			return Options{Addrs: w.Sentinels, Master: w.Name}, func() { w.Master(t.Context()).Kill() }, false
		},
		"a part of a Cluster stands still": func(t *testing.T) (Options, func(), bool) {
			opts := Options{Cluster: true}
			all := redistest.Cluster(t, 3)
			for _, s := range all {
				opts.Addrs = append(opts.Addrs, s.Addr)
			}
			return opts, func() { all[1].Pause(); time.Sleep(time.Second); all[1].Resume() }, true
		},
	} {
		t.Run(name, func(t *testing.T) {
			opts, suffer, all := shape(t)
			lettersAndHints(t, opts, suffer, all)
		})
	}
}

// lettersAndHints posts before, while and after Redis suffers; all: none may be lost.
func lettersAndHints(t *testing.T, opts Options, suffer func(), all bool) {
	s := open(t, opts)
	t.Cleanup(func() { _ = s.Close() }) // after both have left
	north, south := join(t, s, "north"), join(t, s, "south")
	var mu sync.Mutex
	var got []int
	south.Receive(func(_ string, message []byte) {
		n, _ := strconv.Atoi(string(message))
		mu.Lock()
		defer mu.Unlock()
		got = append(got, n)
	}, nil)
	ctx, cancel := context.WithCancel(t.Context())
	hinted := map[string]bool{}
	var listening sync.WaitGroup
	listening.Go(func() {
		s.Hints(ctx, func(h store.Hint) {
			mu.Lock()
			defer mu.Unlock()
			hinted[h.Log] = true
		})
	})
	defer listening.Wait()
	defer cancel()
	last := func() int {
		mu.Lock()
		defer mu.Unlock()
		if len(got) == 0 {
			return -1
		}
		return got[len(got)-1]
	}
	n := 0
	post := func(count int) {
		for range count {
			if !north.Post(south.Name(), strconv.AppendInt(nil, int64(n), 10)) {
				t.Fatal("too much waits")
			}
			n++
			time.Sleep(2 * time.Millisecond)
		}
	}
	post(50)
	until(t, "the first letters come", func() bool { return last() == n-1 })
	suffers := make(chan struct{})
	go func() { defer close(suffers); suffer() }()
	post(100)
	<-suffers
	before := n
	until(t, "a letter that is posted afterwards comes", func() bool { post(1); return last() >= before })
	post(50)
	until(t, "all that are posted from then on come", func() bool { return last() == n-1 })
	mu.Lock()
	seen := map[int]bool{}
	for i, number := range got {
		if seen[number] = true; i > 0 && got[i-1] >= number {
			t.Errorf("letter %d comes after letter %d", number, got[i-1])
		}
	}
	mu.Unlock()
	for i := range n {
		if !seen[i] && (all || i >= n-50) {
			t.Errorf("letter %d never comes", i)
		}
	}
	for i := range 8 { // of several shards
		log := fmt.Sprintf("log-%d", i)
		var at store.Position
		until(t, "a hint at "+log, func() bool {
			if b := storetest.Next(log, at, 1, 0); s.Append(t.Context(), b) == nil {
				at = b.End()
			}
			time.Sleep(5 * time.Millisecond)
			mu.Lock()
			defer mu.Unlock()
			return hinted[log]
		})
	}
}
