package relay

// descriptor is what the relay needs of a VP8 payload descriptor (RFC 7741
// section 4.2): where a frame begins, whether it is a key frame, and the two
// running numbers that a receiver expects to go on.
type descriptor struct {
	begins  bool // first packet of a frame
	key     bool // of a key frame; known of the first packet only
	picture int  // offset of PictureID; 0: none
	long    bool // it has 15 bits
	tl0     int  // offset of TL0PICIDX; 0: none
}

// parseVP8 reads the descriptor; false: there is none, or it is cut off.
func parseVP8(p []byte) (d descriptor, ok bool) {
	if len(p) < 1 {
		return d, false
	}
	const x, s, partition = 0x80, 0x10, 0x0f
	first, at := p[0], 1
	if first&x != 0 {
		if len(p) < 2 {
			return d, false
		}
		const i, l, tk = 0x80, 0x40, 0x30
		ext := p[1]
		at = 2
		if ext&i != 0 {
			if len(p) <= at {
				return d, false
			}
			d.picture, d.long = at, p[at]&0x80 != 0
			at++
			if d.long {
				at++
			}
		}
		if ext&l != 0 {
			d.tl0 = at
			at++
		}
		if ext&tk != 0 {
			at++
		}
	}
	if len(p) <= at {
		return d, false
	}
	d.begins = first&s != 0 && first&partition == 0
	d.key = d.begins && p[at]&1 == 0 // RFC 6386 section 9.1: bit 0 of the frame tag is 0 in key frames
	return d, true
}

// numbers are the running numbers of one payload.
type numbers struct {
	picture uint16 // 7 or 15 bits
	tl0     uint8
}

func (d descriptor) numbers(p []byte) (n numbers) {
	switch {
	case d.picture == 0:
	case d.long:
		n.picture = uint16(p[d.picture]&0x7f)<<8 | uint16(p[d.picture+1])
	default:
		n.picture = uint16(p[d.picture] & 0x7f)
	}
	if d.tl0 != 0 {
		n.tl0 = p[d.tl0]
	}
	return n
}

// set writes numbers into a payload that d describes.
func (d descriptor) set(p []byte, n numbers) {
	switch {
	case d.picture == 0:
	case d.long:
		p[d.picture], p[d.picture+1] = 0x80|byte(n.picture>>8)&0x7f, byte(n.picture)
	default:
		p[d.picture] = byte(n.picture) & 0x7f
	}
	if d.tl0 != 0 {
		p[d.tl0] = n.tl0
	}
}
