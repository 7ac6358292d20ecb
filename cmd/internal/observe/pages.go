package observe

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"belay/session"
	"belay/session/live"
)

// Listen opens an address for Handler. Any but a loopback address is refused.
func Listen(address string) (net.Listener, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("metrics: %w", err)
	}
	if !loopback(host) {
		return nil, fmt.Errorf("metrics: %q is no loopback address: they are for this machine only, as 127.0.0.1:9464", address)
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("metrics: %w", err)
	}
	return l, nil
}

func loopback(host string) bool {
	ip, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return host == "localhost" || err == nil && ip.Unmap().IsLoopback()
}

// Handler answers /metrics, /sessions and /sessions/ID.
func (m *Metrics) Handler(s Sources) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{EnableOpenMetrics: true}))
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(w, "/metrics        for Prometheus\n/sessions       the sessions in memory\n/sessions/ID    one session: counts and states, nobody's name")
	})
	mux.HandleFunc("GET /sessions", func(w http.ResponseWriter, _ *http.Request) {
		ids := s.Sessions.LoadedIDs()
		slices.Sort(ids)
		for _, id := range ids {
			fmt.Fprintln(w, id)
		}
	})
	mux.HandleFunc("GET /sessions/{id}", func(w http.ResponseWriter, r *http.Request) {
		var page string
		err := s.Sessions.Look(r.Context(), r.PathValue("id"), func(st *session.State) { page = describe(st, s.Sessions.Now(st)) })
		switch {
		case errors.Is(err, live.ErrUnknown):
			http.Error(w, "there is no such session", http.StatusNotFound)
		case err != nil:
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
		default:
			_, _ = io.WriteString(w, page)
		}
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, err := net.SplitHostPort(r.Host)
		if err != nil {
			host = r.Host
		}
		if !loopback(host) {
			http.Error(w, "this is for this machine only", http.StatusForbidden)
			return
		}
		w.Header().Set("Content-Type", "text/plain; charset=utf-8") // /metrics says its own
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Cache-Control", "no-store")
		mux.ServeHTTP(w, r)
	})
}

// describe says how a session stands, in counts and states.
func describe(st *session.State, now time.Time) string {
	var b strings.Builder
	ago := func(t time.Time) string { return now.Sub(t).Round(time.Second).String() + " ago" }
	t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "session\t%s\n", st.ID)
	fmt.Fprintf(t, "now\t%s\n", now.Format(time.RFC3339))
	if st.Practice {
		fmt.Fprintf(t, "practice\t%g times as fast\n", st.Pace.Rate)
	}
	fmt.Fprintf(t, "events\t%d, the last %s\n", st.Seq, ago(st.Recorded))
	fmt.Fprintf(t, "head\t%.16s\n", st.Head)
	if len(st.Deadlines) > 0 {
		next := st.Deadlines[0]
		fmt.Fprintf(t, "deadlines\t%d, the next in %s: %s %s\n", len(st.Deadlines), next.At.Sub(now).Round(time.Second), next.Kind, next.Client)
	} else {
		fmt.Fprintf(t, "deadlines\tnone\n")
	}
	fmt.Fprintf(t, "conditions\t%d begun and not raised yet\n", len(st.Watches))
	fmt.Fprintln(t)
	for _, seat := range st.Seats {
		presence := "never here"
		if p, ok := st.Presence[seat.ID]; ok && p.Conn != "" {
			presence = "connected, since " + ago(p.Since)
		} else if ok {
			presence = "not connected, last heard " + ago(p.Since)
		}
		fmt.Fprintf(t, "%s\t%s\t%s\n", seat.ID, seat.Role, presence)
	}
	fmt.Fprintln(t)
	for _, c := range st.Clients {
		fmt.Fprintf(t, "%s\t%s since %s\n", c.Seat, c.Phase, ago(c.PhaseSince))
		fmt.Fprintf(t, "\tdoses %d, checks settled %d, vitals %d, side effects %d\n", len(c.Doses), len(c.Gates), len(c.Vitals), len(c.SideEffects))
		fmt.Fprintf(t, "\tpicture %s, sound %s, therapist's voice to them %s\n", since(c.PictureLost, ago), since(c.SoundLost, ago), since(c.VoiceLost, ago))
	}
	fmt.Fprintln(t)
	fmt.Fprintf(t, "alarms\t%d\n", len(st.Alarms))
	for _, a := range st.Alarms {
		state := "on rung " + fmt.Sprint(a.Rung+1) + " of " + fmt.Sprint(len(a.Ladder))
		if a.Late {
			state += ", raised late"
		}
		if !a.Acknowledged.IsZero() {
			state += ", acknowledged"
		}
		if !a.Ended.IsZero() {
			state += ", over"
		}
		fmt.Fprintf(t, "%s\t%s %s\tabout %s, raised %s, %s\n", a.ID, a.Priority, a.Condition, a.Client, ago(a.Raised), state)
	}
	_ = t.Flush() // a strings.Builder takes everything
	return b.String()
}

func since(lost time.Time, ago func(time.Time) string) string {
	if lost.IsZero() {
		return "not known to be lost"
	}
	return "lost " + ago(lost)
}
