package journal

import (
	"path/filepath"
	"testing"
	"time"

	"belay/session/store"
	"belay/session/store/redis"
	"belay/session/store/redis/redistest"
	"belay/session/store/storetest"
)

// BenchmarkAppendUnderTheNet is the time until an append is both in Redis and on this
// node's tape, against that of the same script alone, where both sync to one disk. They
// take turns at being the first after a pause, which is the slower place.
func BenchmarkAppendUnderTheNet(b *testing.B) {
	where := redis.Options{Addrs: []string{redistest.Alone(b).Addr}}
	n := open(b, filepath.Join(b.TempDir(), "journal.db"), where)
	defer n.Close()
	type way struct {
		log    string
		append func(store.Batch) error
		at     store.Position
		took   time.Duration
	}
	script := &way{log: "floor", append: func(batch store.Batch) error { return n.shared.Append(b.Context(), batch) }}
	net := &way{log: "log", append: func(batch store.Batch) error { return n.Append(b.Context(), batch) }}
	pace := time.NewTicker(10 * time.Millisecond)
	defer pace.Stop()
	for i := uint64(0); b.Loop(); i++ {
		<-pace.C
		both := []*way{script, net}
		if i%2 == 1 {
			both = []*way{net, script}
		}
		for _, w := range both {
			batch := storetest.Next(w.log, w.at, 1, i)
			began := time.Now()
			if err := w.append(batch); err != nil {
				b.Fatal(err)
			}
			w.took += time.Since(began)
			w.at = batch.End()
		}
	}
	b.ReportMetric(float64((script.took / time.Duration(b.N)).Microseconds()), "script-us")
	b.ReportMetric(float64((net.took / time.Duration(b.N)).Microseconds()), "net-us")
	b.ReportMetric(float64(net.took)/float64(script.took), "net/script")
}
