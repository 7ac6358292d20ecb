package redis

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"belay/session/store"
)

// perReply is how many events are asked for at once.
const perReply = 256

// Read implements store.Store.
func (s *Store) Read(ctx context.Context, log string, after uint64) ([]store.Record, error) {
	if err := s.begin(ctx); err != nil {
		return nil, fmt.Errorf("read %s: %w", log, err)
	}
	defer s.calls.Done()
	var records []store.Record
	key := s.keys(shardOf(log)).log(log)
	for at := after; at < math.MaxUint64; {
		messages, err := s.client.XRangeN(ctx, key, strconv.FormatUint(at+1, 10)+"-0", "+", perReply).Result()
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", log, err)
		}
		for _, m := range messages {
			r, err := record(m)
			if err == nil && r.Seq != at+1 {
				err = fmt.Errorf("event %d follows event %d", r.Seq, at)
			}
			if n := len(records); err == nil && n > 0 && r.Prev != records[n-1].Hash {
				err = fmt.Errorf("event %d is not linked to the event before", r.Seq)
			}
			if err != nil {
				return nil, fmt.Errorf("read %s: the stream is damaged: %w", log, err)
			}
			records, at = append(records, r), r.Seq
		}
		if len(messages) < perReply {
			break
		}
	}
	return records, nil
}

func record(m goredis.XMessage) (r store.Record, err error) {
	seq, rest, _ := strings.Cut(m.ID, "-")
	if r.Seq, err = strconv.ParseUint(seq, 10, 64); err != nil || rest != "0" {
		return r, fmt.Errorf("event has the id %q", m.ID)
	}
	field := func(name string) string { v, _ := m.Values[name].(string); return v }
	if r.Hash, err = hashOf(field("h")); err != nil {
		return r, err
	}
	if r.Prev, err = hashOf(field("p")); err != nil {
		return r, err
	}
	r.Data = []byte(field("d"))
	return r, nil
}

// Head implements store.Store.
func (s *Store) Head(ctx context.Context, log string) (store.Head, error) {
	if err := s.begin(ctx); err != nil {
		return store.Head{}, fmt.Errorf("head of %s: %w", log, err)
	}
	defer s.calls.Done()
	heads, err := s.heads(ctx, []string{log})
	if err != nil {
		return store.Head{}, fmt.Errorf("head of %s: %w", log, err)
	}
	return heads[0], nil
}

// heads returns the heads of logs, in their order.
func (s *Store) heads(ctx context.Context, logs []string) ([]store.Head, error) {
	replies := make([]*goredis.SliceCmd, len(logs))
	_, err := s.client.Pipelined(ctx, func(p goredis.Pipeliner) error {
		for i, log := range logs {
			replies[i] = p.HMGet(ctx, s.keys(shardOf(log)).head(log), "seq", "hash", "due", "sum")
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	heads := make([]store.Head, len(logs))
	for i, log := range logs {
		if heads[i], err = head(log, replies[i].Val()); err != nil {
			return nil, err
		}
	}
	return heads, nil
}

func head(log string, values []any) (h store.Head, err error) {
	h.Log = log
	if len(values) != 4 || values[0] == nil {
		return h, nil
	}
	text := func(i int) string { v, _ := values[i].(string); return v }
	if h.Position, err = position(text(0), text(1)); err != nil {
		return h, fmt.Errorf("log %s: %w", log, err)
	}
	due, err := strconv.ParseInt(text(2), 10, 64)
	if err != nil {
		return h, fmt.Errorf("log %s: deadline: %w", log, err)
	}
	h.Due = store.DueTime(due)
	if sum := text(3); sum != "" {
		h.Summary = []byte(sum)
	}
	return h, nil
}

// Heads implements store.Store.
func (s *Store) Heads(ctx context.Context, after string, limit int) ([]store.Head, error) {
	from := "-"
	if after != "" {
		from = "(" + after
	}
	heads, err := s.merged(ctx, limit, func(p goredis.Pipeliner, k keys, count int64) func() []goredis.Z {
		reply := p.ZRangeArgs(ctx, goredis.ZRangeArgs{Key: k.logs(), Start: from, Stop: "+", ByLex: true, Count: count})
		return func() (all []goredis.Z) {
			for _, log := range reply.Val() {
				all = append(all, goredis.Z{Member: log})
			}
			return all
		}
	})
	if err != nil {
		return nil, fmt.Errorf("list logs: %w", err)
	}
	return heads, nil
}

// Due implements store.Store.
func (s *Store) Due(ctx context.Context, until time.Time, limit int) ([]store.Head, error) {
	last := max(until.UnixMilli(), 0)
	heads, err := s.merged(ctx, limit, func(p goredis.Pipeliner, k keys, count int64) func() []goredis.Z {
		return p.ZRangeArgsWithScores(ctx, goredis.ZRangeArgs{Key: k.due(), Start: "-inf", Stop: last, ByScore: true, Count: count}).Val
	})
	if err != nil {
		return nil, fmt.Errorf("list due logs: %w", err)
	}
	// A log may have been dealt with between the two questions.
	heads = slices.DeleteFunc(heads, func(h store.Head) bool { return h.Due.IsZero() || h.Due.UnixMilli() > last })
	slices.SortFunc(heads, func(a, b store.Head) int { return cmp.Or(a.Due.Compare(b.Due), strings.Compare(a.Log, b.Log)) })
	return heads, nil
}

// merged asks every shard for its first names and returns the heads of the
// first of all, by score and then by name. ask queues the question to one shard
// and returns what gives the answer once the pipeline has run.
func (s *Store) merged(ctx context.Context, limit int, ask func(p goredis.Pipeliner, k keys, count int64) func() []goredis.Z) ([]store.Head, error) {
	if err := s.begin(ctx); err != nil {
		return nil, err
	}
	defer s.calls.Done()
	limit = store.Page(limit)
	if limit == 0 {
		return nil, nil
	}
	var answers [shards]func() []goredis.Z
	_, err := s.client.Pipelined(ctx, func(p goredis.Pipeliner) error {
		for n := range answers {
			answers[n] = ask(p, s.keys(n), int64(limit))
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	var all []goredis.Z
	for _, answer := range answers {
		all = append(all, answer()...)
	}
	slices.SortFunc(all, func(a, b goredis.Z) int {
		return cmp.Or(cmp.Compare(a.Score, b.Score), cmp.Compare(a.Member.(string), b.Member.(string)))
	})
	var logs []string
	for _, z := range all[:min(limit, len(all))] {
		logs = append(logs, z.Member.(string))
	}
	if len(logs) == 0 {
		return nil, nil
	}
	return s.heads(ctx, logs)
}
