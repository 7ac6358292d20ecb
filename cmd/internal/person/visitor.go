package person

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"time"

	"belay/session"
)

// Visitor is a browser as far as doors go: it keeps cookies, signs in, opens
// links and asks the console's API. Safe for concurrent use.
type Visitor struct {
	base   *url.URL
	jar    http.CookieJar
	client http.Client
}

// NewVisitor returns a browser without cookies at a server's address, such as
// https://belay.example.org. A nil tls.Config trusts the machine's own roots.
func NewVisitor(server string, config *tls.Config) (*Visitor, error) {
	base, err := url.Parse(server)
	if err != nil || base.Scheme != "http" && base.Scheme != "https" || base.Host == "" {
		return nil, fmt.Errorf("%q is no address of a server", server)
	}
	base.Path, base.RawQuery, base.Fragment = "", "", ""
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, err
	}
	return &Visitor{base: base, jar: jar, client: http.Client{
		Jar: jar, Timeout: 20 * time.Second, Transport: &http.Transport{TLSClientConfig: config, DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// Jar holds the cookies.
func (v *Visitor) Jar() http.CookieJar { return v.jar }

// Cookies are what this browser would send to a place.
func (v *Visitor) Cookies(place string) []*http.Cookie {
	u := *v.base
	u.Path = place
	return v.jar.Cookies(&u)
}

// Socket is the address of the socket of the seat whose page is at place.
func (v *Visitor) Socket(place string) string {
	u := *v.base
	u.Scheme = strings.Replace(u.Scheme, "http", "ws", 1)
	u.Path = place + "ws"
	return u.String()
}

// Ask sends a request to the API and reads its answer into out, where that is not
// nil. What the server refuses is a *session.Refusal.
func (v *Visitor) Ask(ctx context.Context, method, path string, in, out any) error {
	_, err := v.ask(ctx, method, path, in, out)
	return err
}

func (v *Visitor) ask(ctx context.Context, method, path string, in, out any) (status int, err error) {
	u := *v.base
	u.Path = path
	var body io.Reader
	if in != nil {
		raw, err := json.Marshal(in)
		if err != nil {
			return 0, err
		}
		body = bytes.NewReader(raw)
	}
	req, err := http.NewRequestWithContext(ctx, method, u.String(), body)
	if err != nil {
		return 0, err
	}
	req.Header.Set("Origin", v.base.String())
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := v.client.Do(req)
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(res.Body, 64<<20))
	if err != nil {
		return 0, fmt.Errorf("%s %s: %w", method, path, err)
	}
	if res.StatusCode >= 300 {
		var problem struct {
			Code    string   `json:"code"`
			Words   string   `json:"words"`
			Missing []string `json:"missing"`
		}
		if json.Unmarshal(raw, &problem) != nil || problem.Code == "" {
			return res.StatusCode, fmt.Errorf("%s %s: %s", method, path, res.Status)
		}
		return res.StatusCode, &session.Refusal{Code: problem.Code, Words: problem.Words, Missing: problem.Missing}
	}
	switch out := out.(type) {
	case nil:
		return res.StatusCode, nil
	case *[]byte: // as it came
		*out = raw
		return res.StatusCode, nil
	}
	if err := json.Unmarshal(raw, out); err != nil {
		return res.StatusCode, fmt.Errorf("%s %s: %w", method, path, err)
	}
	return res.StatusCode, nil
}

// SetUp makes the first account with the token of a set-up link.
func (v *Visitor) SetUp(ctx context.Context, token, name, email, password string, states ...string) error {
	return v.Ask(ctx, http.MethodPost, "/api/setup", map[string]any{
		"token": token, "name": name, "email": email, "password": password, "states": states}, nil)
}

// SignIn signs a therapist in.
func (v *Visitor) SignIn(ctx context.Context, email, password string) error {
	return v.Ask(ctx, http.MethodPost, "/api/signin", map[string]any{"email": email, "password": password}, nil)
}

// ErrWaits says that a link waits for the therapist's tap in this browser.
var ErrWaits = errors.New("the link waits for the therapist's tap")

// Open opens an invitation, as a click on its link does, and returns the place of
// the seat's page. It fails with ErrWaits where another browser was there first.
func (v *Visitor) Open(ctx context.Context, link string) (place string, err error) {
	_, fragment, _ := strings.Cut(link, "#")
	parts := strings.SplitN(fragment, ".", 3)
	if len(parts) != 3 {
		return "", fmt.Errorf("%q is no invitation", strings.SplitN(link, "#", 2)[0])
	}
	var answer struct {
		Location string `json:"location"`
	}
	status, err := v.ask(ctx, http.MethodPost, "/api/open", map[string]string{
		"session": parts[0], "seat": parts[1], "secret": parts[2], "words": "a scripted person"}, &answer)
	switch {
	case err != nil:
		return "", err
	case status == http.StatusAccepted:
		return "", ErrWaits
	}
	return answer.Location, nil
}
