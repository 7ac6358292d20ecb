package bolt

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	bbolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"belay/session/store"
	"belay/session/store/internal/calls"
)

// Options say where the log lives.
type Options struct {
	Path   string // of the file; its folder must exist
	NoSync bool   // for measurements only: Append returns before anything is durable
}

func (o Options) validate() error {
	if o.Path == "" {
		return errors.New("no path for the event log")
	}
	return nil
}

// Store is a store.Store in one file. All methods may be called concurrently;
// whoever opened it closes it.
type Store struct {
	opts  Options
	queue chan *request
	done  chan struct{} // the committer has ended

	calls calls.Gate
	hurry atomic.Int32 // above 0: somebody waits for the readers, a backup gives up

	committing turn         // held from the begin of a commit until it is durable; taken before mu
	durable    atomic.Int64 // the last transaction that is
	mu         sync.RWMutex // guards db; held for reading as long as a reader's transaction is open
	enough     int64        // with committing: up to this size of the log no space need be reserved
	db         *bbolt.DB    // nil: a commit ended in doubt, reopen before the next answer
	dead       atomic.Pointer[faultError]

	commit func(*bbolt.Tx) error // (*bbolt.Tx).Commit; tests put a failing disk here
}

var _ store.Store = (*Store)(nil)

// turn is a lock that can be waited for no longer than somebody wants to: a disk that
// hangs does so under it.
type turn chan struct{}

func (t turn) lock()   { t <- struct{}{} }
func (t turn) unlock() { <-t }

// lockWithin takes the lock, or returns the context's error when that ends first.
func (t turn) lockWithin(ctx context.Context) error {
	select {
	case t <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// mapping is the size of the mapping on 64-bit systems; see the package comment.
const mapping = 16 << 30

// Open opens the log at opts.Path and makes it where there is none. It fails
// after a second when another process has it.
func Open(opts Options) (*Store, error) {
	if err := opts.validate(); err != nil {
		return nil, err
	}
	s := &Store{
		opts:   opts,
		queue:  make(chan *request, maxGroup),
		done:   make(chan struct{}),
		commit: (*bbolt.Tx).Commit,

		committing: make(turn, 1),
	}
	if err := s.open(); err != nil {
		return nil, fmt.Errorf("open the event log: %w", err)
	}
	s.reserve()
	go s.run()
	return s, nil
}

// open opens the file and confirms its state. The caller holds mu, or is alone.
func (s *Store) open() error {
	if _, err := os.Stat(s.opts.Path); errors.Is(err, fs.ErrNotExist) {
		if err := s.create(); err != nil {
			return err
		}
	}
	db, err := s.openAt(s.opts.Path)
	if err == nil {
		s.db = db
	}
	return err
}

// create makes a new log beside its place and moves it there when it is whole:
// a crash or a full disk in the middle leaves nothing that looks like a log.
func (s *Store) create() error {
	fresh := s.opts.Path + ".new"
	if err := os.Remove(fresh); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	db, err := s.openAt(fresh)
	if err != nil {
		return errors.Join(err, os.Remove(fresh))
	}
	if err := errors.Join(db.Close(), os.Rename(fresh, s.opts.Path)); err != nil || s.opts.NoSync {
		return err
	}
	return syncDir(filepath.Dir(s.opts.Path))
}

func (s *Store) openAt(path string) (db *bbolt.DB, err error) {
	options := &bbolt.Options{
		Timeout:      time.Second,
		NoSync:       s.opts.NoSync,
		NoStatistics: true,
		FreelistType: bbolt.FreelistMapType,
	}
	if strconv.IntSize == 64 && runtime.GOOS != "windows" { // there the file itself would become that large
		options.InitialMmapSize = mapping
	}
	err = guarded(func() error { db, err = bbolt.Open(path, 0o600, options); return err })
	if errors.Is(err, bolterrors.ErrTimeout) {
		return nil, fmt.Errorf("another belay is using %s", path)
	}
	if err != nil {
		return nil, fullOr(fmt.Errorf("%s: %w", path, err))
	}
	var tx *bbolt.Tx
	if err = guarded(func() error { tx, err = db.Begin(true); return err }); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err) // its locks may be held for ever: it can't be closed
	}
	err = guarded(func() error { return s.confirm(db, tx) })
	if err == nil {
		return db, nil
	}
	_ = guarded(tx.Rollback) // it may have ended already
	return nil, errors.Join(fmt.Errorf("%s: %w", path, err), guarded(db.Close))
}

// confirm makes sure that all that can be read in db is durable: what it finds
// may be pages that a killed process wrote and never synced.
func (s *Store) confirm(db *bbolt.DB, tx *bbolt.Tx) error {
	if err := private(db.Path()); err != nil {
		return err
	}
	info, err := os.Stat(db.Path())
	if err != nil {
		return err
	}
	if missing := tx.Size() - info.Size(); missing > 0 {
		return fmt.Errorf("%d bytes are missing at its end: the file is damaged", missing)
	}
	if err := prepare(tx); err != nil {
		return err
	}
	id := tx.ID()
	if err = s.commit(tx); err == nil {
		s.durable.Store(int64(id))
		return nil
	}
	// On a full disk the log can at least be read, where it is a log already: the
	// pages that are there are synced as they are.
	if now, nowErr := txID(db); isFull(err) && id > firstID && now == id-1 && nowErr == nil {
		s.durable.Store(int64(now))
		return db.Sync()
	}
	return fullOr(err)
}

// firstID is the number of the first transaction of a new file.
const firstID = 2

// Close lets appends that have begun come to their end. It closes the file and
// thereby frees it for another process.
func (s *Store) Close() error {
	s.hurry.Add(1)
	if s.calls.Close() {
		close(s.queue)
	}
	<-s.done
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.db == nil || s.dead.Load() != nil {
		return nil
	}
	db := s.db
	s.db = nil
	return guarded(db.Close)
}

// reopen opens the file again after a commit that ended in doubt: whatever of
// it is there is confirmed by open. The caller holds committing.
func (s *Store) reopen() error {
	if dead := s.dead.Load(); dead != nil {
		return dead
	}
	if s.db != nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.deadly(s.open)
}

// abandon closes the file after a commit that ended in doubt. The caller holds
// committing.
func (s *Store) abandon() {
	s.hurry.Add(1)
	s.mu.Lock()
	s.hurry.Add(-1)
	defer s.mu.Unlock()
	db := s.db
	s.db = nil
	_ = s.deadly(db.Close) // unlocked or dead: nothing else could be done with the error
}

// deadly runs a step of bbolt that holds its locks: a fault in there leaves them
// held, so that the store answers nothing any more until the next start.
func (s *Store) deadly(step func() error) error {
	err := guarded(step)
	if fault, ok := errors.AsType[*faultError](err); ok {
		s.dead.CompareAndSwap(nil, fault)
	}
	return err
}

// private takes away what group and others may do with the file.
func private(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if runtime.GOOS == "windows" || info.Mode().Perm()&0o077 == 0 {
		return nil
	}
	return os.Chmod(path, 0o600)
}

// syncDir makes the name of a new file as durable as its contents.
func syncDir(path string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
