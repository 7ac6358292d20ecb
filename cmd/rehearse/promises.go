package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"belay/session"
)

// promise is one thing that a user can rely on, and how it is seen in the evidence.
type promise struct {
	words string
	check func(*evidence) error // nil: kept; errNotSeen: there was nothing to see
}

// errNotSeen says that the session gave no occasion to keep or break the promise.
var errNotSeen = errors.New("not observed")

// How much a promise allows for, in wall time: what a person would not notice,
// and a busy machine needs.
const (
	clockWithin   = time.Second             // between any two screens
	pictureWithin = 2500 * time.Millisecond // without a frame, while a direct way exists
	awayWithin    = time.Second             // without a frame because the server is away
	alarmWithin   = time.Second             // usually; from its due time to the record, and from there to the screen
	backWithin    = 10 * time.Second        // until a screen is there again
	helpWithin    = 2 * time.Second         // over the data channel
)

// promises is the list, in the order in which it is printed.
var promises = []promise{
	{"The clock is the same on every screen, within a second", sameClock},
	{"A dose is recorded once, though it is sent twice", doseOnce},
	{"What was acknowledged is in the record, once", acknowledgedIsRecorded},
	{"Every screen comes back by itself after its connection is cut", screensComeBack},
	{"The server is killed and started again: every screen comes back with the same clock", serverComesBack},
	{"Picture and sound flow both ways for the whole session", mediaFlow},
	{"They go on while a screen or the server has no connection", mediaGoOn},
	{"Help reaches the therapist without the server", helpWithoutServer},
	{"Alarms are raised and escalate in their time, and stand on the therapist's screen at once", alarmsInTime},
	{"Nobody drops out unnoticed", nobodyUnnoticed},
	{"No alarm comes without a cause", alarmsHaveCause},
	{"Who asks for help is told only what is true, step by step", helpSteps},
	{"The server refuses what is not allowed, whoever asks", refusals},
	{"A link opens its own seat and nothing else; a second browser waits", doors},
	{"Chaperone and client are never sent what they may not know", nothingLeaks},
	{"No screen ever goes back in time", viewsForward},
	{"The record's chain verifies, and replays to what the screens show", chain},
	{"At the end every screen says that the record is signed", allSigned},
}

const maxReasons = 8 // that are printed of one broken promise

// verdicts are what became of each promise, in their order: as check says it.
func verdicts(e *evidence) []error {
	e.mu.Lock()
	defer e.mu.Unlock()
	all := make([]error, len(promises))
	for i, p := range promises {
		all[i] = p.check(e)
	}
	return all
}

// isBroken reports whether a verdict says that a promise was.
func isBroken(verdict error) bool { return verdict != nil && !errors.Is(verdict, errNotSeen) }

// judge prints every promise and returns how many were broken.
func judge(e *evidence, w io.Writer) (broken int) {
	for i, verdict := range verdicts(e) {
		switch {
		case verdict == nil:
			fmt.Fprintf(w, "kept    %s\n", promises[i].words)
		case !isBroken(verdict):
			fmt.Fprintf(w, "-       %s: not observed\n", promises[i].words)
		default:
			broken++
			printBroken(w, promises[i].words, verdict)
		}
	}
	return broken
}

// printBroken says which promise was broken, and by what.
func printBroken(w io.Writer, words string, verdict error) {
	lines := strings.Split(verdict.Error(), "\n")
	if n := len(lines); n > maxReasons {
		lines = append(lines[:maxReasons], fmt.Sprintf("and %d more", n-maxReasons))
	}
	fmt.Fprintf(w, "BROKEN  %s:\n          %s\n", words, strings.Join(lines, "\n          "))
}

// wall is how long a span of the session's time is on the wall.
func (e *evidence) wall(d time.Duration) time.Duration { return time.Duration(float64(d) / e.rate) }

func sameClock(e *evidence) error {
	if len(e.clocks) == 0 {
		return errNotSeen
	}
	var worst time.Duration
	var who string
	for _, s := range e.clocks {
		seats := slices.SortedFunc(maps.Keys(s), func(a, b session.SeatID) int { return s[a].Compare(s[b]) })
		first, last := seats[0], seats[len(seats)-1]
		if d := e.wall(s[last].Sub(s[first])); d > worst {
			worst, who = d, fmt.Sprintf("%s was ahead of %s", last, first)
		}
	}
	if worst > clockWithin {
		return fmt.Errorf("%s by %s", who, worst)
	}
	return nil
}

func doseOnce(e *evidence) error {
	type key struct {
		client session.SeatID
		number int
	}
	recorded := map[key]int{}
	for _, event := range e.events {
		if f, ok := event.Fact.(session.DoseRecorded); ok {
			recorded[key{f.Client, f.Number}]++
		}
	}
	if len(e.doses) == 0 {
		return errNotSeen
	}
	var errs []error
	for _, d := range e.doses {
		if n := recorded[key{d.client, d.number}]; n != 1 {
			errs = append(errs, fmt.Errorf("dose %d of %s stands in the record %d times", d.number, d.client, n))
		}
		if d.first == 0 || d.first != d.second {
			errs = append(errs, fmt.Errorf("dose %d of %s was answered with event %d, and the resend with %d", d.number, d.client, d.first, d.second))
		}
	}
	if len(recorded) != len(e.doses) {
		errs = append(errs, fmt.Errorf("%d doses are in the record, %d were taken", len(recorded), len(e.doses)))
	}
	return errors.Join(errs...)
}

