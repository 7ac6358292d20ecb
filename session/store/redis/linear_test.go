package redis

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"belay/session/store"
	"belay/session/store/redis/redistest"
	"belay/session/store/storetest"
)

// What clients saw of a log, with the times between which it was so.
type asked struct {
	log        string
	read       bool
	after, end store.Position
}

type answered struct {
	open bool // no answer, or none that says what came of it
	won  bool
	head store.Position // of a read, or of a conflict
}

// oneLog is the log as a single place: appends that name its head move it, nothing else does.
var oneLog = porcupine.Model{
	Partition: func(history []porcupine.Operation) (parts [][]porcupine.Operation) {
		by := map[string][]porcupine.Operation{}
		for _, op := range history {
			log := op.Input.(asked).log
			by[log] = append(by[log], op)
		}
		for _, part := range by {
			parts = append(parts, part)
		}
		return parts
	},
	Init: func() any { return store.Position{} },
	Step: func(state, input, output any) (bool, any) {
		head, in, out := state.(store.Position), input.(asked), output.(answered)
		switch {
		case in.read:
			return out.head == head, head
		case out.open && in.after == head, out.won && in.after == head:
			return true, in.end
		case out.open: // it had no effect, or will have had it later
			return true, head
		case out.won:
			return false, head
		}
		return out.head == head && head != in.after, head
	},
	Equal: func(a, b any) bool { return a == b },
}

// Clients append to the same logs and read them, while Redis stands still for a while
// and connections swallow everything: what they saw is one history.
func TestTheSharedLogIsOneHistoryThroughPausesAndPartitions(t *testing.T) {
	seed := storetest.Seed(t)
	rounds := storetest.Rounds(1, 2, 60)
	srv := redistest.Alone(t)
	total, open := 0, 0
	for round := range rounds {
		history := disturbed(t, srv, fmt.Sprintf("r%d", round), seed+uint64(round))
		if result := porcupine.CheckOperationsTimeout(oneLog, history, time.Minute); result != porcupine.Ok {
			t.Fatalf("seed %d, round %d: %d operations are %s", seed, round, len(history), result)
		}
		total += len(history)
		for _, op := range history {
			if op.Output.(answered).open {
				open++
			}
		}
	}
	if open == 0 {
		t.Error("no outcome was ever open: nothing was disturbed")
	}
	t.Logf("seed %d: %d rounds, %d operations, of %d the outcome was open: linearizable", seed, rounds, total, open)
}

func disturbed(t *testing.T, srv *redistest.Server, prefix string, seed uint64) []porcupine.Operation {
	const clients, logs = 5, 2
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	var (
		mu      sync.Mutex // guards history
		history []porcupine.Operation
		working sync.WaitGroup
		proxies []*redistest.Swallower
		began   = time.Now()
	)
	note := func(client int, in asked, call time.Duration, out answered) {
		op := porcupine.Operation{ClientId: client, Input: in, Call: int64(call), Output: out, Return: int64(time.Since(began))}
		if out.open {
			op.Return = math.MaxInt64
		}
		mu.Lock()
		defer mu.Unlock()
		history = append(history, op)
	}
	for n := range clients {
		proxy := redistest.Swallow(t, srv.Addr)
		proxies = append(proxies, proxy)
		s := open(t, Options{Addrs: []string{proxy.Addr}, Prefix: prefix})
		working.Go(func() {
			defer s.Close()
			rng := rand.New(rand.NewPCG(seed, uint64(n)))
			var at [logs]store.Position
			for i := 0; ctx.Err() == nil; i++ {
				k := rng.IntN(logs)
				log := storetest.ID(uint64(k))
				try, stop := context.WithTimeout(ctx, 400*time.Millisecond)
				call := time.Since(began)
				if rng.IntN(3) == 0 {
					h, err := s.Head(try, log)
					if err == nil {
						note(n, asked{log: log, read: true}, call, answered{head: h.Position})
						at[k] = h.Position
					}
				} else {
					b := storetest.Next(log, at[k], 1+rng.IntN(2), rng.Uint64())
					err := s.Append(try, b)
					conflict, refused := errors.AsType[*store.ConflictError](err)
					in := asked{log: log, after: b.After, end: b.End()}
					switch {
					case err == nil:
						at[k] = b.End()
						note(n, in, call, answered{won: true})
					case refused:
						at[k] = conflict.Have
						note(n, in, call, answered{head: conflict.Have})
					default:
						note(n, in, call, answered{open: true})
					}
				}
				stop()
				time.Sleep(time.Duration(rng.IntN(8_000)) * time.Microsecond)
			}
		})
	}
	rng := rand.New(rand.NewPCG(seed, 1<<32))
	for ctx.Err() == nil {
		wait := func(ms int) { time.Sleep(time.Duration(rng.IntN(ms)) * time.Millisecond) }
		wait(300)
		if rng.IntN(2) == 0 {
			srv.Pause()
			wait(700)
			srv.Resume()
			continue
		}
		p := proxies[rng.IntN(clients)]
		p.Eats(true)
		wait(900)
		p.Eats(false)
	}
	working.Wait()
	return history
}
