package access

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"belay/session"
)

// maxKeys bounds the memory of a limiter. Whoever comes beyond it shares one
// allowance with everybody else who does.
const maxKeys = 10_000

// limiter allows so many attempts for each key. Safe for concurrent use.
type limiter struct {
	every time.Duration // one more attempt after this
	burst int           // at once

	mu    sync.Mutex
	keys  map[string]*rate.Limiter
	swept time.Time     // looking through all keys is not for every attempt of a flood
	rest  *rate.Limiter // beyond maxKeys
}

func newLimiter(every time.Duration, burst int) *limiter {
	return &limiter{every: every, burst: burst, keys: map[string]*rate.Limiter{}, rest: rate.NewLimiter(rate.Every(every), burst)}
}

// allow takes one attempt, or returns the refusal that says how long to wait.
func (l *limiter) allow(key string, now time.Time) error {
	l.mu.Lock()
	one, ok := l.keys[key]
	if !ok {
		if len(l.keys) >= maxKeys && now.Sub(l.swept) >= time.Second {
			l.swept = now
			for k, lim := range l.keys { // those that have waited long enough are as good as new
				if lim.TokensAt(now) >= float64(l.burst) {
					delete(l.keys, k)
				}
			}
		}
		if len(l.keys) < maxKeys {
			one = rate.NewLimiter(rate.Every(l.every), l.burst)
			l.keys[key] = one
		} else {
			one = l.rest
		}
	}
	l.mu.Unlock()
	if one.AllowN(now, 1) {
		return nil
	}
	return &session.Refusal{Code: TooMany, Words: "Too many attempts. Please wait a minute and try again."}
}

// address returns whom a limit is counted for: the network address of the
// browser, for IPv6 its /64. Behind a proxy on this machine it is the last
// address that the proxy added; from anywhere else that header is not believed.
func address(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	addr, err := netip.ParseAddr(host)
	if err != nil {
		return host
	}
	if addr = addr.Unmap(); addr.IsLoopback() {
		if all := r.Header.Values("X-Forwarded-For"); len(all) > 0 {
			list := strings.Split(all[len(all)-1], ",")
			if told, err := netip.ParseAddr(strings.TrimSpace(list[len(list)-1])); err == nil {
				addr = told.Unmap()
			}
		}
	}
	if addr.Is6() {
		if p, err := addr.WithZone("").Prefix(64); err == nil {
			return p.String()
		}
	}
	return addr.String()
}
