package access

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/google/uuid"

	"belay/session"
	"belay/session/live"
	"belay/session/practice"
)

// Codes of refusals, beside those of package session and package practice.
const (
	NotAdmitted = "not_admitted" // no cookie that opens this seat
	TooMany     = "too_many"     // tried too often: wait
)

// Options say what the door stands in front of.
type Options struct {
	Practice  *practice.Practice
	Sessions  *live.Sessions
	PublicURL *url.URL // what links say; nil: the address that the therapist's browser used
	// TrustedProxies are the addresses of proxies that are believed about whom they
	// pass on (X-Forwarded-For), beside those on this machine. See ParseProxies.
	TrustedProxies []netip.Prefix
}

func (o Options) validate() error {
	if u := o.PublicURL; u != nil && (u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || strings.Trim(u.Path, "/") != "") {
		return errors.New("the public address must look like https://belay.example.org")
	}
	if o.Practice == nil || o.Sessions == nil {
		return errors.New("access needs the practice and the sessions")
	}
	return nil
}

// Door decides who comes in. All methods may be called concurrently. It has no
// goroutine and nothing to close. Its errors are *session.Refusal where somebody
// is turned away, and anything else where the server failed.
type Door struct {
	practice *practice.Practice
	sessions *live.Sessions
	public   *url.URL
	proxies  []netip.Prefix

	signInsByAddress *limiter
	signInsByAccount *limiter
	signInsByBrowser *limiter // of browsers that the account knows: see signInAllowed
	opensByAddress   *limiter
}

// New returns a door.
func New(opts Options) (*Door, error) {
	if err := opts.validate(); err != nil {
		return nil, err
	}
	return &Door{
		practice: opts.Practice,
		sessions: opts.Sessions,
		public:   opts.PublicURL,
		proxies:  opts.TrustedProxies,
		// One address makes fewer attempts than one account allows, so that a
		// stranger alone can't use up what the therapist needs.
		signInsByAddress: newLimiter(12*time.Second, 10),
		signInsByAccount: newLimiter(3*time.Second, 30),
		signInsByBrowser: newLimiter(12*time.Second, 10),
		// A page that waits asks every two seconds, and a whole home may share
		// one address.
		opensByAddress: newLimiter(200*time.Millisecond, 40),
	}, nil
}

// Admit lets the request in where it carries the cookie that opens the seat. A link that
// is withdrawn later is the session's to tell; a sign-in that has ended is told by still,
// and one that is in use does not end by its age: a visit may be long.
func (d *Door) Admit(r *http.Request, id string, seat session.SeatID) (still func(context.Context) error, err error) {
	role, err := d.Enter(r, id, seat)
	if err != nil || role != session.Therapist {
		return nil, err
	}
	secret := accountSecret(r)
	return func(ctx context.Context) error {
		_, err := d.practice.Who(ctx, secret)
		return err
	}, nil
}

// Enter says which role the seat has that the request opens.
func (d *Door) Enter(r *http.Request, id string, seat session.SeatID) (session.Role, error) {
	// A session that does not exist and one that is somebody else's look alike.
	turned := &session.Refusal{Code: NotAdmitted, Words: "This page is not open in this browser. Please open your link again, or ask your therapist for a new one."}
	device := ""
	if c, err := r.Cookie(seatCookie); err == nil {
		device = practice.HashSecret(c.Value)
	}
	if !sessionID(id) {
		return "", turned
	}
	var role session.Role
	var owner string
	allowed := false
	err := d.sessions.Look(r.Context(), id, func(s *session.State) {
		if found, ok := s.Seat(seat); ok {
			role, owner = found.Role, s.Owner
			allowed = role != session.Therapist && device != "" && session.DeviceAllowed(s, seat, device, d.sessions.Now(s))
		}
	})
	switch {
	case errors.Is(err, live.ErrUnknown):
		return "", turned
	case err != nil:
		return "", err
	case allowed:
		return role, nil
	case role != session.Therapist:
		return "", turned
	}
	account, err := d.Account(r)
	if err != nil {
		return "", err
	}
	if account.ID != owner {
		return "", turned
	}
	return role, nil
}

// Account returns the account whose sign-in the request carries.
func (d *Door) Account(r *http.Request) (practice.Account, error) {
	return d.practice.Who(r.Context(), accountSecret(r))
}

func accountSecret(r *http.Request) string {
	c, err := r.Cookie(accountCookie)
	if err != nil {
		return ""
	}
	return strings.Clone(c.Value) // not the whole header, for as long as a page is open
}

// Owned returns a refusal where the session does not exist or is not the
// account's own: the two look alike.
func (d *Door) Owned(ctx context.Context, account practice.Account, id string, look func(*session.State)) error {
	none := &session.Refusal{Code: session.NoSuchThing, Words: "There is no such session."}
	if !sessionID(id) {
		return none
	}
	own := false
	err := d.sessions.Look(ctx, id, func(s *session.State) {
		if own = s.Owner == account.ID; own && look != nil {
			look(s)
		}
	})
	if err != nil && !errors.Is(err, live.ErrUnknown) {
		return err
	}
	if !own {
		return none
	}
	return nil
}

// sessionID reports whether id could be a session's: the store holds a log that
// is none, the practice's own.
func sessionID(id string) bool {
	_, err := uuid.Parse(id)
	return err == nil && len(id) == 36
}
