package browser

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"sync"
	"time"
)

// firefoxPage is a window in a user context ("container") of its own.
type firefoxPage struct {
	firefox *firefox
	log     *Log
	phone   bool
	context string
	user    string
	once    sync.Once
	closed  error
}

func (f *firefox) open(seat Seat, log *Log) (Page, error) {
	if seat.Dark || seat.ReducedMotion || seat.ForcedColors || seat.Paper {
		return nil, errors.New("firefox takes these from its preferences: ui.systemUsesDarkTheme, ui.prefersReducedMotion")
	}
	if seat.Beside != nil {
		return nil, errors.New("firefox opens nobody beside somebody else")
	}
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	defer cancel()
	var user struct {
		UserContext string `json:"userContext"`
	}
	if err := f.bidi.call(ctx, "browser.createUserContext", map[string]any{}, &user); err != nil {
		return nil, err
	}
	p := &firefoxPage{firefox: f, log: log, phone: seat.Phone, user: user.UserContext}
	var created struct {
		Context string `json:"context"`
	}
	// A window, since a tab in the background is slowed down.
	err := f.bidi.call(ctx, "browsingContext.create", map[string]any{"type": "window", "userContext": p.user}, &created)
	if err != nil {
		return nil, err
	}
	p.context = created.Context
	f.mu.Lock()
	f.pages[p.context] = p
	f.mu.Unlock()
	if err := p.furnish(ctx, seat); err != nil {
		p.Close()
		return nil, err
	}
	return p, nil
}

func (p *firefoxPage) furnish(ctx context.Context, seat Seat) error {
	err := p.call(ctx, "browsingContext.setViewport", map[string]any{
		"viewport": map[string]int{"width": seat.Width, "height": seat.Height}, "devicePixelRatio": seat.Scale}, nil)
	if err != nil {
		return err
	}
	if seat.DenyMedia {
		return errors.New("deny media with Prefs: " + fmt.Sprint(DeniedPrefs))
	}
	return nil
}

// DeniedPrefs make a whole Firefox refuse the camera and the microphone.
var DeniedPrefs = map[string]any{
	"media.navigator.permission.disabled": false,
	"permissions.default.camera":          2,
	"permissions.default.microphone":      2,
}

// call adds the page's browsing context to the parameters.
func (p *firefoxPage) call(ctx context.Context, method string, params map[string]any, result any) error {
	params["context"] = p.context
	return p.firefox.bidi.call(ctx, method, params, result)
}

func (p *firefoxPage) Navigate(ctx context.Context, url string) error {
	return p.call(ctx, "browsingContext.navigate", map[string]any{"url": url, "wait": "complete"}, nil)
}

func (p *firefoxPage) Before(ctx context.Context, script string) error {
	return p.firefox.bidi.call(ctx, "script.addPreloadScript", map[string]any{
		"functionDeclaration": "() => {\n" + script + "\n}", "contexts": []string{p.context}}, nil)
}

func (p *firefoxPage) Reload(ctx context.Context) error {
	return p.call(ctx, "browsingContext.reload", map[string]any{"wait": "complete"}, nil)
}

func (p *firefoxPage) Evaluate(ctx context.Context, expression string) ([]byte, error) {
	var answer struct {
		Type   string `json:"type"`
		Result struct {
			Value string `json:"value"`
		} `json:"result"`
		Exception struct {
			Text string `json:"text"`
		} `json:"exceptionDetails"`
	}
	err := p.firefox.bidi.call(ctx, "script.evaluate", map[string]any{
		"expression": asJSON(expression), "awaitPromise": true, "resultOwnership": "none",
		"target": map[string]string{"context": p.context},
	}, &answer)
	if err != nil {
		return nil, err
	}
	if answer.Type == "exception" {
		return nil, &Thrown{answer.Exception.Text}
	}
	return []byte(answer.Result.Value), nil
}

func (p *firefoxPage) Press(ctx context.Context, x, y float64) error {
	kind := "mouse"
	if p.phone {
		kind = "touch"
	}
	return p.perform(ctx, map[string]any{
		"type": "pointer", "id": "pointer-" + kind, "parameters": map[string]string{"pointerType": kind},
		"actions": []map[string]any{
			{"type": "pointerMove", "x": int(x), "y": int(y)},
			{"type": "pointerDown", "button": 0},
			{"type": "pointerUp", "button": 0},
		},
	})
}

func (p *firefoxPage) Keys(ctx context.Context, text string) error {
	var actions []map[string]any
	for _, r := range text {
		actions = append(actions,
			map[string]any{"type": "keyDown", "value": string(r)},
			map[string]any{"type": "keyUp", "value": string(r)})
	}
	return p.perform(ctx, map[string]any{"type": "key", "id": "keyboard", "actions": actions})
}

// Insert presses the keys: all of them are one message to Firefox anyway.
func (p *firefoxPage) Insert(ctx context.Context, text string) error { return p.Keys(ctx, text) }

func (p *firefoxPage) perform(ctx context.Context, source map[string]any) error {
	if err := p.call(ctx, "input.performActions", map[string]any{"actions": []any{source}}, nil); err != nil {
		return err
	}
	return p.call(ctx, "input.releaseActions", map[string]any{}, nil)
}

func (p *firefoxPage) Screenshot(ctx context.Context, whole bool) ([]byte, error) {
	origin := "viewport"
	if whole {
		origin = "document"
	}
	var answer struct {
		Data string `json:"data"`
	}
	if err := p.call(ctx, "browsingContext.captureScreenshot", map[string]any{"origin": origin}, &answer); err != nil {
		return nil, err
	}
	return base64.StdEncoding.DecodeString(answer.Data)
}

func (p *firefoxPage) Close() error {
	p.once.Do(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		p.closed = p.firefox.bidi.call(ctx, "browser.removeUserContext", map[string]any{"userContext": p.user}, nil)
		p.firefox.mu.Lock()
		delete(p.firefox.pages, p.context)
		p.firefox.mu.Unlock()
	})
	return p.closed
}
