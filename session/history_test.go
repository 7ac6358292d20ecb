package session_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"belay/session"
	"belay/session/transcript"
)

// history is a session that goes on at random: people who mostly do what comes
// next, sometimes anything at all; connections and pictures that come and go; a
// server that is sometimes down.
type history struct {
	t     testing.TB
	rng   *rand.Rand
	s     *session.State
	now   time.Time
	raw   [][]byte
	sent  []session.Command
	past  []happened
	tame  bool // no garbage, no clock set back
	conns int
	seats []session.Seat
}

var day = time.Date(2026, 3, 2, 13, 0, 0, 0, time.UTC)

// Words that only therapists may read, and numbers that only they may see.
const (
	secretNote   = "SECRET-NOTE"
	secretReason = "SECRET-REASON"
	secretPhone  = "(303) 555-09" // of clients, prescribers and chaperones
)

func newHistory(t testing.TB, seed uint64) *history {
	h := &history{t: t, rng: rand.New(rand.NewPCG(seed, 7)), s: &session.State{}, now: day}
	create := session.CreateSession{ID: "s", Owner: "dana", StartsAt: day.Add(time.Hour), Settings: session.DefaultSettings(),
		Orders: map[session.SeatID]session.Order{}, Pace: session.Pace{Rate: 1}}
	create.Settings.LicensedStates = []string{"CO"}
	add := func(seat session.Seat) { create.Seats = append(create.Seats, seat) }
	add(session.Seat{ID: "therapist-1", Role: session.Therapist, Name: "Dana", Phone: "(303) 555-0100"})
	if h.chance(3) {
		add(session.Seat{ID: "co-1", Role: session.CoTherapist, Name: "Lee"})
	}
	for i := 1; i <= 1+h.rng.IntN(2); i++ {
		seat := session.Seat{ID: session.SeatID(fmt.Sprintf("client-%d", i)), Role: session.Client, Name: fmt.Sprintf("Clientname%d", i),
			Phone: fmt.Sprintf("%s%02d", secretPhone, i)}
		if i == 2 && h.chance(3) {
			seat.SharesWith = "client-1"
		}
		add(seat)
		order := session.Order{Product: "lozenge", DoseMg: 100, Tablets: 1 + h.rng.IntN(2), TotalMg: 100, Conditions: secretNote,
			Prescriber: "Okafor", Phone: secretPhone + "77", Number: 1, Of: 6}
		if h.chance(2) {
			order.TotalMg, order.BoosterFrom, order.BoosterTo = 150, 600, 3600
		}
		create.Orders[seat.ID] = order
	}
	for i := range h.rng.IntN(3) {
		add(session.Seat{ID: session.SeatID(fmt.Sprintf("chaperone-%d", i+1)), Role: session.Chaperone,
			Name: fmt.Sprintf("Sam%d", i+1), Phone: fmt.Sprintf("%s5%d", secretPhone, i)})
	}
	h.seats = create.Seats
	h.do(session.Command{ID: "create", Seat: session.Server, Do: create})
	return h
}

// chance is true once in n times.
func (h *history) chance(n int) bool { return h.rng.IntN(n) == 0 }

func pick[T any](h *history, of []T) T { return of[h.rng.IntN(len(of))] }

func (h *history) fatalf(format string, args ...any) {
	h.t.Helper()
	h.t.Fatalf(format+"\n%s", append(args, h.transcript())...)
}

// transcript is what happened so far, as a script that can be kept and played.
func (h *history) transcript() []byte {
	var script bytes.Buffer
	w := transcript.NewWriter(&script)
	w.ByHand()
	for _, p := range h.past {
		w.Command(p.command, p.now)
		w.Outcome(h.s, p.events, p.err)
	}
	return script.Bytes()
}

// happened is one command and what it led to: a failure prints them as a
// transcript, which can be kept as a test.
type happened struct {
	command session.Command
	now     time.Time
	events  []session.Event
	err     error
}

