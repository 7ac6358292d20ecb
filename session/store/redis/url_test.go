package redis

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAnAddressOfRedisMeansWhatItSays(t *testing.T) {
	for raw, want := range map[string]Options{
		"redis://cache":                          {Addrs: []string{"cache:6379"}},
		"redis://:s%40crt@10.0.0.1:7000/3":       {Addrs: []string{"10.0.0.1:7000"}, Password: "s@crt", DB: 3},
		"redis://belay:x@a,b:7?cluster=true":     {Addrs: []string{"a:6379", "b:7"}, Username: "belay", Password: "x", Cluster: true},
		"redis://a,b,c?master=mine&prefix=north": {Addrs: []string{"a:26379", "b:26379", "c:26379"}, Master: "mine", Prefix: "north"},
		"redis://[::1]:6380":                     {Addrs: []string{"[::1]:6380"}},
	} {
		got, err := ParseURL(raw)
		if err != nil {
			t.Errorf("%s: %v", raw, err)
		} else if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", raw, diff)
		}
		if strings.Contains(got.String(), "crt") {
			t.Errorf("%s says the password: %s", raw, got)
		}
	}
	secure, err := ParseURL("rediss://cache")
	if err != nil || secure.TLS == nil || secure.TLS.InsecureSkipVerify {
		t.Errorf("rediss: %+v, %v", secure, err)
	}
}

func TestAWrongAddressOfRedisIsRefusedWithoutSayingItsPassword(t *testing.T) {
	for _, raw := range []string{
		"", "cache:6379", "http://:hunter2@cache", "redis://", "redis://:hunter2@cache/x", "redis://:hunter2@cache?colour=red",
		"redis://:hunter2@cache?master=m&cluster=true", "redis://:hunter2@cache?ca=x", "rediss://:hunter2@cache?ca=/nonexistent",
		"redis://:hunter2@cache?prefix=a&prefix=b", "redis://:hunter2@a,,b", "redis://:hunter2%zz@cache", "redis://:hunter2@cache?prefix={x}",
	} {
		if _, err := ParseURL(raw); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: %v", raw, err)
		}
	}
}
