package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"runtime"
	"strconv"
	"sync"
	"time"
)

// gauge watches the processor time and the memory of a server that is our own
// child, where the system tells (Linux: /proc, see proc(5)).
type gauge struct {
	pid   int // 0: nothing is to be seen
	began use
	marks []use

	mu   sync.Mutex
	most uint64 // bytes of memory

	quit  chan struct{}
	done  sync.WaitGroup
	ended use
}

// use is what a process has used up to a moment.
type use struct {
	at        time.Time
	processor time.Duration
	memory    uint64 // bytes that are in memory now
}

// startGauge begins to watch; end is called once.
func startGauge(h *house) *gauge {
	g := &gauge{quit: make(chan struct{})}
	if h == nil {
		return g
	}
	g.pid = h.cmd.Process.Pid
	if g.began = g.read(); g.began.memory == 0 {
		g.pid = 0
		return g
	}
	g.done.Go(func() {
		every := time.NewTicker(500 * time.Millisecond)
		defer every.Stop()
		for {
			select {
			case <-g.quit:
				return
			case <-every.C:
				g.read()
			}
		}
	})
	return g
}

func (g *gauge) end() {
	close(g.quit)
	g.done.Wait()
	if g.pid != 0 {
		g.ended = g.read()
	}
}

// mark notes what has been used up to now.
func (g *gauge) mark() {
	if g.pid != 0 {
		g.marks = append(g.marks, g.read())
	}
}

// read looks once; what can't be seen is zero.
func (g *gauge) read() use {
	u := use{at: time.Now()}
	dir := fmt.Sprintf("/proc/%d/", g.pid)
	if stat, err := os.ReadFile(dir + "stat"); err == nil {
		// The second field is a name in brackets, which may hold anything.
		fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
		if len(fields) > 12 { // utime and stime, in hundredths of a second
			for _, f := range fields[11:13] {
				ticks, _ := strconv.ParseInt(string(f), 10, 64)
				u.processor += time.Duration(ticks) * 10 * time.Millisecond
			}
		}
	}
	if statm, err := os.ReadFile(dir + "statm"); err == nil {
		if fields := bytes.Fields(statm); len(fields) > 1 {
			pages, _ := strconv.ParseUint(string(fields[1]), 10, 64)
			u.memory = pages * uint64(os.Getpagesize())
		}
	}
	g.mu.Lock()
	g.most = max(g.most, u.memory)
	g.mu.Unlock()
	return u
}

// report prints what the sessions cost the server: from mark to mark, where all
// stayed together, else from their beginning to their end.
func (g *gauge) report(out io.Writer, sessions int, played time.Duration, stayed bool) {
	if g.pid == 0 {
		fmt.Fprintln(out, "server      not our own child: see its instruments for processor and memory")
		return
	}
	from, to := g.began, g.ended
	if stayed && len(g.marks) == 2 {
		from, to = g.marks[0], g.marks[1]
		played = time.Duration(sessions) * to.at.Sub(from.at)
	}
	used, hours := to.processor-from.processor, played.Hours()
	perHour := time.Duration(float64(used) / max(hours, 1e-9))
	fmt.Fprintf(out, "processor   %s in %s, of %d processors; %s for each session and hour\n", used, to.at.Sub(from.at).Round(time.Second), runtime.NumCPU(), perHour.Round(10*time.Millisecond))
	if used > 0 {
		fmt.Fprintf(out, "            one processor bears %.0f such sessions, were nothing else on it\n", float64(time.Hour)/float64(max(perHour, 1)))
	}
	fmt.Fprintf(out, "memory      %s before, %s at most; %s for each session\n", mebi(g.began.memory), mebi(g.most), mebi((g.most-g.began.memory)/uint64(sessions)))
}

func mebi(n uint64) string { return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20)) }
