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
	"belay/session/store/redis"
)

// FileName is the event log's file in the data folder.
const FileName = "belay.db"

// openLog opens the event log: in the data folder, or on Redis.
func (s *Server) openLog(ctx context.Context) error {
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
		return nil
	}
	// Whoever moved to Redis must not go on with what was left behind, nor the
	// other way round: that would be two records of one practice.
	if _, err := os.Stat(filepath.Join(s.opts.Data, FileName)); err == nil {
		s.warn("the data folder holds a record of its own (" + FileName + "), which is not used: the record is the one on Redis. Move it away, or move it to Redis with belay migrate")
	}
	return s.openRedis(ctx)
}

// openRedis opens the log on Redis, as one of the nodes there.
func (s *Server) openRedis(ctx context.Context) error {
	node, err := openNode(s.opts.Data)
	if err != nil {
		return err
	}
	s.onClose("the node's lock", 5*time.Second, func(context.Context) error { return node.db.Close() })
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
	return s.join(ctx, log, node.id)
}

// warn keeps words for whoever started the server, and logs them.
func (s *Server) warn(words string) {
	s.warnings = append(s.warnings, words)
	s.opts.Log.Warn(words)
}

// node is this data folder's name among nodes. It belongs to one process at a time.
type node struct {
	db *bbolt.DB
	id string
}

// openNode locks the data folder, as the embedded log would, and reads its name.
func openNode(dir string) (*node, error) {
	db, err := bbolt.Open(filepath.Join(dir, "node.db"), 0o600, &bbolt.Options{Timeout: time.Second})
	if errors.Is(err, bolterrors.ErrTimeout) {
		return nil, fmt.Errorf("another belay is using %s", dir)
	}
	if err != nil {
		return nil, fmt.Errorf("the node's name in %s: %w", dir, err)
	}
	n := &node{db: db}
	err = db.Update(func(tx *bbolt.Tx) error {
		about, err := tx.CreateBucketIfNotExists([]byte("about"))
		if err != nil {
			return err
		}
		if n.id = string(about.Get([]byte("node"))); n.id != "" {
			return nil
		}
		n.id = strings.ToLower(rand.Text())
		return about.Put([]byte("node"), []byte(n.id))
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("the node's name in %s: %w", dir, err), db.Close())
	}
	return n, nil
}
