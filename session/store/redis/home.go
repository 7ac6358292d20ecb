package redis

import (
	"context"
	"errors"
	"fmt"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"belay/session/store"
)

// homeLives bounds how long the home of a session that nobody gave back is kept.
const homeLives = 48 * time.Hour

// homeScript sets the home of a session where it is the one that may be replaced,
// or where there is none, and answers what it is then.
//
// KEYS: home. ARGV: the one that may be replaced, the new one (empty: none), life.
var homeScript = goredis.NewScript(`
local have = redis.call('GET', KEYS[1]) or ''
if have ~= '' and have ~= ARGV[1] then
  return have
end
if ARGV[2] == '' then
  redis.call('DEL', KEYS[1])
else
  redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
end
return ARGV[2]
`)

func (s *Store) homeKey(session string) string {
	return string(s.keys(shardOf(session))) + ":home:" + session
}

// SetHome makes a node the home of a session, where its media are passed on, if that
// is from now, or nobody; and returns who is then: of several that try, one succeeds.
func (s *Store) SetHome(ctx context.Context, session string, from, to string) (string, error) {
	if err := s.begin(ctx); err != nil {
		return "", err
	}
	defer s.calls.Done()
	have, err := homeScript.Run(ctx, s.client, []string{s.homeKey(session)}, from, to, homeLives.Milliseconds()).Text()
	if err != nil {
		return "", fmt.Errorf("the home of session %s: %w", session, err)
	}
	return have, nil
}

// Homes returns the homes of sessions, in their order; at most store.MaxPage may be
// asked for.
func (s *Store) Homes(ctx context.Context, sessions []string) ([]string, error) {
	if err := s.begin(ctx); err != nil {
		return nil, err
	}
	defer s.calls.Done()
	if len(sessions) > store.MaxPage {
		return nil, fmt.Errorf("the homes of %d sessions were asked for, at most %d are answered", len(sessions), store.MaxPage)
	}
	replies := make([]*goredis.StringCmd, len(sessions))
	_, err := s.client.Pipelined(ctx, func(p goredis.Pipeliner) error {
		for i, session := range sessions {
			replies[i] = p.Get(ctx, s.homeKey(session))
		}
		return nil
	})
	if err != nil && !errors.Is(err, goredis.Nil) {
		return nil, fmt.Errorf("look at the homes of sessions: %w", err)
	}
	all := make([]string, len(sessions))
	for i, reply := range replies {
		switch text, err := reply.Result(); {
		case errors.Is(err, goredis.Nil):
		case err != nil:
			return nil, fmt.Errorf("look at the home of session %s: %w", sessions[i], err)
		default:
			all[i] = text
		}
	}
	return all, nil
}

// Secret returns 32 bytes that all nodes share under a name: the first that asks
// sets them to what it offers.
func (s *Store) Secret(ctx context.Context, name string, offer []byte) ([]byte, error) {
	if err := s.begin(ctx); err != nil {
		return nil, err
	}
	defer s.calls.Done()
	key := string(s.keys(0)) + ":secret:" + name
	if err := s.client.SetNX(ctx, key, offer, 0).Err(); err != nil {
		return nil, fmt.Errorf("a secret of the nodes: %w", err)
	}
	secret, err := s.client.Get(ctx, key).Bytes()
	if err == nil && len(secret) != 32 {
		err = fmt.Errorf("it has %d bytes", len(secret))
	}
	if err != nil {
		return nil, fmt.Errorf("a secret of the nodes: %w", err)
	}
	return secret, nil
}
