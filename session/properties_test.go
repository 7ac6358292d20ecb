package session_test

import (
	"encoding/json"
	"errors"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"belay/session"
)

// How many random histories: BELAY_LONG=1 for the long run, BELAY_SEED to see one again.
func seeds(t *testing.T) (first, n uint64) {
	if v := os.Getenv("BELAY_SEED"); v != "" {
		seed, err := strconv.ParseUint(v, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		return seed, 1
	}
	first = uint64(time.Now().UnixNano() % 1e12)
	if os.Getenv("BELAY_LONG") != "" {
		return first, 100_000
	}
	if v := os.Getenv("BELAY_HISTORIES"); v != "" {
		n, _ = strconv.ParseUint(v, 10, 64)
		return first, n
	}
	return first, 1000
}

// In no history does anybody get a dose past a check, lose an alarm, see what is
// not theirs, or find another state after a restart. What is checked after each
// step stands in checkStep and checkNow.
func TestNothingThatWasPromisedFailsInAnyHistory(t *testing.T) {
	first, n := seeds(t)
	reached := map[session.Phase]int{}
	for seed := first; seed < first+n; seed++ {
		h := newHistory(t, seed)
		for range 50 + h.rng.IntN(60) {
			h.step()
			if t.Failed() {
				t.Fatalf("BELAY_SEED=%d shows it again", seed)
			}
		}
		h.reach()
		h.checkReplay()
		for _, c := range h.s.Clients {
			reached[c.Phase]++
		}
		if t.Failed() {
			t.Fatalf("BELAY_SEED=%d shows it again", seed)
		}
	}
	t.Logf("%d histories from seed %d ended in %v", n, first, reached)
	if n >= 1000 {
		for _, phase := range session.Phases {
			if reached[phase] == 0 && phase != session.Scheduled && phase != session.Lobby {
				t.Errorf("no history ended in %s: the generator does not get there", phase)
			}
		}
	}
}

// checkStep checks one command against the state before it.
func (h *history) checkStep(c session.Command, before *session.State, events []session.Event, err error) {
	h.t.Helper()
	var r *session.Refusal
	if err != nil && (!errors.As(err, &r) || r.Words == "" || r.Code == "") {
		h.fatalf("%T: the rules failed instead of refusing in words: %v", c.Do, err)
	}
	if err != nil && len(events) > 0 {
		h.fatalf("%T was refused and still caused events", c.Do)
	}
	last, gone := before.Recorded, acknowledged(before)
	for _, e := range events {
		if e.Recorded.Before(last) {
			h.fatalf("recorded time ran backwards: %s after %s", e.Recorded, last)
		}
		if e.At.After(e.Recorded) {
			h.fatalf("%s happens after it is recorded", session.FactName(e.Fact))
		}
		last = e.Recorded
		switch f := e.Fact.(type) {
		case session.PhaseMoved:
			byClock := e.Seat == session.Clock && f.From == session.Absorbing && f.To == session.Active
			_, joined := c.Do.(session.JoinPeer)
			byJoining := e.Seat == session.Server && joined && f.From == session.Scheduled && f.To == session.Lobby
			if _, person := before.Seat(e.Seat); !person && !byClock && !byJoining {
				h.fatalf("%s moved %s from %s to %s", e.Seat, f.Client, f.From, f.To)
			}
		case session.DoseRecorded:
			h.checkDose(before, e.At, f)
		case session.AlarmAcknowledged:
			gone[f.Alarm] = true
			h.checkSeen(c, before.Alarm(f.Alarm))
		}
	}
	for _, a := range before.Alarms {
		if a.Priority == session.High && h.s.Alarm(a.ID) == nil && !gone[a.ID] {
			h.fatalf("the high alarm %q went away and nobody had acknowledged it", a.Words)
		}
	}
	if !before.SignedAt.IsZero() {
		for _, e := range events {
			switch e.Fact.(type) {
			case session.AddendumAdded, session.InvitationRevoked:
			default:
				h.fatalf("a signed record was changed: %s", session.FactName(e.Fact))
			}
		}
	}
	if len(events) > 0 && c.ID != "" {
		if again, err := session.Decide(h.s, c, h.now); err != nil || len(again) > 0 {
			h.fatalf("%T, sent again, was answered %v and caused %d more events", c.Do, err, len(again))
		}
	}
	if len(events) == 0 && c.Seat == session.Clock {
		return // nothing was due: whatever is to be seen was looked at before
	}
	if h.chance(16) {
		h.checkViews()
	}
	if h.chance(64) {
		h.checkUntouched(c)
	}
}

// checkSeen checks that nobody silenced an alarm that was more urgent than what they saw.
func (h *history) checkSeen(c session.Command, was *session.Alarm) {
	var seen []session.SeenAlarm
	switch a := c.Do.(type) {
	case session.AcknowledgeAlarm:
		seen = []session.SeenAlarm{session.SeenAlarm(a)}
	case session.AcknowledgeAlarms:
		seen = a.Alarms
	default: // who says that it is over needs no priority
		return
	}
	for _, one := range seen {
		if was != nil && one.Alarm == was.ID && one.Priority.Rank() >= was.Priority.Rank() {
			return
		}
	}
	h.fatalf("%q was silenced by somebody who had not seen it as urgent as it was", was.Words)
}

func acknowledged(s *session.State) map[string]bool {
	ids := map[string]bool{}
	for _, a := range s.Alarms {
		ids[a.ID] = !a.Acknowledged.IsZero()
	}
	return ids
}

// checkDose checks a dose against the checks as they stand, and against the
// authorisation at the time at which it was taken.
func (h *history) checkDose(before *session.State, taken time.Time, f session.DoseRecorded) {
	if f.PastGates {
		return
	}
	c := before.Client(f.Client)
	total := f.Mg
	for _, dose := range c.Doses {
		total += dose.Mg
	}
	for _, g := range session.Gates {
		if state := c.Gates[g.ID].State; state != "passed" && state != "overridden" {
			h.fatalf("a dose was authorised past the open check %q", g.Title)
		}
	}
	switch {
	case c.Auth == nil || c.Auth.Ended != "" && c.Auth.Ended != "it lapsed" || c.Auth.Mg != f.Mg:
		h.fatalf("a dose was recorded as authorised that was not: %+v", c.Auth)
	case !taken.Before(c.Auth.Lapses) || taken.Before(c.Auth.At.Add(-2*time.Second)):
		h.fatalf("a dose was recorded as authorised that was not: %+v", c.Auth)
	case total > c.Order.TotalMg:
		h.fatalf("with this dose the client has taken %g mg; %g mg are prescribed", total, c.Order.TotalMg)
	case f.Number > 1 && (taken.Before(c.Windows.T0.Add(c.Order.BoosterFrom.D())) || taken.After(c.Windows.T0.Add(c.Order.BoosterTo.D()))):
		h.fatalf("a second dose outside its prescribed window")
	}
}

// resend sends an earlier command again.
func (h *history) resend(c session.Command) {
	_, done := h.s.Done(c.Seat, c.ID)
	if events, err := h.do(c); done && (err != nil || len(events) > 0) {
		h.fatalf("%T was done twice: %v", c.Do, err)
	}
}

// reach lets the clock decide what is due, and checks that it has then nothing more to say.
func (h *history) reach() {
	clock := session.Command{Seat: session.Clock, Do: session.ReachDeadline{}}
	h.do(clock)
	if events, err := h.do(clock); err != nil || len(events) > 0 {
		h.fatalf("a deadline that was reached gave %d more events (%v)", len(events), err)
	}
	if due, ok := session.NextDeadline(h.s); ok && !due.After(h.now) {
		h.fatalf("a deadline at %s is left at %s", due, h.now)
	}
	h.checkNow()
}

// checkNow checks that whatever is wrong now is watched or stands as an alarm.
func (h *history) checkNow() {
	known := func(c session.Condition, client session.SeatID) bool {
		return slices.ContainsFunc(h.s.Watches, func(w session.Watch) bool { return w.Condition == c && (client == "" || w.Client == client) }) ||
			slices.ContainsFunc(h.s.Alarms, func(a *session.Alarm) bool {
				return a.Condition == c && (client == "" || a.Client == client) && a.Ended.IsZero()
			})
	}
	now := session.Instant(h.now)
	therapist, dosed := false, false
	for _, seat := range h.s.Seats {
		therapist = therapist || (seat.Role == session.Therapist || seat.Role == session.CoTherapist) && h.s.Present(seat.ID)
	}
	for _, c := range h.s.Clients {
		if !c.Phase.Dosed() {
			continue
		}
		dosed = true
		due := func(at time.Time) bool { return !at.IsZero() && !at.After(now) }
		for _, bad := range []struct {
			is   bool
			what session.Condition
		}{
			{!h.s.Present(c.Seat), session.ClientGone}, {!c.PictureLost.IsZero(), session.PictureGone}, {!c.SoundLost.IsZero(), session.SoundGone},
			{!c.VoiceLost.IsZero(), session.VoiceGone},
			{due(c.CheckIn.Due), session.CheckInMissed}, {due(c.Windows.ReleaseBy), session.NotReleased},
			{due(c.Windows.Overdue) && (c.Phase == session.Absorbing || c.Phase == session.Active), session.ActiveOverdue},
		} {
			if bad.is && !known(bad.what, c.Seat) {
				h.fatalf("%s: %s and nothing watches it (%s)", c.Seat, bad.what, now.Format(time.TimeOnly))
			}
		}
		if c.CheckIn.Due.IsZero() {
			h.fatalf("nobody is asked to look in on %s", c.Seat)
		}
		if c.Phase == session.Absorbing && due(c.Windows.HoldEnds) {
			h.fatalf("the hold of %s is over and the phase did not move", c.Seat)
		}
	}
	if therapist && h.s.SignedAt.IsZero() && slices.ContainsFunc(h.s.Clients, func(c *session.ClientState) bool { return c.Phase == session.Scheduled }) {
		h.fatalf("a therapist is there and cannot admit the client")
	}
	if dosed && !therapist && !known(session.TherapistGone, "") {
		h.fatalf("no therapist is connected and nothing watches it")
	}
	for i, a := range h.s.Alarms {
		for _, b := range h.s.Alarms[:i] {
			if a.Ended.IsZero() && b.Ended.IsZero() && a.Condition == b.Condition && a.Client == b.Client && a.Subject == b.Subject {
				h.fatalf("%q stands twice", a.Words)
			}
		}
	}
}

// checkUntouched checks that deciding changes nothing but by its events.
func (h *history) checkUntouched(c session.Command) {
	was := fingerprint(h.s)
	c.ID += "-probe"
	session.Decide(h.s, c, h.now)
	session.Decide(h.s, session.Command{Seat: session.Clock, Do: session.ReachDeadline{}}, h.now.Add(time.Hour))
	for _, seat := range h.s.Seats {
		session.ViewOf(h.s, seat.ID, h.now)
	}
	if fingerprint(h.s) != was {
		h.fatalf("%T: deciding or looking changed the state", c.Do)
	}
}

// fingerprint is all of a state; an event stands in it with its hash, which is
// over the whole event and much quicker to write.
func fingerprint(s *session.State) string {
	rest, recent := *s, strings.Builder{}
	rest.Recent = nil
	for _, e := range s.Recent {
		recent.WriteString(e.Hash.String())
	}
	raw, err := json.Marshal(&rest)
	if err != nil {
		panic(err)
	}
	return string(raw) + recent.String()
}

// checkReplay reads the stored bytes back.
func (h *history) checkReplay() {
	events, err := session.Log.VerifyChain(h.raw, h.s.Head)
	if err != nil {
		h.fatalf("the stored log cannot be read: %v", err)
	}
	again, err := session.Replay(events)
	if err != nil {
		h.fatalf("the stored log cannot be replayed: %v", err)
	}
	if same := strings.NewReplacer("{}", "null", "[]", "null"); same.Replace(fingerprint(h.s)) == same.Replace(fingerprint(again)) && !h.chance(50) {
		return
	}
	if diff := cmp.Diff(h.s, again, cmp.AllowUnexported(session.State{}), cmpopts.EquateEmpty()); diff != "" {
		h.fatalf("the replay gives another state (-lived +replayed):\n%s", diff)
	}
}

// Words that may stand in the client part of a view, by role.
var mayKnow = map[session.Role][]string{
	session.Client:    {"seat", "name", "pronouns", "phase", "steps", "help", "words", "may_take", "visit_at", "dimmed", "chaperone_sees", "music"},
	session.Chaperone: {"seat", "name", "pronouns", "phase", "t0", "look", "vitals_ask", "chaperone_sees"},
}

// checkViews checks what leaves for the screens of client and chaperone.
func (h *history) checkViews() {
	for _, seat := range h.s.Seats {
		allowed, limited := mayKnow[seat.Role]
		if !limited {
			continue
		}
		view := session.ViewOf(h.s, seat.ID, h.now)
		raw, err := json.Marshal(view)
		if err != nil {
			h.fatalf("the view cannot be sent: %v", err)
		}
		text := string(raw)
		own := strings.NewReplacer(secretPhone+"00", "") // the emergency number, which the chaperone may dial
		for _, secret := range []string{secretNote, secretReason, secretPhone} {
			if strings.Contains(own.Replace(text), secret) {
				h.fatalf("%s was sent %s: %s", seat.ID, secret, text)
			}
		}
		var sent struct {
			Clients []map[string]json.RawMessage `json:"clients"`
			Lines   []any                        `json:"lines"`
			Devices []any                        `json:"devices"`
			Alarms  []any                        `json:"alarms"`
			People  []map[string]any             `json:"people"`
		}
		if err := json.Unmarshal(raw, &sent); err != nil {
			h.fatalf("%v", err)
		}
		for i, c := range sent.Clients {
			for field := range c {
				if !slices.Contains(allowed, field) {
					h.fatalf("%s was sent %q: %s", seat.ID, field, text)
				}
			}
			v := view.Clients[i]
			shares, _ := h.s.Seat(v.Seat)
			if seat.Role == session.Client && v.Seat != seat.ID && shares.SharesWith != seat.ID {
				h.fatalf("%s was sent the visit of %s", seat.ID, v.Seat)
			}
			if seat.Role == session.Client && v.Dimmed && v.MayTake == nil {
				delete(c, "seat")
				delete(c, "name")
				delete(c, "pronouns")
				delete(c, "help")
				delete(c, "pronouns") // as they were typed
				if rest, _ := json.Marshal(c); strings.ContainsAny(string(rest), "0123456789") {
					h.fatalf("a number stands on the dark screen: %s", rest)
				}
			}
		}
		if len(sent.Lines) > 0 || len(sent.Devices) > 0 || seat.Role == session.Client && len(sent.Alarms) > 0 {
			h.fatalf("%s was sent the record, devices or alarms: %s", seat.ID, text)
		}
		for _, p := range sent.People {
			for _, field := range []string{"phone", "device", "link", "parts", "confirmed", "since", "instead"} {
				if _, there := p[field]; there {
					h.fatalf("%s was sent the %s of %v", seat.ID, field, p["seat"])
				}
			}
		}
	}
}

// Whatever a broken or hostile screen sends, in any phase: an answer, no panic,
// and nothing that cannot be stored.
func TestNoCommandEverBreaksTheRules(t *testing.T) {
	first, n := seeds(t)
	for _, phase := range session.Phases {
		s, now := stage(t, phase)
		h := newHistory(t, first)
		h.s, h.now = s, now
		for range min(n, 50_000) / 2 {
			act := pick(h, sortedActs())
			c := session.Command{ID: "x", Seat: pick(h, append([]session.SeatID{session.Clock, session.Server, "nobody", ""}, h.seatsOf(session.Therapist)[0], "client-1", "chaperone-1")),
				Conn: "k", Do: h.garble(session.Acts()[act])}
			events, err := session.Decide(s, c, now)
			var r *session.Refusal
			if err != nil && !errors.As(err, &r) {
				t.Fatalf("seed %d, %s in %s: %v", first, act, phase, err)
			}
			at := s
			for _, e := range events {
				linked, raw, err := session.Link(e, at.Head, session.SaltFrom(1))
				if err != nil {
					t.Fatalf("seed %d, %s in %s: what it caused cannot be stored: %v", first, act, phase, err)
				}
				if _, err := session.Log.Decode(raw); err != nil {
					t.Fatalf("seed %d, %s in %s: what it caused cannot be read back: %v\n%s", first, act, phase, err, raw)
				}
				if at, err = session.Fold(at, linked); err != nil {
					t.Fatalf("seed %d, %s in %s: %v", first, act, phase, err)
				}
			}
		}
	}
	for _, do := range []session.Act{nil, 7, "RecordDose", struct{}{}, (*session.Release)(nil), &session.Release{}} {
		s, now := stage(t, session.Active)
		if events, err := session.Decide(s, session.Command{ID: "x", Seat: "therapist-1", Do: do}, now); err == nil || len(events) > 0 {
			t.Errorf("%#v was taken as a command", do)
		}
	}
}
