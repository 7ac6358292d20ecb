package api

import (
	"strings"
	"time"

	"belay/session"
)

// What is changed about a session before it begins, from the console.

// moveStart moves the start of a session that has not begun.
func (a *API) moveStart(x *exchange) (any, error) {
	var in struct {
		StartsAt time.Time `json:"starts_at"`
	}
	if err := x.body(&in); err != nil {
		return nil, err
	}
	id := x.r.PathValue("id")
	var pace session.Pace
	if err := a.door.Owned(x.context(), x.account, id, func(s *session.State) { pace = s.Pace }); err != nil {
		return nil, err
	}
	return struct{}{}, a.door.Lead(x.context(), id, session.Reschedule{StartsAt: session.Instant(pace.Of(in.StartsAt))})
}

// changeSeat corrects somebody's name, pronouns or phone number.
func (a *API) changeSeat(x *exchange) (any, error) {
	var in newPerson
	if err := x.body(&in); err != nil {
		return nil, err
	}
	id := x.r.PathValue("id")
	if err := a.door.Owned(x.context(), x.account, id, nil); err != nil {
		return nil, err
	}
	return struct{}{}, a.door.Lead(x.context(), id, session.UpdateSeat{
		Seat: session.SeatID(x.r.PathValue("seat")), Name: strings.TrimSpace(in.Name), Pronouns: strings.TrimSpace(in.Pronouns), Phone: strings.TrimSpace(in.Phone),
	})
}

// correctOrder corrects the order of a client who has taken no dose yet.
func (a *API) correctOrder(x *exchange) (any, error) {
	var in struct {
		Order  session.Order `json:"order"`
		Reason string        `json:"reason"`
	}
	if err := x.body(&in); err != nil {
		return nil, err
	}
	id := x.r.PathValue("id")
	if err := a.door.Owned(x.context(), x.account, id, nil); err != nil {
		return nil, err
	}
	return struct{}{}, a.door.Lead(x.context(), id, session.CorrectOrder{
		Client: session.SeatID(x.r.PathValue("seat")), Order: in.Order, Reason: strings.TrimSpace(in.Reason),
	})
}

// cancel cancels the visit of every client that has not ended. It is refused, with
// nobody's visit cancelled, where one of them has taken a dose.
func (a *API) cancel(x *exchange) (any, error) {
	var in struct {
		Reason string `json:"reason"`
	}
	if err := x.body(&in); err != nil {
		return nil, err
	}
	id := x.r.PathValue("id")
	var left []session.SeatID
	dosed := false
	err := a.door.Owned(x.context(), x.account, id, func(s *session.State) {
		for _, c := range s.Clients {
			dosed = dosed || len(c.Doses) > 0
			if !c.Phase.Ended() {
				left = append(left, c.Seat)
			}
		}
	})
	switch {
	case err != nil:
		return nil, err
	case dosed:
		return nil, refuse(session.NotNow, "A dose was taken in this session: it cannot be cancelled any more. Open your page to end it.")
	case len(left) == 0:
		return nil, refuse(session.NotNow, "This session is over already.")
	}
	// One act: a dose that comes in between leaves no half of it.
	return struct{}{}, a.door.Lead(x.context(), id, session.Cancel{Client: left[0], Reason: in.Reason, All: true})
}
