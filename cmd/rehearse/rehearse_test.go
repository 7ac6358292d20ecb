package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"belay/cmd/internal/person"
	"belay/session"
	"belay/session/transcript"
	"belay/signaling/protocol"
)

func TestMain(m *testing.M) {
	if is, err := child(); is { // the rehearsal starts this very program as its server
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	goleak.VerifyTestMain(m)
}

func nothing(string) string { return "" }

// hurried are options for a machine on which other tests run: at this speed four
// seconds are a quarter of an hour, so that a disk that stalls is kept out of it.
func hurried(o options) options {
	o.env, o.patience = nothing, 3*time.Second
	if info, err := os.Stat("/dev/shm"); err == nil && info.IsDir() {
		o.dir = "/dev/shm"
	}
	return o
}

func TestSessionIsPlayedToItsEndWithEveryPromiseKept(t *testing.T) {
	t.Parallel()
	var out, errs bytes.Buffer
	e, code := rehearse(t.Context(), hurried(options{speed: 240}), &out, &errs)
	if code != 0 || errs.Len() > 0 {
		t.Fatalf("exit code %d\n%s\n%s", code, out.String(), errs.String())
	}
	if n := strings.Count(out.String(), "\nkept "); n != len(promises) {
		t.Errorf("%d of %d promises were kept:\n%s", n, len(promises), out.String())
	}
	for _, line := range []string{"dose 1 taken, 100 mg in 1 tablet", "Alex pressed Help", "The server restarted", "Dana Reyes signs the record"} {
		if !strings.Contains(out.String(), line) {
			t.Errorf("the transcript does not say %q", line)
		}
	}
	_, printed, _ := strings.Cut(out.String(), "\nThe record\n")
	printed, _, _ = strings.Cut(printed, "\nThe promises\n")
	played, err := transcript.Play([]byte(printed), nil)
	if err != nil {
		t.Errorf("the transcript can't be played again: %v", err)
	} else if diff := cmp.Diff(strings.Split(printed, "\n"), strings.Split(string(played.Text), "\n")); diff != "" {
		t.Errorf("played again, the transcript reads differently (-printed +played):\n%s", diff)
	}
	if t.Failed() {
		t.Log(out.String())
	}
	eachCanBeBroken(t, e)
}

func TestCoupleIsPlayedWithTwoClocks(t *testing.T) {
	t.Parallel()
	var out, errs bytes.Buffer
	e, code := rehearse(t.Context(), hurried(options{speed: 300, couple: true, quiet: true}), &out, &errs)
	if code != 0 || errs.Len() > 0 {
		t.Fatalf("exit code %d\n%s\n%s", code, out.String(), errs.String())
	}
	began := map[session.SeatID]time.Time{}
	for _, event := range e.events {
		if f, ok := event.Fact.(session.DoseRecorded); ok {
			began[f.Client] = f.Windows.T0
		}
	}
	if apart := began["client-2"].Sub(began["client-1"]); apart < 9*time.Minute {
		t.Errorf("the two clocks began %s apart", apart)
	}
}

// A chaperone who never looks in is what the rehearsal must notice.
func TestForgottenCheckInsEndInAFailure(t *testing.T) {
	t.Parallel()
	var out, errs bytes.Buffer
	_, code := rehearse(t.Context(), hurried(options{speed: 600, quiet: true, forgets: forgets{checkIns: true, after: "observing"}}), &out, &errs)
	if code != exitBroken {
		t.Fatalf("exit code %d\n%s\n%s", code, out.String(), errs.String())
	}
	at := strings.Index(out.String(), "BROKEN  No alarm comes without a cause")
	if at < 0 || !strings.Contains(out.String()[at:], "Look-in on Alex") {
		t.Errorf("the missing check-ins are not what was noticed:\n%s", out.String())
	}
}

// eachCanBeBroken spoils the evidence of a session in which every promise was
// kept, once for each promise, and expects that one to be broken.
func eachCanBeBroken(t *testing.T, e *evidence) {
	second := time.Duration(e.rate * float64(time.Second))
	client, therapist := e.screens["client-1"], e.screens["therapist-1"]
	spoilers := map[string]func() (undo func()){
		"The clock is the same on every screen, within a second": func() func() {
			s := e.clocks[len(e.clocks)/2]
			was := s["client-1"]
			s["client-1"] = s["therapist-1"].Add(2 * second)
			return func() { s["client-1"] = was }
		},
		"A dose is recorded once, though it is sent twice": func() func() {
			was := e.events
			i := slices.IndexFunc(was, func(event session.Event) bool { _, ok := event.Fact.(session.DoseRecorded); return ok })
			e.events = append(slices.Clone(was), was[i])
			return func() { e.events = was }
		},
		"What was acknowledged is in the record, once": func() func() {
			was := e.events
			i := slices.IndexFunc(was, func(event session.Event) bool { _, ok := event.Fact.(session.NoteWritten); return ok })
			e.events = slices.Delete(slices.Clone(was), i, i+1)
			return func() { e.events = was }
		},
		"Every screen comes back by itself after its connection is cut": func() func() {
			was := e.cuts[0].back
			e.cuts[0].back = 0
			return func() { e.cuts[0].back = was }
		},
		"The server is killed and started again: every screen comes back with the same clock": func() func() {
			was := e.kills[0].t0["client-1"]
			e.kills[0].t0["client-1"] = was.Add(time.Second)
			return func() { e.kills[0].t0["client-1"] = was }
		},
		"Picture and sound flow both ways for the whole session": func() func() {
			who := pair{"client-1", "therapist-1"}
			was := e.flows[who]
			spoilt := was
			middle := e.pictures.From.Add(e.pictures.To.Sub(e.pictures.From) / 2)
			spoilt.Sound.Gaps = append(slices.Clone(was.Sound.Gaps), person.Gap{From: middle, To: middle.Add(3 * time.Second)})
			e.flows[who] = spoilt
			return func() { e.flows[who] = was }
		},
		"They go on while a screen or the server has no connection": func() func() {
			was := e.kills[0].gap
			e.kills[0].gap = 1100 * time.Millisecond
			return func() { e.kills[0].gap = was }
		},
		"Help reaches the therapist without the server": func() func() {
			was := e.directs[0]
			e.directs[0].heard = 0
			return func() { e.directs[0] = was }
		},
		"Alarms are raised and escalate in their time, and stand on the therapist's screen at once": func() func() {
			was := e.events
			e.events = slices.Clone(was)
			i := slices.IndexFunc(was, func(event session.Event) bool {
				f, ok := event.Fact.(session.AlarmEscalated)
				return ok && f.Rung == 1
			})
			e.events[i].Recorded = e.events[i].Recorded.Add(9 * second)
			return func() { e.events = was }
		},
		"Nobody drops out unnoticed": func() func() {
			was := e.events
			e.events = slices.DeleteFunc(slices.Clone(was), func(event session.Event) bool {
				f, ok := event.Fact.(session.AlarmRaised)
				return ok && f.Condition == session.PictureGone
			})
			return func() { e.events = was }
		},
		"No alarm comes without a cause": func() func() {
			was := e.causes
			e.causes = slices.DeleteFunc(slices.Clone(was), func(c cause) bool { return c.condition == session.HelpAskedFor })
			return func() { e.causes = was }
		},
		"Who asks for help is told only what is true, step by step": func() func() {
			was := client.stages
			client.stages = []string{"calling", "coming", "known", "with"}
			return func() { client.stages = was }
		},
		"The server refuses what is not allowed, whoever asks": func() func() {
			was := e.probes[0].code
			e.probes[0].code = ""
			return func() { e.probes[0].code = was }
		},
		"A link opens its own seat and nothing else; a second browser waits": func() func() {
			e.links[0].err = errors.New("it was let in")
			return func() { e.links[0].err = nil }
		},
		"Chaperone and client are never sent what they may not know": func() func() {
			e.heard("chaperone-1", view(t, `{"clients":[{"seat":"client-1","vitals":[{"systolic":120}]}]}`))
			return func() { e.screens["chaperone-1"].leaks = nil }
		},
		"No screen ever goes back in time": func() func() {
			was := *client
			e.saw("client-1", session.View{Seq: 1})
			return func() { *client = was }
		},
		"The record's chain verifies, and replays to what the screens show": func() func() {
			was := e.events
			e.events = slices.Clone(was)
			e.events[len(was)/2].Hash[0] ^= 1
			return func() { e.events = was }
		},
		"At the end every screen says that the record is signed": func() func() {
			therapist.last.Signed = false
			return func() { therapist.last.Signed = true }
		},
	}
	for _, p := range promises {
		spoil := spoilers[p.words]
		if spoil == nil {
			t.Errorf("nothing shows that this promise can be broken: %s", p.words)
			continue
		}
		undo := spoil()
		if err := p.check(e); err == nil || errors.Is(err, errNotSeen) {
			t.Errorf("%s: it was broken, and the judge says %v", p.words, err)
		}
		undo()
		if err := p.check(e); err != nil {
			t.Errorf("%s: the spoiler did not put back what it took: %v", p.words, err)
		}
	}
}

func view(t *testing.T, body string) []byte {
	frame, err := protocol.Encode(protocol.View{View: []byte(body)})
	if err != nil {
		t.Fatal(err)
	}
	return frame
}

func TestSecretWordsAreFoundOnTheWrongScreenOnly(t *testing.T) {
	t.Parallel()
	e := newEvidence(1)
	for _, seat := range []session.Seat{{ID: "therapist-1", Role: session.Therapist}, {ID: "client-1", Role: session.Client}, {ID: "chaperone-1", Role: session.Chaperone}} {
		e.options(seat)
	}
	frame := []byte(`{"type":"result","body":{"id":"1","ok":false,"refused":{"code":"x","words":"` + secretNote + `"}}}`)
	for seat := range e.screens {
		e.heard(seat, frame)
	}
	for seat, want := range map[session.SeatID]int{"therapist-1": 0, "client-1": 1, "chaperone-1": 1} {
		if got := len(e.screens[seat].leaks); got != want {
			t.Errorf("%s: %d leaks were found, not %d", seat, got, want)
		}
	}
}

func TestBadFlagsSayWhatToDo(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"-speed", "0"}, {"-speed", "601"}, {"extra"}, {"-what"}} {
		var out, errs bytes.Buffer
		if code := run(t.Context(), args, nothing, &out, &errs); code != exitUsage || errs.Len() == 0 {
			t.Errorf("%q: exit code %d, %q", args, code, errs.String())
		}
	}
}

func TestServerThatIsNotThereIsAFailureInWords(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	var out, errs bytes.Buffer
	args := []string{"-server", "http://127.0.0.1:1", "-email", "dana@example.org"}
	code := run(ctx, args, func(string) string { return "a password" }, &out, &errs)
	if code != exitBroken || !strings.Contains(out.String(), "could not be played") || !strings.Contains(out.String(), "refused") {
		t.Errorf("exit code %d\n%s", code, out.String())
	}
	out.Reset()
	if code := run(ctx, args, nothing, &out, &errs); code != exitBroken || !strings.Contains(out.String(), "BELAY_PASSWORD") {
		t.Errorf("without a password: exit code %d\n%s", code, out.String())
	}
}
