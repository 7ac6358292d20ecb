package session

import (
	"math"
	"time"
)

// SeatID names a seat within its session: "therapist-1", "client-2". A seat is
// durable; the connections to it come and go.
type SeatID string

// The two actors that sit nowhere: the deadline that was reached, and the
// server's edge, which reports facts about connections and media.
const (
	Clock  SeatID = "clock"
	Server SeatID = "server"
)

// Role is what a seat may do and know.
type Role string

// The roles, in the order in which every table lists them.
const (
	Therapist   Role = "therapist"
	CoTherapist Role = "co_therapist"
	Client      Role = "client"
	Chaperone   Role = "chaperone"
	RoleServer  Role = "server"
	RoleClock   Role = "clock"
)

// Roles lists every role, people first.
var Roles = []Role{Therapist, CoTherapist, Client, Chaperone, RoleServer, RoleClock}

// Seat is one place in a session.
type Seat struct {
	ID         SeatID `json:"id"`
	Role       Role   `json:"role"`
	Name       string `json:"name"`               // as the person gives it
	Pronouns   string `json:"pronouns,omitempty"` // as the person gives them
	Phone      string `json:"phone,omitempty"`
	SharesWith SeatID `json:"shares_with,omitempty"` // a client seat that uses another's device
}

// Who is what a seat says of its person.
type Who struct {
	Name     string `json:"name"`
	Pronouns string `json:"pronouns,omitempty"`
	Phone    string `json:"phone,omitempty"`
}

// Phase is where one client is in the visit. CLINICAL.md, "Phases".
type Phase string

// The phases, in their order; the last three are the other ends.
const (
	Scheduled    Phase = "scheduled"
	Lobby        Phase = "lobby"
	CheckingIn   Phase = "check_in"
	Ready        Phase = "ready"
	Absorbing    Phase = "absorbing"
	Active       Phase = "active"
	Integrating  Phase = "integrating"
	ReleaseCheck Phase = "release_check"
	Closed       Phase = "closed"
	Signed       Phase = "signed"
	Cancelled    Phase = "cancelled"
	EndedEarly   Phase = "ended_early"
	Transferred  Phase = "transferred"
)

// Phases lists every phase in the order of the visit.
var Phases = []Phase{Scheduled, Lobby, CheckingIn, Ready, Absorbing, Active, Integrating,
	ReleaseCheck, Closed, Signed, Cancelled, EndedEarly, Transferred}

// Dosed reports whether the client is under the medicine and in our care: every
// watch and every ladder runs in these phases.
func (p Phase) Dosed() bool {
	return p == Absorbing || p == Active || p == Integrating || p == ReleaseCheck
}

// Ended reports whether the visit is over for this client.
func (p Phase) Ended() bool {
	switch p {
	case Closed, Signed, Cancelled, EndedEarly, Transferred:
		return true
	}
	return false
}

// Pace is the clock of a session. A real session has rate 1. A practice
// session may run faster: its time is Epoch + (wall - Epoch) * Rate.
type Pace struct {
	Epoch time.Time `json:"epoch"`
	Rate  float64   `json:"rate"`
}

// Of returns the session's time at a wall time, at most 292 years after Epoch.
func (p Pace) Of(wall time.Time) time.Time {
	if p.Rate == 0 || p.Rate == 1 {
		return wall
	}
	passed := float64(wall.Sub(p.Epoch)) * p.Rate
	if passed >= math.MaxInt64 { // half a year at the fastest: a duration holds no more
		return p.Epoch.Add(math.MaxInt64)
	}
	return p.Epoch.Add(time.Duration(passed))
}

// Wall returns the wall time at which the session's clock shows t.
func (p Pace) Wall(t time.Time) time.Time {
	if p.Rate == 0 || p.Rate == 1 {
		return t
	}
	return p.Epoch.Add(time.Duration(float64(t.Sub(p.Epoch)) / p.Rate))
}
