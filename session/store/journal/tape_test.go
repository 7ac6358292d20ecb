package journal

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"syscall"
	"testing"

	bbolt "go.etcd.io/bbolt"

	"belay/session/store"
	"belay/session/store/redis"
	"belay/session/store/redis/redistest"
	"belay/session/store/storetest"
)

// sector is what a disk writes whole or not at all.
const sector = 512

// bench is a tape in the hands of a test: what has to be on it, and what the disk
// under it has, where the system may still hold the last words.
type bench struct {
	t      *testing.T
	rng    *rand.Rand
	path   string
	onDisk [2][]byte
	fails  atomic.Bool       // the disk does
	unkept []string          // what the disk said it could not keep, since the power was lost
	ghosts map[string]bool   // the same, from before: what lies where nothing is known to lie may be found by chance
	stays  int               // one in so many batches is struck at a time
	alike  bool              // batches are of one size: where a reel is written anew, frames begin where others began
	needed map[uint64][]byte // synced, and not struck; by number
	undone map[uint64][]byte // struck since the last sync
	*tape
	places map[uint64]*place
}

func (b *bench) file(i int) string { return fmt.Sprintf("%s.kept%d", b.path, i+1) }

func (b *bench) bytes(i int) []byte {
	b.t.Helper()
	all, err := os.ReadFile(b.file(i))
	if err != nil {
		b.t.Fatal(err)
	}
	return all
}

// open opens the tape, and looks whether it holds what it has to, and nothing else.
func (b *bench) open() {
	b.t.Helper()
	tape, found, err := openTape(b.path, 8<<10)
	if err != nil {
		b.t.Fatal(err)
	}
	b.tape, b.places = tape, map[uint64]*place{}
	there := map[uint64][]byte{}
	for i, p := range found {
		body, err := tape.read(p)
		if err != nil || i > 0 && found[i-1].number >= p.number {
			b.t.Fatalf("number %d can't be read, or is out of order (%v)", p.number, err)
		}
		if !b.ghosts[string(body)] && !bytes.Equal(body, b.needed[p.number]) && !bytes.Equal(body, b.undone[p.number]) {
			b.t.Fatalf("number %d is there, and should not be, or not so", p.number)
		}
		there[p.number], b.places[p.number] = body, p
	}
	for number := range b.needed {
		if there[number] == nil {
			b.t.Fatalf("number %d was synced, and is gone", number)
		}
	}
	b.needed, b.undone = there, map[uint64][]byte{}
	b.stays = []int{1, 2, 8, 40}[b.rng.IntN(4)] // replicas are near, or away for a while
	b.alike = b.rng.IntN(2) == 0
	for i := range b.onDisk {
		b.onDisk[i] = b.bytes(i)
	}
	tape.sync = func(f *os.File) error {
		for i := range b.onDisk {
			if b.file(i) == f.Name() && !b.fails.Load() {
				b.onDisk[i] = b.bytes(i)
				return nil
			}
		}
		return syscall.EIO
	}
}

// put has the tape keep something.
func (b *bench) keep() {
	b.t.Helper()
	size := 1 + b.rng.IntN(1500)
	if b.alike {
		size = 300
	}
	body := make([]byte, size)
	for i := range body {
		body[i] = byte(b.rng.Uint32())
	}
	p, synced := b.put(body)
	if err := <-synced; err != nil {
		b.t.Fatal(err)
	}
	if lies, err := b.read(p); err != nil || !bytes.Equal(lies, body) {
		b.t.Fatalf("number %d can't be read where it is said to lie (%v)", p.number, err)
	}
	b.needed[p.number], b.places[p.number] = body, p
	clear(b.undone)
}

// keepsNot has it keep something while the disk fails.
func (b *bench) keepsNot() {
	b.t.Helper()
	b.fails.Store(true)
	body := fmt.Sprintf("unkept %x", b.rng.Uint64())
	b.unkept = append(b.unkept, body)
	if _, synced := b.put([]byte(body)); !errors.Is(<-synced, syscall.EIO) {
		b.t.Fatal("nobody was told that the disk fails")
	}
	b.fails.Store(false)
}

// strikes has it strike some, now and then before anything else is put.
func (b *bench) strikes() {
	for _, number := range slices.Sorted(maps.Keys(b.needed)) {
		if b.rng.IntN(b.stays) == 0 {
			b.strike([]*place{b.places[number]})
			b.undone[number] = b.needed[number]
			delete(b.needed, number)
		}
	}
	if b.rng.IntN(2) == 0 {
		written := make(chan error, 1)
		if err := b.queue.add(cut{reply: written}); err != nil {
			b.t.Fatal(err)
		}
		<-written
	}
}

