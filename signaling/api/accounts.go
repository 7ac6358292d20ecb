package api

import (
	"belay/session/practice"
	"belay/signaling/access"
)

// noAccount says that nobody has set up an account here yet.
const noAccount = "no_account"

// person is an account as its own screen sees it.
type person struct {
	ID    string `json:"id"`
	Name  string `json:"name"`
	Email string `json:"email"`
}

func personOf(a practice.Account) person { return person{a.ID, a.Name, a.Email} }

func (a *API) setUp(x *exchange) (any, error) {
	var in struct {
		Token    string   `json:"token"`
		Name     string   `json:"name"`
		Email    string   `json:"email"`
		Password string   `json:"password"`
		States   []string `json:"states"`
	}
	if err := x.body(&in); err != nil {
		return nil, err
	}
	account, err := a.door.SetUp(x.w, x.r, in.Token, practice.NewAccount{Name: in.Name, Email: in.Email, Password: in.Password, States: in.States})
	return personOf(account), err
}

func (a *API) reset(x *exchange) (any, error) {
	var in struct {
		Token    string `json:"token"`
		Password string `json:"password"`
	}
	if err := x.body(&in); err != nil {
		return nil, err
	}
	account, err := a.door.ResetPassword(x.w, x.r, in.Token, in.Password)
	return personOf(account), err
}

// opens says whether a set-up link or a reset link is still good, before anybody fills in
// its form.
func (a *API) opens(x *exchange) (any, error) {
	var in struct {
		Token string `json:"token"`
		Reset bool   `json:"reset"`
	}
	if err := x.body(&in); err != nil {
		return nil, err
	}
	return struct{}{}, a.door.Opens(x.r, in.Token, in.Reset)
}

func (a *API) signIn(x *exchange) (any, error) {
	var in struct {
		Email    string `json:"email"`
		Password string `json:"password"`
	}
	if err := x.body(&in); err != nil {
		return nil, err
	}
	account, err := a.door.SignIn(x.w, x.r, in.Email, in.Password)
	return personOf(account), err
}

func (a *API) signOut(x *exchange) (any, error) {
	return struct{}{}, a.door.SignOut(x.w, x.r)
}

// me says who is signed in, and what the console should warn of.
func (a *API) me(x *exchange) (any, error) {
	account, err := a.door.Account(x.r)
	if err != nil {
		if some, err := a.practice.HasAccounts(x.context()); err == nil && !some {
			return nil, refuse(noAccount, "Nobody has an account here yet. The server printed a set-up link when it started: please open that.")
		}
		return nil, err
	}
	return struct {
		person
		Base     string `json:"base"`      // what links begin with
		OnlyHere bool   `json:"only_here"` // links would mean another machine everywhere else
	}{personOf(account), a.door.Base(x.r), a.door.OnlyHere(x.r)}, nil
}

func (a *API) password(x *exchange) (any, error) {
	var in struct {
		Old string `json:"old"`
		New string `json:"new"`
	}
	if err := x.body(&in); err != nil {
		return nil, err
	}
	return struct{}{}, a.door.ChangePassword(x.w, x.r, x.account, in.Old, in.New)
}

// open is the invitation page's: see access.Door.OpenLink.
func (a *API) open(x *exchange) (any, error) {
	var in access.Open
	if err := x.body(&in); err != nil {
		return nil, err
	}
	location, err := a.door.OpenLink(x.w, x.r, in)
	if err != nil {
		return nil, err
	}
	if location == "" {
		x.status = 202
		return struct {
			Wait  bool   `json:"wait"`
			Words string `json:"words"`
		}{true, "This link was opened in another browser before. Your therapist sees now that you are here, and can let this browser in with one tap."}, nil
	}
	return struct {
		Location string `json:"location"`
	}{location}, nil
}
