package turnserver

import (
	"encoding/binary"
	"net"
	"sync"
	"time"

	"github.com/pion/stun/v4"
)

// permissions has nobody end a permission that pion is still making. Its server
// (v5.1.0, permission.go and allocation.go) shows a new permission to whoever ends
// the allocation before it has its timer, and then stops a timer that is not there:
// the process would panic. A reader handles one request after the other, so a
// permission is made when its reader asks for the next message; and pion says that
// it ends one before it stops the timer. That is where the end waits.
//
// Whoever ends an allocation holds locks of pion's meanwhile. The reader that it
// waits for needs none of them any more: the permission is there to be ended, a
// request makes one (see refusal), and an allocation has one, its peer being one.
type permissions struct {
	mu     sync.Mutex
	making map[string]chan struct{} // by address: closed when the request is done with
	shown  map[string]bool          // made by the request that is being handled
	stands map[string]bool          // has its timer
}

// endsWithin bounds a wait that has no reason to be long: the reader has a few lines
// before it until the timer is there.
const endsWithin = 2 * time.Second

func newPermissions() *permissions {
	return &permissions{making: map[string]chan struct{}{}, shown: map[string]bool{}, stands: map[string]bool{}}
}

func keyOf(a net.Addr) string { return a.Network() + " " + a.String() }

// asks reports whether a message may make a permission.
func asks(p []byte) bool {
	if len(p) < 2 {
		return false
	}
	kind := binary.BigEndian.Uint16(p)
	return kind == stun.NewType(stun.MethodCreatePermission, stun.ClassRequest).Value() ||
		kind == stun.NewType(stun.MethodChannelBind, stun.ClassRequest).Value()
}

// begin is called by a reader before it hands a message to pion, end before it reads
// the next one.
func (s *permissions) begin(from net.Addr, p []byte) (end func()) {
	if !asks(p) {
		return nil
	}
	key, done := keyOf(from), make(chan struct{})
	s.mu.Lock()
	defer s.mu.Unlock()
	s.making[key] = done
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.shown[key] {
			delete(s.shown, key)
			s.stands[key] = true
		}
		delete(s.making, key)
		close(done)
	}
}

// created is told by pion of a permission that has no timer yet.
func (s *permissions) created(src, _ net.Addr, _, _, _ string, _ net.Addr, _ net.IP) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.shown[keyOf(src)] = true
}

// forget is told of an allocation that begins or has ended: it has no permission.
func (s *permissions) forget(src net.Addr) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.stands, keyOf(src))
}

// deleted is told by pion of a permission whose timer is stopped next.
func (s *permissions) deleted(src, _ net.Addr, _, _, _ string, _ net.Addr, _ net.IP) {
	key := keyOf(src)
	s.mu.Lock()
	done := s.making[key]
	if s.stands[key] {
		done = nil // it was made by an earlier request
	}
	delete(s.stands, key)
	s.mu.Unlock()
	if done == nil {
		return
	}
	limit := time.NewTimer(endsWithin)
	defer limit.Stop()
	select {
	case <-done:
	case <-limit.C:
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.stands, key)
}
