package access

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"belay/session"
	"belay/session/live"
	"belay/session/practice"
	"belay/session/store/bolt"
)

// A therapist who signs in once and then works every day is never asked again,
// least of all in the middle of a visit.
func TestASignInThatIsUsedEveryDayIsNotDroppedByItsBrowser(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, err := bolt.Open(bolt.Options{Path: filepath.Join(t.TempDir(), "log")})
		if err != nil {
			t.Fatal(err)
		}
		defer log.Close()
		ctx := context.Background()
		p, err := practice.Open(ctx, practice.Options{Store: log})
		if err != nil {
			t.Fatal(err)
		}
		sessions, err := live.New(live.Options{Store: log})
		if err != nil {
			t.Fatal(err)
		}
		defer sessions.Close()
		door, err := New(Options{Practice: p, Sessions: sessions})
		if err != nil {
			t.Fatal(err)
		}
		token, err := p.IssueSetupLink(ctx)
		if err != nil {
			t.Fatal(err)
		}
		const page = "https://belay.example.org/"
		here, err := url.Parse(page)
		if err != nil {
			t.Fatal(err)
		}
		browser, err := cookiejar.New(nil)
		if err != nil {
			t.Fatal(err)
		}
		w := httptest.NewRecorder()
		person := practice.NewAccount{Name: "Dana Reyes", Email: "dana@example.org", Password: "a rope holds both of us", States: []string{"OR"}}
		if _, err := door.SetUp(w, httptest.NewRequest(http.MethodPost, page, nil), token, person); err != nil {
			t.Fatal(err)
		}
		browser.SetCookies(here, w.Result().Cookies())
		visit := func() error {
			r := httptest.NewRequest(http.MethodGet, page, nil)
			for _, c := range browser.Cookies(here) {
				r.AddCookie(c)
			}
			_, err := door.Account(r)
			return err
		}
		for day := range 60 {
			time.Sleep(23 * time.Hour)
			if err := visit(); err != nil {
				t.Fatalf("after %d days: %v", day+1, err)
			}
		}
		time.Sleep(25 * time.Hour)
		if visit() == nil {
			t.Error("a sign-in that nobody used for a day still opens the console")
		}
	})
}

// Strangers who know a therapist's address and nothing else, from as many places
// as they like: she has a visit in five minutes.
func TestNoStrangersLockATherapistOutOfHerAccount(t *testing.T) {
	log, err := bolt.Open(bolt.Options{Path: filepath.Join(t.TempDir(), "log"), NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	p, err := practice.Open(t.Context(), practice.Options{Store: log})
	if err != nil {
		t.Fatal(err)
	}
	sessions, err := live.New(live.Options{Store: log})
	if err != nil {
		t.Fatal(err)
	}
	defer sessions.Close()
	door, err := New(Options{Practice: p, Sessions: sessions})
	if err != nil {
		t.Fatal(err)
	}
	token, err := p.IssueSetupLink(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	const email, password = "dana@example.org", "a rope holds both of us"
	from := func(address string, cookies []*http.Cookie) *http.Request {
		r := httptest.NewRequest(http.MethodPost, "https://belay.example.org/api/signin", nil)
		r.RemoteAddr = address + ":4000"
		for _, c := range cookies {
			r.AddCookie(c)
		}
		return r
	}
	w := httptest.NewRecorder()
	person := practice.NewAccount{Name: "Dana Reyes", Email: email, Password: password, States: []string{"OR"}}
	if _, err := door.SetUp(w, from("198.51.100.7", nil), token, person); err != nil {
		t.Fatal(err)
	}
	var known []*http.Cookie
	for _, c := range w.Result().Cookies() {
		if c.Name == knownCookie {
			known = append(known, c)
		}
	}
	if len(known) != 1 || !known[0].HttpOnly || known[0].Path != "/api/signin" {
		t.Fatalf("the browser was given %v", known)
	}
	code := func(r *http.Request, email, password string) string {
		_, err := door.SignIn(httptest.NewRecorder(), r, email, password)
		var refusal *session.Refusal
		if errors.As(err, &refusal) {
			return refusal.Code
		}
		if err != nil {
			t.Fatal(err)
		}
		return ""
	}
	turned := ""
	for i := range 60 {
		if turned = code(from(fmt.Sprintf("203.0.113.%d", i), nil), email, "guess"); turned == TooMany {
			break
		}
	}
	if turned != TooMany {
		t.Fatal("strangers may guess without end")
	}
	forged := &http.Cookie{Name: knownCookie, Value: known[0].Value[:len(known[0].Value)-1] + "x"}
	if got := code(from("203.0.113.200", []*http.Cookie{forged}), email, password); got != TooMany {
		t.Errorf("a browser that only says that it is known was answered %q", got)
	}
	if got := code(from("203.0.113.201", known), "somebody@example.org", "guess"); got == "" {
		t.Error("a known browser signed in to an account that is not there")
	}
	if got := code(from("203.0.113.0", known), email, password); got != "" {
		t.Errorf("the therapist's own browser was answered %q", got)
	}
	for i := range 12 { // her browser in somebody else's hands guesses no faster than a stranger
		turned = code(from(fmt.Sprintf("203.0.113.%d", 100+i), known), email, "guess")
	}
	if turned != TooMany {
		t.Errorf("a known browser may guess without end: %q", turned)
	}
}
