package live_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"belay/session"
	"belay/session/live"
	"belay/session/store"
	"belay/session/store/bolt"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const id = "visit-1"

// desk is a running server without its edge.
type desk struct {
	t    testing.TB
	path string
	bolt store.Store
	fail *faults
	live *live.Sessions
	n    int
	off  atomic.Int64 // by how much somebody has set the wall clock
}

// faults stands between the sessions and the store, and fails on demand.
type faults struct {
	store.Store
	mu    sync.Mutex
	err   error // of every append
	after bool  // the append is written all the same
	count int
}

func (f *faults) set(err error, written bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.err, f.after = err, written
}

func (f *faults) Append(ctx context.Context, b store.Batch) error {
	f.mu.Lock()
	err, after := f.err, f.after
	f.count++
	f.mu.Unlock()
	if err != nil && !after {
		return err
	}
	if real := f.Store.Append(ctx, b); real != nil {
		return real
	}
	return err
}

func open(t testing.TB) *desk {
	d := &desk{t: t, path: filepath.Join(t.TempDir(), "log")}
	d.start()
	t.Cleanup(d.stop)
	return d
}

func (d *desk) start() {
	d.t.Helper()
	var err error
	if d.bolt, err = bolt.Open(bolt.Options{Path: d.path}); err != nil {
		d.t.Fatal(err)
	}
	d.fail = &faults{Store: d.bolt}
	if d.live, err = live.New(live.Options{Store: d.fail}); err != nil {
		d.t.Fatal(err)
	}
	began := time.Now()
	d.live.Hold(func() (time.Time, time.Duration) {
		now := time.Now()
		return now.Round(0).Add(time.Duration(d.off.Load())), now.Sub(began)
	})
	if err := d.live.Start(context.Background()); err != nil {
		d.t.Fatal(err)
	}
}

func (d *desk) stop() {
	d.t.Helper()
	if d.live == nil {
		return
	}
	if err := d.live.Close(); err != nil {
		d.t.Error(err)
	}
	if err := d.bolt.Close(); err != nil {
		d.t.Error(err)
	}
	d.live = nil
}

func visit(rate float64) session.CreateSession {
	settings := session.DefaultSettings()
	settings.LicensedStates = []string{"OR"}
	now := time.Now()
	return session.CreateSession{
		ID: id, Owner: "account-1", StartsAt: now.Add(10 * time.Minute), Settings: settings,
		Practice: rate > 1, Pace: session.Pace{Epoch: now, Rate: rate},
		Seats: []session.Seat{
			{ID: "therapist-1", Role: session.Therapist, Name: "Dana"},
			{ID: "client-1", Role: session.Client, Name: "Alex", Phone: "+1 503 555 0101"},
			{ID: "chaperone-1", Role: session.Chaperone, Name: "Sam", Phone: "+1 503 555 0102"},
		},
		Orders: map[session.SeatID]session.Order{"client-1": {Product: "ketamine troche", DoseMg: 100, Tablets: 1, TotalMg: 150, Number: 1, Of: 6}},
	}
}

func (d *desk) create(rate float64) {
	d.t.Helper()
	err := d.live.Create(context.Background(), id, session.Command{ID: "create", Seat: session.Server, Do: visit(rate)})
	if err != nil {
		d.t.Fatalf("create: %v", err)
	}
}

// try does an act and returns what came of it.
func (d *desk) try(seat session.SeatID, act session.Act) (uint64, error) {
	d.n++
	return d.live.Do(context.Background(), id, session.Command{ID: fmt.Sprintf("c%d", d.n), Seat: seat, Conn: "conn-" + string(seat), Do: act})
}

func (d *desk) do(seat session.SeatID, act session.Act) uint64 {
	d.t.Helper()
	seq, err := d.try(seat, act)
	var refusal *session.Refusal
	if errors.As(err, &refusal) {
		d.t.Fatalf("%s by %s: %s %v", session.FactName(act), seat, refusal.Words, refusal.Missing)
	}
	if err != nil {
		d.t.Fatalf("%s by %s: %v", session.FactName(act), seat, err)
	}
	return seq
}

