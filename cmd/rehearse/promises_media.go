package main

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"belay/cmd/internal/person"
)

func mediaFlow(e *evidence) error {
	if len(e.flows) == 0 {
		return errNotSeen
	}
	var errs []error
	for who, flow := range e.flows {
		if gap := flow.Sound.LongestGap(e.pictures.From, e.pictures.To); gap > pictureWithin {
			errs = append(errs, fmt.Errorf("%s did not hear %s for %s", who.by, who.of, gap))
		}
		// Between the times in which the script itself covered the camera.
		from := e.pictures.From
		for _, to := range append(slices.Clone(e.covers), person.Gap{From: e.pictures.To}) {
			if gap := flow.Picture.LongestGap(from, to.From); to.From.After(from) && gap > pictureWithin {
				errs = append(errs, fmt.Errorf("%s did not see %s for %s", who.by, who.of, gap))
			}
			from = to.To
		}
	}
	return errors.Join(errs...)
}

func mediaGoOn(e *evidence) error {
	if !e.media || len(e.cuts)+len(e.kills) == 0 {
		return errNotSeen
	}
	var errs []error
	for _, c := range e.cuts {
		if c.gap > awayWithin {
			errs = append(errs, fmt.Errorf("while %s was cut, a picture stood still for %s", c.seat, c.gap))
		}
	}
	for _, k := range e.kills {
		if k.gap > awayWithin {
			errs = append(errs, fmt.Errorf("while the server was away for %s, a picture stood still for %s", k.up.Sub(k.at).Round(time.Millisecond), k.gap))
		}
	}
	return errors.Join(errs...)
}
