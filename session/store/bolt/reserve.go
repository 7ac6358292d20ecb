package bolt

import bbolt "go.etcd.io/bbolt"

// reserved is how much space is kept ahead of the log, some ten thousand
// events: when something else fills the disk, the sessions of the day go on.
const reserved = 8 << 20

// reserve keeps space ahead of the log, where the disk has several times as
// much to spare. It is an extra: without it a full disk is told earlier. The
// caller holds committing, and db is open.
func (s *Store) reserve() {
	var used int64
	if err := s.deadly(func() error {
		return s.db.View(func(tx *bbolt.Tx) error { used = tx.Size(); return nil })
	}); err != nil || used < s.enough {
		return
	}
	s.enough = used + reserved/16 // where there is no space, look again only then
	if allocate(s.opts.Path, used+reserved, 4*reserved) == nil {
		s.enough = used + reserved/2
	}
}
