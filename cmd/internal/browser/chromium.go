package browser

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"

	cdpbrowser "github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// phoneAgent is what Chrome on Android sends, so that a page that gives advice
// by browser gives a phone's.
const phoneAgent = "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Mobile Safari/537.36"

// StartChromium starts one Chromium with a fake camera and a fake microphone.
// It ends, with all its people, when the test does.
func StartChromium(t testing.TB, o Options) *Browser {
	t.Helper()
	path := executable(t, "chromium", "chromium-browser", "google-chrome")
	if len(o.Prefs) > 0 {
		t.Fatal("browser: Prefs are Firefox's")
	}
	profile := t.TempDir()
	flags := map[string]any{
		"autoplay-policy":                  "no-user-gesture-required",
		"use-fake-device-for-media-stream": true,
		// Without these two a page without a camera hides its addresses
		// behind multicast names, and nothing at all is gathered on loopback.
		"disable-features":                  "Translate,BlinkGenPropertyTrees,WebRtcHideLocalIpsWithMdns",
		"allow-loopback-in-peer-connection": true,
		"hide-scrollbars":                   true,
	}
	if os.Geteuid() == 0 {
		flags["no-sandbox"] = true
	}
	switch {
	case o.NoCamera:
		flags["use-fake-device-for-media-stream"] = "device-count=0"
	case o.Camera != "":
		flags["use-file-for-fake-video-capture"] = o.Camera
	default:
		flags["use-file-for-fake-video-capture"] = film(t, profile)
	}
	for name, value := range o.Flags {
		if name == "disable-features" || name == "enable-features" {
			if set, ok := flags[name].(string); ok {
				value = set + "," + fmt.Sprint(value)
			}
		}
		flags[name] = value
	}
	var cmd *exec.Cmd
	opts := slices.Clone(chromedp.DefaultExecAllocatorOptions[:])
	opts = append(opts,
		chromedp.ExecPath(path),
		chromedp.UserDataDir(profile),
		chromedp.Env(append([]string{"TMPDIR=" + scratch(t)}, o.Env...)...),
		chromedp.ModifyCmdFunc(func(c *exec.Cmd) {
			ownGroup(c)
			if len(o.Prefix) > 0 {
				c.Path = executable(t, o.Prefix[0])
				c.Args = append(slices.Clone(o.Prefix), append([]string{path}, c.Args[1:]...)...)
			}
			cmd = c
		}))
	for _, name := range slices.Sorted(maps.Keys(flags)) {
		opts = append(opts, chromedp.Flag(name, flags[name]))
	}
	allocator, stopAllocator := chromedp.NewExecAllocator(context.Background(), opts...)
	root, stopRoot := chromedp.NewContext(allocator, chromedp.WithBrowserOption(
		// What a newer Chromium says that the library does not know is no
		// concern of the test.
		chromedp.WithBrowserErrorf(func(string, ...any) {})))
	b := &Browser{Kind: "chromium", t: t}
	t.Cleanup(func() {
		b.leave()
		stopRoot()
		stopAllocator()
		if cmd != nil && cmd.Process != nil {
			if err := killTree(cmd.Process.Pid, profile); err != nil {
				t.Error(err)
			}
		}
	})
	if err := chromedp.Do(root); err != nil {
		t.Fatalf("starting %s: %v", path, err)
	}
	b.main = cmd.Process
	b.open = func(seat Seat, log *Log) (Page, error) { return openChromium(root, seat, log) }
	return b
}

// chromiumPage is a tab in a browser context of its own.
type chromiumPage struct {
	ctx   context.Context
	close context.CancelFunc
	phone bool
	wait  sync.WaitGroup // the readers of console and dialogs
	once  sync.Once
}

func openChromium(root context.Context, seat Seat, log *Log) (Page, error) {
	from, options := root, []chromedp.ContextOption{chromedp.WithNewBrowserContext()}
	if seat.Beside != nil {
		beside, ok := seat.Beside.Page.(*chromiumPage)
		if !ok {
			return nil, errors.New("only two tabs of one Chromium can stand beside each other")
		}
		from, options = beside.ctx, nil
	}
	ctx, cancel := chromedp.NewContext(from, options...)
	p := &chromiumPage{ctx: ctx, close: cancel, phone: seat.Phone}
	if err := chromedp.Do(ctx); err != nil {
		cancel()
		return nil, err
	}
	p.listen(log)
	if err := p.furnish(seat); err != nil {
		p.Close()
		return nil, err
	}
	return p, nil
}

