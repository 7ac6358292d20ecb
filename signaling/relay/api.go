package relay

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/pion/dtls/v3"
	"github.com/pion/ice/v4"
	"github.com/pion/interceptor"
	"github.com/pion/interceptor/pkg/report"
	"github.com/pion/logging"
	"github.com/pion/sdp/v3"
	"github.com/pion/webrtc/v4"
)

const (
	iceDisconnected = 4 * time.Second  // without a packet
	iceFailed       = 20 * time.Second // after that: the connection is given up, the page builds anew
	iceKeepalive    = 2 * time.Second

	tcpWriteBuffer = 512 << 10 // bytes of one ICE-TCP connection, some seconds; then packets are dropped
	tcpReadBuffer  = 32        // packets
	tcpFirstWithin = 10 * time.Second
)

const audioLevelURI = "urn:ietf:params:rtp-hdrext:ssrc-audio-level" // RFC 6464

// codecs are the only two that every browser has (RFC 7742, RFC 7874). One of
// each kind: nothing has to be translated between two pages.
var (
	sound = webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus, ClockRate: 48000, Channels: 2, SDPFmtpLine: "minptime=10;useinbandfec=1"}
	video = webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeVP8, ClockRate: 90000, RTCPFeedback: []webrtc.RTCPFeedback{
		{Type: "nack"}, {Type: "nack", Parameter: "pli"}, {Type: "ccm", Parameter: "fir"}, {Type: webrtc.TypeRTCPFBTransportCC}}}
)

// stack is pion as the relay needs it: one for all rooms.
type stack struct {
	set      webrtc.SettingEngine
	media    *webrtc.MediaEngine
	registry *interceptor.Registry
	config   webrtc.Configuration
	udp      *mux
	tcpMux   ice.TCPMux
}

