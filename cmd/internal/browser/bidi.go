package browser

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"sync"

	"github.com/gorilla/websocket"
)

// bidi is a connection of the WebDriver BiDi protocol
// (https://www.w3.org/TR/webdriver-bidi/#protocol): commands with a number, one
// answer each, and events between them.
//
// call may be used from any goroutine. close returns when the reader has ended.
type bidi struct {
	conn *websocket.Conn
	done chan struct{} // closed when the reader has ended

	writing sync.Mutex // gorilla permits one writer

	mu      sync.Mutex
	next    int
	pending map[int]chan bidiMessage
	events  func(method string, params json.RawMessage) // called by the reader
}

type bidiMessage struct {
	Type    string          `json:"type"`
	ID      int             `json:"id"`
	Method  string          `json:"method"`
	Params  json.RawMessage `json:"params"`
	Result  json.RawMessage `json:"result"`
	Error   string          `json:"error"`
	Message string          `json:"message"`
}

// dialer connects to where a browser is; nil: this machine.
type dialer = func(ctx context.Context, network, address string) (net.Conn, error)

// dialBidi connects to url. Events are given to the function one by one; it must
// not call back into the connection.
func dialBidi(ctx context.Context, url string, dial dialer, events func(string, json.RawMessage)) (*bidi, error) {
	conn, response, err := (&websocket.Dialer{NetDialContext: dial}).DialContext(ctx, url, nil)
	if err != nil {
		return nil, fmt.Errorf("dialing %s: %w", url, err)
	}
	response.Body.Close()
	b := &bidi{conn: conn, done: make(chan struct{}), pending: map[int]chan bidiMessage{}, events: events}
	go b.read()
	return b, nil
}

func (b *bidi) read() {
	defer close(b.done)
	for {
		_, data, err := b.conn.ReadMessage()
		if err != nil {
			return
		}
		var m bidiMessage
		if err := json.Unmarshal(data, &m); err != nil {
			continue
		}
		if m.Type == "event" {
			b.events(m.Method, m.Params)
			continue
		}
		b.mu.Lock()
		answer := b.pending[m.ID]
		delete(b.pending, m.ID)
		b.mu.Unlock()
		if answer != nil {
			answer <- m // has room for it
		}
	}
}

// call sends a command and decodes its answer into result, which may be nil.
func (b *bidi) call(ctx context.Context, method string, params any, result any) error {
	answer := make(chan bidiMessage, 1)
	b.mu.Lock()
	b.next++
	id := b.next
	b.pending[id] = answer
	b.mu.Unlock()
	defer func() {
		b.mu.Lock()
		delete(b.pending, id)
		b.mu.Unlock()
	}()

	b.writing.Lock()
	err := b.conn.WriteJSON(map[string]any{"id": id, "method": method, "params": params})
	b.writing.Unlock()
	if err != nil {
		return fmt.Errorf("%s: %w", method, err)
	}
	select {
	case m := <-answer:
		if m.Type == "error" {
			return fmt.Errorf("%s: %s: %s", method, m.Error, m.Message)
		}
		if result == nil {
			return nil
		}
		return json.Unmarshal(m.Result, result)
	case <-b.done:
		return fmt.Errorf("%s: %w", method, errors.New("the browser closed the connection"))
	case <-ctx.Done():
		return fmt.Errorf("%s: %w", method, context.Cause(ctx))
	}
}

func (b *bidi) close() {
	b.conn.Close()
	<-b.done
}
