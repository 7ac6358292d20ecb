package access

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"time"

	"belay/session"
)

const (
	accountCookie = "belay_account"
	deviceCookie  = "belay_device"
	seatCookie    = "belay_seat"
	knownCookie   = "belay_known"
)

// How long a browser keeps the cookies at most. Whether they still open
// anything is decided by the server each time: a sign-in ends a day after it was
// last used, and one that is in use must not end in the middle of a visit because
// the browser drops its cookie.
const (
	keepAccount = 365 * 24 * time.Hour
	keepDevice  = 365 * 24 * time.Hour // a link may be opened long before its visit
)

// SeatPath is the folder of a seat's page, its socket and its cookie.
func SeatPath(id string, seat session.SeatID) string {
	return "/s/" + id + "/" + string(seat) + "/"
}

func (d *Door) setCookie(w http.ResponseWriter, r *http.Request, name, value, path string, keep time.Duration) {
	http.SetCookie(w, &http.Cookie{
		Name: name, Value: value, Path: path, MaxAge: int(keep / time.Second),
		HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: d.secure(r),
	})
}

func (d *Door) dropCookie(w http.ResponseWriter, r *http.Request, name, path string) {
	http.SetCookie(w, &http.Cookie{
		Name: name, Path: path, MaxAge: -1, HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: d.secure(r),
	})
}

// secure reports whether the browser came over TLS, here or at a proxy in front.
func (d *Door) secure(r *http.Request) bool {
	return r.TLS != nil || d.public != nil && d.public.Scheme == "https"
}

// browser returns the browser's own secret, and gives it one where it has none.
func (d *Door) browser(w http.ResponseWriter, r *http.Request) string {
	if c, err := r.Cookie(deviceCookie); err == nil && len(c.Value) == len(rand.Text()) {
		return c.Value
	}
	secret := rand.Text()
	d.setCookie(w, r, deviceCookie, secret, "/api/open", keepDevice)
	return secret
}

// seatSecret is the secret of one seat in one browser.
func seatSecret(browser, id string, seat session.SeatID) string {
	mac := hmac.New(sha256.New, []byte(browser))
	mac.Write([]byte("belay seat\x00" + id + "\x00" + string(seat)))
	return hex.EncodeToString(mac.Sum(nil))
}
