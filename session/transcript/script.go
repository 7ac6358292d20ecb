package transcript

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"strconv"
	"strings"
	"time"

	"belay/session"
)

// line is one line of a script that does something, or that is only kept.
type line struct {
	number  int
	keep    string // a comment or an empty line
	at      string
	word    string // "wait", "down", "up", "by hand"; empty: a command
	seat    session.SeatID
	act     string
	conn    string
	id      string
	hasID   bool
	given   string
	fields  []field
	written []string // the lines as they were written
}

// parse reads a script; outcomes in it are skipped.
func parse(script []byte) (all []line, err error) {
	in := bufio.NewScanner(bytes.NewReader(script))
	in.Buffer(nil, 1<<20)
	for n := 1; in.Scan(); n++ {
		text := strings.TrimRight(in.Text(), " \t\r")
		switch {
		case strings.HasPrefix(text, "  |"), strings.HasPrefix(text, "  !"):
			continue
		case text == "" || strings.HasPrefix(text, "#"):
			all = append(all, line{number: n, keep: text})
			continue
		case strings.HasPrefix(text, "  + "):
			if len(all) == 0 || all[len(all)-1].act == "" {
				return nil, fmt.Errorf("line %d goes on with nothing", n)
			}
			last := &all[len(all)-1]
			last.written = append(last.written, text)
			if err := last.values(strings.TrimSpace(text)[1:]); err != nil {
				return nil, fmt.Errorf("line %d: %w", n, err)
			}
			continue
		case strings.HasPrefix(text, "include "):
			all = append(all, line{number: n, word: "include", at: strings.TrimSpace(text[len("include "):]), written: []string{text}})
			continue
		case text == "clock by hand":
			all = append(all, line{number: n, word: "by hand", written: []string{text}})
			continue
		}
		l := line{number: n, written: []string{text}}
		at, rest, _ := strings.Cut(text, " ")
		who, rest, _ := strings.Cut(strings.TrimSpace(rest), " ")
		l.at = at
		switch who {
		case "wait", "down", "up":
			l.word = who
		case "":
			return nil, fmt.Errorf("line %d: there is no seat", n)
		default:
			act, values, _ := strings.Cut(strings.TrimSpace(rest), " ")
			l.seat, l.act = session.SeatID(who), act
			if err := l.values(values); err != nil {
				return nil, fmt.Errorf("line %d: %w", n, err)
			}
		}
		all = append(all, l)
	}
	return all, in.Err()
}

// values reads name=value pairs; a value may stand in double quotes.
func (l *line) values(s string) error {
	for s = strings.TrimSpace(s); s != ""; s = strings.TrimSpace(s) {
		name, rest, ok := strings.Cut(s, "=")
		if !ok {
			return fmt.Errorf("%q has no value", s)
		}
		value := ""
		if strings.HasPrefix(rest, `"`) {
			quoted, err := strconv.QuotedPrefix(rest)
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			value, _ = strconv.Unquote(quoted)
			s = rest[len(quoted):]
		} else {
			value, s, _ = strings.Cut(rest, " ")
		}
		switch name {
		case "@conn":
			l.conn = value
		case "@id":
			l.id, l.hasID = value, true
		case "@given":
			l.given = value
		default:
			l.fields = append(l.fields, field{name, value})
		}
	}
	return nil
}

// Played is a script that was played.
type Played struct {
	Text    []byte // the script with its outcomes
	State   *session.State
	Events  []session.Event
	Records [][]byte // the events as they are stored
}

// Play decides every command of a script, from the creation of the session on,
// and lets the clock decide what is due in between. It fails where a line cannot
// be read, or where the rules themselves fail; a refusal is an outcome.
//
// files holds the scripts that this one may include.
func Play(script []byte, files fs.FS) (*Played, error) {
	out := &bytes.Buffer{}
	p := &player{Played: Played{State: &session.State{}}, files: files}
	if err := p.script(script, out); err != nil {
		return nil, err
	}
	p.Text = out.Bytes()
	return &p.Played, nil
}

func (p *player) script(script []byte, out io.Writer) error {
	lines, err := parse(script)
	if err != nil {
		return err
	}
	for _, l := range lines {
		if l.written == nil {
			fmt.Fprintln(out, l.keep)
			continue
		}
		for _, text := range l.written {
			fmt.Fprintln(out, text)
		}
		if l.word == "include" {
			err = p.include(l.at)
		} else {
			p.w = NewWriter(out)
			err = p.play(l)
		}
		if err != nil {
			return fmt.Errorf("line %d: %w", l.number, err)
		}
	}
	return nil
}

// include plays another script whose outcomes are not written.
func (p *player) include(name string) error {
	if p.files == nil {
		return fmt.Errorf("there are no files to include %s from", name)
	}
	script, err := fs.ReadFile(p.files, name)
	if err != nil {
		return err
	}
	if err := p.script(script, io.Discard); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

type player struct {
	Played
	files  fs.FS
	w      *Writer
	now    time.Time
	byHand bool
	down   bool
	count  int
}

func (p *player) play(l line) error {
	if l.word == "by hand" {
		p.byHand = true
		return nil
	}
	at, err := instant(l.at, p.now)
	if err != nil {
		return err
	}
	if at.Before(p.now) {
		return fmt.Errorf("%s lies before the line above", l.at)
	}
	if l.word == "up" {
		p.down = false
		p.now = at
		return p.decide(session.Command{Seat: session.Clock, Do: session.ReachDeadline{}}, at)
	}
	if err := p.run(at); err != nil {
		return err
	}
	p.now = at
	switch l.word {
	case "down":
		p.down = true
		return nil
	case "wait":
		return nil
	}
	act, err := build(l.act, l.fields, at)
	if err != nil {
		return err
	}
	p.count++
	id := l.id
	if !l.hasID && l.seat != session.Clock {
		id = "c" + strconv.Itoa(p.count)
	}
	c := session.Command{ID: id, Seat: l.seat, Conn: l.conn, Do: act, Undated: l.given == unknown}
	if l.given != "" && !c.Undated {
		if c.Given, err = instant(l.given, at); err != nil {
			return err
		}
	}
	before := p.State.Seq
	err = p.decide(c, at)
	if err == nil && p.State.Seq == before && !p.w.said {
		p.w.nothing()
	}
	return err
}

// run lets the clock decide, each at its time, what is due up to t.
func (p *player) run(t time.Time) error {
	for !p.byHand && !p.down {
		due, ok := session.NextDeadline(p.State)
		if !ok || due.After(t) {
			return nil
		}
		if due.Before(p.now) {
			due = p.now
		}
		if err := p.decide(session.Command{Seat: session.Clock, Do: session.ReachDeadline{}}, due); err != nil {
			return err
		}
	}
	return nil
}

func (p *player) decide(c session.Command, now time.Time) error {
	events, err := session.Decide(p.State, c, now)
	stored := events[:0:0]
	for _, e := range events {
		e, raw, err := session.Link(e, p.State.Head, session.SaltFrom(e.Seq))
		if err != nil {
			return err
		}
		if err := p.State.Apply(e); err != nil {
			return err
		}
		stored = append(stored, e)
		p.Records = append(p.Records, raw)
	}
	p.Events = append(p.Events, stored...)
	return p.w.Outcome(p.State, stored, err)
}
