package redis

import (
	"strings"
	"testing"

	goredis "github.com/redis/go-redis/v9"

	"belay/session/store/storetest"
)

func FuzzReply(f *testing.F) {
	hash := strings.Repeat("h", 32)
	f.Add("7-0", hash, hash, `{"seq":7}`, "1772395200000")
	f.Add("7-1", "", hash, "", "-1")
	f.Fuzz(func(t *testing.T, id, hash, prev, data, due string) {
		r, err := record(goredis.XMessage{ID: id, Values: map[string]any{"h": hash, "p": prev, "d": data}})
		if err == nil && (string(r.Hash[:]) != hash || string(r.Prev[:]) != prev || string(r.Data) != data) {
			t.Errorf("read as %+v", r)
		}
		h, err := head("a", []any{id, hash, due, data})
		if err == nil && (string(h.Hash[:]) != hash || string(h.Summary) != data) {
			t.Errorf("read as %+v", h)
		}
	})
}

// Fields of the wrong kind, or none, are an error and not a panic.
func TestAStrangeReplyIsAnError(t *testing.T) {
	for _, values := range []map[string]any{nil, {"h": 1}, {"h": strings.Repeat("h", 32), "p": []byte("x")}} {
		if _, err := record(goredis.XMessage{ID: "1-0", Values: values}); err == nil {
			t.Errorf("%v was read as an event", values)
		}
	}
	if h, err := head(storetest.ID(1), []any{"1", nil, nil, nil}); err == nil {
		t.Errorf("half a head was read as %+v", h)
	}
}
