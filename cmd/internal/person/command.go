package person

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"belay/session"
	"belay/signaling/protocol"
)

// Answer is the server's to a command.
type Answer struct {
	ID      string
	Seq     uint64            // of the last event that it caused
	Noted   bool              // taken down, and not in the record yet
	Refused *protocol.Refused // nil: done
}

// Err is nil where the command was done, else the refusal as an error.
func (a Answer) Err() error {
	if a.Refused == nil {
		return nil
	}
	return &session.Refusal{Code: a.Refused.Code, Words: a.Refused.Words, Missing: a.Refused.Missing}
}

// Do sends an act and returns the server's answer to it. While there is no
// connection, or the store fails, it waits and sends again. The error is ctx's, or
// why the person has left.
func (p *Person) Do(ctx context.Context, act session.Act) (Answer, error) {
	p.mu.Lock()
	p.commands++
	id := fmt.Sprintf("%.16s-%d", p.peer, p.commands)
	p.mu.Unlock()
	return p.DoAs(ctx, id, act)
}

// DoAs is Do with the command's id: a second call with the same id is the resend
// of the first.
func (p *Person) DoAs(ctx context.Context, id string, act session.Act) (Answer, error) {
	body, err := json.Marshal(act)
	if err != nil {
		return Answer{}, err
	}
	name := session.FactName(act)
	mine := &pending{act: act, command: protocol.Command{ID: id, Act: name, Body: body}, given: time.Now(), answer: make(chan Answer, 1)}
	for {
		p.mu.Lock()
		if p.pending[id] != nil {
			p.mu.Unlock()
			return Answer{}, fmt.Errorf("command %s has no answer yet", id)
		}
		p.pending[id] = mine
		p.mu.Unlock()
		p.put(mine.frame())
		var answer Answer
		select {
		case answer = <-mine.answer:
		case <-ctx.Done():
			err = context.Cause(ctx)
		case <-p.ctx.Done():
			err = errors.New("the person has left")
		}
		if err != nil {
			p.mu.Lock()
			delete(p.pending, id)
			p.mu.Unlock()
			return Answer{}, fmt.Errorf("%s: %w", name, err)
		}
		if answer.Refused == nil || answer.Refused.Code != "not_recorded" {
			return answer, nil
		}
		select { // the store fails: the act may be sent again
		case <-time.After(time.Second):
		case <-ctx.Done():
		case <-p.ctx.Done():
		}
	}
}