// ends ends the process.
func (b *bench) ends() {
	b.t.Helper()
	if err := b.close(); err != nil {
		b.t.Fatal(err)
	}
}

// losesPower leaves of what was written since the last sync some sectors, and of the
// others what was there before.
func (b *bench) losesPower() {
	b.t.Helper()
	for _, body := range b.unkept {
		b.ghosts[body] = true
	}
	b.unkept = nil
	for i, before := range b.onDisk {
		now := b.bytes(i)
		before = append(before, make([]byte, max(0, len(now)-len(before)))...)
		for at := 0; at < len(now); at += sector {
			end := min(at+sector, len(now))
			if !bytes.Equal(now[at:end], before[at:end]) && b.rng.IntN(2) == 0 {
				copy(now[at:end], before[at:end])
			}
		}
		if err := os.WriteFile(b.file(i), now, 0o600); err != nil {
			b.t.Fatal(err)
		}
	}
}

// Batches are put and struck, and the process is killed or the power goes at any
// moment: what was synced and not struck is there, whole and in order, and nothing
// that was struck before the last sync, or was never put.
func TestATapeHasWhatWasSyncedAlsoAfterALossOfPower(t *testing.T) {
	seed := storetest.Seed(t)
	b := &bench{t: t, rng: rand.New(rand.NewPCG(seed, 0)), path: filepath.Join(t.TempDir(), "journal"), ghosts: map[string]bool{}}
	rounds := storetest.Rounds(200, 200, 20_000)
	turns, powers := 0, 0
	for range rounds {
		b.open()
		began := b.now
		for range b.rng.IntN(40) {
			if b.keep(); b.rng.IntN(10) == 0 {
				b.keepsNot()
			}
			b.strikes()
		}
		if b.ends(); b.now != began {
			turns++
		}
		if b.rng.IntN(3) > 0 {
			b.losesPower()
			powers++
		} else {
			clear(b.undone)
		}
	}
	t.Logf("seed %d: %d runs, %d turned the tape, %d ended with the power", seed, rounds, turns, powers)
	if turns < rounds/20 {
		t.Error("the tape hardly ever turned: that was not tested")
	}
}

// A node that works for a year does not fill its disk.
func TestATapeIsNoLongerThanWhatIsNeeded(t *testing.T) {
	b := &bench{t: t, rng: rand.New(rand.NewPCG(storetest.Seed(t), 0)), path: filepath.Join(t.TempDir(), "journal"), ghosts: map[string]bool{}}
	b.open()
	b.alike = false
	longest := func() (n int) { return max(len(b.bytes(0)), len(b.bytes(1))) }
	for range 100 { // the replicas are away
		b.keep()
	}
	if n := longest(); n < 50_000 {
		t.Fatalf("%d bytes hold all of it", n)
	}
	for range 200 {
		b.keep()
		for number, p := range b.places {
			b.strike([]*place{p})
			delete(b.places, number)
		}
		clear(b.needed)
	}
	b.ends()
	if n := longest(); n > 3*8<<10 {
		t.Errorf("%d bytes hold nothing", n)
	}
}

func TestATapeOnAFullDiskGoesOnWhenThereIsSpace(t *testing.T) {
	dir := t.TempDir()
	if os.Getuid() != 0 {
		storetest.Missing(t, "only root can mount a small disk")
	}
	if err := syscall.Mount("belay-test", dir, "tmpfs", 0, "size=64k"); err != nil {
		storetest.Missing(t, "mount a small disk: %v", err)
	}
	defer func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) }()
	other := filepath.Join(dir, "something else")
	if err := os.WriteFile(other, make([]byte, 36<<10), 0o600); err != nil {
		t.Fatal(err)
	}
	tape, _, err := openTape(filepath.Join(dir, "journal"), 8<<10)
	if err != nil {
		t.Fatal(err)
	}
	var kept [][]byte
	keep := func() error {
		body := bytes.Repeat([]byte{byte(len(kept) + 1)}, 1000)
		_, synced := tape.put(body)
		err := <-synced
		if err == nil {
			kept = append(kept, body)
		}
		return err
	}
	for err == nil {
		err = keep()
	}
	if !errors.Is(err, syscall.ENOSPC) || len(kept) < 8 {
		t.Fatalf("after %d: %v", len(kept), err)
	}
	if err := os.Remove(other); err != nil {
		t.Fatal(err)
	}
	for range 8 {
		if err := keep(); err != nil {
			t.Fatal(err)
		}
	}
	if err := tape.close(); err != nil {
		t.Fatal(err)
	}
	tape, found, err := openTape(filepath.Join(dir, "journal"), 8<<10)
	if err != nil {
		t.Fatal(err)
	}
	defer tape.close()
	if len(found) != len(kept) {
		t.Fatalf("%d of %d are there", len(found), len(kept))
	}
	for i, p := range found {
		if body, err := tape.read(p); err != nil || !bytes.Equal(body, kept[i]) {
			t.Errorf("number %d is another one (%v)", p.number, err)
		}
	}
}

