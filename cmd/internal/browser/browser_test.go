package browser_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"belay/cmd/internal/browser"
)

// room serves the test page, under a policy as strict as the app's own.
func room(t *testing.T) string {
	t.Helper()
	files := http.FileServer(http.Dir("testdata"))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'unsafe-inline'; media-src 'self' blob:; img-src 'self'")
		files.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return strings.Replace(server.URL, "127.0.0.1", "localhost", 1) + "/room.html"
}

// each runs a test in both browsers.
func each(t *testing.T, test func(t *testing.T, b *browser.Browser)) {
	t.Run("chromium", func(t *testing.T) { test(t, browser.StartChromium(t, browser.Options{})) })
	t.Run("firefox", func(t *testing.T) { test(t, browser.StartFirefox(t, browser.Options{})) })
}

// inEither are the tests that must pass in either browser, each with people of its
// own at a browser that all of them share.
var inEither = []struct {
	name string
	test func(t *testing.T, b *browser.Browser, url string)
}{
	{"A press is a persons press", aPressIsAPersonsPress},
	{"What a person cannot press is not pressed", whatAPersonCannotPressIsNotPressed},
	{"What goes wrong on a page is seen", whatGoesWrongOnAPageIsSeen},
	{"A question before leaving does not stop the test", aQuestionBeforeLeavingDoesNotStopTheTest},
	{"Waiting goes on through a reload", waitingGoesOnThroughAReload},
	{"Nobody shares what their browser remembers", nobodySharesWhatTheirBrowserRemembers},
	{"Screens that exclude people are found", screensThatExcludePeopleAreFound},
}

func TestEitherBrowserDoesWhatPeopleDo(t *testing.T) {
	each(t, func(t *testing.T, b *browser.Browser) {
		for _, c := range inEither {
			t.Run(c.name, func(t *testing.T) { c.test(t, b, room(t)) })
		}
	})
}

// open seats somebody until the end of this test, not that of the browser's.
func open(t *testing.T, b *browser.Browser, name string, seat browser.Seat) *browser.Person {
	t.Helper()
	p := b.Open(name, seat).With(t)
	t.Cleanup(p.Close)
	return p
}

// call lets two people see each other; the test carries the descriptions.
func call(a, b *browser.Person) {
	quote := func(s string) string { data, _ := json.Marshal(s); return string(data) }
	offer := browser.Eval[string](a, fmt.Sprintf("offer(%q)", b.Name))
	answer := browser.Eval[string](b, fmt.Sprintf("answer(%q, %s)", a.Name, quote(offer)))
	browser.Eval[bool](a, fmt.Sprintf("accept(%q, %s)", b.Name, quote(answer)))
}

func TestPeopleInBothBrowsersSeeEachOther(t *testing.T) {
	url := room(t)
	chromium := browser.StartChromium(t, browser.Options{})
	firefox := browser.StartFirefox(t, browser.Options{})
	alex := chromium.Open("alex", browser.Seat{})
	sam := chromium.Open("sam", browser.Seat{Phone: true})
	kim := firefox.Open("kim", browser.Seat{})
	people := []*browser.Person{alex, sam, kim}
	for _, p := range people {
		p.Goto(url)
	}
	call(alex, sam)
	call(alex, kim)
	call(kim, sam)
	for _, viewer := range people {
		for _, seen := range people {
			if viewer != seen {
				viewer.WaitFrames("#from-"+seen.Name, 10)
			}
		}
	}
	for _, p := range people {
		p.Shot("drivers/" + p.Name)
	}
}

