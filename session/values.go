package session

import (
	"cmp"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// long names the fields that may hold prose; every other text is a name.
var long = []string{"Text", "Reason", "Note", "Words", "Changes", "Intention", "Action", "Conditions", "Access", "Values"}

// sizes refuses acts whose texts are too long or no text.
func sizes(do Act) *Refusal { return sizesOf(reflect.ValueOf(do), "", 0) }

func sizesOf(v reflect.Value, name string, depth int) *Refusal {
	if depth > 6 {
		return nil
	}
	switch v.Kind() {
	case reflect.String:
		limit := MaxName
		if slices.Contains(long, name) || depth > 1 {
			limit = MaxText
		}
		if v.Len() > limit {
			return refuse(BadValue, "%s is too long: at most %d bytes.", name, limit)
		}
		if !utf8.ValidString(v.String()) {
			return refuse(BadValue, "%s is no valid text.", name)
		}
	case reflect.Pointer:
		if !v.IsNil() {
			return sizesOf(v.Elem(), name, depth)
		}
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			if t := v.Interface().(time.Time); t.Year() < 0 || t.Year() > 9000 {
				return refuse(BadValue, "%s is no time that can be recorded.", name)
			}
			return nil
		}
		for i := range v.NumField() {
			if r := sizesOf(v.Field(i), v.Type().Field(i).Name, depth+1); r != nil {
				return r
			}
		}
	case reflect.Slice:
		if v.Len() > MaxSeenAlarms { // the longest list that an act has
			return refuse(BadValue, "%s has more than %d entries.", name, MaxSeenAlarms)
		}
		for i := range v.Len() {
			if r := sizesOf(v.Index(i), name, depth+1); r != nil {
				return r
			}
		}
	case reflect.Map:
		if v.Len() > 32 {
			return refuse(BadValue, "%s has more than 32 entries.", name)
		}
		for it := v.MapRange(); it.Next(); {
			if r := sizesOf(it.Key(), name, depth+1); r != nil {
				return r
			}
			if r := sizesOf(it.Value(), name, depth+1); r != nil {
				return r
			}
		}
	}
	return nil
}

// values checks what a screen sent against the fields of a gate or criterion
// and returns only those.
func (d *decision) values(fields []Field, sent map[string]string) (map[string]string, *Refusal) {
	kept := make(map[string]string, len(fields))
	for _, f := range fields {
		v := strings.TrimSpace(sent[f.Name])
		if v == "" {
			if f.Optional {
				continue
			}
			return nil, refuse(BadValue, "“%s” is still missing.", f.Label)
		}
		if r := d.value(f, v); r != nil {
			return nil, r
		}
		kept[f.Name] = v
	}
	for name := range sent {
		if !slices.ContainsFunc(fields, func(f Field) bool { return f.Name == name }) {
			return nil, refuse(BadValue, "There is no value %q to give here.", name)
		}
	}
	return kept, nil
}

func (d *decision) value(f Field, v string) *Refusal {
	switch f.Kind {
	case "check":
		if v != "yes" {
			return refuse(BadValue, "“%s” is not ticked.", f.Label)
		}
	case "tel":
		if !plausibleNumber(v) {
			return refuse(BadValue, "“%s” needs a phone number with area code, for example (303) 555-0142.", f.Label)
		}
	case "state":
		if !slices.Contains(States, v) {
			return refuse(BadValue, "“%s” is no state's two-letter code.", v)
		}
		if !slices.Contains(d.Settings.LicensedStates, v) {
			return refuse(BadValue, "The client is in %s today; your licence list has %s. A dose there needs an override with a reason.", v, listed(d.Settings.LicensedStates))
		}
	case "time":
		if _, err := time.Parse(time.RFC3339, v); err != nil {
			return refuse(BadValue, "“%s” needs a date and a time.", f.Label)
		}
	}
	return nil
}

func listed(states []string) string {
	if len(states) == 0 {
		return "no state yet (see Settings)"
	}
	return strings.Join(states, ", ")
}

// plausibleNumber accepts seven to fifteen digits (ITU-T E.164 allows fifteen)
// with the usual signs between them, and an extension after "x" or "ext.".
func plausibleNumber(v string) bool {
	digits := 0
	for _, r := range v {
		switch {
		case r >= '0' && r <= '9':
			digits++
		case !strings.ContainsRune("+()-. /xXeEtT", r):
			return false
		}
	}
	return digits >= 7 && digits <= 15
}

