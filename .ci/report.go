//go:build ignore

// Report reads `go test -json` from standard input and prints what a person wants
// to see of it: the closing line of every package, the whole output of whatever
// failed, every test that was skipped, those that took longest, and a last line
// "N passed, N failed".
//
// It exits with 1 when anything failed, was skipped, or did not run. The last line
// is also written to the file that is its argument.
package main

import (
	"bufio"
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
)

// event is one line of test2json (go doc test2json), or of a build.
type event struct {
	Action     string
	Package    string
	ImportPath string
	Test       string
	Output     string
	Elapsed    float64
}

type report struct {
	passed, failed int
	skipped        []string
	said           map[string]*strings.Builder // by package and test, until it has ended
	broken         map[string]bool             // packages with a failed test
	lost           map[string]bool             // tests that failed, and did not pass since
	again          []string                    // tests that passed only when they were played again
	took           []took
}

// took is how long a test took, its waiting for others that run beside it included.
type took struct {
	test    string
	seconds float64
}

func main() {
	r := report{said: map[string]*strings.Builder{}, broken: map[string]bool{}, lost: map[string]bool{}}
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 64<<20)
	seen := 0
	for lines.Scan() {
		var e event
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			fmt.Println(lines.Text()) // go itself, outside of any test
			continue
		}
		seen++
		r.add(e)
	}
	if err := lines.Err(); err != nil {
		fmt.Println("reading the results:", err)
		r.failed++
	}
	if seen == 0 {
		fmt.Println("no test ran")
		r.failed++
	}
	slices.SortFunc(r.took, func(a, b took) int { return cmp.Compare(b.seconds, a.seconds) })
	for _, slow := range r.took[:min(15, len(r.took))] {
		fmt.Printf("%6.1f s  %s\n", slow.seconds, slow.test)
	}
	for _, test := range r.skipped {
		fmt.Print("SKIPPED ", test)
	}
	for _, test := range r.again {
		fmt.Println("PASSED ONLY WHEN PLAYED AGAIN, its failure is above:", test)
	}
	summary := fmt.Sprintf("%d passed, %d failed", r.passed, r.failed)
	if len(r.again) > 0 {
		fmt.Printf("%d tests failed at first\n", len(r.again))
	}
	if len(r.skipped) > 0 {
		summary += fmt.Sprintf(", %d skipped (nothing may be skipped here)", len(r.skipped))
	}
	fmt.Println(summary)
	if len(os.Args) > 1 {
		if err := os.WriteFile(os.Args[1], []byte(summary+"\n"), 0o644); err != nil {
			fmt.Println(err)
			r.failed++
		}
	}
	if r.failed > 0 || len(r.skipped) > 0 {
		os.Exit(1)
	}
}

func (r *report) add(e event) {
	key := e.Package + " " + e.Test
	if e.Elapsed > 0 && e.Test != "" && !strings.Contains(e.Test, "/") {
		r.took = append(r.took, took{key, e.Elapsed})
	}
	switch e.Action {
	case "output":
		if e.Test == "" {
			if closing(e.Output) {
				fmt.Print(e.Output)
				return
			}
		}
		if r.said[key] == nil {
			r.said[key] = &strings.Builder{}
		}
		r.said[key].WriteString(e.Output)
	case "build-output":
		fmt.Print(e.Output)
	case "pass":
		if e.Test != "" {
			r.passed++
		}
		if r.lost[key] {
			delete(r.lost, key)
			r.failed--
			r.again = append(r.again, key)
		}
		delete(r.said, key)
	case "skip":
		if e.Test != "" {
			r.skipped = append(r.skipped, fmt.Sprintf("%s %s\n%s", e.Package, e.Test, r.output(key)))
		}
		delete(r.said, key)
	case "fail":
		switch {
		case e.Test != "":
			if !r.lost[key] { // played again, it is still one failure
				r.failed++
			}
			r.broken[e.Package], r.lost[key] = true, true
			fmt.Printf("FAILED %s %s (%.1fs)\n%s", e.Package, e.Test, e.Elapsed, r.output(key))
		case !r.broken[e.Package]:
			// It did not build, panicked outside of a test, or ran out of time.
			r.failed++
			fmt.Print(r.output(key))
			for unfinished, text := range r.said {
				if strings.HasPrefix(unfinished, e.Package+" ") && unfinished != key {
					fmt.Printf("UNFINISHED %s\n%s", unfinished, text)
				}
			}
		}
		delete(r.said, key)
	}
}

// output is what the test said, without the lines that only say that it ran.
func (r *report) output(key string) string {
	if r.said[key] == nil {
		return ""
	}
	var out strings.Builder
	for line := range strings.Lines(r.said[key].String()) {
		if !strings.HasPrefix(line, "=== ") {
			out.WriteString("    " + line)
		}
	}
	return out.String()
}

// closing says whether a line is go test's last word on a package.
func closing(line string) bool {
	for _, start := range []string{"ok  \t", "FAIL\t", "?   \t", "---\t"} {
		if strings.HasPrefix(line, start) {
			return true
		}
	}
	return strings.Contains(line, "[no test files]")
}