func aPressIsAPersonsPress(t *testing.T, b *browser.Browser, url string) {
	for _, c := range []struct {
		seat browser.Seat
		by   string
	}{{browser.Seat{}, "mouse"}, {browser.Seat{Phone: true}, "touch"}} {
		p := open(t, b, c.by, c.seat)
		p.Goto(url)
		for _, to := range []browser.Target{browser.Text("Press me"), browser.CSS("#far")} {
			p.Click(to)
			p.WaitText("trusted=true active=true by=" + c.by)
		}
		p.WaitText("far trusted")
		p.Click(browser.Text("By its name"))
		p.WaitText("✓ trusted")
		p.Type(browser.Text("Your name"), "Zoë")
		p.Press(browser.Enter)
		p.WaitFor(`said.dataset.key === "Enter"`, time.Second)
		p.Choose(browser.Text("State"), "Oregon") // the label also holds the word Oregon
		p.Choose(browser.Text("When"), "14:03")
		got := browser.Eval[[]string](p, `["name", "state", "when"].map((id) => document.getElementById(id).value)`)
		if fmt.Sprint(got) != "[Zoë OR 14:03]" {
			t.Errorf("%s: the fields contain %q", c.by, got)
		}
		p.Close()
	}
}

func whatAPersonCannotPressIsNotPressed(t *testing.T, b *browser.Browser, url string) {
	p := open(t, b, "alex", browser.Seat{})
	p.Goto(url)
	for text, reason := range map[string]string{
		"Not now": "disabled", "Covered": "covered", "Twice": "2 things", "Nowhere": "not on the page", "Never heard of": "not on the page",
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
		err := browser.Find(ctx, p.Page, browser.Text(text))
		cancel()
		if err == nil || !strings.Contains(err.Error(), reason) {
			t.Errorf("pressing %q: got %v, want a reason with %q", text, err, reason)
		}
	}
}

func whatGoesWrongOnAPageIsSeen(t *testing.T, b *browser.Browser, url string) {
	p := open(t, b, "alex", browser.Seat{})
	p.Goto(url)
	browser.Eval[any](p, `console.log("a word"), console.error("an error"), setTimeout(() => { throw new Error("an exception") })`)
	browser.Eval[any](p, `alert("a question")`)
	deadline := time.Now().Add(10 * time.Second)
	for len(p.Log.Lines()) < 4 && time.Now().Before(deadline) {
		time.Sleep(20 * time.Millisecond) // the browser's clock, not ours
	}
	if problems := fmt.Sprint(p.Log.Problems()); !strings.Contains(problems, "error: an error") || !strings.Contains(problems, "an exception") || strings.Contains(problems, "a word") {
		t.Errorf("problems: %s", problems)
	}
	if lines := fmt.Sprint(p.Log.Lines()); !strings.Contains(lines, "log: a word") || !strings.Contains(lines, "dialog: alert: a question") {
		t.Errorf("log: %s", lines)
	}
	p.Expect("an error")
	p.Expect("an exception")
	if problems := p.Log.Problems(); len(problems) > 0 {
		t.Errorf("expected, but still a problem: %v", problems)
	}
}

func aQuestionBeforeLeavingDoesNotStopTheTest(t *testing.T, b *browser.Browser, url string) {
	p := open(t, b, "alex", browser.Seat{})
	p.Goto(url)
	browser.Eval[any](p, `addEventListener("beforeunload", (e) => e.preventDefault())`)
	p.Click(browser.Text("Press me")) // pages that nobody has touched may not ask
	p.WaitText("active=true")
	p.Reload()
	p.WaitFor(`said.textContent === ""`, 5*time.Second)
	if lines := fmt.Sprint(p.Log.Lines()); !strings.Contains(lines, "dialog: beforeunload") {
		t.Errorf("the page did not ask: %s", lines)
	}
}

func waitingGoesOnThroughAReload(t *testing.T, b *browser.Browser, url string) {
	p := open(t, b, "alex", browser.Seat{})
	p.Goto(url)
	browser.Eval[any](p, `setTimeout(() => { sessionStorage.again = "yes"; location.reload() }, 300)`)
	p.WaitFor(`sessionStorage.again && performance.getEntriesByType("navigation")[0].type === "reload"`, 10*time.Second)
}

func nobodySharesWhatTheirBrowserRemembers(t *testing.T, b *browser.Browser, url string) {
	alex, sam := open(t, b, "alex", browser.Seat{}), open(t, b, "sam", browser.Seat{})
	alex.Goto(url)
	sam.Goto(url)
	browser.Eval[any](alex, `document.cookie = "who=alex", localStorage.who = "alex"`)
	alex.Reload()
	sam.Reload()
	const remembered = `document.cookie + " " + (localStorage.who ?? "nothing")`
	if got := browser.Eval[string](alex, remembered); got != "who=alex alex" {
		t.Errorf("alex's browser remembers %q", got)
	}
	if got := browser.Eval[string](sam, remembered); got != " nothing" {
		t.Errorf("sam's browser remembers %q", got)
	}
}

