package api

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
)

// described is what the test reads of openapi.json.
type described struct {
	OpenAPI string `json:"openapi"`
	Paths   map[string]map[string]struct {
		OperationID string                     `json:"operationId"`
		Summary     string                     `json:"summary"`
		Security    *[]any                     `json:"security"`
		Parameters  []struct{ Name string }    `json:"parameters"`
		RequestBody *struct{}                  `json:"requestBody"`
		Responses   map[string]json.RawMessage `json:"responses"`
	} `json:"paths"`
	Components struct {
		Schemas map[string]json.RawMessage `json:"schemas"`
	} `json:"components"`
}

func TestTheDescriptionNamesEveryRouteAndNoOther(t *testing.T) {
	var doc described
	if err := json.Unmarshal(Description(), &doc); err != nil {
		t.Fatal(err)
	}
	left := map[string]bool{}
	ids := map[string]bool{}
	for path, methods := range doc.Paths {
		for method, op := range methods {
			left[strings.ToUpper(method)+" "+path] = true
			if op.Summary == "" || op.OperationID == "" || ids[op.OperationID] || op.Responses["default"] == nil || op.Security == nil {
				t.Errorf("%s %s is described badly: %+v", method, path, op)
			}
			ids[op.OperationID] = true
		}
	}
	for _, r := range routes {
		name := r.method + " " + r.path
		if !left[name] {
			t.Errorf("%s is not described", name)
			continue
		}
		delete(left, name)
		op := doc.Paths[r.path][strings.ToLower(r.method)]
		if open := len(*op.Security) == 0; open != r.open {
			t.Errorf("%s: the description says open is %t", name, open)
		}
		for _, p := range op.Parameters {
			if !strings.Contains(r.path, "{"+p.Name+"}") {
				t.Errorf("%s has no parameter %q", name, p.Name)
			}
		}
		if n := strings.Count(r.path, "{"); n != len(op.Parameters) {
			t.Errorf("%s: %d of %d parameters are described", name, len(op.Parameters), n)
		}
	}
	for name := range left {
		t.Errorf("%s is described, and there is no such route", name)
	}
}

func TestEveryReferenceInTheDescriptionLeadsSomewhere(t *testing.T) {
	var doc described
	if err := json.Unmarshal(Description(), &doc); err != nil {
		t.Fatal(err)
	}
	for _, part := range strings.Split(string(Description()), `"#/components/schemas/`)[1:] {
		name, _, _ := strings.Cut(part, `"`)
		if doc.Components.Schemas[name] == nil {
			t.Errorf("there is no schema %s", name)
		}
	}
}

// fieldsOf returns the properties of a schema.
func fieldsOf(t *testing.T, schema string) []string {
	t.Helper()
	var doc described
	var s struct {
		Properties map[string]json.RawMessage `json:"properties"`
	}
	if err := json.Unmarshal(Description(), &doc); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(doc.Components.Schemas[schema], &s); err != nil {
		t.Fatal(err)
	}
	return slices.Sorted(maps.Keys(s.Properties))
}

// A body with every field that a schema has must be one that the server takes:
// that is the drift that a client written from the description would meet.
func TestTheServerKnowsEveryDescribedFieldOfABody(t *testing.T) {
	for schema, value := range map[string]any{"NewSession": &newSession{}, "NewClient": &newClient{}, "NewPerson": &newPerson{}} {
		body := map[string]any{}
		for _, name := range fieldsOf(t, schema) {
			body[name] = nil
		}
		raw, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		if err := decode(raw, value); err != nil {
			t.Errorf("%s: %v", schema, err)
		}
	}
	for schema, value := range map[string]any{"Link": link{}, "Made": made{}, "Look": lookAnswer{}, "SettingsAnswer": settingsAnswer{}} {
		raw, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		var sent map[string]any
		if err := json.Unmarshal(raw, &sent); err != nil {
			t.Fatal(err)
		}
		if got, want := slices.Sorted(maps.Keys(sent)), fieldsOf(t, schema); !slices.Equal(got, want) {
			t.Errorf("%s: sent %v, described %v", schema, got, want)
		}
	}
}

func FuzzBodiesNeverPanicAndNeverPassHalfRead(f *testing.F) {
	f.Add([]byte(`{"clients":[{"name":"A","order":{"product":"k","dose_mg":1,"tablets":1,"total_mg":1}}],"chaperones":[{"name":"S"}],"practice":true,"rate":10}`))
	f.Add([]byte(`{"clients":null}{}`))
	f.Add([]byte("\xff"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		var in newSession
		if decode(raw, &in) != nil {
			return
		}
		if _, err := in.act("Robin", testNow); err != nil {
			return
		}
		again, err := json.Marshal(in)
		if err != nil {
			t.Fatalf("what was read cannot be written: %v", err)
		}
		var same newSession
		if err := decode(again, &same); err != nil {
			t.Fatalf("%s is refused: %v", again, err)
		}
	})
}

var testNow = time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
