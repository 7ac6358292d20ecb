package signaling_test

import (
	"encoding/json"
	"testing"
	"testing/synctest"
	"time"

	"belay/session"
	"belay/signaling/protocol"
)

func TestTherapistsLearnEachSecondWhatOthersSeeAndNobodyElseDoes(t *testing.T) {
	bubble(t, func(t *testing.T, h *house) {
		therapist, co, client, chaperone := h.come("therapist-1"), h.come("co-therapist-1"), h.come("client-1"), h.come("chaperone-1")
		battery := 0.4
		for range 3 {
			client.send(protocol.Telemetry{Battery: &battery, WakeLock: true, CamLive: true})
			chaperone.send(protocol.Telemetry{Visible: true})
			time.Sleep(time.Second)
		}
		for _, p := range []*page{therapist, co} {
			if got := len(all[protocol.Truth](p)); got != 6 {
				t.Errorf("%s was told %d times, not 6", p.peer, got)
			}
		}
		for _, truth := range all[protocol.Truth](therapist) {
			if truth.Seat == "client-1" && (truth.Peer != client.peer || *truth.Seen.Battery != 0.4 || !truth.Seen.WakeLock) {
				t.Errorf("the therapist learned %+v", truth)
			}
		}
		if got := len(all[protocol.Truth](client)) + len(all[protocol.Truth](chaperone)); got != 0 {
			t.Errorf("%d reports reached somebody who is no therapist", got)
		}
	})
}

func TestAFrozenPictureIsRecordedAndItsReturnToo(t *testing.T) {
	bubble(t, func(t *testing.T, h *house) {
		therapist, client := h.come("therapist-1"), h.come("client-1")
		h.do("therapist-1", session.RecordSwallowed{Client: "client-1", Mg: 100, Tablets: 1, At: time.Now(), Reason: "It was in the mouth already."})
		report := func(frame, level float64) {
			therapist.send(protocol.Telemetry{Receiving: []protocol.Receiving{{Peer: client.peer, FrameAge: frame, SoundAge: 0.02, SoundLevel: level}}})
			time.Sleep(time.Second)
		}
		for range 5 {
			report(0.04, 0.2)
		}
		frozen := time.Now()
		for i := range 45 {
			report(float64(i), 0.2)
		}
		lost, at := facts[session.PictureLost](h)
		if len(lost) != 1 || lost[0].Client != "client-1" {
			t.Fatalf("lost: %+v", lost)
		}
		if off := at[0].At.Sub(session.Instant(frozen)).Abs(); off > 50*time.Millisecond {
			t.Errorf("the picture is lost since %v, not since %v", at[0].At, frozen)
		}
		var view session.View
		json.Unmarshal(last[protocol.View](therapist).View, &view)
		found := false
		for _, a := range view.Alarms {
			if a.Condition == session.PictureGone {
				found = true
				if a.Priority != session.High { // 30 s after the last frame
					t.Errorf("after 45 s the alarm is %s", a.Priority)
				}
			}
		}
		if !found {
			t.Errorf("the therapist's screen shows no alarm: %+v", view.Alarms)
		}
		for range 3 {
			report(0.04, 0.2)
		}
		if back, _ := facts[session.PictureReturned](h); len(back) != 1 {
			t.Errorf("the picture returned %d times", len(back))
		}
		for range 12 {
			report(0.04, 0)
		}
		if lost, _ := facts[session.SoundLost](h); len(lost) != 1 {
			t.Errorf("digital zero for 12 s: sound lost %d times", len(lost))
		}
	})
}

func TestAClientWhoseCallNeverCameAboutIsMissed(t *testing.T) {
	bubble(t, func(t *testing.T, h *house) {
		therapist := h.come("therapist-1")
		h.come("client-1")
		h.do("therapist-1", session.RecordSwallowed{Client: "client-1", Mg: 100, Tablets: 1, At: time.Now(), Reason: "It was in the mouth already."})
		for range 16 { // the page is there, and receives from nobody
			therapist.send(protocol.Telemetry{Visible: true})
			time.Sleep(time.Second)
		}
		if lost, _ := facts[session.PictureLost](h); len(lost) != 1 {
			t.Errorf("no picture ever came: recorded as lost %d times", len(lost))
		}
		if lost, _ := facts[session.SoundLost](h); len(lost) != 1 {
			t.Errorf("no sound ever came: recorded as lost %d times", len(lost))
		}
	})
}

