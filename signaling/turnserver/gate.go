package turnserver

import (
	"net"
	"net/netip"

	"github.com/pion/stun/v4"
)

const protocolUDP = 17 // IANA protocol number, as REQUESTED-TRANSPORT has it

// judge looks at a message before TURN does. It passes on (ok), drops, or refuses
// with an answer. It is the first of two locks: the second is that an allocation
// can't send anywhere but to the relay, whatever TURN believes.
//
// Refusals come before the credentials are looked at and are not signed, as all
// of pion's error answers.
func (s *Server) judge(p []byte) (answer []byte, ok bool) {
	if len(p) > 0 && p[0] >= 64 && p[0] < 80 {
		return nil, true // to a channel that ChannelBind has led to the relay
	}
	m := &stun.Message{Raw: p}
	if err := m.Decode(); err != nil {
		return nil, false
	}
	if !s.opts.Peer.IsValid() && m.Type != stun.BindingRequest {
		return nil, false // STUN alone
	}
	switch m.Type.Class {
	case stun.ClassIndication:
		if m.Type.Method != stun.MethodSend {
			return nil, false
		}
		to, found := peersOf(m)
		return nil, found && len(to) == 1 && to[0] == s.opts.Peer
	case stun.ClassRequest:
		if code := s.refusal(m); code != 0 {
			return refuse(m, code), false
		}
		return nil, true
	}
	return nil, false
}

// refusal is the error code that a request is refused with, or 0.
func (s *Server) refusal(m *stun.Message) stun.ErrorCode {
	switch m.Type.Method {
	case stun.MethodBinding, stun.MethodRefresh:
		return 0
	case stun.MethodAllocate:
		if v, err := m.Get(stun.AttrRequestedTransport); err == nil && len(v) == 4 && v[0] != protocolUDP {
			return stun.CodeUnsupportedTransProto
		}
		if v, err := m.Get(stun.AttrRequestedAddressFamily); err == nil && len(v) == 4 && v[0] != 1 {
			return stun.CodeAddrFamilyNotSupported
		}
		// An even port is as good as another; there are none to be kept for later.
		if v, err := m.Get(stun.AttrEvenPort); err == nil && (len(v) == 0 || v[0]&0x80 != 0) {
			return stun.CodeInsufficientCapacity
		}
		if m.Contains(stun.AttrReservationToken) {
			return stun.CodeInsufficientCapacity
		}
		return 0
	case stun.MethodCreatePermission: // for addresses; the port is to be ignored (RFC 8656 section 9.1)
		to, readable := peersOf(m)
		if !readable {
			return stun.CodeBadRequest
		}
		for _, a := range to {
			if a.Addr() != s.opts.Peer.Addr() {
				return stun.CodeForbidden
			}
		}
		if len(to) > 1 { // one address several times; see permissions
			return stun.CodeInsufficientCapacity
		}
		return 0
	case stun.MethodChannelBind:
		to, readable := peersOf(m)
		switch {
		case !readable || len(to) != 1:
			return stun.CodeBadRequest
		case to[0] != s.opts.Peer:
			return stun.CodeForbidden
		}
		return 0
	case stun.MethodConnect, stun.MethodConnectionBind: // RFC 6062
		return stun.CodeForbidden
	}
	return stun.CodeBadRequest
}

// peersOf are all XOR-PEER-ADDRESS attributes, addresses of IPv4 in IPv6 taken
// out of it. False: one can't be read.
func peersOf(m *stun.Message) (all []netip.AddrPort, readable bool) {
	err := m.ForEach(stun.AttrXORPeerAddress, func(m *stun.Message) error {
		var a stun.XORMappedAddress
		if err := a.GetFromAs(m, stun.AttrXORPeerAddress); err != nil {
			return err
		}
		ip, ok := netip.AddrFromSlice(a.IP)
		if !ok || a.Port < 0 || a.Port > 0xffff {
			return &net.AddrError{Err: "no address", Addr: a.IP.String()}
		}
		all = append(all, netip.AddrPortFrom(ip.Unmap(), uint16(a.Port)))
		return nil
	})
	return all, err == nil
}

func refuse(m *stun.Message, code stun.ErrorCode) []byte {
	answer, err := stun.Build(stun.NewTransactionIDSetter(m.TransactionID),
		stun.NewType(m.Type.Method, stun.ClassErrorResponse), code)
	if err != nil {
		return nil
	}
	return answer.Raw
}

// permits is asked by TURN.
func (s *Server) permits(_ net.Addr, peer net.IP) bool {
	ip, ok := netip.AddrFromSlice(peer)
	return ok && ip.Unmap() == s.opts.Peer.Addr()
}