// A node that is updated has in its file what its former version kept there.
func TestWhatAFormerVersionKeptIsTakenOver(t *testing.T) {
	file := filepath.Join(t.TempDir(), "journal.db")
	log := storetest.ID(1)
	b := event(log, store.Position{}, "from before")
	db, err := bbolt.Open(file, 0o600, nil)
	if err == nil {
		err = db.Update(func(tx *bbolt.Tx) error {
			bucket, err := tx.CreateBucket(keptBucket)
			if err != nil {
				return err
			}
			raw, err := json.Marshal(b)
			if err != nil {
				return err
			}
			return bucket.Put(keyOf(1), raw)
		})
	}
	if err == nil {
		err = db.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	n := open(t, file, redis.Options{Addrs: []string{redistest.Alone(t).Addr}})
	defer n.Close()
	if h, err := n.Head(t.Context(), log); err != nil || h.Position != b.End() {
		t.Errorf("it was not written back: the log is at %s (%v)", h.Position, err)
	}
}

// FuzzScan looks for bytes on a reel that panic, or that are taken for frames and are
// no longer what they were when read back.
func FuzzScan(f *testing.F) {
	var c chain
	whole := c.append(c.append(c.append(nil, keptFrame, []byte(`{"log":"a"}`)), struckFrame, make([]byte, 8)), keptFrame, nil)
	f.Add(whole)
	f.Add(whole[:len(whole)-3])
	f.Add(append(whole[:60:60], whole...))
	f.Fuzz(func(t *testing.T, raw []byte) {
		var first uint64
		var again []byte
		end, c, err := scan(bytes.NewReader(raw), func(f frame) error {
			if first == 0 {
				first = f.number
			}
			if !bytes.Equal(raw[f.at:f.at+int64(len(f.body))], f.body) {
				t.Fatalf("frame %d is not where it is said to be", f.number)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		from := chain{number: first - 1}
		if _, _, err := scan(bytes.NewReader(raw[:end]), func(f frame) error { again = from.append(again, f.kind, f.body); return nil }); err != nil || !bytes.Equal(again, raw[:end]) {
			t.Fatalf("%q reads as %q (%v)", raw[:end], again, err)
		}
		if first != 0 && c != from {
			t.Fatalf("the next frame continues %v, not %v", from, c)
		}
	})
}

// The replicas may be found to have a batch in the very moment in which somebody sets it
// aside. Counted out twice, it would leave a reel free on which another is still needed.
func TestABatchThatIsSafeAndSetAsideAtOnceIsCountedOutOnce(t *testing.T) {
	j, err := Open(Options{Path: filepath.Join(t.TempDir(), "journal")})
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	h := &hold{turn: make(chan struct{}, 1), users: 1}
	log := storetest.ID(1)
	s := &Store{journal: j, logs: map[string]*hold{log: h}, wake: make(chan struct{}, 1)}
	for _, told := range []bool{false, true} {
		b := event(log, store.Position{}, "a")
		k := kept{after: b.After, end: b.End(), told: told}
		var synced <-chan error
		if k.at, synced = j.keep(b); <-synced != nil {
			t.Fatal("not kept")
		}
		h.kept = []kept{k}
		s.safe(log, k.end)
		if err := s.setAside(log, h, k); err != nil {
			t.Fatal(err)
		}
	}
	_, synced := j.keep(event(log, store.Position{}, "still needed"))
	if err := <-synced; err != nil {
		t.Fatal(err)
	}
	if n := j.tape.now.needed; n != 1 {
		t.Errorf("one batch is needed, and %d are counted", n)
	}
}
