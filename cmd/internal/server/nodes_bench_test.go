package server_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"belay/cmd/internal/person"
	"belay/cmd/internal/server"
	"belay/session"
	"belay/session/store"
	"belay/session/store/redis"
	"belay/session/store/redis/redistest"
	"belay/session/store/storetest"
)

// BenchmarkCommandAcrossTwoNodes is the time from a command of somebody at one node
// until the view with it has come to somebody at another, against the round trip of the
// script that writes as much. Both through real sockets and one Redis that syncs each
// write. What the scripted person makes of a view that has come is not counted.
func BenchmarkCommandAcrossTwoNodes(b *testing.B) {
	where := &redis.Options{Addrs: []string{redistest.Alone(b).Addr}}
	here, there := start(b, server.Options{Redis: where}), server.Options{Redis: where}
	robin := therapist(b, here)
	m := robin.make(plain())
	far := start(b, there)
	alex := visit(b, far.URL())
	place := alex.open(200, m.links["client-1"])["location"].(string)
	type view struct {
		at  time.Time
		seq uint64
	}
	seen := make(chan view, 1024)
	sits := func(v *visitor, base, place string, view func(time.Time, session.View)) *person.Person {
		p, err := person.Join(person.Options{URL: strings.Replace(base, "http", "ws", 1) + place + "ws", Cookies: v.http.Jar, View: view})
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { _ = p.Close() })
		if err := p.Open(soon(b)); err != nil {
			b.Fatal(err)
		}
		return p
	}
	sender := sits(robin, here.URL(), m.place, nil)
	sits(alex, far.URL(), place, func(at time.Time, v session.View) { seen <- view{at, v.Seq} })

	bare, err := redis.Open(b.Context(), *where)
	if err != nil {
		b.Fatal(err)
	}
	defer bare.Close()
	var script, across, answered time.Duration
	at := store.Position{}
	pace := time.NewTicker(25 * time.Millisecond) // a connection may not do more than protocol.MessageRate
	defer pace.Stop()
	write := func(i int) {
		batch := storetest.Next("floor", at, 1, uint64(i))
		began := time.Now()
		if err := bare.Append(b.Context(), batch); err != nil {
			b.Fatal(err)
		}
		script += time.Since(began)
		at = batch.End()
	}
	command := func(i int) {
		began := time.Now()
		done, err := sender.Do(b.Context(), session.WriteNote{Text: fmt.Sprintf("note %d", i)})
		if err != nil || done.Err() != nil {
			b.Fatal(err, done.Err())
		}
		answered += time.Since(began)
		var last view
		for last.seq < done.Seq {
			last = <-seen
		}
		across += last.at.Sub(began)
	}
	for i := 0; b.Loop(); i++ {
		<-pace.C
		both := []func(int){write, command}
		if i%2 == 1 { // the first after a pause is the slower one
			both = []func(int){command, write}
		}
		for _, f := range both {
			f(i)
		}
	}
	n := time.Duration(b.N)
	b.ReportMetric(float64((script / n).Microseconds()), "script-us")
	b.ReportMetric(float64((answered / n).Microseconds()), "answered-us")
	b.ReportMetric(float64((across / n).Microseconds()), "across-us")
	b.ReportMetric(float64(across)/float64(script), "across/script")
}
