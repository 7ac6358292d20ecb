package browser

import (
	"context"
	"fmt"
	"net"
	"os"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Patience is how long one step of a person may take. It is generous, since a
// machine that builds and plays video at once is slow; nothing waits this long
// unless it is about to fail.
const Patience = 60 * time.Second

// Options are the settings of one browser process.
type Options struct {
	// Camera is a .y4m file (a .mjpeg also works) that Chromium's fake camera
	// plays in a loop. Without it the camera shows a moving test picture.
	// Firefox has only its own test picture and refuses this option.
	Camera string

	// NoCamera leaves the machine without a camera. Chromium only.
	NoCamera bool

	// Flags are further command line switches for Chromium, without the leading
	// dashes, each with a string or a bool.
	Flags map[string]any

	// Prefs are further preferences for Firefox.
	Prefs map[string]any

	// Env are further environment variables, as NAME=value.
	Env []string

	// Prefix stands before the browser's command line: a program that starts it
	// in another network, say, in its own place and with its open files.
	Prefix []string

	// Dial reaches the browser in that other network; nil: it is in this one.
	// Firefox only: Chromium is spoken to by a pipe.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// Seat is the device in front of one person. The zero value is a laptop,
// 1280×720, that allows the camera and the microphone.
type Seat struct {
	// Phone makes it a phone held upright, 390×844, with touch.
	Phone bool

	// Width and Height are the size of the viewport in CSS pixels. Zero means
	// the usual size of the device.
	Width, Height int

	// Scale is device pixels per CSS pixel; zero means 1 (2 on a phone). Half
	// the size with twice the scale is what a zoom of 200 % looks like.
	Scale float64

	// Beside gives this person another tab, in a window of its own, of the same
	// browser as that person's, with the same cookies and storage. It is closed
	// with that one at the latest. Chromium only.
	Beside *Person

	// DenyMedia refuses the camera and the microphone, as if the person had
	// chosen "Block". Chromium only; for Firefox see [DeniedPrefs].
	DenyMedia bool

	// Dark, ReducedMotion and ForcedColors are the person's preferences in the
	// system. Chromium only.
	Dark, ReducedMotion, ForcedColors bool

	// Paper shows the page as it is printed. Chromium only.
	Paper bool
}

func (s Seat) withDefaults() Seat {
	width, height, scale := 1280, 720, 1.0
	if s.Phone {
		width, height, scale = 390, 844, 2
	}
	if s.Width == 0 {
		s.Width = width
	}
	if s.Height == 0 {
		s.Height = height
	}
	if s.Scale == 0 {
		s.Scale = scale
	}
	return s
}

// Page is one tab of a real browser: the few things that both browsers must be
// able to do. [Person] is made of them.
//
// A Page is used by one goroutine at a time. Its methods end early with an error
// when ctx does. Close may be called at any time, any number of times; it
// returns when the tab is gone and no goroutine of the page is left.
type Page interface {
	// Navigate opens url and returns when it has loaded. Questions of the page
	// before it is left are answered with yes, and recorded.
	Navigate(ctx context.Context, url string) error

	// Before has every document that the tab loads from now on run a script first.
	Before(ctx context.Context, script string) error

	// Reload loads the page again and returns when it has loaded.
	Reload(ctx context.Context) error

	// Evaluate returns the JSON of a JavaScript expression (not a statement), a
	// promise being awaited first. Undefined becomes null. What the page throws
	// comes back as a [*Thrown].
	Evaluate(ctx context.Context, expression string) ([]byte, error)

	// Press clicks with the main mouse button, or taps on a phone, at a point in
	// CSS pixels from the top left corner of the viewport.
	Press(ctx context.Context, x, y float64) error

	// Keys presses the keys of the text one after the other, in whatever has the
	// focus. The keys without a character are the constants of type [Key].
	Keys(ctx context.Context, text string) error

	// Insert gives text at once to whatever has the focus, as dictation does, or a
	// keyboard that completes words.
	Insert(ctx context.Context, text string) error

	// Screenshot returns a PNG of the viewport, or of the whole page.
	Screenshot(ctx context.Context, whole bool) ([]byte, error)

	// Close closes the tab, without asking the page.
	Close() error
}

// Key is a key that has no character, by its code point in the WebDriver
// standard (https://www.w3.org/TR/webdriver2/#keyboard-actions).
type Key = string

// The keys that our pages listen to.
const (
	Backspace Key = "\uE003"
	Tab       Key = "\uE004"
	Enter     Key = "\uE006"
	Escape    Key = "\uE00C"
	ArrowUp   Key = "\uE013"
	ArrowDown Key = "\uE015"
)

// Thrown is an exception that an evaluated expression ended with.
type Thrown struct{ Text string }

func (e *Thrown) Error() string { return "the page threw: " + e.Text }

// Browser is one running browser process. Its methods may be used from any
// goroutine. It ends with the test that started it.
type Browser struct {
	// Kind is "chromium" or "firefox".
	Kind string

	t    testing.TB
	open func(Seat, *Log) (Page, error)
	main *os.Process // Chromium's: of its windows and its network, and of no page

	mu     sync.Mutex
	people []*Person
}

// Open gives a person a seat at this browser. Name is used in messages and in
// names of pictures. The tab is closed when the test ends, at the latest.
func (b *Browser) Open(name string, seat Seat) *Person {
	b.t.Helper()
	seat = seat.withDefaults()
	log := &Log{start: time.Now()}
	page, err := b.open(seat, log)
	if err != nil {
		b.t.Fatalf("opening a %s page for %s: %v", b.Kind, name, err)
	}
	p := &Person{Page: page, Name: name, Kind: b.Kind, Log: log, t: b.t}
	b.mu.Lock()
	b.people = append(b.people, p)
	b.mu.Unlock()
	return p
}

// Unseen has something happen while the browser's main process stands still: what the
// system says of it that process hears all at once, afterwards, and of what is already
// over by then it may notice nothing. The pages go on. Chromium only.
func (b *Browser) Unseen(happens func()) {
	b.t.Helper()
	if b.main == nil {
		b.t.Fatal("only a Chromium can be kept from seeing something")
	}
	if err := b.main.Signal(syscall.SIGSTOP); err != nil {
		b.t.Fatal(err)
	}
	defer b.main.Signal(syscall.SIGCONT) // one that is gone meanwhile fails the test by that
	happens()
}

// Kill ends the browser at once, as a power cut would: no page has time for anything.
// Of what they have not said by then nobody hears. Chromium only.
func (b *Browser) Kill() {
	b.t.Helper()
	if b.main == nil {
		b.t.Fatal("only a Chromium can be killed")
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, p := range b.people {
		p.Log.report()
	}
	if err := b.main.Kill(); err != nil {
		b.t.Fatal(err)
	}
}

// leave lets everybody leave who has not yet, while the process still runs.
func (b *Browser) leave() {
	b.t.Helper()
	b.mu.Lock()
	people := b.people
	b.mu.Unlock()
	for _, p := range people {
		p.leave()
	}
}

// unavailable skips the test, or fails it where nothing may be skipped.
func unavailable(t testing.TB, format string, args ...any) {
	t.Helper()
	reason := fmt.Sprintf(format, args...)
	if os.Getenv("CI") == "true" {
		t.Fatalf("%s (CI=true: nothing may be skipped)", reason)
	}
	t.Skip(reason)
}
