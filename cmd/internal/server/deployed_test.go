package server_test

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	goredis "github.com/redis/go-redis/v9"

	"belay/session/store/redis"
	"belay/session/store/redis/redistest"
)

// deployedRedis starts a Redis that is set up by the deployment's own files: their
// settings, and a user that may do what they grant and nothing else. The test fails if
// anything was refused: a server would end there, or worse, go on without it.
func deployedRedis(t *testing.T) *redis.Options {
	t.Helper()
	const password, judge = "a-long-random-password", "judge"
	read := func(name string) []string {
		raw, err := os.ReadFile(filepath.Join("../../../deploy", name))
		if err != nil {
			t.Fatal(err)
		}
		return strings.Split(string(raw), "\n")
	}
	write := func(name string, lines []string) string {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	settings := slices.DeleteFunc(read("redis.conf"), func(line string) bool {
		name, _, _ := strings.Cut(line, " ")
		return slices.Contains([]string{"port", "dir", "aclfile"}, name) // those of a test
	})
	rights := []string{"user " + judge + " on >" + password + " ~* &* +@all"}
	for _, line := range read("redis.acl.example") {
		rights = append(rights, strings.Replace(line, "CHANGE-ME", password, 1))
	}
	srv := redistest.Alone(t, "--include", write("redis.conf", settings), "--aclfile", write("acl", rights))
	t.Cleanup(func() {
		c := goredis.NewClient(&goredis.Options{Addr: srv.Addr, Username: judge, Password: password, DisableIdentity: true})
		defer c.Close()
		refused, err := c.ACLLog(context.WithoutCancel(t.Context()), 20).Result()
		if err != nil {
			t.Errorf("what was refused can't be read: %v", err)
		}
		for _, r := range refused {
			t.Errorf("deploy/redis.acl.example does not allow %s %q, which the server does", r.Reason, r.Object)
		}
	})
	return &redis.Options{Addrs: []string{srv.Addr}, Username: "belay", Password: password}
}
