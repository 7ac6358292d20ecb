package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"belay/cmd/internal/server"
)

// childListen and childData say to this very program that it is the server of a
// rehearsal that runs in another process.
const (
	childListen = "BELAY_REHEARSED_LISTEN"
	childData   = "BELAY_REHEARSED_DATA"
	childRooms  = "BELAY_REHEARSED_ROOMS"
)

// greeting is what the child says once it answers.
type greeting struct {
	URL    string `json:"url"`
	Listen string `json:"listen"`
	Setup  string `json:"setup"` // link for the first account
}

// child runs the server until its standard input ends, which it does when the
// rehearsal ends, however that ends. It reports whether this process is a child.
func child() (bool, error) {
	data := os.Getenv(childData)
	if data == "" {
		return false, nil
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	rooms, _ := strconv.Atoi(os.Getenv(childRooms)) // not said: as many as the server itself holds for right
	s, err := server.Start(ctx, server.Options{Listen: os.Getenv(childListen), Data: data, Rooms: rooms})
	if err != nil {
		return true, err
	}
	if err := json.NewEncoder(os.Stdout).Encode(greeting{s.URL(), s.Addr().String(), s.SetupURL()}); err != nil {
		return true, errors.Join(err, s.Close())
	}
	ended := make(chan struct{})
	go func() {
		// Nothing is ever written there: this waits for its end.
		_, _ = io.Copy(io.Discard, os.Stdin)
		close(ended)
	}()
	select {
	case <-ctx.Done():
	case <-ended:
	case err = <-s.Failed():
	}
	return true, errors.Join(err, s.Close())
}

// house is a server of our own: a child process on a temporary data folder. It
// belongs to one goroutine.
type house struct {
	greeting
	data   string
	errs   io.Writer
	cmd    *exec.Cmd
	stdin  io.Closer
	listen string
	rooms  int // visits at once with a place at the relay; 0: as many as the server itself holds for right
}

// openHouse starts a server on a new folder in dir, with a place for so many visits
// at its relay. errs gets what it complains about.
func openHouse(ctx context.Context, dir string, rooms int, errs io.Writer) (*house, error) {
	data, err := os.MkdirTemp(dir, "belay-rehearsal-")
	if err != nil {
		return nil, err
	}
	h := &house{data: data, errs: errs, listen: "127.0.0.1:0", rooms: rooms}
	if err := h.start(ctx); err != nil {
		return nil, errors.Join(err, os.RemoveAll(data))
	}
	h.listen = h.Listen // the same port when it starts again
	return h, nil
}

func (h *house) start(ctx context.Context) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), childListen+"="+h.listen, childData+"="+filepath.Join(h.data, "data"), childRooms+"="+strconv.Itoa(h.rooms))
	cmd.Stderr = h.errs
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start the server: %w", err)
	}
	said := make(chan error, 1)
	var g greeting
	go func() {
		line, err := bufio.NewReader(stdout).ReadBytes('\n')
		if err == nil {
			err = json.Unmarshal(line, &g)
		}
		said <- err
	}()
	limit := time.NewTimer(30 * time.Second)
	defer limit.Stop()
	select {
	case err = <-said:
	case <-ctx.Done():
		err = context.Cause(ctx)
	case <-limit.C:
		err = errors.New("it does not answer")
	}
	if err != nil {
		_ = cmd.Process.Kill() // it may have ended by itself
		return errors.Join(fmt.Errorf("start the server: %w", err), cmd.Wait())
	}
	h.greeting, h.cmd, h.stdin = g, cmd, stdin
	return nil
}

// kill ends the server as a power cut does (SIGKILL).
func (h *house) kill() error {
	if err := h.cmd.Process.Kill(); err != nil {
		return err
	}
	_ = h.cmd.Wait() // "signal: killed" is what was asked for
	h.cmd = nil
	return nil
}

// close ends the server as a signal does, and takes its data away.
func (h *house) close() error {
	if h.cmd == nil { // killed, and not started again
		return os.RemoveAll(h.data)
	}
	err := h.stdin.Close()
	waited := make(chan error, 1)
	go func() { waited <- h.cmd.Wait() }()
	limit := time.NewTimer(20 * time.Second)
	defer limit.Stop()
	select {
	case e := <-waited:
		err = errors.Join(err, e)
	case <-limit.C:
		err = errors.Join(err, errors.New("the server did not end"), h.cmd.Process.Kill())
		<-waited
	}
	return errors.Join(err, os.RemoveAll(h.data))
}
