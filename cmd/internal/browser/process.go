package browser

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// executable returns the first of the names that is installed.
func executable(t testing.TB, names ...string) string {
	t.Helper()
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	unavailable(t, "no browser: none of %v is installed", names)
	return ""
}

// ownGroup puts a browser into a process group of its own, and asks the kernel
// to kill it when the thread that starts it ends: a test that is killed itself
// runs no cleanup.
func ownGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// scratch makes a directory for temporary files, which a browser that is killed
// leaves behind. It is not the test's own directory, as sockets lie in it whose
// paths may have 107 bytes (unix(7)), and names of tests are long.
func scratch(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "belay-browser-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// killTree kills the process group, and whatever left it but was started on the
// profile directory, which is unique to the test: the crash reporter and the
// zygotes of a browser outlive it otherwise, and write into a directory that is
// being removed. It returns when all are gone, or after five seconds.
func killTree(group int, profile string) error {
	deadline := time.Now().Add(5 * time.Second)
	for {
		left := startedOn(profile, group)
		if len(left) == 0 {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("processes %v of the browser survived SIGKILL for 5 s", left)
		}
		for _, pid := range left {
			_ = syscall.Kill(pid, syscall.SIGKILL) // gone meanwhile: nothing to do
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// startedOn lists the processes whose command line names the directory or that
// belong to the process group (0 for none). The dead that nobody has collected yet
// do not count: whoever inherits them may take a second for that.
func startedOn(dir string, group int) []int {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	var out []int
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil || pid == os.Getpid() {
			continue
		}
		stat, err := os.ReadFile(filepath.Join("/proc", entry.Name(), "stat"))
		if err != nil {
			continue
		}
		// The name of the program, in parentheses, may contain anything; after it
		// come state, parent and group (proc_pid_stat(5)).
		fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
		if len(fields) < 3 || fields[0] == "Z" || fields[0] == "X" {
			continue
		}
		line, _ := os.ReadFile(filepath.Join("/proc", entry.Name(), "cmdline")) // gone: empty
		if bytes.Contains(line, []byte(dir)) || group != 0 && fields[2] == strconv.Itoa(group) {
			out = append(out, pid)
		}
	}
	return out
}

// moduleRoot is the directory of go.mod, from which tests find what lies beside
// the code.
func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		up := filepath.Dir(dir)
		if up == dir {
			return "", errors.New("no go.mod above the working directory")
		}
		dir = up
	}
}
