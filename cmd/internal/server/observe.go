package server

import (
	"net"

	"belay/cmd/internal/observe"
	"belay/signaling"
)

// observe shows the instruments on a loopback address of their own.
func (s *Server) observe(edge *signaling.Edge) error {
	if s.opts.Metrics == "" {
		return nil
	}
	sources := observe.Sources{Sessions: s.sessions, Edge: edge, Data: s.opts.Data}
	sources.Nodes = observe.Nodes{Ends: s.ending.Load, Journal: s.journal, Kept: s.kept}
	if n := s.nodes; n != nil {
		n.OnCrossing(s.metrics.Crossed)
		sources.Nodes.Mail = n.MailCounts
		sources.Nodes.Others = func() (living, draining int) {
			for _, p := range n.Others() {
				if living++; p.Draining {
					draining++
				}
			}
			return living, draining
		}
	}
	if err := s.metrics.Watch(sources); err != nil {
		return err
	}
	l, err := observe.Listen(s.opts.Metrics)
	if err != nil {
		return err
	}
	s.instruments = l.Addr()
	s.serve("metrics", l, s.metrics.Handler(sources))
	return nil
}

// Instruments is the address of /metrics, or nil.
func (s *Server) Instruments() net.Addr { return s.instruments }

// Warnings are what an operator has to know about where the record lies. They
// are to be shown loudly.
func (s *Server) Warnings() []string { return s.warnings }
