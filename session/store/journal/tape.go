package journal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
)

// reelLength is how long a node's reels are.
const reelLength = 1 << 20

// tape is where batches are kept until they are safe: one append and one look of the
// disk for all that wait. It lies on two reels in turn, each written from its
// beginning once nothing on it is needed: so it is as long as what is not safe, and
// its files hardly ever change their length. All methods may be called concurrently.
type tape struct {
	reels  [2]*reel
	length int64 // of a reel: it has so many real bytes from the start, and behind them the other one is taken
	queue  *queue[cut]

	// Of the queue's goroutine alone.
	now  *reel
	sync func(*os.File) error // to be replaced by tests, before anything is put
}

// reel is one file of a tape. It belongs to the goroutine of the tape's queue, but
// for reading what is needed.
type reel struct {
	file   *os.File
	length int64 // of the file
	end    int64 // of the last frame
	chain  chain
	needed int // batches on it that were not struck
}

// place is where a batch lies on a tape. It is set once the batch is synced.
type place struct {
	number uint64
	reel   *reel
	at     int64 // of its body
	size   int   // of it
}

// cut is a piece of work: a batch to be put, or places to be struck.
type cut struct {
	body   []byte
	put    *place // nil: none
	struck []*place
	reply  chan error // buffered; nil: nobody waits
}

// openTape opens the tape whose files begin with path, and makes it where there is
// none. It returns what lies on it, in the order in which it was put.
func openTape(path string, length int64) (t *tape, found []*place, err error) {
	t = &tape{length: length, sync: synced}
	defer func() {
		if err != nil {
			err = errors.Join(err, t.closeFiles())
			t = nil
		}
	}()
	struck := map[uint64]bool{}
	for i := range t.reels {
		r, err := openReel(fmt.Sprintf("%s.kept%d", path, i+1), length)
		if err != nil {
			return t, nil, err
		}
		t.reels[i] = r
		r.end, r.chain, err = scan(io.NewSectionReader(r.file, 0, math.MaxInt64), func(f frame) error {
			if f.kind == keptFrame {
				found = append(found, &place{f.number, r, f.at, len(f.body)})
				return nil
			}
			return numbers(f.body, func(n uint64) { struck[n] = true })
		})
		if err != nil {
			return t, nil, fmt.Errorf("%s: %w", r.file.Name(), err)
		}
	}
	found = slices.DeleteFunc(found, func(p *place) bool { return struck[p.number] })
	slices.SortFunc(found, func(a, b *place) int { return int(int64(a.number) - int64(b.number)) })
	for _, p := range found {
		p.reel.needed++
	}
	t.now = t.reels[0]
	if other := t.reels[1]; other.chain.number > t.now.chain.number {
		t.now = other
	}
	t.queue = newQueue(t.write)
	return t, found, syncDir(filepath.Dir(path))
}

func openReel(path string, length int64) (*reel, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	r := &reel{file: file}
	info, err := file.Stat()
	if err == nil {
		r.length = info.Size()
		if r.length < length && r.lengthen(length) == nil { // where there is no space it grows later
			err = file.Sync()
		}
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return r, nil
}

// syncDir makes sure that the names of new files are on the disk too.
func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// numbers calls f for each of those in the body of a struck frame.
func numbers(body []byte, f func(uint64)) error {
	if len(body)%8 != 0 {
		return fmt.Errorf("%d bytes are no numbers", len(body))
	}
	for ; len(body) > 0; body = body[8:] {
		f(binary.BigEndian.Uint64(body))
	}
	return nil
}

// lengthen writes zeros up to a length: bytes that are there already are synced
// without a change to the file system's own books.
func (r *reel) lengthen(length int64) error {
	_, err := r.file.WriteAt(make([]byte, length-r.length), r.length)
	if err == nil {
		r.length = length
	}
	return err
}

// put keeps a body. The channel brings what came of it, once it is synced.
func (t *tape) put(body []byte) (*place, <-chan error) {
	c := cut{body: body, put: new(place), reply: make(chan error, 1)}
	if err := t.queue.add(c); err != nil {
		c.reply <- err
	}
	return c.put, c.reply
}

// strike says that what lies at places is needed no more. It is not waited for, and is
// on the disk with what is put next: until then a loss of power may undo it.
func (t *tape) strike(places []*place) {
	_ = t.queue.add(cut{struck: places})
}

// write does all that waits: it belongs to the queue.
func (t *tape) write(group []cut) {
	r := t.turn()
	var (
		bytes []byte
		next  = r.chain
		puts  bool
	)
	for _, c := range group {
		if c.put == nil {
			body := make([]byte, 0, 8*len(c.struck))
			for _, p := range c.struck {
				body = binary.BigEndian.AppendUint64(body, p.number)
			}
			bytes = next.append(bytes, struckFrame, body)
			continue
		}
		puts = true
		at := r.end + int64(len(bytes)) + frameHead
		bytes = next.append(bytes, keptFrame, c.body)
		*c.put = place{next.number, r, at, len(c.body)}
	}
	err := t.onto(r, bytes, puts)
	if err == nil {
		r.end, r.chain = r.end+int64(len(bytes)), next
		r.length = max(r.length, r.end)
	} else { // the next group is written over it; should there be none, it is not found either
		_, _ = r.file.WriteAt(make([]byte, frameHead), r.end)
	}
	for _, c := range group {
		if c.put != nil && err == nil {
			r.needed++
		}
		for _, p := range c.struck {
			p.reel.needed--
		}
		if c.reply != nil {
			c.reply <- err
		}
	}
}

// turn returns the reel to go on with: the other one where this is long and nothing
// on that one is needed.
func (t *tape) turn() *reel {
	r, other := t.reels[0], t.reels[1]
	if t.now == other {
		r, other = other, r
	}
	if r.end < t.length || other.needed > 0 || t.sync(r.file) != nil { // what was struck here stays so
		return r
	}
	if other.length > 4*t.length { // replicas were away for long
		t.shorten(other)
	}
	other.end, other.chain = 0, chain{number: r.chain.number}
	t.now = other
	return other
}

// shorten gives back what a reel on which nothing is needed has grown by. Its frames are
// taken off first, for good: cut through the middle they could be found again after a
// loss of power, without those behind that say that they are struck.
func (t *tape) shorten(r *reel) {
	if _, err := r.file.WriteAt(make([]byte, frameHead), 0); err != nil || t.sync(r.file) != nil {
		return
	}
	if r.file.Truncate(t.length) == nil {
		r.length = t.length
	}
}

// onto writes behind the last frame of a reel.
func (t *tape) onto(r *reel, bytes []byte, durable bool) error {
	if end := r.end + int64(len(bytes)); end > r.length {
		_ = r.lengthen((end/t.length + 1) * t.length) // an extra: on a full disk there may be space for the frames
	}
	if _, err := r.file.WriteAt(bytes, r.end); err != nil || !durable {
		return err
	}
	return t.sync(r.file)
}

// read returns what lies at a place that was not struck.
func (t *tape) read(p *place) ([]byte, error) {
	body := make([]byte, p.size)
	_, err := p.reel.file.ReadAt(body, p.at)
	return body, err
}

// close lets what has begun come to its end.
func (t *tape) close() error {
	t.queue.close()
	return t.closeFiles()
}

func (t *tape) closeFiles() (err error) {
	for _, r := range t.reels {
		if r != nil {
			err = errors.Join(err, r.file.Close())
		}
	}
	return err
}
