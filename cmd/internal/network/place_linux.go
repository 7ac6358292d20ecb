package network

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// Place is a machine as far as its network goes.
type Place struct {
	Name string

	t      testing.TB
	holder *exec.Cmd // the process whose network it is
}

// place makes a machine without any link but its own loopback.
func place(t testing.TB, name string) *Place {
	t.Helper()
	p := &Place{Name: name, t: t, holder: exec.Command("sleep", "infinity")}
	p.holder.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
	if err := p.holder.Start(); err != nil {
		t.Fatalf("a network for %s: %v", name, err)
	}
	t.Cleanup(func() {
		_ = p.holder.Process.Kill()
		_ = p.holder.Wait() // it was killed: that is no news
	})
	p.ip("link set lo up")
	return p
}

// Prefix is what stands before a command line that is to run in this place.
func (p *Place) Prefix() []string {
	return []string{"nsenter", "-t", strconv.Itoa(p.holder.Process.Pid), "-n", "--"}
}

// Command is a command that runs in this place.
func (p *Place) Command(name string, args ...string) *exec.Cmd {
	all := append(p.Prefix(), name)
	return exec.Command(all[0], append(all[1:], args...)...)
}

// ip runs commands of ip(8) in this place, one a line; the first that fails fails
// the test.
func (p *Place) ip(lines string) {
	p.t.Helper()
	p.feed(lines, "ip", "-batch", "-")
}

// feed runs a program in this place that reads text.
func (p *Place) feed(text, name string, args ...string) {
	p.t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Stdin = strings.NewReader(text)
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := p.Within(cmd.Run); err != nil {
		p.t.Fatalf("%s: %s: %v\n%s\n%s", p.Name, name, err, text, said.Bytes())
	}
}

// forwards has this place pass on what is not for itself.
func (p *Place) forwards() {
	p.t.Helper()
	if err := p.Within(func() error { return os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1"), 0) }); err != nil {
		p.t.Fatal(err)
	}
}

// withoutIPv6 has this place know IPv4 alone, as the street does. Otherwise each link
// that comes up makes itself an address of IPv6 and looks for up to 2 s whether
// somebody has it already; and a browser takes a network for new when the addresses
// have not changed for 2 s.
func (p *Place) withoutIPv6() {
	p.t.Helper()
	for _, which := range []string{"all", "default"} {
		file := fmt.Sprintf("/proc/sys/net/ipv6/conf/%s/disable_ipv6", which)
		if err := p.Within(func() error { return os.WriteFile(file, []byte("1"), 0) }); err != nil && !os.IsNotExist(err) {
			p.t.Fatal(err)
		}
	}
}

// Dial connects from this place to an IP address with a port. The connection may
// be used from anywhere.
func (p *Place) Dial(ctx context.Context, network, address string) (conn net.Conn, err error) {
	err = p.Within(func() (err error) {
		conn, err = new(net.Dialer).DialContext(ctx, network, address)
		return err
	})
	return conn, err
}

// Within runs f so that the sockets that it makes and the processes that it starts,
// in its own goroutine, are this place's.
func (p *Place) Within(f func() error) error {
	// A socket belongs to the network of the thread that makes it.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	here, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		return err
	}
	defer here.Close()
	there, err := os.Open(fmt.Sprintf("/proc/%d/ns/net", p.holder.Process.Pid))
	if err != nil {
		return err
	}
	defer there.Close()
	if err := unix.Setns(int(there.Fd()), unix.CLONE_NEWNET); err != nil {
		return err
	}
	err = f()
	if back := unix.Setns(int(here.Fd()), unix.CLONE_NEWNET); back != nil {
		panic("this thread has lost its network: " + back.Error())
	}
	return err
}
