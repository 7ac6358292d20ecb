package relay

import "encoding/binary"

// packet is one RTP packet as it was read, taken apart as far as the relay needs
// (RFC 3550 section 5.1). The slices belong to its reader.
type packet struct {
	seq     uint16
	stamp   uint32
	marker  bool
	payload []byte // without padding; empty: it carries none
	level   int8   // RFC 6464, 0 loudest, 127 digital silence; -1: not told
}

// parsePacket reads raw; levelID is the negotiated id of the level's header
// extension, 0: none. False: it is no RTP packet.
func parsePacket(raw []byte, levelID uint8) (p packet, ok bool) {
	const fixed = 12
	if len(raw) < fixed || raw[0]>>6 != 2 {
		return p, false
	}
	p.marker = raw[1]&0x80 != 0
	p.seq = binary.BigEndian.Uint16(raw[2:])
	p.stamp = binary.BigEndian.Uint32(raw[4:])
	p.level = -1
	at := fixed + 4*int(raw[0]&0x0f)
	if raw[0]&0x10 != 0 {
		if len(raw) < at+4 {
			return p, false
		}
		profile, size := binary.BigEndian.Uint16(raw[at:]), 4*int(binary.BigEndian.Uint16(raw[at+2:]))
		at += 4
		if len(raw) < at+size {
			return p, false
		}
		if levelID != 0 {
			p.level = levelOf(raw[at:at+size], profile, levelID)
		}
		at += size
	}
	end := len(raw)
	if raw[0]&0x20 != 0 {
		end -= int(raw[len(raw)-1])
	}
	if at > len(raw) || end < at {
		return p, false
	}
	p.payload = raw[at:end]
	return p, true
}

// levelOf finds the level among header extensions (RFC 8285 section 4).
func levelOf(ext []byte, profile uint16, id uint8) int8 {
	short := profile == 0xBEDE
	if !short && profile&0xfff0 != 0x1000 {
		return -1
	}
	for len(ext) > 0 {
		if ext[0] == 0 { // padding
			ext = ext[1:]
			continue
		}
		var this uint8
		var size, head int
		switch {
		case short:
			this, size, head = ext[0]>>4, int(ext[0]&0x0f)+1, 1
		case len(ext) < 2:
			return -1
		default:
			this, size, head = ext[0], int(ext[1]), 2
		}
		if short && this == 15 || len(ext) < head+size {
			return -1
		}
		if this == id && size >= 1 {
			return int8(ext[head] & 0x7f)
		}
		ext = ext[head+size:]
	}
	return -1
}
