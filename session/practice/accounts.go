package practice

import (
	"cmp"
	"context"
	"maps"
	"net/mail"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"

	"belay/session"
)

// Codes of refusals, beside those of package session.
const (
	LinkUsed      = "link_used"      // a set-up or reset link that is unknown, used or expired
	WrongPassword = "wrong_password" // or unknown address: never said which
	SignedOutCode = "signed_out"     // there is no sign-in, or it has ended
	Taken         = "taken"          // an account with that address exists
	Stale         = "stale"          // somebody else changed it meanwhile
)

// How long things are valid.
const (
	SetupLinkFor = 7 * 24 * time.Hour
	ResetLinkFor = 24 * time.Hour
	SignInFor    = 24 * time.Hour // since it was last used
)

// HasAccounts reports whether anybody could sign in.
func (p *Practice) HasAccounts(ctx context.Context) (bool, error) {
	s, err := p.now(ctx)
	if err != nil {
		return false, err
	}
	return len(s.accounts) > 0, nil
}

// Accounts returns every account, by name.
func (p *Practice) Accounts(ctx context.Context) ([]Account, error) {
	s, err := p.now(ctx)
	if err != nil {
		return nil, err
	}
	return slices.SortedFunc(maps.Values(s.accounts), func(a, b Account) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID))
	}), nil
}

// Account returns one account.
func (p *Practice) Account(ctx context.Context, id string) (Account, bool, error) {
	s, err := p.now(ctx)
	if err != nil {
		return Account{}, false, err
	}
	a, ok := s.accounts[id]
	return a, ok, nil
}

// IssueSetupLink returns the token of a link with which one account can be made.
// It replaces an earlier one that was not used.
func (p *Practice) IssueSetupLink(ctx context.Context) (token string, err error) {
	token, hash := NewSecret()
	_, err = p.change(ctx, "", func(_ *state, now time.Time) ([]session.Fact, error) {
		return []session.Fact{SetupLinkIssued{Hash: hash, Expires: now.Add(SetupLinkFor)}}, nil
	})
	return token, err
}

// NewAccount is what the set-up page asks.
type NewAccount struct {
	Name     string
	Email    string
	Password string
	States   []string // of the licence; kept where the practice has none yet
}

// SetUp makes an account with the token of a set-up link and signs it in.
func (p *Practice) SetUp(ctx context.Context, token string, n NewAccount) (Account, string, error) {
	n.Name, n.Email = strings.TrimSpace(n.Name), strings.TrimSpace(n.Email)
	// The token comes first: without it nobody learns which addresses exist, and
	// no hash is computed for them.
	hash := HashSecret(token)
	if _, err := p.opening(ctx, hash, false); err != nil {
		return Account{}, "", err
	}
	if err := checkName(n.Name); err != nil {
		return Account{}, "", err
	}
	if err := checkEmail(n.Email); err != nil {
		return Account{}, "", err
	}
	if err := checkPassword(n.Password, n.Name, n.Email); err != nil {
		return Account{}, "", err
	}
	first := session.DefaultSettings()
	first.LicensedStates = slices.Compact(slices.Sorted(slices.Values(n.States)))
	if err := first.Validate(); err != nil {
		return Account{}, "", refuse(session.BadValue, "%s", err)
	}
	password, err := hashPassword(ctx, n.Password)
	if err != nil {
		return Account{}, "", err
	}
	id := uuid.NewString()
	secret, in := NewSecret()
	s, err := p.change(ctx, id, func(s *state, now time.Time) ([]session.Fact, error) {
		if err := s.setup.open(hash, now); err != nil {
			return nil, err
		}
		if _, taken := s.byEmail(n.Email); taken {
			return nil, refuse(Taken, "There is an account with this address already.")
		}
		facts := []session.Fact{
			AccountCreated{Account: id, Name: n.Name, Email: n.Email, Password: password},
			SignedIn{Account: id, Hash: in, Expires: now.Add(SignInFor)},
		}
		if s.settings.Version == 0 {
			if len(first.LicensedStates) == 0 {
				return nil, refuse(session.BadValue, "Please choose at least one state in which you are licensed.")
			}
			first.Version = 1
			facts = append(facts, SettingsChanged{Settings: first})
		}
		return facts, nil
	})
	if err != nil {
		return Account{}, "", err
	}
	return s.accounts[id], secret, nil
}

