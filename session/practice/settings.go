package practice

import (
	"context"
	"time"

	"belay/session"
)

// Settings returns the practice's settings as they are now. The answer belongs
// to the caller. Version 0 means that nobody has settled them yet.
func (p *Practice) Settings(ctx context.Context) (session.Settings, error) {
	s, err := p.now(ctx)
	if err != nil {
		return session.Settings{}, err
	}
	return complete(s.settings), nil
}

// ChangeSettings makes n the settings of sessions created from now on. n.Version
// is the version that the editor saw; the settings get the next one. Where
// somebody else was faster it is refused as Stale.
func (p *Practice) ChangeSettings(ctx context.Context, account string, n session.Settings) (session.Settings, error) {
	if err := n.Validate(); err != nil {
		return session.Settings{}, refuse(session.BadValue, "%s", err)
	}
	seen := n.Version
	s, err := p.change(ctx, account, func(s *state, _ time.Time) ([]session.Fact, error) {
		if s.settings.Version != seen {
			return nil, refuse(Stale, "The settings were changed meanwhile (version %d, you saw %d). Please look at them again.", s.settings.Version, seen)
		}
		n.Version = seen + 1
		return []session.Fact{SettingsChanged{Settings: n}}, nil
	})
	if err != nil {
		return session.Settings{}, err
	}
	return complete(s.settings), nil
}
