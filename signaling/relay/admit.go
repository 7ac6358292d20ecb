package relay

import (
	"errors"
	"fmt"
	"strings"
)

// What an offer may have. A browser's, with every codec that it knows, is a tenth of
// each.
const (
	offerBytes      = 128 << 10
	offerLine       = 8 << 10 // bytes
	offerLines      = 4000
	offerSections   = 2*MaxSlots + 1 // sound and picture of each slot, data
	offerCandidates = 64
	offerFormats    = 128 // of one section
	offerRIDs       = 8   // of one section
	offerStreams    = 64  // SSRCs that are named
	offerName       = 256 // bytes of ICE's names and passwords (RFC 8839 section 5.4)
)

var errOffer = errors.New("not an offer")

func broken(line int, what string) error {
	return fmt.Errorf("%w: line %d: %s", errOffer, line, what)
}

// admissible looks at a page's offer before pion does, which reads every text that
// is anything like a description, and makes what it is told to make. It is read line
// by line (RFC 8866 section 5), once, and nothing is made of it.
func admissible(sdp string) error {
	if len(sdp) > offerBytes {
		return fmt.Errorf("%w: longer than %d bytes", errOffer, offerBytes)
	}
	var a admission
	for line := range strings.Lines(sdp) {
		if a.lines++; a.lines > offerLines {
			return fmt.Errorf("%w: more than %d lines", errOffer, offerLines)
		}
		text, ended := strings.CutSuffix(line, "\n")
		if !ended {
			return broken(a.lines, "it does not end")
		}
		if what := a.read(strings.TrimSuffix(text, "\r")); what != "" {
			return broken(a.lines, what)
		}
	}
	switch {
	case a.sections == 0:
		return errNoMedia
	case !a.fingerprint || !a.fragment || !a.password:
		return fmt.Errorf("%w: no fingerprint, or nothing to check addresses with", errOffer)
	}
	return nil
}

// admission is what has been read of an offer.
type admission struct {
	lines, sections, candidates, streams int
	rids                                 int // of this section
	fingerprint, fragment, password      bool
}

// read takes one line; a text says what is wrong with it.
func (a *admission) read(line string) string {
	if len(line) > offerLine {
		return "it is too long"
	}
	if len(line) < 2 || line[1] != '=' || line[0] < 'a' || line[0] > 'z' {
		return "it has no type"
	}
	for i := range len(line) {
		if line[i] < ' ' || line[i] == 0x7f {
			return "it holds a control character"
		}
	}
	value := line[2:]
	switch {
	case a.lines == 1:
		if line != "v=0" {
			return "it is not the version"
		}
		return ""
	case line[0] == 'v':
		return "the version comes twice"
	case line[0] == 'm':
		return a.section(value)
	case line[0] == 'a':
		return a.attribute(value)
	}
	return ""
}

func (a *admission) section(value string) string {
	if a.sections++; a.sections > offerSections {
		return "too many sections"
	}
	a.rids = 0
	words := strings.Fields(value)
	switch {
	case len(words) < 4:
		return "a section without a format"
	case len(words)-3 > offerFormats:
		return "too many formats"
	case words[0] != "audio" && words[0] != "video" && words[0] != "application":
		return "neither sound nor picture nor data"
	}
	return ""
}

func (a *admission) attribute(value string) string {
	key, rest, _ := strings.Cut(value, ":")
	switch key {
	case "candidate":
		if a.candidates++; a.candidates > offerCandidates {
			return "too many candidates"
		}
	case "ssrc":
		if a.streams++; a.streams > offerStreams*4 { // a stream has up to four lines
			return "too many streams"
		}
	case "rid", "simulcast":
		if a.rids++; a.rids > offerRIDs {
			return "too many layers"
		}
	case "ice-ufrag":
		if rest == "" || len(rest) > offerName {
			return "no name for checks"
		}
		a.fragment = true
	case "ice-pwd":
		if rest == "" || len(rest) > offerName {
			return "no password for checks"
		}
		a.password = true
	case "fingerprint":
		a.fingerprint = true
	}
	return ""
}
