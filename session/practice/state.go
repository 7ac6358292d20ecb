package practice

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"belay/session"
	"belay/session/store"
)

// Account is a therapist's account.
type Account struct {
	ID    string
	Name  string
	Email string // as entered; compared without regard to case

	password string // argon2id hash
}

type oneTime struct {
	hash    string
	expires time.Time
}

type signIn struct {
	account string
	expires time.Time
}

// state is the practice, folded from its log. It is never changed once
// published: fold makes a new one.
type state struct {
	at       store.Position
	recorded time.Time

	accounts map[string]Account // by id
	signIns  map[string]signIn  // by hash
	resets   map[string]oneTime // by account
	setup    oneTime
	settings session.Settings
}

func empty() *state {
	settings := session.DefaultSettings()
	settings.Version = 0 // nobody has settled them yet
	return &state{
		accounts: map[string]Account{}, signIns: map[string]signIn{}, resets: map[string]oneTime{},
		settings: settings,
	}
}

// fold returns the state after the records and leaves s as it was.
func (s *state) fold(records []store.Record) (*state, error) {
	if len(records) == 0 {
		return s, nil
	}
	n := *s
	n.accounts, n.signIns, n.resets = maps.Clone(s.accounts), maps.Clone(s.signIns), maps.Clone(s.resets)
	for _, r := range records {
		e, err := Log.Decode(r.Data)
		if err != nil {
			return nil, fmt.Errorf("the practice's log: %w", err)
		}
		if e.Seq != n.at.Seq+1 || e.Prev != n.at.Hash || e.Hash != r.Hash {
			return nil, fmt.Errorf("the practice's log: event %d does not continue event %d", e.Seq, n.at.Seq)
		}
		n.apply(e)
	}
	return &n, nil
}

func (s *state) apply(e session.Event) {
	s.at, s.recorded = store.Position{Seq: e.Seq, Hash: e.Hash}, e.Recorded
	switch f := e.Fact.(type) {
	case SetupLinkIssued:
		s.setup = oneTime{f.Hash, f.Expires}
	case ResetLinkIssued:
		s.resets[f.Account] = oneTime{f.Hash, f.Expires}
	case AccountCreated:
		s.setup = oneTime{}
		s.accounts[f.Account] = Account{ID: f.Account, Name: f.Name, Email: f.Email, password: f.Password}
	case PasswordChanged:
		a := s.accounts[f.Account]
		a.password = f.Password
		s.accounts[f.Account] = a
		delete(s.resets, f.Account)
		maps.DeleteFunc(s.signIns, func(_ string, in signIn) bool { return in.account == f.Account })
	case SignedIn:
		// Those that have expired are dropped here, so that the map stays as
		// large as the practice is.
		maps.DeleteFunc(s.signIns, func(_ string, in signIn) bool { return in.expires.Before(e.Recorded) })
		s.signIns[f.Hash] = signIn{f.Account, f.Expires}
	case SignInExtended:
		if in, ok := s.signIns[f.Hash]; ok {
			in.expires = f.Expires
			s.signIns[f.Hash] = in
		}
	case SignedOut:
		delete(s.signIns, f.Hash)
	case SettingsChanged:
		s.settings = f.Settings
	}
}

// byEmail finds an account by its address.
func (s *state) byEmail(email string) (Account, bool) {
	for _, a := range s.accounts {
		if strings.EqualFold(a.Email, email) {
			return a, true
		}
	}
	return Account{}, false
}

// complete adds the alarms that a newer version of the program has come to
// know: no setting switches an alarm off, an old one can't either.
func complete(s session.Settings) session.Settings {
	s.LicensedStates, s.Alarms = slices.Clone(s.LicensedStates), slices.Clone(s.Alarms)
	for _, rule := range session.DefaultAlarms() {
		if !slices.ContainsFunc(s.Alarms, func(r session.AlarmRule) bool { return r.Condition == rule.Condition }) {
			s.Alarms = append(s.Alarms, rule)
		}
	}
	return s
}