func TestACameraThatIsRefusedOrMissingFailsAsInLife(t *testing.T) {
	url := room(t)
	const outcome = `media.then(() => "allowed", (e) => e.name)`
	expect := func(t *testing.T, p *browser.Person, want string) {
		t.Helper()
		p.Goto(url)
		if got := browser.Eval[string](p, outcome); got != want {
			t.Errorf("%s in %s: %s, want %s", p.Name, p.Kind, got, want)
		}
	}
	t.Run("chromium", func(t *testing.T) {
		b := browser.StartChromium(t, browser.Options{})
		expect(t, b.Open("refusing", browser.Seat{DenyMedia: true}), "NotAllowedError")
		expect(t, b.Open("allowing", browser.Seat{}), "allowed")
	})
	t.Run("no camera", func(t *testing.T) {
		expect(t, browser.StartChromium(t, browser.Options{NoCamera: true}).Open("without", browser.Seat{}), "NotFoundError")
	})
	t.Run("firefox", func(t *testing.T) {
		expect(t, browser.StartFirefox(t, browser.Options{Prefs: browser.DeniedPrefs}).Open("refusing", browser.Seat{}), "NotAllowedError")
	})
}

func TestTheCameraShowsTheGivenFile(t *testing.T) {
	// One grey frame, over and over: a camera that is stuck.
	const width, height = 64, 48
	film := "YUV4MPEG2 W64 H48 F10:1 Ip A1:1 C420jpeg\n"
	for range 10 {
		film += "FRAME\n" + strings.Repeat("\x60", width*height) + strings.Repeat("\x80", width*height/2)
	}
	path := filepath.Join(t.TempDir(), "grey.y4m")
	if err := os.WriteFile(path, []byte(film), 0o644); err != nil {
		t.Fatal(err)
	}
	p := browser.StartChromium(t, browser.Options{Camera: path}).Open("alex", browser.Seat{})
	p.Goto(room(t))
	got := browser.Eval[[]int](p, `media.then(async (stream) => {
		const video = Object.assign(document.createElement("video"), { srcObject: stream, muted: true });
		await video.play();
		const canvas = new OffscreenCanvas(1, 1).getContext("2d");
		canvas.drawImage(video, 0, 0, 1, 1);
		return [...canvas.getImageData(0, 0, 1, 1).data];
	})`)
	if got[0] != got[1] || got[1] != got[2] || got[0] < 60 || got[0] > 130 {
		t.Errorf("the camera shows the colour %v, want a grey", got)
	}
}

func screensThatExcludePeopleAreFound(t *testing.T, b *browser.Browser, url string) {
	path := browser.AxePath(t)
	p := open(t, b, "alex", browser.Seat{})
	p.Goto(url)
	before, err := browser.RunAxe(t.Context(), p.Page, path)
	if err != nil {
		t.Fatal(err)
	}
	browser.Eval[any](p, `document.querySelector("#seen").after(document.createElement("button"))`)
	after, err := browser.RunAxe(t.Context(), p.Page, path)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(fmt.Sprint(before), "button-name") || !strings.Contains(fmt.Sprint(after), "button-name") {
		t.Errorf("a button without a name was not found: before %v, after %v", before, after)
	}
}

func TestNothingOfABrowserOutlivesItsTest(t *testing.T) {
	url := room(t)
	started := map[string]bool{}
	t.Run("use", func(t *testing.T) {
		each(t, func(t *testing.T, b *browser.Browser) {
			b.Open("alex", browser.Seat{}).Goto(url)
			for _, profile := range browser.Profiles() {
				started[profile] = true
			}
		})
	})
	if len(started) != 2 {
		t.Errorf("two browsers ran on the profiles %v", started)
	}
	if left := browser.Profiles(); len(left) > 0 {
		t.Errorf("processes are left on %v", left)
	}
}
