package server_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"belay/cmd/internal/server"
)

func TestARestartSignsNobodyOutAndLosesNoSession(t *testing.T) {
	data := t.TempDir()
	s := start(t, server.Options{Data: data})
	robin := therapist(t, s)
	m := robin.make(plain())
	alex := visit(t, s.URL())
	place := alex.open(200, m.links["client-1"])["location"].(string)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}

	again := start(t, server.Options{Data: data})
	if again.SetupURL() != "" {
		t.Error("a set-up link is printed although somebody has an account")
	}
	robin.base, alex.base = again.URL(), again.URL()
	if me := robin.ask(200, "GET", "/api/me", nil); me["name"] != "Robin Hale" {
		t.Errorf("after a restart the console knows %v", me)
	}
	list := robin.ask(200, "GET", "/api/sessions", nil)["sessions"].([]any)
	if len(list) != 1 || list[0].(map[string]any)["id"] != m.id {
		t.Errorf("after a restart the list holds %v", list)
	}
	if got := robin.page(m.place); got != 200 {
		t.Errorf("the therapist's page: %d", got)
	}
	if got := alex.page(place); got != 200 {
		t.Errorf("the client's page: %d", got)
	}
}

func TestAnUnusedSetupLinkIsPrintedAnewAtEachStart(t *testing.T) {
	data := t.TempDir()
	s := start(t, server.Options{Data: data})
	first := s.SetupURL()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = start(t, server.Options{Data: data})
	if s.SetupURL() == "" || strings.Split(s.SetupURL(), "#")[1] == strings.Split(first, "#")[1] {
		t.Fatal("the second start printed no new link")
	}
	_, token, _ := strings.Cut(first, "#")
	visit(t, s.URL()).ask(403, "POST", "/api/setup", map[string]any{"token": token, "name": "E", "email": "e@example.org", "password": passphrase, "states": []string{"OR"}})
	therapist(t, s)
}

func TestThreeLinksWorkSideBySideInOneBrowserAndEachOpensItsOwnSeatOnly(t *testing.T) {
	s := start(t, server.Options{})
	robin := therapist(t, s)
	m := robin.make(plain())
	other := robin.make(plain())

	// Everybody's first try: all three in the therapist's own browser.
	for _, seat := range []string{"client-1", "chaperone-1"} {
		if got := robin.open(200, m.links[seat])["location"]; got != "/s/"+m.id+"/"+seat+"/" {
			t.Errorf("%s opens %v", seat, got)
		}
	}
	for _, seat := range []string{"therapist-1", "client-1", "chaperone-1"} {
		if got := robin.page("/s/" + m.id + "/" + seat + "/"); got != 200 {
			t.Errorf("%s's page: %d", seat, got)
		}
	}

	// The chaperone's phone: that page and nothing else, also with its cookie
	// put where it does not belong.
	sam := visit(t, s.URL())
	sam.open(202, m.links["chaperone-1"]) // the link was opened elsewhere before
	chaperone := visit(t, s.URL())
	place := chaperone.open(200, other.links["chaperone-1"])["location"].(string)
	if got := chaperone.page(place); got != 200 {
		t.Fatalf("the chaperone's own page: %d", got)
	}
	secret := cookie(t, chaperone, place, "belay_seat")
	for _, path := range []string{
		"/s/" + other.id + "/client-1/", "/s/" + other.id + "/therapist-1/", "/s/" + m.id + "/chaperone-1/", "/s/" + m.id + "/client-1/",
		"/api/sessions", "/api/sessions/" + other.id, "/api/sessions/" + other.id + "/log", "/api/settings", "/api/me",
	} {
		for _, name := range []string{"belay_seat", "belay_account", "belay_device"} {
			req, err := http.NewRequestWithContext(t.Context(), "GET", s.URL()+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			req.AddCookie(&http.Cookie{Name: name, Value: secret})
			res, err := chaperone.http.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			res.Body.Close()
			// A page of a therapist's seat leads to the sign-in; all else is closed.
			if ok := res.StatusCode == 401 || res.StatusCode == 403 || res.StatusCode == 303 && strings.Contains(path, "therapist"); !ok {
				t.Errorf("the chaperone's cookie as %s at %s: %d", name, path, res.StatusCode)
			}
		}
	}
}

// cookie returns a cookie's value as the browser would send it to the path.
func cookie(t *testing.T, v *visitor, path, name string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), "GET", v.base+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range v.http.Jar.Cookies(req.URL) {
		if c.Name == name {
			return c.Value
		}
	}
	t.Fatalf("no cookie %s at %s", name, path)
	return ""
}

