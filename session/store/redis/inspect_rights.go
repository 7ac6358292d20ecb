package redis

import (
	"context"
	"errors"
	"fmt"

	goredis "github.com/redis/go-redis/v9"
)

// replayed is what a script of ours leaves in the append-only file.
var replayed = [][]any{
	{"XADD", "{belay:00}:log", "1-0", "h", ""}, {"HSET", "{belay:00}:head", "seq", "1"},
	{"ZADD", "{belay:00}:due", "1", "x"}, {"ZREM", "{belay:00}:due", "x"}, {"DEL", "{belay:00}:node"},
}

// inspectReplay looks whether Redis may carry out its own append-only file when it
// starts again. It does that as the user "default", and up to 8.4 (7.0 and Valkey too) it
// asks for that user's rights to whatever was written together, as every event is: without
// them it drops each one and says so in its own log alone (redis/redis#14541,
// valkey-io/valkey#3983). A user that is off keeps its rights, and nobody can be it.
func inspectReplay(ctx context.Context, client goredis.Cmdable) (warning string, err error) {
	for _, command := range replayed {
		said, err := client.ACLDryRun(ctx, "default", command...).Result()
		var refused goredis.Error
		switch {
		case err != nil && !errors.As(err, &refused):
			return "", err
		case err != nil:
			return fmt.Sprintf("whether Redis will read all of its append-only file when it starts again can't be asked (%v): allow +acl|dryrun, and make sure by hand that its user default has all rights (off ~* &* +@all), or it drops events then", err), nil
		case said != "OK":
			return "", fmt.Errorf("the user default of Redis lacks rights (%s): when Redis starts again it would drop events from its own append-only file; give it all rights, and leave it off: user default off ~* &* +@all", said)
		}
	}
	return "", nil
}
