package person

import (
	"errors"
	"net"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/interceptor"
	"github.com/pion/webrtc/v4"

	"belay/session"
	"belay/signaling/protocol"
)

// newAPI is pion as a browser on this machine would be: no mDNS, VP8 and Opus.
// Loopback is a way like any other, because scripted people sit side by side.
func newAPI() (*webrtc.API, error) {
	media := &webrtc.MediaEngine{}
	for _, c := range []struct {
		kind webrtc.RTPCodecType
		webrtc.RTPCodecParameters
	}{
		{webrtc.RTPCodecTypeAudio, webrtc.RTPCodecParameters{PayloadType: 111, RTPCodecCapability: webrtc.RTPCodecCapability{
			MimeType: webrtc.MimeTypeOpus, ClockRate: 48000, Channels: 2, SDPFmtpLine: "minptime=10;useinbandfec=1"}}},
		{webrtc.RTPCodecTypeVideo, webrtc.RTPCodecParameters{PayloadType: 96, RTPCodecCapability: webrtc.RTPCodecCapability{
			MimeType: webrtc.MimeTypeVP8, ClockRate: 90000, RTCPFeedback: []webrtc.RTCPFeedback{{Type: "nack"}, {Type: "nack", Parameter: "pli"}, {Type: "ccm", Parameter: "fir"}}}}},
	} {
		if err := media.RegisterCodec(c.RTPCodecParameters, c.kind); err != nil {
			return nil, err
		}
	}
	registry := &interceptor.Registry{}
	if err := webrtc.ConfigureNack(media, registry); err != nil {
		return nil, err
	}
	if err := webrtc.ConfigureRTCPReports(registry); err != nil {
		return nil, err
	}
	var set webrtc.SettingEngine
	set.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	set.SetIncludeLoopbackCandidate(true)
	set.SetInterfaceFilter(func(name string) bool {
		i, err := net.InterfaceByName(name)
		return err == nil && i.Flags&net.FlagLoopback != 0
	})
	set.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4})
	set.SetICETimeouts(2*time.Second, 20*time.Second, time.Second)
	return webrtc.NewAPI(webrtc.WithMediaEngine(media), webrtc.WithInterceptorRegistry(registry), webrtc.WithSettingEngine(set)), nil
}

// connection is a peer connection that nobody has been offered yet.
type connection struct {
	pc      *webrtc.PeerConnection
	channel *webrtc.DataChannel
	senders []*webrtc.RTPSender
}

func (p *Person) newConnection(video bool) (*connection, error) {
	pc, err := p.api.NewPeerConnection(webrtc.Configuration{BundlePolicy: bundled})
	if err != nil {
		return nil, err
	}
	c := &connection{pc: pc}
	negotiated, id := true, uint16(0)
	c.channel, err = pc.CreateDataChannel("belay", &webrtc.DataChannelInit{Negotiated: &negotiated, ID: &id})
	if err == nil && video && p.camera != nil {
		// Added before any description, they take an offer's places.
		for _, track := range []webrtc.TrackLocal{p.camera.sound, p.camera.picture} {
			var sender *webrtc.RTPSender
			if sender, err = pc.AddTrack(track); err != nil {
				break
			}
			c.senders = append(c.senders, sender)
		}
	}
	if err != nil {
		return nil, errors.Join(err, pc.GracefulClose())
	}
	return c, nil
}

const bundled = webrtc.BundlePolicyMaxBundle

// configuration is how a connection to a peer is made and restarted now.
func (p *Person) configuration(peer protocol.Peer) webrtc.Configuration {
	c := webrtc.Configuration{BundlePolicy: bundled}
	relayed := peer.Role == relayRole
	if relayed && p.opts.TURN {
		c.ICETransportPolicy = webrtc.ICETransportPolicyRelay
	}
	for _, s := range p.Servers() {
		if relayed != (s.For == "relay") || relayed && !p.opts.TURN {
			continue
		}
		c.ICEServers = append(c.ICEServers, webrtc.ICEServer{URLs: s.URLs, Username: s.Username, Credential: s.Credential})
	}
	return c
}

// made returns a new connection to a peer: the one that was made while the server was
// being dialled, for the first.
func (p *Person) made(peer protocol.Peer) (*connection, error) {
	var c *connection
	if peer.Video && p.camera != nil {
		select {
		case c = <-p.spare:
		default:
		}
	}
	if c == nil {
		var err error
		if c, err = p.newConnection(peer.Video); err != nil {
			return nil, err
		}
	}
	if err := c.pc.SetConfiguration(p.configuration(peer)); err != nil {
		return nil, errors.Join(err, c.pc.GracefulClose())
	}
	return c, nil
}

// report tells the server each second what arrives, as a page does.
func (p *Person) report() {
	every := time.NewTicker(time.Second)
	defer every.Stop()
	frames := map[protocol.PeerID]uint64{}
	for {
		select {
		case <-p.ctx.Done():
			return
		case <-every.C:
		}
		p.forget()
		told := protocol.Telemetry{Visible: true, WakeLock: true, MicLive: !p.camera.off.Load(), MicOff: p.camera.off.Load(), CamLive: !p.camera.covered.Load(), MicLevel: 0.1}
		now := time.Now()
		p.mu.Lock()
		for id, l := range p.links {
			if len(told.Receiving) == protocol.MaxReceiving {
				break
			}
			f := l.flow.snapshot(session.SeatID(l.listed.Seat))
			last := f.Picture.Last
			if f.Sound.Last.After(last) {
				last = f.Sound.Last
			}
			r := protocol.Receiving{Peer: id, FrameAge: age(f.Picture.Last, now), PacketAge: age(last, now),
				FPS: float64(f.Picture.Frames - frames[id]), SoundAge: age(f.Sound.Last, now), SoundLevel: 0.1, Route: "direct"}
			frames[id] = f.Picture.Frames
			told.Receiving = append(told.Receiving, r)
		}
		p.mu.Unlock()
		p.send(told)
	}
}

// age is in seconds; -1: none yet.
func age(t, now time.Time) float64 {
	if t.IsZero() {
		return -1
	}
	return now.Sub(t).Seconds()
}