// SignIn returns the account and the secret of a new sign-in. A wrong password
// and an unknown address are the same refusal, after the same time.
func (p *Practice) SignIn(ctx context.Context, email, password string) (Account, string, error) {
	s, err := p.anew(ctx) // the account, or its password, may have been made at another node a moment ago
	if err != nil {
		return Account{}, "", err
	}
	a, known := s.byEmail(strings.TrimSpace(email))
	hash := a.password
	if !known {
		hash = nobody
	}
	if len(password) > MaxPassword {
		password = "" // takes as long, and is wrong
	}
	right, err := matches(ctx, password, hash)
	if err != nil {
		return Account{}, "", err
	}
	wrong := refuse(WrongPassword, "The address or the password is wrong.")
	if !known || !right {
		return Account{}, "", wrong
	}
	secret, in := NewSecret()
	_, err = p.change(ctx, a.ID, func(s *state, now time.Time) ([]session.Fact, error) {
		if s.accounts[a.ID].password != a.password {
			return nil, wrong // changed meanwhile
		}
		return []session.Fact{SignedIn{Account: a.ID, Hash: in, Expires: now.Add(SignInFor)}}, nil
	})
	return a, secret, err
}

// Who returns the account of a sign-in, and keeps one that is in use from
// ending. Where there is none it returns a *session.Refusal with SignedOutCode.
func (p *Practice) Who(ctx context.Context, secret string) (Account, error) {
	out := refuse(SignedOutCode, "Please sign in.")
	if secret == "" {
		return Account{}, out
	}
	hash := HashSecret(secret)
	s, err := p.now(ctx)
	if err != nil {
		return Account{}, err
	}
	in, ok := s.signIns[hash]
	if !ok { // made at another node a moment ago
		if s, err = p.anew(ctx); err != nil {
			return Account{}, err
		}
		in, ok = s.signIns[hash]
	}
	now := time.Now()
	if !ok || !now.Before(in.expires) {
		return Account{}, out
	}
	if in.expires.Sub(now) < SignInFor/2 {
		// One event in half a day. A store that can't write now does not sign
		// anybody out: there are hours left.
		_, _ = p.change(ctx, in.account, func(s *state, now time.Time) ([]session.Fact, error) {
			if in, ok := s.signIns[hash]; !ok || in.expires.Sub(now) >= SignInFor/2 {
				return nil, nil
			}
			return []session.Fact{SignInExtended{Hash: hash, Expires: now.Add(SignInFor)}}, nil
		})
	}
	return s.accounts[in.account], nil
}

// SignOut ends a sign-in. One that has ended is no error.
func (p *Practice) SignOut(ctx context.Context, secret string) error {
	hash := HashSecret(secret)
	_, err := p.change(ctx, "", func(s *state, _ time.Time) ([]session.Fact, error) {
		if _, ok := s.signIns[hash]; !ok {
			return nil, nil
		}
		return []session.Fact{SignedOut{Hash: hash}}, nil
	})
	return err
}

// ChangePassword sets a new password where the old one is right. Every sign-in
// of the account ends; the secret that it returns is the caller's new one.
func (p *Practice) ChangePassword(ctx context.Context, account, old, password string) (string, error) {
	s, err := p.anew(ctx) // the old one may be another node's, of a moment ago
	if err != nil {
		return "", err
	}
	a, ok := s.accounts[account]
	if !ok {
		return "", refuse(SignedOutCode, "Please sign in.")
	}
	if len(old) > MaxPassword {
		old = ""
	}
	switch right, err := matches(ctx, old, a.password); {
	case err != nil:
		return "", err
	case !right:
		return "", refuse(WrongPassword, "The old password is wrong.")
	}
	return p.setPassword(ctx, a, password, false, func(s *state, _ time.Time) error {
		if s.accounts[account].password != a.password {
			return refuse(Stale, "The password was changed meanwhile.")
		}
		return nil
	})
}

