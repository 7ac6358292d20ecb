package practice

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// MarkBrowser returns a mark for a browser that has just signed in to an account:
// KnowsBrowser recognises it. It opens nothing. Nothing of it is kept: it is made
// with the account's password hash, and ends with that password.
func (p *Practice) MarkBrowser(ctx context.Context, account string) (string, error) {
	s, err := p.now(ctx)
	if err != nil {
		return "", err
	}
	a, ok := s.accounts[account]
	if !ok {
		return "", refuse(SignedOutCode, "Please sign in.")
	}
	nonce := rand.Text()
	return nonce + "." + mark(a, nonce), nil
}

// KnowsBrowser reports whether a mark was made for the account with this address.
func (p *Practice) KnowsBrowser(ctx context.Context, email, value string) (bool, error) {
	s, err := p.now(ctx)
	if err != nil {
		return false, err
	}
	a, ok := s.byEmail(strings.TrimSpace(email))
	nonce, sum, cut := strings.Cut(value, ".")
	return ok && cut && len(nonce) == len(rand.Text()) && hmac.Equal([]byte(sum), []byte(mark(a, nonce))), nil
}

func mark(a Account, nonce string) string {
	mac := hmac.New(sha256.New, []byte(a.password))
	mac.Write([]byte("belay known browser\x00" + a.ID + "\x00" + nonce))
	return hex.EncodeToString(mac.Sum(nil))
}
