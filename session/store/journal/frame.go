package journal

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
)

// A reel holds frames, one behind the other:
//
//	4 bytes  length of the body
//	4 bytes  CRC-32C of the checksum before, the length, the number, the kind and the body
//	8 bytes  number, one more than that of the frame before
//	1 byte   kind
//	         body
//
// Numbers are in the order of the bytes of a network. Because each checksum goes over
// the one before, and numbers rise, what lies behind the last frame is never taken
// for one: zeros, a frame that was torn, or frames from before the reel was wound
// back.
const frameHead = 17

// maxBody bounds what is read back: a batch of the largest size, as text.
const maxBody = 64 << 20

// The kinds of frames.
const (
	keptFrame   = 1 // the body is a batch, in JSON
	struckFrame = 2 // the body is the numbers of batches that are needed no more
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// frame is one that was read.
type frame struct {
	number uint64
	kind   byte
	at     int64 // where the body begins
	body   []byte
}

// chain is what the next frame continues.
type chain struct {
	sum    uint32 // 0 for the first of a reel
	number uint64 // of the frame before
}

// append adds a frame to buf.
func (c *chain) append(buf []byte, kind byte, body []byte) []byte {
	c.number++
	begin := len(buf)
	buf = binary.BigEndian.AppendUint32(buf, uint32(len(body)))
	buf = binary.BigEndian.AppendUint32(buf, 0)
	buf = binary.BigEndian.AppendUint64(buf, c.number)
	buf = append(append(buf, kind), body...)
	c.sum = checksum(c.sum, buf[begin:])
	binary.BigEndian.PutUint32(buf[begin+4:], c.sum)
	return buf
}

// checksum is that of a frame whose own is left out.
func checksum(before uint32, frame []byte) uint32 {
	var start [4]byte
	binary.BigEndian.PutUint32(start[:], before)
	sum := crc32.Checksum(start[:], castagnoli)
	sum = crc32.Update(sum, castagnoli, frame[:4])
	return crc32.Update(sum, castagnoli, frame[8:])
}

// scan reads the frames of a reel, and returns where the last one ends and what the
// next has to continue. An error is one of the disk.
func scan(r io.Reader, take func(frame) error) (end int64, c chain, err error) {
	in := bufio.NewReaderSize(r, 1<<18)
	for {
		head := make([]byte, frameHead)
		if _, err := io.ReadFull(in, head); err != nil {
			return end, c, orEnd(err)
		}
		size := binary.BigEndian.Uint32(head)
		f := frame{number: binary.BigEndian.Uint64(head[8:]), kind: head[16], at: end + frameHead}
		if size > maxBody || f.number == 0 || c.number != 0 && f.number != c.number+1 {
			return end, c, nil
		}
		whole := append(head, make([]byte, size)...)
		f.body = whole[frameHead:]
		if _, err := io.ReadFull(in, f.body); err != nil {
			return end, c, orEnd(err)
		}
		sum := binary.BigEndian.Uint32(head[4:])
		if checksum(c.sum, whole) != sum {
			return end, c, nil
		}
		if err := take(f); err != nil {
			return end, c, fmt.Errorf("frame %d: %w", f.number, err)
		}
		end += int64(len(whole))
		c = chain{sum, f.number}
	}
}

// orEnd passes on an error but for the end of the file.
func orEnd(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return nil
	}
	return err
}
