package person_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"belay/cmd/internal/person"
	"belay/session"
	"belay/signaling/protocol"
)

func TestTherapistAndClientSeeAndHearEachOtherWhileTheServerIsAway(t *testing.T) {
	t.Parallel()
	place := open(t)
	id := place.session(t)
	therapist, client := join(t, place.options(id, "therapist-1")), join(t, place.options(id, "client-1"))
	meet(t, therapist, client)

	began := time.Now()
	therapist.Cut(time.Second)
	client.Cut(1200 * time.Millisecond)
	time.Sleep(900 * time.Millisecond) // nobody has a way to the server
	away := time.Now()
	if gap := therapist.Flow("client-1").Picture.LongestGap(began, away); gap > 400*time.Millisecond {
		t.Errorf("the picture stood still for %s while the server was away", gap)
	}
	if gap := client.Flow("therapist-1").Sound.LongestGap(began, away); gap > 400*time.Millisecond {
		t.Errorf("the sound was away for %s while the server was away", gap)
	}
	for name, p := range map[string]*person.Person{"therapist": therapist, "client": client} {
		if err := p.Open(soon(t)); err != nil {
			t.Fatalf("the %s did not come back: %v", name, err)
		}
		if n := len(p.Absences()); n != 1 {
			t.Errorf("the %s was away %d times, not once", name, n)
		}
	}
	// The same pages keep what runs between them.
	now := time.Now()
	time.Sleep(600 * time.Millisecond)
	if gap := therapist.Flow("client-1").Picture.LongestGap(began, time.Now()); gap > 400*time.Millisecond {
		t.Errorf("coming back cost %s of picture, after %s", gap, now.Sub(began))
	}
}

func TestHelpReachesTheTherapistWithoutTheServer(t *testing.T) {
	t.Parallel()
	place := open(t)
	id := place.session(t)
	heard := make(chan protocol.Direct, 1)
	o := place.options(id, "therapist-1")
	o.Direct = func(from session.SeatID, m protocol.Direct) {
		if from == "client-1" {
			heard <- m
		}
	}
	therapist, client := join(t, o), join(t, place.options(id, "client-1"))
	meet(t, therapist, client)
	therapist.Cut(5 * time.Second)
	client.Cut(5 * time.Second)
	deadline := time.Now().Add(10 * time.Second)
	for client.SayDirect(protocol.Direct{Kind: "help", ID: "h1"}) == 0 {
		if time.Now().After(deadline) {
			t.Fatal("the data channel never opened")
		}
		time.Sleep(10 * time.Millisecond)
	}
	select {
	case m := <-heard:
		if m.Kind != "help" || m.ID != "h1" {
			t.Errorf("the therapist got %+v", m)
		}
	case <-time.After(5 * time.Second):
		t.Error("the call for help did not arrive")
	}
}

