package relay

import (
	"math/rand/v2"
	"sync"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/interceptor/pkg/twcc"
	"github.com/pion/rtp"
	"github.com/pion/sdp/v3"
)

// arrivalsEvery is the least time between two feedbacks (TWCC) to a sender.
const arrivalsEvery = 100 * time.Millisecond

// arrivals tells a sender when each of its packets arrived
// (draft-holmer-rmcat-transport-wide-cc-extensions-01), from which it estimates
// what the way bears. Unlike pion's own interceptor it needs no goroutine and no
// hand-off of every packet to one: whoever reads the packet that is due sends the
// feedback. A sender that is silent gets none.
type arrivals struct {
	interceptor.NoOp

	mu       sync.Mutex
	recorder *twcc.Recorder
	writer   interceptor.RTCPWriter
	began    time.Time
	last     time.Time
}

type arrivalsFactory struct{}

func (arrivalsFactory) NewInterceptor(string) (interceptor.Interceptor, error) {
	return &arrivals{recorder: twcc.NewRecorder(rand.Uint32()), began: time.Now()}, nil
}

func (a *arrivals) BindRTCPWriter(w interceptor.RTCPWriter) interceptor.RTCPWriter {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.writer = w
	return w
}

func (a *arrivals) BindRemoteStream(info *interceptor.StreamInfo, reader interceptor.RTPReader) interceptor.RTPReader {
	var id uint8
	for _, e := range info.RTPHeaderExtensions {
		if e.URI == sdp.TransportCCURI && e.ID > 0 && e.ID < 256 {
			id = uint8(e.ID)
		}
	}
	shared := interceptor.Attributes{} // one stream has one reader at a time
	return interceptor.RTPReaderFunc(func(b []byte, attributes interceptor.Attributes) (int, interceptor.Attributes, error) {
		if attributes == nil {
			clear(shared)
			attributes = shared
		}
		n, attributes, err := reader.Read(b, attributes)
		if err != nil || id == 0 {
			return n, attributes, err
		}
		if attributes == nil {
			attributes = interceptor.Attributes{}
		}
		header, err := attributes.GetRTPHeader(b[:n])
		if err != nil {
			return 0, nil, err
		}
		var ext rtp.TransportCCExtension
		if raw := header.GetExtension(id); raw != nil && ext.Unmarshal(raw) == nil {
			a.arrived(info.SSRC, ext.TransportSequence, time.Now())
		}
		return n, attributes, nil
	})
}

func (a *arrivals) arrived(ssrc uint32, seq uint16, now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.recorder.Record(ssrc, seq, now.Sub(a.began).Microseconds())
	if now.Sub(a.last) < arrivalsEvery || a.writer == nil {
		return
	}
	a.last = now
	if packets := a.recorder.BuildFeedbackPacket(); len(packets) > 0 {
		_, _ = a.writer.Write(packets, nil) // a connection that is being closed takes none
	}
}
