package live_test

import (
	"context"
	"errors"
	"path/filepath"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"belay/session"
	"belay/session/live"
	"belay/session/store"
	"belay/session/store/bolt"
	"belay/session/store/journal"
)

// notes is a desk whose node has a journal.
type notes struct {
	*desk
	journal *journal.Journal
	leave   []func()
}

func (n *notes) attach(seat session.SeatID) *screen {
	n.t.Helper()
	s := &screen{}
	detach, err := n.live.Attach(context.Background(), id, seat, s)
	if err != nil {
		n.t.Fatal(err)
	}
	n.leave = append(n.leave, detach)
	return s
}

func openNoting(t testing.TB) *notes {
	n := &notes{desk: &desk{t: t, path: filepath.Join(t.TempDir(), "log")}}
	n.begin()
	t.Cleanup(n.end)
	return n
}

func (n *notes) begin() {
	n.t.Helper()
	var err error
	if n.bolt, err = bolt.Open(bolt.Options{Path: n.path}); err == nil {
		n.journal, err = journal.Open(journal.Options{Path: n.path + ".journal"})
	}
	n.fail = &faults{Store: n.bolt}
	if err == nil {
		n.live, err = live.New(live.Options{Store: n.fail, Journal: n.journal})
	}
	if err == nil {
		err = n.live.Start(context.Background())
	}
	if err != nil {
		n.t.Fatal(err)
	}
}

func (n *notes) end() {
	if n.live != nil {
		for _, leave := range n.leave {
			leave()
		}
		n.leave = nil
		n.stop()
		if err := n.journal.Close(); err != nil {
			n.t.Error(err)
		}
	}
}

var errAway = errors.New("connection refused")

// noted does an act that must be noted, and no more.
func (n *notes) noted(seat session.SeatID, act session.Act) {
	n.t.Helper()
	if _, err := n.try(seat, act); !errors.Is(err, live.ErrNoted) {
		n.t.Fatalf("%s: %v, want it noted", session.FactName(act), err)
	}
}

func alarms(v session.View) map[session.Condition]bool {
	all := map[session.Condition]bool{}
	for _, a := range v.Alarms {
		all[a.Condition] = true
	}
	return all
}

// While the record is away the dose clock runs, alarms come, nothing is authorised,
// and what happens in the room is in the record afterwards: once, with its time.
func TestWhatHappensWhileTheRecordIsAwayEntersItWithItsTime(t *testing.T) {
	for _, c := range []struct {
		name string
		back func(n *notes)
	}{
		{"the store comes back", func(n *notes) { n.fail.set(nil, false) }},
		{"the node ends and starts again", func(n *notes) { n.end(); n.begin() }},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { awayAndBack(t, c.back) })
		})
	}
}

func awayAndBack(t *testing.T, back func(*notes)) {
	n := openNoting(t)
	defer n.end()
	n.create(1)
	n.ready()
	desk, bed := n.attach("therapist-1"), n.attach("client-1")
	before := len(n.events())
	n.fail.set(errAway, false)

	tap := session.Command{ID: "the-tap", Seat: "client-1", Conn: "conn-client-1", Do: session.RecordDose{Client: "client-1", Number: 1}}
	taken := time.Now()
	for range 3 { // sent again, because the page is not sure
		if _, err := n.live.Do(context.Background(), id, tap); !errors.Is(err, live.ErrNoted) {
			t.Fatalf("the dose: %v", err)
		}
	}
	v, _ := desk.last()
	if c := v.Clients[0]; c.Phase != session.Absorbing || c.T0 == nil || c.T0.Sub(taken).Abs() > time.Second {
		t.Errorf("the therapist sees %s, T0 %v", c.Phase, c.T0)
	}
	if v, _ := bed.last(); v.Clients[0].Phase != session.Absorbing {
		t.Errorf("the client sees %s", v.Clients[0].Phase)
	}
	for _, a := range v.Actions {
		if a.Allowed && session.LatenessOf(a.Act) != session.Noted {
			t.Errorf("%s is offered", a.Act)
		}
	}
	for _, act := range []session.Act{session.AuthorizeDose{Client: "client-1", Number: 2, Mg: 50, Tablets: 1}, session.MarkReturning{Client: "client-1", Reason: "r"}, session.Sign{}} {
		if _, err := n.try("therapist-1", act); !errors.Is(err, live.ErrNotRecorded) {
			t.Errorf("%s: %v", session.FactName(act), err)
		}
	}
	if d := desk.said(); len(d) == 0 || d[len(d)-1].OK || d[len(d)-1].Noted != 1 {
		t.Errorf("the therapist reads %+v", d)
	}

	time.Sleep(18 * time.Minute) // the hold ends, and nobody looks in; from 20 on the alarm would stay until acknowledged
	synctest.Wait()
	v, _ = desk.last()
	if v.Clients[0].Phase != session.Active || !alarms(v)[session.CheckInMissed] {
		t.Errorf("after 18 minutes: %s, alarms %v", v.Clients[0].Phase, alarms(v))
	}
	looked := time.Now()
	n.noted("chaperone-1", session.CheckIn{})
	n.noted("therapist-1", session.RecordVitals{Client: "client-1", Systolic: 130, Diastolic: 84, HeartRate: 80, Source: "read aloud"})
	n.noted("client-1", session.AskHelp{Client: "client-1"})
	v, _ = desk.last()
	if a := alarms(v); a[session.CheckInMissed] || !a[session.HelpAskedFor] {
		t.Errorf("after help: alarms %v", a)
	}
	if _, err := n.try("client-1", session.RecordDose{Client: "client-1", Number: 7}); err == nil || errors.Is(err, live.ErrNoted) {
		t.Errorf("a dose that nobody authorised: %v", err)
	}
	time.Sleep(time.Minute)
	if got := len(n.events()); got != before {
		t.Fatalf("the log grew by %d while it was away", got-before)
	}

	back(n)
	time.Sleep(3 * time.Second)
	synctest.Wait()
	doses, _ := find[session.DoseRecorded](n.desk)
	if len(doses) != 1 || !doses[0].At.Equal(session.Instant(taken)) || doses[0].Command != tap.ID {
		t.Fatalf("doses: %+v", doses)
	}
	if in, _ := find[session.CheckInDone](n.desk); len(in) != 1 || !in[0].At.Equal(session.Instant(looked)) || in[0].Recorded.Sub(looked) < time.Minute {
		t.Errorf("looked in: %+v", in)
	}
	if vitals, _ := find[session.VitalsRecorded](n.desk); len(vitals) != 2 {
		t.Errorf("%d readings, want that before and that noted", len(vitals))
	}
	if asked, _ := find[session.HelpAsked](n.desk); len(asked) != 1 {
		t.Errorf("%d calls for help", len(asked))
	}
	if _, late := find[session.DeadlineReached](n.desk); len(late) == 0 || !late[0].Late {
		t.Errorf("what became due meanwhile is not in the log, marked late: %+v", late)
	}
	if auth, _ := find[session.DoseAuthorized](n.desk); len(auth) != 1 {
		t.Errorf("%d doses were authorised", len(auth))
	}
	if n.phase() != session.Active || n.journal.Waits(id) != 0 {
		t.Errorf("%s, and %d entries wait", n.phase(), n.journal.Waits(id))
	}
	if seq, err := n.live.Do(context.Background(), id, tap); err != nil || seq == 0 {
		t.Errorf("the tap, sent once more: %d, %v", seq, err)
	}
	n.do("therapist-1", session.WriteNote{Text: "back"})
}

