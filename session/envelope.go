package session

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"time"
)

// Schema is the version of the event envelope that this code writes. A reader
// refuses an envelope with a higher number: a newer node wrote it.
const Schema = 1

// Hash is a link of the chain: SHA-256 over the canonical envelope of an
// event. It is written as lower-case hexadecimal; the zero Hash precedes the
// first event of every log.
type Hash [sha256.Size]byte

// String returns h as 64 hexadecimal digits.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// MarshalText writes h as 64 hexadecimal digits.
func (h Hash) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// UnmarshalText reads 64 hexadecimal digits.
func (h *Hash) UnmarshalText(text []byte) error {
	if hex.DecodedLen(len(text)) != len(h) {
		return fmt.Errorf("hash has %d characters, not %d", len(text), hex.EncodedLen(len(h)))
	}
	_, err := hex.Decode(h[:], text)
	return err
}

// Fact is the typed body of an event: what happened, in the past tense. The
// name of its Go type is the event's type on disk and never changes.
type Fact any

// Event is one entry of a log: a fact in its envelope. Events are values and
// are never changed once linked.
type Event struct {
	Schema   int
	Log      string    // the session's id
	Seq      uint64    // 1 for the first event of a log, then without gaps
	Recorded time.Time // server time, UTC, whole milliseconds; never backwards within a log
	At       time.Time // when it happened; differs from Recorded where a time was reported
	Seat     SeatID    // who acted: a seat, or Server or Clock
	Conn     string    // the connection that the command came over; empty for the clock
	Command  string    // id of the command that caused it; empty for the clock
	Salt     [16]byte  // random, so that the hash of a purged event gives nothing away
	Prev     Hash      // hash of the event before
	Hash     Hash      // of this event; derived, not part of what is hashed
	Fact     Fact
}

// envelope is Event's stable JSON. The order of its fields is the canonical
// order: the hash is taken over exactly these bytes.
type envelope struct {
	Schema   int             `json:"schema"`
	Log      string          `json:"log"`
	Seq      uint64          `json:"seq"`
	Type     string          `json:"type"`
	Recorded string          `json:"recorded"`
	At       string          `json:"at"`
	Seat     SeatID          `json:"seat"`
	Conn     string          `json:"conn,omitempty"`
	Command  string          `json:"command,omitempty"`
	Seal     string          `json:"seal"` // "none"; later "aes-256-gcm": Fact is then ciphertext
	Salt     string          `json:"salt"`
	Prev     Hash            `json:"prev"`
	Fact     json.RawMessage `json:"fact"`
}

const stamp = "2006-01-02T15:04:05.000Z"

// Instant rounds t down to what an event can carry: UTC, whole milliseconds.
func Instant(t time.Time) time.Time { return t.UTC().Truncate(time.Millisecond) }

// Link completes e as the successor of prev: it sets Prev, Salt and Hash.
// It fails only where the fact has no JSON.
func Link(e Event, prev Hash, salt [16]byte) (Event, []byte, error) {
	e.Schema, e.Prev, e.Salt = Schema, prev, salt
	raw, err := e.encode()
	if err != nil {
		return Event{}, nil, err
	}
	e.Hash = sha256.Sum256(raw)
	return e, raw, nil
}

func (e Event) encode() ([]byte, error) {
	fact, err := json.Marshal(e.Fact)
	if err != nil {
		return nil, fmt.Errorf("encode %s: %w", FactName(e.Fact), err)
	}
	return json.Marshal(envelope{
		Schema: e.Schema, Log: e.Log, Seq: e.Seq, Type: FactName(e.Fact),
		Recorded: e.Recorded.UTC().Format(stamp), At: e.At.UTC().Format(stamp),
		Seat: e.Seat, Conn: e.Conn, Command: e.Command,
		Seal: "none", Salt: hex.EncodeToString(e.Salt[:]), Prev: e.Prev, Fact: fact,
	})
}

// MarshalJSON returns the canonical bytes: those that were hashed.
func (e Event) MarshalJSON() ([]byte, error) { return e.encode() }

// FactName returns the stable type name of a fact or of an act.
func FactName(f any) string {
	t := reflect.TypeOf(f)
	if t == nil {
		return ""
	}
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t.Name()
}

