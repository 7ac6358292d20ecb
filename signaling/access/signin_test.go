package access

import (
	"context"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

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