func (d *desk) join(seats ...session.SeatID) {
	d.t.Helper()
	for _, seat := range seats {
		d.n++
		_, err := d.live.Do(context.Background(), id, session.Command{ID: fmt.Sprintf("j%d", d.n), Seat: session.Server,
			Conn: "conn-" + string(seat), Do: session.JoinPeer{Seat: seat, Peer: "peer-" + string(seat)}})
		if err != nil {
			d.t.Fatalf("join %s: %v", seat, err)
		}
	}
}

func (d *desk) events() []session.Event {
	d.t.Helper()
	events, err := d.live.Events(context.Background(), id)
	if err != nil {
		d.t.Fatal(err)
	}
	return events
}

// find returns the events of one type of fact.
func find[F any](d *desk) (found []session.Event, facts []F) {
	for _, e := range d.events() {
		if f, ok := e.Fact.(F); ok {
			found, facts = append(found, e), append(facts, f)
		}
	}
	return found, facts
}

func (d *desk) phase() session.Phase {
	d.t.Helper()
	var p session.Phase
	if err := d.live.Look(context.Background(), id, func(st *session.State) { p = st.Client("client-1").Phase }); err != nil {
		d.t.Fatal(err)
	}
	return p
}

// dose brings the visit to a dose that was taken with every gate passed.
func (d *desk) dose() {
	d.t.Helper()
	d.ready()
	d.do("client-1", session.RecordDose{Client: "client-1", Number: 1})
}

// ready brings the visit to a dose that is authorised.
func (d *desk) ready() {
	d.t.Helper()
	const c = session.SeatID("client-1")
	d.join("therapist-1", "client-1", "chaperone-1")
	d.do(c, session.CheckDevice{Camera: "ok", Microphone: "ok", Loudspeaker: "heard"})
	d.do(c, session.GiveConsent{Client: c, Version: session.DefaultSettings().ConsentVersion})
	d.do("therapist-1", session.Admit{Client: c})
	for _, part := range session.ChaperoneParts {
		seat := session.SeatID("chaperone-1")
		if part.ID == session.PartTestCall {
			seat = "therapist-1"
		}
		d.do(seat, session.ConfirmChaperone{Chaperone: "chaperone-1", Part: part.ID})
	}
	d.do("chaperone-1", session.Arrive{})
	d.do("therapist-1", session.RecordVitals{Client: c, Systolic: 121, Diastolic: 78, HeartRate: 66, Source: "home cuff"})
	for _, gate := range session.Gates {
		if len(gate.By) == 0 {
			continue
		}
		values := map[string]string{}
		for _, f := range gate.Fields {
			switch f.Kind {
			case "check":
				values[f.Name] = "yes"
			case "state":
				values[f.Name] = "OR"
			case "tel":
				values[f.Name] = "+1 503 555 0100"
			default:
				values[f.Name] = "12 Elm Street"
			}
		}
		d.do("therapist-1", session.SettleGate{Client: c, Gate: gate.ID, Values: values})
	}
	d.do("therapist-1", session.AuthorizeDose{Client: c, Number: 1, Mg: 100, Tablets: 1})
}

// screen is a sink that keeps what it was shown.
type screen struct {
	mu       sync.Mutex
	views    []session.View
	degraded []live.Degraded
}

func (s *screen) View(look live.Look) {
	v, ok := look()
	if !ok {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.views = append(s.views, v)
}

func (s *screen) Degraded(d live.Degraded) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.degraded = append(s.degraded, d)
}

func (s *screen) last() (session.View, int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.views) == 0 {
		return session.View{}, 0
	}
	return s.views[len(s.views)-1], len(s.views)
}

func (s *screen) said() []live.Degraded {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]live.Degraded(nil), s.degraded...)
}

func (d *desk) attach(seat session.SeatID) *screen {
	d.t.Helper()
	s := &screen{}
	detach, err := d.live.Attach(context.Background(), id, seat, s)
	if err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(detach)
	return s
}

// offset asserts that an event happened d after the dose, to the second.
func offset(t *testing.T, what string, t0, at time.Time, want time.Duration) {
	t.Helper()
	if got := at.Sub(t0); got < want || got >= want+time.Second {
		t.Errorf("%s came at T+%v, not at T+%v", what, got, want)
	}
}

