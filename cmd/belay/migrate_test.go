package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"belay/cmd/internal/server"
	"belay/session/store/redis/redistest"
)

// command runs the command and returns its exit code and all that it said.
func command(t *testing.T, env map[string]string, args ...string) (int, string) {
	t.Helper()
	var said strings.Builder
	code := run(t.Context(), args, func(name string) string { return env[name] }, &said, &said)
	return code, said.String()
}

func TestARecordMovesToRedisAndBackAndIsServedThere(t *testing.T) {
	besideOthers(t)
	data, back := filepath.Join(t.TempDir(), "data"), filepath.Join(t.TempDir(), "back")
	s, err := server.Start(t.Context(), server.Options{Listen: "127.0.0.1:0", Data: data})
	if err != nil {
		t.Fatal(err)
	}
	env := map[string]string{"BELAY_REDIS": "redis://:hunter2@" + redistest.Alone(t, "--requirepass", "hunter2").Addr}
	if code, said := command(t, env, "migrate", "-from", "bolt:"+data, "-to", "redis:"); code != 1 || !strings.Contains(said, "end the server first") {
		t.Errorf("under a running server: %d, %s", code, said)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for _, move := range [][2]string{{"bolt:" + data, "redis:"}, {"redis:", "bolt:" + back}} {
		code, said := command(t, env, "migrate", "-from", move[0], "-to", move[1])
		if code != 0 || !strings.Contains(said, "Moved and verified: 1 logs, 1 events") || strings.Contains(said, "hunter2") {
			t.Fatalf("%d, %s", code, said)
		}
	}
	if code, said := command(t, env, "migrate", "-from", "bolt:"+data, "-to", "bolt:"+back); code != 1 || !strings.Contains(said, "holds a record already") {
		t.Errorf("onto a record: %d, %s", code, said)
	}
	half := filepath.Join(t.TempDir(), "half")
	if err := errors.Join(os.Mkdir(half, 0o700), os.WriteFile(filepath.Join(half, "belay.db.unfinished"), nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	if code, said := command(t, nil, "serve", "-listen", "127.0.0.1:0", "-data", half); code != 1 || !strings.Contains(said, "did not come to its end") {
		t.Errorf("on half a record: %d, %s", code, said)
	}
	served, err := server.Start(t.Context(), server.Options{Listen: "127.0.0.1:0", Data: back})
	if err != nil {
		t.Fatal(err)
	}
	if code, said := command(t, env, "doctor", "-data", back, "-hold", "0"); code != 0 || !strings.Contains(said, "leads to this server") {
		t.Errorf("a healthy server: %d\n%s", code, said)
	}
	if err := served.Close(); err != nil {
		t.Fatal(err)
	}
	if code, said := command(t, nil, "doctor", served.URL()); code != 1 || !strings.Contains(said, "FAIL") {
		t.Errorf("a server that is gone: %d\n%s", code, said)
	}
}

func TestAPasswordOnTheCommandLineIsRefusedAndNotRepeated(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{
		{"serve", "-redis", "redis://:hunter2@localhost"},
		{"doctor", "-redis", "redis://:hunter2@localhost"},
		{"migrate", "-from", "redis://:hunter2@localhost", "-to", "bolt:x"},
	} {
		if code, said := command(t, nil, args...); code != 2 || strings.Contains(said, "hunter2") || !strings.Contains(said, "BELAY_REDIS_PASSWORD") {
			t.Errorf("%v: %d, %s", args, code, said)
		}
	}
	file := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(file, []byte("hunter2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	env := func(name string) string { return map[string]string{"BELAY_REDIS_PASSWORD": "other"}[name] }
	for from, want := range map[string]string{file: "hunter2", "": "other"} {
		if opts, err := redisAt("redis://cache", true, from, env); err != nil || opts.Password != want {
			t.Errorf("from %q: %v", from, err)
		}
	}
	for _, args := range [][]string{{"migrate"}, {"migrate", "-from", "x", "-to", "bolt:y"}, {"migrate", "-from", "redis:", "-to", "bolt:y"}, {"doctor", "a", "b"}} {
		if code, said := command(t, nil, args...); code != 2 {
			t.Errorf("%v: %d, %s", args, code, said)
		}
	}
}
