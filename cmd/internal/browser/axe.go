package browser

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Violation is a rule of axe-core that a page breaks, and where.
type Violation struct {
	ID     string   // the rule, e.g. "color-contrast"
	Impact string   // minor, moderate, serious or critical
	Help   string   // what the rule asks for
	Nodes  []string // the elements, as HTML
}

func (v Violation) String() string {
	return fmt.Sprintf("%s (%s): %s\n    %s", v.ID, v.Impact, v.Help, strings.Join(v.Nodes, "\n    "))
}

// axeRules are the levels that we promise: WCAG 2.2 AA.
const axeRules = `["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]`

// AxePath is where the checks' installation put axe-core. Without it the test is
// skipped, or fails where nothing may be skipped.
func AxePath(t testing.TB) string {
	t.Helper()
	root, err := moduleRoot()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(root, ".ci", "node_modules", "axe-core", "axe.min.js")
	if _, err := os.Stat(path); err != nil {
		unavailable(t, "axe-core is not installed; .ci/run installs it")
	}
	return path
}

// RunAxe checks the page as it is now against WCAG 2.2 AA with the axe-core at
// path, and returns what it breaks. The page's content security policy does not
// stand in the way.
func RunAxe(ctx context.Context, page Page, path string) ([]Violation, error) {
	source, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	if _, err := page.Evaluate(ctx, "(() => {"+string(source)+"\n})()"); err != nil {
		return nil, fmt.Errorf("loading axe-core: %w", err)
	}
	data, err := page.Evaluate(ctx, `axe.run(document, { runOnly: `+axeRules+`, resultTypes: ["violations"] }).then((r) =>
		r.violations.map((v) => ({ id: v.id, impact: v.impact, help: v.help, nodes: v.nodes.map((n) => n.html) })))`)
	if err != nil {
		return nil, fmt.Errorf("running axe-core: %w", err)
	}
	var out []Violation
	err = json.Unmarshal(data, &out)
	return out, err
}

// Accessible fails the test, and goes on, for everything in which the screen that
// the person sees now breaks WCAG 2.2 AA.
func (p *Person) Accessible(screen string) {
	p.t.Helper()
	path := AxePath(p.t)
	p.step("checking the accessibility of "+screen, func(ctx context.Context) error {
		found, err := RunAxe(ctx, p.Page, path)
		for _, v := range found {
			p.t.Errorf("%s (%s): %s: %v", p.Name, p.Kind, screen, v)
		}
		return err
	})
}
