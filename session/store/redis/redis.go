package redis

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"hash/fnv"
	"sync"
	"time"

	goredis "github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"
	"github.com/redis/go-redis/v9/maintnotifications"

	"belay/session/store"
	"belay/session/store/internal/calls"
)

// shards is how many hash tags logs are spread over. It is part of the layout
// and never changes.
const shards = 16

// What go-redis would write to standard error comes back to us as errors too.
func init() { logging.Disable() }

// Options say which Redis, and where in it.
type Options struct {
	Addrs    []string // host:port of the server, of the Sentinels, or of some nodes of the Cluster
	Master   string   // the Sentinels' name for the master; empty without Sentinel
	Cluster  bool
	DB       int // always 0 in a Cluster
	Username string
	Password string
	TLS      *tls.Config // nil: no TLS
	Prefix   string      // of all keys; "belay" where empty
	Replicas int         // how many must hold an event until it is safe; 0: those that Redis knows of
}

func (o Options) validate() error {
	switch {
	case len(o.Addrs) == 0:
		return errors.New("no address of a Redis server")
	case o.Cluster && o.Master != "":
		return errors.New("both Sentinels and a Cluster were asked for: Redis has either")
	case o.Replicas < 0 || o.Replicas > 100:
		return errors.New("the number of replicas of Redis lies between 0 and 100")
	case o.Cluster && o.DB != 0:
		return errors.New("a Redis Cluster has only database 0")
	}
	if o.Prefix != "" {
		if err := store.ValidName(o.Prefix); err != nil {
			return fmt.Errorf("prefix of the keys: %w", err)
		}
	}
	return nil
}

// Store is a store.Store on Redis. All methods may be called concurrently;
// whoever opened it closes it.
type Store struct {
	opts     Options
	client   goredis.UniversalClient
	prefix   string
	warnings []string
	calls    calls.Gate

	replicas struct { // how many each server should have
		sync.Mutex // guards the rest
		of         map[string]int
		asked      map[string]time.Time
	}
}

var _ store.Store = (*Store)(nil)

// Open connects, and refuses a server whose settings would lose events.
func Open(ctx context.Context, opts Options) (*Store, error) {
	if err := opts.validate(); err != nil {
		return nil, err
	}
	if opts.Prefix == "" {
		opts.Prefix = "belay"
	}
	s := &Store{opts: opts, prefix: opts.Prefix, client: goredis.NewUniversalClient(&goredis.UniversalOptions{
		Addrs: opts.Addrs, MasterName: opts.Master, IsClusterMode: opts.Cluster, DB: opts.DB,
		Username: opts.Username, Password: opts.Password, TLSConfig: opts.TLS,
		MaxRetries:               -1, // Append settles lost answers itself; a silent resend would look like a conflict
		DialerRetries:            1,  // that Redis is away is to be known at once
		ContextTimeoutEnabled:    true,
		DisableIdentity:          true,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	})}
	s.replicas.of, s.replicas.asked = map[string]int{}, map[string]time.Time{}
	var err error
	if s.warnings, err = inspect(ctx, s.client); err != nil {
		return nil, errors.Join(fmt.Errorf("open the event log on Redis: %w", err), s.client.Close())
	}
	return s, nil
}

// Warnings says, in sentences for an operator, what weakens the guarantees of
// the server that was found at the start. They are to be shown loudly.
func (s *Store) Warnings() []string { return s.warnings }

// Close lets calls that have begun come to their end.
func (s *Store) Close() error {
	if !s.calls.Close() {
		return nil
	}
	return s.client.Close()
}

func (s *Store) begin(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return s.calls.Begin()
}

// keys names the keys of one shard.
type keys string

func (s *Store) keys(shard int) keys { return keys(fmt.Sprintf("{%s:%02d}", s.prefix, shard)) }

func (k keys) log(name string) string  { return string(k) + ":log:" + name }
func (k keys) head(name string) string { return string(k) + ":head:" + name }
func (k keys) due() string             { return string(k) + ":due" }
func (k keys) logs() string            { return string(k) + ":logs" }
func (k keys) hint() string            { return string(k) + ":hint" }
func (k keys) sure() string            { return string(k) + ":sure" }

func shardOf(log string) int {
	h := fnv.New32a()
	_, _ = h.Write([]byte(log)) // never fails
	return int(h.Sum32() % shards)
}
