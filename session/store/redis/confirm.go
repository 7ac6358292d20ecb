package redis

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"belay/session/store"
)

const (
	waitFor  = 500 * time.Millisecond // for the replicas, at most, in one question
	askAfter = 10 * time.Second       // how many replicas there are is asked again
	perAsk   = 256                    // logs in one question
)

var _ store.Shared = (*Store)(nil)

// Confirm implements store.Shared.
//
// WAIT speaks of what was written over the connection that asks. So the question is
// one pipeline, over one connection: the last event of each log, then a write of
// our own, then WAIT. Events that are found stand in the replication before that
// write; one that is not found was lost with a former master.
func (s *Store) Confirm(ctx context.Context, ends map[string]store.Position) (map[string]store.Standing, error) {
	if err := s.begin(ctx); err != nil {
		return nil, fmt.Errorf("ask the replicas: %w", err)
	}
	defer s.calls.Done()
	byShard := map[int][]string{}
	for log := range ends {
		shard := shardOf(log)
		if _, cluster := s.client.(*goredis.ClusterClient); !cluster {
			shard = 0 // one server has them all
		}
		byShard[shard] = append(byShard[shard], log)
	}
	var (
		mu  sync.Mutex // guards all and errs
		all = make(map[string]store.Standing, len(ends))
		er  []error
		wg  sync.WaitGroup
	)
	for shard, logs := range byShard {
		wg.Go(func() {
			for len(logs) > 0 {
				some := logs[:min(perAsk, len(logs))]
				logs = logs[len(some):]
				standing, err := s.confirmShard(ctx, shard, some, ends)
				mu.Lock()
				for i, st := range standing {
					all[some[i]] = st
				}
				if err != nil {
					er = append(er, fmt.Errorf("ask the replicas: %w", err))
				}
				mu.Unlock()
				if err != nil {
					return
				}
			}
		})
	}
	wg.Wait()
	return all, errors.Join(er...)
}

// confirmShard asks the one server that has these logs.
func (s *Store) confirmShard(ctx context.Context, shard int, logs []string, ends map[string]store.Position) ([]store.Standing, error) {
	k := s.keys(shard)
	node, err := s.serverOf(ctx, k.sure())
	if err != nil {
		return nil, err
	}
	replicas, err := s.replicasOf(ctx, node)
	if err != nil {
		return nil, err
	}
	found := make([]*goredis.XMessageSliceCmd, len(logs))
	var answered *goredis.Cmd
	_, err = node.Pipelined(ctx, func(p goredis.Pipeliner) error {
		for i, log := range logs {
			id := strconv.FormatUint(ends[log].Seq, 10) + "-0"
			found[i] = p.XRange(ctx, s.keys(shardOf(log)).log(log), id, id)
		}
		p.Set(ctx, k.sure(), "", 0)
		answered = p.Do(ctx, "WAIT", replicas, waitFor.Milliseconds())
		return nil
	})
	if err != nil {
		return nil, err
	}
	have, err := answered.Int()
	if err != nil {
		return nil, err
	}
	standing := make([]store.Standing, len(logs))
	for i, log := range logs {
		messages := found[i].Val()
		if len(messages) != 1 {
			continue // Gone
		}
		r, err := record(messages[0])
		switch {
		case err != nil:
			return nil, fmt.Errorf("the stream of %s is damaged: %w", log, err)
		case r.Position() != ends[log]:
		case have < replicas:
			standing[i] = store.Here
		default:
			standing[i] = store.Safe
		}
	}
	return standing, nil
}

// serverOf returns the server that takes writes of a key.
func (s *Store) serverOf(ctx context.Context, key string) (*goredis.Client, error) {
	switch c := s.client.(type) {
	case *goredis.ClusterClient:
		return c.MasterForKey(ctx, key)
	case *goredis.Client:
		return c, nil
	default:
		return nil, fmt.Errorf("no way to ask one server of %T", c)
	}
}

// replicasOf returns how many replicas a server should have: what the Sentinels or
// the Cluster know of, also of those that are away, or else the most that were ever
// seen here.
func (s *Store) replicasOf(ctx context.Context, node *goredis.Client) (int, error) {
	addr := node.Options().Addr
	s.replicas.Lock()
	known, fresh := s.replicas.of[addr], time.Since(s.replicas.asked[addr]) < askAfter
	s.replicas.Unlock()
	if fresh {
		return known, nil
	}
	n, err := s.countReplicas(ctx, node)
	if err != nil {
		return 0, err
	}
	s.replicas.Lock()
	defer s.replicas.Unlock()
	if s.opts.Master == "" && !s.opts.Cluster {
		n = max(n, known)
	}
	s.replicas.of[addr], s.replicas.asked[addr] = n, time.Now()
	return n, nil
}

func (s *Store) countReplicas(ctx context.Context, node *goredis.Client) (int, error) {
	switch {
	case s.opts.Replicas > 0:
		return s.opts.Replicas, nil
	case s.opts.Master != "":
		return s.sentinelsKnow(ctx)
	case s.opts.Cluster:
		nodes, err := node.ClusterNodes(ctx).Result()
		return clusterKnows(nodes), err
	}
	info, err := node.Info(ctx, "replication").Result()
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(info, "connected_slaves:")
	n, err := strconv.Atoi(strings.TrimSpace(strings.SplitN(rest, "\n", 2)[0]))
	if err != nil {
		return 0, fmt.Errorf("how many replicas there are: %w", err)
	}
	return n, nil
}

// sentinelsKnow asks one Sentinel after the other how many replicas there are.
func (s *Store) sentinelsKnow(ctx context.Context) (int, error) {
	var errs []error
	for _, addr := range s.opts.Addrs {
		c := goredis.NewSentinelClient(&goredis.Options{Addr: addr, MaxRetries: -1, DisableIdentity: true, TLSConfig: s.opts.TLS, ContextTimeoutEnabled: true, DialTimeout: waitFor})
		list, err := c.Replicas(ctx, s.opts.Master).Result()
		if err := errors.Join(err, c.Close()); err == nil {
			return len(list), nil
		}
		errs = append(errs, err)
	}
	return 0, fmt.Errorf("no Sentinel says how many replicas there are: %w", errors.Join(errs...))
}

// clusterKnows counts in CLUSTER NODES the replicas of the server that answered.
func clusterKnows(nodes string) (n int) {
	var own string
	for line := range strings.Lines(nodes) {
		if f := strings.Fields(line); len(f) > 3 && strings.Contains(f[2], "myself") {
			own = f[0]
		}
	}
	for line := range strings.Lines(nodes) {
		if f := strings.Fields(line); len(f) > 3 && own != "" && f[3] == own {
			n++
		}
	}
	return n
}
