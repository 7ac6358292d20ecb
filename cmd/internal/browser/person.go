package browser

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// Person is somebody in front of a page. Every step fails the test, with the
// person's name, when it does not succeed within [Patience].
type Person struct {
	// Page is the tab, for steps that may fail or that other goroutines take.
	Page Page
	// Name is what the test calls this person; Kind is the kind of the browser.
	Name, Kind string
	// Log is what the page has said.
	Log *Log

	t testing.TB
}

// With returns the same person for a subtest: its steps end that one.
func (p *Person) With(t testing.TB) *Person {
	other := *p
	other.t = t
	return &other
}

func (p *Person) fail(step string, err error) {
	p.t.Helper()
	p.lastPicture()
	p.t.Fatalf("%s (%s): %s: %v\n%s", p.Name, p.Kind, step, err, p.recent())
}

// recent is the end of the page's log, for messages.
func (p *Person) recent() string {
	lines := p.Log.Lines()
	if len(lines) > 15 {
		lines = lines[len(lines)-15:]
	}
	var text strings.Builder
	for _, line := range lines {
		text.WriteString("    " + line.String() + "\n")
	}
	return text.String()
}

// leave closes the tab and reports, once, what went wrong on it unnoticed.
func (p *Person) leave() {
	p.t.Helper()
	if !p.Log.report() {
		return
	}
	if p.t.Failed() {
		p.lastPicture()
	}
	p.hearOut()
	if err := p.Page.Close(); err != nil {
		p.t.Errorf("%s (%s): closing the page: %v", p.Name, p.Kind, err)
	}
	for _, line := range p.Log.Problems() {
		p.t.Errorf("%s (%s): the page reported %s", p.Name, p.Kind, line)
	}
}

// hearOut returns when everything that the page has said so far is in its log; a
// page that does not answer is given up.
func (p *Person) hearOut() {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	const mark = "the test has heard everything before this"
	heard := p.Log.mark(mark)
	if _, err := p.Page.Evaluate(ctx, "console.debug("+quote(mark)+")"); err != nil {
		return
	}
	select {
	case <-heard:
	case <-ctx.Done():
	}
}

// Expect says that an exception or a console error that contains text is no
// fault of the page.
func (p *Person) Expect(text string) { p.Log.expect(text) }

func (p *Person) step(name string, do func(ctx context.Context) error) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	defer cancel()
	if err := do(ctx); err != nil {
		p.fail(name, err)
	}
}

// Goto opens a page and waits until it has loaded.
func (p *Person) Goto(url string) {
	p.t.Helper()
	p.step("going to "+url, func(ctx context.Context) error { return p.Page.Navigate(ctx, url) })
}

// Before has every page that is opened from now on run a script first.
func (p *Person) Before(script string) {
	p.t.Helper()
	p.step("preparing "+short(script), func(ctx context.Context) error { return p.Page.Before(ctx, script) })
}

// Reload loads the page again.
func (p *Person) Reload() {
	p.t.Helper()
	p.step("reloading", p.Page.Reload)
}

// Refit changes the device in front of the person, as when a window is made
// smaller or the system turns dark. The page stays. Chromium only.
func (p *Person) Refit(seat Seat) {
	p.t.Helper()
	p.step("changing the device", func(context.Context) error {
		page, ok := p.Page.(*chromiumPage)
		if !ok {
			return errors.New("only a Chromium can be refitted")
		}
		return page.furnish(seat.withDefaults())
	})
}

// SetCookies gives the person's browser cookies as an answer from url would, hidden
// from scripts; of each the name and the value are used. Chromium only.
func (p *Person) SetCookies(url string, cookies []*http.Cookie) {
	p.t.Helper()
	p.step("taking cookies", func(ctx context.Context) error {
		page, ok := p.Page.(*chromiumPage)
		if !ok {
			return errors.New("only a Chromium can be given cookies")
		}
		return page.setCookies(ctx, url, cookies)
	})
}

// Close closes the tab, as somebody who walks away: nothing is asked. What the
// page reported until then is reported to the test.
func (p *Person) Close() {
	p.t.Helper()
	p.leave()
}

