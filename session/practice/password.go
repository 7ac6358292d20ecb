package practice

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"

	"belay/session"
)

// Limits of a password. There are no rules of composition (NIST SP 800-63B,
// section 3.1.1.2): length is what counts.
const (
	MinPassword = 12   // characters
	MaxPassword = 1024 // bytes
)

// Cost of a new hash (OWASP Password Storage: 19 MiB, two passes, one lane).
// Each hash carries its own, so these can rise later.
const (
	costMemory = 19 * 1024 // KiB
	costPasses = 2
	costLanes  = 1
	saltSize   = 16
	keySize    = 32
)

// hashing bounds how many hashes are computed at a time.
var hashing = make(chan struct{}, 2)

func turn(ctx context.Context) (done func(), err error) {
	select {
	case hashing <- struct{}{}:
		return func() { <-hashing }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// hashPassword returns the argon2id hash in the PHC string format.
func hashPassword(ctx context.Context, password string) (string, error) {
	done, err := turn(ctx)
	if err != nil {
		return "", err
	}
	defer done()
	salt := make([]byte, saltSize)
	rand.Read(salt) // never fails
	key := argon2.IDKey([]byte(password), salt, costPasses, costMemory, costLanes, keySize)
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version,
		costMemory, costPasses, costLanes, b64.EncodeToString(salt), b64.EncodeToString(key)), nil
}

// nobody is the hash that a password for an unknown address is compared with, so
// that the answer takes as long as for a known one.
var nobody = fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, costMemory, costPasses, costLanes,
	base64.RawStdEncoding.EncodeToString(make([]byte, saltSize)), base64.RawStdEncoding.EncodeToString(make([]byte, keySize)))

// matches reports whether password has the hash, in constant time.
func matches(ctx context.Context, password, hash string) (bool, error) {
	var version, memory, passes, lanes int
	parts := strings.Split(hash, "$")
	if len(parts) != 6 || parts[1] != "argon2id" {
		return false, fmt.Errorf("a stored password has an unknown form")
	}
	if _, err := fmt.Sscanf(parts[2], "v=%d", &version); err != nil || version != argon2.Version {
		return false, fmt.Errorf("a stored password has version %q of argon2", parts[2])
	}
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &memory, &passes, &lanes); err != nil ||
		memory < 8 || memory > 1<<20 || passes < 1 || passes > 100 || lanes < 1 || lanes > 64 {
		return false, fmt.Errorf("a stored password has the cost %q", parts[3])
	}
	salt, err := base64.RawStdEncoding.DecodeString(parts[4])
	if err != nil {
		return false, fmt.Errorf("a stored password has a damaged salt")
	}
	want, err := base64.RawStdEncoding.DecodeString(parts[5])
	if err != nil || len(want) < 16 {
		return false, fmt.Errorf("a stored password is damaged")
	}
	done, err := turn(ctx)
	if err != nil {
		return false, err
	}
	defer done()
	got := argon2.IDKey([]byte(password), salt, uint32(passes), uint32(memory), uint8(lanes), uint32(len(want)))
	return subtle.ConstantTimeCompare(got, want) == 1, nil
}

// checkPassword refuses what could be guessed at first try.
func checkPassword(password, name, email string) error {
	switch n := utf8.RuneCountInString(password); {
	case !utf8.ValidString(password):
		return refuse(session.BadValue, "The password is not UTF-8 text.")
	case n < MinPassword:
		return refuse(session.BadValue, "The password has %d characters: it needs at least %d. A short sentence is easy to remember.", n, MinPassword)
	case len(password) > MaxPassword:
		return refuse(session.BadValue, "The password is too long: %d bytes at most.", MaxPassword)
	}
	low := strings.ToLower(strings.TrimSpace(password))
	first, _ := utf8.DecodeRuneInString(low)
	if low == strings.ToLower(email) || low == strings.ToLower(name) || strings.Trim(low, string(first)) == "" ||
		strings.HasPrefix("12345678901234567890", low) || strings.HasPrefix("password12345678901234567890", low) {
		return refuse(session.BadValue, "This password would be guessed at once. Please take another one.")
	}
	return nil
}
