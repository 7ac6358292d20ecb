package migrate

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"belay/session/store"
	"belay/session/store/bolt"
	"belay/session/store/redis"
)

// Place is where a record lies: exactly one of both is set.
type Place struct {
	Folder string // of an embedded store
	Redis  *redis.Options
}

func (p Place) String() string {
	if p.Redis != nil {
		return p.Redis.String()
	}
	return p.file()
}

func (p Place) file() string { return filepath.Join(p.Folder, "belay.db") }

// Unfinished is added to the name of a file that is not whole yet, so that no
// server takes it for a record.
const Unfinished = ".unfinished"

// within bounds how long a Redis may take to answer at all.
const within = 20 * time.Second

// Move copies the record from one place to the other, where nothing may lie but
// what an earlier run left. Neither place may be in use by a server; none can
// begin to use one of them meanwhile.
func Move(ctx context.Context, from, to Place) (n Counts, err error) {
	source, err := openSource(ctx, from)
	if err != nil {
		return n, fmt.Errorf("the source: %w", err)
	}
	defer func() { err = errors.Join(err, source.close()) }()
	target, err := openTarget(ctx, to)
	if err != nil {
		return n, fmt.Errorf("the target: %w", err)
	}
	done := false
	defer func() {
		if !done {
			err = errors.Join(err, target.close())
		}
	}()
	if n, err = Copy(ctx, source.store, target.store, target.goOn); err != nil {
		return n, err
	}
	if err := target.whole(ctx); err != nil {
		return n, fmt.Errorf("the target: %w", err)
	}
	done = true
	if err := target.close(); err != nil {
		return n, fmt.Errorf("the target: %w", err)
	}
	return n, target.settle()
}

// opened is a place in use.
type opened struct {
	store  store.Store
	claim  *redis.Claim
	goOn   bool
	whole  func(context.Context) error // says that all is there, before close
	settle func() error                // what is left to do after close
}

func (o *opened) close() error {
	var err error
	if o.claim != nil {
		err = o.claim.Release()
	}
	return errors.Join(err, o.store.Close())
}

func openSource(ctx context.Context, p Place) (*opened, error) {
	if p.Redis != nil {
		return openRedis(ctx, *p.Redis, false)
	}
	if _, err := os.Stat(p.file()); err != nil {
		return nil, fmt.Errorf("there is no record: %w", err)
	}
	s, err := bolt.Open(bolt.Options{Path: p.file()})
	if err != nil {
		return nil, fmt.Errorf("%w (end the server first: a record that is being written can't be moved)", err)
	}
	return &opened{store: s}, nil
}

func openTarget(ctx context.Context, p Place) (*opened, error) {
	if p.Redis != nil {
		return openTargetRedis(ctx, *p.Redis)
	}
	if _, err := os.Stat(p.file()); !errors.Is(err, fs.ErrNotExist) {
		return nil, errors.Join(fmt.Errorf("%w: %s", ErrNotEmpty, p.file()), err)
	}
	if err := os.MkdirAll(p.Folder, 0o700); err != nil {
		return nil, err
	}
	path := p.file() + Unfinished
	_, err := os.Stat(path)
	o := &opened{goOn: err == nil, whole: func(context.Context) error { return nil }, settle: func() error { return publish(path, p.file()) }}
	if o.store, err = bolt.Open(bolt.Options{Path: path}); err != nil {
		return nil, err
	}
	return o, nil
}

// publish gives a finished file its name, durably.
func publish(path, name string) error {
	if err := os.Rename(path, name); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(name))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

func openRedis(ctx context.Context, opts redis.Options, fills bool) (*opened, error) {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	s, err := redis.Open(ctx, opts)
	if err != nil {
		return nil, err
	}
	host, _ := os.Hostname()
	claim, err := s.Claim(ctx, redis.Node{ID: "migrate-" + strings.ToLower(rand.Text()), Words: "belay migrate on " + host, Fills: fills})
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return &opened{store: s, claim: claim}, nil
}

func openTargetRedis(ctx context.Context, opts redis.Options) (*opened, error) {
	o, err := openRedis(ctx, opts, true)
	if err != nil {
		return nil, err
	}
	s := o.store.(*redis.Store)
	if o.goOn, err = s.Unfinished(ctx); err == nil && !o.goOn {
		var heads []store.Head
		if heads, err = s.Heads(ctx, "", 1); err == nil && len(heads) > 0 {
			err = ErrNotEmpty
		}
		if err == nil {
			err = s.SetUnfinished(ctx, true)
		}
	}
	if err != nil {
		return nil, errors.Join(err, o.close())
	}
	o.whole = func(ctx context.Context) error { return s.SetUnfinished(ctx, false) }
	o.settle = func() error { return nil }
	return o, nil
}
