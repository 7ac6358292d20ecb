package relay

import "github.com/pion/rtcp"

// reported makes of a viewer's reports (RFC 3550 section 6.4.1) what its way has
// lost. Two things in them say nothing of that: packets that never reached the
// relay, because their sender was cut off or has a bad way itself; and what was sent
// into a way that is no more, when a page has moved to another network. Either would
// take the picture away for ten seconds from somebody who could have it at once.
//
// The zero value is ready. It is guarded by its slot.
type reported struct {
	heard   bool
	highest uint32 // number in the last report
	missing uint32 // packets that the relay itself never had, and no report has covered yet
	gap     uint16 // number after the last such
	torn    bool   // packets before other went another way, and a report that speaks of them too does not count
	other   uint16
}

// sends takes note of the number of a packet, and of the highest before it.
func (s *reported) sends(seq, before uint16, begun bool) {
	switch ahead := int16(seq - before); {
	case !begun:
	case ahead > 1:
		s.missing += uint32(ahead - 1)
		s.gap = seq
	case ahead < 0 && s.missing > 0: // it came late, after all
		s.missing--
	}
}

// turned takes note that what follows seq goes another way.
func (s *reported) turned(seq uint16, begun bool) {
	s.torn, s.other = begun, seq
}

// lost reads a report.
func (s *reported) lost(r rtcp.ReceptionReport) (share float64, ok bool) {
	before, first := uint16(s.highest), !s.heard
	expected := float64(int32(r.LastSequenceNumber - s.highest))
	s.heard, s.highest = true, r.LastSequenceNumber
	share = float64(r.FractionLost) / 256
	if s.torn {
		if first || int16(before-s.other) < 0 {
			s.forgive(uint16(r.LastSequenceNumber))
			return 0, false
		}
		s.torn = false
	}
	if first || expected <= 0 {
		return share, true
	}
	excused := min(share*expected, float64(s.missing))
	s.missing -= uint32(excused)
	s.forgive(uint16(r.LastSequenceNumber))
	return share - excused/expected, true
}

// forgive forgets what was missing once a report has spoken of it.
func (s *reported) forgive(highest uint16) {
	if int16(highest-s.gap) >= 0 {
		s.missing = 0
	}
}
