package redis

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	goredis "github.com/redis/go-redis/v9"
)

// inspect looks at the settings of every server that takes writes. It refuses
// those that would lose events and returns what else an operator has to know.
func inspect(ctx context.Context, client goredis.UniversalClient) (warnings []string, err error) {
	cluster, ok := client.(*goredis.ClusterClient)
	if one, single := client.(*goredis.Client); single {
		return inspectWithReplicas(ctx, one)
	} else if !ok {
		return inspectOne(ctx, client)
	}
	var mu sync.Mutex // guards warnings: the nodes are asked at once
	err = cluster.ForEachMaster(ctx, func(ctx context.Context, node *goredis.Client) error {
		w, err := inspectWithReplicas(ctx, node)
		mu.Lock()
		defer mu.Unlock()
		for _, line := range w {
			warnings = append(warnings, node.Options().Addr+": "+line)
		}
		return err
	})
	slices.Sort(warnings)
	return warnings, err
}

func inspectOne(ctx context.Context, client goredis.Cmdable) (warnings []string, err error) {
	if err := client.Ping(ctx).Err(); err != nil {
		return nil, err
	}
	set := map[string]string{}
	config, err := client.ConfigGet(ctx, "*").Result()
	if err == nil {
		for _, name := range []string{"maxmemory", "maxmemory-policy", "appendonly", "appendfsync"} {
			set[name] = config[name]
		}
	} else {
		warnings = append(warnings, fmt.Sprintf("the settings of Redis can't be read (%v): make sure by hand that appendonly is yes, appendfsync is always, and maxmemory-policy is noeviction", err))
		info, err := client.Info(ctx, "memory", "persistence").Result()
		if err != nil {
			return append(warnings, fmt.Sprintf("nor can its state be read (%v)", err)), nil
		}
		set = fromInfo(info)
	}
	if policy := set["maxmemory-policy"]; set["maxmemory"] != "" && set["maxmemory"] != "0" && policy != "" && policy != "noeviction" {
		return warnings, fmt.Errorf("maxmemory-policy is %s: Redis would delete events when memory is short; set it to noeviction", policy)
	}
	switch fsync := set["appendfsync"]; {
	case set["appendonly"] == "no":
		return warnings, fmt.Errorf("appendonly is no: Redis would forget events when it restarts; set it to yes")
	case fsync != "" && fsync != "always":
		warnings = append(warnings, fmt.Sprintf("appendfsync is %s: the last moments may be lost with the power of that machine; always is safe", fsync))
	}
	warning, err := inspectReplay(ctx, client)
	if warning != "" {
		warnings = append(warnings, warning)
	}
	return warnings, err
}

// fromInfo finds in INFO what it tells of the settings.
func fromInfo(info string) map[string]string {
	set := map[string]string{}
	for line := range strings.Lines(info) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		switch name {
		case "maxmemory":
			set["maxmemory"] = value
		case "maxmemory_policy":
			set["maxmemory-policy"] = value
		case "aof_enabled":
			set["appendonly"] = map[string]string{"0": "no", "1": "yes"}[value]
		}
	}
	return set
}
