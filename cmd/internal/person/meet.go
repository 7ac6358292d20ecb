package person

import (
	"time"

	"belay/session"
	"belay/signaling/protocol"
)

// relayRole is that of the relay in lists. One that is replaced by another is kept
// until that one carries.
const relayRole = "relay"

// overlap is how long two relays are kept side by side.
const overlap = 3 * time.Second

// meet takes over the list of peers.
func (p *Person) meet(list []protocol.Peer) {
	var gone []*link
	p.mu.Lock()
	listed := map[protocol.PeerID]protocol.Peer{}
	seats := map[string]bool{}
	for _, one := range list {
		listed[one.Peer], seats[one.Seat] = one, true
	}
	for id, l := range p.links {
		one, here := listed[id]
		switch {
		case here && one.Offer == l.listed.Offer && one.Video == l.listed.Video:
			l.absent = time.Time{}
		case here || seats[l.listed.Seat] && l.listed.Role != relayRole || l.listed.Role == string(session.Chaperone):
			// It is another page now, or may not see any more.
			delete(p.links, id)
			gone = append(gone, l)
		case l.absent.IsZero():
			l.absent = time.Now() // a server that starts anew knows nobody at first
		}
	}
	p.mu.Unlock()
	for _, l := range gone {
		l.close()
	}
	for _, one := range list {
		p.mu.Lock()
		have := p.links[one.Peer] != nil
		p.mu.Unlock()
		if have {
			continue
		}
		l := newLink(p, one)
		p.mu.Lock()
		p.links[one.Peer] = l
		p.mu.Unlock()
	}
	p.mu.Lock()
	early := p.early
	p.early = nil
	p.mu.Unlock()
	for _, b := range early {
		p.broker(b.from, b.message)
	}
}

// broker hands a message of another peer to its link; one that comes before the
// list that names its sender waits.
func (p *Person) broker(from protocol.PeerID, message any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if l := p.links[from]; l != nil {
		l.post(func() { l.signal(message) })
	} else if len(p.early) < maxEarly {
		p.early = append(p.early, brokered{from, message})
	}
}

// forget closes the links to peers that the server does not list any more and
// from which nothing comes.
func (p *Person) forget() {
	var gone []*link
	now := time.Now()
	p.mu.Lock()
	next := false
	for _, l := range p.links {
		next = next || l.listed.Role == relayRole && l.absent.IsZero()
	}
	for id, l := range p.links {
		if next && l.listed.Role == relayRole && !l.absent.IsZero() && now.Sub(l.absent) > overlap {
			delete(p.links, id)
			gone = append(gone, l)
			continue
		}
		if l.absent.IsZero() || now.Sub(l.absent) < staleAfter {
			continue
		}
		f := l.flow.snapshot("")
		if now.Sub(f.Picture.Last) > staleAfter && now.Sub(f.Sound.Last) > staleAfter {
			delete(p.links, id)
			gone = append(gone, l)
		}
	}
	p.mu.Unlock()
	for _, l := range gone {
		l.close()
	}
}
