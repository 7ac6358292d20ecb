package access

import (
	"net/http"
	"strings"
	"time"

	"belay/session/practice"
)

// signInAllowed takes one attempt to sign in. A browser that has signed in to the
// account before has an allowance of its own: whatever strangers try with her
// address, from however many places, a therapist comes into her own account.
func (d *Door) signInAllowed(r *http.Request, email string, now time.Time) error {
	if c, err := r.Cookie(knownCookie); err == nil {
		known, err := d.practice.KnowsBrowser(r.Context(), email, c.Value)
		if err != nil {
			return err
		}
		if known {
			return d.signInsByBrowser.allow(practice.HashSecret(c.Value), now)
		}
	}
	if err := d.signInsByAddress.allow(d.address(r), now); err != nil {
		return err
	}
	// The key is hashed, so that it has one size whatever was typed.
	return d.signInsByAccount.allow(practice.HashSecret(strings.ToLower(strings.TrimSpace(email))), now)
}

// letIn gives a browser its sign-in, and the mark by which it is known later.
func (d *Door) letIn(w http.ResponseWriter, r *http.Request, a practice.Account, secret string) {
	d.setCookie(w, r, accountCookie, secret, "/", keepAccount)
	if mark, err := d.practice.MarkBrowser(r.Context(), a.ID); err == nil { // without it the browser is a stranger's next time
		d.setCookie(w, r, knownCookie, mark, "/api/signin", keepDevice)
	}
}

// SignIn checks the password and gives the browser its sign-in.
func (d *Door) SignIn(w http.ResponseWriter, r *http.Request, email, password string) (practice.Account, error) {
	if err := d.signInAllowed(r, email, time.Now()); err != nil {
		return practice.Account{}, err
	}
	a, secret, err := d.practice.SignIn(r.Context(), email, password)
	if err != nil {
		return practice.Account{}, err
	}
	d.letIn(w, r, a, secret)
	return a, nil
}

// SetUp makes an account with a set-up link's token and signs it in.
func (d *Door) SetUp(w http.ResponseWriter, r *http.Request, token string, n practice.NewAccount) (practice.Account, error) {
	if err := d.signInsByAddress.allow(d.address(r), time.Now()); err != nil {
		return practice.Account{}, err
	}
	a, secret, err := d.practice.SetUp(r.Context(), token, n)
	if err != nil {
		return practice.Account{}, err
	}
	d.letIn(w, r, a, secret)
	return a, nil
}

// ResetPassword sets a new password with a reset link's token and signs in.
func (d *Door) ResetPassword(w http.ResponseWriter, r *http.Request, token, password string) (practice.Account, error) {
	if err := d.signInsByAddress.allow(d.address(r), time.Now()); err != nil {
		return practice.Account{}, err
	}
	a, secret, err := d.practice.ResetPassword(r.Context(), token, password)
	if err != nil {
		return practice.Account{}, err
	}
	d.letIn(w, r, a, secret)
	return a, nil
}

// Opens returns a refusal where a set-up link's token, or a reset link's, is no longer good.
func (d *Door) Opens(r *http.Request, token string, reset bool) error {
	if err := d.opensByAddress.allow(d.address(r), time.Now()); err != nil {
		return err
	}
	return d.practice.Opens(r.Context(), token, reset)
}

// ChangePassword sets a new password for the account that is signed in. Its
// other browsers are signed out.
func (d *Door) ChangePassword(w http.ResponseWriter, r *http.Request, a practice.Account, old, password string) error {
	now := time.Now()
	if err := d.signInsByAddress.allow(d.address(r), now); err != nil {
		return err
	}
	secret, err := d.practice.ChangePassword(r.Context(), a.ID, old, password)
	if err != nil {
		return err
	}
	d.letIn(w, r, a, secret)
	return nil
}

// SignOut ends the sign-in that the request carries.
func (d *Door) SignOut(w http.ResponseWriter, r *http.Request) error {
	c, err := r.Cookie(accountCookie)
	if err != nil {
		return nil
	}
	if err := d.practice.SignOut(r.Context(), c.Value); err != nil {
		return err
	}
	d.dropCookie(w, r, accountCookie, "/")
	return nil
}
