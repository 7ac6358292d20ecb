package api

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/skip2/go-qrcode"

	"belay/session"
	"belay/signaling/access"
)

// newPerson is somebody in a new session, as the therapist enters them.
type newPerson struct {
	Name     string `json:"name"`
	Pronouns string `json:"pronouns,omitempty"`
	Phone    string `json:"phone,omitempty"`
}

type newClient struct {
	newPerson
	SharesDevice bool          `json:"shares_device,omitempty"` // with the first client
	Order        session.Order `json:"order"`
}

// newSession is what the console's form sends.
type newSession struct {
	Clients     []newClient `json:"clients"`
	Chaperones  []newPerson `json:"chaperones"`
	CoTherapist *newPerson  `json:"co_therapist,omitempty"`
	Phone       string      `json:"phone,omitempty"`     // the therapist's own: the chaperone sees it when called
	StartsAt    *time.Time  `json:"starts_at,omitempty"` // absent: now
	Practice    bool        `json:"practice,omitempty"`
	Rate        float64     `json:"rate,omitempty"` // of a practice session's clock: 1 to 600
}

// made is the answer: where the therapist goes on, and a link for everybody else.
type made struct {
	ID    string `json:"id"`
	Place string `json:"place"` // of the therapist's own page
	Links []link `json:"links"`
}

// link is shown once: its secret is kept nowhere.
type link struct {
	Seat    session.SeatID `json:"seat"`
	Role    session.Role   `json:"role"`
	Name    string         `json:"name"`
	URL     string         `json:"url"`
	QR      string         `json:"qr"` // data: URL of a PNG
	Expires time.Time      `json:"expires"`
}

func (a *API) create(x *exchange) (any, error) {
	var in newSession
	if err := x.body(&in); err != nil {
		return nil, err
	}
	settings, err := a.practice.Settings(x.context())
	if err != nil {
		return nil, err
	}
	now := session.Instant(time.Now())
	create, err := in.act(x.account.Name, now)
	if err != nil {
		return nil, err
	}
	id, err := uuid.NewV7() // sorts by the time of creation
	if err != nil {
		return nil, err
	}
	create.ID, create.Owner, create.Settings = id.String(), x.account.ID, settings
	err = a.sessions.Create(x.context(), create.ID, session.Command{ID: uuid.NewString(), Seat: session.Server, Do: create})
	if err != nil {
		return nil, err
	}
	out := made{ID: create.ID}
	for _, seat := range create.Seats {
		switch {
		case seat.Role == session.Therapist:
			out.Place = access.SeatPath(create.ID, seat.ID)
		case seat.SharesWith == "":
			l, err := a.link(x.r, create.ID, seat)
			if err != nil {
				return nil, err
			}
			out.Links = append(out.Links, l)
		}
	}
	x.status = http.StatusCreated
	return out, nil
}

// act turns the form into the act. What the rules check is left to them.
func (in newSession) act(therapist string, now time.Time) (session.CreateSession, error) {
	var none session.CreateSession
	create := session.CreateSession{
		Orders: map[session.SeatID]session.Order{}, StartsAt: now,
		Practice: in.Practice, Pace: session.Pace{Epoch: now, Rate: 1},
	}
	if in.StartsAt != nil {
		create.StartsAt = session.Instant(*in.StartsAt)
		if create.StartsAt.Before(now.Add(-12*time.Hour)) || create.StartsAt.After(now.AddDate(2, 0, 0)) {
			return none, refuse(session.BadValue, "The start lies in the past, or more than two years ahead.")
		}
	}
	if in.Rate != 0 && in.Rate != 1 {
		if !in.Practice || in.Rate < 1 || in.Rate > 600 { // the rules' own limits: a rehearsal may be in a hurry
			return none, refuse(session.BadValue, "Only a practice session has a fast clock: at most 600 times.")
		}
		create.Pace.Rate = in.Rate
	}
	seat := func(role session.Role, prefix string, n int, p newPerson) (session.Seat, error) {
		s := session.Seat{
			ID: session.SeatID(fmt.Sprintf("%s-%d", prefix, n)), Role: role,
			Name: strings.TrimSpace(p.Name), Pronouns: strings.TrimSpace(p.Pronouns), Phone: strings.TrimSpace(p.Phone),
		}
		if s.Name == "" {
			return s, refuse(session.BadValue, "Everybody in the session needs a name.")
		}
		return s, nil
	}
	add := func(s session.Seat, err error) error {
		create.Seats = append(create.Seats, s)
		return err
	}
	if err := add(seat(session.Therapist, "therapist", 1, newPerson{Name: therapist, Phone: in.Phone})); err != nil {
		return none, err
	}
	if in.CoTherapist != nil {
		if err := add(seat(session.CoTherapist, "therapist", 2, *in.CoTherapist)); err != nil {
			return none, err
		}
	}
	for i, c := range in.Clients {
		s, err := seat(session.Client, "client", i+1, c.newPerson)
		if c.SharesDevice {
			if i == 0 {
				return none, refuse(session.BadValue, "The first client has a device of their own; another one can share it.")
			}
			s.SharesWith = "client-1"
		}
		if err := add(s, err); err != nil {
			return none, err
		}
		create.Orders[s.ID] = c.Order
	}
	for i, c := range in.Chaperones {
		if err := add(seat(session.Chaperone, "chaperone", i+1, c)); err != nil {
			return none, err
		}
	}
	if len(in.Clients) == 0 {
		return none, refuse(session.BadValue, "A session needs a client.")
	}
	if len(in.Chaperones) == 0 {
		return none, refuse(session.BadValue, "A session needs a chaperone: nobody takes the medicine alone.")
	}
	return create, nil
}

// link makes a fresh link with its picture.
func (a *API) link(r *http.Request, id string, seat session.Seat) (link, error) {
	l, err := a.door.Invite(r, id, seat.ID)
	if err != nil {
		return link{}, err
	}
	png, err := qrcode.Encode(l.URL, qrcode.Medium, 480)
	if err != nil {
		return link{}, fmt.Errorf("draw the QR code: %w", err)
	}
	return link{
		Seat: seat.ID, Role: seat.Role, Name: seat.Name, URL: l.URL, Expires: l.Expires,
		QR: "data:image/png;base64," + base64.StdEncoding.EncodeToString(png),
	}, nil
}