func TestAWholeVisitRunsByTheClockToTheSecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := open(t)
		d.create(1)
		time.Sleep(2 * time.Minute)
		d.dose()
		s := d.attach("therapist-1")
		const c = session.SeatID("client-1")
		began := time.Now()
		t0 := session.Instant(began)
		// The chaperone looks in a little before each round is due, but forgets the one after T+70.
		for m := 0; m < 160; m++ {
			time.Sleep(time.Until(began.Add(time.Duration(m)*time.Minute + 30*time.Second)))
			switch m {
			case 14, 28, 42, 56, 70, 98, 110, 122, 134, 146:
				d.do("chaperone-1", session.CheckIn{})
			case 46:
				d.do("therapist-1", session.MarkReturning{Client: c})
			case 41:
				d.do("therapist-1", session.RecordVitals{Client: c, Systolic: 130, Diastolic: 80, HeartRate: 70})
			}
		}
		phases, moves := find[session.PhaseMoved](d)
		for i, m := range moves {
			if m.To == session.Active {
				offset(t, "the end of the hold", t0, phases[i].Recorded, 12*time.Minute)
			}
		}
		reached, reminders := find[session.DeadlineReached](d)
		want := map[session.DeadlineKind]time.Duration{
			session.DueHold: 12 * time.Minute, session.DueWindow: 45 * time.Minute,
			session.DueReleaseFrom: 120 * time.Minute, session.DuePlannedEnd: 150 * time.Minute,
		}
		for i, r := range reminders {
			if after, ok := want[r.Kind]; ok {
				offset(t, string(r.Kind), t0, reached[i].Recorded, after)
				if r.Late {
					t.Errorf("%s is marked late", r.Kind)
				}
				delete(want, r.Kind)
			}
		}
		for kind := range want {
			t.Errorf("%s was never said", kind)
		}
		raised, alarms := find[session.AlarmRaised](d)
		var missed time.Time
		for i, a := range alarms {
			if a.Condition == session.CheckInMissed {
				missed = raised[i].Recorded
				offset(t, "the missed check-in", t0, missed, 85*time.Minute+30*time.Second)
			}
		}
		if missed.IsZero() {
			t.Fatal("nobody said that the chaperone did not look in")
		}
		climbed, rungs := find[session.AlarmEscalated](d)
		var at []time.Duration
		for i, r := range rungs {
			if r.Alarm == alarmOf(alarms, session.CheckInMissed) {
				at = append(at, climbed[i].Recorded.Sub(missed).Truncate(time.Second))
			}
		}
		if fmt.Sprint(at) != "[2m0s 5m0s]" {
			t.Errorf("the ladder of the missed check-in was climbed at %v, not at 2 and 5 min", at)
		}
		view, _ := s.last()
		if view.Clients[0].Phase != session.Integrating {
			t.Errorf("the therapist's screen shows %s", view.Clients[0].Phase)
		}
		if view.Seq != uint64(len(d.events())) {
			t.Errorf("the therapist's screen stands at event %d of %d", view.Seq, len(d.events()))
		}
		d.settle()
	})
}

func alarmOf(alarms []session.AlarmRaised, c session.Condition) string {
	for _, a := range alarms {
		if a.Condition == c {
			return a.Alarm
		}
	}
	return ""
}

// settle checks that what is on the disk replays to what runs.
func (d *desk) settle() {
	d.t.Helper()
	st, err := session.Replay(d.events())
	if err != nil {
		d.t.Fatalf("the log does not replay: %v", err)
	}
	for i, e := range d.events() {
		if i > 0 && e.Recorded.Before(d.events()[i-1].Recorded) {
			d.t.Fatalf("time runs backwards at event %d", e.Seq)
		}
	}
	var seq uint64
	if err := d.live.Look(context.Background(), id, func(have *session.State) { seq = have.Seq }); err != nil || seq != st.Seq {
		d.t.Fatalf("the log has %d events, the session %d (%v)", st.Seq, seq, err)
	}
}