// Eval returns the value of a JavaScript expression, decoded from JSON; a promise
// is awaited first.
func Eval[T any](p *Person, expression string) T {
	p.t.Helper()
	var out T
	p.step("evaluating "+short(expression), func(ctx context.Context) error {
		data, err := p.Page.Evaluate(ctx, expression)
		if err != nil {
			return err
		}
		return json.Unmarshal(data, &out)
	})
	return out
}

// WaitFor waits until a JavaScript expression is truthy, across reloads. The
// page is asked every 50 ms, by its own timer: animation frames stop in a tab
// that is not shown. The error says what the expression last was, or threw.
func (p *Person) WaitFor(expression string, within time.Duration) {
	p.t.Helper()
	start := time.Now()
	ctx, cancel := context.WithTimeout(context.Background(), within+time.Second)
	defer cancel()
	if err := waitFor(ctx, p.Page, expression, start.Add(within)); err != nil {
		p.fail(fmt.Sprintf("waiting %v for %s", within, short(expression)), err)
	}
}

// WaitText waits until the text is visible somewhere on the page. White space
// counts as one space; case counts.
func (p *Person) WaitText(text string) {
	p.t.Helper()
	p.WaitFor(fmt.Sprintf(`document.body.innerText.replace(/\s+/g, " ").includes(%s)`, quote(text)), Patience)
}

// WaitNoText waits until the text is nowhere visible on the page.
func (p *Person) WaitNoText(text string) {
	p.t.Helper()
	p.WaitFor(fmt.Sprintf(`!document.body.innerText.replace(/\s+/g, " ").includes(%s)`, quote(text)), Patience)
}

// Click presses an element when there is exactly one such, it is enabled, stands
// still and is covered by nothing.
func (p *Person) Click(to Target) {
	p.t.Helper()
	p.step(fmt.Sprintf("clicking %v", to), func(ctx context.Context) error {
		x, y, err := find(ctx, p.Page, to, false)
		if err != nil {
			return err
		}
		return p.Page.Press(ctx, x, y)
	})
}

// Type replaces what a text field contains: the first character by its key, so that
// whatever else listens to keys is met as in life, and the rest at once. Key by key,
// typing was a tenth of the time of a story; a text that a page has to see grow is for
// [Person.Press].
func (p *Person) Type(field Target, text string) {
	p.t.Helper()
	p.step(fmt.Sprintf("typing into %v", field), func(ctx context.Context) error {
		if _, _, err := find(ctx, p.Page, field, true); err != nil {
			return err
		}
		first, size := utf8.DecodeRuneInString(text)
		if size == 0 {
			return nil
		}
		if err := p.Page.Keys(ctx, string(first)); err != nil || size == len(text) {
			return err
		}
		return p.Page.Insert(ctx, text[size:])
	})
}

// Press presses keys in whatever has the focus, e.g. [Enter] or "n".
func (p *Person) Press(keys string) {
	p.t.Helper()
	p.step(fmt.Sprintf("pressing %q", keys), func(ctx context.Context) error { return p.Page.Keys(ctx, keys) })
}

// Choose sets the value of a select, date, time or range control, whose keys
// differ between browsers and languages, and tells the page so. A select may also
// be set by the visible text of the option.
func (p *Person) Choose(field Target, value string) {
	p.t.Helper()
	p.step(fmt.Sprintf("choosing %q in %v", value, field), func(ctx context.Context) error {
		if _, _, err := find(ctx, p.Page, field, true); err != nil {
			return err
		}
		data, err := p.Page.Evaluate(ctx, fmt.Sprintf(`((value) => {
			const el = document.activeElement;
			const option = [...(el.options ?? [])].find((o) => o.value === value || o.label === value);
			el.value = option ? option.value : value;
			el.dispatchEvent(new Event("input", { bubbles: true }));
			el.dispatchEvent(new Event("change", { bubbles: true }));
			return el.options ? Boolean(option) : el.value !== "";
		})(%s)`, quote(value)))
		if err == nil && string(data) != "true" {
			return errors.New("the control does not take that value")
		}
		return err
	})
}

// quote is text as a JavaScript literal.
func quote(text string) string {
	data, _ := json.Marshal(text) // a string is always valid
	return string(data)
}

// short keeps an expression readable in a message.
func short(expression string) string {
	text := strings.Join(strings.Fields(expression), " ")
	if len(text) > 160 {
		text = text[:160] + "…"
	}
	return text
}
