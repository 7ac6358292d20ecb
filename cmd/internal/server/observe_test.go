package server_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"belay/cmd/internal/server"
)

// look reads a page of the instruments, as if it were called by host.
func look(t *testing.T, s *server.Server, path, host string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), "GET", "http://"+s.Instruments().String()+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if host != "" {
		req.Host = host
	}
	res, err := visit(t, "").http.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(body)
}

func TestTheInstrumentsShowWhatHappensAndNobodysName(t *testing.T) {
	s := start(t, server.Options{Metrics: "127.0.0.1:0"})
	robin := therapist(t, s)
	m := robin.make(plain())
	_, metrics := look(t, s, "/metrics", "")
	for _, line := range []string{"belay_sessions_loaded ", "belay_connections 0", "belay_append_duration_seconds_count ", `belay_alarms_raised_total{priority="high"} 0`,
		`belay_connections_ended_total{why="slow"} 0`, "belay_sessions_degraded 0", `belay_append_failures_total{why="full"} 0`, "belay_relay_rooms 0", "belay_disk_free_bytes ", "belay_deadline_lateness_seconds_bucket"} {
		if !strings.Contains(metrics, "\n"+line) {
			t.Errorf("there is no %q", line)
		}
	}
	if strings.Contains(metrics, "belay_append_duration_seconds_count 0") {
		t.Error("an account and a session were made, and no append was counted")
	}
	status, page := look(t, s, "/sessions/"+m.id, "")
	if status != 200 || !strings.Contains(page, "client-1") || !strings.Contains(page, "lobby since") {
		t.Errorf("%d:\n%s", status, page)
	}
	_, list := look(t, s, "/sessions", "")
	for _, personal := range []string{"Alex", "Sam", "Robin", "robin@", "503-555", "they/them", "ketamine"} {
		if strings.Contains(metrics+page+list, personal) {
			t.Errorf("%s can be read there", personal)
		}
	}
	if !strings.Contains(list, m.id) || strings.Contains(metrics, m.id) {
		t.Error("a session's id is in the metrics, or not in the list")
	}
	if status, _ := look(t, s, "/sessions/nobody", ""); status != 404 {
		t.Errorf("an unknown session: %d", status)
	}
	if status, _ := look(t, s, "/metrics", "evil.example:9464"); status != 403 {
		t.Errorf("a page of another site reads them: %d", status)
	}
	if got := visit(t, s.URL()).page("/metrics"); got != 404 {
		t.Errorf("the world reads the metrics: %d", got)
	}
}

func TestInstrumentsListenOnThisMachineOnly(t *testing.T) {
	for _, address := range []string{":9464", "0.0.0.0:0", "192.0.2.1:9464", "[::]:0", "example.org:80", "nonsense"} {
		s, err := server.Start(t.Context(), server.Options{Listen: "127.0.0.1:0", Data: t.TempDir(), Metrics: address})
		if err == nil {
			_ = s.Close()
			t.Errorf("the metrics are open on %s", address)
		}
	}
}

func TestDeadlinesAndAlarmsOfARunningSessionAreCounted(t *testing.T) {
	s := start(t, server.Options{Metrics: "127.0.0.1:0"})
	robin := therapist(t, s)
	body := plain()
	body["practice"], body["rate"] = true, 600
	robin.make(body)
	metrics := ""
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		_, metrics = look(t, s, "/metrics", "")
		if !strings.Contains(metrics, `belay_alarms_raised_total{priority="low"} 0`) && !strings.Contains(metrics, "belay_deadline_lateness_seconds_count 0") {
			return
		}
	}
	t.Errorf("nothing was due in a session that runs 600 times as fast:\n%s", metrics)
}
