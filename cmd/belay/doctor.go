package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"strings"

	"belay/cmd/internal/doctor"
)

var errSick = errors.New("something is wrong: see FAIL above")

// examine looks for what is wrong with an installation.
func examine(ctx context.Context, args []string, env func(string) string, out, errs io.Writer) error {
	s, rest, err := parse("doctor", args, env, errs)
	if err != nil {
		return err
	}
	opts := doctor.Options{Data: s.data, Hold: s.hold, Media: s.media}
	switch {
	case len(rest) > 1:
		return fmt.Errorf("%w: belay doctor [flags] [URL]", errUsage)
	case len(rest) == 1:
		address := rest[0]
		if !strings.Contains(address, "://") {
			address = "https://" + address
		}
		if opts.URL, err = url.Parse(address); err != nil {
			return fmt.Errorf("%w: %q is no address", errUsage, rest[0])
		}
		// From somewhere else there is no data folder to look at.
		if _, err := os.Stat(s.data); err != nil && !s.dataGiven {
			opts.Data = ""
		}
	}
	if s.redis != "" {
		if opts.Redis, err = redisAt(s.redis, s.redisShown, s.redisPassword, env); err != nil {
			return err
		}
	}
	if wrong := doctor.Examine(ctx, opts, func(f doctor.Finding) { doctor.Print(out, f) }); wrong > 0 {
		return errSick
	}
	return nil
}
