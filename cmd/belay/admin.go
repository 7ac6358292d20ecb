package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"belay/cmd/internal/server"
)

// therapist prints a link for an account: a new one, or a new password.
func therapist(ctx context.Context, what string, args []string, env func(string) string, out, errs io.Writer) error {
	s, rest, err := parse("therapist "+what, args, env, errs)
	if err != nil {
		return err
	}
	admin := server.NewAdmin(s.data)
	var link string
	switch {
	case what == "add" && len(rest) == 0:
		link, err = admin.SetupLink(ctx)
	case what == "reset-link" && len(rest) == 1:
		link, err = admin.ResetLink(ctx, rest[0])
	default:
		return fmt.Errorf("%w: belay therapist add, or belay therapist reset-link EMAIL", errUsage)
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "This link works once. Give it to the therapist and to nobody else:\n  %s\n", link)
	return nil
}

// backup writes a copy of the running server's record to a file.
func backup(ctx context.Context, args []string, env func(string) string, out, errs io.Writer) error {
	s, rest, err := parse("backup", args, env, errs)
	switch {
	case err != nil:
		return err
	case len(rest) != 1:
		return fmt.Errorf("%w: belay backup FILE", errUsage)
	}
	if err := server.NewAdmin(s.data).Backup(ctx, rest[0]); err != nil {
		return err
	}
	info, err := os.Stat(rest[0])
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%s: %d bytes. To use it, start a server on a data folder that holds it as belay.db.\n", rest[0], info.Size())
	return nil
}
