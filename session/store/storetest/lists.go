package storetest

import (
	"slices"
	"testing"
	"time"

	"belay/session/store"
)

// evening is a wall time that the tests of deadlines count from.
var evening = time.Date(2026, 3, 1, 20, 0, 0, 0, time.UTC)

func staleDeadline(t *testing.T, open Open) {
	f := start(t, open)
	old := Next(ID(1), store.Position{}, 1, 1)
	old.Due = evening
	at := f.append(old)

	// A batch without records moves the deadline and the summary alone.
	move := store.Batch{Log: ID(1), After: at, Due: evening.Add(time.Hour), Summary: []byte(`{"moved":true}`)}
	f.append(move)
	f.wantSame("head", store.Head{Log: ID(1), Position: at, Due: move.Due, Summary: move.Summary}, f.head(ID(1)))
	f.wantSame("events", old.Records, f.read(ID(1), 0))

	f.wantConflict(store.Batch{Log: ID(1), Due: evening}, at)
	f.wantConflict(store.Batch{Log: ID(1), After: store.Position{Seq: 1}, Due: evening}, at)
	f.wantSame("due at the old time", []string(nil), f.due(evening, 10))
	f.wantSame("due at the new time", []string{ID(1)}, f.due(move.Due, 10))

	// A log may have a deadline before it has an event.
	f.append(store.Batch{Log: "empty", Due: evening})
	f.wantSame("due", []string{"empty"}, f.due(evening, 10))
	f.append(Next("empty", store.Position{}, 1, 1))
	f.wantSame("due after the deadline was dropped", []string(nil), f.due(evening, 10))
}

func due(t *testing.T, open Open) {
	f := start(t, open)
	ids := sortedIDs(40)
	ends := make([]store.Position, len(ids))
	for i, id := range ids { // later names are due earlier, in pairs
		b := Next(id, store.Position{}, 1, 1)
		b.Due = evening.Add(time.Duration((len(ids)-1-i)/2) * time.Second)
		ends[i] = f.append(b)
	}
	f.append(Next("idle", store.Position{}, 1, 1))

	order := func() []string {
		var list []string
		for i := len(ids) - 2; i >= 0; i -= 2 {
			list = append(list, ids[i], ids[i+1])
		}
		return list
	}()
	f.wantSame("all", order, f.due(evening.Add(time.Hour), 100))
	f.wantSame("first five", order[:5], f.due(evening.Add(time.Hour), 5))
	f.wantSame("until, inclusive", order[:6], f.due(evening.Add(2*time.Second), 100))
	f.wantSame("before the first", []string(nil), f.due(evening.Add(-time.Millisecond), 100))
	f.wantSame("long ago", []string(nil), f.due(time.Time{}, 100))
	f.wantSame("none asked for", []string(nil), f.due(evening.Add(time.Hour), 0))
	f.wantSame("fewer than none asked for", []string(nil), f.due(evening.Add(time.Hour), -1))

	// The first is dealt with: its next deadline is the last of all. The second has none any more.
	first, second := slices.Index(ids, order[0]), slices.Index(ids, order[1])
	b := Next(ids[first], ends[first], 1, 2)
	b.Due = evening.Add(50 * time.Minute)
	f.append(b)
	f.append(Next(ids[second], ends[second], 1, 2))
	f.wantSame("after two were dealt with", append(order[2:len(order):len(order)], order[0]), f.due(evening.Add(time.Hour), 100))

	heads, err := f.Due(f.ctx, evening.Add(time.Hour), 100)
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range heads {
		f.wantSame("head of "+h.Log, f.head(h.Log), h)
	}
}

func dueRounding(t *testing.T, open Open) {
	f := start(t, open)
	at := store.Position{}
	for i, c := range []struct{ due, kept time.Duration }{
		{0, 0}, {time.Nanosecond, time.Millisecond}, {time.Millisecond, time.Millisecond},
		{1999 * time.Microsecond, 2 * time.Millisecond}, {time.Hour + 1, time.Hour + time.Millisecond},
	} {
		b := Next(ID(1), at, 1, uint64(i))
		b.Due = evening.Add(c.due).In(time.FixedZone("", -5*3600))
		at = f.append(b)
		f.wantSame("kept", evening.Add(c.kept), f.head(ID(1)).Due)
		f.wantSame("just before", []string(nil), f.due(evening.Add(c.kept-1), 10))
		f.wantSame("at the time", []string{ID(1)}, f.due(evening.Add(c.kept), 10))
	}
}

func paging(t *testing.T, open Open) {
	f := start(t, open)
	ids := append(sortedIDs(57), "practice")
	for _, i := range []int{3, 1, 2, 0} { // not in order
		for j := i; j < len(ids); j += 4 {
			f.append(Next(ids[j], store.Position{}, 1+j%3, 1))
		}
	}
	slices.Sort(ids)
	for _, size := range []int{1, 10, 58, 59, store.MaxPage + 1} {
		var all []string
		for after := ""; ; after = all[len(all)-1] {
			heads, err := f.Heads(f.ctx, after, size)
			if err != nil {
				t.Fatal(err)
			}
			for _, h := range heads {
				f.wantSame("head of "+h.Log, f.head(h.Log), h)
			}
			if all = append(all, names(heads)...); len(heads) < size {
				break
			}
		}
		f.wantSame("all logs", ids, all)
	}
	heads, err := f.Heads(f.ctx, ids[30]+"-", 1)
	if err != nil {
		t.Fatal(err)
	}
	f.wantSame("after a name that is no log", ids[31:32], names(heads))
	if heads, err = f.Heads(f.ctx, "zz", 10); err != nil || len(heads) != 0 {
		t.Fatalf("after the last: %d logs, %v", len(heads), err)
	}
	if heads, err = f.Heads(f.ctx, "", 0); err != nil || len(heads) != 0 {
		t.Fatalf("none asked for: %d logs, %v", len(heads), err)
	}
}