func TestNothingIsJudgedWhileNoTherapistLooks(t *testing.T) {
	bubble(t, func(t *testing.T, h *house) {
		client, chaperone := h.come("client-1"), h.come("chaperone-1")
		for range 20 { // a client's page can't say anything about anybody
			client.send(protocol.Telemetry{Receiving: []protocol.Receiving{{Peer: client.peer, FrameAge: 60, SoundAge: 60}}})
			chaperone.send(protocol.Telemetry{Receiving: []protocol.Receiving{{Peer: client.peer, FrameAge: 60, SoundAge: 60}}})
			time.Sleep(time.Second)
		}
		synctest.Wait()
		if lost, _ := facts[session.PictureLost](h); len(lost) > 0 {
			t.Errorf("somebody who is no therapist had a picture recorded as lost")
		}
	})
}

// A client who has dosed hears nobody: the therapist is told, and nobody else.
func TestATherapistWhoIsNotHeardLearnsIt(t *testing.T) {
	bubble(t, func(t *testing.T, h *house) {
		therapist, client, chaperone := h.come("therapist-1"), h.come("client-1"), h.come("chaperone-1")
		h.do("therapist-1", session.RecordSwallowed{Client: "client-1", Mg: 100, Tablets: 1, At: time.Now(), Reason: "It was in the mouth already."})
		second := func(own protocol.Telemetry, age float64, noSound bool) {
			own.Receiving = []protocol.Receiving{{Peer: client.peer, FrameAge: 0.04, SoundAge: 0.02, SoundLevel: 0.2}}
			therapist.send(own)
			client.send(protocol.Telemetry{MicLive: true, NoSound: noSound, Receiving: []protocol.Receiving{{Peer: therapist.peer, FrameAge: 0.04, SoundAge: age, SoundLevel: 0.2}}})
			time.Sleep(time.Second)
		}
		alarm := func(p *page) *session.AlarmView {
			var view session.View
			json.Unmarshal(last[protocol.View](p).View, &view)
			for _, a := range view.Alarms {
				if a.Condition == session.VoiceGone {
					return &a
				}
			}
			return nil
		}
		speaks, off := protocol.Telemetry{MicLive: true}, protocol.Telemetry{MicOff: true}
		for range 5 {
			second(speaks, 0.02, false)
		}
		for i := range 60 { // switched off: packets may come or not
			second(off, float64(i), false)
		}
		if lost, _ := facts[session.VoiceLost](h); len(lost) > 0 || alarm(therapist) != nil {
			t.Fatal("a microphone that was switched off for a while counts as broken")
		}
		for range 5 {
			second(speaks, 0.02, false)
		}
		from := time.Now()
		for i := range 12 {
			second(speaks, float64(i), false)
		}
		lost, at := facts[session.VoiceLost](h)
		if len(lost) != 1 || lost[0].Client != "client-1" {
			t.Fatalf("lost: %+v", lost)
		}
		if off := at[0].At.Sub(session.Instant(from)).Abs(); off > 50*time.Millisecond {
			t.Errorf("they hear nobody since %v, not since %v", at[0].At, from)
		}
		a := alarm(therapist)
		if a == nil || a.Priority != session.Medium || !a.Mine {
			t.Fatalf("the therapist's screen shows %+v", a)
		}
		if raised := a.Raised.Sub(session.Instant(from)); raised > 11*time.Second {
			t.Errorf("it was raised after %s", raised)
		}
		if alarm(client) != nil || alarm(chaperone) != nil {
			t.Error("it stands at the client or the chaperone")
		}
		for range 3 {
			second(speaks, 0.02, false)
		}
		if back, _ := facts[session.VoiceReturned](h); len(back) != 1 || alarm(therapist) != nil {
			t.Errorf("they hear the therapist again: recorded %d times, the screen shows %+v", len(back), alarm(therapist))
		}
		for range 8 { // everything arrives, and the browser lets none of it out
			second(speaks, 0.02, true)
		}
		for range 3 {
			second(speaks, 0.02, false)
		}
		for range 8 { // the headset was pulled out
			second(protocol.Telemetry{}, 0.02, false)
		}
		if lost, _ := facts[session.VoiceLost](h); len(lost) != 3 {
			t.Errorf("they heard nobody three times: recorded %d times", len(lost))
		}
	})
}
