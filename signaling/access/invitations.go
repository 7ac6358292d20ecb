package access

import (
	"context"
	"crypto/rand"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"

	"belay/session"
	"belay/session/live"
	"belay/session/practice"
)

// keepLink is how long a link opens its seat after the planned end of the visit.
const keepLink = 12 * time.Hour

// Link is a fresh invitation. Its URL is shown once and kept nowhere.
type Link struct {
	Seat    session.SeatID
	URL     string
	Expires time.Time // wall time
}

// Invite makes a new link for a seat. An earlier one opens nothing any more; the
// browsers that it let in stay in (Revoke turns them out), and another browser
// that shows the new link waits for the therapist's tap. The caller has made sure
// that the account owns the session.
func (d *Door) Invite(r *http.Request, id string, seat session.SeatID) (Link, error) {
	var by, expires = session.Server, time.Time{}
	var pace session.Pace
	var refusal error
	err := d.sessions.Look(r.Context(), id, func(s *session.State) {
		found, ok := s.Seat(seat)
		switch {
		case !ok:
			refusal = &session.Refusal{Code: session.NoSuchThing, Words: "There is no such seat in this session."}
		case found.Role == session.Therapist:
			refusal = &session.Refusal{Code: session.BadValue, Words: "The therapist's page opens with the account, not with a link."}
		case found.SharesWith != "":
			refusal = &session.Refusal{Code: session.BadValue, Words: "This client uses the other's device and needs no link."}
		}
		by, pace = leadSeat(s), s.Pace
		// The session's clock may be fast (a practice session): the hours
		// after the end are meant by the clock on the wall.
		end := s.StartsAt
		if s.Recorded.After(end) {
			end = s.Recorded
		}
		expires = pace.Wall(end.Add(s.Settings.PlannedEnd.D())).Add(keepLink)
	})
	if err := errors.Join(unknown(err), refusal); err != nil {
		return Link{}, err
	}
	secret := rand.Text()
	_, err = d.sessions.Do(r.Context(), id, session.Command{ID: uuid.NewString(), Seat: by, Do: session.IssueInvitation{
		Seat: seat, Hash: practice.HashSecret(secret), Expires: session.Instant(pace.Of(expires)),
	}})
	if err != nil {
		return Link{}, err
	}
	return Link{Seat: seat, URL: d.Base(r) + "/i#" + id + "." + string(seat) + "." + secret, Expires: expires}, nil
}

// Revoke ends a seat's link and every browser that it let in.
func (d *Door) Revoke(ctx context.Context, id string, seat session.SeatID) error {
	return d.asLead(ctx, id, session.RevokeInvitation{Seat: seat})
}

// AdmitDevice lets a browser that waits onto its seat: the therapist's one tap.
func (d *Door) AdmitDevice(ctx context.Context, id, request string) error {
	return d.asLead(ctx, id, session.AdmitDevice{Request: request})
}

// RefuseDevice turns it away.
func (d *Door) RefuseDevice(ctx context.Context, id, request string) error {
	return d.asLead(ctx, id, session.RefuseDevice{Request: request})
}

func (d *Door) asLead(ctx context.Context, id string, act session.Act) error {
	by := session.Server
	err := d.sessions.Look(ctx, id, func(s *session.State) { by = leadSeat(s) })
	if err != nil {
		return unknown(err)
	}
	_, err = d.sessions.Do(ctx, id, session.Command{ID: uuid.NewString(), Seat: by, Do: act})
	return err
}

// leadSeat is the seat of the account that owns the session.
func leadSeat(s *session.State) session.SeatID {
	for _, seat := range s.Seats {
		if seat.Role == session.Therapist {
			return seat.ID
		}
	}
	return session.Server
}

func unknown(err error) error {
	if errors.Is(err, live.ErrUnknown) {
		return &session.Refusal{Code: session.NoSuchThing, Words: "There is no such session."}
	}
	return err
}

// Open is what an invitation's page posts.
type Open struct {
	Session string         `json:"session"`
	Seat    session.SeatID `json:"seat"`
	Secret  string         `json:"secret"`
	Words   string         `json:"words"` // what the browser says it is: "Chrome on Android"
}

// OpenLink exchanges a link's secret for the cookie of its seat. It returns the
// place of the seat's page, or "" while the browser waits for the therapist's tap.
func (d *Door) OpenLink(w http.ResponseWriter, r *http.Request, o Open) (location string, err error) {
	if err := d.opensByAddress.allow(d.address(r), time.Now()); err != nil {
		return "", err
	}
	invalid := &session.Refusal{Code: session.LinkInvalid, Words: "This link does not open anything. Please ask your therapist for a new one."}
	if !sessionID(o.Session) || len(o.Seat) > 64 || len(o.Secret) != len(rand.Text()) {
		return "", invalid
	}
	secret := seatSecret(d.browser(w, r), o.Session, o.Seat)
	device := practice.HashSecret(secret)
	_, err = d.sessions.Do(r.Context(), o.Session, session.Command{ID: uuid.NewString(), Seat: session.Server, Do: session.OpenLink{
		Seat: o.Seat, Hash: practice.HashSecret(o.Secret), Device: device, Words: plain(o.Words),
	}})
	var refusal *session.Refusal
	switch {
	case errors.Is(err, live.ErrUnknown):
		return "", invalid
	case errors.As(err, &refusal) && refusal.Code == session.NoSuchThing:
		return "", invalid
	case errors.As(err, &refusal) && refusal.Code == session.AlreadySo: // it waits already, or is in
	case err != nil:
		return "", err
	}
	allowed := false
	var keep time.Duration // as long as the link: it may be opened weeks ahead
	err = d.sessions.Look(r.Context(), o.Session, func(s *session.State) {
		allowed = session.DeviceAllowed(s, o.Seat, device, d.sessions.Now(s))
		keep = time.Until(s.Pace.Wall(s.Links[o.Seat].Expires))
	})
	if err != nil || !allowed {
		return "", unknown(err)
	}
	location = SeatPath(o.Session, o.Seat)
	d.setCookie(w, r, seatCookie, secret, location, max(keep, time.Minute))
	return location, nil
}

// plain makes a device's own words fit for a therapist's screen.
func plain(words string) string {
	words = strings.Map(func(c rune) rune {
		if unicode.IsControl(c) || c == utf8.RuneError {
			return -1
		}
		return c
	}, words)
	if words = strings.TrimSpace(words); words == "" {
		return "another browser"
	}
	for len(words) > session.MaxName {
		_, size := utf8.DecodeLastRuneInString(words)
		words = words[:len(words)-size]
	}
	return words
}

// Base is the beginning of links: the public address, or that which the
// therapist's browser used.
func (d *Door) Base(r *http.Request) string {
	if d.public != nil {
		return d.public.Scheme + "://" + d.public.Host
	}
	if r.TLS != nil {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}

// OnlyHere reports whether a link would say an address that means another
// machine on every other machine.
func (d *Door) OnlyHere(r *http.Request) bool {
	host := r.Host
	if d.public != nil {
		host = d.public.Host
	}
	return IsLocal(host)
}

// IsLocal reports whether a host, with or without a port, is this machine's own
// name for itself.
func IsLocal(host string) bool {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	host = strings.Trim(host, "[]")
	if addr, err := netip.ParseAddr(host); err == nil {
		return addr.IsLoopback() || addr.IsUnspecified()
	}
	return strings.EqualFold(host, "localhost") || strings.HasSuffix(strings.ToLower(host), ".localhost")
}
