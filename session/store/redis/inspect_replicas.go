package redis

import (
	"context"
	"fmt"
	"net"
	"strings"

	goredis "github.com/redis/go-redis/v9"
)

// Inspect looks at the servers again, as Open did: after a failover another one
// takes the writes. The error says what would lose events, the warnings what else an
// operator has to know.
func (s *Store) Inspect(ctx context.Context) (warnings []string, err error) {
	if err := s.begin(ctx); err != nil {
		return nil, err
	}
	defer s.calls.Done()
	return inspect(ctx, s.client)
}

// inspectWithReplicas looks at a server and at those that would follow it. What is
// unsafe about a replica is said and not refused: it takes no writes yet.
func inspectWithReplicas(ctx context.Context, master *goredis.Client) (warnings []string, err error) {
	warnings, err = inspectOne(ctx, master)
	if err != nil {
		return warnings, err
	}
	info, err := master.Info(ctx, "replication").Result()
	if err != nil {
		return warnings, nil // said by inspectOne, as far as it matters
	}
	replicas := replicasIn(info)
	if least, err := master.ConfigGet(ctx, "min-replicas-to-write").Result(); err == nil && len(replicas) > 0 && least["min-replicas-to-write"] == "0" {
		warnings = append(warnings, "min-replicas-to-write is 0: when the network splits, a master that is cut off goes on taking events, and a failover loses them there; each node writes back those that it was told of")
	}
	for _, addr := range replicas {
		opts := *master.Options()
		opts.Addr, opts.Dialer = addr, nil // the master's own dialer asks the Sentinels
		c := goredis.NewClient(&opts)
		for _, words := range inspectReplica(ctx, c) {
			warnings = append(warnings, "replica "+addr+": "+words)
		}
		_ = c.Close()
	}
	return warnings, nil
}

func inspectReplica(ctx context.Context, c *goredis.Client) []string {
	warnings, err := inspectOne(ctx, c)
	if err != nil {
		warnings = append(warnings, err.Error())
	}
	if set, err := c.ConfigGet(ctx, "replica-read-only").Result(); err == nil && set["replica-read-only"] == "no" {
		warnings = append(warnings, "replica-read-only is no: what is written there by mistake is in no record, or breaks one; set it to yes")
	}
	return warnings
}

// replicasIn finds in INFO where the replicas of a master are.
func replicasIn(info string) (addrs []string) {
	for line := range strings.Lines(info) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		var n int
		if _, err := fmt.Sscanf(name, "slave%d", &n); err != nil {
			continue
		}
		at := map[string]string{}
		for field := range strings.SplitSeq(value, ",") {
			k, v, _ := strings.Cut(field, "=")
			at[k] = v
		}
		if at["ip"] != "" && at["port"] != "" {
			addrs = append(addrs, net.JoinHostPort(at["ip"], at["port"]))
		}
	}
	return addrs
}
