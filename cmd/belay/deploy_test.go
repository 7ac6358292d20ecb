package main

import (
	"encoding/json"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"belay/cmd/internal/server"
)

const deployFolder = "../../deploy"

// deployFiles returns what lies under deploy, by name.
func deployFiles(t *testing.T) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(deployFolder, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) == ".png" {
			return err
		}
		raw, err := os.ReadFile(path)
		files[filepath.ToSlash(path[len(deployFolder)+1:])] = string(raw)
		return err
	})
	if err != nil || len(files) < 10 {
		t.Fatalf("%d files under deploy, %v", len(files), err)
	}
	return files
}

// A setting that no flag reads is silently the default: on a server in use, that
// is found out at the wrong moment.
func TestEverySettingInTheDeploymentFilesIsOneThatBelayReads(t *testing.T) {
	t.Parallel()
	var help strings.Builder
	if _, _, err := parse("serve", []string{"-help"}, func(string) string { return "" }, &help); err == nil {
		t.Fatal("-help is no help")
	}
	known := []string{"BELAY_REDIS_PASSWORD",
		"BELAY_HOST", "BELAY_AT", // of the proxies' own files
		"BELAY_LONG"} // of the measurements
	for _, m := range regexp.MustCompile(`(?m)^  -([a-z-]+)`).FindAllStringSubmatch(help.String(), -1) {
		known = append(known, "BELAY_"+strings.ToUpper(strings.ReplaceAll(m[1], "-", "_")))
	}
	if !slices.Contains(known, "BELAY_PUBLIC_URL") {
		t.Fatalf("the flags are not read from the help: %v", known)
	}
	for name, text := range deployFiles(t) {
		for _, setting := range regexp.MustCompile(`\bBELAY_[A-Z_]+`).FindAllString(text, -1) {
			if !slices.Contains(known, setting) {
				t.Errorf("%s says %s, which Belay does not read", name, setting)
			}
		}
	}
}

// An alert on a metric that has another name now never rings.
func TestEveryMetricInAlertsAndDashboardIsOneThatIsServed(t *testing.T) {
	t.Parallel()
	s, err := server.Start(t.Context(), server.Options{Listen: "127.0.0.1:0", Data: t.TempDir(), Metrics: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := client.Get("http://" + s.Instruments().String() + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	served := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^([a-z_]+)[{ ]`).FindAllStringSubmatch(string(body), -1) {
		served[m[1]] = true
	}
	files := deployFiles(t)
	for _, name := range []string{"prometheus/alerts.yaml", "grafana/belay.json"} {
		used := regexp.MustCompile(`\b(belay|process|go)_[a-z_]+`).FindAllString(files[name], -1)
		if len(used) < 8 {
			t.Fatalf("%s uses %d metrics", name, len(used))
		}
		for _, metric := range used {
			if !served[metric] {
				t.Errorf("%s uses %s, which is not served", name, metric)
			}
		}
	}
	var dashboard struct{ Panels []struct{ Title string } }
	if err := json.Unmarshal([]byte(files["grafana/belay.json"]), &dashboard); err != nil || len(dashboard.Panels) < 10 {
		t.Errorf("the dashboard: %d panels, %v", len(dashboard.Panels), err)
	}
	for _, m := range regexp.MustCompile(`alert: (\w+)`).FindAllStringSubmatch(files["prometheus/alerts.yaml"], -1) {
		if !strings.Contains(files["GUIDE.md"], "**"+m[1]+"**") {
			t.Errorf("the guide does not say what %s means", m[1])
		}
	}
}
