package main

import (
	"time"

	"belay/session"
)

// release goes through the release check, and is refused before every criterion is met.
func (p *play) release() error {
	for _, c := range p.clients {
		id := c.seat.ID
		if err := p.after(c, 100); err != nil {
			return err
		}
		if err := p.does(p.therapist, session.BeginReleaseCheck{Client: id}); err != nil {
			return err
		}
		if err := p.probes(p.therapist, "a release with open criteria", session.CriteriaOpen, session.Release{Client: id}); err != nil {
			return err
		}
		if err := p.does(p.chaperone, reading(id, 124, 80, 72)); err != nil {
			return err
		}
		criterion := func(row session.CriterionID, name, value string) session.Act {
			return session.SettleCriterion{Client: id, Criterion: row, Values: map[string]string{name: value}}
		}
		err := p.does(p.therapist,
			criterion(session.CriterionAlert, "confirmed", "yes"),
			criterion(session.CriterionWalks, "confirmed", "yes"),
			criterion(session.CriterionNausea, "confirmed", "yes"),
			criterion(session.CriterionAftercare, "read", "yes"),
			criterion(session.CriterionIntegration, "at", p.therapist.Now().Add(48*time.Hour).Format(time.RFC3339)))
		if err != nil {
			return err
		}
		if err := p.does(p.chaperone, criterion(session.CriterionChaperone, "confirmed", "yes")); err != nil {
			return err
		}
	}
	for i, c := range p.clients {
		if v, err := p.client(c); i == 0 && err == nil && v.Windows != nil && p.therapist.Now().Before(v.Windows.ReleaseFrom.Add(-time.Minute)) {
			// Everything is settled but the time.
			if err := p.probes(p.therapist, "a release before its time", session.CriteriaOpen, session.Release{Client: c.seat.ID}); err != nil {
				return err
			}
		}
		if err := p.after(c, 120.5); err != nil {
			return err
		}
		if err := p.does(p.therapist, session.Release{Client: c.seat.ID}); err != nil {
			return err
		}
		if err := p.inPhase(c, session.Closed); err != nil {
			return err
		}
		p.tell("%s is released.", c.seat.Name)
	}
	return nil
}

// sign closes the record; after that nothing but an addendum goes in.
func (p *play) sign() error {
	for _, c := range p.clients {
		err := p.does(p.therapist, session.WriteSummary{Client: c.seat.ID, Text: "A quiet session."}, session.EnterCode{Client: c.seat.ID, CPT: "90837"})
		if err != nil {
			return err
		}
	}
	// An alarm that nobody has acknowledged keeps the record open: the therapist's
	// own reflex does that, and may need a moment.
	_, err := p.sees(p.therapist, "no high alarm that nobody has acknowledged", func(v session.View) bool {
		for _, a := range v.Alarms {
			if a.Priority == session.High && a.Acknowledged == nil {
				return false
			}
		}
		return true
	})
	if err != nil {
		return err
	}
	if err := p.does(p.therapist, session.Sign{}, session.AddAddendum{Text: "The client called: slept well."}); err != nil {
		return err
	}
	p.tell("The record is signed.")
	return p.probes(p.therapist, "a note in a signed record", session.RecordSigned, session.WriteNote{Text: "too late"})
}