func TestASecondBrowserWaitsForTheTherapistsOneTap(t *testing.T) {
	s := start(t, server.Options{})
	robin := therapist(t, s)
	m := robin.make(plain())
	link := m.links["chaperone-1"]
	first, second, third := visit(t, s.URL()), visit(t, s.URL()), visit(t, s.URL())
	place := first.open(200, link)["location"].(string)
	first.open(200, link) // again in the same browser: as before
	for range 3 {         // the page asks every two seconds: one request in the record
		second.open(202, link)
	}
	third.open(202, link)
	if got := second.page(place); got != 403 {
		t.Errorf("before the tap the second browser gets %d", got)
	}
	devices := robin.ask(200, "GET", "/api/sessions/"+m.id, nil)["devices"].([]any)
	if len(devices) != 2 {
		t.Fatalf("%d browsers wait: %v", len(devices), devices)
	}
	request := func(i int) any { return devices[i].(map[string]any)["request"] }
	if words := devices[0].(map[string]any)["words"]; words != "Firefox on Linux" {
		t.Errorf("the therapist reads %q", words)
	}
	robin.ask(200, "POST", "/api/sessions/"+m.id+"/devices", map[string]any{"request": request(0), "admit": true})
	robin.ask(200, "POST", "/api/sessions/"+m.id+"/devices", map[string]any{"request": request(1), "admit": false})
	robin.ask(404, "POST", "/api/sessions/"+m.id+"/devices", map[string]any{"request": request(1), "admit": true})
	second.open(200, link)
	if got := second.page(place); got != 200 {
		t.Errorf("after the tap the second browser gets %d", got)
	}
	third.open(403, link)
	if got := first.page(place); got != 200 {
		t.Errorf("the first browser gets %d now", got)
	}
}

func TestALinkThatWasReplacedOrWithdrawnOpensNothing(t *testing.T) {
	s := start(t, server.Options{})
	robin := therapist(t, s)
	m := robin.make(plain())
	alex, stranger := visit(t, s.URL()), visit(t, s.URL())
	place := alex.open(200, m.links["client-1"])["location"].(string)

	fresh := robin.ask(201, "POST", "/api/sessions/"+m.id+"/links", map[string]any{"seat": "client-1"})
	if !strings.HasPrefix(fresh["qr"].(string), "data:image/png;base64,") {
		t.Error("the fresh link has no picture")
	}
	stranger.open(403, m.links["client-1"])
	// The page of a client under the medicine has to find its way back: a fresh
	// link turns nobody out. Another browser that opens it waits for the tap.
	if got := alex.page(place); got != 200 {
		t.Errorf("a fresh link has turned out the browser that was in: %d", got)
	}
	stranger.open(202, fresh["url"].(string))
	alex.open(200, fresh["url"].(string))
	robin.ask(200, "DELETE", "/api/sessions/"+m.id+"/links/client-1", nil)
	answer := alex.open(403, fresh["url"].(string))
	if answer["code"] != "link_invalid" || answer["words"] == "" {
		t.Errorf("a withdrawn link says %v", answer)
	}
	if got := alex.page(place); got != 403 {
		t.Errorf("with a withdrawn link the page still answers %d", got)
	}
	for _, bad := range []string{"#", "#a.b.c", "#" + m.id + ".client-1.AAAAAAAAAAAAAAAAAAAAAAAAAA", "#" + m.id + ".therapist-1.AAAAAAAAAAAAAAAAAAAAAAAAAA",
		"#01900000-0000-7000-8000-000000000000.client-1.AAAAAAAAAAAAAAAAAAAAAAAAAA", "#practice.client-1.AAAAAAAAAAAAAAAAAAAAAAAAAA"} {
		if strings.Count(bad, ".") != 2 {
			continue
		}
		if code := stranger.open(403, bad)["code"]; code != "link_invalid" {
			t.Errorf("%s: %v", bad, code)
		}
	}
	// A therapist's seat has no link at all.
	robin.ask(422, "POST", "/api/sessions/"+m.id+"/links", map[string]any{"seat": "therapist-1"})
	robin.ask(404, "POST", "/api/sessions/"+m.id+"/links", map[string]any{"seat": "client-9"})
}

