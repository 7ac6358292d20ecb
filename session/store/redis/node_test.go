package redis

import (
	"context"
	"errors"
	"testing"
	"time"
)

func claim(t *testing.T, s *Store, node string) *Claim {
	t.Helper()
	c, err := s.claim(t.Context(), Node{ID: node, Words: "machine " + node}, time.Second, 200*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Release() })
	return c
}

func TestASecondNodeIsTurnedAwayByName(t *testing.T) {
	srv := startServer(t)
	s := open(t, Options{Addrs: []string{srv.addr}})
	defer s.Close()
	first := claim(t, s, "north")
	_, err := s.claim(t.Context(), Node{ID: "south", Words: "machine south"}, time.Second, 200*time.Millisecond)
	if taken, ok := errors.AsType[*TakenError](err); !ok || taken.By != (Node{ID: "north", Words: "machine north"}) {
		t.Fatalf("a second node: %v", err)
	}
	if node, there, err := s.Holder(t.Context()); err != nil || !there || node.ID != "north" {
		t.Fatalf("%v %v %v", node, there, err)
	}
	if err := first.Release(); err != nil {
		t.Fatal(err)
	}
	if _, there, err := s.Holder(t.Context()); err != nil || there {
		t.Fatalf("the mark stays: %v", err)
	}
	claim(t, s, "south") // at once
}

func TestANodeThatWasKilledIsFollowedByItselfAtOnceAndByAnotherSoon(t *testing.T) {
	srv := startServer(t)
	s := open(t, Options{Addrs: []string{srv.addr}})
	defer s.Close()
	killed := claim(t, s, "north")
	killed.cancel()
	killed.done.Wait()
	began := time.Now()
	again := claim(t, s, "north")
	if took := time.Since(began); took > 150*time.Millisecond {
		t.Errorf("its own successor waited %v", took)
	}
	again.cancel()
	again.done.Wait()
	claim(t, s, "south") // as soon as the mark lapses
	if node, _, err := s.Holder(t.Context()); err != nil || node.ID != "south" {
		t.Errorf("%v, %v", node, err)
	}
}

func TestANodeThatWasReplacedLearnsOfIt(t *testing.T) {
	srv := startServer(t)
	s := open(t, Options{Addrs: []string{srv.addr}})
	defer s.Close()
	old := claim(t, s, "north")
	claim(t, s, "north")
	select {
	case <-old.Lost():
	case <-time.After(10 * time.Second):
		t.Fatal("it goes on as if it were alone")
	}
	if err := old.Release(); err != nil {
		t.Fatal(err)
	}
	if _, there, err := s.Holder(t.Context()); err != nil || !there {
		t.Errorf("the old one took the new one's mark away: %v", err)
	}
}

func TestARedisThatComesBackIsMarkedAgain(t *testing.T) {
	srv := startServer(t)
	s := open(t, Options{Addrs: []string{srv.addr}})
	defer s.Close()
	c := claim(t, s, "north")
	srv.do("FLUSHALL")
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for {
		if _, there, err := s.Holder(ctx); err != nil {
			t.Fatal(err)
		} else if there {
			break
		}
	}
	select {
	case <-c.Lost():
		t.Error("it gave up although nobody else is there")
	default:
	}
}

func TestHalfARecordIsNotServed(t *testing.T) {
	srv := startServer(t)
	s := open(t, Options{Addrs: []string{srv.addr}})
	defer s.Close()
	if err := s.SetUnfinished(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Claim(t.Context(), Node{ID: "north", Words: "n"}); !errors.Is(err, errUnfinished) {
		t.Fatalf("claimed: %v", err)
	}
	filling, err := s.Claim(t.Context(), Node{ID: "mover", Fills: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := filling.Release(); err != nil {
		t.Fatal(err)
	}
	if err := s.SetUnfinished(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	claim(t, s, "north")
}
