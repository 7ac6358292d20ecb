package redistest

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"
)

// When a Sentinel takes a silent master for gone: soon, where a test kills it; not at
// all, where a busy disk must not look like a death.
const (
	Soon    = time.Second
	Patient = 30 * time.Second
)

// Watched is a master with its replicas, and Sentinels that make one of those the
// master when it is gone.
type Watched struct {
	Name      string
	Sentinels []string
	Servers   []*Server // the first began as the master
	t         testing.TB
}

// Sentinel starts a master, so many replicas, and three Sentinels, which take the
// master for gone when it has been silent for downAfter.
func Sentinel(t testing.TB, replicas int, downAfter time.Duration) *Watched {
	t.Helper()
	w := &Watched{Name: "belay", t: t, Servers: []*Server{Alone(t)}}
	host, port, _ := net.SplitHostPort(w.Servers[0].Addr)
	for range replicas {
		w.Servers = append(w.Servers, Alone(t, "--replicaof", host+" "+port))
	}
	w.InStep()
	for range 3 {
		s := prepare(t, free(t))
		_, own, _ := net.SplitHostPort(s.Addr)
		conf := strings.Join([]string{
			"port " + own, "bind 127.0.0.1", "dir " + s.dir, "logfile " + filepath.Join(s.dir, "log"),
			fmt.Sprintf("sentinel monitor %s %s %s 2", w.Name, host, port),
			fmt.Sprintf("sentinel down-after-milliseconds %s %d", w.Name, downAfter.Milliseconds()),
			fmt.Sprintf("sentinel failover-timeout %s 3000", w.Name), // after a failed attempt the next comes in twice that
			"",
		}, "\n")
		file := filepath.Join(s.dir, "sentinel.conf") // Sentinel writes in it what it learns
		if err := os.WriteFile(file, []byte(conf), 0o600); err != nil {
			t.Fatal(err)
		}
		s.args = []string{file, "--sentinel"}
		s.Start()
		w.Sentinels = append(w.Sentinels, s.Addr)
	}
	for _, addr := range w.Sentinels {
		(&Server{Addr: addr, t: t}).await("knows the replicas and the other Sentinels", func(c *goredis.Client) bool {
			info, err := c.Info(t.Context(), "sentinel").Result()
			return err == nil && strings.Contains(info, fmt.Sprintf("slaves=%d,sentinels=3", replicas))
		})
	}
	return w
}

// Master returns the server that the Sentinels now name.
func (w *Watched) Master(ctx context.Context) *Server {
	for _, addr := range w.Sentinels {
		c := goredis.NewSentinelClient(&goredis.Options{Addr: addr, MaxRetries: -1, DisableIdentity: true})
		at, err := c.GetMasterAddrByName(ctx, w.Name).Result()
		_ = c.Close()
		if err != nil || len(at) != 2 {
			continue
		}
		for _, s := range w.Servers {
			if s.Addr == net.JoinHostPort(at[0], at[1]) {
				return s
			}
		}
	}
	return nil
}

// Follow has a server that was the master once follow the one that is it now. The
// Sentinels would have it do so too, after some ten seconds.
func (w *Watched) Follow(s *Server) {
	w.t.Helper()
	host, port, _ := net.SplitHostPort(w.Master(w.t.Context()).Addr)
	s.Do("REPLICAOF", host, port)
	w.InStep()
}

// InStep returns when one server is the master that the Sentinels name, and all
// others follow it and have what it has.
func (w *Watched) InStep() {
	w.t.Helper()
	for looks := 0; !w.inStep(); looks++ {
		if time.Sleep(lookEvery); looks == patience {
			w.t.Fatal("the replicas of Redis never followed one master")
		}
	}
}

func (w *Watched) inStep() bool {
	master := w.Servers[0]
	if len(w.Sentinels) > 0 {
		master = w.Master(w.t.Context())
	}
	if master == nil || master.cmd == nil {
		return false
	}
	for _, s := range w.Servers {
		c := s.Client()
		info, err := c.Info(w.t.Context(), "replication").Result()
		_ = c.Close()
		_, port, _ := net.SplitHostPort(master.Addr)
		switch {
		case err != nil:
			return false
		case s == master:
			if !strings.Contains(info, "role:master") || !strings.Contains(info, fmt.Sprintf("connected_slaves:%d", len(w.Servers)-1)) {
				return false
			}
		case !strings.Contains(info, "master_port:"+port) || !strings.Contains(info, "master_link_status:up"):
			return false
		}
	}
	return true
}

// Cluster starts a Cluster of so many masters and returns them.
func Cluster(t testing.TB, masters int) []*Server {
	t.Helper()
	var all []*Server
	for range masters {
		all = append(all, Alone(t, "--cluster-enabled", "yes", "--cluster-node-timeout", "2000"))
	}
	const slots = 16384
	for i, s := range all {
		s.Do("CLUSTER", "ADDSLOTSRANGE", slots*i/masters, slots*(i+1)/masters-1)
		s.Do("CLUSTER", "SET-CONFIG-EPOCH", i+1)
	}
	for _, s := range all[1:] {
		host, port, _ := net.SplitHostPort(s.Addr)
		all[0].Do("CLUSTER", "MEET", host, port)
	}
	for _, s := range all {
		s.await("sees the whole Cluster", func(c *goredis.Client) bool {
			info, err := c.ClusterInfo(t.Context()).Result()
			return err == nil && strings.Contains(info, "cluster_state:ok") && strings.Contains(info, fmt.Sprintf("cluster_known_nodes:%d", masters))
		})
	}
	return all
}