// do decides a command and takes its events in, through their stored bytes.
func (h *history) do(c session.Command) (events []session.Event, err error) {
	h.t.Helper()
	before, was := h.s, ""
	if h.chance(200) { // it costs more than the step
		was = fingerprint(before)
	}
	events, err = session.Decide(h.s, c, h.now)
	next := h.s
	for i, e := range events {
		linked, raw, lerr := session.Link(e, next.Head, session.SaltFrom(e.Seq))
		if lerr != nil {
			h.fatalf("an event cannot be stored: %v", lerr)
		}
		if i == 0 {
			next, lerr = session.Fold(next, linked)
		} else {
			lerr = next.Apply(linked)
		}
		if lerr != nil {
			h.fatalf("an event cannot be taken in: %v", lerr)
		}
		events[i] = linked
		h.raw = append(h.raw, raw)
	}
	h.past = append(h.past, happened{c, h.now, events, err})
	if was != "" && fingerprint(before) != was {
		h.fatalf("%T: taking in what followed changed the state before it, which a screen may still be shown", c.Do)
	}
	h.s = next
	h.checkStep(c, before, events, err)
	return events, err
}

// step lets time pass, the clock speak, and somebody act.
func (h *history) step() {
	switch h.rng.IntN(12) {
	case 0:
		h.now = h.now.Add(time.Duration(h.rng.IntN(900)) * time.Second)
	case 1:
		if due, ok := session.NextDeadline(h.s); ok && due.After(h.now) {
			h.now = due
		}
	case 2, 3:
		h.now = h.now.Add(time.Duration(h.rng.IntN(180)) * time.Second)
	case 4:
		if h.chance(4) && !h.tame {
			h.now = h.now.Add(-time.Duration(h.rng.IntN(20)) * time.Second) // the server's clock is set back
		}
	default:
		h.now = h.now.Add(time.Duration(h.rng.IntN(15_000)) * time.Millisecond)
	}
	if !h.chance(10) { // else the server is down, or late
		h.reach()
	}
	if h.chance(15) && len(h.sent) > 0 {
		h.resend(pick(h, h.sent))
		return
	}
	c := h.command()
	c.ID = fmt.Sprintf("c%d", len(h.sent))
	if _, person := h.s.Seat(c.Seat); person {
		switch {
		case h.chance(6): // a page that could not reach the server at once
			c.Given = session.Instant(h.now.Add(-time.Duration(h.rng.IntN(100_000)) * time.Millisecond))
		case h.chance(40):
			c.Undated = true
		}
	}
	h.sent = append(h.sent, c)
	h.do(c)
}

func (h *history) someClient() *session.ClientState { return pick(h, h.s.Clients) }

func (h *history) seatsOf(role session.Role) (all []session.SeatID) {
	for _, s := range h.s.Seats {
		if s.Role == role {
			all = append(all, s.ID)
		}
	}
	return all
}

// command is what somebody wishes now.
func (h *history) command() session.Command {
	c := h.someClient()
	by := func(seat session.SeatID, do session.Act) session.Command { return session.Command{Seat: seat, Do: do} }
	chaperones := h.seatsOf(session.Chaperone)
	switch n := h.rng.IntN(20); {
	case n < 2: // connections
		seat := pick(h, h.s.Seats).ID
		if p := h.s.Presence[seat]; p.Conn != "" && h.chance(3) {
			return by(session.Server, session.LosePeer{Seat: seat, Lost: p.Conn, Heard: h.now.Add(-time.Duration(h.rng.IntN(12)) * time.Second)})
		}
		h.conns++
		return session.Command{Seat: session.Server, Conn: fmt.Sprintf("k%d", h.conns), Do: session.JoinPeer{Seat: seat, Peer: pick(h, []string{"p", "p", "q"})}}
	case n == 2 && h.chance(2):
		if h.chance(2) {
			return by(session.Server, session.ReportVoice{Client: c.Seat, Lost: h.chance(2), Since: h.now.Add(-2 * time.Second)})
		}
		return by(session.Server, session.ReportSound{Client: c.Seat, Lost: h.chance(2), Since: h.now.Add(-2 * time.Second)})
	case n == 2:
		return by(session.Server, session.ReportPicture{Client: c.Seat, Lost: h.chance(2), Since: h.now.Add(-2 * time.Second)})
	case n == 3 && len(chaperones) > 0:
		seat := pick(h, chaperones)
		return by(seat, pick(h, []session.Act{
			session.ConfirmChaperone{Chaperone: seat, Part: pick(h, session.ChaperoneParts).ID}, session.Arrive{}, session.CheckIn{},
			session.GoIn{}, session.BeWith{}, session.ReportBack{Well: h.chance(2), Words: secretNote}, session.AnnounceLeaving{Words: "bus"},
			session.RaiseAlarm{Client: c.Seat, Condition: pick(h, session.Raisable[session.Chaperone]), Words: secretNote},
			session.RecordVitals{Client: c.Seat, Systolic: 110 + h.rng.IntN(90), Diastolic: 60 + h.rng.IntN(40), HeartRate: 60 + h.rng.IntN(50)},
			session.SettleCriterion{Client: c.Seat, Criterion: session.CriterionChaperone, Values: map[string]string{"confirmed": "yes"}},
		}))
	case n == 4:
		alarm := session.AcknowledgeAlarm{Alarm: fmt.Sprintf("a%d", 1+h.rng.IntN(12)), Priority: pick(h, []session.Priority{session.Low, session.Medium, session.High})}
		if len(h.s.Alarms) > 0 {
			alarm.Alarm = pick(h, h.s.Alarms).ID
		}
		return by(pick(h, h.s.Seats).ID, pick(h, []session.Act{alarm, alarm, h.seen(), session.ShowAlarm{Alarm: alarm.Alarm}, session.ClearAlarm{Alarm: alarm.Alarm, Words: secretNote}}))
	case n == 5 && !h.tame: // anything, with any values
		names := sortedActs()
		return by(pick(h, h.s.Seats).ID, h.garble(session.Acts()[pick(h, names)]))
	case n == 6:
		return by("therapist-1", h.therapistsNotes(c))
	case n == 7:
		return by(c.Seat, pick(h, []session.Act{session.AskHelp{Client: c.Seat}, session.GiveConsent{Client: c.Seat, Version: "2026-1"},
			session.RecordDose{Client: c.Seat, Number: len(c.Doses) + 1}, session.RecordDose{Client: c.Seat, Number: max(1, len(c.Doses))},
			session.AllowChaperone{Client: c.Seat, See: h.chance(2)}, session.HideFromChaperone{Client: c.Seat}, session.CheckDevice{Camera: "ok", Microphone: "ok", Loudspeaker: "heard"}}))
	}
	return h.next(c)
}

