package doctor

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"belay/cmd/internal/server"
)

// outside looks at an address as a browser does.
func (d *doctor) outside(ctx context.Context, at *url.URL, status *server.Status) {
	if !d.sane(at, status) || !d.reaches(ctx, at) {
		return
	}
	trust := &tls.Config{MinVersion: tls.VersionTLS12}
	if at.Scheme == "https" && !d.certificate(ctx, at) {
		trust.InsecureSkipVerify = true // said already: the rest is looked at all the same
	}
	client := &http.Client{
		Timeout:       15 * time.Second,
		Transport:     &http.Transport{TLSClientConfig: trust, DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	if !d.answers(ctx, client, at) {
		return
	}
	d.sockets(ctx, at, trust)
	if status == nil {
		d.say(Finding{Unknown, "Whether something on the way cuts or delays sockets was not looked at.", "A proxy that cuts them makes screens reconnect again and again.", "Run this on the server's machine, as the server's user, with -data."})
		d.media(ctx, at, trust)
		return
	}
	d.probe(ctx, at, trust, status)
	d.stun(at, status)
	d.turn(ctx, at, trust, status)
}

// sane looks at the address itself.
func (d *doctor) sane(at *url.URL, status *server.Status) bool {
	host := at.Hostname()
	if at.Scheme != "http" && at.Scheme != "https" || host == "" || strings.Trim(at.Path, "/") != "" || at.RawQuery != "" {
		d.say(Finding{Wrong, fmt.Sprintf("%s is no address of a Belay.", at), "", "It looks like https://belay.example.org, without anything behind it."})
		return false
	}
	if status != nil && status.Public && !strings.EqualFold(status.URL, at.Scheme+"://"+at.Host) {
		d.say(Finding{Wrong, fmt.Sprintf("You ask about %s, but the server's links say %s.", at, status.URL), "People who follow a link land elsewhere; sockets of pages under this address are refused.", "Give the server -public-url as people open it."})
	}
	ip, _ := netip.ParseAddr(host)
	switch {
	case host == "localhost" || ip.IsLoopback():
		d.say(Finding{Careful, "The address is this machine's own name for itself.", "Links work in browsers on this computer only.", "For real use: -public-url https://your.name"})
	case at.Scheme == "http":
		d.say(Finding{Wrong, "The address is http, without TLS.", "Browsers give camera and microphone to https pages only, and everything could be read on the way.", "Put a proxy with a certificate before it (deploy/), or use -tls-cert and -tls-key."})
	case ip.IsPrivate():
		d.say(Finding{Careful, "The address is one of a local network.", "It works for a trial in this house, not for a client at home.", "For real use: a name that the world can look up."})
	}
	return true
}

// reaches looks the name up and opens a connection.
func (d *doctor) reaches(ctx context.Context, at *url.URL) bool {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	addresses, err := net.DefaultResolver.LookupHost(ctx, at.Hostname())
	if err != nil {
		d.say(Finding{Wrong, fmt.Sprintf("The name %s can't be looked up: %v.", at.Hostname(), err), "Nobody finds the server.", "Look at the name's A and AAAA records."})
		return false
	}
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", net.JoinHostPort(at.Hostname(), port(at)))
	if err != nil {
		d.say(Finding{Wrong, fmt.Sprintf("Nothing answers on port %s of %s (%s): %v.", port(at), at.Hostname(), strings.Join(addresses, ", "), err), "Nobody reaches the server.", "Does the server, or the proxy before it, run? Does the firewall let TCP to this port in?"})
		return false
	}
	_ = conn.Close()
	d.fine("%s is %s, and port %s answers.", at.Hostname(), strings.Join(addresses, ", "), port(at))
	return true
}

func port(at *url.URL) string {
	switch {
	case at.Port() != "":
		return at.Port()
	case at.Scheme == "https":
		return "443"
	}
	return "80"
}

// certificate looks at TLS as a browser does; false: a browser would refuse.
func (d *doctor) certificate(ctx context.Context, at *url.URL) bool {
	verify := func(skip bool) (*tls.ConnectionState, error) {
		ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
		defer cancel()
		dialer := tls.Dialer{Config: &tls.Config{ServerName: at.Hostname(), InsecureSkipVerify: skip, MinVersion: tls.VersionTLS12}}
		conn, err := dialer.DialContext(ctx, "tcp", net.JoinHostPort(at.Hostname(), port(at)))
		if err != nil {
			return nil, err
		}
		defer conn.Close()
		state := conn.(*tls.Conn).ConnectionState()
		return &state, nil
	}
	state, err := verify(false)
	if err == nil {
		d.expiry(state.PeerCertificates)
		return true
	}
	f := Finding{Wrong, fmt.Sprintf("A browser refuses the certificate: %v.", err), "People see a warning instead of the page, and some browsers give no camera.", "Get a certificate from an authority that browsers know, for this name: Caddy does it by itself (deploy/Caddyfile)."}
	_, unknown := errors.AsType[x509.UnknownAuthorityError](err)
	invalid, isInvalid := errors.AsType[x509.CertificateInvalidError](err)
	_, wrongName := errors.AsType[x509.HostnameError](err)
	switch {
	case isInvalid && invalid.Reason == x509.Expired:
		f.Words = fmt.Sprintf("The certificate has ended, or has not begun, by this machine's clock: %v.", err)
		f.Do = "Renew it, and find out why that does not happen by itself. Is the clock right?"
	case wrongName:
		f.Words = fmt.Sprintf("The certificate is for another name: %v.", err)
	case unknown && knowsNobody():
		f = Finding{Unknown, "Whether browsers know who signed the certificate can't be said here: this machine knows no authority itself.", "", "Ask from another machine; or install what it lacks (Debian: ca-certificates)."}
	case unknown:
		f.Words = "The certificate is not signed by anybody that browsers know (a self-signed one, or the chain is not sent whole)."
		f.Means += " For a trial on your own network that is as it should be."
		if ip, err := netip.ParseAddr(at.Hostname()); at.Hostname() == "localhost" || err == nil && (ip.IsPrivate() || ip.IsLoopback()) {
			f.Level = Careful
		}
	default:
		if _, plain := errors.AsType[tls.RecordHeaderError](err); plain {
			f.Words = "What answers there does not speak TLS."
			f.Do = "Is it http? Then the address has another port, or the proxy is not set up for TLS."
		}
	}
	d.say(f)
	_, err = verify(true)
	return err != nil // where not even that works there is nothing to skip
}

// knowsNobody reports that this machine has no list of authorities to judge by.
func knowsNobody() bool {
	pool, err := x509.SystemCertPool()
	return err != nil || pool.Equal(x509.NewCertPool())
}

// expiry says how long the certificates are good. How early one should have been renewed
// follows from how long it was given: ninety days, or six.
func (d *doctor) expiry(chain []*x509.Certificate) {
	first := chain[0]
	for _, c := range chain {
		if c.NotAfter.Before(first.NotAfter) {
			first = c
		}
	}
	given, left := first.NotAfter.Sub(first.NotBefore), time.Until(first.NotAfter)
	when := fmt.Sprintf("The certificate ends in %d days, on %s.", int(left/(24*time.Hour)), first.NotAfter.UTC().Format("2 January 2006"))
	if left < 48*time.Hour {
		when = fmt.Sprintf("The certificate ends in %d hours, on %s.", int(left/time.Hour), first.NotAfter.UTC().Format("2 January 2006, 15:04 UTC"))
	}
	switch {
	case left < min(7*24*time.Hour, given/12):
		d.say(Finding{Wrong, when, "From then on browsers refuse the page.", "Renew it now; renewal by itself does not work."})
	case left < min(21*24*time.Hour, given/4):
		d.say(Finding{Careful, when, "Most are renewed when a third of their time is left: this one was not.", "Look at what should renew it."})
	case given < 21*24*time.Hour:
		d.fine("%s It is of a kind that is renewed all the time.", when)
	default:
		d.fine("The certificate is good until %s.", first.NotAfter.UTC().Format("2 January 2006"))
	}
}

// answers asks the server itself, and compares the clocks.
func (d *doctor) answers(ctx context.Context, client *http.Client, at *url.URL) bool {
	sent := time.Now()
	res, body, err := get(ctx, client, at, "/healthz")
	took := time.Since(sent)
	switch {
	case err != nil:
		d.say(Finding{Wrong, fmt.Sprintf("The server does not answer: %v.", err), "Nobody reaches it.", "Does it run? Does the proxy know where?"})
		return false
	case res.StatusCode/100 == 3:
		d.say(Finding{Wrong, fmt.Sprintf("The address leads on to %s.", res.Header.Get("Location")), "Links that say this address take a detour, and sockets do not follow it.", "Use the last address everywhere: as -public-url too."})
		return false
	case res.StatusCode != http.StatusOK || strings.TrimSpace(body) != "ok":
		d.say(Finding{Wrong, fmt.Sprintf("Something answers (%s), but it is not Belay.", res.Status), "Nobody reaches it.", "502 or 504: the proxy runs and Belay does not, or the proxy knows a wrong port. 404: the proxy has no rule for this name."})
		return false
	}
	d.fine("Belay answers in %s.", took.Round(time.Millisecond))
	d.clock(res, sent, took)
	if csp := res.Header.Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'none'") || strings.Contains(csp, "unsafe") {
		d.say(Finding{Careful, "Something on the way changes or drops the Content-Security-Policy.", "Pages lose a protection against foreign scripts; or, where the proxy sets a stricter one, camera and pictures may fail.", "Let the proxy pass headers on as they are."})
	}
	if policy := res.Header.Get("Permissions-Policy"); !strings.Contains(policy, "camera=(self)") {
		d.say(Finding{Wrong, "Something on the way changes or drops the Permissions-Policy.", "A proxy that says camera=() switches cameras off.", "Let the proxy pass headers on as they are."})
	}
	res, body, err = get(ctx, client, at, "/readyz")
	if err != nil || res.StatusCode != http.StatusOK {
		d.say(Finding{Wrong, "Belay runs but is not ready: " + strings.TrimSpace(body), "Nobody new can join now.", "It is starting, or stopping. If it stays so, look at its log."})
	} else if strings.TrimSpace(body) != "ok" {
		d.say(Finding{Wrong, "Belay says: " + strings.TrimSpace(body) + ".", "Nothing is recorded now; screens say so.", "Look at its log, and at the disk, or at Redis."})
	}
	return true
}

func get(ctx context.Context, client *http.Client, at *url.URL, path string) (*http.Response, string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, at.Scheme+"://"+at.Host+path, nil)
	if err != nil {
		return nil, "", err
	}
	res, err := client.Do(req)
	if err != nil {
		return nil, "", err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, 1<<10))
	return res, string(body), err
}

// clock compares the server's clock with this machine's. The header has whole
// seconds.
func (d *doctor) clock(res *http.Response, sent time.Time, took time.Duration) {
	date, err := http.ParseTime(res.Header.Get("Date"))
	if err != nil {
		d.say(Finding{Unknown, "The server's answer has no time.", "", ""})
		return
	}
	off := date.Add(500 * time.Millisecond).Sub(sent.Add(took / 2)).Round(time.Second)
	doubt := time.Second + took/2
	switch {
	case off.Abs() <= doubt+time.Second:
		d.fine("The server's clock agrees with this machine's.")
	case off.Abs() < time.Minute:
		d.say(Finding{Careful, fmt.Sprintf("The server's clock is %s off this machine's.", off), "One of the two is wrong. Every time in the record is the server's.", "Compare both with a clock that you trust; run a time service."})
	default:
		d.say(Finding{Wrong, fmt.Sprintf("The server's clock is %s off this machine's.", off), "If it is the server's that is wrong, doses are recorded at wrong times.", "Compare both with a clock that you trust; run a time service."})
	}
}
