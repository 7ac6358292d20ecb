package signaling

import (
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/gorilla/websocket"
)

// originAllowed keeps pages of other sites from using somebody's cookies
// (RFC 6455 section 10.2). Every browser sends Origin with an upgrade, so that
// a request without it is let pass only where it carries no cookie either:
// then it has no authority but what it names itself.
func (e *Edge) originAllowed(r *http.Request) bool {
	origins := r.Header.Values("Origin")
	switch len(origins) {
	case 0:
		return len(r.Header.Values("Cookie")) == 0
	case 1:
	default:
		return false
	}
	origin, err := url.Parse(origins[0])
	if err != nil || origin.Host == "" || origin.Scheme != "http" && origin.Scheme != "https" {
		return false // "null" among them
	}
	// The scheme is not compared with the request's: a proxy may end TLS.
	if sameHost(origin.Host, r.Host, origin.Scheme) {
		return true
	}
	for _, allowed := range e.opts.AllowedOrigins {
		u, err := url.Parse(allowed)
		if err == nil && u.Scheme == origin.Scheme && sameHost(u.Host, origin.Host, u.Scheme) {
			return true
		}
	}
	return false
}

func sameHost(a, b, scheme string) bool {
	return strings.EqualFold(withPort(a, scheme), withPort(b, scheme))
}

func withPort(host, scheme string) string {
	if _, _, err := net.SplitHostPort(host); err == nil {
		return host
	}
	port := "80"
	if scheme == "https" {
		port = "443"
	}
	return net.JoinHostPort(strings.Trim(host, "[]"), port)
}

// offers reports whether the request names the subprotocol.
func offers(r *http.Request, subprotocol string) bool {
	return slices.Contains(websocket.Subprotocols(r), subprotocol)
}
