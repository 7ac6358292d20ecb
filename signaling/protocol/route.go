package protocol

import (
	"bytes"
	"unicode/utf8"
)

// Routed is a brokered message on its way: the fields of its body as they came,
// without its address.
type Routed struct {
	Type string
	To   PeerID
	rest []byte // `"sdp":"…","restart":true`; part of the frame it was read from
}

// Route reads the address of a brokered message without taking its description
// apart: those are long, and the server has no business in them. It accepts less
// than Decode and nothing that Decode refuses; where ok is false the frame is
// Decode's to judge. The Routed holds on to frame until Frame was called.
func Route(frame []byte) (m Routed, ok bool) {
	if len(frame) > MaxFromScreen || !utf8.Valid(frame) {
		return Routed{}, false
	}
	s := scanner{frame}
	if !s.skip(`{"type":"`) {
		return Routed{}, false
	}
	end := bytes.IndexByte(s.rest, '"')
	if end < 0 {
		return Routed{}, false
	}
	var fields []string
	for i := range routes {
		if string(s.rest[:end]) == routes[i].kind {
			m.Type, fields = routes[i].kind, routes[i].fields
		}
	}
	s.rest = s.rest[end:]
	if fields == nil || !s.skip(`","body":{`) {
		return Routed{}, false
	}
	if !s.body(&m, fields) || !s.skip("}") || len(bytes.TrimRight(s.rest, " \t\r\n")) > 0 || m.To.validate("to") != nil {
		return Routed{}, false
	}
	return m, true
}

// Frame returns the message as its receiver gets it. It shares nothing with the
// frame that was read.
func (m Routed) Frame(from PeerID) []byte {
	frame := make([]byte, 0, len(m.rest)+len(m.Type)+len(from)+40)
	frame = append(frame, `{"type":"`...)
	frame = append(frame, m.Type...)
	frame = append(frame, `","body":{"from":"`...)
	frame = append(frame, from...)
	frame = append(frame, '"')
	if len(m.rest) > 0 {
		frame = append(frame, ',')
		frame = append(frame, m.rest...)
	}
	return append(frame, '}', '}')
}

// routes are the brokered messages with their fields, the kind of each by its
// last character: s string, S string that is not empty, b boolean, n integer.
var routes = []struct {
	kind   string
	fields []string
}{
	{"candidate", []string{"candidate:s", "sdp_mid:s", "sdp_m_line_index:n", "username_fragment:s"}},
	{"offer", []string{"sdp:S", "restart:b"}},
	{"answer", []string{"sdp:S"}},
	{"need_offer", []string{"restart:b"}},
}

// scanner reads compact JSON as browsers write it.
type scanner struct{ rest []byte }

func (s *scanner) skip(text string) bool {
	if len(s.rest) < len(text) || string(s.rest[:len(text)]) != text {
		return false
	}
	s.rest = s.rest[len(text):]
	return true
}

// body reads the fields of a body up to and with its brace. The address comes
// first: whatever follows it is passed on as it is.
func (s *scanner) body(m *Routed, fields []string) bool {
	if !s.skip(`"to":"`) {
		return false
	}
	end := bytes.IndexByte(s.rest, '"')
	if end < minPeerID || end > maxPeerID {
		return false
	}
	m.To = PeerID(s.rest[:end])
	s.rest = s.rest[end+1:]
	if s.skip("}") {
		return len(m.rest) == 0 && fields[0][len(fields[0])-1] == 'b' // the others need what they are for
	}
	if !s.skip(",") {
		return false
	}
	start, seen := s.rest, 0
	for {
		if !s.field(fields, &seen) {
			return false
		}
		if s.skip("}") {
			m.rest = start[:len(start)-len(s.rest)-1]
			last := fields[0][len(fields[0])-1]
			return last == 'b' || seen&1 != 0 // an sdp or a candidate must be there
		}
		if !s.skip(",") {
			return false
		}
	}
}

// field reads one known field that was not seen before.
func (s *scanner) field(fields []string, seen *int) bool {
	if !s.skip(`"`) {
		return false
	}
	for i, f := range fields {
		name, kind := f[:len(f)-2], f[len(f)-1]
		if len(s.rest) < len(name)+2 || string(s.rest[:len(name)]) != name || s.rest[len(name)] != '"' || s.rest[len(name)+1] != ':' {
			continue
		}
		s.rest = s.rest[len(name)+2:]
		if *seen&(1<<i) != 0 {
			return false
		}
		*seen |= 1 << i
		switch kind {
		case 'b':
			return s.skip("true") || s.skip("false")
		case 'n':
			return s.number()
		}
		return s.text(kind == 'S')
	}
	return false
}

// text reads a string.
func (s *scanner) text(filled bool) bool {
	if !s.skip(`"`) || filled && len(s.rest) > 0 && s.rest[0] == '"' {
		return false
	}
	for i := 0; i < len(s.rest); i++ {
		if !special[s.rest[i]] {
			continue
		}
		switch s.rest[i] {
		case '"':
			s.rest = s.rest[i+1:]
			return true
		case '\\':
			i++
			if i >= len(s.rest) || !escaped[s.rest[i]] {
				return false // \u among them: browsers write no such thing in a description
			}
		default: // a control character
			return false
		}
	}
	return false
}

var special, escaped = func() (special, escaped [256]bool) {
	for c := range 0x20 {
		special[c] = true
	}
	special['"'], special['\\'] = true, true
	for _, c := range `"\/bfnrt` {
		escaped[c] = true
	}
	return special, escaped
}()

// number reads an integer of 16 bits without sign.
func (s *scanner) number() bool {
	n, digits := 0, 0
	for digits < len(s.rest) && digits < 6 && s.rest[digits] >= '0' && s.rest[digits] <= '9' {
		n = n*10 + int(s.rest[digits]-'0')
		digits++
	}
	if digits == 0 || n > 1<<16-1 || digits > 1 && s.rest[0] == '0' {
		return false
	}
	s.rest = s.rest[digits:]
	return true
}
