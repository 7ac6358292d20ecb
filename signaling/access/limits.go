package access

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
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
// browser, for IPv6 its /64. Where the connection comes from a proxy that is
// believed, it is the last address in X-Forwarded-For that is not such a proxy's
// own: each proxy adds at the end whom it was reached by, and what stands further
// left anybody can have written.
func (d *Door) address(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	addr, err := netip.ParseAddr(host)
	if err != nil {
		return host
	}
	addr = addr.Unmap()
	told := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for _, one := range slices.Backward(told) {
		if !d.believes(addr) {
			break
		}
		next, ok := forwarded(one)
		if !ok {
			break
		}
		addr = next
	}
	if addr.Is6() {
		if p, err := addr.WithZone("").Prefix(64); err == nil {
			return p.String()
		}
	}
	return addr.String()
}

// believes reports whether an address is a proxy's that tells the truth: one on
// this machine, or one that the operator named.
func (d *Door) believes(addr netip.Addr) bool {
	return addr.IsLoopback() || slices.ContainsFunc(d.proxies, func(p netip.Prefix) bool { return p.Contains(addr.WithZone("")) })
}

// forwarded reads one address of X-Forwarded-For; some proxies add the port.
func forwarded(one string) (netip.Addr, bool) {
	one = strings.TrimSpace(one)
	addr, err := netip.ParseAddr(strings.Trim(one, "[]"))
	if err != nil {
		port, err := netip.ParseAddrPort(one)
		if err != nil {
			return netip.Addr{}, false
		}
		addr = port.Addr()
	}
	return addr.Unmap(), true
}

// ParseProxies reads the addresses of trusted proxies: prefixes or single
// addresses with commas between them, as 10.42.0.0/16,192.0.2.7. One that holds
// every address is refused: it would believe anybody about anything.
func ParseProxies(list string) ([]netip.Prefix, error) {
	var all []netip.Prefix
	for one := range strings.SplitSeq(list, ",") {
		if one = strings.TrimSpace(one); one == "" {
			continue
		}
		p, err := netip.ParsePrefix(one)
		if addr, single := netip.ParseAddr(one); single == nil {
			addr = addr.Unmap()
			p, err = addr.Prefix(addr.BitLen())
		}
		if err != nil {
			return nil, fmt.Errorf("%q is no address and no prefix, such as 10.42.0.0/16", one)
		}
		if p.Bits() == 0 {
			return nil, fmt.Errorf("%q are all addresses: anybody could pass for anybody", one)
		}
		all = append(all, p.Masked())
	}
	return all, nil
}