func acknowledgedIsRecorded(e *evidence) error {
	type key struct {
		seat    session.SeatID
		command string
	}
	last := map[key]uint64{}
	seen := map[uint64]bool{}
	var errs []error
	for _, event := range e.events {
		if event.Command != "" {
			last[key{event.Seat, event.Command}] = event.Seq
		}
		if seen[event.Seq] {
			errs = append(errs, fmt.Errorf("event %d stands in the record twice", event.Seq))
		}
		seen[event.Seq] = true
	}
	total := 0
	for seat, acks := range e.acks {
		for _, a := range acks {
			if a.Seq == 0 {
				continue // done, and nothing had to change
			}
			total++
			if got := last[key{seat, a.ID}]; got != a.Seq {
				errs = append(errs, fmt.Errorf("%s of %s was acknowledged as event %d; the record has %d", session.FactName(a.Act), seat, a.Seq, got))
			}
		}
	}
	if total == 0 {
		return errNotSeen
	}
	return errors.Join(errs...)
}

func screensComeBack(e *evidence) error {
	if len(e.cuts) == 0 {
		return errNotSeen
	}
	var errs []error
	for _, c := range e.cuts {
		if c.back == 0 || c.back > c.away+backWithin {
			errs = append(errs, fmt.Errorf("%s, cut for %s, was back after %s", c.seat, c.away, c.back))
		}
	}
	return errors.Join(errs...)
}

func serverComesBack(e *evidence) error {
	if len(e.kills) == 0 {
		return errNotSeen
	}
	var errs []error
	for _, k := range e.kills {
		for seat := range e.screens {
			if back := k.back[seat]; back == 0 || back > backWithin {
				errs = append(errs, fmt.Errorf("%s was back %s after the server was", seat, back))
			}
		}
		for client, t0 := range k.t0 {
			for _, event := range e.events {
				if f, ok := event.Fact.(session.DoseRecorded); ok && f.Client == client && f.Number == 1 && !f.Windows.T0.Equal(t0) {
					errs = append(errs, fmt.Errorf("T+0 of %s was %s before, and %s after", client, f.Windows.T0, t0))
				}
			}
		}
	}
	return errors.Join(errs...)
}

func helpWithoutServer(e *evidence) error {
	if len(e.directs) == 0 {
		return errNotSeen
	}
	var errs []error
	for _, d := range e.directs {
		switch {
		case d.heard == 0 || d.heard > helpWithin:
			errs = append(errs, fmt.Errorf("the call of %s arrived after %s", d.client, d.heard))
		case !d.seen:
			errs = append(errs, fmt.Errorf("%s was not told that the call stands on the therapist's screen", d.client))
		}
	}
	return errors.Join(errs...)
}

func helpSteps(e *evidence) error {
	order := []string{"calling", "known", "coming", "with"}
	var errs []error
	asked := false
	for seat, s := range e.screens {
		if s.role != session.Client || !slices.ContainsFunc(e.events, func(event session.Event) bool {
			f, ok := event.Fact.(session.HelpAsked)
			return ok && f.Client == seat
		}) {
			continue
		}
		asked = true
		if !slices.Equal(s.stages, order) {
			errs = append(errs, fmt.Errorf("%s was told: %s", seat, strings.Join(s.stages, ", ")))
		}
	}
	if !asked {
		return errNotSeen
	}
	return errors.Join(errs...)
}

func refusals(e *evidence) error {
	if len(e.probes) == 0 {
		return errNotSeen
	}
	var errs []error
	for _, p := range e.probes {
		if p.code == "" {
			errs = append(errs, fmt.Errorf("%s was done", p.what))
		} else if p.code != p.want {
			errs = append(errs, fmt.Errorf("%s was refused as %s, not as %s", p.what, p.code, p.want))
		}
	}
	return errors.Join(errs...)
}

func doors(e *evidence) error {
	if len(e.links) == 0 {
		return errNotSeen
	}
	var errs []error
	for _, l := range e.links {
		if l.err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", l.what, l.err))
		}
	}
	return errors.Join(errs...)
}

func nothingLeaks(e *evidence) error {
	var errs []error
	for seat, s := range e.screens {
		for _, what := range s.leaks {
			errs = append(errs, fmt.Errorf("%s was sent %s", seat, what))
		}
	}
	return errors.Join(errs...)
}

func viewsForward(e *evidence) error {
	var errs []error
	for seat, s := range e.screens {
		if s.backward {
			errs = append(errs, fmt.Errorf("%s was shown an older view after a newer one", seat))
		}
	}
	return errors.Join(errs...)
}

func allSigned(e *evidence) error {
	if e.open {
		return errNotSeen
	}
	var errs []error
	for seat, s := range e.screens {
		if !s.last.Signed {
			errs = append(errs, fmt.Errorf("%s: the last view does not say so", seat))
		}
		for _, c := range s.last.Clients {
			if c.Phase != session.Signed {
				errs = append(errs, fmt.Errorf("%s: %s is %s", seat, c.Seat, c.Phase))
			}
		}
	}
	return errors.Join(errs...)
}
