package redis

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	goredis "github.com/redis/go-redis/v9"

	"belay/session"
	"belay/session/store"
)

// appendScript is the fence. It answers nothing when it has written, and the
// head's number and hash when the batch continues another position. Numbers stay
// text: Lua's own are exact only up to 2^53.
//
// KEYS: log, head, due, logs. ARGV: name, number and hash continued, number and
// hash of the new head, deadline, summary, channel and hint; then number, hash,
// hash before and data of each event.
var appendScript = goredis.NewScript(`
local head = redis.call('HMGET', KEYS[2], 'seq', 'hash')
local seq, hash = head[1] or '0', head[2] or string.rep('\0', 32)
if seq ~= ARGV[2] or hash ~= ARGV[3] then
  return {seq, hash}
end
for i = 10, #ARGV, 4 do
  redis.call('XADD', KEYS[1], ARGV[i] .. '-0', 'h', ARGV[i+1], 'p', ARGV[i+2], 'd', ARGV[i+3])
end
redis.call('HSET', KEYS[2], 'seq', ARGV[4], 'hash', ARGV[5], 'due', ARGV[6], 'sum', ARGV[7])
if ARGV[6] == '0' then
  redis.call('ZREM', KEYS[3], ARGV[1])
else
  redis.call('ZADD', KEYS[3], ARGV[6], ARGV[1])
end
redis.call('ZADD', KEYS[4], 0, ARGV[1])
redis.call('PUBLISH', ARGV[8], ARGV[9])
return {}
`)

// Append implements store.Store. When ctx ends on the way, the outcome is open.
func (s *Store) Append(ctx context.Context, b store.Batch) error {
	if err := b.Validate(); err != nil {
		return err
	}
	if err := s.begin(ctx); err != nil {
		return fmt.Errorf("append to %s: %w", b.Log, err)
	}
	defer s.calls.Done()
	err := s.run(ctx, b)
	if err == nil || definite(err) || ctx.Err() != nil {
		return err
	}
	// The answer may have been lost with the connection: the script tells.
	again := s.run(ctx, b)
	if conflict, ok := errors.AsType[*store.ConflictError](again); ok && len(b.Records) > 0 && conflict.Have == b.End() {
		return nil
	}
	return again
}

func (s *Store) run(ctx context.Context, b store.Batch) error {
	k := s.keys(shardOf(b.Log))
	end := b.End()
	number := func(seq uint64) string { return strconv.FormatUint(seq, 10) }
	args := []any{b.Log, number(b.After.Seq), b.After.Hash[:], number(end.Seq), end.Hash[:],
		strconv.FormatInt(store.DueMillis(b.Due), 10), b.Summary, k.hint(), hintOf(b)}
	for _, r := range b.Records {
		args = append(args, number(r.Seq), r.Hash[:], r.Prev[:], r.Data)
	}
	head, err := appendScript.Run(ctx, s.client, []string{k.log(b.Log), k.head(b.Log), k.due(), k.logs()}, args...).StringSlice()
	switch {
	case err != nil:
		return fmt.Errorf("append to %s: %w", b.Log, fullOr(err))
	case len(head) == 0:
		return nil
	case len(head) != 2:
		return fmt.Errorf("append to %s: the script answered %d values", b.Log, len(head))
	}
	have, err := position(head[0], head[1])
	if err != nil {
		return fmt.Errorf("append to %s: %w", b.Log, err)
	}
	return &store.ConflictError{Log: b.Log, Have: have}
}

func position(seq, hash string) (p store.Position, err error) {
	if p.Seq, err = strconv.ParseUint(seq, 10, 64); err != nil {
		return p, fmt.Errorf("head is damaged: %w", err)
	}
	p.Hash, err = hashOf(hash)
	return p, err
}

func hashOf(s string) (h session.Hash, err error) {
	if len(s) != len(h) {
		return h, fmt.Errorf("a hash has %d bytes, not %d", len(s), len(h))
	}
	copy(h[:], s)
	return h, nil
}

// definite reports whether err says that nothing was written.
func definite(err error) bool {
	_, conflict := errors.AsType[*store.ConflictError](err)
	return conflict || errors.Is(err, store.ErrFull)
}

// fullOr makes store.ErrFull out of an error that says so: no memory left under
// maxmemory, or no space for the append-only file. Redis says either before the
// script has written anything.
func fullOr(err error) error {
	if goredis.IsOOMError(err) || strings.Contains(err.Error(), "OOM command not allowed") ||
		strings.Contains(err.Error(), "MISCONF") && strings.Contains(err.Error(), "No space left") {
		return fmt.Errorf("%w: %w", store.ErrFull, err)
	}
	return err
}
