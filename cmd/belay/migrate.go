package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"strings"

	"belay/cmd/internal/migrate"
)

// moves moves a practice's record from one store to another.
func moves(ctx context.Context, args []string, env func(string) string, out, errs io.Writer) error {
	var from, to, passwordFile string
	flags := flag.NewFlagSet("belay migrate", flag.ContinueOnError)
	flags.SetOutput(errs)
	flags.StringVar(&from, "from", "", "where the record lies: bolt:FOLDER, or redis://HOST (redis: alone takes BELAY_REDIS)")
	flags.StringVar(&to, "to", "", "where it shall go, written the same way; nothing may lie there")
	flags.StringVar(&passwordFile, "redis-password-file", "", "file with the password of Redis (or BELAY_REDIS_PASSWORD)")
	flags.Usage = func() {
		fmt.Fprint(errs, "Move a practice's record between the embedded file and Redis, and verify every event. End the server first.\n\n"+
			"  belay migrate -from bolt:belay-data -to redis://localhost\n"+
			"  belay migrate -from redis://localhost -to bolt:belay-data\n\n")
		flags.PrintDefaults()
	}
	if err := flags.Parse(args); err != nil {
		return usage(err)
	}
	if from == "" || to == "" || flags.NArg() > 0 {
		return fmt.Errorf("%w: belay migrate -from bolt:FOLDER -to redis://HOST, or the other way round", errUsage)
	}
	source, err := place(from, passwordFile, env)
	if err != nil {
		return err
	}
	target, err := place(to, passwordFile, env)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "From  %s\nTo    %s\n", source, target)
	n, err := migrate.Move(ctx, source, target)
	if err != nil {
		return fmt.Errorf("not moved: %w", err)
	}
	fmt.Fprintf(out, "Moved and verified: %d logs, %d events, %d bytes", n.Logs, n.Events, n.Bytes)
	if n.Before > 0 {
		fmt.Fprintf(out, " (%d events were there from an earlier run)", n.Before)
	}
	fmt.Fprint(out, ".\nThe source is as it was. Start the server on the target, look that all is there, and then put the source away:\n"+
		"two servers on two copies would be two records of one practice. Certificates and keys in a data folder are not part of the record.\n")
	return nil
}

// usage makes a refusal out of what package flag says.
func usage(err error) error {
	if err == flag.ErrHelp {
		return err
	}
	return fmt.Errorf("%w: %w", errUsage, err)
}

// place reads bolt:FOLDER, redis://… or redis: alone.
func place(s, passwordFile string, env func(string) string) (migrate.Place, error) {
	if folder, ok := strings.CutPrefix(s, "bolt:"); ok && folder != "" {
		return migrate.Place{Folder: folder}, nil
	}
	address, ok := s, strings.HasPrefix(s, "redis://") || strings.HasPrefix(s, "rediss://")
	if rest, prefixed := strings.CutPrefix(s, "redis:"); prefixed && !ok {
		address, ok = rest, true
	}
	if !ok {
		return migrate.Place{}, fmt.Errorf("%w: a record lies at bolt:FOLDER or redis://HOST", errUsage)
	}
	shown := address != ""
	if !shown {
		if address = env("BELAY_REDIS"); address == "" {
			return migrate.Place{}, fmt.Errorf("%w: redis: alone takes the address from BELAY_REDIS, which is empty", errUsage)
		}
	}
	opts, err := redisAt(address, shown, passwordFile, env)
	return migrate.Place{Redis: opts}, err
}
