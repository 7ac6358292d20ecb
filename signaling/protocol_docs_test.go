package signaling_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/jsonschema-go/jsonschema"

	"belay/session"
	"belay/signaling/protocol"
)

var update = flag.Bool("update", false, "write PROTOCOL.md and the schemas anew")

// The documents of the protocol are written from the types: a field that is
// added without its comment, or a table that no longer fits, fails here.
func TestTheProtocolIsWrittenDownAsItIs(t *testing.T) {
	words := readComments(t, "protocol", "../session")
	files := map[string][]byte{}
	for _, k := range protocol.Kinds {
		files["schema/"+k.Type+".json"] = encode(t, messageSchema(t, k, words))
	}
	files["schema/acts.json"] = encode(t, actsSchema(t, words))
	files["schema/session-view.json"] = encode(t, viewSchema(t, words))
	text, err := os.ReadFile("protocol/PROTOCOL.md")
	if err != nil {
		t.Fatal(err)
	}
	for name, table := range map[string]string{
		"messages": messageTables(t, words), "acts": actTables(t, words),
		"close codes": constants(words, "Close"), "limits": limits(words),
	} {
		text = replaceSection(t, text, name, table)
	}
	files["PROTOCOL.md"] = text
	for name, want := range files {
		path := filepath.Join("protocol", filepath.FromSlash(name))
		have, _ := os.ReadFile(path)
		switch {
		case bytes.Equal(have, want):
		case !*update:
			t.Errorf("%s is out of date: go test ./signaling -run TestTheProtocolIsWrittenDown -update", path)
		default:
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, want, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	there, err := filepath.Glob("protocol/schema/*.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range there {
		if _, ok := files["schema/"+filepath.Base(path)]; !ok {
			t.Errorf("%s describes nothing that there is", path)
		}
	}
}

func TestTheSchemasAcceptWhatIsSentAndRefuseWhatIsNot(t *testing.T) {
	resolve := func(name string) *jsonschema.Resolved {
		t.Helper()
		raw, err := os.ReadFile("protocol/schema/" + name + ".json")
		if err != nil {
			t.Fatal(err)
		}
		var s jsonschema.Schema
		if err := json.Unmarshal(raw, &s); err != nil {
			t.Fatal(err)
		}
		r, err := s.Resolve(nil)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		return r
	}
	check := func(name, frame string, want bool) {
		t.Helper()
		var v any
		if err := json.Unmarshal([]byte(frame), &v); err != nil {
			t.Fatal(err)
		}
		if err := resolve(name).Validate(v); (err == nil) != want {
			t.Errorf("%s: %s is accepted: %v (%v)", name, frame, err == nil, err)
		}
	}
	check("hello", `{"type":"hello","body":{"peer":"0123456789abcdef","media":true}}`, true)
	check("hello", `{"type":"hello","body":{"peer":"short","media":true}}`, false)
	check("hello", `{"type":"hello","body":{"peer":"0123456789abcdef","media":true,"seat":"x"}}`, false)
	check("hello", `{"type":"ping","body":{"peer":"0123456789abcdef","media":true}}`, false)
	check("offer", `{"type":"offer","body":{"to":"0123456789abcdef","sdp":"v=0"}}`, true)
	check("pong", `{"type":"pong","body":{"n":1,"now":"2026-03-01T14:03:00Z","newer":1}}`, true)
	check("acts", `{"RecordDose":{"client":"client-1","number":1}}`, true)
	check("acts", `{"RecordDose":{"client":"client-1","number":1,"mg":7}}`, false)
	check("acts", `{"AcknowledgeAlarm":{"alarm":"a1","priority":"high"}}`, true)
	check("acts", `{"AcknowledgeAlarm":{"alarm":"a1"}}`, false)
	check("command", `{"type":"command","body":{"id":"a","act":"CheckIn","age":-1}}`, true)

	// What the server really sends passes its schemas.
	bubble(t, func(t *testing.T, h *house) {
		therapist, client := h.come("therapist-1"), h.come("client-1")
		client.send(protocol.Telemetry{Receiving: []protocol.Receiving{{Peer: therapist.peer}}})
		client.send(protocol.Offer{To: therapist.peer, SDP: "v=0"})
		client.command("a", "AskHelp", session.AskHelp{Client: "client-1"})
		client.command("b", "Admit", session.Admit{Client: "client-1"})
		time.Sleep(time.Second)
		for _, p := range []*page{therapist, client} {
			for _, m := range p.messages() {
				frame, err := protocol.Encode(m)
				if err != nil {
					t.Fatal(err)
				}
				for _, k := range protocol.Kinds {
					if reflect.TypeOf(k.Empty) == reflect.TypeOf(m).Elem() {
						check(k.Type, string(frame), true)
					}
				}
				if view, ok := m.(*protocol.View); ok {
					check("session-view", string(view.View), true)
				}
			}
		}
	})
}

// comments are the doc comments of the sources, by "Type", "Type.Field" and, for
// constants, "Name". Constants keep their order.
type comments struct {
	by     map[string]string
	consts []constant
}

type constant struct{ name, value, words string }

func readComments(t *testing.T, dirs ...string) comments {
	t.Helper()
	c := comments{by: map[string]string{}}
	for _, dir := range dirs {
		paths, err := filepath.Glob(filepath.Join(dir, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			if strings.HasSuffix(path, "_test.go") {
				continue
			}
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments)
			if err != nil {
				t.Fatal(err)
			}
			for _, decl := range file.Decls {
				if gen, ok := decl.(*ast.GenDecl); ok {
					for _, spec := range gen.Specs {
						c.spec(dir, gen, spec)
					}
				}
			}
		}
	}
	return c
}

func (c *comments) spec(dir string, gen *ast.GenDecl, spec ast.Spec) {
	pkg := filepath.Base(dir) + "."
	switch spec := spec.(type) {
	case *ast.TypeSpec:
		doc := spec.Doc
		if doc == nil {
			doc = gen.Doc
		}
		c.by[pkg+spec.Name.Name] = sentence(doc)
		if body, ok := spec.Type.(*ast.StructType); ok {
			for _, field := range body.Fields.List {
				words := sentence(field.Comment)
				if words == "" {
					words = sentence(field.Doc)
				}
				for _, name := range field.Names {
					c.by[pkg+spec.Name.Name+"."+name.Name] = words
				}
			}
		}
	case *ast.ValueSpec:
		if gen.Tok == token.CONST && pkg == "protocol." && len(spec.Names) == 1 && len(spec.Values) == 1 {
			c.consts = append(c.consts, constant{spec.Names[0].Name, source(spec.Values[0]), sentence(spec.Comment)})
		}
	}
}

func sentence(g *ast.CommentGroup) string {
	if g == nil {
		return ""
	}
	return strings.Join(strings.Fields(g.Text()), " ")
}

func source(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.BasicLit:
		return e.Value
	case *ast.SelectorExpr:
		return strings.ToLower(e.Sel.Name) + "s"
	case *ast.BinaryExpr:
		if e.Op == token.SHL && source(e.Y) == "10" {
			return source(e.X) + " KiB"
		}
		return source(e.X) + " " + strings.NewReplacer("*", "").Replace(e.Op.String()) + source(e.Y)
	}
	return ""
}

// describe returns the schema of a type, with the comments as descriptions. A
// closed one refuses unknown fields.
func describe(t *testing.T, kind reflect.Type, words comments, closed bool) *jsonschema.Schema {
	t.Helper()
	anything := &jsonschema.Schema{}
	s, err := jsonschema.ForType(kind, &jsonschema.ForOptions{TypeSchemas: map[reflect.Type]*jsonschema.Schema{
		reflect.TypeFor[json.RawMessage](): anything,
		reflect.TypeFor[time.Time]():       {Type: "string", Format: "date-time"},
		reflect.TypeFor[protocol.PeerID](): {Type: "string", Pattern: "^[A-Za-z0-9-]{16,64}$"},
	}})
	if err != nil {
		t.Fatalf("%s: %v", kind, err)
	}
	annotate(s, kind, words, closed)
	return s
}

func annotate(s *jsonschema.Schema, kind reflect.Type, words comments, closed bool) {
	if s == nil {
		return
	}
	s.PropertyOrder = nil
	for kind.Kind() == reflect.Pointer {
		kind = kind.Elem()
	}
	switch kind.Kind() {
	case reflect.Slice, reflect.Array:
		annotate(s.Items, kind.Elem(), words, closed)
	case reflect.Map:
		annotate(s.AdditionalProperties, kind.Elem(), words, closed)
	case reflect.Struct:
		if len(s.Properties) == 0 {
			return
		}
		if !closed {
			s.AdditionalProperties = nil
		}
		for _, f := range reflect.VisibleFields(kind) {
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			property := s.Properties[name]
			if property == nil || f.Anonymous {
				continue
			}
			annotate(property, f.Type, words, closed)
			if property.Description == "" {
				property.Description = words.by[path(kind)+"."+f.Name]
			}
		}
	}
	if s.Description == "" {
		s.Description = words.by[path(kind)]
	}
}

func path(kind reflect.Type) string {
	return filepath.Base(kind.PkgPath()) + "." + kind.Name()
}

const draft = "https://json-schema.org/draft/2020-12/schema"

func messageSchema(t *testing.T, k protocol.Kind, words comments) *jsonschema.Schema {
	t.Helper()
	closed := k.Way == protocol.FromScreen
	body := describe(t, reflect.TypeOf(k.Empty), words, closed)
	var name any = k.Type
	s := &jsonschema.Schema{
		Schema: draft, Title: k.Type, Description: fmt.Sprintf("%s (%s)", body.Description, k.Way),
		Type: "object", Required: []string{"type", "body"},
		Properties: map[string]*jsonschema.Schema{"type": {Const: &name}, "body": body},
	}
	if closed {
		s.AdditionalProperties = never()
	}
	return s
}

func never() *jsonschema.Schema { return &jsonschema.Schema{Not: &jsonschema.Schema{}} }

// required are the fields without which an act means nothing: an alarm is silenced as
// urgent as it was seen.
var required = map[string][]string{"AcknowledgeAlarm": {"alarm", "priority"}}

// actsSchema describes an object from the name of one act to its body.
func actsSchema(t *testing.T, words comments) *jsonschema.Schema {
	t.Helper()
	one := 1
	s := &jsonschema.Schema{Schema: draft, Title: "acts", Type: "object", MinProperties: &one, MaxProperties: &one,
		Description:          "The acts that a command can carry, by name, with their bodies. Which seat may send which of them when, the view's actions say.",
		AdditionalProperties: never(), Properties: map[string]*jsonschema.Schema{}}
	for name, empty := range session.Acts() {
		act := describe(t, reflect.TypeOf(empty), words, true)
		act.Required = required[name] // what else is absent has its zero value, and is the rules' to judge
		s.Properties[name] = act
	}
	return s
}

func viewSchema(t *testing.T, words comments) *jsonschema.Schema {
	t.Helper()
	s := describe(t, reflect.TypeFor[session.View](), words, false)
	s.Schema, s.Title = draft, "session-view"
	return s
}

func encode(t *testing.T, s *jsonschema.Schema) []byte {
	t.Helper()
	raw, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return append(raw, '\n')
}

func messageTables(t *testing.T, words comments) string {
	t.Helper()
	var b strings.Builder
	for _, k := range protocol.Kinds {
		kind := reflect.TypeOf(k.Empty)
		fmt.Fprintf(&b, "### `%s`\n\n%s. %s\n\n%s\n", k.Type, upper(string(k.Way)), words.by[path(kind)], fields(t, kind, words))
		for i := range kind.NumField() {
			inner := kind.Field(i).Type
			for inner.Kind() == reflect.Slice || inner.Kind() == reflect.Pointer {
				inner = inner.Elem()
			}
			if inner.Kind() == reflect.Struct && strings.HasSuffix(inner.PkgPath(), "protocol") && inner != reflect.TypeFor[protocol.Telemetry]() {
				fmt.Fprintf(&b, "%s: %s\n\n%s\n", inner.Name(), words.by[path(inner)], fields(t, inner, words))
			}
		}
	}
	return b.String()
}

func fields(t *testing.T, kind reflect.Type, words comments) string {
	t.Helper()
	var b strings.Builder
	b.WriteString("| field | type | |\n|---|---|---|\n")
	for i := range kind.NumField() {
		f := kind.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		typ := typeName(f.Type)
		if strings.Contains(options, "omitempty") || strings.Contains(options, "omitzero") {
			typ += ", optional"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", name, typ, words.by[path(kind)+"."+f.Name])
	}
	return b.String()
}

func typeName(t reflect.Type) string {
	switch {
	case t == reflect.TypeFor[time.Time]():
		return "time (RFC 3339)"
	case t == reflect.TypeFor[json.RawMessage]():
		return "object"
	case t == reflect.TypeFor[protocol.PeerID]():
		return "peer id"
	}
	switch t.Kind() {
	case reflect.Pointer:
		return typeName(t.Elem())
	case reflect.Slice:
		return "list of " + typeName(t.Elem())
	case reflect.Map:
		return "object of " + typeName(t.Elem())
	case reflect.Struct:
		return t.Name()
	case reflect.Bool:
		return "boolean"
	case reflect.String:
		return "string"
	case reflect.Float64:
		return "number"
	}
	return "integer"
}

func actTables(t *testing.T, words comments) string {
	t.Helper()
	roles := map[string]string{}
	for _, p := range session.Permissions {
		for _, r := range p.Roles {
			if r != session.RoleServer && r != session.RoleClock {
				roles[p.Act] += ", " + strings.ReplaceAll(string(r), "_", "-")
			}
		}
	}
	acts := session.Acts()
	var b strings.Builder
	b.WriteString("| act | sent by | body | |\n|---|---|---|---|\n")
	for _, name := range slices.Sorted(maps.Keys(acts)) {
		who := strings.TrimPrefix(roles[name], ", ")
		if who == "" {
			continue // of the server
		}
		kind := reflect.TypeOf(acts[name])
		var body []string
		for i := range kind.NumField() {
			field, _, _ := strings.Cut(kind.Field(i).Tag.Get("json"), ",")
			body = append(body, "`"+field+"`")
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", name, who, strings.Join(body, " "), words.by["session."+name])
	}
	return b.String()
}

func constants(words comments, prefix string) string {
	var b strings.Builder
	b.WriteString("| code | |\n|---|---|\n")
	for _, c := range words.consts {
		if strings.HasPrefix(c.name, prefix) {
			fmt.Fprintf(&b, "| %s | %s |\n", c.value, c.words)
		}
	}
	return b.String()
}

func limits(words comments) string {
	var b strings.Builder
	b.WriteString("| | value | |\n|---|---|---|\n")
	for _, c := range words.consts {
		if ast.IsExported(c.name) && !strings.HasPrefix(c.name, "Close") && !strings.HasPrefix(c.value, `"`) {
			fmt.Fprintf(&b, "| %s | %s | %s |\n", c.name, c.value, c.words)
		}
	}
	return b.String()
}

func upper(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

// replaceSection puts text between the markers of a section.
func replaceSection(t *testing.T, doc []byte, name, text string) []byte {
	t.Helper()
	begin, end := "<!-- "+name+": written from the code -->\n", "<!-- end of "+name+" -->"
	before, rest, ok := strings.Cut(string(doc), begin)
	_, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatalf("PROTOCOL.md has no section %q", name)
	}
	return []byte(before + begin + "\n" + strings.TrimRight(text, "\n") + "\n\n" + end + after)
}
