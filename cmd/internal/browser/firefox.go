package browser

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
)

// firefoxPrefs make it a browser without a first day, with a fake camera and
// microphone, that gathers addresses on loopback and does not hide them.
var firefoxPrefs = map[string]any{
	"app.update.enabled":                                false,
	"browser.aboutwelcome.enabled":                      false,
	"browser.shell.checkDefaultBrowser":                 false,
	"browser.tabs.warnOnClose":                          false,
	"browser.startup.homepage_override.mstone":          "ignore",
	"datareporting.policy.dataSubmissionEnabled":        false,
	"dom.min_background_timeout_value":                  4,
	"media.autoplay.default":                            0,
	"media.navigator.streams.fake":                      true,
	"media.navigator.permission.disabled":               true,
	"media.peerconnection.ice.loopback":                 true,
	"media.peerconnection.ice.obfuscate_host_addresses": false,
	"network.captive-portal-service.enabled":            false,
	"network.connectivity-service.enabled":              false,
	"remote.prefs.recommended":                          true,
	"toolkit.startup.max_resumed_crashes":               -1,
	"widget.windows.window_occlusion_tracking.enabled":  false,
	"services.settings.server":                          "data:,",
}

// StartFirefox starts one headless Firefox. It ends, with all its people, when
// the test does.
//
// Refusing the camera and the microphone is a preference of the whole process:
// give it [DeniedPrefs] instead of a seat with DenyMedia.
func StartFirefox(t testing.TB, o Options) *Browser {
	t.Helper()
	path := executable(t, "firefox-esr", "firefox")
	if o.Camera != "" || o.NoCamera || len(o.Flags) > 0 {
		t.Fatal("browser: Camera, NoCamera and Flags are Chromium's")
	}
	profile, temporary := t.TempDir(), scratch(t)
	if err := writePrefs(profile, o.Prefs); err != nil {
		t.Fatal(err)
	}
	b := &Browser{Kind: "firefox", t: t}
	f := &firefox{profile: profile, pages: map[string]*firefoxPage{}}
	t.Cleanup(func() {
		b.leave()
		if err := f.stop(); err != nil {
			t.Error(err)
		}
	})
	if err := f.start(append(slices.Clone(o.Prefix), path), append([]string{"TMPDIR=" + temporary}, o.Env...), o.Dial); err != nil {
		t.Fatalf("starting %s: %v", path, err)
	}
	b.open = f.open
	return b
}

func writePrefs(profile string, more map[string]any) error {
	prefs := maps.Clone(firefoxPrefs)
	maps.Copy(prefs, more)
	var text strings.Builder
	for _, name := range slices.Sorted(maps.Keys(prefs)) {
		value, err := json.Marshal(prefs[name])
		if err != nil {
			return fmt.Errorf("preference %s: %w", name, err)
		}
		fmt.Fprintf(&text, "user_pref(%q, %s);\n", name, value)
	}
	return os.WriteFile(filepath.Join(profile, "user.js"), []byte(text.String()), 0o600)
}

// firefox is the process and its one BiDi session.
type firefox struct {
	profile string
	cmd     *exec.Cmd
	exited  chan struct{} // closed when the process has been waited for
	output  chan struct{} // closed when its standard error has been read
	bidi    *bidi

	mu    sync.Mutex
	pages map[string]*firefoxPage // by browsing context
}

func (f *firefox) start(command, env []string, dial dialer) error {
	f.cmd = exec.Command(command[0], append(command[1:], "--headless", "--no-remote", "--profile", f.profile, "--remote-debugging-port", "0", "about:blank")...)
	f.cmd.Env = append(append(os.Environ(), "HOME="+f.profile, "MOZ_CRASHREPORTER_DISABLE=1"), env...)
	ownGroup(f.cmd)
	stderr, write, err := os.Pipe()
	if err != nil {
		return err
	}
	f.cmd.Stderr = write
	started := make(chan error, 1)
	f.exited = make(chan struct{})
	go func() {
		// The kernel kills the browser when the thread that started it ends,
		// so this goroutine keeps its thread until the browser is gone.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer close(f.exited)
		err := f.cmd.Start()
		write.Close()
		started <- err
		if err == nil {
			_ = f.cmd.Wait() // killed, in the end: how it ended says nothing
		}
	}()
	f.output = make(chan struct{})
	address := make(chan string, 1)
	var said strings.Builder
	go func() {
		defer close(f.output)
		defer stderr.Close()
		lines := bufio.NewScanner(stderr)
		for found := false; lines.Scan() && !found; {
			said.WriteString(lines.Text() + "\n")
			if _, url, ok := strings.Cut(lines.Text(), "WebDriver BiDi listening on "); ok {
				found = true
				address <- strings.TrimSpace(url)
			}
		}
		_, _ = io.Copy(io.Discard, stderr) // a full pipe would stop the browser
	}()
	if err := <-started; err != nil {
		f.cmd.Process = nil
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	defer cancel()
	select {
	case url := <-address:
		return f.connect(ctx, url, dial)
	case <-f.output:
		return fmt.Errorf("it ended at once:\n%s", said.String())
	case <-ctx.Done():
		return errors.New("it did not say where it listens")
	}
}

func (f *firefox) connect(ctx context.Context, url string, dial dialer) (err error) {
	f.bidi, err = dialBidi(ctx, url+"/session", dial, f.event)
	if err != nil {
		return err
	}
	err = f.bidi.call(ctx, "session.new", map[string]any{"capabilities": map[string]any{"alwaysMatch": map[string]any{
		"acceptInsecureCerts":     true,
		"unhandledPromptBehavior": map[string]any{"default": "accept", "beforeUnload": "accept"},
	}}}, nil)
	if err != nil {
		return err
	}
	return f.bidi.call(ctx, "session.subscribe", map[string]any{"events": []string{
		"log.entryAdded", "browsingContext.userPromptOpened", "network.fetchError"}}, nil)
}

// event puts what a page says into its log.
func (f *firefox) event(method string, params json.RawMessage) {
	var e struct {
		Context string `json:"context"`
		Source  struct {
			Context string `json:"context"`
		} `json:"source"`
		Type      string `json:"type"`
		Level     string `json:"level"`
		Method    string `json:"method"`
		Text      string `json:"text"`
		Message   string `json:"message"`
		ErrorText string `json:"errorText"`
		Request   struct {
			URL string `json:"url"`
		} `json:"request"`
	}
	if err := json.Unmarshal(params, &e); err != nil {
		return
	}
	f.mu.Lock()
	page := f.pages[e.Context+e.Source.Context] // one of them is empty
	f.mu.Unlock()
	if page == nil {
		return
	}
	switch method {
	case "browsingContext.userPromptOpened":
		page.log.add("dialog", e.Type+": "+e.Message)
	case "network.fetchError":
		page.log.add("network", e.ErrorText+" "+e.Request.URL)
	case "log.entryAdded":
		page.log.add(kindOf(e.Type, e.Level, e.Method), e.Text)
	}
}

// kindOf says the kind of a log entry in Chromium's words.
func kindOf(source, level, method string) string {
	switch {
	case source == "javascript" && level == "error":
		return "exception"
	case level == "warn":
		return "warning"
	case source == "console" && level == "info":
		return method // console.log and console.info have the same level
	}
	return level
}

func (f *firefox) stop() error {
	if f.bidi != nil {
		f.bidi.close()
	}
	var err error
	if f.cmd != nil && f.cmd.Process != nil {
		err = killTree(f.cmd.Process.Pid, f.profile)
	}
	if f.exited != nil {
		<-f.exited
	}
	if f.output != nil {
		<-f.output
	}
	return err
}