func TestASessionThatNobodyIsConnectedToStillRaisesItsAlarms(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := open(t)
		d.create(1)
		d.dose()
		for _, seat := range []session.SeatID{"client-1", "therapist-1", "chaperone-1"} {
			d.do(session.Server, session.LosePeer{Seat: seat, Lost: "conn-" + string(seat), Heard: time.Now()})
		}
		lost := time.Now()
		time.Sleep(20 * time.Minute) // long enough for the session to be unloaded in between
		raised, alarms := find[session.AlarmRaised](d)
		want := map[session.Condition]time.Duration{session.ClientGone: 10 * time.Second, session.TherapistGone: 10 * time.Second, session.CheckInMissed: 15 * time.Minute}
		for i, a := range alarms {
			if after, ok := want[a.Condition]; ok {
				offset(t, string(a.Condition), session.Instant(lost), raised[i].Recorded, after)
				delete(want, a.Condition)
			}
		}
		for c := range want {
			t.Errorf("nobody raised %s", c)
		}
	})
}

func TestOverdueAlarmsFireAtOnceAfterARestartMarkedLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := open(t)
		d.create(1)
		d.dose()
		d.stop()
		time.Sleep(30 * time.Minute) // the check-in was due after 15
		d.start()
		again := time.Now()
		time.Sleep(100 * time.Millisecond)
		raised, alarms := find[session.AlarmRaised](d)
		var found bool
		for i, a := range alarms {
			if a.Condition == session.CheckInMissed {
				found = true
				if !a.Late {
					t.Error("the missed check-in is not marked late")
				}
				if got := raised[i].Recorded.Sub(session.Instant(again)); got > 50*time.Millisecond {
					t.Errorf("it came %v after the start", got)
				}
			}
		}
		if !found {
			t.Fatal("the missed check-in was not raised after the restart")
		}
		if d.phase() != session.Active {
			t.Errorf("the hold timer did not end: %s", d.phase())
		}
		lost, facts := find[session.PeerLost](d)
		if len(facts) != 3 || !facts[0].Restart {
			t.Fatalf("%d former connections were declared lost, not 3", len(facts))
		}
		if at := lost[0].At; at.Sub(again).Abs() > time.Second {
			t.Errorf("the ladders count from %v, not from the start", at)
		}
		// Nobody came back: their absence is an alarm, counted from the start.
		time.Sleep(11 * time.Second)
		if _, alarms := find[session.AlarmRaised](d); alarmOf(alarms, session.ClientGone) == "" {
			t.Error("nobody said that the client did not come back")
		}
		d.settle()
	})
}

func TestARestartOfSecondsRaisesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := open(t)
		d.create(1)
		d.dose()
		time.Sleep(5 * time.Minute)
		d.stop()
		time.Sleep(3 * time.Second)
		d.start()
		time.Sleep(4 * time.Second)
		d.join("therapist-1", "client-1", "chaperone-1")
		time.Sleep(4 * time.Minute)
		if _, alarms := find[session.AlarmRaised](d); len(alarms) > 0 {
			t.Errorf("a restart of seconds raised %v", alarms[0].Condition)
		}
	})
}

func TestACommandSentAgainHasOneEffectAndTheSameAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := open(t)
		d.create(1)
		note := session.Command{ID: "note-1", Seat: "therapist-1", Do: session.WriteNote{Text: "Sits upright, breathes calmly."}}
		first, err := d.live.Do(context.Background(), id, note)
		if err != nil {
			t.Fatal(err)
		}
		d.do("therapist-1", session.WriteNote{Text: "Another."})
		d.stop() // also after a restart
		d.start()
		again, err := d.live.Do(context.Background(), id, note)
		if err != nil || again != first {
			t.Fatalf("the resend was answered with event %d (%v), not %d", again, err, first)
		}
		if _, notes := find[session.NoteWritten](d); len(notes) != 2 {
			t.Errorf("%d notes were recorded, not 2", len(notes))
		}
		if err := d.live.Create(context.Background(), id, session.Command{ID: "create", Seat: session.Server, Do: visit(1)}); err != nil {
			t.Errorf("a resent creation is refused: %v", err)
		}
	})
}

