package server_test

import (
	"bytes"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"belay/cmd/internal/server"
	"belay/session/store/journal"
	"belay/session/store/redis"
	"belay/session/store/redis/redistest"
)

func TestAServerOnRedisKeepsAccountsAndSessionsThroughARestart(t *testing.T) {
	data := t.TempDir()
	where := &redis.Options{Addrs: []string{redistest.Alone(t).Addr}}
	s := start(t, server.Options{Data: data, Redis: where})
	robin := therapist(t, s)
	m := robin.make(plain())
	alex := visit(t, s.URL())
	place := alex.open(200, m.links["client-1"])["location"].(string)
	if err := server.NewAdmin(data).Backup(t.Context(), filepath.Join(t.TempDir(), "x")); err == nil || !strings.Contains(err.Error(), "belay migrate") {
		t.Errorf("a backup of Redis: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(data, server.FileName)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a record was begun in the data folder too: %v", err)
	}
	again := start(t, server.Options{Data: data, Redis: where})
	robin.base, alex.base = again.URL(), again.URL()
	if list := robin.ask(200, "GET", "/api/sessions", nil)["sessions"].([]any); len(list) != 1 || list[0].(map[string]any)["id"] != m.id {
		t.Errorf("after a restart the list holds %v", list)
	}
	if got := alex.page(place); got != 200 {
		t.Errorf("the client's page: %d", got)
	}
}

func TestTwoServersDoNotUseOneDataFolder(t *testing.T) {
	where := &redis.Options{Addrs: []string{redistest.Alone(t).Addr}}
	data := t.TempDir()
	s := start(t, server.Options{Data: data, Redis: where})
	second, err := server.Start(t.Context(), server.Options{Listen: "127.0.0.1:0", Data: data, Redis: where})
	if err == nil {
		_ = second.Close()
		t.Fatal("two servers use one data folder")
	}
	if !strings.Contains(err.Error(), "another belay") {
		t.Errorf("it says %v", err)
	}
	third, err := server.Start(t.Context(), server.Options{Listen: "127.0.0.1:0", Data: data})
	if err == nil {
		_ = third.Close()
		t.Fatal("one that keeps its record in the folder runs beside one that keeps it on Redis")
	}
	therapist(t, s)
}

// Whoever moves from Redis to a file leaves behind what a node had noted and not yet
// brought there.
func TestWhatWaitsInTheFoldersJournalIsSaidByAServerThatDoesNotUseIt(t *testing.T) {
	data := t.TempDir()
	j, err := journal.Open(journal.Options{Path: filepath.Join(data, server.JournalName)})
	if err == nil {
		err = errors.Join(j.Note(t.Context(), "visit", []byte("a dose")), j.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
	if said := strings.Join(start(t, server.Options{Data: data}).Warnings(), "; "); !strings.Contains(said, server.JournalName) {
		t.Errorf("the start warned: %q", said)
	}
}

func TestWhatIsUnsafeAboutARedisIsSaidAtTheStart(t *testing.T) {
	var log bytes.Buffer
	data := t.TempDir()
	if err := os.WriteFile(filepath.Join(data, server.FileName), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s := start(t, server.Options{Data: data, Log: slog.New(slog.NewTextHandler(&log, nil)),
		Redis: &redis.Options{Addrs: []string{redistest.Alone(t, "--appendfsync", "everysec", "--requirepass", "hunter2").Addr}, Password: "hunter2"}})
	said := strings.Join(s.Warnings(), "\n")
	if !strings.Contains(said, "everysec") || !strings.Contains(said, "record of its own") || len(s.Warnings()) != 2 {
		t.Errorf("it warns of %q", said)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(log.String(), "everysec") || strings.Contains(log.String(), "hunter2") {
		t.Errorf("the log says %s", log.String())
	}
}

func TestPeopleAreStillLetInWhileRedisIsAway(t *testing.T) {
	at := redistest.Alone(t)
	addr, stop := at.Addr, at.Kill
	s := start(t, server.Options{Redis: &redis.Options{Addrs: []string{addr}}})
	v := visit(t, s.URL())
	stop()
	for path, want := range map[string]string{"/healthz": "ok\n", "/readyz": "ok, but the event log can't be read now\n"} {
		if status, body := v.try("GET", path, "", nil); status != 200 || string(body) != want {
			t.Errorf("%s: %d %q", path, status, body)
		}
	}
	if err := s.Close(); err != nil {
		t.Errorf("it can't be ended while Redis is away: %v", err)
	}
}
