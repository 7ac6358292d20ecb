package journal

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"belay/session/store/redis"
	"belay/session/store/redis/redistest"
	"belay/session/store/storetest"
)

// The test binary is also the node that is killed: with these variables it works at
// the place until it dies.
const childFile, childRedis, childName = "BELAY_JOURNAL_CHILD", "BELAY_JOURNAL_REDIS", "BELAY_JOURNAL_NAME"

const childLogs = 3

func childPlace() string { return os.Getenv(childFile) }

func runChild(file string) {
	fmt.Fprintln(os.Stderr, func() error {
		opts, err := redis.ParseURL(os.Getenv(childRedis))
		if err != nil {
			return err
		}
		j, err := Open(Options{Path: file})
		if err != nil {
			return err
		}
		shared, err := redis.Open(context.Background(), opts)
		if err != nil {
			return err
		}
		s, err := Keep(shared, j)
		if err != nil {
			return err
		}
		name := os.Getenv(childName)
		seed, _ := strconv.ParseUint(name[strings.LastIndex(name, "-")+1:], 10, 64)
		w := &worker{store: s, name: name, logs: childLogs, pause: 3 * time.Millisecond, acks: os.Stdout}
		w.work(context.Background(), seed)
		return nil
	}())
	os.Exit(1)
}

// Three nodes write to the same logs; one after the other is killed and starts again
// on its own file. What each had acknowledged is there, once.
func TestKilledNodesLoseNothingThatTheyAcknowledged(t *testing.T) {
	const nodes = 3
	kills := storetest.Rounds(3, 3, 500)
	seed := storetest.Seed(t)
	rng := rand.New(rand.NewPCG(seed, 0))
	w := redistest.Sentinel(t, 1)
	address := "redis://" + strings.Join(w.Sentinels, ",") + "?master=" + w.Name
	book := &ledger{acked: map[string]string{}}
	var running [nodes]*child
	var files [nodes]string
	start := func(n, run int) *child {
		return startChild(t, book, files[n], address, fmt.Sprintf("n%d-r%d-%d", n, run, rng.Uint32()))
	}
	for n := range nodes {
		files[n] = filepath.Join(t.TempDir(), "journal.db")
		running[n] = start(n, 0)
	}
	for kill := range kills {
		n := kill % nodes
		before := book.count()
		eventually(t, "all write", func() bool { return book.count() > before+30 })
		time.Sleep(time.Duration(rng.IntN(30_000)) * time.Microsecond)
		running[n].kill()
		running[n] = start(n, kill+1)
	}
	for n := range nodes {
		running[n].kill()
	}
	var all []*node // each file once more, to put into the logs what it still holds
	for n := range nodes {
		node := open(t, files[n], redis.Options{Addrs: w.Sentinels, Master: w.Name})
		defer node.Close()
		all = append(all, node)
	}
	settle(t, all, childLogs)
	missing, twice, events := book.check(t, all[0], childLogs)
	t.Logf("seed %d: %d kills over %d nodes, %d acknowledged, %d events, %d missing, %d twice", seed, kills, nodes, book.count(), events, missing, twice)
}

type child struct {
	cmd  *exec.Cmd
	read chan struct{}
}

func startChild(t *testing.T, book *ledger, file, address, name string) *child {
	t.Helper()
	c := &child{exec.Command(os.Args[0]), make(chan struct{})}
	c.cmd.Env = append(os.Environ(), childFile+"="+file, childRedis+"="+address, childName+"="+name)
	c.cmd.Stderr = os.Stderr
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.kill)
	go func() {
		defer close(c.read)
		book.takeAll(bufio.NewReader(out))
	}()
	return c
}

// kill ends the process, and returns when all that it had said is in the ledger.
func (c *child) kill() {
	_ = c.cmd.Process.Kill()
	<-c.read
	_ = c.cmd.Wait() // "signal: killed"; the second time: an error, and nothing
}
