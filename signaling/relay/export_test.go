package relay

import "belay/signaling/protocol"

// Short is how many of a page's streams take the short way.
func (r *Relay) Short(session string, page protocol.PeerID) (n int) {
	p := r.room(session).party(page)
	if p == nil {
		return 0
	}
	l := p.current()
	if l == nil {
		return 0
	}
	l.in.mu.Lock()
	defer l.in.mu.Unlock()
	for _, i := range l.in.all {
		i.mu.Lock()
		if i.short {
			n++
		}
		i.mu.Unlock()
	}
	return n
}

// Waiting is the longest queue that a connection has for pion, and what bounds it.
func (r *Relay) Waiting() (longest, most int) {
	m := r.stack.udp
	m.mu.RLock()
	defer m.mu.RUnlock()
	for _, p := range m.ports {
		p.mu.Lock()
		longest = max(longest, p.n, len(p.media))
		p.mu.Unlock()
	}
	return longest, portWaits
}
