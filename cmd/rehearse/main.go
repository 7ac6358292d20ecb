package main

import (
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"belay/cmd/internal/person"
	"belay/session"
)

func main() {
	if is, err := child(); is {
		if err != nil {
			fmt.Fprintln(os.Stderr, "belay:", err)
			os.Exit(1)
		}
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Getenv, os.Stdout, os.Stderr))
}

// options are what a rehearsal can be asked for.
type options struct {
	speed  float64
	couple bool
	server string // URL; "": one of our own
	email  string
	quiet  bool
	env    func(string) string

	// For tests on a machine that does much else.
	dir      string        // where the data of a server of our own lies; "": where temporary files do
	patience time.Duration // for alarms; 0: alarmWithin
	forgets  forgets
}

// Exit codes, besides 0.
const (
	exitBroken = 1 // a promise was broken, or the script could not go on
	exitUsage  = 2
)

func run(ctx context.Context, args []string, env func(string) string, out, errs io.Writer) int {
	o := options{env: env}
	flags := flag.NewFlagSet("rehearse", flag.ContinueOnError)
	flags.SetOutput(errs)
	flags.Float64Var(&o.speed, "speed", 60, "how many times as fast as the real thing, 1 to 600")
	flags.BoolVar(&o.couple, "couple", false, "two clients in one session")
	flags.StringVar(&o.server, "server", "", "play on this running server, for example https://belay.example.org (default: one of its own)")
	flags.StringVar(&o.email, "email", "", "account on that server; the password is read from BELAY_PASSWORD")
	flags.BoolVar(&o.quiet, "quiet", false, "no transcript, only the promises")
	var l load
	var nodes string
	flags.IntVar(&l.sessions, "sessions", 0, fmt.Sprintf("many sessions at once, up to %d, and what they cost; 0: one", maxSessions))
	flags.StringVar(&nodes, "nodes", "", "with -sessions: the servers on one Redis, with commas in between; the people of each session sit at different ones")
	flags.DurationVar(&l.ramp, "ramp", 0, "with -sessions: from the first session's beginning to the last one's (default: half a second for each)")
	flags.DurationVar(&l.stay, "stay", 0, "with -sessions: after the doses all stay together so long and leave, and that alone is what costs are counted for; 0: whole visits")
	signaling := flags.Bool("signaling", false, "with -sessions: people without picture and sound")
	flags.BoolVar(&l.relay, "relay", false, "with -sessions: picture and sound go through the relay too")
	flags.BoolVar(&l.abroad, "abroad", false, "with -sessions: the servers may be on other machines")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return 0
		}
		return exitUsage
	}
	if flags.NArg() > 0 || o.speed < 1 || o.speed > 600 {
		fmt.Fprintln(errs, "rehearse: a speed from 1 to 600, and nothing besides the flags")
		return exitUsage
	}
	if l.sessions == 0 {
		if nodes != "" || l.ramp != 0 || l.stay != 0 || l.relay || l.abroad || *signaling {
			fmt.Fprintln(errs, "rehearse: -nodes, -ramp, -stay, -signaling, -relay and -abroad belong to -sessions")
			return exitUsage
		}
		_, code := rehearse(ctx, o, out, errs)
		return code
	}
	if nodes != "" {
		l.nodes = strings.Split(nodes, ",")
	}
	if l.picture = !*signaling; l.ramp == 0 {
		l.ramp = time.Duration(l.sessions-1) * time.Second / 2
	}
	if err := l.validate(o); err != nil {
		fmt.Fprintln(errs, "rehearse:", err)
		return exitUsage
	}
	return rehearseMany(ctx, o, l, out, errs)
}

// rehearse plays one session and judges it. The evidence is returned for tests.
func rehearse(ctx context.Context, o options, out, errs io.Writer) (*evidence, int) {
	length := time.Duration(float64(4*time.Hour)/o.speed) + 3*time.Minute
	ctx, cancel := context.WithTimeoutCause(ctx, length, fmt.Errorf("the session was not over after %s", length.Round(time.Second)))
	defer cancel()
	p := newPlay(ctx, o, out)
	err := p.enter(o, errs)
	if err == nil {
		err = p.perform()
	}
	if p.house != nil {
		err = errors.Join(err, p.house.close())
	}
	if !o.quiet && len(p.e.events) > 0 {
		fmt.Fprintln(out, "\nThe record")
		err = errors.Join(err, writeTranscript(out, p.e.events, p.e.acks))
	}
	fmt.Fprintln(out, "\nThe promises")
	broken := judge(p.e, out)
	switch {
	case err != nil:
		fmt.Fprintf(out, "\nThe session could not be played to its end: %v\n", err)
		return p.e, exitBroken
	case broken > 0:
		fmt.Fprintf(out, "\n%d of %d promises were broken.\n", broken, len(promises))
		return p.e, exitBroken
	}
	fmt.Fprintln(out, "\nEvery promise that could be observed was kept.")
	return p.e, 0
}

func newPlay(ctx context.Context, o options, out io.Writer) *play {
	p := &play{ctx: ctx, out: out, e: newEvidence(o.speed), speed: o.speed, forgets: o.forgets}
	if o.patience > 0 {
		p.e.alarmWithin = o.patience
	}
	somebody := func(id session.SeatID, role session.Role, name, pronouns string) *actor {
		a := &actor{seat: session.Seat{ID: id, Role: role, Name: name, Pronouns: pronouns}}
		a.minds.init()
		a.minds.direct = p.direct
		return a
	}
	p.therapist = somebody("therapist-1", session.Therapist, therapistName, "")
	p.clients = []*actor{somebody("client-1", session.Client, "Alex", "they/them")}
	if o.couple {
		p.clients = append(p.clients, somebody("client-2", session.Client, "Noor", "she/her"))
	}
	p.chaperone = somebody("chaperone-1", session.Chaperone, "Sam", "")
	return p
}

// enter opens a server, where none is given, and signs the therapist in.
func (p *play) enter(o options, errs io.Writer) (err error) {
	setup, email, password := o.env("BELAY_SETUP_LINK"), o.email, o.env("BELAY_PASSWORD")
	if p.place = o.server; p.place == "" {
		if p.house, err = openHouse(p.ctx, o.dir, 0, errs); err != nil {
			return err
		}
		p.place, setup, email, password = p.house.URL, p.house.Setup, "dana@rehearsal.example", rand.Text()
	}
	p.visitor, err = signIn(p.ctx, p.place, setup, email, password)
	return err
}

// therapistName is that of the account which a set-up link makes.
const therapistName = "Dana Reyes"

// signIn is the therapist's browser at a server, signed in. With a set-up link the
// account is made.
func signIn(ctx context.Context, place, setup, email, password string) (*person.Visitor, error) {
	if email == "" || password == "" {
		return nil, errors.New("a server of somebody else's needs an account: -email, and the password in BELAY_PASSWORD")
	}
	v, err := person.NewVisitor(place, nil)
	if err != nil {
		return nil, err
	}
	if _, token, ok := strings.Cut(setup, "#"); ok {
		err = v.SetUp(ctx, token, therapistName, email, password, "CO")
	} else {
		err = v.SignIn(ctx, email, password)
	}
	if err != nil {
		return nil, fmt.Errorf("sign in: %w", err)
	}
	return v, nil
}
