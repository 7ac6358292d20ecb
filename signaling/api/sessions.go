package api

import (
	"bytes"
	"cmp"
	"encoding/json"
	"net/http"
	"slices"
	"time"

	"belay/session"
	"belay/session/record"
	"belay/signaling/access"
)

func (a *API) list(x *exchange) (any, error) {
	all, err := a.sessions.Summaries(x.context())
	if err != nil {
		return nil, err
	}
	own := []session.Summary{}
	for _, s := range all {
		if s.Owner == x.account.ID {
			own = append(own, s)
		}
	}
	slices.SortFunc(own, func(a, b session.Summary) int {
		return cmp.Or(b.StartsAt.Compare(a.StartsAt), cmp.Compare(a.ID, b.ID))
	})
	return struct {
		Now      time.Time         `json:"now"`
		Sessions []session.Summary `json:"sessions"` // latest start first
	}{session.Instant(time.Now()), own}, nil
}

// seatAnswer is one seat, as the console shows it.
type seatAnswer struct {
	session.Seat
	Present bool   `json:"present"`
	Link    string `json:"link"` // "none", "valid", "used", "expired", "revoked"; "account" for the therapist's
}

type lookAnswer struct {
	Summary session.Summary                  `json:"summary"`
	Place   string                           `json:"place"`
	Seats   []seatAnswer                     `json:"seats"`
	Orders  map[session.SeatID]session.Order `json:"orders"`  // of the clients
	Devices []session.DeviceView             `json:"devices"` // browsers that wait to be let in
}

func (a *API) look(x *exchange) (any, error) {
	id := x.r.PathValue("id")
	out := lookAnswer{Seats: []seatAnswer{}, Orders: map[session.SeatID]session.Order{}, Devices: []session.DeviceView{}}
	err := a.door.Owned(x.context(), x.account, id, func(s *session.State) {
		view := session.ViewOf(s, therapistOf(s), a.sessions.Now(s))
		out.Summary = session.Summarize(s)
		out.Place = access.SeatPath(id, therapistOf(s))
		for _, seat := range s.Seats {
			answer := seatAnswer{Seat: seat, Present: s.Present(seat.ID), Link: "none"}
			for _, p := range view.People {
				if p.Seat == seat.ID && p.Link != "" {
					answer.Link = p.Link
				}
			}
			if seat.Role == session.Therapist {
				answer.Link = "account"
			}
			out.Seats = append(out.Seats, answer)
		}
		for _, c := range s.Clients {
			out.Orders[c.Seat] = c.Order
		}
		out.Devices = append(out.Devices, view.Devices...)
	})
	return out, err
}

func therapistOf(s *session.State) session.SeatID {
	for _, seat := range s.Seats {
		if seat.Role == session.Therapist {
			return seat.ID
		}
	}
	return ""
}

func (a *API) invite(x *exchange) (any, error) {
	var in struct {
		Seat session.SeatID `json:"seat"`
	}
	if err := x.body(&in); err != nil {
		return nil, err
	}
	id := x.r.PathValue("id")
	seat := session.Seat{ID: in.Seat}
	err := a.door.Owned(x.context(), x.account, id, func(s *session.State) {
		if found, ok := s.Seat(in.Seat); ok {
			seat = found
		}
	})
	if err != nil {
		return nil, err
	}
	l, err := a.link(x.r, id, seat)
	if err != nil {
		return nil, err
	}
	x.status = http.StatusCreated
	return l, nil
}

func (a *API) revoke(x *exchange) (any, error) {
	id := x.r.PathValue("id")
	if err := a.door.Owned(x.context(), x.account, id, nil); err != nil {
		return nil, err
	}
	return struct{}{}, a.door.Revoke(x.context(), id, session.SeatID(x.r.PathValue("seat")))
}

func (a *API) answerDevice(x *exchange) (any, error) {
	var in struct {
		Request string `json:"request"`
		Admit   bool   `json:"admit"`
	}
	if err := x.body(&in); err != nil {
		return nil, err
	}
	id := x.r.PathValue("id")
	if err := a.door.Owned(x.context(), x.account, id, nil); err != nil {
		return nil, err
	}
	if in.Admit {
		return struct{}{}, a.door.AdmitDevice(x.context(), id, in.Request)
	}
	return struct{}{}, a.door.RefuseDevice(x.context(), id, in.Request)
}

// events returns the whole log of the session that the path names.
func (a *API) events(x *exchange) ([]session.Event, error) {
	id := x.r.PathValue("id")
	if err := a.door.Owned(x.context(), x.account, id, nil); err != nil {
		return nil, err
	}
	return a.sessions.Events(x.context(), id)
}

// record is a session in words and values: the therapist's view of it, with every
// line and not only the recent ones, and what no view has any more.
func (a *API) record(x *exchange) (any, error) {
	events, err := a.events(x)
	if err != nil {
		return nil, err
	}
	whole, s, err := record.Of(events)
	if err != nil {
		return nil, err
	}
	view := session.ViewOf(s, therapistOf(s), a.sessions.Now(s))
	view.Lines = whole.Lines
	return struct {
		session.View
		Record record.Record `json:"record"`
	}{view, whole}, nil
}

// eventLog is the log itself, each event in the bytes that were hashed.
func (a *API) eventLog(x *exchange) (any, error) {
	events, err := a.events(x)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	out.WriteString("[")
	for i, e := range events {
		if i > 0 {
			out.WriteString(",")
		}
		out.WriteString("\n")
		raw, err := json.Marshal(e)
		if err != nil {
			return nil, err
		}
		out.Write(raw)
	}
	out.WriteString("\n]\n")
	return download{name: "belay-" + x.r.PathValue("id") + ".json", raw: out.Bytes()}, nil
}
