package redis

import (
	"errors"
	"strings"
	"testing"

	goredis "github.com/redis/go-redis/v9"

	"belay/session/store"
	"belay/session/store/storetest"
)

func TestAServerThatWouldLoseEventsIsRefused(t *testing.T) {
	for _, c := range []struct {
		name    string
		args    []string
		refused string
		warned  string
	}{
		{name: "safe"},
		{name: "eviction", args: []string{"--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru"}, refused: "maxmemory-policy"},
		{name: "eviction of what expires", args: []string{"--maxmemory", "100mb", "--maxmemory-policy", "volatile-ttl"}, refused: "maxmemory-policy"},
		{name: "no limit, so no eviction", args: []string{"--maxmemory-policy", "allkeys-lru"}},
		{name: "limit without eviction", args: []string{"--maxmemory", "100mb"}},
		{name: "memory only", args: []string{"--appendonly", "no"}, refused: "appendonly"},
		{name: "synced every second", args: []string{"--appendfsync", "everysec"}, warned: "appendfsync is everysec"},
		{name: "settings hidden", args: []string{"--rename-command", "CONFIG", ""}, warned: "can't be read"},
		{name: "settings hidden, memory only", args: []string{"--rename-command", "CONFIG", "", "--appendonly", "no"}, refused: "appendonly"},
		{name: "rights hidden", args: []string{"--rename-command", "ACL", ""}, warned: "can't be asked"},
		{name: "settings and state hidden", args: []string{"--rename-command", "CONFIG", "", "--rename-command", "INFO", ""}, warned: "nor can its state"},
	} {
		t.Run(c.name, func(t *testing.T) {
			srv := startServer(t, c.args...)
			s, err := Open(t.Context(), Options{Addrs: []string{srv.addr}})
			if c.refused != "" {
				if err == nil || !strings.Contains(err.Error(), c.refused) {
					t.Fatalf("opened: %v, want a refusal for %s", err, c.refused)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			if got := strings.Join(s.Warnings(), "; "); (c.warned == "") != (got == "") || !strings.Contains(got, c.warned) {
				t.Fatalf("warnings %q, want %q", got, c.warned)
			}
		})
	}
}

// Redis carries out its append-only file as its user default: where that one has no
// rights it starts empty, without a word to anybody.
func TestARedisThatWouldStartWithoutItsEventsIsRefused(t *testing.T) {
	srv := startServer(t)
	opts := Options{Addrs: []string{srv.addr}, Username: "belay", Password: "x"}
	srv.do("ACL", "SETUSER", "belay", "on", ">x", "~*", "&*", "+@all")
	s := open(t, opts)
	if err := s.Append(t.Context(), storetest.Next("a", store.Position{}, 3, 0)); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	as := func(rights ...any) {
		c := goredis.NewClient(&goredis.Options{Addr: srv.addr, Username: "belay", Password: "x", DisableIdentity: true})
		defer c.Close()
		if err := c.Do(t.Context(), append([]any{"ACL", "SETUSER"}, rights...)...).Err(); err != nil {
			t.Fatal(err)
		}
	}
	as("default", "reset") // as a file of rights that says "user default off"
	if s, err := Open(t.Context(), opts); err == nil || !strings.Contains(err.Error(), "append-only file") {
		t.Errorf("opened: %v, want a refusal for the rights of default", err)
		if err == nil {
			_ = s.Close()
		}
	}
	as("belay", "-acl|dryrun")
	s = open(t, opts)
	if got := strings.Join(s.Warnings(), "; "); !strings.Contains(got, "can't be asked") {
		t.Errorf("warnings %q", got)
	}
	_ = s.Close()
	as("default", "off", "~*", "&*", "+@all")
	as("belay", "+acl|dryrun")
	if err := open(t, opts).Close(); err != nil {
		t.Error(err)
	}
}

func TestWrongOptionsAreRefusedBeforeAnyConnection(t *testing.T) {
	for _, opts := range []Options{
		{},
		{Addrs: []string{"localhost:1"}, Cluster: true, Master: "m"},
		{Addrs: []string{"localhost:1"}, Cluster: true, DB: 1},
		{Addrs: []string{"localhost:1"}, Prefix: "{x}"},
	} {
		if _, err := Open(t.Context(), opts); err == nil || strings.Contains(err.Error(), "dial") {
			t.Errorf("%+v: %v", opts, err)
		}
	}
}

func TestAFullServerLosesNothingAndRecovers(t *testing.T) {
	srv := startServer(t)
	s := open(t, Options{Addrs: []string{srv.addr}})
	defer s.Close()
	end := store.Position{}
	grow := func() error {
		b := storetest.Next("a", end, 200, end.Seq)
		err := s.Append(t.Context(), b)
		if err == nil {
			end = b.End()
		}
		return err
	}
	if err := grow(); err != nil {
		t.Fatal(err)
	}
	srv.do("CONFIG", "SET", "maxmemory", "1")
	for range 3 {
		if err := grow(); !errors.Is(err, store.ErrFull) {
			t.Fatalf("append to a full server: %v", err)
		}
	}
	srv.do("CONFIG", "SET", "maxmemory", "0")
	if err := grow(); err != nil {
		t.Fatal(err)
	}
	records, err := s.Read(t.Context(), "a", 0)
	if err == nil {
		err = storetest.Verify(records, store.Position{})
	}
	if err != nil || uint64(len(records)) != end.Seq {
		t.Fatalf("%d events, %v; want %d", len(records), err, end.Seq)
	}
}

func TestListenersAreHinted(t *testing.T) {
	srv := startServer(t)
	s := open(t, Options{Addrs: []string{srv.addr}})
	defer s.Close()
	sub := s.client.Subscribe(t.Context(), s.keys(shardOf("a")).hint())
	defer sub.Close()
	if _, err := sub.Receive(t.Context()); err != nil { // subscribed
		t.Fatal(err)
	}
	if err := s.Append(t.Context(), storetest.Next("a", store.Position{}, 3, 1)); err != nil {
		t.Fatal(err)
	}
	m, err := sub.ReceiveMessage(t.Context())
	if err != nil || !strings.HasPrefix(m.Payload, "a 3\n") {
		t.Fatalf("hint %v, %v; want \"a 3\" and the events", m, err)
	}
}

// Which shard a log belongs to is part of the layout: another answer would lose
// every log that is there.
func TestShardsNeverMove(t *testing.T) {
	for log, want := range map[string]int{"practice": 0, "7c3ccd10-bb7e-c37b-46d3-7926ae627426": 12} {
		if got := shardOf(log); got != want {
			t.Errorf("shard of %s is %d, was %d", log, got, want)
		}
	}
	for n := range uint64(200) {
		if shard := shardOf(storetest.ID(n)); shard < 0 || shard >= shards {
			t.Errorf("shard %d", shard)
		}
	}
}
