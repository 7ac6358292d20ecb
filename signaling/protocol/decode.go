package protocol

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"unicode/utf8"
)

// Direction says who sends a message.
type Direction string

// The directions.
const (
	FromScreen Direction = "screen to server"
	FromServer Direction = "server to screen"
	BothWays   Direction = "both ways"
	Brokered   Direction = "screen to screen, through the server"
)

// Kind is one row of the table of messages.
type Kind struct {
	Type  string // on the wire
	Way   Direction
	Empty any // an empty value of its body
}

// Kinds is the table of all messages.
var Kinds = []Kind{
	{"hello", FromScreen, Hello{}},
	{"command", FromScreen, Command{}},
	{"telemetry", FromScreen, Telemetry{}},
	{"ping", BothWays, Ping{}},
	{"pong", BothWays, Pong{}},
	{"offer", Brokered, Offer{}},
	{"answer", Brokered, Answer{}},
	{"candidate", Brokered, Candidate{}},
	{"need_offer", Brokered, NeedOffer{}},
	{"rope", Brokered, Rope{}},
	{"welcome", FromServer, Welcome{}},
	{"ice_servers", FromServer, ICEServers{}},
	{"view", FromServer, View{}},
	{"result", FromServer, Result{}},
	{"peers", FromServer, Peers{}},
	{"slots", FromServer, Slots{}},
	{"truth", FromServer, Truth{}},
	{"undelivered", FromServer, Undelivered{}},
	{"degraded", FromServer, Degraded{}},
	{"failure", FromServer, Failure{}},
}

var (
	fromScreen = map[string]reflect.Type{}
	fromServer = map[string]reflect.Type{}
	heads      = map[reflect.Type]string{} // the frame up to its body
)

func init() {
	for _, k := range Kinds {
		body := reflect.TypeOf(k.Empty)
		if k.Way != FromServer {
			fromScreen[k.Type] = body
		}
		if k.Way != FromScreen {
			fromServer[k.Type] = body
		}
		heads[body] = `{"type":"` + k.Type + `","body":`
	}
}

// Error says how a message breaks the protocol, in words for a developer.
type Error struct{ Words string }

func (e *Error) Error() string { return e.Words }

func broken(format string, args ...any) *Error { return &Error{fmt.Sprintf(format, args...)} }

// UnknownTypeError says that a message has a type that this version does not know.
type UnknownTypeError struct{ Type string }

func (e *UnknownTypeError) Error() string {
	return fmt.Sprintf("there is no message of type %.40q", e.Type)
}

// Decode reads one message from a screen. It returns a pointer to one of the
// types above, or an *Error.
func Decode(frame []byte) (any, error) {
	if len(frame) > MaxFromScreen {
		return nil, broken("the message has more than %d bytes", MaxFromScreen)
	}
	if !utf8.Valid(frame) {
		return nil, broken("the message is not UTF-8")
	}
	var env Frame
	if err := strict(frame, &env); err != nil {
		return nil, broken("the message is no frame: %v", err)
	}
	kind, known := fromScreen[env.Type]
	if !known {
		return nil, broken("a screen sends no message of type %.40q", env.Type)
	}
	if len(env.Body) == 0 {
		return nil, broken("%s has no body", env.Type)
	}
	body := reflect.New(kind).Interface()
	if err := strict(env.Body, body); err != nil {
		return nil, broken("%s: %v", env.Type, err)
	}
	if err := validate(body); err != nil {
		return nil, broken("%s: %v", env.Type, err)
	}
	return body, nil
}

// strict decodes one JSON object without unknown fields and nothing after it.
func strict(raw []byte, into any) error {
	if first := bytes.TrimLeft(raw, " \t\r\n"); len(first) == 0 || first[0] != '{' {
		return fmt.Errorf("it is not a JSON object")
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		return err
	}
	if _, err := dec.Token(); err != io.EOF {
		return fmt.Errorf("something follows it")
	}
	return nil
}

// DecodeFromServer reads one message from the server, as a screen does. It
// returns a pointer to one of the types above, or an *UnknownTypeError for what
// a newer server sent, which may be skipped. A view shares its memory with the frame.
func DecodeFromServer(frame []byte) (any, error) {
	if view, ok := viewIn(frame); ok {
		return &View{View: view}, nil
	}
	var env Frame
	if err := json.Unmarshal(frame, &env); err != nil {
		return nil, fmt.Errorf("message from the server: %w", err)
	}
	kind, known := fromServer[env.Type]
	if !known {
		return nil, &UnknownTypeError{env.Type}
	}
	body := reflect.New(kind).Interface()
	if len(env.Body) == 0 {
		return body, nil
	}
	if err := json.Unmarshal(env.Body, body); err != nil {
		return nil, fmt.Errorf("message from the server, %s: %w", env.Type, err)
	}
	return body, nil
}

// viewIn finds the view in a frame as EncodeView writes it: those are long, and would
// be gone over once for each layer that they are wrapped in. It shares its memory
// with the frame.
func viewIn(frame []byte) (json.RawMessage, bool) {
	rest, ok := bytes.CutPrefix(frame, []byte(viewHead))
	if !ok {
		return nil, false
	}
	view, ok := bytes.CutSuffix(rest, []byte("}}"))
	return view, ok && json.Valid(view)
}

// Encode returns the frame that carries message, a value of one of the types
// above or a pointer to one.
func Encode(message any) ([]byte, error) {
	kind := reflect.TypeOf(message)
	if kind != nil && kind.Kind() == reflect.Pointer {
		kind = kind.Elem()
	}
	head, known := heads[kind]
	if !known {
		return nil, fmt.Errorf("encode: %T is no message", message)
	}
	body, err := json.Marshal(message)
	if err != nil {
		return nil, fmt.Errorf("encode %T: %w", message, err)
	}
	frame := make([]byte, 0, len(head)+len(body)+1)
	frame = append(frame, head...)
	frame = append(frame, body...)
	return append(frame, '}'), nil
}

// EncodeView is Encode of a View that carries view, which is not JSON yet. A view is
// the longest of all messages: inside of another value its JSON would be read and
// written once more.
func EncodeView(view any) ([]byte, error) {
	var frame bytes.Buffer
	frame.WriteString(viewHead)
	if err := json.NewEncoder(&frame).Encode(view); err != nil {
		return nil, fmt.Errorf("encode a view: %w", err)
	}
	frame.Truncate(frame.Len() - 1) // the encoder ends a line
	frame.WriteString("}}")
	return frame.Bytes(), nil
}

const viewHead = `{"type":"view","body":{"view":`
