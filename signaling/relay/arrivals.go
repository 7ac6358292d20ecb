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
	// One stream has one reader at a time: all its packets share one header, which
	// pion's interceptors find where they look for it first.
	shared := interceptor.Attributes{}
	var header *rtp.Header
	return interceptor.RTPReaderFunc(func(b []byte, _ interceptor.Attributes) (int, interceptor.Attributes, error) {
		n, _, err := reader.Read(b, shared)
		if err != nil {
			return n, shared, err
		}
		if header == nil {
			header, err = shared.GetRTPHeader(b[:n])
		} else {
			_, err = header.Unmarshal(b[:n])
		}
		if err != nil {
			return 0, shared, err
		}
		if id == 0 {
			return n, shared, nil
		}
		var ext rtp.TransportCCExtension
		if raw := header.GetExtension(id); raw != nil && ext.Unmarshal(raw) == nil {
			a.arrived(info.SSRC, ext.TransportSequence, time.Now())
		}
		return n, shared, nil
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
