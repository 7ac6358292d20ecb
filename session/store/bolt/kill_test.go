package bolt

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	bbolt "go.etcd.io/bbolt"
	"go.uber.org/goleak"

	"belay/session/store/storetest"
)

// The test binary is also the process that is killed: with this variable it
// writes to the store at the path until it dies.
const childPath, childSeed = "BELAY_KILL_CHILD", "BELAY_KILL_CHILD_SEED"

func TestMain(m *testing.M) {
	if path := os.Getenv(childPath); path != "" {
		fmt.Fprintln(os.Stderr, child(path))
		os.Exit(1)
	}
	goleak.VerifyTestMain(m)
}

func child(path string) error {
	seed, err := strconv.ParseUint(os.Getenv(childSeed), 10, 64)
	if err != nil {
		return err
	}
	s, err := Open(Options{Path: path})
	if err != nil {
		return err
	}
	return storetest.Write(context.Background(), s, os.Stdout, 6, seed)
}

// TestKilledProcessLosesNothing kills a writing process at random points, the
// start included, and holds the file against what had been acknowledged. The
// file goes on from round to round.
func TestKilledProcessLosesNothing(t *testing.T) {
	const rotate = 200
	rounds := storetest.Rounds(5, 50, 10_000)
	seed := storetest.Seed(t)
	rng := rand.New(rand.NewPCG(seed, 0))
	var path string
	var ledger *storetest.Ledger
	acks := 0
	for round := range rounds {
		if round%rotate == 0 {
			path, ledger = filepath.Join(t.TempDir(), "belay.db"), storetest.NewLedger()
		}
		before := ledger.Acks
		killOnce(t, path, ledger, rng)
		acks += ledger.Acks - before
		s := open(t, path)
		if err := ledger.Check(t.Context(), s); err != nil {
			t.Errorf("seed %d, round %d: %v", seed, round, err)
		}
		if err := ledger.Settled(t.Context(), s); err != nil {
			t.Error(err)
		}
		if round%10 == 0 || round == rounds-1 {
			checkPages(t, s)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			return
		}
		if round%rotate == rotate-1 {
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
		}
	}
	if acks == 0 {
		t.Error("no append was ever acknowledged: nothing was tested")
	}
	t.Logf("%d kills, %d appends acknowledged, none missing, none twice", rounds, acks)
}

// killOnce runs the child, kills it and enters what it had acknowledged.
func killOnce(t *testing.T, path string, ledger *storetest.Ledger, rng *rand.Rand) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childPath+"="+path, fmt.Sprintf("%s=%d", childSeed, rng.Uint64()))
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	acks := bufio.NewReader(out)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if rng.IntN(8) > 0 { // else while it starts
		for range 1 + rng.IntN(120) {
			line, err := acks.ReadString('\n')
			if err != nil || !ledger.Take(line) {
				t.Fatalf("the child said %q: %v", line, err)
			}
		}
		time.Sleep(time.Duration(rng.IntN(3000)) * time.Microsecond)
	} else {
		time.Sleep(time.Duration(rng.IntN(40)) * time.Millisecond)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	ledger.TakeAll(acks)
	_ = cmd.Wait() // "signal: killed"
}

// checkPages lets bbolt look at every page: reachable once, or free.
func checkPages(t *testing.T, s *Store) {
	t.Helper()
	if err := s.db.View(func(tx *bbolt.Tx) error {
		for err := range tx.Check() {
			t.Errorf("page check: %v", err)
		}
		return nil
	}); err != nil {
		t.Error(err)
	}
}
