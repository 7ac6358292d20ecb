package observe

import (
	"context"
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"belay/cmd/internal/disk"
	"belay/session"
	"belay/session/live"
	"belay/session/store"
	"belay/signaling"
)

// Metrics count. All methods may be called concurrently. It is the live.Observer
// of a server's sessions.
type Metrics struct {
	registry *prometheus.Registry

	late    prometheus.Histogram
	append  prometheus.Histogram
	failed  *prometheus.CounterVec
	raised  *prometheus.CounterVec
	belated prometheus.Counter

	crossing prometheus.Histogram
}

var _ live.Observer = (*Metrics)(nil)

// Why an append did not work.
const (
	full     = "full"     // no space, or no memory in Redis
	conflict = "conflict" // another writer was first: decided again, nothing is lost
	other    = "other"
)

// New makes metrics that nobody has counted on yet.
func New() *Metrics {
	m := &Metrics{
		registry: prometheus.NewPedanticRegistry(),
		late: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "belay_deadline_lateness_seconds", Help: "How long after its time a deadline was decided and recorded. After a restart this includes the time without a server.",
			Buckets: []float64{.01, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300, 3600},
		}),
		append: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "belay_append_duration_seconds", Help: "How long the event log took to make events durable.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
		}),
		failed: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "belay_append_failures_total", Help: "Appends that the event log did not take, by why.",
		}, []string{"why"}),
		raised: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "belay_alarms_raised_total", Help: "Alarms that were raised in sessions, practice sessions included, by their first priority.",
		}, []string{"priority"}),
		belated: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "belay_alarms_late_total", Help: "Alarms that entered the record late: when they were due the server was not running or could not write, or their cause was reported later.",
		}),
		crossing: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "belay_node_crossing_seconds", Help: "How long a message from server to server takes by way of Redis, seen by one to itself every five seconds.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
		}),
	}
	for _, why := range []string{full, conflict, other} {
		m.failed.WithLabelValues(why)
	}
	for _, p := range []session.Priority{session.Low, session.Medium, session.High} {
		m.raised.WithLabelValues(string(p))
	}
	m.registry.MustRegister(m.late, m.append, m.failed, m.raised, m.belated, m.crossing,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Reached implements live.Observer.
func (m *Metrics) Reached(late time.Duration) { m.late.Observe(max(late, 0).Seconds()) }

// Recorded implements live.Observer.
func (m *Metrics) Recorded(events []session.Event) {
	for _, e := range events {
		if alarm, ok := e.Fact.(session.AlarmRaised); ok && len(alarm.Ladder) > 0 {
			m.raised.WithLabelValues(string(alarm.Ladder[0].Priority)).Inc()
			if alarm.Late {
				m.belated.Inc()
			}
		}
	}
}

// Store measures the appends of s. Closing it closes s.
func (m *Metrics) Store(s store.Store) store.Store { return &measured{s, m} }

type measured struct {
	store.Store
	m *Metrics
}

// Append implements store.Store.
func (s *measured) Append(ctx context.Context, b store.Batch) error {
	began := time.Now()
	err := s.Store.Append(ctx, b)
	moved, refused := errors.AsType[*store.ConflictError](err)
	switch {
	case err == nil:
		s.m.append.Observe(time.Since(began).Seconds())
	case refused && len(b.Records) > 0 && moved.Have == b.End(): // sent again, and it was there: nobody else wrote
	case refused:
		s.m.failed.WithLabelValues(conflict).Inc()
	case errors.Is(err, store.ErrFull):
		s.m.failed.WithLabelValues(full).Inc()
	default:
		s.m.failed.WithLabelValues(other).Inc()
	}
	return err
}

// Sources are where the numbers of the moment come from.
type Sources struct {
	Sessions *live.Sessions
	Edge     *signaling.Edge
	Data     string // the folder whose disk is watched
	Nodes    Nodes
}

// Watch adds the numbers of the moment. It is called once.
func (m *Metrics) Watch(s Sources) error {
	return m.registry.Register(&moment{s})
}

// moment asks the sources when it is asked itself.
type moment struct{ Sources }

var (
	loaded     = prometheus.NewDesc("belay_sessions_loaded", "Sessions in memory: in use, or with something due within a minute.", nil, nil)
	degraded   = prometheus.NewDesc("belay_sessions_degraded", "Sessions whose people are told that the record can't be written, or that the clock stepped.", nil, nil)
	conns      = prometheus.NewDesc("belay_connections", "WebSocket connections of screens.", nil, nil)
	rooms      = prometheus.NewDesc("belay_rooms", "Sessions with at least one connection.", nil, nil)
	ended      = prometheus.NewDesc("belay_connections_ended_total", "Connections that have ended, by why. slow: its outbox was full; left: the page went, or was cut off.", []string{"why"}, nil)
	brokered   = prometheus.NewDesc("belay_signaling_brokered_total", "Messages between pages (offers, answers, candidates) that came to be passed on.", nil, nil)
	relayRooms = prometheus.NewDesc("belay_relay_rooms", "Visits with a place at the media relay.", nil, nil)
	relayMost  = prometheus.NewDesc("belay_relay_rooms_max", "Visits that the media relay has a place for; 0: there is no relay.", nil, nil)
	diskFree   = prometheus.NewDesc("belay_disk_free_bytes", "Free space where the data folder lies.", nil, nil)
)

// Describe implements prometheus.Collector.
func (*moment) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{loaded, degraded, conns, rooms, ended, brokered, relayRooms, relayMost, diskFree} {
		to <- d
	}
	for _, d := range nodesNumbers {
		to <- d
	}
}

// Collect implements prometheus.Collector.
func (s *moment) Collect(to chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v float64) { to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v) }
	gauge(loaded, float64(s.Sessions.Loaded()))
	gauge(degraded, float64(s.Sessions.Degraded()))
	c := s.Edge.Counts()
	gauge(conns, float64(c.Connections))
	gauge(rooms, float64(c.Rooms))
	gauge(relayRooms, float64(c.RelayRooms))
	gauge(relayMost, float64(c.RelayRoomsMost))
	to <- prometheus.MustNewConstMetric(brokered, prometheus.CounterValue, float64(c.Brokered))
	for why, n := range c.Ended {
		to <- prometheus.MustNewConstMetric(ended, prometheus.CounterValue, float64(n), why)
	}
	s.Nodes.collect(to, c.HomeMoves)
	if free, err := disk.Free(s.Data); err == nil {
		gauge(diskFree, float64(free))
	}
}
