package api

import "belay/session"

// settingsAnswer carries the settings and what they may be chosen from.
type settingsAnswer struct {
	Settings session.Settings `json:"settings"`
	Defaults session.Settings `json:"defaults"`
	States   []string         `json:"states"`
}

func (a *API) settings(x *exchange) (any, error) {
	s, err := a.practice.Settings(x.context())
	return settingsAnswer{s, session.DefaultSettings(), session.States}, err
}

func (a *API) changeSettings(x *exchange) (any, error) {
	var in session.Settings
	if err := x.body(&in); err != nil {
		return nil, err
	}
	s, err := a.practice.ChangeSettings(x.context(), x.account.ID, in)
	return settingsAnswer{s, session.DefaultSettings(), session.States}, err
}