var (
	seatName = regexp.MustCompile(`^[a-z][a-z0-9_-]{0,31}$`)
	logName  = regexp.MustCompile(`^[A-Za-z0-9._-]{1,100}$`)
	cptCode  = regexp.MustCompile(`^[0-9]{4}[0-9A-Z]$`)
)

// How many a session may have.
const (
	maxCoTherapists = 1
	maxChaperones   = 4
)

func (c CreateSession) validate() error {
	if !logName.MatchString(c.ID) {
		return refuse(BadValue, "The session needs an id.")
	}
	if c.StartsAt.IsZero() {
		return refuse(BadValue, "The session needs a start.")
	}
	if err := c.Settings.Validate(); err != nil {
		return refuse(BadValue, "The settings cannot be used: %v.", err)
	}
	if !(c.Pace.Rate >= 1) || c.Pace.Rate > 1 && !c.Practice || c.Pace.Rate > 600 {
		return refuse(BadValue, "Only a practice session has a clock that runs faster, and at most 600 times.")
	}
	count := map[Role]int{}
	seen := map[SeatID]bool{}
	device := map[SeatID]bool{} // client seats with a device of their own
	for _, seat := range c.Seats {
		if r := seat.validate(); r != nil {
			return r
		}
		if seen[seat.ID] {
			return refuse(BadValue, "The seat %q appears twice.", seat.ID)
		}
		seen[seat.ID] = true
		count[seat.Role]++
		if device[seat.ID] = seat.Role == Client && seat.SharesWith == ""; seat.SharesWith != "" && (seat.Role != Client || !device[seat.SharesWith]) {
			return refuse(BadValue, "%q can share the device only of a client seat named before it that has its own.", seat.ID)
		}
		if order, ok := c.Orders[seat.ID]; seat.Role == Client {
			if !ok {
				return refuse(BadValue, "There is no order for %s.", seat.ID)
			}
			if r := order.validate(); r != nil {
				return r
			}
		}
	}
	if count[Therapist] != 1 || count[CoTherapist] > maxCoTherapists {
		return refuse(BadValue, "A session has one therapist, and at most one co-therapist.")
	}
	if count[Client] < 1 || count[Client] > 4 || count[Chaperone] > maxChaperones {
		return refuse(BadValue, "A session has one to four clients and at most four chaperones.")
	}
	return nil
}

func (seat Seat) validate() *Refusal {
	if !seatName.MatchString(string(seat.ID)) || seat.ID == Clock || seat.ID == Server {
		return refuse(BadValue, "%q cannot be a seat's name.", seat.ID)
	}
	if !slices.Contains(people, seat.Role) {
		return refuse(BadValue, "%q is no role.", seat.Role)
	}
	if len(seat.Name) > MaxName || len(seat.Pronouns) > MaxName {
		return refuse(BadValue, "The name of %s is too long: at most %d bytes.", seat.ID, MaxName)
	}
	if seat.Phone != "" && !plausibleNumber(seat.Phone) {
		return refuse(BadValue, "The phone number of %s needs an area code, and seven to fifteen digits in all.", cmp.Or(seat.Name, string(seat.ID)))
	}
	return nil
}

func (o Order) validate() *Refusal {
	switch {
	case !(o.DoseMg > 0) || o.DoseMg > 2000: // so that NaN is refused too
		return refuse(BadValue, "The prescribed dose must lie between 0 and 2000 mg.")
	case o.Tablets < 1 || o.Tablets > 10:
		return refuse(BadValue, "The prescribed dose has 1 to 10 tablets.")
	case !(o.TotalMg >= o.DoseMg) || o.TotalMg > 4000:
		return refuse(BadValue, "The prescribed total must be at least the dose, and at most 4000 mg.")
	case o.BoosterFrom < 0 || o.BoosterTo < o.BoosterFrom || o.BoosterTo > 12*60*minutes:
		return refuse(BadValue, "The window for a second dose must run forward, and end within 12 hours.")
	case o.Phone != "" && !plausibleNumber(o.Phone):
		return refuse(BadValue, "The prescriber's phone number needs an area code, and seven to fifteen digits in all.")
	}
	if o.Limits != nil {
		if err := o.Limits.Validate(); err != nil {
			return refuse(BadValue, "The prescriber's limits cannot be used: %v.", err)
		}
	}
	return nil
}