// Two parties that join at nearly the same time are where others lose tracks.
func TestJoiningAtTheSameTimeLosesNoTrack(t *testing.T) {
	t.Parallel()
	rounds := 30
	if os.Getenv("BELAY_LONG") != "" {
		rounds = 1000
	} else if testing.Short() {
		rounds = 5
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	place := open(t)
	for round := range rounds {
		id := place.session(t)
		offset := time.Duration(random.IntN(41)-20) * time.Millisecond
		seats := []session.SeatID{"therapist-1", "client-1"}
		people := make([]*person.Person, 2)
		var both sync.WaitGroup
		for i, seat := range seats {
			wait := max(0, offset)
			if i == 1 {
				wait = max(0, -offset)
			}
			both.Go(func() {
				time.Sleep(wait)
				p, err := person.Join(place.options(id, seat))
				if err != nil {
					t.Error(err)
					return
				}
				people[i] = p
			})
		}
		both.Wait()
		if t.Failed() {
			return
		}
		began := time.Now()
		meet(t, people[0], people[1])
		if took := time.Since(began); took > 3*time.Second {
			t.Errorf("round %d, offset %s: %s until all four tracks had come", round, offset, took)
		}
		for _, p := range people {
			p.Close()
		}
	}
}

func TestAnotherPageTakesTheSeatOverAtOnce(t *testing.T) {
	t.Parallel()
	place := open(t)
	id := place.session(t)
	therapist, client := join(t, place.options(id, "therapist-1")), join(t, place.options(id, "client-1"))
	meet(t, therapist, client)
	other := join(t, place.options(id, "therapist-1"))
	var ended *person.Ended
	if err := therapist.AwaitEnd(soon(t)); !errors.As(err, &ended) || ended.Code != protocol.CloseReplaced {
		t.Fatalf("the first page ended with %v, not because another took the seat", err)
	}
	therapist.Close()
	if err := other.AwaitMedia(soon(t), "client-1"); err != nil {
		t.Fatalf("the second page does not see the client: %v", err)
	}
	// And the client sees the second page: frames go on.
	more(t, "the client does not see the therapist's other page", 10, func() uint64 { return client.Flow("therapist-1").Picture.Frames })
}

// more waits until that many more of something have come.
func more(t *testing.T, otherwise string, n uint64, count func() uint64) {
	t.Helper()
	before, deadline := count(), time.Now().Add(10*time.Second)
	for count() < before+n {
		if time.Now().After(deadline) {
			t.Fatal(otherwise)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func TestPictureGoesOnThroughAChangeOfNetwork(t *testing.T) {
	t.Parallel()
	place := open(t)
	id := place.session(t)
	therapist, client := join(t, place.options(id, "therapist-1")), join(t, place.options(id, "client-1"))
	meet(t, therapist, client)
	began := time.Now()
	client.MoveNetwork()
	therapist.MoveNetwork()
	time.Sleep(1500 * time.Millisecond)
	for name, f := range map[string]person.Flow{"therapist": therapist.Flow("client-1"), "client": client.Flow("therapist-1")} {
		if gap := f.Picture.LongestGap(began, time.Now()); gap > 800*time.Millisecond {
			t.Errorf("the %s had no picture for %s during an ICE restart", name, gap)
		}
	}
}

func TestCommandSentTwiceIsAnsweredTwiceAndDoneOnce(t *testing.T) {
	t.Parallel()
	place := open(t)
	id := place.session(t)
	therapist := join(t, place.options(id, "therapist-1"))
	if err := therapist.Open(soon(t)); err != nil {
		t.Fatal(err)
	}
	first, err := therapist.DoAs(soon(t), "once", session.WriteNote{Text: "begins"})
	if err != nil || first.Err() != nil {
		t.Fatal(err, first.Err())
	}
	therapist.Cut(0)
	second, err := therapist.DoAs(soon(t), "once", session.WriteNote{Text: "begins"})
	if err != nil || second.Err() != nil || second.Seq != first.Seq {
		t.Errorf("the resend was answered with %+v, the first with %+v: %v", second, first, err)
	}
	events, err := place.sessions.Events(soon(t), id)
	if err != nil {
		t.Fatal(err)
	}
	notes := 0
	for _, e := range events {
		if note, ok := e.Fact.(session.NoteWritten); ok && note.Text == "begins" {
			notes++
		}
	}
	if notes != 1 {
		t.Errorf("%d notes are in the record, not one", notes)
	}
}

func TestCoveredCameraIsToldFromALostConnection(t *testing.T) {
	t.Parallel()
	place := open(t)
	id := place.session(t)
	therapist, client := join(t, place.options(id, "therapist-1")), join(t, place.options(id, "client-1"))
	meet(t, therapist, client)
	began := time.Now()
	client.CoverCamera(true)
	v, err := therapist.Await(soon(t), func(v session.View) bool { return v.Clients[0].PictureLost != nil })
	if err != nil {
		t.Fatalf("nobody noticed that the picture stands still: %v", err)
	}
	if took := time.Since(began); took > 6*time.Second {
		t.Errorf("it took %s to notice that the picture stands still", took)
	}
	if v.Clients[0].SoundLost != nil {
		t.Error("the sound goes on and counts as lost")
	}
	client.CoverCamera(false)
	if _, err := therapist.Await(soon(t), func(v session.View) bool { return v.Clients[0].PictureLost == nil }); err != nil {
		t.Errorf("the picture is back and counts as lost: %v", err)
	}
}

// A client who has dosed lies there and hears nobody. A therapist who is quiet on
// purpose knows that; one whose microphone has died is told.
func TestADeadMicrophoneOfTheTherapistIsToldFromAQuietPhase(t *testing.T) {
	t.Parallel()
	place := open(t)
	id := place.session(t)
	therapist, client := join(t, place.options(id, "therapist-1")), join(t, place.options(id, "client-1"))
	meet(t, therapist, client)
	if _, err := therapist.Do(soon(t), session.RecordSwallowed{Client: "client-1", Mg: 100, Tablets: 1, At: time.Now(), Reason: "It was in the mouth already."}); err != nil {
		t.Fatal(err)
	}
	told := func(v session.View) bool {
		return slices.ContainsFunc(v.Alarms, func(a session.AlarmView) bool { return a.Condition == session.VoiceGone })
	}
	therapist.SwitchMicrophoneOff(true)
	quiet, cancel := context.WithTimeout(t.Context(), 8*time.Second)
	defer cancel()
	if v, err := therapist.Await(quiet, func(v session.View) bool { return v.Clients[0].VoiceLost != nil }); err == nil {
		t.Errorf("a microphone that was switched off counts as broken: since %s", v.Clients[0].VoiceLost)
	}
	therapist.SwitchMicrophoneOff(false)
	more(t, "the client does not hear the therapist again", 50, func() uint64 { return client.Flow("therapist-1").Sound.Packets })

	began := time.Now()
	therapist.LoseMicrophone(true)
	v, err := therapist.Await(soon(t), told)
	if err != nil {
		t.Fatalf("the client hears nobody, and nobody says so: %v", err)
	}
	if took := time.Since(began); took > 12*time.Second {
		t.Errorf("it took %s to tell the therapist", took)
	}
	if v.Clients[0].SoundLost != nil || v.Clients[0].PictureLost != nil {
		t.Error("what comes from the client counts as lost")
	}
	therapist.LoseMicrophone(false)
	if _, err := therapist.Await(soon(t), func(v session.View) bool { return !told(v) && v.Clients[0].VoiceLost == nil }); err != nil {
		t.Errorf("the client hears the therapist again, and the alarm stands: %v", err)
	}
}
