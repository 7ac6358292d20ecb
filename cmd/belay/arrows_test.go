package main

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// What each package of ours may import of ours. A package that is missing here
// fails the test: a new arrow is a decision, not an accident.
var arrows = map[string][]string{
	"session":                       {},
	"session/transcript":            {"session"},
	"session/store":                 {"session"},
	"session/store/internal/calls":  {"session", "session/store"},
	"session/store/storetest":       {"session", "session/store"},
	"session/store/bolt":            {"session", "session/store", "session/store/internal/calls"},
	"session/store/redis":           {"session", "session/store", "session/store/internal/calls"},
	"session/store/journal":         {"session", "session/store", "session/store/internal/calls"},
	"session/store/redis/redistest": {"session/store/storetest"},
	"session/live":                  {"session", "session/store", "session/store/journal"},
	"session/practice":              {"session", "session/store"},
	"session/record":                {"session", "session/store"},
	"signaling/protocol":            {},
	"signaling/datagram":            {},
	"signaling/turnserver":          {"signaling/datagram"},
	"signaling/oneport":             {},
	"signaling/push":                {},
	"signaling/relay":               {"signaling/protocol", "signaling/turnserver", "signaling/datagram"},
	"signaling/access":              {"session", "session/live", "session/practice"},
	"signaling/api":                 {"session", "session/live", "session/store", "session/practice", "session/record", "signaling/access"},
	"signaling":                     {"session", "session/live", "signaling/protocol", "signaling/relay"},
	"static":                        {},
}

// free are the programs and their test parts: they wire everything.
func free(pkg string) bool { return strings.HasPrefix(pkg, "cmd/") }

func TestArrowsPointOneWay(t *testing.T) {
	t.Parallel()
	out, err := exec.Command("go", "list", "-f", `{{.ImportPath}}:{{join .Imports ","}}`, "belay/...").CombinedOutput()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, out)
	}
	for line := range strings.Lines(string(out)) {
		name, imports, _ := strings.Cut(strings.TrimSpace(line), ":")
		pkg := strings.TrimPrefix(name, "belay/")
		if free(pkg) {
			continue
		}
		allowed, known := arrows[pkg]
		if !known {
			t.Errorf("%s has no row in the table of arrows", pkg)
			continue
		}
		for _, path := range strings.Split(imports, ",") {
			other, ours := strings.CutPrefix(path, "belay/")
			if pkg == "session" && strings.Contains(path, ".") {
				t.Errorf("session imports %s: it is the standard library only", path)
			}
			if ours && !slices.Contains(allowed, other) {
				t.Errorf("%s imports %s: the arrow points the wrong way", pkg, other)
			}
		}
	}
}