// UnknownFactError says that an event has a type, a schema or a sealing that
// this code does not know: a newer node wrote it. Such an event is never skipped.
type UnknownFactError struct {
	Type   string
	Schema int
	Seal   string
}

func (e *UnknownFactError) Error() string {
	return fmt.Sprintf("event %q (schema %d, seal %q) was written by a newer version", e.Type, e.Schema, e.Seal)
}

// Facts maps the name of each event type to its Go type.
type Facts map[string]reflect.Type

// NewFacts builds the table from one empty value per fact type.
func NewFacts(empty ...Fact) Facts {
	table := make(Facts, len(empty))
	for _, f := range empty {
		table[FactName(f)] = reflect.TypeOf(f)
	}
	return table
}

// empty returns an empty value of the named type, or nil.
func (facts Facts) empty(name string) Fact {
	kind, ok := facts[name]
	if !ok {
		return nil
	}
	return reflect.New(kind).Elem().Interface()
}

// Decode reads one event from its canonical JSON and derives its hash from
// those very bytes. It returns an *UnknownFactError for what a newer version wrote.
func (facts Facts) Decode(raw []byte) (Event, error) {
	var env envelope
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&env); err != nil {
		return Event{}, fmt.Errorf("decode event: %w", err)
	}
	if _, err := dec.Token(); err != io.EOF {
		return Event{}, fmt.Errorf("decode event %d: something follows it", env.Seq)
	}
	kind, known := facts[env.Type]
	if !known || env.Schema > Schema || env.Seal != "none" {
		return Event{}, &UnknownFactError{Type: env.Type, Schema: env.Schema, Seal: env.Seal}
	}
	fact := reflect.New(kind)
	if err := json.Unmarshal(env.Fact, fact.Interface()); err != nil {
		return Event{}, fmt.Errorf("decode event %d (%s): %w", env.Seq, env.Type, err)
	}
	var err error
	e := Event{
		Schema: env.Schema, Log: env.Log, Seq: env.Seq, Seat: env.Seat, Conn: env.Conn,
		Command: env.Command, Prev: env.Prev, Hash: sha256.Sum256(raw), Fact: fact.Elem().Interface(),
	}
	if e.Recorded, err = time.Parse(stamp, env.Recorded); err != nil {
		return Event{}, fmt.Errorf("decode event %d: recorded: %w", env.Seq, err)
	}
	if e.At, err = time.Parse(stamp, env.At); err != nil {
		return Event{}, fmt.Errorf("decode event %d: at: %w", env.Seq, err)
	}
	salt, err := hex.DecodeString(env.Salt)
	if err != nil || len(salt) != len(e.Salt) {
		return Event{}, fmt.Errorf("decode event %d: salt %q", env.Seq, env.Salt)
	}
	copy(e.Salt[:], salt)
	return e, nil
}

// VerifyChain reads a whole log from its records and returns its events. It fails
// at the first record that does not follow on the one before: another log, a gap,
// a recorded time that runs backwards, a hash that does not fit. The last record
// is held against head, the hash that is known from elsewhere: without it nothing
// would speak for the last event.
func (facts Facts) VerifyChain(records [][]byte, head Hash) ([]Event, error) {
	events := make([]Event, 0, len(records))
	var last Event
	for i, raw := range records {
		e, err := facts.Decode(raw)
		switch {
		case err != nil:
			return events, fmt.Errorf("record %d: %w", i+1, err)
		case e.Seq != last.Seq+1:
			return events, fmt.Errorf("record %d has number %d", i+1, e.Seq)
		case e.Prev != last.Hash:
			return events, fmt.Errorf("record %d: the chain is broken before it", i+1)
		case i > 0 && e.Log != last.Log:
			return events, fmt.Errorf("record %d belongs to another log", i+1)
		case e.Recorded.Before(last.Recorded):
			return events, fmt.Errorf("record %d was recorded before the one that it follows", i+1)
		}
		last = e
		events = append(events, e)
	}
	if last.Hash != head {
		return events, fmt.Errorf("the log ends with %.12s, not with %.12s", last.Hash, head)
	}
	return events, nil
}

// SaltFrom spreads a seed into a salt. It is for tests and transcripts that
// must come out the same each time; the shell uses random salts.
func SaltFrom(seed uint64) (salt [16]byte) {
	binary.BigEndian.PutUint64(salt[8:], seed)
	return salt
}
