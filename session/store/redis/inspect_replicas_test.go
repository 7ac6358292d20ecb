package redis

import (
	"net"
	"strings"
	"testing"

	"belay/session/store/redis/redistest"
)

// A replica that would lose events as the next master is said, by its address.
func TestAnUnsafeReplicaIsSaid(t *testing.T) {
	master := redistest.Alone(t)
	host, port, _ := net.SplitHostPort(master.Addr)
	replica := redistest.Alone(t, "--replicaof", host+" "+port, "--appendonly", "no", "--replica-read-only", "no", "--repl-diskless-sync-delay", "0")
	replica.Await("follows", "master_link_status:up")
	s := open(t, Options{Addrs: []string{master.Addr}})
	defer s.Close()
	said := strings.Join(s.Warnings(), "\n")
	for _, want := range []string{"replica " + replica.Addr + ": appendonly is no", "replica-read-only is no", "min-replicas-to-write is 0"} {
		if !strings.Contains(said, want) {
			t.Errorf("it says %q, and not %q", said, want)
		}
	}
	replica.Do("CONFIG", "SET", "appendonly", "yes")
	replica.Do("CONFIG", "SET", "appendfsync", "always")
	replica.Do("CONFIG", "SET", "replica-read-only", "yes")
	master.Do("CONFIG", "SET", "min-replicas-to-write", "1")
	if again, err := s.Inspect(t.Context()); err != nil || len(again) > 0 {
		t.Errorf("now that it was mended: %q, %v", again, err)
	}
	master.Do("CONFIG", "SET", "maxmemory", "100mb")
	master.Do("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
	if _, err := s.Inspect(t.Context()); err == nil {
		t.Error("a server that deletes events is found safe")
	}
}
