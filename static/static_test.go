package static

import (
	"bytes"
	"compress/gzip"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// screenLimit is what one screen may weigh, compressed: a poor phone line loads
// it in some seconds (SCREENS.md).
const screenLimit = 150_000

func read(t *testing.T, name string) string {
	t.Helper()
	data, err := fs.ReadFile(Files, name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func names(t *testing.T, pattern string) []string {
	t.Helper()
	all, err := fs.Glob(Files, pattern)
	if err != nil {
		t.Fatal(err)
	}
	if len(all) == 0 {
		t.Fatalf("no file %s is embedded", pattern)
	}
	return all
}

var (
	importedFile = regexp.MustCompile(`(?m)(?:^\s*(?:import|export)\b[^"';]*?from\s*|^\s*import\s*|\bimport\()["']([^"']+)["']`)
	linkedFile   = regexp.MustCompile(`(?:src|href)="(/static/[^"]+)"`)
	comment      = regexp.MustCompile(`(?s:/\*.*?\*/)|(?m:^\s*//.*$)`)
)

// parts returns every file that a page loads: what it links, and what that imports.
func parts(t *testing.T, page string) []string {
	t.Helper()
	todo, have := []string{page}, []string{}
	for len(todo) > 0 {
		name := todo[0]
		todo = todo[1:]
		if slices.Contains(have, name) {
			continue
		}
		have = append(have, name)
		text := read(t, name)
		switch path.Ext(name) {
		case ".html":
			for _, m := range linkedFile.FindAllStringSubmatch(text, -1) {
				todo = append(todo, strings.TrimPrefix(m[1], "/static/"))
			}
		case ".js":
			for _, m := range importedFile.FindAllStringSubmatch(comment.ReplaceAllString(text, ""), -1) {
				file, here := strings.CutPrefix(m[1], "./")
				if !here {
					t.Errorf("%s imports %q, which is no file beside it", name, m[1])
					continue
				}
				todo = append(todo, file)
			}
		}
	}
	return have
}

func TestEveryPageFindsItsPartsAndFitsAPoorPhoneLine(t *testing.T) {
	for _, page := range names(t, "*.html") {
		t.Run(page, func(t *testing.T) {
			weight := 0
			for _, name := range parts(t, page) {
				var packed bytes.Buffer
				w := gzip.NewWriter(&packed)
				if _, err := w.Write([]byte(read(t, name))); err != nil {
					t.Fatal(err)
				}
				if err := w.Close(); err != nil {
					t.Fatal(err)
				}
				weight += packed.Len()
			}
			t.Logf("%d bytes compressed in %d files", weight, len(parts(t, page)))
			if weight > screenLimit {
				t.Errorf("%s weighs %d bytes compressed: the limit is %d", page, weight, screenLimit)
			}
		})
	}
}

func TestNoPageAsksAnotherHost(t *testing.T) {
	// The name of a vocabulary is no address that anybody opens.
	vocabulary := "http://www.w3.org/2000/svg"
	address := regexp.MustCompile(`(?i)(?:https?:|wss?:)?//[a-z0-9-]+\.[a-z]`)
	for _, name := range slices.Concat(names(t, "*.html"), names(t, "*.js"), names(t, "*.css"), names(t, "*.svg")) {
		for i, line := range strings.Split(read(t, name), "\n") {
			line = strings.ReplaceAll(line, vocabulary, "")
			if code := strings.TrimSpace(line); strings.HasPrefix(code, "//") || strings.HasPrefix(code, "*") {
				continue
			}
			if address.MatchString(line) {
				t.Errorf("%s:%d names another host: %s", name, i+1, strings.TrimSpace(line))
			}
		}
	}
}

func TestNoNameOrNoteCanBecomeHTMLOrCode(t *testing.T) {
	forbidden := regexp.MustCompile(`\.(inner|outer)HTML|insertAdjacentHTML|document\.write|DOMParser|createContextualFragment|\beval\(|new Function|srcdoc|setAttribute\("style"`)
	for _, name := range names(t, "*.js") {
		text := comment.ReplaceAllString(read(t, name), "")
		if found := forbidden.FindString(text); found != "" {
			t.Errorf("%s uses %s: text goes into a page as text, styles as properties", name, found)
		}
	}
	inline := regexp.MustCompile(`(?i)<style|\sstyle="|\son[a-z]+="|<script(?:\s+type="module")?\s*>`)
	for _, name := range names(t, "*.html") {
		if found := inline.FindString(read(t, name)); found != "" {
			t.Errorf("%s has %q inline: the page's own policy refuses it", name, found)
		}
	}
}

// The client's page never sounds an alarm and shows no clock after the dose: a
// part that could do so must not even be loaded.
func TestTheClientsPageCannotSoundAnAlarm(t *testing.T) {
	for _, name := range parts(t, "client.html") {
		if name == "alarm-sound.js" || strings.HasPrefix(name, "band") || strings.HasPrefix(name, "therapist") {
			t.Errorf("the client's page loads %s", name)
		}
	}
}
