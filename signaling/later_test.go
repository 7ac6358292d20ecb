package signaling_test

import (
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"belay/signaling/protocol"
)

// In a rolling update a page may talk to a server that is older than it, or newer. So
// what screens send only grows, and what it has grown by since the first servers is
// named in protocol.Later: pages leave it out where a server does not say that it
// knows it. Hello comes before a server can say so.
func TestWhatScreensSendGrowsOnlyByWhatAPageCanLeaveOut(t *testing.T) {
	raw, err := os.ReadFile("testdata/belay.1.txt")
	if err != nil {
		t.Fatal(err)
	}
	first := strings.Fields(string(raw))
	now := protocol.Later
	for _, name := range now {
		if strings.HasPrefix(name, "hello.") || slices.Contains(first, name) {
			t.Errorf("%s can't be left out", name)
		}
	}
	have := sent()
	for _, name := range have {
		if !slices.Contains(first, name) && !slices.Contains(now, name) {
			t.Errorf("%s is new: name it in protocol.Later, and in later of static/connection.js", name)
		}
	}
	for _, name := range append(first, now...) {
		if !slices.Contains(have, name) {
			t.Errorf("%s is gone: an older page that sends it would be closed", name)
		}
	}
}

// sent lists what the server reads from screens, as "type" and "type.field".
func sent() (all []string) {
	var fields func(prefix string, kind reflect.Type)
	fields = func(prefix string, kind reflect.Type) {
		for i := range kind.NumField() {
			name, _, _ := strings.Cut(kind.Field(i).Tag.Get("json"), ",")
			all = append(all, prefix+"."+name)
			if inner := kind.Field(i).Type; inner.Kind() == reflect.Slice && inner.Elem().Kind() == reflect.Struct {
				fields(prefix+"."+name, inner.Elem())
			}
		}
	}
	for _, k := range protocol.Kinds {
		if k.Way != protocol.FromServer {
			all = append(all, k.Type)
			fields(k.Type, reflect.TypeOf(k.Empty))
		}
	}
	return all
}