func (h *history) therapistsNotes(c *session.ClientState) session.Act {
	at := h.now.Add(-time.Duration(h.rng.IntN(300)) * time.Second)
	long := h.now.Add(-time.Duration(h.rng.IntN(7200)) * time.Second) // a dose that comes to light late
	return pick(h, []session.Act{
		session.WriteNote{Text: secretNote, Begun: &at}, session.RecordSideEffect{Client: c.Seat, Kind: secretNote, At: &at},
		session.Rate{Client: c.Seat, Scale: "moaas", Value: 4}, session.WriteSummary{Client: c.Seat, Text: secretNote},
		session.ReopenGate{Client: c.Seat, Gate: pick(h, session.Gates).ID, Reason: secretReason},
		session.OverrideGate{Client: c.Seat, Gate: pick(h, session.Gates).ID, Reason: secretReason},
		session.WithdrawAuthorization{Client: c.Seat, Reason: secretReason}, session.CallChaperone{Client: c.Seat}, session.OpenCard{Client: c.Seat},
		session.CorrectDose{Client: c.Seat, Number: 1, At: pick(h, []time.Time{at, long}), Mg: 80 + float64(h.rng.IntN(100)), Tablets: h.rng.IntN(4), Reason: secretReason},
		session.RecordSwallowed{Client: c.Seat, Mg: 50, Tablets: 1, At: pick(h, []time.Time{at, long}), Reason: secretReason},
		session.EndEarly{Client: c.Seat, Reason: secretReason}, session.Cancel{Client: c.Seat, Reason: secretReason},
		session.MarkReturning{Client: c.Seat, Reason: secretReason},
		session.IssueInvitation{Seat: c.Seat, Hash: strings.Repeat("a", 64), Expires: h.now.Add(time.Hour)},
		session.UpdateSeat{Seat: c.Seat, Name: "Renamed", Phone: secretPhone + "99"}, session.CheckIn{},
		session.CorrectOrder{Client: c.Seat, Reason: secretReason, Order: session.Order{Product: "lozenge", DoseMg: 50 + float64(h.rng.IntN(100)), Tablets: 1,
			TotalMg: 150, BoosterFrom: 600, BoosterTo: 3600, Conditions: secretNote, Prescriber: "Okafor", Phone: secretPhone + "77", Number: 1, Of: 6}},
		session.SetMusic{Client: c.Seat, On: h.chance(2)}, session.Reschedule{StartsAt: h.now.Add(time.Duration(h.rng.IntN(48)) * time.Hour)},
	})
}