// listen records what the page says and answers its dialogs with yes.
func (p *chromiumPage) listen(log *Log) {
	console := chromedp.Console(p.ctx)
	dialogs := chromedp.Events(p.ctx, page.JavascriptDialogOpening)
	p.wait.Go(func() {
		for m, err := range console {
			if err != nil {
				return
			}
			kind := string(m.Type)
			if m.Source == "network" {
				kind = "network"
			}
			text := m.Text
			if m.URL != "" {
				text = fmt.Sprintf("%s (%s:%d)", text, m.URL, m.Line+1)
			}
			log.add(kind, text)
		}
	})
	p.wait.Go(func() {
		for d, err := range dialogs {
			if err != nil {
				return
			}
			log.add("dialog", fmt.Sprintf("%s: %s", d.Type, d.Message))
			_, err := chromedp.Call(p.ctx, page.HandleJavaScriptDialog, page.HandleJavaScriptDialogParams{Accept: true})
			if err != nil && p.ctx.Err() == nil {
				log.add("error", "answering a dialog: "+err.Error())
			}
		}
	})
}

// furnish makes the tab the device that the seat describes.
func (p *chromiumPage) furnish(seat Seat) error {
	orientation := &emulation.ScreenOrientation{Type: emulation.ScreenOrientationTypeLandscapePrimary, Angle: 90}
	if seat.Height > seat.Width {
		orientation = &emulation.ScreenOrientation{Type: emulation.ScreenOrientationTypePortraitPrimary}
	}
	_, err := chromedp.Call(p.ctx, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{
		Width: int64(seat.Width), Height: int64(seat.Height), DeviceScaleFactor: seat.Scale,
		Mobile: seat.Phone, ScreenOrientation: orientation,
	})
	if err != nil {
		return fmt.Errorf("setting the size: %w", err)
	}
	if seat.Phone {
		_, err := chromedp.Call(p.ctx, emulation.SetTouchEmulationEnabled, emulation.SetTouchEmulationEnabledParams{Enabled: true, MaxTouchPoints: 5})
		if err != nil {
			return fmt.Errorf("turning on touch: %w", err)
		}
		_, err = chromedp.Call(p.ctx, emulation.SetUserAgentOverride, emulation.SetUserAgentOverrideParams{UserAgent: phoneAgent, Platform: "Linux armv81"})
		if err != nil {
			return fmt.Errorf("setting the user agent: %w", err)
		}
	}
	scheme, motion, forced, media := "light", "no-preference", "none", "screen"
	if seat.Dark {
		scheme = "dark"
	}
	if seat.ReducedMotion {
		motion = "reduce"
	}
	if seat.ForcedColors {
		forced = "active"
	}
	if seat.Paper {
		media = "print"
	}
	_, err = chromedp.Call(p.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Media: media, Features: []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: motion}, {Name: "forced-colors", Value: forced},
	}})
	if err != nil {
		return fmt.Errorf("setting the preferences: %w", err)
	}
	devices := cdpbrowser.PermissionSettingGranted
	if seat.DenyMedia {
		devices = cdpbrowser.PermissionSettingDenied
	}
	for _, name := range []string{"camera", "microphone"} {
		_, err := chromedp.CallBrowser(p.ctx, cdpbrowser.SetPermission, cdpbrowser.SetPermissionParams{
			Permission:       &cdpbrowser.PermissionDescriptor{Name: name},
			Setting:          devices,
			BrowserContextID: chromedp.FromContext(p.ctx).BrowserContextID,
		})
		if err != nil {
			return fmt.Errorf("setting the permission for the %s: %w", name, err)
		}
	}
	return nil
}