func TestAnotherWriterIsReadBeforeDecidingAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := open(t)
		d.create(1)
		other, err := live.New(live.Options{Store: d.fail}) // another node on the same store
		if err != nil {
			t.Fatal(err)
		}
		defer other.Close()
		s := d.attach("therapist-1")
		for i := range 3 {
			if _, err := other.Do(context.Background(), id, session.Command{ID: fmt.Sprint("other-", i), Seat: "therapist-1", Do: session.WriteNote{Text: "From the other node."}}); err != nil {
				t.Fatal(err)
			}
			d.do("therapist-1", session.WriteNote{Text: "From this one."})
		}
		if _, notes := find[session.NoteWritten](d); len(notes) != 6 {
			t.Errorf("%d notes were recorded, not 6", len(notes))
		}
		if view, _ := s.last(); view.Seq != uint64(len(d.events())) {
			t.Errorf("the screen stands at %d of %d", view.Seq, len(d.events()))
		}
		d.settle()
	})
}

func TestAFullStoreIsSaidToEveryScreenAndRecovers(t *testing.T) {
	for name, failure := range map[string]error{"full": store.ErrFull, "other": errors.New("input/output error")} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := open(t)
				d.create(1)
				d.dose()
				screens := []*screen{d.attach("therapist-1"), d.attach("client-1"), d.attach("chaperone-1")}
				d.fail.set(failure, false)
				before := len(d.events())
				_, err := d.try("therapist-1", session.WriteNote{Text: "Not kept."})
				if !errors.Is(err, live.ErrNotRecorded) {
					t.Fatalf("the command was answered %v, not ErrNotRecorded", err)
				}
				// The edge's facts are owed: the client is lost meanwhile.
				d.try(session.Server, session.LosePeer{Seat: "client-1", Lost: "conn-client-1", Heard: time.Now()})
				time.Sleep(20 * time.Minute) // deadlines pass, and are tried each second
				for i, s := range screens {
					if said := s.said(); len(said) != 1 || said[0].OK || said[0].Words == "" {
						t.Errorf("screen %d was told %+v while the store failed", i, said)
					}
					if view, _ := s.last(); view.Seq != uint64(before) {
						t.Errorf("screen %d was shown event %d, which is not durable", i, view.Seq)
					}
				}
				late := d.attach("therapist-1")
				if said := late.said(); len(said) != 1 || said[0].OK {
					t.Errorf("a page that comes now is told %+v", said)
				}
				d.fail.set(nil, false)
				time.Sleep(1100 * time.Millisecond)
				for i, s := range screens {
					if said := s.said(); len(said) != 2 || !said[1].OK {
						t.Errorf("screen %d was told %+v after the store worked again", i, said)
					}
				}
				if _, lost := find[session.PeerLost](d); len(lost) != 1 {
					t.Errorf("the lost client was recorded %d times", len(lost))
				}
				_, alarms := find[session.AlarmRaised](d)
				if alarmOf(alarms, session.CheckInMissed) == "" {
					t.Error("the check-in that was missed meanwhile is not raised")
				}
				d.settle()
			})
		})
	}
}

func TestAnAppendInDoubtIsSettledBeforeAnythingElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := open(t)
		d.create(1)
		s := d.attach("therapist-1")
		note := session.Command{ID: "note-1", Seat: "therapist-1", Do: session.WriteNote{Text: "Written, but not acknowledged."}}
		d.fail.set(errors.New("input/output error"), true)
		if _, err := d.live.Do(context.Background(), id, note); !errors.Is(err, live.ErrNotRecorded) {
			t.Fatalf("answered %v", err)
		}
		if view, _ := s.last(); view.Seq != 1 {
			t.Fatalf("the screen was shown event %d although nobody knows whether it is durable", view.Seq)
		}
		d.fail.set(nil, false)
		seq, err := d.live.Do(context.Background(), id, note)
		if err != nil || seq != uint64(len(d.events())) {
			t.Fatalf("the resend was answered with event %d of %d, %v", seq, len(d.events()), err)
		}
		if _, notes := find[session.NoteWritten](d); len(notes) != 1 {
			t.Errorf("the note stands %d times in the record", len(notes))
		}
		d.settle()
	})
}

