package redis

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"belay/session/store"
)

const (
	probeEvery  = time.Second            // a listener speaks to itself
	probeWithin = 3 * time.Second        // and begins anew when it has not heard itself for so long
	listenAgain = 200 * time.Millisecond // after a failure
	maxHint     = 16 << 10               // bytes of events that go with a hint
)

var _ store.Hinter = (*Store)(nil)

// Hints implements store.Hinter. It is to be ended before Close, which waits for it.
func (s *Store) Hints(ctx context.Context, f func(store.Hint)) {
	channels := make([]string, shards)
	for n := range channels {
		channels[n] = s.keys(n).hint()
	}
	s.listen(ctx, channels, func(text string) {
		if h, ok := readHint(text); ok {
			f(h)
		}
	})
}

// hintOf is what is published of a batch: a line with the log and the number of its
// last event, then the events, one on a line, where that is not too much.
func hintOf(b store.Batch) []byte {
	size := 0
	for _, r := range b.Records {
		size += 1 + len(r.Data)
	}
	hint := make([]byte, 0, len(b.Log)+21+min(size, maxHint))
	hint = append(hint, b.Log...)
	hint = append(hint, ' ')
	hint = strconv.AppendUint(hint, b.End().Seq, 10)
	if size > maxHint {
		return hint
	}
	for _, r := range b.Records {
		hint = append(hint, '\n')
		hint = append(hint, r.Data...)
	}
	return hint
}

func readHint(text string) (h store.Hint, ok bool) {
	head, events, carried := strings.Cut(text, "\n")
	log, number, _ := strings.Cut(head, " ")
	seq, err := strconv.ParseUint(number, 10, 64)
	if err != nil || store.ValidName(log) != nil {
		return h, false
	}
	h.Log, h.Seq = log, seq
	if carried {
		h.Events = bytes.Split([]byte(events), []byte("\n"))
	}
	return h, true
}

// listen calls f with what is published on channels, until ctx ends. It speaks to
// itself on the first of them: a subscription that has silently died is replaced.
func (s *Store) listen(ctx context.Context, channels []string, f func(text string)) {
	if s.begin(ctx) != nil {
		return
	}
	defer s.calls.Done()
	for ctx.Err() == nil {
		s.listenOnce(ctx, channels, f)
		pause(ctx, listenAgain)
	}
}

// listenOnce is one subscription, to its end.
func (s *Store) listenOnce(ctx context.Context, channels []string, f func(text string)) {
	sub := s.client.Subscribe(ctx, channels...)
	defer sub.Close()
	probe := "!" + rand.Text() // no log is called so
	heard := time.Now()
	var asked time.Time
	for ctx.Err() == nil && time.Since(heard) < probeWithin {
		if time.Since(asked) >= probeEvery {
			asked = time.Now()
			within, cancel := context.WithTimeout(ctx, probeEvery)
			_ = s.client.Publish(within, channels[0], probe).Err() // not being heard says it all
			cancel()
		}
		got, err := sub.ReceiveTimeout(ctx, probeEvery/4)
		switch m, _ := got.(*goredis.Message); {
		case err != nil:
			if timeout := net.Error(nil); errors.As(err, &timeout) && timeout.Timeout() {
				continue
			}
			return
		case m == nil: // a subscription was confirmed
		case m.Payload == probe:
			heard = time.Now()
		case !strings.HasPrefix(m.Payload, "!"):
			f(m.Payload)
		}
	}
}

func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// Positions implements store.Hinter.
func (s *Store) Positions(ctx context.Context, logs []string) ([]store.Position, error) {
	if err := s.begin(ctx); err != nil {
		return nil, err
	}
	defer s.calls.Done()
	if len(logs) > store.MaxPage {
		return nil, fmt.Errorf("the ends of %d logs were asked for, at most %d are answered", len(logs), store.MaxPage)
	}
	replies := make([]*goredis.SliceCmd, len(logs))
	_, err := s.client.Pipelined(ctx, func(p goredis.Pipeliner) error {
		for i, log := range logs {
			replies[i] = p.HMGet(ctx, s.keys(shardOf(log)).head(log), "seq", "hash")
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("look where logs end: %w", err)
	}
	all := make([]store.Position, len(logs))
	for i, reply := range replies {
		values := reply.Val()
		if len(values) != 2 || values[0] == nil {
			continue
		}
		seq, _ := values[0].(string)
		hash, _ := values[1].(string)
		if all[i], err = position(seq, hash); err != nil {
			return nil, fmt.Errorf("log %s: %w", logs[i], err)
		}
	}
	return all, nil
}