// A connection that is lost while the record is away raises its alarm here.
func TestNobodyDropsOutUnnoticedWhileTheRecordIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := openNoting(t)
		defer n.end()
		n.create(1)
		n.dose()
		desk := n.attach("therapist-1")
		n.fail.set(errAway, false)
		_, err := n.live.Do(context.Background(), id, session.Command{ID: "lose", Seat: session.Server, Conn: "conn-client-1",
			Do: session.LosePeer{Seat: "client-1", Lost: "conn-client-1", Heard: time.Now()}})
		if !errors.Is(err, live.ErrNotRecorded) {
			t.Fatalf("lost: %v", err)
		}
		time.Sleep(35 * time.Second)
		synctest.Wait()
		if v, _ := desk.last(); !alarms(v)[session.ClientGone] {
			t.Errorf("alarms %v", alarms(v))
		}
		n.fail.set(nil, false)
		time.Sleep(3 * time.Second)
		synctest.Wait()
		if lost, _ := find[session.PeerLost](n.desk); len(lost) != 1 {
			t.Errorf("%d losses in the log", len(lost))
		}
		if said := desk.said(); !said[len(said)-1].OK {
			t.Errorf("the therapist still reads %+v", said[len(said)-1])
		}
	})
}

// A dose that was authorised in the moment in which the record went away is not
// authorised minutes later, when nobody asks for it any more.
func TestAnAuthorisationInDoubtIsNotGivenLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := openNoting(t)
		defer n.end()
		n.create(1)
		n.ready()
		n.do("therapist-1", session.WithdrawAuthorization{Client: "client-1"})
		n.fail.set(errAway, false)
		if _, err := n.try("therapist-1", session.AuthorizeDose{Client: "client-1", Number: 1, Mg: 100, Tablets: 1}); !errors.Is(err, live.ErrNotRecorded) {
			t.Fatalf("authorised: %v", err)
		}
		time.Sleep(2 * time.Minute)
		n.fail.set(nil, false)
		time.Sleep(3 * time.Second)
		synctest.Wait()
		if auth, _ := find[session.DoseAuthorized](n.desk); len(auth) != 1 {
			t.Errorf("%d authorisations are in the log", len(auth))
		}
		n.do("therapist-1", session.WriteNote{Text: "back"})
	})
}

// headless is a store that does not say where a log ends, while it is told so.
type headless struct {
	store.Store
	broken atomic.Bool
}

func (h *headless) Head(ctx context.Context, log string) (store.Head, error) {
	if h.broken.Load() {
		return store.Head{}, errAway
	}
	return h.Store.Head(ctx, log)
}

// An operator's page asks at any moment what is wrong, and so does a screen that
// comes. What of the journal can't be decided is found at the same time: the race
// detector sees it.
func TestAskingWhatIsWrongDisturbsNobodyWhoRepairsIt(t *testing.T) {
	n := openNoting(t)
	if err := n.live.Close(); err != nil {
		t.Fatal(err)
	}
	h := &headless{Store: n.bolt}
	var err error
	if n.live, err = live.New(live.Options{Store: h, Journal: n.journal}); err != nil {
		t.Fatal(err)
	}
	if err := n.live.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	n.create(1)
	for range 100 { // as a version would leave them that this one can't read
		if err := n.journal.Note(context.Background(), id, []byte("no entry")); err != nil {
			t.Fatal(err)
		}
	}
	h.broken.Store(true)
	n.noted("therapist-1", session.WriteNote{Text: "It goes on."})
	if n.live.Degraded() != 1 {
		t.Fatal("nobody knows that the record is away: this shows nothing")
	}
	h.broken.Store(false)
	for deadline := time.Now().Add(10 * time.Second); n.live.Degraded() > 0; {
		if time.Now().After(deadline) {
			t.Fatal("the record is back, and something counts as wrong")
		}
	}
}
