package transcript

import (
	"encoding/json"
	"fmt"
	"reflect"
	"sort"
	"strconv"
	"strings"
	"time"

	"belay/session"
)

var timeType = reflect.TypeFor[time.Time]()

// field is one value of an act, by its path.
type field struct{ path, value string }

// flatten lists the values of v that are not zero, in the order of their fields.
func flatten(v reflect.Value, path string, now time.Time) (all []field) {
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return nil
		}
		v = v.Elem()
	}
	if v.IsZero() {
		return nil
	}
	below := func(name string) string { return strings.TrimPrefix(path+"."+name, ".") }
	switch {
	case v.Type() == timeType:
		return []field{{path, when(v.Interface().(time.Time), now)}}
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			f := v.Type().Field(i)
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			switch {
			case !f.IsExported():
			case f.Anonymous && name == "":
				all = append(all, flatten(v.Field(i), path, now)...)
			default:
				all = append(all, flatten(v.Field(i), below(name), now)...)
			}
		}
	case v.Kind() == reflect.Slice:
		for i := range v.Len() {
			some := flatten(v.Index(i), below(strconv.Itoa(i)), now)
			if some == nil { // an element that is zero still has its place
				some = []field{{below(strconv.Itoa(i)), plain(v.Index(i))}}
			}
			all = append(all, some...)
		}
	case v.Kind() == reflect.Map:
		keys := v.MapKeys()
		sort.Slice(keys, func(i, j int) bool { return keys[i].String() < keys[j].String() })
		for _, k := range keys {
			some := flatten(v.MapIndex(k), below(k.String()), now)
			if some == nil {
				some = []field{{below(k.String()), plain(v.MapIndex(k))}}
			}
			all = append(all, some...)
		}
	default:
		return []field{{path, plain(v)}}
	}
	return all
}

func plain(v reflect.Value) string {
	if v.Kind() == reflect.Bool {
		return map[bool]string{true: "yes", false: "no"}[v.Bool()]
	}
	return fmt.Sprint(v.Interface())
}

// when says a time: of day where the day is that of now.
func when(t, now time.Time) string {
	t = t.UTC()
	layout := "15:04:05"
	if t.Nanosecond() != 0 {
		layout = "15:04:05.000"
	}
	if y, m, d := now.UTC().Date(); t.Year() != y || t.Month() != m || t.Day() != d {
		layout = "2006-01-02T" + layout
	}
	return t.Format(layout)
}

// instant reads what when wrote, and distances from now.
func instant(s string, now time.Time) (time.Time, error) {
	if strings.HasPrefix(s, "+") || strings.HasPrefix(s, "-") {
		d, err := time.ParseDuration(s)
		return now.Add(d), err
	}
	for _, layout := range []string{"2006-01-02T15:04:05", "2006-01-02T15:04:05.000", time.RFC3339} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC(), nil
		}
	}
	for _, layout := range []string{"15:04:05", "15:04"} {
		if t, err := time.Parse(layout, s); err == nil && !now.IsZero() {
			y, m, d := now.UTC().Date()
			return time.Date(y, m, d, t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.UTC), nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is no time", s)
}

// build makes the act of this name from its fields.
func build(name string, fields []field, now time.Time) (session.Act, error) {
	empty, known := session.Acts()[name]
	if !known {
		return nil, fmt.Errorf("there is no act %q", name)
	}
	tree := map[string]any{}
	for _, f := range fields {
		kind, err := kindAt(reflect.TypeOf(empty), strings.Split(f.path, "."))
		if err != nil {
			return nil, fmt.Errorf("%s: %s: %w", name, f.path, err)
		}
		leaf, err := literal(kind, f.value, now)
		if err != nil {
			return nil, fmt.Errorf("%s: %s: %w", name, f.path, err)
		}
		node, path := tree, strings.Split(f.path, ".")
		for _, step := range path[:len(path)-1] {
			next, ok := node[step].(map[string]any)
			if !ok {
				next = map[string]any{}
				node[step] = next
			}
			node = next
		}
		node[path[len(path)-1]] = leaf
	}
	act := reflect.New(reflect.TypeOf(empty))
	if create, ok := act.Interface().(*session.CreateSession); ok {
		create.Settings, create.Pace = session.DefaultSettings(), session.Pace{Rate: 1}
	}
	raw, err := json.Marshal(lists(tree, act.Type().Elem()))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if err := json.Unmarshal(raw, act.Interface()); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return act.Elem().Interface(), nil
}

// lists turns the numbered nodes of a tree into lists where the type has one.
func lists(node any, kind reflect.Type) any {
	tree, ok := node.(map[string]any)
	if !ok {
		return node
	}
	if kind.Kind() == reflect.Pointer {
		kind = kind.Elem()
	}
	if kind.Kind() == reflect.Slice {
		list := make([]any, len(tree))
		for i := range list {
			list[i] = lists(tree[strconv.Itoa(i)], kind.Elem())
		}
		return list
	}
	for name, below := range tree {
		if k, err := kindAt(kind, []string{name}); err == nil {
			tree[name] = lists(below, k)
		}
	}
	return tree
}

// kindAt is the type at a path of JSON names.
func kindAt(t reflect.Type, path []string) (reflect.Type, error) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if len(path) == 0 {
		return t, nil
	}
	switch t.Kind() {
	case reflect.Map, reflect.Slice:
		return kindAt(t.Elem(), path[1:])
	case reflect.Struct:
		for i := range t.NumField() {
			f := t.Field(i)
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			if name == path[0] {
				return kindAt(f.Type, path[1:])
			}
			if f.Anonymous && name == "" {
				if k, err := kindAt(f.Type, path); err == nil {
					return k, nil
				}
			}
		}
	}
	return nil, fmt.Errorf("there is no field %q", path[0])
}

func literal(t reflect.Type, s string, now time.Time) (any, error) {
	switch {
	case t == timeType:
		return instant(s, now)
	case t.Kind() == reflect.Bool:
		return s == "yes", nil
	case t.Kind() == reflect.String:
		if d, ok := strings.CutPrefix(s, "now+"); ok { // a time within a map of texts
			span, err := time.ParseDuration(d)
			return now.Add(span).Format(time.RFC3339), err
		}
		return s, nil
	case t.Kind() == reflect.Float64 || t.Kind() >= reflect.Int && t.Kind() <= reflect.Uint64:
		if !json.Valid([]byte(s)) {
			return nil, fmt.Errorf("%q is no number", s)
		}
		return json.Number(s), nil
	}
	return nil, fmt.Errorf("%s cannot be given as one value", t)
}