func TestALogOfANewerVersionIsRefusedWhole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := open(t)
		d.create(1)
		events := d.events()
		last := events[len(events)-1]
		raw, _ := json.Marshal(last)
		var envelope map[string]any
		json.Unmarshal(raw, &envelope)
		envelope["type"], envelope["seq"], envelope["prev"] = "DoseInhaled", last.Seq+1, last.Hash.String()
		raw, _ = json.Marshal(envelope)
		record := store.Record{Seq: last.Seq + 1, Prev: last.Hash, Hash: session.Hash{1}, Data: raw}
		err := d.bolt.Append(context.Background(), store.Batch{Log: id, After: store.Position{Seq: last.Seq, Hash: last.Hash}, Records: []store.Record{record}})
		if err != nil {
			t.Fatal(err)
		}
		d.stop()
		d.start()
		var unknown *session.UnknownFactError
		if _, err := d.try("therapist-1", session.WriteNote{Text: "x"}); !errors.As(err, &unknown) {
			t.Errorf("a command is answered %v", err)
		}
		if err := d.live.Look(context.Background(), id, func(*session.State) { t.Error("a half-read state is shown") }); !errors.As(err, &unknown) {
			t.Errorf("looking is answered %v", err)
		}
		if _, err := d.live.Attach(context.Background(), id, "client-1", &screen{}); !errors.As(err, &unknown) {
			t.Errorf("attaching is answered %v", err)
		}
		time.Sleep(time.Hour)
	})
}

func TestASessionThatDoesNotExistIsUnknownAndCostsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := open(t)
		if _, err := d.try("therapist-1", session.Arrive{}); !errors.Is(err, live.ErrUnknown) {
			t.Errorf("a command: %v", err)
		}
		if _, err := d.live.Events(context.Background(), "nothing"); !errors.Is(err, live.ErrUnknown) {
			t.Errorf("events: %v", err)
		}
		if _, err := d.live.Attach(context.Background(), id, "client-1", &screen{}); !errors.Is(err, live.ErrUnknown) {
			t.Errorf("attach: %v", err)
		}
		d.create(1)
		if _, err := d.live.Attach(context.Background(), id, "client-9", &screen{}); !errors.Is(err, live.ErrUnknown) {
			t.Errorf("attach to a seat that is not there: %v", err)
		}
		if n := d.live.Loaded(); n != 1 {
			t.Errorf("%d sessions are loaded", n)
		}
	})
}

func TestAnIdleSessionIsUnloadedAndComesBackForItsDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := open(t)
		create := visit(1)
		create.StartsAt = time.Now().Add(24 * time.Hour)
		if err := d.live.Create(context.Background(), id, session.Command{ID: "create", Seat: session.Server, Do: create}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Minute)
		if n := d.live.Loaded(); n != 0 {
			t.Fatalf("%d sessions are loaded after ten idle minutes", n)
		}
		time.Sleep(24 * time.Hour)
		if _, opened := find[session.RoomOpened](d); len(opened) != 1 || opened[0].Late {
			t.Errorf("the room was opened %+v", opened)
		}
		sums, err := d.live.Summaries(context.Background())
		if err != nil || len(sums) != 1 || sums[0].ID != id || sums[0].Owner != "account-1" {
			t.Errorf("summaries: %+v, %v", sums, err)
		}
	})
}

func TestAPracticeClockRunsAtItsRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := open(t)
		d.create(60)
		d.dose()
		time.Sleep(13 * time.Second) // 13 minutes of practice
		if d.phase() != session.Active {
			t.Errorf("after 13 practice minutes the phase is %s", d.phase())
		}
		s := d.attach("client-1")
		if view, _ := s.last(); view.Rate != 60 || view.Now.Sub(visit(60).StartsAt) < 0 {
			t.Errorf("the view shows rate %v and time %v", view.Rate, view.Now)
		}
		time.Sleep(10 * time.Second)
		d.settle()
	})
}

func TestAfterDetachNothingIsShown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := open(t)
		d.create(1)
		s := &screen{}
		detach, err := d.live.Attach(context.Background(), id, "client-1", s)
		if err != nil {
			t.Fatal(err)
		}
		detach()
		detach()
		d.do("therapist-1", session.WriteNote{Text: "Later."})
		if _, n := s.last(); n != 1 {
			t.Errorf("%d views were sent", n)
		}
		if err := d.live.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := d.try("therapist-1", session.Arrive{}); !errors.Is(err, live.ErrClosed) {
			t.Errorf("a closed server answers %v", err)
		}
	})
}
