package browser

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
)

// Find waits for a target to be pressed until ctx ends, and presses nothing.
func Find(ctx context.Context, page Page, to Target) error {
	_, _, err := find(ctx, page, to, false)
	return err
}

// Profiles lists the profile directories of this test binary's browsers that a
// process still runs on.
func Profiles() []string {
	mine := regexp.MustCompile(regexp.QuoteMeta(filepath.Clean(os.TempDir())) + `/TestNothingOfABrowserOutlivesItsTest[^/]*/\d+`)
	seen := map[string]bool{}
	var out []string
	for _, pid := range startedOn("TestNothingOfABrowserOutlivesItsTest", 0) {
		line, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "cmdline"))
		if err != nil {
			continue
		}
		for _, dir := range mine.FindAllString(string(line), -1) {
			if !seen[dir] {
				seen[dir] = true
				out = append(out, dir)
			}
		}
	}
	return out
}
