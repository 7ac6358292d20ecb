package practice

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"belay/session"
	"belay/session/store"
	"belay/session/store/bolt"
)

const passphrase = "a rope is held by two"

func openStore(t testing.TB, path string) *bolt.Store {
	t.Helper()
	s, err := bolt.Open(bolt.Options{Path: path, NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func open(t testing.TB, s store.Store) *Practice {
	t.Helper()
	p, err := Open(t.Context(), Options{Store: s})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func setUp(t testing.TB, p *Practice) (Account, string) {
	t.Helper()
	token, err := p.IssueSetupLink(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	a, secret, err := p.SetUp(t.Context(), token, NewAccount{Name: "Robin Hale", Email: "robin@example.org", Password: passphrase, States: []string{"OR", "WA"}})
	if err != nil {
		t.Fatal(err)
	}
	return a, secret
}

// refused fails the test unless err is a refusal with the code.
func refused(t testing.TB, code string, err error) {
	t.Helper()
	var r *session.Refusal
	if !errors.As(err, &r) || r.Code != code {
		t.Fatalf("got %v, want a refusal %s", err, code)
	}
}

func TestSignInAndSettingsSurviveARestart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	s := openStore(t, path)
	p := open(t, s)
	a, secret := setUp(t, p)
	settings, err := p.Settings(t.Context())
	if err != nil || settings.Version != 1 || !slices.Equal(settings.LicensedStates, []string{"OR", "WA"}) {
		t.Fatalf("settings after set-up: version %d, states %v, %v", settings.Version, settings.LicensedStates, err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}

	p = open(t, openStore(t, path))
	who, err := p.Who(t.Context(), secret)
	if err != nil || who.ID != a.ID || who.Name != "Robin Hale" {
		t.Fatalf("after a restart: %+v, %v", who, err)
	}
	if again, err := p.Settings(t.Context()); err != nil || again.Version != 1 {
		t.Fatalf("settings after a restart: version %d, %v", again.Version, err)
	}
	if _, _, err := p.SignIn(t.Context(), "ROBIN@example.org", passphrase); err != nil {
		t.Fatalf("signing in after a restart: %v", err)
	}
}

func TestNothingThatCouldGetSomebodyInIsKept(t *testing.T) {
	s := openStore(t, filepath.Join(t.TempDir(), "log"))
	p := open(t, s)
	token, err := p.IssueSetupLink(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	_, secret, err := p.SetUp(t.Context(), token, NewAccount{Name: "R", Email: "r@example.org", Password: passphrase, States: []string{"OR"}})
	if err != nil {
		t.Fatal(err)
	}
	reset, err := p.IssueResetLink(t.Context(), "r@example.org")
	if err != nil {
		t.Fatal(err)
	}
	records, err := s.Read(t.Context(), LogName, 0)
	if err != nil {
		t.Fatal(err)
	}
	var prev session.Hash
	for i, r := range records {
		if r.Prev != prev || r.Seq != uint64(i+1) {
			t.Fatalf("event %d is not chained", r.Seq)
		}
		prev = r.Hash
		for name, what := range map[string]string{"token": token, "sign-in": secret, "reset": reset, "password": passphrase} {
			if strings.Contains(string(r.Data), what) {
				t.Errorf("the log holds the %s itself: %s", name, r.Data)
			}
		}
	}
}

func TestASetupLinkWorksOnceAndOnlyTheNewestOne(t *testing.T) {
	p := open(t, openStore(t, filepath.Join(t.TempDir(), "log")))
	old, err := p.IssueSetupLink(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	token, err := p.IssueSetupLink(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	n := NewAccount{Name: "Robin", Email: "robin@example.org", Password: passphrase, States: []string{"OR"}}
	for _, bad := range []string{"", "x", old, token[1:]} {
		_, _, err := p.SetUp(t.Context(), bad, n)
		refused(t, LinkUsed, err)
		refused(t, LinkUsed, p.Opens(t.Context(), bad, false)) // said before the form is filled in
	}
	refused(t, LinkUsed, p.Opens(t.Context(), token, true))
	if err := p.Opens(t.Context(), token, false); err != nil {
		t.Fatal(err)
	}
	if _, _, err := p.SetUp(t.Context(), token, n); err != nil {
		t.Fatal(err)
	}
	refused(t, LinkUsed, p.Opens(t.Context(), token, false))
	n.Email = "second@example.org"
	_, _, err = p.SetUp(t.Context(), token, n)
	refused(t, LinkUsed, err)
}

func TestTwoPeopleWithOneSetupLinkMakeOneAccount(t *testing.T) {
	p := open(t, openStore(t, filepath.Join(t.TempDir(), "log")))
	token, err := p.IssueSetupLink(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var made sync.Map
	var all sync.WaitGroup
	for _, email := range []string{"a@example.org", "b@example.org", "c@example.org"} {
		all.Go(func() {
			if _, _, err := p.SetUp(t.Context(), token, NewAccount{Name: "N", Email: email, Password: passphrase, States: []string{"OR"}}); err == nil {
				made.Store(email, true)
			}
		})
	}
	all.Wait()
	n := 0
	made.Range(func(any, any) bool { n++; return true })
	accounts, err := p.Accounts(t.Context())
	if n != 1 || len(accounts) != 1 || err != nil {
		t.Fatalf("%d of three got through, %d accounts exist, %v", n, len(accounts), err)
	}
}

func TestAWeakPasswordIsRefusedWithWhatToDo(t *testing.T) {
	p := open(t, openStore(t, filepath.Join(t.TempDir(), "log")))
	token, err := p.IssueSetupLink(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, password := range []string{"", "short", "elevenchars", "aaaaaaaaaaaaaaaa", "123456789012", "Password1234", "robin@example.org",
		strings.Repeat("x1", 600), "not utf-8 \xff\xff\xff"} {
		_, _, err := p.SetUp(t.Context(), token, NewAccount{Name: "Robin", Email: "robin@example.org", Password: password, States: []string{"OR"}})
		refused(t, session.BadValue, err)
	}
	// Twelve characters are twelve, in any script, and nothing is cut off at 72 bytes.
	long := strings.Repeat("grüße ", 20)
	if _, _, err := p.SetUp(t.Context(), token, NewAccount{Name: "Robin", Email: "robin@example.org", Password: long + "a", States: []string{"OR"}}); err != nil {
		t.Fatal(err)
	}
	_, _, err = p.SignIn(t.Context(), "robin@example.org", long+"b")
	refused(t, WrongPassword, err)
}

func TestAnUnknownAddressLooksLikeAWrongPassword(t *testing.T) {
	p := open(t, openStore(t, filepath.Join(t.TempDir(), "log")))
	setUp(t, p)
	_, _, wrong := p.SignIn(t.Context(), "robin@example.org", "not the right one")
	_, _, unknown := p.SignIn(t.Context(), "nobody@example.org", passphrase)
	refused(t, WrongPassword, wrong)
	if wrong.Error() != unknown.Error() {
		t.Fatalf("%q and %q tell which addresses exist", wrong, unknown)
	}
	_, _, err := p.SignIn(t.Context(), "nobody@example.org", "")
	refused(t, WrongPassword, err) // the stand-in hash opens for nothing
}

func TestANewPasswordEndsEveryOtherSignIn(t *testing.T) {
	p := open(t, openStore(t, filepath.Join(t.TempDir(), "log")))
	a, first := setUp(t, p)
	_, second, err := p.SignIn(t.Context(), a.Email, passphrase)
	if err != nil {
		t.Fatal(err)
	}
	_, err = p.ChangePassword(t.Context(), a.ID, "wrong old password", "another good sentence")
	refused(t, WrongPassword, err)
	fresh, err := p.ChangePassword(t.Context(), a.ID, passphrase, "another good sentence")
	if err != nil {
		t.Fatal(err)
	}
	for _, old := range []string{first, second} {
		_, err := p.Who(t.Context(), old)
		refused(t, SignedOutCode, err)
	}
	if _, err := p.Who(t.Context(), fresh); err != nil {
		t.Fatal(err)
	}

	token, err := p.IssueResetLink(t.Context(), a.Email)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := p.ResetPassword(t.Context(), token, "a third good sentence"); err != nil {
		t.Fatal(err)
	}
	_, _, err = p.ResetPassword(t.Context(), token, "a fourth good sentence")
	refused(t, LinkUsed, err)
	if _, _, err := p.SignIn(t.Context(), a.Email, "a third good sentence"); err != nil {
		t.Fatal(err)
	}
}

func TestASignInThatIsUsedLastsAndAnIdleOneEndsAfterADay(t *testing.T) {
	s := openStore(t, filepath.Join(t.TempDir(), "log"))
	_ = s.Close()
	synctest.Test(t, func(t *testing.T) {
		s := openStore(t, filepath.Join(t.TempDir(), "log"))
		defer s.Close()
		p := open(t, s)
		_, secret := setUp(t, p)
		for range 10 { // five days of a glance each half day and a bit
			time.Sleep(13 * time.Hour)
			if _, err := p.Who(t.Context(), secret); err != nil {
				t.Fatalf("a sign-in in use ended: %v", err)
			}
		}
		time.Sleep(SignInFor)
		_, err := p.Who(t.Context(), secret)
		refused(t, SignedOutCode, err)
		_, err = p.Who(t.Context(), "")
		refused(t, SignedOutCode, err)
	})
}

func TestSigningOutEndsExactlyThatSignIn(t *testing.T) {
	p := open(t, openStore(t, filepath.Join(t.TempDir(), "log")))
	a, first := setUp(t, p)
	_, second, err := p.SignIn(t.Context(), a.Email, passphrase)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.SignOut(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	_, err = p.Who(t.Context(), first)
	refused(t, SignedOutCode, err)
	if _, err := p.Who(t.Context(), second); err != nil {
		t.Fatal(err)
	}
}

func TestTwoEditorsOfTheSettingsDoNotOverwriteEachOther(t *testing.T) {
	p := open(t, openStore(t, filepath.Join(t.TempDir(), "log")))
	a, _ := setUp(t, p)
	seen, err := p.Settings(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	one, two := seen, seen
	one.CheckInEvery, two.CheckInEvery = 10*60, 20*60
	if one, err = p.ChangeSettings(t.Context(), a.ID, one); err != nil || one.Version != 2 {
		t.Fatalf("version %d, %v", one.Version, err)
	}
	_, err = p.ChangeSettings(t.Context(), a.ID, two)
	refused(t, Stale, err)
	bad := one
	bad.ReleaseMinimum = 60
	_, err = p.ChangeSettings(t.Context(), a.ID, bad)
	refused(t, session.BadValue, err)
	if now, _ := p.Settings(t.Context()); now.CheckInEvery != 10*60 || now.Version != 2 {
		t.Fatalf("check-in every %d s in version %d", now.CheckInEvery, now.Version)
	}
}

func TestTwoNodesOnOneStoreSeeEachOther(t *testing.T) {
	s := openStore(t, filepath.Join(t.TempDir(), "log"))
	one, two := open(t, s), open(t, s)
	a, _ := setUp(t, one)
	_, secret, err := one.SignIn(context.Background(), a.Email, passphrase)
	if err != nil {
		t.Fatal(err)
	}
	two.checked.Store(0) // as if freshness had passed
	if _, err := two.Who(t.Context(), secret); err != nil {
		t.Fatalf("the other node does not know the sign-in: %v", err)
	}
	// Both write on what they last saw: the append sorts it out.
	var both sync.WaitGroup
	for _, p := range []*Practice{one, two, one, two} {
		both.Go(func() {
			if _, _, err := p.SignIn(t.Context(), a.Email, passphrase); err != nil {
				t.Error(err)
			}
		})
	}
	both.Wait()
}

// Whoever runs one server makes a link, and the therapist's browser comes to another.
func TestALinkOpensAtOnceAtEveryNode(t *testing.T) {
	s := openStore(t, filepath.Join(t.TempDir(), "log"))
	one, two := open(t, s), open(t, s)
	looks := func() { // so that what it knows is fresh
		t.Helper()
		two.checked.Store(0)
		if _, err := two.HasAccounts(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	looks()
	token, err := one.IssueSetupLink(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	a, _, err := two.SetUp(t.Context(), token, NewAccount{Name: "Robin Hale", Email: "robin@example.org", Password: passphrase, States: []string{"OR"}})
	if err != nil {
		t.Fatalf("the set-up link of the other node: %v", err)
	}
	looks()
	one.checked.Store(0)
	if token, err = one.IssueResetLink(t.Context(), a.Email); err != nil {
		t.Fatal(err)
	}
	if _, _, err := two.ResetPassword(t.Context(), token, passphrase+", and by three"); err != nil {
		t.Fatalf("the reset link of the other node: %v", err)
	}
}

func TestAnAccountAndItsPasswordCountAtEveryNodeAtOnce(t *testing.T) {
	s := openStore(t, filepath.Join(t.TempDir(), "log"))
	one, two := open(t, s), open(t, s)
	a, _ := setUp(t, one)
	if _, _, err := two.SignIn(t.Context(), a.Email, passphrase); err != nil {
		t.Fatalf("the other node does not know the account: %v", err)
	}
	const another = "another rope that holds"
	if _, err := one.ChangePassword(t.Context(), a.ID, passphrase, another); err != nil {
		t.Fatal(err)
	}
	if _, _, err := two.SignIn(t.Context(), a.Email, another); err != nil {
		t.Errorf("the other node does not know the new password: %v", err)
	}
	_, _, err := two.SignIn(t.Context(), a.Email, passphrase)
	refused(t, WrongPassword, err)
	if _, err := one.ChangePassword(t.Context(), a.ID, another, passphrase); err != nil {
		t.Fatal(err)
	}
	if _, err := two.ChangePassword(t.Context(), a.ID, passphrase, another); err != nil {
		t.Errorf("the other node takes the password for a wrong one: %v", err)
	}
	_, err = one.ChangePassword(t.Context(), a.ID, passphrase, another)
	refused(t, WrongPassword, err)
}

func TestAResetLinkIsMadeAtANodeThatHasNotYetHeardOfTheAccount(t *testing.T) {
	s := openStore(t, filepath.Join(t.TempDir(), "log"))
	one, two := open(t, s), open(t, s)
	a, _ := setUp(t, one)
	if _, err := two.IssueResetLink(t.Context(), a.Email); err != nil {
		t.Error(err)
	}
	_, err := two.IssueResetLink(t.Context(), "nobody@example.org")
	refused(t, session.NoSuchThing, err)
}

func TestAnAlarmThatANewVersionKnowsIsNotMissingInOldSettings(t *testing.T) {
	old := session.DefaultSettings()
	old.Alarms = old.Alarms[1:]
	if err := complete(old).Validate(); err != nil {
		t.Fatal(err)
	}
}

func FuzzStoredPasswordsNeverPanic(f *testing.F) {
	f.Add("$argon2id$v=19$m=19456,t=2,p=1$AAAA$AAAA")
	f.Add("$argon2id$v=19$m=8,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
	f.Fuzz(func(t *testing.T, hash string) {
		if parts := strings.Split(hash, "$"); len(parts) > 3 && parts[3] != "m=8,t=1,p=1" && strings.Contains(parts[3], "m=") {
			return // never spend the memory that a hash asks for
		}
		_, _ = matches(t.Context(), passphrase, hash)
	})
}