// next is what would bring this client's visit forward.
func (h *history) next(c *session.ClientState) session.Command {
	t := func(do session.Act) session.Command { return session.Command{Seat: "therapist-1", Do: do} }
	switch c.Phase {
	case session.Scheduled:
		h.conns++
		return session.Command{Seat: session.Server, Conn: fmt.Sprintf("k%d", h.conns), Do: session.JoinPeer{Seat: "therapist-1", Peer: "p"}}
	case session.Lobby:
		return t(session.Admit{Client: c.Seat, Reason: secretReason})
	case session.CheckingIn, session.Ready:
		for _, g := range session.Gates {
			if state := c.Gates[g.ID].State; state == "passed" || state == "overridden" {
				continue
			}
			switch {
			case g.ID == session.GateConsent:
				return session.Command{Seat: c.Seat, Do: session.GiveConsent{Client: c.Seat, Version: "2026-1"}}
			case len(g.Fields) == 0 || h.chance(8):
				return t(session.OverrideGate{Client: c.Seat, Gate: g.ID, Reason: secretReason})
			}
			return t(session.SettleGate{Client: c.Seat, Gate: g.ID, Values: filled(g.Fields, h.now)})
		}
		if c.Auth == nil || c.Auth.Ended != "" {
			return t(session.AuthorizeDose{Client: c.Seat, Number: len(c.Doses) + 1, Mg: c.Order.DoseMg, Tablets: c.Order.Tablets})
		}
		return session.Command{Seat: pick(h, []session.SeatID{c.Seat, "therapist-1"}), Do: session.RecordDose{Client: c.Seat, Number: len(c.Doses) + 1}}
	case session.Absorbing:
		h.now = h.now.Add(time.Duration(h.rng.IntN(240)) * time.Second)
		return t(session.CheckIn{})
	case session.Active:
		switch h.rng.IntN(4) {
		case 0:
			return t(session.AuthorizeDose{Client: c.Seat, Number: len(c.Doses) + 1, Mg: 50, Tablets: 1})
		case 1:
			return t(session.RecordDose{Client: c.Seat, Number: len(c.Doses) + 1})
		case 2:
			return t(session.MarkReturning{Client: c.Seat})
		}
		h.now = h.now.Add(time.Duration(h.rng.IntN(900)) * time.Second)
		return t(session.CheckIn{})
	case session.Integrating:
		return t(session.BeginReleaseCheck{Client: c.Seat})
	case session.ReleaseCheck:
		for _, row := range session.Criteria {
			switch state := c.Criteria[row.ID].State; {
			case row.ID == session.CriterionTime || state == "passed":
			case row.ID == session.CriterionVitals:
				near := session.RecordVitals{Client: c.Seat, Systolic: 120, Diastolic: 78, HeartRate: 70}
				for _, v := range c.Vitals {
					if v.At.Before(c.Windows.T0) {
						near.Systolic, near.Diastolic, near.HeartRate = v.Systolic, v.Diastolic, 70
					}
				}
				return t(near)
			default:
				return t(session.SettleCriterion{Client: c.Seat, Criterion: row.ID, Values: filled(row.Fields, h.now)})
			}
		}
		h.now = h.now.Add(time.Duration(h.rng.IntN(1200)) * time.Second)
		if id := h.unanswered(); id != "" {
			return t(session.AcknowledgeAlarm{Alarm: id, Priority: session.High})
		}
		return t(session.Release{Client: c.Seat})
	}
	if id := h.unanswered(); id != "" {
		return t(session.AcknowledgeAlarm{Alarm: id, Priority: session.High})
	}
	if h.chance(3) {
		return t(session.Sign{})
	}
	return t(session.AddAddendum{Text: secretNote})
}

// unanswered is a high alarm that nobody has acknowledged: neither release nor
// signature pass it.
func (h *history) unanswered() string {
	for _, a := range h.s.Alarms {
		if a.Priority == session.High && a.Acknowledged.IsZero() {
			return a.ID
		}
	}
	return ""
}

// seen are some of the alarms, some of them as they were a while ago.
func (h *history) seen() (all session.AcknowledgeAlarms) {
	for _, a := range h.s.Alarms {
		if h.chance(2) {
			all.Alarms = append(all.Alarms, session.SeenAlarm{Alarm: a.ID, Priority: pick(h, []session.Priority{a.Priority, session.Medium})})
		}
	}
	return all
}

func filled(fields []session.Field, now time.Time) map[string]string {
	values := map[string]string{}
	for _, f := range fields {
		values[f.Name] = map[string]string{"check": "yes", "tel": secretPhone + "00", "state": "CO", "text": "words",
			"time": now.Add(48 * time.Hour).Format(time.RFC3339)}[f.Kind]
	}
	return values
}
