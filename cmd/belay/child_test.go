package main

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// child is a server in a process of its own, built exactly as the test was, on an address and a data folder that
// stay the same when it is killed and started again. It is used by the goroutine
// of the test, and gone when the test ends.
type child struct {
	t    *testing.T
	url  string // http://localhost:PORT
	args []string

	prefix []string          // before its command line: it runs in another network
	away   http.RoundTripper // reaches it there; nil: it is here

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
func startChild(t *testing.T) *child {
	t.Helper()
	c := newChild(t)
	c.start()
	return c
}

// newChild is a server that has not been started.
func newChild(t *testing.T, args ...string) *child {
	t.Helper()
	address := freeAddress(t)
	c := &child{t: t, url: "http://" + address, args: append([]string{"serve", "-listen", address, "-data", filepath.Join(t.TempDir(), "data")}, args...)}
	c.endsWithTest()
	return c
}

// endsWithTest kills it with the test, and looks at what it has said.
func (c *child) endsWithTest() {
	t := c.t
	t.Helper()
	t.Cleanup(func() {
		c.kill()
		if t.Failed() {
			t.Logf("the server said:\n%s", tail(c.output.text(), 60))
		}
		if strings.Contains(c.output.text(), "DATA RACE") || strings.Contains(c.output.text(), "panic:") {
			t.Errorf("the server said:\n%s", c.output.text())
		}
	})
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
	c.launch()
	c.ready()
}

// launch runs the server.
func (c *child) launch() {
	c.t.Helper()
	c.cmd = belay(c.t, context.Background(), c.args...)
	if len(c.prefix) > 0 {
		c.cmd.Args = append(slices.Clone(c.prefix), c.cmd.Args...)
		c.cmd.Path, c.cmd.Err = exec.LookPath(c.prefix[0])
	}
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
}

// ready returns when the server is.
func (c *child) ready() {
	c.t.Helper()
	deadline := time.Now().Add(60 * time.Second)
	for {
		if c.answers("/readyz") {
			return
		}
		select {
		case <-c.ended:
			c.t.Fatalf("the server ended instead of starting:\n%s", c.output.text())
		case <-time.After(20 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			c.t.Fatalf("the server is not ready after a minute:\n%s", c.output.text())
		}
	}
}

func (c *child) answers(path string) bool {
	client := http.Client{Timeout: 5 * time.Second, Transport: c.away}
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

var setUpLink = regexp.MustCompile(`https?://\S+/setup#\S+`)

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
