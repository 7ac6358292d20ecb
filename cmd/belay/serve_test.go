package main

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// asBelay makes the test binary be belay itself, for tests that end processes.
const asBelay = "BELAY_TEST_AS_BELAY"

// belay runs the command as a process of its own, without the environment's settings.
func belay(t *testing.T, ctx context.Context, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(ctx, os.Args[0], "-test.run=^TestThisBinaryAsBelay$")
	cmd.Env = append(os.Environ(), asBelay+"="+strings.Join(args, "\n"))
	return cmd
}

func TestThisBinaryAsBelay(t *testing.T) {
	if args := os.Getenv(asBelay); args != "" {
		os.Args = append([]string{"belay"}, strings.Split(args, "\n")...)
		main() // ends the process
	}
}

func TestASignalEndsTheServerCleanlyAndTheNextStartFindsEverything(t *testing.T) {
	besideOthers(t)
	data := filepath.Join(t.TempDir(), "data")
	for i, end := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		cmd := belay(t, ctx, "serve", "-listen", "127.0.0.1:0", "-data", data)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		said := ""
		base := ""
		for lines := bufio.NewScanner(out); lines.Scan(); {
			said += lines.Text() + "\n"
			if m := regexp.MustCompile(`Open  (http://\S+)`).FindStringSubmatch(said); m != nil {
				base = m[1]
			}
			if strings.Contains(said, "End it with") {
				break
			}
		}
		if base == "" || !strings.Contains(said, data) || !strings.Contains(said, "/setup#") || !strings.Contains(said, "-public-url") {
			t.Fatalf("start %d says:\n%s", i+1, said)
		}
		res, err := http.Get(base + "/readyz")
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != http.StatusOK {
			t.Errorf("readyz: %d", res.StatusCode)
		}
		if err := cmd.Process.Signal(end); err != nil {
			t.Fatal(err)
		}
		rest, err := io.ReadAll(out)
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Wait(); err != nil {
			t.Errorf("after %v: %v\n%s", end, err, rest)
		}
		if !strings.Contains(string(rest), "Ended.") {
			t.Errorf("after %v it says %q", end, rest)
		}
	}
}

func TestACallThatIsWrongSaysHowItIsRight(t *testing.T) {
	t.Parallel()
	nothing := func(string) string { return "" }
	for _, c := range []struct {
		args []string
		env  map[string]string
		code int
		says string
	}{
		{args: []string{"dance"}, code: 2, says: "dance"},
		{args: []string{"-nonsense"}, code: 2, says: "nonsense"},
		{args: []string{"serve", "extra"}, code: 2, says: "extra"},
		{args: []string{"serve", "-public-url", "belay.example.org"}, code: 2, says: "https://"},
		{args: []string{"serve", "-log-format", "xml"}, code: 2, says: "text or json"},
		{args: []string{"serve"}, env: map[string]string{"BELAY_TLS_SELF_SIGNED": "perhaps"}, code: 2, says: "BELAY_TLS_SELF_SIGNED"},
		{args: []string{"serve"}, env: map[string]string{"BELAY_PUBLIC_URL": "nothing"}, code: 2, says: "-public-url"},
		{args: []string{"serve", "-trusted-proxies", "10.42.0.0/33"}, code: 2, says: "-trusted-proxies"},
		{args: []string{"serve"}, env: map[string]string{"BELAY_TRUSTED_PROXIES": "0.0.0.0/0"}, code: 2, says: "all addresses"},
		{args: []string{"backup"}, code: 2, says: "FILE"},
		{args: []string{"therapist"}, code: 2, says: "add"},
		{args: []string{"therapist", "dance"}, code: 2, says: "reset-link"},
		{args: []string{"backup", "-data", t.TempDir(), filepath.Join(t.TempDir(), "x")}, code: 1, says: "no belay runs"},
		{args: []string{"serve", "-data", t.TempDir(), "-listen", "256.0.0.1:1"}, code: 1, says: "listen"},
		{args: []string{"-help"}, code: 0, says: "BELAY_PUBLIC_URL"},
	} {
		env := nothing
		if c.env != nil {
			env = func(name string) string { return c.env[name] }
		}
		var out, errs strings.Builder
		code := run(t.Context(), c.args, env, &out, &errs)
		if code != c.code || !strings.Contains(errs.String(), c.says) {
			t.Errorf("%v %v: %d, %s", c.args, c.env, code, errs.String())
		}
	}
}

func TestAFlagWinsOverTheEnvironment(t *testing.T) {
	t.Parallel()
	env := func(name string) string {
		return map[string]string{"BELAY_DATA": "from-env", "BELAY_LISTEN": ":1"}[name]
	}
	s, _, err := parse("serve", []string{"-data", "from-flag"}, env, io.Discard)
	if err != nil || s.data != "from-flag" || s.listen != ":1" {
		t.Errorf("%+v, %v", s, err)
	}
}
