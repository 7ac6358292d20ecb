package turnserver

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"testing"
	"time"
)

// Debian's coturn has a client that knows nothing of ours.
func TestAForeignClientReachesTheRelayAndNothingElse(t *testing.T) {
	path, err := exec.LookPath("turnutils_uclient")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("turnutils_uclient is missing (CI=true: nothing may be skipped); Debian's package is coturn")
		}
		t.Skip("turnutils_uclient is not installed; Debian's package is coturn")
	}
	h := open(t, nil)
	_, port, _ := cutPort(h.tcp)
	run := func(t *testing.T, to netip.AddrPort, tcp bool) string {
		t.Helper()
		username, password := h.Issue("visit-1", "client-1")
		// Send indications (-s): for channels it asks for the port beside its peer's
		// too, and ends when that is refused.
		args := []string{"-u", username, "-w", password, "-e", to.Addr().String(), "-r", strconv.Itoa(int(to.Port())), "-n", "20", "-m", "1", "-c", "-s"}
		if tcp {
			args = append(args, "-t", "-p", port)
		} else {
			args = append(args, "-p", strconv.Itoa(int(h.udp.Port())))
		}
		within := 60 * time.Second
		if to != advertised {
			within = 5 * time.Second // it asks for ever
		}
		ctx, cancel := context.WithTimeout(t.Context(), within)
		defer cancel()
		out, err := exec.CommandContext(ctx, path, append(args, "127.0.0.1")...).CombinedOutput()
		if err != nil && to == advertised {
			t.Errorf("%v\n%s", err, out)
		}
		return string(out)
	}
	received := regexp.MustCompile(`tot_recv_msgs=(\d+)`)
	for _, tcp := range []bool{false, true} {
		t.Run(fmt.Sprintf("tcp=%v", tcp), func(t *testing.T) {
			out := run(t, advertised, tcp)
			all := received.FindAllStringSubmatch(out, -1)
			if len(all) == 0 || all[len(all)-1][1] != "20" {
				t.Errorf("not all 20 came back:\n%s", out)
			}
		})
	}
	for len(h.heard) > 0 {
		<-h.heard
	}
	bird := listen(t)
	run(t, netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), bird.port), false)
	h.none()
	bird.silent(t)
}

func cutPort(address string) (host, port string, err error) {
	a, err := netip.ParseAddrPort(address)
	return a.Addr().String(), strconv.Itoa(int(a.Port())), err
}
