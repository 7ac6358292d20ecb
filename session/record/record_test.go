package record_test

import (
	"encoding/json"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"belay/session"
	"belay/session/record"
	"belay/session/transcript"
)

func of(t *testing.T, name string) (record.Record, *session.State) {
	t.Helper()
	script, err := os.ReadFile("../testdata/" + name + ".txt")
	if err != nil {
		t.Fatal(err)
	}
	played, err := transcript.Play(script, os.DirFS("../testdata"))
	if err != nil {
		t.Fatal(err)
	}
	r, s, err := record.Of(played.Events)
	if err != nil {
		t.Fatal(err)
	}
	return r, s
}

// What CLINICAL.md asks a record to hold, in the record of a plain session.
func TestTheRecordHoldsWhatTheRulesAskFor(t *testing.T) {
	r, s := of(t, "plain")
	c := r.Clients[0]
	clock := func(at *time.Time) string {
		if at == nil {
			return "never"
		}
		return at.Format("15:04")
	}
	value := func(list []record.Settled, title, name string) string {
		for _, one := range list {
			if one.Title == title && one.State == "passed" && one.By != "" && one.At != nil {
				return one.Values[name]
			}
		}
		return ""
	}
	for what, got := range map[string]string{
		"the address":          value(c.Gates, "Address today", "street"),
		"the state":            value(c.Gates, "Address today", "state"),
		"the emergency number": value(c.Gates, "Local emergency number", "number"),
		"the lot":              value(c.Gates, "Prescription and amount", "lot"),
		"the pressure that the dose was taken on": value(c.Gates, "Blood pressure and heart rate", "systolic"),
		"the consent version":                     c.ConsentGiven,
		"the integration date":                    value(c.Criteria, "Integration visit booked", "at"),
		"the signature":                           r.SignedBy,
		"who released":                            c.Phases[len(c.Phases)-2].By,
	} {
		if got == "" {
			t.Errorf("%s is not in the record", what)
		}
	}
	if r.SettingsVersion != s.Settings.Version || r.SignedAt == nil || len(r.Addenda) == 0 || r.Addenda[0].By == "" {
		t.Errorf("settings %d, signed %s, addenda %v", r.SettingsVersion, clock(r.SignedAt), r.Addenda)
	}
	if c.ReadyAt == nil || c.ReleasedAt == nil || c.ReleasedAt.Before(*c.ReadyAt) {
		t.Errorf("ready at %s, released at %s", clock(c.ReadyAt), clock(c.ReleasedAt))
	}
	if len(c.Vitals) < 2 || len(c.CheckIns) < 5 || len(c.Authorizations) != 1 {
		t.Errorf("%d readings, %d looks, %d authorisations", len(c.Vitals), len(c.CheckIns), len(c.Authorizations))
	}
	for _, look := range c.CheckIns {
		if look.By == "" {
			t.Errorf("the look of %s has nobody", look.At)
		}
	}
	for _, gate := range append(c.Gates, c.Criteria...) {
		if gate.State != "passed" {
			t.Errorf("%s is %s in the record of a released client", gate.Title, gate.State)
		}
	}
	if got, first := value(c.Gates, "Blood pressure and heart rate", "systolic"), strconv.Itoa(c.Vitals[0].Systolic); got != first {
		t.Errorf("the dose was taken on a pressure of %s, and the record says %s", first, got)
	}
	if len(r.Lines) == 0 {
		t.Error("the record has no lines")
	}
}

// What went wrong stands in it from its beginning to its end, with who did what.
func TestWhatWentWrongStandsWithItsTimes(t *testing.T) {
	for name, check := range map[string]func(record.Record) bool{
		"help-unanswered": func(r record.Record) bool {
			for _, a := range r.Alarms {
				if strings.Contains(a.Words, "help") && a.Priority == session.High && !a.Raised.IsZero() {
					return len(r.Calls) > 0
				}
			}
			return false
		},
		"everyone-gone": func(r record.Record) bool {
			back := 0
			for _, one := range r.Interruptions {
				if one.To != nil && one.To.After(one.From) {
					back++
				}
			}
			return back > 0
		},
		"missed-check-ins": func(r record.Record) bool {
			for _, look := range r.Clients[0].CheckIns {
				if look.Due != nil && look.At.After(*look.Due) {
					return true
				}
			}
			return false
		},
		"corrected-order": func(r record.Record) bool {
			orders := r.Clients[0].Orders
			return len(orders) == 1 && orders[0].By == "Dana Reyes" && strings.Contains(orders[0].Text, "100 mg and not 10 mg")
		},
		"early-end": func(r record.Record) bool {
			last := r.Clients[0].Phases[len(r.Clients[0].Phases)-1]
			return last.Phase == session.EndedEarly && last.Reason != "" && r.Clients[0].ReleasedAt == nil && r.Clients[0].ReadyAt == nil
		},
	} {
		r, _ := of(t, name)
		if !check(r) {
			raw, err := json.MarshalIndent(r, "", " ")
			t.Errorf("%s: %s %v", name, raw, err)
		}
	}
}