// during is the page's context, ended also by the caller's.
func (p *chromiumPage) during(ctx context.Context) (context.Context, context.CancelFunc) {
	both, cancel := context.WithCancelCause(p.ctx)
	stop := context.AfterFunc(ctx, func() { cancel(context.Cause(ctx)) })
	return both, func() { stop(); cancel(nil) }
}

func (p *chromiumPage) Navigate(ctx context.Context, url string) error {
	ctx, done := p.during(ctx)
	defer done()
	return chromedp.Do(ctx, chromedp.Navigate(url))
}

func (p *chromiumPage) Before(ctx context.Context, script string) error {
	ctx, done := p.during(ctx)
	defer done()
	_, err := chromedp.Call(ctx, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: script})
	return err
}

func (p *chromiumPage) setCookies(ctx context.Context, url string, cookies []*http.Cookie) error {
	ctx, done := p.during(ctx)
	defer done()
	hidden := true
	for _, c := range cookies {
		if _, err := chromedp.Call(ctx, network.SetCookie, network.SetCookieParams{Name: c.Name, Value: c.Value, URL: url, HTTPOnly: &hidden}); err != nil {
			return err
		}
	}
	return nil
}

func (p *chromiumPage) Reload(ctx context.Context) error {
	ctx, done := p.during(ctx)
	defer done()
	return chromedp.Do(ctx, chromedp.Reload())
}

func (p *chromiumPage) Evaluate(ctx context.Context, expression string) ([]byte, error) {
	ctx, done := p.during(ctx)
	defer done()
	text, err := chromedp.Run(ctx, chromedp.Evaluate[string](asJSON(expression), chromedp.EvalAwaitPromise))
	var thrown *chromedp.ExceptionError
	if errors.As(err, &thrown) {
		return nil, &Thrown{thrown.Error()}
	}
	return []byte(text), err
}

func (p *chromiumPage) Press(ctx context.Context, x, y float64) error {
	ctx, done := p.during(ctx)
	defer done()
	if p.phone {
		return chromedp.Do(ctx, chromedp.TapXY(x, y))
	}
	return chromedp.Do(ctx, chromedp.MouseClickXY(x, y))
}

// chromiumKeys are WebDriver's keys in the alphabet of chromedp.
var chromiumKeys = strings.NewReplacer(
	Backspace, kb.Backspace, Tab, kb.Tab, Enter, kb.Enter, Escape, kb.Escape,
	ArrowUp, kb.ArrowUp, ArrowDown, kb.ArrowDown)

// Keys sends each key as one press that carries its character: the browser then
// leaves the character out where the page has taken the key for itself. Sent as an
// event of its own, as the library does, it would be written all the same.
func (p *chromiumPage) Keys(ctx context.Context, text string) error {
	ctx, done := p.during(ctx)
	defer done()
	for _, r := range chromiumKeys.Replace(text) {
		events := kb.Encode(r)
		down, up := events[0], events[len(events)-1]
		if len(events) == 3 {
			down.Text, down.UnmodifiedText = events[1].Text, events[1].UnmodifiedText
		}
		for _, event := range []*input.DispatchKeyEventParams{down, up} {
			if _, err := chromedp.Call(ctx, input.DispatchKeyEvent, *event); err != nil {
				return err
			}
		}
	}
	return nil
}

func (p *chromiumPage) Insert(ctx context.Context, text string) error {
	ctx, done := p.during(ctx)
	defer done()
	_, err := chromedp.Call(ctx, input.InsertText, input.InsertTextParams{Text: text})
	return err
}

func (p *chromiumPage) Screenshot(ctx context.Context, whole bool) ([]byte, error) {
	ctx, done := p.during(ctx)
	defer done()
	if whole {
		return chromedp.Run(ctx, chromedp.FullScreenshot(100))
	}
	return chromedp.Run(ctx, chromedp.CaptureScreenshot())
}

func (p *chromiumPage) Close() error {
	p.once.Do(func() {
		p.close()
		p.wait.Wait()
	})
	return nil
}

// asJSON wraps an expression so that both browsers return a string: their own
// ways of describing values differ. The line break ends a trailing comment.
func asJSON(expression string) string {
	return "(async () => JSON.stringify((await (" + expression + "\n)) ?? null))()"
}
