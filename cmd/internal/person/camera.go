package person

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/webrtc/v4"
	"github.com/pion/webrtc/v4/pkg/media"
	"github.com/pion/webrtc/v4/pkg/media/ivfreader"
	"github.com/pion/webrtc/v4/pkg/media/oggreader"
)

//go:embed picture.ivf
var pictureFile []byte // VP8, two seconds, the first frame is a key frame

//go:embed sound.ogg
var soundFile []byte // Opus, one second of 20 ms frames, never digital zero

const (
	pictureEvery = time.Second / 15
	soundEvery   = 20 * time.Millisecond
)

// clips are the frames of the two files, read once.
var clips = sync.OnceValues(func() (*clip, error) {
	c := &clip{}
	ivf, _, err := ivfreader.NewWith(bytes.NewReader(pictureFile))
	if err != nil {
		return nil, fmt.Errorf("read the clip: %w", err)
	}
	for {
		frame, _, err := ivf.ParseNextFrame()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("read the clip: %w", err)
		}
		c.picture = append(c.picture, frame)
	}
	ogg, _, err := oggreader.NewWith(bytes.NewReader(soundFile))
	if err != nil {
		return nil, fmt.Errorf("read the tone: %w", err)
	}
	for {
		page, _, err := ogg.ParseNextPage()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("read the tone: %w", err)
		}
		if !bytes.HasPrefix(page, []byte("Opus")) { // OpusTags
			c.sound = append(c.sound, page)
		}
	}
	return c, nil
})

type clip struct{ picture, sound [][]byte }

// camera is a camera with a microphone: one picture and one sound for everybody
// that the person is connected to.
type camera struct {
	clip    *clip
	picture *webrtc.TrackLocalStaticSample
	sound   *webrtc.TrackLocalStaticSample
	covered atomic.Bool   // no picture is sent
	dead    atomic.Bool   // nor sound, and nobody meant it
	off     atomic.Bool   // nor sound, as the person wants it
	fresh   chan struct{} // holds a token when somebody needs a key frame
}

func newCamera() (*camera, error) {
	clip, err := clips()
	if err != nil {
		return nil, err
	}
	picture, err := webrtc.NewTrackLocalStaticSample(webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeVP8}, "picture", "person")
	if err != nil {
		return nil, err
	}
	sound, err := webrtc.NewTrackLocalStaticSample(webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus}, "sound", "person")
	if err != nil {
		return nil, err
	}
	return &camera{clip: clip, picture: picture, sound: sound, fresh: make(chan struct{}, 1)}, nil
}

// run sends until done is closed.
func (c *camera) run(done <-chan struct{}) {
	frames, tones := time.NewTicker(pictureEvery), time.NewTicker(soundEvery)
	defer frames.Stop()
	defer tones.Stop()
	frame, tone := 0, 0
	for {
		select {
		case <-done:
			return
		case <-c.fresh: // an encoder answers with a key frame at once
			frame = 0
			c.show(&frame)
		case <-frames.C:
			c.show(&frame)
		case <-tones.C:
			if c.dead.Load() || c.off.Load() {
				continue
			}
			// What a connection that is being closed can't take is lost: nobody to tell.
			_ = c.sound.WriteSample(media.Sample{Data: c.clip.sound[tone], Duration: soundEvery})
			tone = (tone + 1) % len(c.clip.sound)
		}
	}
}

func (c *camera) show(frame *int) {
	if c.covered.Load() {
		return
	}
	_ = c.picture.WriteSample(media.Sample{Data: c.clip.picture[*frame], Duration: pictureEvery}) // as above
	*frame = (*frame + 1) % len(c.clip.picture)
}

// refresh asks for a key frame.
func (c *camera) refresh() {
	select {
	case c.fresh <- struct{}{}:
	default:
	}
}
