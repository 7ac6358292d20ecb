package browser

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// Target names an element as a person or a test would.
type Target struct{ kind, value string }

// Text is the button, link or field with this visible text, label or accessible
// name; the whole of it if there is one such, else a part of it; where there is no
// such control, any element.
func Text(text string) Target { return Target{"text", text} }

// TestID is the element with this data-testid.
func TestID(id string) Target { return Target{"testid", id} }

// CSS is the element that a CSS selector selects.
func CSS(selector string) Target { return Target{"css", selector} }

func (to Target) String() string { return fmt.Sprintf("%s %q", to.kind, to.value) }

//go:embed find.js
var findJS string

// find waits for an element that can be pressed, and says where its middle is.
// With field it is a form control, which gets the focus and has its text selected.
func find(ctx context.Context, page Page, to Target, field bool) (x, y float64, err error) {
	arg, err := json.Marshal(map[string]any{"kind": to.kind, "value": to.value, "field": field})
	if err != nil {
		return 0, 0, err
	}
	deadline, ok := ctx.Deadline()
	if !ok {
		deadline = time.Now().Add(Patience)
	}
	looked := fmt.Sprintf("globalThis.__belayFound = await (%s)(%s)", findJS, arg)
	// The last second is kept for asking why.
	if err := waitFor(ctx, page, "("+looked+")", deadline.Add(-time.Second)); err != nil {
		if why, whyErr := page.Evaluate(ctx, "globalThis.__belayWhy"); whyErr == nil && string(why) != "null" {
			return 0, 0, fmt.Errorf("%v: %s", to, why)
		}
		return 0, 0, fmt.Errorf("%v: %w", to, err)
	}
	data, err := page.Evaluate(ctx, "globalThis.__belayFound")
	if err != nil {
		return 0, 0, err
	}
	var at struct{ X, Y float64 }
	err = json.Unmarshal(data, &at)
	return at.X, at.Y, err
}

// slice is how long one question to the page may take: a page that is replaced
// meanwhile never answers, and is asked again.
const slice = 2 * time.Second

func waitFor(ctx context.Context, page Page, expression string, deadline time.Time) error {
	last := errors.New("the page was never asked")
	for {
		left := min(time.Until(deadline), slice)
		if left <= 0 {
			return last
		}
		ask, cancel := context.WithTimeout(ctx, left+slice)
		data, err := page.Evaluate(ask, fmt.Sprintf(`(async () => {
			const end = performance.now() + %d;
			for (;;) {
				let value;
				try { value = await (%s
				); if (value) return { ok: true }; } catch (e) { value = "threw " + e; }
				if (performance.now() >= end) return { ok: false, last: String(typeof value === "object" ? JSON.stringify(value) : value) };
				await new Promise((done) => setTimeout(done, 50));
			}
		})()`, left.Milliseconds(), expression))
		cancel()
		var thrown *Thrown
		if errors.As(err, &thrown) {
			return err // the expression is caught above: this one does not parse
		}
		if err != nil {
			last = err
			select {
			case <-ctx.Done():
				return last
			case <-time.After(50 * time.Millisecond):
			}
			continue
		}
		var answer struct {
			OK   bool
			Last string
		}
		if err := json.Unmarshal(data, &answer); err != nil {
			return err
		}
		if answer.OK {
			return nil
		}
		last = fmt.Errorf("it was still %s", answer.Last)
	}
}
