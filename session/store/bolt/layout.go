package bolt

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"

	bbolt "go.etcd.io/bbolt"

	"belay/session"
	"belay/session/store"
)

// format is the version of the layout. A file with a higher one was written by
// a newer belay and is refused.
const format = 1

var (
	eventsBucket = []byte("events")
	headsBucket  = []byte("heads")
	dueBucket    = []byte("due")
	aboutBucket  = []byte("about")
	formatKey    = []byte("format")
	openedKey    = []byte("opened")
)

const (
	hashSize   = len(session.Hash{})
	headSize   = 1 + 8 + hashSize + 8
	recordSize = 2 * hashSize
)

func eventKey(log string, seq uint64) []byte {
	return binary.BigEndian.AppendUint64(append([]byte(log), 0), seq)
}

func dueKey(ms int64, log string) []byte {
	return append(binary.BigEndian.AppendUint64(nil, uint64(ms)), log...)
}

func encodeRecord(r store.Record) []byte {
	return slices.Concat(r.Hash[:], r.Prev[:], r.Data)
}

// decodeRecord copies r out of the mapping.
func decodeRecord(seq uint64, value []byte) (store.Record, error) {
	if len(value) <= recordSize {
		return store.Record{}, fmt.Errorf("event %d has %d bytes", seq, len(value))
	}
	r := store.Record{Seq: seq, Data: bytes.Clone(value[recordSize:])}
	copy(r.Hash[:], value)
	copy(r.Prev[:], value[hashSize:])
	return r, nil
}

func encodeHead(at store.Position, due int64, summary []byte) []byte {
	v := make([]byte, 0, headSize+len(summary))
	v = append(v, format)
	v = binary.BigEndian.AppendUint64(v, at.Seq)
	v = append(v, at.Hash[:]...)
	v = binary.BigEndian.AppendUint64(v, uint64(due))
	return append(v, summary...)
}

// headOf returns the head of log, copied out of the mapping. A log without one
// is empty.
func headOf(tx *bbolt.Tx, log string) (store.Head, error) {
	h := store.Head{Log: log}
	v := tx.Bucket(headsBucket).Get([]byte(log))
	if v == nil {
		return h, nil
	}
	return h, decodeHead(&h, v)
}

func decodeHead(h *store.Head, v []byte) error {
	if len(v) < headSize || v[0] != format {
		return fmt.Errorf("head of log %s can't be read: the file is damaged", h.Log)
	}
	h.Seq = binary.BigEndian.Uint64(v[1:])
	copy(h.Hash[:], v[9:])
	h.Due = store.DueTime(int64(binary.BigEndian.Uint64(v[9+hashSize:])))
	if s := v[headSize:]; len(s) > 0 {
		h.Summary = bytes.Clone(s)
	}
	return nil
}

// follows returns the head of b's log, or a conflict where b does not continue it.
func follows(tx *bbolt.Tx, b store.Batch) (store.Head, error) {
	head, err := headOf(tx, b.Log)
	if err == nil && head.Position != b.After {
		err = &store.ConflictError{Log: b.Log, Have: head.Position}
	}
	return head, err
}

// put writes b, which continues head.
func put(tx *bbolt.Tx, b store.Batch, head store.Head) error {
	events := tx.Bucket(eventsBucket)
	for _, r := range b.Records {
		if err := events.Put(eventKey(b.Log, r.Seq), encodeRecord(r)); err != nil {
			return err
		}
	}
	was, is := store.DueMillis(head.Due), store.DueMillis(b.Due)
	if was != is {
		due := tx.Bucket(dueBucket)
		if was != 0 {
			if err := due.Delete(dueKey(was, b.Log)); err != nil {
				return err
			}
		}
		if is != 0 {
			if err := due.Put(dueKey(is, b.Log), []byte{}); err != nil {
				return err
			}
		}
	}
	return tx.Bucket(headsBucket).Put([]byte(b.Log), encodeHead(b.End(), is, b.Summary))
}

// prepare makes the buckets of a new file and refuses the file of a newer
// belay. It always changes something: its commit confirms all that it found.
func prepare(tx *bbolt.Tx) error {
	for _, name := range [][]byte{eventsBucket, headsBucket, dueBucket, aboutBucket} {
		if _, err := tx.CreateBucketIfNotExists(name); err != nil {
			return err
		}
	}
	about := tx.Bucket(aboutBucket)
	switch v := about.Get(formatKey); {
	case v == nil:
		if err := about.Put(formatKey, []byte{format}); err != nil {
			return err
		}
	case len(v) != 1 || v[0] != format:
		return fmt.Errorf("it has format %d, this belay knows %d", v, format)
	}
	var opened uint64
	if v := about.Get(openedKey); len(v) == 8 {
		opened = binary.BigEndian.Uint64(v)
	}
	return about.Put(openedKey, binary.BigEndian.AppendUint64(nil, opened+1))
}
