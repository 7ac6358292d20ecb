package redis

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strings"

	goredis "github.com/redis/go-redis/v9"
)

// Away reports whether an error says that Redis could not be reached, or can't serve
// for the moment (it reads its file, or is being replaced): asking again may help. A
// Redis that answers and is not as it must be, or lets us not in, is not away.
func Away(err error) bool {
	if err == nil || errors.As(err, new(*tls.CertificateVerificationError)) || goredis.IsAuthError(err) || goredis.IsPermissionError(err) {
		return false
	}
	for _, is := range []func(error) bool{goredis.IsLoadingError, goredis.IsMasterDownError, goredis.IsClusterDownError,
		goredis.IsTryAgainError, goredis.IsReadOnlyError, goredis.IsMaxClientsError} {
		if is(err) {
			return true
		}
	}
	if op := (*net.OpError)(nil); errors.As(err, &op) && op.Op == "listen" {
		return false // that is about an address of ours
	}
	if errors.As(err, new(net.Error)) || errors.Is(err, io.EOF) || errors.Is(err, context.DeadlineExceeded) {
		return true
	}
	// The library has no names for these two: nobody of whom it asked was there.
	words := err.Error()
	return strings.Contains(words, "redis: all sentinels specified in configuration are unreachable") || strings.Contains(words, "redis: cluster has no nodes")
}

// Reach asks once whether Redis is there: nil, or why not.
func Reach(ctx context.Context, opts Options) error {
	s, err := Open(ctx, opts)
	if err != nil {
		return err
	}
	return s.Close()
}
