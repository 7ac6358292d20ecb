package access

import (
	"context"

	"belay/session"
)

// Lead does an act in the name of the account that owns the session: what a
// therapist may do from the console, without their own page open. The caller has
// made sure that the account owns the session. The error may be a *session.Refusal.
func (d *Door) Lead(ctx context.Context, id string, act session.Act) error {
	return d.asLead(ctx, id, act)
}
