package session

import (
	"fmt"
	"strings"
)

// Refusal is the answer to a command that the rules do not allow now. It names
// what is missing; nothing was recorded. It is an error for the sender only.
type Refusal struct {
	Code    string   // stable, for programs: see the constants
	Words   string   // for people: what is in the way, and what to do
	Missing []string // the gates or criteria that are open, in words
}

// The codes of refusals.
const (
	NotYourRole   = "not_your_role"  // the permission table says no for this role
	NotNow        = "not_now"        // the phase does not allow it
	GatesOpen     = "gates_open"     // Missing lists them
	CriteriaOpen  = "criteria_open"  // Missing lists them
	NeedsReason   = "needs_reason"   // allowed with a written reason
	NeedsTime     = "needs_time"     // nobody knows when it happened: somebody has to say
	NotAuthorized = "not_authorized" // no dose is authorised, or it lapsed
	BeyondOrder   = "beyond_order"   // outside what is prescribed
	BadValue      = "bad_value"      // a value is missing or out of range
	NoSuchThing   = "no_such_thing"  // seat, alarm, gate … that does not exist
	LinkInvalid   = "link_invalid"   // unknown, expired or revoked
	RecordSigned  = "record_signed"  // addenda only
	AlreadySo     = "already_so"     // it is so already
)

func (r *Refusal) Error() string { return r.Words }

func refuse(code, format string, args ...any) *Refusal {
	return &Refusal{Code: code, Words: fmt.Sprintf(format, args...)}
}

// stopped ends a sentence that closes with somebody's own words, which may have a full
// stop of their own.
func stopped(sentence string) string {
	sentence = strings.TrimSpace(sentence)
	for _, end := range []string{".", "!", "?", "…"} {
		if strings.HasSuffix(sentence, end) {
			return sentence
		}
	}
	return sentence + "."
}
