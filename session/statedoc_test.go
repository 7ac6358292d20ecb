package session_test

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"belay/session"
)

// STATE.md is printed from the tables of the code, and its moves are those that
// the rules really make.
func TestStateDocumentSaysWhatTheCodeDoes(t *testing.T) {
	doc := stateDocument(t)
	if *update {
		if err := os.WriteFile("STATE.md", doc, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	have, err := os.ReadFile("STATE.md")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(have, doc) {
		t.Error("STATE.md is not what the code says now: read the difference after go test ./session -run StateDocument -update")
	}
}

func stateDocument(t *testing.T) []byte {
	b := &bytes.Buffer{}
	line := func(format string, args ...any) { fmt.Fprintf(b, format+"\n", args...) }
	settings := session.DefaultSettings()

	line("# The states of a session\n")
	line("Printed from the code's own tables by `go test ./session -run StateDocument -update`; a test fails when the two differ.")
	line("The numbers are the defaults of `DefaultSettings`: a practice changes them, and each session keeps those it was created with.\n")

	line("## Phases, one for each client\n")
	line("Each move was made by the rules when this page was printed. The clock makes only one: the end of the hold.\n")
	line("| phase | to | by |\n|---|---|---|")
	for _, phase := range session.Phases {
		for _, m := range movesFrom(t, phase) {
			line("| `%s` | `%s` | %s |", phase, m.to, m.by)
		}
	}

	line("\n## Who may do what, and when\n")
	line("✓ marks the role. A phase is that of the client whom the act names; “any” also where it names none. Anything else is refused with `not_your_role`, `not_now` or `record_signed`.")
	line("Further guards (open checks, missing reasons, the order) are named by the refusal itself. `co` is the co-therapist, `edge` the server's own report.\n")
	line("| act | therapist | co | client | chaperone | edge | clock | phases | after signing |\n|---|---|---|---|---|---|---|---|---|")
	for _, p := range session.Permissions {
		cells := ""
		for _, role := range session.Roles {
			cells += map[bool]string{true: " ✓ |", false: "  |"}[slices.Contains(p.Roles, role)]
		}
		line("| %s |%s %s | %s |", p.Act, cells, phaseList(p.Phases), map[bool]string{true: "✓", false: ""}[p.Signed])
	}

	line("\n## What comes late\n")
	line("An act may reach the record after its time: the record could not be written when it was given, or a failover lost where it stood. Facts from the room are taken down meanwhile, in the server's own journal, and enter the record with the time at which they happened. Nothing is authorised late and no phase moves; a dose that was tapped is recorded in any case, past open checks where no authorisation covers its time. What the rules do not take is kept as it was.\n")
	line("While somebody waits for the answer the same table holds, with refusals in words: a fact is recorded with the time of its tap (its age is measured by the page's and the server's monotonic clocks; less than a second counts as now), a dose only from its authorisation on and until that lapsed; a device that slept meanwhile can't tell, and a human is asked; a call for help is taken whenever it comes; an act of the last row is refused after a minute.\n")
	line("| what becomes of it | acts |\n|---|---|")
	for _, l := range []session.Lateness{session.Noted, session.Anew, session.Kept} {
		var names []string
		for _, p := range session.Permissions {
			if session.LatenessOf(p.Act) == l {
				names = append(names, p.Act)
			}
		}
		line("| %s | %s |", map[session.Lateness]string{
			session.Noted: "taken down while the record can't be written, then recorded with its time",
			session.Anew:  "decided by the rules as things stand when it arrives",
			session.Kept:  "not done any more: kept as “reported late”",
		}[l], strings.Join(names, ", "))
	}

	line("\n## Checks before a dose\n")
	line("All are open at first. The responsible therapist may override an open one with a written reason; never the client's yes, nor consent that was never given.\n")
	line("| check | settled by | with |\n|---|---|---|")
	for _, g := range session.Gates {
		line("| %s (`%s`) | %s | %s |", g.Title, g.ID, settledBy(g.By), fields(g.Fields))
	}
	line("\nThe chaperone's check passes once one chaperone is here and:")
	for _, p := range session.ChaperoneParts {
		line("- %s (`%s`)", p.Title, p.ID)
	}
	l := settings.Limits
	line("\nA dose is blocked above %d/%d or a heart rate of %d; caution above %d/%d; a high alarm at or above %d/%d. The prescriber's limits win.",
		l.BlockSystolic, l.BlockDiastolic, l.BlockHeartRate, l.CautionSystolic, l.CautionDiastolic, l.AlarmSystolic, l.AlarmDiastolic)

	line("\n## Release criteria\n")
	line("Blood pressure and heart rate are near baseline within %d, up and down, of the last reading before the dose.\n", l.BaselineSpan)
	line("| criterion | settled by | with |\n|---|---|---|")
	for _, c := range session.Criteria {
		line("| %s (`%s`) | %s | %s |", c.Title, c.ID, settledBy(c.By), fields(c.Fields))
	}

	line("\n## Alarms and their ladders\n")
	line("Each rung: time since the condition began, priority, what it does besides standing on the therapists' screens. (silenced) rungs are skipped once somebody has acknowledged.")
	line("High alarms stay until acknowledged, also when their condition is over.\n")
	line("| condition | ladder | acknowledged by | cleared by |\n|---|---|---|---|")
	for _, a := range session.DefaultAlarms() {
		var rungs []string
		for _, r := range a.Ladder {
			rung := fmt.Sprintf("%s %s: %s", span(r.After), r.Priority, join(r.Do))
			if r.UnlessAcked {
				rung += " (silenced)"
			}
			rungs = append(rungs, rung)
		}
		cleared := "its condition's end"
		if len(a.Clear) > 0 {
			cleared += ", " + join(a.Clear)
		}
		line("| `%s`: %s | %s | %s | %s |", a.Condition, a.Words, strings.Join(rungs, "<br>"), join(a.Acknowledge), cleared)
	}
	line("\nRaised by hand:")
	for _, role := range session.Roles {
		if list := session.Raisable[role]; len(list) > 0 {
			line("- %s: %s", role, join(list))
		}
	}

	line("\n## Deadlines\n")
	line("What the clock itself has something to say about. A name with words stands among “next” on the therapist's screen.\n")
	line("| deadline | words |\n|---|---|")
	for _, k := range session.DeadlineKinds {
		line("| `%s` | %s |", k, session.NextWords[k])
	}

	line("\n## Numbers\n")
	line("| setting | default |\n|---|---|")
	for _, n := range []struct {
		name string
		span session.Seconds
	}{
		{"the room opens before the start", settings.OpensBefore}, {"the chaperone is due before the start", settings.ChaperoneBefore},
		{"an authorisation lapses after", settings.AuthorizationFor}, {"each tablet is held", settings.HoldPerTablet},
		{"returning is offered from T+", settings.WindowFrom}, {"the window is overdue from T+", settings.WindowTo},
		{"planned end at T+", settings.PlannedEnd}, {"release at the earliest after the last dose", settings.ReleaseMinimum},
		{"release is overdue after that", settings.ReleaseOverdue}, {"the chaperone looks in every", settings.CheckInEvery},
		{"blood pressure is due at T+", settings.VitalsAt}, {"a reading at the alarm limit is repeated after", settings.RemeasureAfter},
		{"integration visit, earliest", settings.IntegrationFrom}, {"integration visit, latest", settings.IntegrationTo},
	} {
		line("| %s | %s |", n.name, span(n.span))
	}
	return b.Bytes()
}

type moves struct {
	to session.Phase
	by string
}

// movesFrom tries every act of every role in a phase and says where it led.
func movesFrom(t *testing.T, phase session.Phase) (all []moves) {
	s, now := stage(t, phase)
	by := map[session.Phase][]string{}
	for act := range session.Acts() {
		for _, role := range session.Roles {
			when := now
			switch {
			case role == session.RoleClock:
				when = now.Add(24 * time.Hour)
			case phase == session.Scheduled && act != "JoinPeer":
				when = now.Add(time.Minute) // before the room opens
			case phase == session.Scheduled:
				when = s.OpensAt
			}
			events, err := session.Decide(s, session.Command{ID: "x", Seat: seatOf[role], Conn: "k", Do: wish(act, role, when)}, when)
			if err != nil {
				continue
			}
			for _, e := range events {
				if f, ok := e.Fact.(session.PhaseMoved); ok && f.From == phase {
					name := fmt.Sprintf("%s (%s)", act, role)
					if act == "JoinPeer" {
						name = "somebody joins"
					}
					if act == "ReachDeadline" {
						name = "the hold ends (clock)"
					}
					by[f.To] = append(by[f.To], name)
				}
			}
		}
	}
	for _, to := range session.Phases {
		if names := by[to]; len(names) > 0 {
			slices.Sort(names)
			all = append(all, moves{to, strings.Join(slices.Compact(names), ", ")})
		}
	}
	return all
}

func phaseList(list []session.Phase) string {
	if list == nil {
		return "any"
	}
	return join(list)
}

func settledBy(roles []session.Role) string {
	if len(roles) == 0 {
		return "what it is about"
	}
	return join(roles)
}

func fields(list []session.Field) string {
	var all []string
	for _, f := range list {
		words := f.Label
		if f.Optional {
			words += " (optional)"
		}
		all = append(all, words)
	}
	return strings.Join(all, "; ")
}

func join[T ~string](list []T) string {
	var all []string
	for _, v := range list {
		all = append(all, strings.ReplaceAll(string(v), "_", " "))
	}
	return strings.Join(all, ", ")
}

func span(s session.Seconds) string {
	switch {
	case s == 0:
		return "at once"
	case s%3600 == 0 && s > 3*3600:
		return fmt.Sprintf("%d h", s/3600)
	case s%60 == 0:
		return fmt.Sprintf("%d min", s/60)
	}
	return fmt.Sprintf("%d s", s)
}
