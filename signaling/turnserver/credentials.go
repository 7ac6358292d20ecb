package turnserver

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/pion/stun/v4"
	"github.com/pion/turn/v5"
)

// Issue makes a credential for one seat. It contains no name of it: tags that
// only this server can make stand for the session and the seat.
//
//	username = end (Unix milliseconds) : tag of the session : tag of the seat : nonce
//	password = HMAC-SHA256(secret, username)
func (s *Server) Issue(session, seat string) (username, password string) {
	var nonce [6]byte
	_, _ = rand.Read(nonce[:]) // it never fails
	end := s.now().Add(s.opts.Lifetime).UnixMilli()
	username = strings.Join([]string{strconv.FormatInt(end, 10), s.tag("session", session),
		s.tag("seat", session+"\x00"+seat), base64.RawURLEncoding.EncodeToString(nonce[:])}, ":")
	return username, s.sign("password", username)
}

// Lifetime is how long a credential can be used to begin.
func (s *Server) Lifetime() time.Duration { return s.opts.Lifetime }

// Revoke ends a seat's allocations, and whatever credentials were issued to it
// until now; those of a whole session where seat is empty.
func (s *Server) Revoke(session, seat string) {
	tag := s.tag("session", session)
	if seat != "" {
		tag = s.tag("seat", session+"\x00"+seat)
	}
	s.mu.Lock()
	now := s.now()
	for old, at := range s.revoked {
		if now.Sub(at) > s.opts.Lifetime {
			delete(s.revoked, old) // what was issued before has ended by itself
		}
	}
	s.revoked[tag] = now
	ways := s.allWays(func(w *way) bool { return w.of.session == tag || w.of.seat == tag })
	s.mu.Unlock()
	for _, w := range ways {
		_ = w.Close() // it has no socket that could fail; TURN deletes the allocation
	}
}

func (s *Server) sign(purpose, text string) string {
	mac := hmac.New(sha256.New, s.opts.Secret)
	mac.Write([]byte(purpose + "\x00" + text))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

func (s *Server) tag(purpose, text string) string { return s.sign(purpose, text)[:16] }

// claim is what a username says.
type claim struct {
	end           time.Time
	session, seat string // tags
}

func parseClaim(username string) (c claim, ok bool) {
	parts := strings.Split(username, ":")
	if len(parts) != 4 {
		return c, false
	}
	end, err := strconv.ParseInt(parts[0], 10, 64)
	if err != nil || len(parts[1]) != 16 || len(parts[2]) != 16 {
		return c, false
	}
	return claim{time.UnixMilli(end), parts[1], parts[2]}, true
}

// authenticate is asked by TURN for the key of a username, for every request; the
// request's signature is checked with it afterwards.
func (s *Server) authenticate(r *turn.RequestAttributes) (user string, key []byte, ok bool) {
	c, ok := parseClaim(r.Username)
	from, valid := addressOf(r.SrcAddr)
	if !ok || !valid || r.Realm != realm {
		return "", nil, false
	}
	// A visit that is longer than its credential goes on: the end counts for
	// beginning alone.
	if r.Method == stun.MethodAllocate && !s.now().Before(c.end) {
		return "", nil, false
	}
	s.mu.Lock()
	gone := s.isRevoked(c)
	s.mu.Unlock()
	if gone {
		return "", nil, false
	}
	key = turn.GenerateAuthKey(r.Username, realm, s.sign("password", r.Username))
	return r.Username + "@" + from.String(), key, true
}

// isRevoked reports whether a credential was issued before its session or its
// seat was revoked. s.mu is held.
func (s *Server) isRevoked(c claim) bool {
	issued := c.end.Add(-s.opts.Lifetime)
	for _, tag := range []string{c.session, c.seat} {
		if at, ok := s.revoked[tag]; ok && !issued.After(at) {
			return true
		}
	}
	return false
}

func addressOf(a net.Addr) (netip.Addr, bool) {
	switch a := a.(type) {
	case *net.UDPAddr:
		ip, ok := netip.AddrFromSlice(a.IP)
		return ip.Unmap(), ok
	case *net.TCPAddr:
		ip, ok := netip.AddrFromSlice(a.IP)
		return ip.Unmap(), ok
	}
	return netip.Addr{}, false
}