// newStack takes the sockets over, also when it fails.
func newStack(o Options) (*stack, error) {
	s := &stack{}
	quiet := &logging.DefaultLoggerFactory{DefaultLogLevel: logging.LogLevelDisabled} // its words name addresses
	var set webrtc.SettingEngine
	set.LoggerFactory = quiet
	set.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	set.SetICETimeouts(iceDisconnected, iceFailed, iceKeepalive)
	set.DisableActiveTCP(true) // it never dials
	// A page pauses its layers and takes them up again as it likes. Where an answer calls
	// a layer paused because the offer did, it stays so, whatever the page has begun since.
	set.SetIgnoreRidPauseForRecv(true)
	set.SetIncludeLoopbackCandidate(o.loopback())
	set.SetSRTPProtectionProfiles(dtls.SRTP_AEAD_AES_128_GCM, dtls.SRTP_AEAD_AES_256_GCM, dtls.SRTP_AES128_CM_HMAC_SHA1_80)
	set.SetSRTPReplayProtectionWindow(replayWindow)
	if len(o.Advertise) > 0 {
		external := make([]string, len(o.Advertise))
		for i, a := range o.Advertise {
			external[i] = a.Unmap().String()
		}
		if err := set.SetICEAddressRewriteRules(webrtc.ICEAddressRewriteRule{
			External: external, AsCandidateType: webrtc.ICECandidateTypeHost, Mode: webrtc.ICEAddressRewriteReplace}); err != nil {
			return nil, fmt.Errorf("relay: advertised addresses: %w", err)
		}
	}
	networks := []webrtc.NetworkType{}
	if o.UDP != nil {
		s.udp = newMux(newSocket(o.UDP), o.loopback())
		networks = append(networks, webrtc.NetworkTypeUDP4, webrtc.NetworkTypeUDP6)
	}
	if o.TCP != nil {
		s.tcpMux = ice.NewTCPMuxDefault(ice.TCPMuxParams{Listener: o.TCP, Logger: quiet.NewLogger("ice"), ReadBufferSize: tcpReadBuffer,
			WriteBufferSize: tcpWriteBuffer, FirstStunBindTimeout: tcpFirstWithin, AliveDurationForConnFromStun: tcpFirstWithin})
		set.SetICETCPMux(s.tcpMux)
		networks = append(networks, webrtc.NetworkTypeTCP4, webrtc.NetworkTypeTCP6)
	}
	set.SetNetworkTypes(networks)

	media, registry := &webrtc.MediaEngine{}, &interceptor.Registry{}
	if err := register(media, registry, quiet); err != nil {
		s.close()
		return nil, err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err == nil {
		var cert *webrtc.Certificate
		if cert, err = webrtc.GenerateCertificate(key); err == nil {
			s.config.Certificates = []webrtc.Certificate{*cert}
		}
	}
	if err != nil {
		s.close()
		return nil, fmt.Errorf("relay: a certificate: %w", err)
	}
	s.config.BundlePolicy = webrtc.BundlePolicyMaxBundle
	s.set, s.media, s.registry = set, media, registry
	return s, nil
}

func register(media *webrtc.MediaEngine, registry *interceptor.Registry, quiet logging.LoggerFactory) error {
	for _, c := range []struct {
		kind webrtc.RTPCodecType
		webrtc.RTPCodecParameters
	}{
		{webrtc.RTPCodecTypeAudio, webrtc.RTPCodecParameters{PayloadType: 111, RTPCodecCapability: sound}},
		{webrtc.RTPCodecTypeVideo, webrtc.RTPCodecParameters{PayloadType: 96, RTPCodecCapability: video}},
	} {
		if err := media.RegisterCodec(c.RTPCodecParameters, c.kind); err != nil {
			return fmt.Errorf("relay: codecs: %w", err)
		}
	}
	// What a simulcast sender names its layers by, what its estimate of the way
	// needs, and how loud a sound says that it is.
	for uri, kinds := range map[string][]webrtc.RTPCodecType{
		sdp.SDESMidURI:         {webrtc.RTPCodecTypeVideo},
		sdp.SDESRTPStreamIDURI: {webrtc.RTPCodecTypeVideo},
		sdp.TransportCCURI:     {webrtc.RTPCodecTypeVideo, webrtc.RTPCodecTypeAudio},
		audioLevelURI:          {webrtc.RTPCodecTypeAudio},
	} {
		for _, kind := range kinds {
			if err := media.RegisterHeaderExtension(webrtc.RTPHeaderExtensionCapability{URI: uri}, kind); err != nil {
				return fmt.Errorf("relay: header extensions: %w", err)
			}
		}
	}
	receiving, err := report.NewReceiverInterceptor(report.WithReceiverLoggerFactory(quiet))
	if err != nil {
		return fmt.Errorf("relay: %w", err)
	}
	sending, err := report.NewSenderInterceptor(report.WithSenderLoggerFactory(quiet))
	if err != nil {
		return fmt.Errorf("relay: %w", err)
	}
	registry.Add(arrivalsFactory{}) // nearest to the wire: it makes the attributes that the others fill
	registry.Add(gapsFactory{})
	registry.Add(receiving)
	registry.Add(sending)
	return nil
}

// connect makes a connection whose incoming streams are read from in.
func (s *stack) connect(in *inlets) (*webrtc.PeerConnection, error) {
	set := s.set
	set.BufferFactory = in.open
	short := &shortcut{in: in}
	if err := short.listen(&set); err != nil {
		return nil, err
	}
	if s.udp != nil {
		set.SetICEUDPMux(view{s.udp, short})
	}
	return webrtc.NewAPI(webrtc.WithMediaEngine(s.media), webrtc.WithInterceptorRegistry(s.registry), webrtc.WithSettingEngine(set)).NewPeerConnection(s.config)
}

// close closes the sockets and waits for their readers.
func (s *stack) close() {
	if s.tcpMux != nil {
		_ = s.tcpMux.Close() // the listener may be closed already
	}
	if s.udp != nil {
		_ = s.udp.Close()
		s.udp.readers.Wait()
	}
}

// loopback: a socket that is bound to loopback has no other address; and where
// nothing is advertised this is a trial, perhaps on a computer without a network.
func (o *Options) loopback() bool {
	if len(o.Advertise) == 0 {
		return true
	}
	return o.UDP != nil && isLoopback(o.UDP.LocalAddr()) || o.TCP != nil && isLoopback(o.TCP.Addr())
}

func isLoopback(a net.Addr) bool {
	ap, err := netip.ParseAddrPort(a.String())
	return err == nil && ap.Addr().Unmap().IsLoopback()
}
