package main

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// asServer makes the test's own program the server: what is tested is then a
// process of its own, that can be killed, and built exactly as the tests were,
// race detector included.
const asServer = "BELAY_TEST_IS_THE_SERVER"

func TestMain(m *testing.M) {
	if os.Getenv(asServer) != "" {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		code := run(ctx, os.Args[1:], os.Getenv, os.Stdout, os.Stderr)
		stop()
		os.Exit(code)
	}
	os.Exit(m.Run())
}

// child is a server in a process of its own, on an address and a data folder that
// stay the same when it is killed and started again. It is used by the goroutine
// of the test, and gone when the test ends.
type child struct {
	t    *testing.T
	url  string // http://localhost:PORT
	data string
	args []string

	cmd    *exec.Cmd
	ended  chan struct{} // closed when the process is gone and its output read
	output output
}

// output is what a process has said. It may be used from any goroutine.
type output struct {
	mu    sync.Mutex
	lines []string
}

func (o *output) add(line string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.lines = append(o.lines, line)
}

func (o *output) text() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return strings.Join(o.lines, "\n")
}

// startChild starts a server with a data folder of its own.
func startChild(t *testing.T, args ...string) *child {
	t.Helper()
	address := freeAddress(t)
	c := &child{t: t, url: "http://" + address, data: filepath.Join(t.TempDir(), "data"), args: args}
	c.args = append([]string{"serve", "-listen", address, "-data", c.data}, args...)
	t.Cleanup(func() {
		c.kill()
		if t.Failed() {
			t.Logf("the server said:\n%s", tail(c.output.text(), 60))
		}
		if strings.Contains(c.output.text(), "DATA RACE") || strings.Contains(c.output.text(), "panic:") {
			t.Errorf("the server said:\n%s", c.output.text())
		}
	})
	c.start()
	return c
}

// freeAddress is a port that is free now and below those that outgoing
// connections take by themselves, so that it is still free after a restart.
func freeAddress(t *testing.T) string {
	t.Helper()
	for range 100 {
		address := fmt.Sprintf("localhost:%d", 20000+rand.IntN(12000))
		if l, err := net.Listen("tcp", address); err == nil {
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
			return address
		}
	}
	t.Fatal("no free port")
	return ""
}

// start runs the server and returns when it is ready.
func (c *child) start() {
	c.t.Helper()
	self, err := os.Executable()
	if err != nil {
		c.t.Fatal(err)
	}
	c.cmd = exec.Command(self, c.args...)
	c.cmd.Env = append(os.Environ(), asServer+"=yes")
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	pipe, err := c.cmd.StdoutPipe()
	if err != nil {
		c.t.Fatal(err)
	}
	c.cmd.Stderr = c.cmd.Stdout
	if err := c.cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	ended := make(chan struct{})
	c.ended = ended
	go func() {
		defer close(ended)
		lines := bufio.NewScanner(pipe)
		for lines.Scan() {
			c.output.add(lines.Text())
		}
	}()
	deadline := time.Now().Add(60 * time.Second)
	for {
		if c.answers("/readyz") {
			return
		}
		select {
		case <-ended:
			c.t.Fatalf("the server ended instead of starting:\n%s", c.output.text())
		case <-time.After(20 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			c.t.Fatalf("the server is not ready after a minute:\n%s", c.output.text())
		}
	}
}

func (c *child) answers(path string) bool {
	client := http.Client{Timeout: 5 * time.Second}
	defer client.CloseIdleConnections()
	res, err := client.Get(c.url + path)
	if err != nil {
		return false
	}
	defer res.Body.Close()
	return res.StatusCode == http.StatusOK
}

// kill ends the process as a power cut would, and returns when it is gone.
func (c *child) kill() {
	c.t.Helper()
	if c.cmd == nil {
		return
	}
	if err := c.cmd.Process.Kill(); err != nil {
		c.t.Logf("kill: %v", err)
	}
	<-c.ended
	_ = c.cmd.Wait() // it was killed: that is no news
	c.cmd = nil
}

var setUpLink = regexp.MustCompile(`http://\S+/setup#\S+`)

// setUpLink is the one-time link that the server prints at its first start.
func (c *child) setUpLink() string {
	c.t.Helper()
	link := setUpLink.FindString(c.output.text())
	if link == "" {
		c.t.Fatalf("the server printed no link to set up an account:\n%s", c.output.text())
	}
	return link
}

func tail(text string, n int) string {
	lines := strings.Split(text, "\n")
	if len(lines) > n {
		lines = lines[len(lines)-n:]
	}
	return strings.Join(lines, "\n")
}
