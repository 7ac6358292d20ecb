package person

import (
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
		told := protocol.Telemetry{Visible: true, WakeLock: true, MicLive: true, CamLive: !p.camera.covered.Load(), MicLevel: 0.1}
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
