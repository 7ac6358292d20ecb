// Package doctor looks at an installation from outside, as a browser would, and
// from inside, and says in plain words what is wrong, what that means and what to
// do.
//
// # Guarantees
//
//   - It changes nothing: the record is opened only where no server has it, and
//     no event is written.
//   - It says nothing personal and no secret, so that what it prints can be sent
//     to whoever helps.
//   - What it could not look at it says too.
package doctor

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"strings"
	"time"

	"belay/session/store/redis"
)

// Level is how bad a finding is.
type Level string

// The levels.
const (
	Fine    Level = "ok"
	Unknown Level = "??" // it could not be looked at
	Careful Level = "warn"
	Wrong   Level = "FAIL"
)

// Finding is one thing that was looked at.
type Finding struct {
	Level Level
	Words string
	Means string // for people; empty where all is well
	Do    string
}

// Options say what to look at.
type Options struct {
	URL   *url.URL       // as people open it; nil: what the server on Data says
	Data  string         // data folder; "": from outside only
	Redis *redis.Options // nil: none
	Hold  time.Duration  // how long a socket is held open through whatever lies between
	Media string         // host:port of picture and sound, for a look from outside only; "": the usual ones
}

// doctor collects findings. It belongs to one goroutine.
type doctor struct {
	opts   Options
	report func(Finding)
	wrong  int
}

func (d *doctor) say(f Finding) {
	if f.Level == Wrong {
		d.wrong++
	}
	d.report(f)
}

func (d *doctor) fine(format string, args ...any) {
	d.say(Finding{Level: Fine, Words: fmt.Sprintf(format, args...)})
}

// Examine looks at everything, reports each finding at once, and returns how many
// things are wrong.
func Examine(ctx context.Context, opts Options, report func(Finding)) int {
	d := &doctor{opts: opts, report: report}
	status := d.inside(ctx)
	if opts.Redis != nil {
		d.redis(ctx, *opts.Redis)
	}
	at := opts.URL
	if at == nil && status != nil {
		if u, err := url.Parse(status.URL); err == nil {
			at = u
		}
	}
	if at == nil {
		d.say(Finding{Unknown, "Nothing was looked at from outside.", "Nobody knows whether people reach the server.", "Say the address that people open: belay doctor https://belay.example.org"})
	} else {
		d.outside(ctx, at, status)
	}
	return d.wrong
}

// Print writes a finding for people.
func Print(w io.Writer, f Finding) {
	fmt.Fprintf(w, "%-5s %s\n", f.Level, f.Words)
	for _, line := range []struct{ head, words string }{{"means", f.Means}, {"do", f.Do}} {
		if line.words != "" {
			fmt.Fprintf(w, "      %-6s %s\n", line.head, strings.ReplaceAll(line.words, "\n", "\n             "))
		}
	}
}
