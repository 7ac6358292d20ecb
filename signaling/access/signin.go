package access

import (
	"net/http"
	"strings"
	"time"

	"belay/session/practice"
)

// SignIn checks the password and gives the browser its sign-in.
func (d *Door) SignIn(w http.ResponseWriter, r *http.Request, email, password string) (practice.Account, error) {
	now := time.Now()
	if err := d.signInsByAddress.allow(address(r), now); err != nil {
		return practice.Account{}, err
	}
	// The key is hashed, so that it has one size whatever was typed.
	if err := d.signInsByAccount.allow(practice.HashSecret(strings.ToLower(strings.TrimSpace(email))), now); err != nil {
		return practice.Account{}, err
	}
	a, secret, err := d.practice.SignIn(r.Context(), email, password)
	if err != nil {
		return practice.Account{}, err
	}
	d.setCookie(w, r, accountCookie, secret, "/", keepAccount)
	return a, nil
}

// SetUp makes an account with a set-up link's token and signs it in.
func (d *Door) SetUp(w http.ResponseWriter, r *http.Request, token string, n practice.NewAccount) (practice.Account, error) {
	if err := d.signInsByAddress.allow(address(r), time.Now()); err != nil {
		return practice.Account{}, err
	}
	a, secret, err := d.practice.SetUp(r.Context(), token, n)
	if err != nil {
		return practice.Account{}, err
	}
	d.setCookie(w, r, accountCookie, secret, "/", keepAccount)
	return a, nil
}

// ResetPassword sets a new password with a reset link's token and signs in.
func (d *Door) ResetPassword(w http.ResponseWriter, r *http.Request, token, password string) (practice.Account, error) {
	if err := d.signInsByAddress.allow(address(r), time.Now()); err != nil {
		return practice.Account{}, err
	}
	a, secret, err := d.practice.ResetPassword(r.Context(), token, password)
	if err != nil {
		return practice.Account{}, err
	}
	d.setCookie(w, r, accountCookie, secret, "/", keepAccount)
	return a, nil
}

// ChangePassword sets a new password for the account that is signed in. Its
// other browsers are signed out.
func (d *Door) ChangePassword(w http.ResponseWriter, r *http.Request, a practice.Account, old, password string) error {
	now := time.Now()
	if err := d.signInsByAddress.allow(address(r), now); err != nil {
		return err
	}
	secret, err := d.practice.ChangePassword(r.Context(), a.ID, old, password)
	if err != nil {
		return err
	}
	d.setCookie(w, r, accountCookie, secret, "/", keepAccount)
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
