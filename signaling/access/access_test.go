package access

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"belay/session"
)

func TestOneStrangerDoesNotUseUpWhatOthersMayTry(t *testing.T) {
	l := newLimiter(time.Second, 3)
	now := time.Unix(1_700_000_000, 0)
	for i := range 5 {
		if err := l.allow("stranger", now); (err == nil) != (i < 3) {
			t.Errorf("attempt %d: %v", i+1, err)
		}
	}
	if err := l.allow("somebody else", now); err != nil {
		t.Errorf("somebody else is turned away: %v", err)
	}
	if err := l.allow("stranger", now.Add(1100*time.Millisecond)); err != nil {
		t.Errorf("after the wait the stranger is turned away: %v", err)
	}
}

func TestAFloodOfAddressesTakesBoundedMemory(t *testing.T) {
	l := newLimiter(time.Minute, 2)
	now := time.Unix(1_700_000_000, 0)
	allowed := 0
	for i := range 3 * maxKeys {
		if l.allow(fmt.Sprint(i), now) == nil {
			allowed++
		}
	}
	if len(l.keys) > maxKeys {
		t.Errorf("%d keys are kept", len(l.keys))
	}
	if allowed > maxKeys+2 {
		t.Errorf("%d attempts of %d passed at one moment", allowed, 3*maxKeys)
	}
	// When the flood has passed, room is made.
	if err := l.allow("a guest", now.Add(10*time.Minute)); err != nil {
		t.Error(err)
	}
	if len(l.keys) > 1 {
		t.Errorf("%d keys are kept after the flood", len(l.keys))
	}
}

func TestOnlyAProxyThatIsNamedIsBelievedAboutAddresses(t *testing.T) {
	proxies, err := ParseProxies("10.42.0.0/16, 192.0.2.7,fd00::/8")
	if err != nil {
		t.Fatal(err)
	}
	d := &Door{proxies: proxies}
	for _, c := range []struct{ remote, header, want string }{
		{"203.0.113.9:4000", "", "203.0.113.9"},
		{"203.0.113.9:4000", "198.51.100.1", "203.0.113.9"},
		{"127.0.0.1:4000", "198.51.100.1, 203.0.113.9", "203.0.113.9"},
		{"127.0.0.1:4000", "nonsense", "127.0.0.1"},
		{"[::1]:4000", "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"},
		{"[2001:db8::1]:4000", "", "2001:db8::/64"},
		{"[::ffff:203.0.113.9]:4000", "", "203.0.113.9"},
		{"[fe80::1%eth0]:4000", "", "fe80::/64"},
		{"@", "", "@"},
		{"10.42.3.4:4000", "203.0.113.9", "203.0.113.9"},
		{"10.43.3.4:4000", "203.0.113.9", "10.43.3.4"},                            // not one of them
		{"10.42.3.4:4000", "198.51.100.1, 203.0.113.9, 10.42.9.9", "203.0.113.9"}, // two proxies, and what a stranger wrote
		{"10.42.3.4:4000", "198.51.100.1, 192.0.2.7", "198.51.100.1"},
		{"192.0.2.8:4000", "198.51.100.1", "192.0.2.8"},
		{"10.42.3.4:4000", "203.0.113.9:51234", "203.0.113.9"},
		{"[fd00::7]:4000", "[2001:db8:1:2::9]:51234", "2001:db8:1:2::/64"},
		{"10.42.3.4:4000", "198.51.100.1, nonsense", "10.42.3.4"},
		{"10.42.3.4:4000", "", "10.42.3.4"},
		{"[::ffff:10.42.3.4]:4000", "203.0.113.9", "203.0.113.9"},
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.RemoteAddr = c.remote
		if c.header != "" {
			r.Header.Set("X-Forwarded-For", c.header)
		}
		if got := d.address(r); got != c.want {
			t.Errorf("from %s with %q: %s, want %s", c.remote, c.header, got, c.want)
		}
	}
}

func TestTheCookiesOfTwoSeatsTellNothingOfEachOther(t *testing.T) {
	seen := map[string]bool{}
	for _, id := range []string{"s1", "s2"} {
		for _, seat := range []session.SeatID{"client-1", "chaperone-1"} {
			for _, browser := range []string{"one", "two"} {
				secret := seatSecret(browser, id, seat)
				if seen[secret] || strings.Contains(secret, browser) {
					t.Errorf("%s %s %s: %s", browser, id, seat, secret)
				}
				seen[secret] = true
			}
		}
	}
	first, again := seatSecret("one", "s1", "client-1"), seatSecret("one", "s1", "client-1")
	if first != again {
		t.Error("a link does not open again in the same browser")
	}
}

func TestCookiesLeaveOnlyOverTLSWhereThereIsTLS(t *testing.T) {
	public, err := url.Parse("https://belay.example.org")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		door   *Door
		target string
		want   bool
	}{{&Door{}, "http://localhost/", false}, {&Door{}, "https://localhost/", true}, {&Door{public: public}, "http://localhost/", true}} {
		w := httptest.NewRecorder()
		c.door.setCookie(w, httptest.NewRequest(http.MethodGet, c.target, nil), seatCookie, "x", "/s/a/b/", time.Hour)
		if got := w.Result().Cookies()[0].Secure; got != c.want {
			t.Errorf("%s: Secure is %t", c.target, got)
		}
	}
}

func TestAWarningComesWhereALinkWouldMeanAnotherMachine(t *testing.T) {
	for host, want := range map[string]bool{
		"localhost": true, "localhost:8080": true, "127.0.0.1:8080": true, "[::1]:8080": true, "0.0.0.0": true, "belay.localhost": true,
		"192.168.1.7:8080": false, "belay.example.org": false, "[2001:db8::1]:443": false, "localhost.example.org": false,
	} {
		if got := IsLocal(host); got != want {
			t.Errorf("%s: %t", host, got)
		}
	}
}

func TestAPublicAddressMustBeOne(t *testing.T) {
	for raw, want := range map[string]bool{"https://belay.example.org": true, "http://192.168.1.7:8080/": true, "belay.example.org": false,
		"ftp://belay.example.org": false, "https://belay.example.org/x": false, "https://belay.example.org/?a": false} {
		u, err := url.Parse(raw)
		if err != nil {
			t.Fatal(err)
		}
		err = Options{PublicURL: u}.validate()
		if got := err != nil && !strings.Contains(err.Error(), "public"); got != want {
			t.Errorf("%s: %v", raw, err)
		}
	}
}

func FuzzADevicesWordsFitATherapistsScreen(f *testing.F) {
	f.Add("Chrome on Android")
	f.Add("\x00\xff\n\t")
	f.Add(strings.Repeat("é", 100))
	f.Fuzz(func(t *testing.T, words string) {
		got := plain(words)
		if got == "" || len(got) > session.MaxName || !utf8.ValidString(got) || strings.ContainsAny(got, "\n\r\x00") {
			t.Errorf("%q became %q", words, got)
		}
	})
}
