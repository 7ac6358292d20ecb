package observe

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"belay/session/store/journal"
	"belay/session/store/redis"
)

// Nodes is where the numbers of several servers on one Redis come from. The zero value
// is one server by itself.
type Nodes struct {
	Others  func() (living, draining int)
	Mail    func() redis.MailCounts
	Journal *journal.Journal
	Kept    *journal.Store
	Ends    func() bool // this server is about to end
}

var (
	members      = prometheus.NewDesc("belay_nodes", "Servers that share the record and are seen to live, this one included.", nil, nil)
	othersDrain  = prometheus.NewDesc("belay_nodes_draining", "Other servers that are about to end.", nil, nil)
	drains       = prometheus.NewDesc("belay_node_draining", "1 while this server hands over what it does, and ends.", nil, nil)
	moves        = prometheus.NewDesc("belay_relay_home_moves_total", "Sessions whose relay this server gave to another, or took over from one that was gone.", nil, nil)
	outbox       = prometheus.NewDesc("belay_node_outbox_letters", "Messages to other servers that Redis has not taken yet.", nil, nil)
	outboxAge    = prometheus.NewDesc("belay_node_outbox_oldest_seconds", "For how long the first of them has waited. After ten seconds it is given up.", nil, nil)
	inbox        = prometheus.NewDesc("belay_node_inbox_letters", "Messages from other servers that were read and are not dealt with yet.", nil, nil)
	inboxAge     = prometheus.NewDesc("belay_node_inbox_behind_seconds", "For how long a message that this server sent to itself has not come, beyond a second.", nil, nil)
	lettersLost  = prometheus.NewDesc("belay_node_letters_given_up_total", "Messages to other servers that Redis did not take within ten seconds.", nil, nil)
	unsafe       = prometheus.NewDesc("belay_journal_unsafe_batches", "What this server acknowledged and not every replica of Redis has yet: it is kept here.", nil, nil)
	unsafeAge    = prometheus.NewDesc("belay_journal_unsafe_oldest_seconds", "For how long the oldest of that has been kept.", nil, nil)
	waiting      = prometheus.NewDesc("belay_journal_waiting_entries", "What was noted while Redis was away, or lost by a failover, and has not entered the record yet.", nil, nil)
	reentered    = prometheus.NewDesc("belay_journal_reentered_total", "Of that, what has entered the record, with its own time.", nil, nil)
	writtenBack  = prometheus.NewDesc("belay_journal_written_back_total", "Appends that a failover had lost and this server wrote back as they were.", nil, nil)
	inNoRecord   = prometheus.NewDesc("belay_journal_lost_batches", "Appends that a failover lost, that fit no more and can't be decided again: they are kept here and are in no record.", nil, nil)
	nodesNumbers = []*prometheus.Desc{members, othersDrain, drains, moves, outbox, outboxAge, inbox, inboxAge, lettersLost,
		unsafe, unsafeAge, waiting, reentered, writtenBack, inNoRecord}
)

// Crossed counts how long a message took from a server to a server.
func (m *Metrics) Crossed(took time.Duration) { m.crossing.Observe(took.Seconds()) }

// collect sends the numbers of this moment.
func (n Nodes) collect(to chan<- prometheus.Metric, homeMoves uint64) {
	gauge := func(d *prometheus.Desc, v float64) { to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v) }
	counter := func(d *prometheus.Desc, v float64) {
		to <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, v)
	}
	living, ending := 0, 0
	if n.Others != nil {
		living, ending = n.Others()
	}
	gauge(members, float64(living+1))
	gauge(othersDrain, float64(ending))
	end := 0.
	if n.Ends != nil && n.Ends() {
		end = 1
	}
	gauge(drains, end)
	counter(moves, float64(homeMoves))
	var mail redis.MailCounts
	if n.Mail != nil {
		mail = n.Mail()
	}
	gauge(outbox, float64(mail.Waiting))
	gauge(outboxAge, mail.Oldest.Seconds())
	gauge(inbox, float64(mail.Unread))
	gauge(inboxAge, mail.Behind.Seconds())
	counter(lettersLost, float64(mail.Lost))
	var kept, back int
	var age time.Duration
	if n.Kept != nil {
		var since time.Time
		if kept, since = n.Kept.Kept(); kept > 0 {
			age = time.Since(since)
		}
		back, _ = n.Kept.Mended()
	}
	var noted journal.Counts
	if n.Journal != nil {
		noted = n.Journal.Counts()
	}
	gauge(unsafe, float64(kept))
	gauge(unsafeAge, age.Seconds())
	gauge(waiting, float64(noted.Waiting))
	counter(reentered, float64(noted.Settled))
	counter(writtenBack, float64(back))
	gauge(inNoRecord, float64(noted.Lost))
}
