package relay

import (
	"bytes"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/binary"
	"encoding/hex"
	"hash"
	"sync"
	"sync/atomic"

	"github.com/pion/dtls/v3"
	"github.com/pion/dtls/v3/pkg/crypto/prf"
	"github.com/pion/dtls/v3/pkg/protocol/extension"
	"github.com/pion/dtls/v3/pkg/protocol/handshake"
	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"
	"github.com/pion/webrtc/v4"
)

// shortcut decrypts what a page sends where the socket is read, and hands it to its
// inlet there: pion's own way from the socket to the inlet has four goroutines, and
// to wake them costs more than all else that is done with a packet.
//
// It needs the connection's keys, which pion does not give out. So it listens to the
// handshake: what a server says in its hello (its random number, the cipher suite,
// the profile of SRTP), and the secret as it is written for a key log (in this
// process's memory, where pion has it too), make the keys (RFC 5764 section 4.2).
// Where anything is missing, and always over TCP, packets go pion's way.
//
// Pion's own decryption counts how often a stream's numbers have begun anew; were it
// never to see a packet it would lose count, and a page that comes over to TCP would
// fall silent. So some packets go both ways (see both), and the inlet drops the
// second.
type shortcut struct {
	in *inlets

	mu      sync.Mutex
	random  [handshake.RandomLength]byte // the server's
	hash    func() hash.Hash
	profile srtp.ProtectionProfile
	keys    atomic.Pointer[srtp.Context] // nil: not there yet. What is in it is under mu
	header  rtp.Header
}

const replayWindow = 512 // packets behind the newest (RFC 3711 section 3.3.2): more than is asked for again (see gaps) and what comes meanwhile

// listen has a connection tell its keys.
func (s *shortcut) listen(set *webrtc.SettingEngine) error {
	set.SetDTLSServerHelloMessageHook(s.hello)
	set.SetDTLSKeyLogWriter(s)
	return set.SetAnsweringDTLSRole(webrtc.DTLSRoleServer) // a client has no hook that sees the server's hello
}

func (s *shortcut) hello(m handshake.MessageServerHello) handshake.Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.random = m.Random.MarshalFixed()
	s.hash = sha256.New
	if m.CipherSuiteID != nil {
		switch dtls.CipherSuiteID(*m.CipherSuiteID) {
		case dtls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, dtls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384:
			s.hash = sha512.New384
		}
	}
	s.profile = 0
	for _, e := range m.Extensions {
		if e, ok := e.(*extension.UseSRTP); ok && len(e.ProtectionProfiles) == 1 {
			s.profile = srtp.ProtectionProfile(e.ProtectionProfiles[0])
		}
	}
	return &m
}

// Write takes a line of the key log: CLIENT_RANDOM, the client's random number, the
// secret.
func (s *shortcut) Write(line []byte) (int, error) {
	words := bytes.Fields(line)
	if len(words) != 3 || string(words[0]) != "CLIENT_RANDOM" {
		return len(line), nil
	}
	client, err := hex.DecodeString(string(words[1]))
	if err != nil {
		return len(line), nil
	}
	master, err := hex.DecodeString(string(words[2]))
	if err != nil {
		return len(line), nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.hash == nil || s.profile == 0 {
		return len(line), nil
	}
	c := srtp.Config{Profile: s.profile}
	if c.ExtractSessionKeysFromDTLS(exporter{master, client, s.random[:], s.hash}, false) != nil {
		return len(line), nil
	}
	keys, err := srtp.CreateContext(c.Keys.RemoteMasterKey, c.Keys.RemoteMasterSalt, s.profile, srtp.SRTPReplayProtection(replayWindow))
	if err == nil {
		s.keys.Store(keys)
	}
	return len(line), nil
}

// exporter makes keys of a connection's secret (RFC 5705 section 4).
type exporter struct {
	master, client, server []byte
	hash                   func() hash.Hash
}

// ExportKeyingMaterial implements srtp.KeyingMaterialExporter.
func (e exporter) ExportKeyingMaterial(label string, _ []byte, length int) ([]byte, error) {
	seed := append([]byte(label), e.client...)
	return prf.PHash(e.master, append(seed, e.server...), length, e.hash)
}

// isMedia reports whether a packet is sound or picture (RFC 7983 section 7, RFC 5761
// section 4).
func isMedia(p []byte) bool {
	return len(p) >= 12 && p[0]>>6 == 2 && (p[1] < 192 || p[1] > 223)
}

// takes reports whether a packet that isMedia can go the short way.
func (s *shortcut) takes(p []byte) bool {
	if s.keys.Load() == nil {
		return false
	}
	i := s.in.of(ssrcOf(p))
	return i != nil && i.takes(binary.BigEndian.Uint16(p[2:]))
}

// both reports whether a packet that the shortcut takes is to go pion's way as well.
func (s *shortcut) both(p []byte) bool {
	seq := binary.BigEndian.Uint16(p[2:])
	if seq%1024 != 0 {
		return false
	}
	i := s.in.of(ssrcOf(p))
	return i != nil && i.expectTwice(seq)
}

// take decrypts a packet, in its place, and has it sent on. What is not genuine, or
// comes again, is dropped.
func (s *shortcut) take(p []byte) {
	i := s.in.of(ssrcOf(p))
	if i == nil {
		return
	}
	if plain, ok := s.decrypt(i, p); ok {
		i.direct(plain)
	}
}

func (s *shortcut) decrypt(i *inlet, p []byte) ([]byte, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	keys, seq := s.keys.Load(), binary.BigEndian.Uint16(p[2:])
	if turns, other := i.turns(seq); other {
		keys.SetROC(i.ssrc, turns) // packets went pion's way meanwhile
	}
	plain, err := keys.DecryptRTP(p, p, &s.header)
	if err != nil {
		return nil, false
	}
	i.came(seq)
	return plain, true
}

func ssrcOf(p []byte) uint32 { return binary.BigEndian.Uint32(p[8:]) }