// IssueResetLink returns the token of a link with which the account with that
// address gets a new password. It is for the administration of the server only.
func (p *Practice) IssueResetLink(ctx context.Context, email string) (token string, err error) {
	token, hash := NewSecret()
	_, err = p.change(ctx, "", func(s *state, now time.Time) ([]session.Fact, error) {
		a, ok := s.byEmail(strings.TrimSpace(email))
		if !ok {
			return nil, refuse(session.NoSuchThing, "There is no account with this address.")
		}
		return []session.Fact{ResetLinkIssued{Account: a.ID, Hash: hash, Expires: now.Add(ResetLinkFor)}}, nil
	})
	return token, err
}

// ResetPassword sets a new password with the token of a reset link and signs in.
func (p *Practice) ResetPassword(ctx context.Context, token, password string) (Account, string, error) {
	hash := HashSecret(token)
	s, err := p.opening(ctx, hash, true)
	if err != nil {
		return Account{}, "", err
	}
	id, _ := s.resetLink(hash)
	a := s.accounts[id]
	secret, err := p.setPassword(ctx, a, password, true, func(s *state, now time.Time) error {
		return s.resets[id].open(hash, now)
	})
	return a, secret, err
}

// resetLink returns the reset link with this hash and whose it is; where there is none,
// one that never opens.
func (s *state) resetLink(hash string) (account string, link oneTime) {
	for id, link := range s.resets {
		if link.hash == hash {
			return id, link
		}
	}
	return "", oneTime{}
}

func (p *Practice) setPassword(ctx context.Context, a Account, password string, reset bool, allowed func(*state, time.Time) error) (string, error) {
	if err := checkPassword(password, a.Name, a.Email); err != nil {
		return "", err
	}
	hash, err := hashPassword(ctx, password)
	if err != nil {
		return "", err
	}
	secret, in := NewSecret()
	_, err = p.change(ctx, a.ID, func(s *state, now time.Time) ([]session.Fact, error) {
		if err := allowed(s, now); err != nil {
			return nil, err
		}
		return []session.Fact{
			PasswordChanged{Account: a.ID, Password: hash, Reset: reset},
			SignedIn{Account: a.ID, Hash: in, Expires: now.Add(SignInFor)},
		}, nil
	})
	return secret, err
}

// Opens returns a refusal where a set-up link's token, or a reset link's, can no longer
// be used, so that nobody fills a form in for nothing.
func (p *Practice) Opens(ctx context.Context, token string, reset bool) error {
	_, err := p.opening(ctx, HashSecret(token), reset)
	return err
}

// opening returns a state in which the link with this hash can be used.
func (p *Practice) opening(ctx context.Context, hash string, reset bool) (*state, error) {
	s, err := p.now(ctx)
	if err == nil && s.opens(hash, reset) != nil { // it may have been made at another node a moment ago
		s, err = p.anew(ctx)
	}
	if err != nil {
		return nil, err
	}
	return s, s.opens(hash, reset)
}

func (s *state) opens(hash string, reset bool) error {
	link := s.setup
	if reset {
		_, link = s.resetLink(hash)
	}
	return link.open(hash, time.Now())
}

// open reports whether the link with this hash may be used now.
func (o oneTime) open(hash string, now time.Time) error {
	if o.hash == "" || o.hash != hash || !now.Before(o.expires) {
		return refuse(LinkUsed, "This link has been used or has expired. The server prints a new one when it starts; for a forgotten password whoever runs the server can make one.")
	}
	return nil
}

func checkName(name string) error {
	if name == "" || len(name) > session.MaxName || !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl) {
		return refuse(session.BadValue, "Please give a name of at most %d bytes, in one line.", session.MaxName)
	}
	return nil
}

func checkEmail(email string) error {
	a, err := mail.ParseAddress(email)
	if err != nil || a.Address != email || len(email) > 254 {
		return refuse(session.BadValue, "This is no e-mail address: it is your name for signing in, nothing is sent to it.")
	}
	return nil
}
