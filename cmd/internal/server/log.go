package server

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	bbolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"belay/cmd/internal/migrate"
	"belay/session/store/bolt"
	"belay/session/store/journal"
	"belay/session/store/redis"
)

// FileName is the event log's file in the data folder.
const FileName = "belay.db"

// Secrets are the files in the data folder that nobody else on the machine may read.
var Secrets = []string{FileName, JournalName, JournalName + ".kept1", JournalName + ".kept2", secretName, keyName, nodeName}

// openLog opens the event log: in the data folder, or on Redis. The folder is this
// server's alone either way.
func (s *Server) openLog(ctx context.Context) error {
	node, err := s.takeFolder()
	if err != nil {
		return err
	}
	if s.opts.Redis == nil {
		half := filepath.Join(s.opts.Data, FileName+migrate.Unfinished)
		if _, err := os.Stat(half); err == nil { // a new record beside it would be a second one
			return fmt.Errorf("a migration into this folder did not come to its end: run the same belay migrate again, it goes on where it stopped; or give it up and remove %s", half)
		}
		log, err := bolt.Open(bolt.Options{Path: filepath.Join(s.opts.Data, FileName)})
		if err != nil {
			return err
		}
		s.store, s.backup = log, log.Backup
		s.onClose("the event log", 20*time.Second, func(context.Context) error { return s.store.Close() })
		return s.lookBehind()
	}
	// Whoever moved to Redis must not go on with what was left behind, nor the
	// other way round: that would be two records of one practice.
	if _, err := os.Stat(filepath.Join(s.opts.Data, FileName)); err == nil {
		s.warn("the data folder holds a record of its own (" + FileName + "), which is not used: the record is the one on Redis. Move it away, or move it to Redis with belay migrate")
	}
	return s.openRedis(ctx, node)
}

// lookBehind warns of what this folder's server noted when its record was on Redis, and
// did not bring there: no migration knows of it.
func (s *Server) lookBehind() error {
	path := filepath.Join(s.opts.Data, JournalName)
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	j, err := journal.Open(journal.Options{Path: path, Log: s.opts.Log})
	if err != nil {
		return err
	}
	if n := j.Counts(); n.Waiting+n.Lost > 0 {
		s.warn(fmt.Sprintf("this folder's %s holds %d entries that were noted for a record on Redis and are in no record. "+
			"Start a server on that Redis with this folder, so that they enter it, and move the record then; keep the file", JournalName, n.Waiting+n.Lost))
	}
	return j.Close()
}

// openRedis opens the log on Redis, as one of the nodes there.
func (s *Server) openRedis(ctx context.Context, node string) error {
	log, err := redis.Open(ctx, *s.opts.Redis)
	if err != nil {
		return err
	}
	if err := s.underNet(log); err != nil {
		return err
	}
	for _, words := range log.Warnings() {
		s.warn("Redis: " + words)
	}
	return s.join(ctx, log, node)
}

// warn keeps words for whoever started the server, and logs them.
func (s *Server) warn(words string) {
	s.warnings = append(s.warnings, words)
	s.opts.Log.Warn(words)
}

// nodeName is the file that holds this data folder's name among nodes, and its lock.
const nodeName = "node.db"

// takeFolder locks the data folder until Close, and returns its name among nodes.
func (s *Server) takeFolder() (name string, err error) {
	db, err := bbolt.Open(filepath.Join(s.opts.Data, nodeName), 0o600, &bbolt.Options{Timeout: time.Second})
	if errors.Is(err, bolterrors.ErrTimeout) {
		return "", fmt.Errorf("another belay is using %s", s.opts.Data)
	}
	if err != nil {
		return "", fmt.Errorf("the node's name in %s: %w", s.opts.Data, err)
	}
	s.onClose("the folder's lock", 5*time.Second, func(context.Context) error { return db.Close() })
	err = db.Update(func(tx *bbolt.Tx) error {
		about, err := tx.CreateBucketIfNotExists([]byte("about"))
		if err != nil {
			return err
		}
		if name = string(about.Get([]byte("node"))); name != "" {
			return nil
		}
		name = strings.ToLower(rand.Text())
		return about.Put([]byte("node"), []byte(name))
	})
	if err != nil {
		return "", fmt.Errorf("the node's name in %s: %w", s.opts.Data, err)
	}
	return name, nil
}
