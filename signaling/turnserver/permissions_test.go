package turnserver

import (
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/pion/stun/v4"
)

// A permission that is made in the very moment in which its allocation ends: by
// revocation, by the page, or because its connection is cut. Under -race this shows
// a timer of pion's that is read while it is being made; without, once in a long
// while, the end of the process.
func TestAPermissionMadeWhileItsAllocationEndsEndsNobody(t *testing.T) {
	rounds := 40
	if os.Getenv("BELAY_LONG") != "" {
		rounds = 2000
	}
	for _, network := range []string{"udp", "tcp"} {
		t.Run(network, func(t *testing.T) {
			h := open(t, func(o *Options) { o.PerAddress = 1000 })
			for round := range rounds {
				var together sync.WaitGroup
				for i := range 4 {
					seat := fmt.Sprintf("seat-%d-%d", round, i)
					c := h.seat(network, seat)
					if got := c.allocate(); got != 0 {
						t.Fatalf("allocate: %d", got)
					}
					method, with := stun.MethodCreatePermission, []stun.Setter{at(advertised)}
					if i%2 == 1 {
						method, with = stun.MethodChannelBind, []stun.Setter{channel(0x4001), at(advertised)}
					}
					m, err := stun.Build(append([]stun.Setter{stun.TransactionID, stun.NewType(method, stun.ClassRequest)},
						append(with, stun.NewUsername(c.username), stun.NewRealm(realm), c.nonce, c.key)...)...)
					if err != nil {
						t.Fatal(err)
					}
					together.Go(func() {
						if _, err := c.conn.Write(m.Raw); err != nil {
							t.Error(err)
						}
					})
					together.Go(func() {
						time.Sleep(time.Duration(round%40) * 5 * time.Microsecond) // somewhere around when it is handled
						h.Revoke("visit-1", seat)
					})
				}
				together.Wait()
			}
			for end := time.Now().Add(patience); h.Allocations() > 0; time.Sleep(time.Millisecond) {
				if time.Now().After(end) {
					t.Fatalf("%d allocations are left", h.Allocations())
				}
			}
			c := h.seat(network, "another") // and it goes on
			if got := c.allocate(); got != 0 {
				t.Errorf("allocate: %d", got)
			}
			if got := code(c.ask(stun.MethodCreatePermission, at(advertised))); got != 0 {
				t.Errorf("permission: %d", got)
			}
			if got := code(c.ask(stun.MethodCreatePermission, at(advertised), at(advertised))); got != stun.CodeInsufficientCapacity {
				t.Errorf("a permission twice in one request: %d", got)
			}
			if got := c.refresh(0); got != 0 {
				t.Errorf("the end: %d", got)
			}
		})
	}
}

// Whoever ends an allocation waits for the reader that makes a permission of it, and
// for nobody else.
func TestAnEndWaitsForThePermissionThatIsBeingMade(t *testing.T) {
	h := open(t, nil)
	c := h.seat("udp", "client-1")
	src := c.conn.LocalAddr()
	s := newPermissions()
	request := stun.MustBuild(stun.TransactionID, stun.NewType(stun.MethodCreatePermission, stun.ClassRequest)).Raw
	for name, told := range map[string]bool{"before pion tells of it": false, "and after": true} {
		end := s.begin(src, request)
		if told {
			s.created(src, nil, "", "", "", nil, nil)
		}
		ended := make(chan struct{})
		go func() { defer close(ended); s.deleted(src, nil, "", "", "", nil, nil) }()
		select {
		case <-ended:
			t.Errorf("%s: the end did not wait", name)
		case <-time.After(20 * time.Millisecond):
		}
		if !told {
			s.created(src, nil, "", "", "", nil, nil)
		}
		end()
		<-ended
	}
	// One that stands is ended at once, also while its page asks for it again: the
	// request may wait for the locks of whoever ends it.
	end := s.begin(src, request)
	s.created(src, nil, "", "", "", nil, nil)
	end()
	end = s.begin(src, request)
	began := time.Now()
	s.deleted(src, nil, "", "", "", nil, nil)
	end()
	s.deleted(src, nil, "", "", "", nil, nil) // nobody makes one
	if took := time.Since(began); took > time.Second {
		t.Errorf("it took %s", took)
	}
	if s.begin(src, stun.MustBuild(stun.TransactionID, stun.BindingRequest).Raw) != nil {
		t.Error("a binding request makes a permission")
	}
	if len(s.making)+len(s.shown)+len(s.stands) > 0 {
		t.Errorf("it keeps %d, %d, %d", len(s.making), len(s.shown), len(s.stands))
	}
}