func TestAnotherTherapistsSessionLooksAsIfItDidNotExist(t *testing.T) {
	data := t.TempDir()
	s := start(t, server.Options{Data: data})
	robin := therapist(t, s)
	m := robin.make(plain())
	link, err := server.NewAdmin(data).SetupLink(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	_, token, _ := strings.Cut(link, "#")
	kit := visit(t, s.URL())
	kit.ask(200, "POST", "/api/setup", map[string]any{"token": token, "name": "Kit", "email": "kit@example.org", "password": passphrase})
	if list := kit.ask(200, "GET", "/api/sessions", nil)["sessions"].([]any); len(list) != 0 {
		t.Errorf("Kit's list holds %v", list)
	}
	for _, id := range []string{m.id, "01900000-0000-7000-8000-000000000000"} {
		var words []any
		words = append(words,
			kit.ask(404, "GET", "/api/sessions/"+id, nil)["words"],
			kit.ask(404, "GET", "/api/sessions/"+id+"/record", nil)["words"],
			kit.ask(404, "GET", "/api/sessions/"+id+"/log", nil)["words"],
			kit.ask(404, "PUT", "/api/sessions/"+id+"/start", map[string]any{"starts_at": time.Now().Add(time.Hour)})["words"],
			kit.ask(404, "PUT", "/api/sessions/"+id+"/seats/client-1", map[string]any{"name": "Kit"})["words"],
			kit.ask(404, "PUT", "/api/sessions/"+id+"/seats/client-1/order", map[string]any{"order": map[string]any{"dose_mg": 1, "tablets": 1, "total_mg": 1}, "reason": "no"})["words"],
			kit.ask(404, "POST", "/api/sessions/"+id+"/cancel", map[string]any{"reason": "no"})["words"],
			kit.ask(404, "POST", "/api/sessions/"+id+"/links", map[string]any{"seat": "client-1"})["words"],
			kit.ask(404, "DELETE", "/api/sessions/"+id+"/links/client-1", nil)["words"],
			kit.ask(404, "POST", "/api/sessions/"+id+"/devices", map[string]any{"request": "r1", "admit": true})["words"])
		for _, w := range words {
			if w != "There is no such session." {
				t.Errorf("%q tells them apart", w)
			}
		}
		if got := kit.page("/s/" + id + "/therapist-1/"); id == m.id && got != 403 {
			t.Errorf("Kit gets %d at Robin's page", got)
		}
	}
	// The practice's log is no session.
	kit.ask(404, "GET", "/api/sessions/practice/log", nil)
}

// A typo, another time, no session after all: none of them needs a new session and
// new links.
func TestASessionIsCorrectedMovedAndCancelledFromTheConsole(t *testing.T) {
	s := start(t, server.Options{})
	robin := therapist(t, s)
	body := plain()
	body["starts_at"] = time.Now().Add(24 * time.Hour)
	m := robin.make(body)
	at := "/api/sessions/" + m.id
	starts := time.Now().Add(26 * time.Hour).Truncate(time.Minute).UTC()
	robin.ask(200, "PUT", at+"/start", map[string]any{"starts_at": starts})
	robin.ask(200, "PUT", at+"/seats/client-1", map[string]any{"name": "Alexis ", "pronouns": "she/her", "phone": "503-555-0199"})
	robin.ask(404, "PUT", at+"/seats/client-9", map[string]any{"name": "Nobody"})
	robin.ask(422, "PUT", at+"/start", map[string]any{"starts_at": time.Now().Add(-48 * time.Hour)})
	order := map[string]any{"product": "ketamine lozenge", "dose_mg": 120, "tablets": 2, "total_mg": 180}
	robin.ask(409, "PUT", at+"/seats/client-1/order", map[string]any{"order": order, "reason": " "})
	robin.ask(200, "PUT", at+"/seats/client-1/order", map[string]any{"order": order, "reason": "read from the label"})
	look := robin.ask(200, "GET", at, nil)
	if got := look["orders"].(map[string]any)["client-1"].(map[string]any); got["dose_mg"] != 120.0 || got["total_mg"] != 180.0 {
		t.Errorf("the order is %v", got)
	}
	summary := look["summary"].(map[string]any)
	if got, err := time.Parse(time.RFC3339, summary["starts_at"].(string)); err != nil || !got.Equal(starts) {
		t.Errorf("the session starts at %v, not at %v", summary["starts_at"], starts)
	}
	client := summary["clients"].([]any)[0].(map[string]any)
	if client["name"] != "Alexis" || client["phase"] != "scheduled" {
		t.Errorf("the client is %v", client)
	}
	for _, seat := range look["seats"].([]any) {
		if seat := seat.(map[string]any); seat["id"] == "client-1" && seat["link"] != "valid" {
			t.Errorf("the client's link is %v after the session was moved", seat["link"])
		}
	}
	robin.ask(200, "POST", at+"/cancel", map[string]any{"reason": "the client has a cold"})
	robin.ask(409, "POST", at+"/cancel", map[string]any{"reason": "again"})
	robin.ask(409, "PUT", at+"/start", map[string]any{"starts_at": starts.Add(time.Hour)})
	record := robin.ask(200, "GET", at+"/record", nil)["record"].(map[string]any)
	phases := record["clients"].([]any)[0].(map[string]any)["phases"].([]any)
	if last := phases[len(phases)-1].(map[string]any); last["phase"] != "cancelled" || last["reason"] != "the client has a cold" {
		t.Errorf("the record ends with %v", last)
	}
}

func TestACouplesSessionIsCancelledForBoth(t *testing.T) {
	robin := therapist(t, start(t, server.Options{}))
	body := plain()
	body["clients"] = append(body["clients"].([]any), map[string]any{"name": "Kim", "order": order()})
	at := "/api/sessions/" + robin.make(body).id
	robin.ask(200, "POST", at+"/cancel", map[string]any{"reason": "both have a cold"})
	for _, c := range robin.ask(200, "GET", at, nil)["summary"].(map[string]any)["clients"].([]any) {
		if c := c.(map[string]any); c["phase"] != "cancelled" {
			t.Errorf("the visit of %v is %v", c["name"], c["phase"])
		}
	}
}

func TestGuessingAPasswordIsSlowedDownAndLocksNobodyOut(t *testing.T) {
	s := start(t, server.Options{})
	robin := therapist(t, s)
	guesser := visit(t, s.URL())
	codes := map[int]int{}
	for i := range 20 {
		status, raw := guesser.try("POST", "/api/signin", "application/json", fmt.Appendf(nil, `{"email":"robin@example.org","password":"a guess number %d"}`, i))
		codes[status]++
		if status == 429 && !strings.Contains(string(raw), `"too_many"`) {
			t.Errorf("429 says %s", raw)
		}
	}
	if codes[403] == 0 || codes[429] < 8 || codes[403]+codes[429] != 20 {
		t.Errorf("20 guesses: %v", codes)
	}
	// Who is signed in goes on, whatever a guesser does.
	robin.ask(200, "GET", "/api/me", nil)
	// From another address (told by a proxy on this machine) one still gets in.
	req, err := http.NewRequestWithContext(t.Context(), "POST", s.URL()+"/api/signin", strings.NewReader(`{"email":"robin@example.org","password":"`+passphrase+`"}`))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-Forwarded-For", "198.51.100.7, 203.0.113.9")
	res, err := visit(t, s.URL()).http.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != 200 {
		t.Errorf("from another address: %d", res.StatusCode)
	}
}

func TestBadInputGetsAClearAnswerAndChangesNothing(t *testing.T) {
	s := start(t, server.Options{})
	robin := therapist(t, s)
	full, err := json.Marshal(plain())
	if err != nil {
		t.Fatal(err)
	}
	good := string(full)
	const jsonType = "application/json"
	for name, c := range map[string]struct {
		method, path, kind, body string
		want                     int
	}{
		"not JSON":             {"POST", "/api/sessions", jsonType, "{", 400},
		"nothing":              {"POST", "/api/sessions", jsonType, "", 400},
		"another type":         {"POST", "/api/sessions", "text/plain", good, 415},
		"no type":              {"POST", "/api/sessions", "", good, 415},
		"a form":               {"POST", "/api/signin", "application/x-www-form-urlencoded", "email=a", 415},
		"an unknown field":     {"POST", "/api/sessions", jsonType, strings.Replace(good, "{", `{"extra":1,`, 1), 400},
		"something after":      {"POST", "/api/sessions", jsonType, good + good, 400},
		"a list":               {"POST", "/api/sessions", jsonType, "[]", 400},
		"null":                 {"POST", "/api/sessions", jsonType, "null", 422},
		"not UTF-8":            {"POST", "/api/sessions", jsonType, strings.Replace(good, "Alex", "A\xffx", 1), 400},
		"too large":            {"POST", "/api/sessions", jsonType, strings.Repeat(" ", 300<<10) + good, 413},
		"a wrong kind":         {"POST", "/api/sessions", jsonType, strings.Replace(good, `"Alex"`, "7", 1), 400},
		"no name":              {"POST", "/api/sessions", jsonType, strings.Replace(good, `"Alex"`, `"  "`, 1), 422},
		"a huge name":          {"POST", "/api/sessions", jsonType, strings.Replace(good, `"Alex"`, `"`+strings.Repeat("x", 500)+`"`, 1), 422},
		"no dose":              {"POST", "/api/sessions", jsonType, strings.Replace(good, `"dose_mg":100`, `"dose_mg":0`, 1), 422},
		"a dose without end":   {"POST", "/api/sessions", jsonType, strings.Replace(good, `"dose_mg":100`, `"dose_mg":1e308`, 1), 422},
		"a fast real clock":    {"POST", "/api/sessions", jsonType, strings.Replace(good, "{", `{"rate":60,`, 1), 422},
		"an odd clock":         {"POST", "/api/sessions", jsonType, strings.Replace(good, "{", `{"practice":true,"rate":7000,`, 1), 422},
		"a start long ago":     {"POST", "/api/sessions", jsonType, strings.Replace(good, "{", `{"starts_at":"1999-01-01T00:00:00Z",`, 1), 422},
		"no chaperone":         {"POST", "/api/sessions", jsonType, `{"clients":[{"name":"A","order":{"product":"k","dose_mg":1,"tablets":1,"total_mg":1}}],"chaperones":[]}`, 422},
		"no client":            {"POST", "/api/sessions", jsonType, `{"clients":[],"chaperones":[{"name":"S"}]}`, 422},
		"settings of nobody":   {"PUT", "/api/settings", jsonType, `{"version":1}`, 422},
		"an unknown session":   {"GET", "/api/sessions/" + strings.Repeat("x", 500), "", "", 404},
		"an odd session":       {"GET", "/api/sessions/%00%ff", "", "", 404},
		"an unknown path":      {"GET", "/api/nothing", "", "", 404},
		"an unknown method":    {"PATCH", "/api/sessions", jsonType, "{}", 404},
		"a path that climbs":   {"GET", "/static/..%2f..%2fgo.mod", "", "", 404},
		"an unknown page":      {"GET", "/static/nothing.js", "", "", 404},
		"a socket by GET":      {"GET", "/s/x/y/ws", "", "", 426},
		"a page of no session": {"GET", "/s/%ff/y/", "", "", 403},
	} {
		status, raw := robin.try(c.method, c.path, c.kind, []byte(c.body))
		if status != c.want {
			t.Errorf("%s: %d, want %d: %.200s", name, status, c.want, raw)
		}
		if strings.HasPrefix(c.path, "/api/") {
			var p struct{ Code, Words string }
			if err := json.Unmarshal(raw, &p); err != nil || p.Code == "" || p.Words == "" {
				t.Errorf("%s: the answer is %.200s", name, raw)
			}
		}
	}
	if list := robin.ask(200, "GET", "/api/sessions", nil)["sessions"].([]any); len(list) != 0 {
		t.Errorf("bad input made %d sessions", len(list))
	}
}

func TestAPageOfAnotherSiteCanDoNothing(t *testing.T) {
	s := start(t, server.Options{})
	robin := therapist(t, s)
	raw, err := json.Marshal(plain())
	if err != nil {
		t.Fatal(err)
	}
	for name, header := range map[string][2]string{"cross-site": {"Sec-Fetch-Site", "cross-site"}, "same-site": {"Sec-Fetch-Site", "same-site"}, "an old browser": {"Origin", "https://evil.example"}} {
		req, err := http.NewRequestWithContext(t.Context(), "POST", s.URL()+"/api/sessions", strings.NewReader(string(raw)))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set(header[0], header[1])
		res, err := robin.http.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != http.StatusForbidden {
			t.Errorf("%s: %d", name, res.StatusCode)
		}
	}
}

func TestCookiesCanNotBeReadByScriptsAndLeaveOnlyForTheirPath(t *testing.T) {
	s := start(t, server.Options{})
	robin := therapist(t, s)
	m := robin.make(plain())
	_, fragment, _ := strings.Cut(m.links["client-1"], "#")
	parts := strings.Split(fragment, ".")
	body := fmt.Sprintf(`{"session":%q,"seat":%q,"secret":%q,"words":"x"}`, parts[0], parts[1], parts[2])
	req, err := http.NewRequestWithContext(t.Context(), "POST", s.URL()+"/api/open", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := visit(t, s.URL()).http.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	paths := map[string]string{"belay_device": "/api/open", "belay_seat": "/s/" + m.id + "/client-1/"}
	for _, c := range res.Cookies() {
		if !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != paths[c.Name] || len(c.Value) < 26 {
			t.Errorf("%s: %s", c.Name, c.Raw)
		}
		delete(paths, c.Name)
	}
	if len(paths) > 0 {
		t.Errorf("cookies that were not set: %v", paths)
	}
}

func TestTheLogCanBeDownloadedAsItWasHashed(t *testing.T) {
	s := start(t, server.Options{})
	robin := therapist(t, s)
	m := robin.make(plain())
	_, raw := robin.try("GET", "/api/sessions/"+m.id+"/log", "", nil)
	var events []struct {
		Seq  int    `json:"seq"`
		Type string `json:"type"`
		Prev string `json:"prev"`
	}
	if err := json.Unmarshal(raw, &events); err != nil {
		t.Fatal(err)
	}
	types := []string{}
	for i, e := range events {
		types = append(types, e.Type)
		if e.Seq != i+1 {
			t.Errorf("event %d stands at %d", e.Seq, i+1)
		}
	}
	if !slices.Contains(types, "SessionCreated") || !slices.Contains(types, "InvitationIssued") {
		t.Errorf("the log holds %v", types)
	}
	record := robin.ask(200, "GET", "/api/sessions/"+m.id+"/record", nil)
	if lines := record["lines"].([]any); len(lines) == 0 {
		t.Error("the record has no line")
	}
	for _, url := range m.links {
		secret := url[strings.LastIndex(url, ".")+1:]
		if strings.Contains(string(raw), secret) {
			t.Error("the log holds a link's secret")
		}
	}
}
