package session_test

import (
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"time"

	"belay/session"
)

func sortedActs() []string {
	var names []string
	for name := range session.Acts() {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// garble fills an act with values that no screen would send, and some that one would.
func (h *history) garble(act session.Act) session.Act {
	v := reflect.New(reflect.TypeOf(act)).Elem()
	garbleInto(h.rng, v, h.now, 0)
	if !h.chance(3) {
		return withClient(v.Interface(), h.someClient().Seat)
	}
	return v.Interface()
}

var garbage = []string{"", " ", "client-1", "client-2", "therapist-1", "chaperone-1", "a1", "a2", "r1", "e1", "yes", "passed", "help", "identity", "consent", "client_yes",
	"alert", "test_call", "swallowed", "2026-1", "CO", "90837", "moaas", "\xff\xfe", "\x00", "<script>", strings.Repeat("x", 200), strings.Repeat("é", 11_000),
	strings.Repeat("a", 64), "2026-03-04T15:00:00Z", "(303) 555-0142", "clock", "server"}

func garbleInto(rng *rand.Rand, v reflect.Value, now time.Time, depth int) {
	if depth > 5 || rng.IntN(6) == 0 {
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(garbage[rng.IntN(len(garbage))])
	case reflect.Bool:
		v.SetBool(rng.IntN(2) == 0)
	case reflect.Int, reflect.Int64:
		v.SetInt([]int64{0, 1, 2, 3, -1, 80, 120, 1000, math.MaxInt64, math.MinInt64}[rng.IntN(10)])
	case reflect.Float64:
		v.SetFloat([]float64{0, 1, 50, 100, -1, 1e300, math.NaN(), math.Inf(1), math.Inf(-1)}[rng.IntN(9)])
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		garbleInto(rng, v.Elem(), now, depth+1)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), rng.IntN(4), 4))
		for i := range v.Len() {
			garbleInto(rng, v.Index(i), now, depth+1)
		}
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		for range rng.IntN(4) {
			k, e := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
			garbleInto(rng, k, now, depth+1)
			garbleInto(rng, e, now, depth+1)
			v.SetMapIndex(k, e)
		}
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			v.Set(reflect.ValueOf([]time.Time{{}, now, now.Add(-time.Hour), now.Add(time.Hour), now.Add(-1e6 * time.Hour), time.Unix(1<<40, 0), time.Unix(-1<<60, 0)}[rng.IntN(7)]))
			return
		}
		for i := range v.NumField() {
			garbleInto(rng, v.Field(i), now, depth+1)
		}
	}
}
