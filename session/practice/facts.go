package practice

import (
	"time"

	"belay/session"
)

// LogName is the name of the practice's log in the store. No session is called so.
const LogName = "practice"

// Facts of the practice's log. Names and JSON are stable.
type (
	// SetupLinkIssued replaces an earlier set-up link.
	SetupLinkIssued struct {
		Hash    string    `json:"hash"` // SHA-256 of the token, hexadecimal
		Expires time.Time `json:"expires"`
	}
	// ResetLinkIssued allows one new password without the old one.
	ResetLinkIssued struct {
		Account string    `json:"account"`
		Hash    string    `json:"hash"`
		Expires time.Time `json:"expires"`
	}
	// AccountCreated uses the set-up link up.
	AccountCreated struct {
		Account  string `json:"account"`
		Name     string `json:"name"`
		Email    string `json:"email"`
		Password string `json:"password"` // argon2id, PHC string format
	}
	// PasswordChanged uses an open reset link up and ends every sign-in of the
	// account; the one that stays signed in gets a new one.
	PasswordChanged struct {
		Account  string `json:"account"`
		Password string `json:"password"`
		Reset    bool   `json:"reset,omitempty"` // by a reset link, without the old password
	}
	// SignedIn begins a sign-in.
	SignedIn struct {
		Account string    `json:"account"`
		Hash    string    `json:"hash"`
		Expires time.Time `json:"expires"`
	}
	// SignInExtended keeps a sign-in that is in use.
	SignInExtended struct {
		Hash    string    `json:"hash"`
		Expires time.Time `json:"expires"`
	}
	// SignedOut ends it.
	SignedOut struct {
		Hash string `json:"hash"`
	}
	// SettingsChanged carries the settings whole; the event's seat is the account.
	SettingsChanged struct {
		Settings session.Settings `json:"settings"`
	}
)

// Log is the table of every fact of the practice's log.
var Log = session.NewFacts(SetupLinkIssued{}, ResetLinkIssued{}, AccountCreated{}, PasswordChanged{},
	SignedIn{}, SignInExtended{}, SignedOut{}, SettingsChanged{})
