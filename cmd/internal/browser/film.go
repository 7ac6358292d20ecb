package browser

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

// The film of the fake camera, unless a test gives another. It is small and slow
// beside what the browser's own generator makes (1280 × 720, 20 a second): coding
// that for two people in software leaves two processors no time for what is tested.
// Less than 640 × 360, and Chromium makes one simulcast layer only.
const (
	filmWide, filmHigh = 640, 360 // pixels
	filmRate           = 15       // frames a second
	filmFrames         = 37       // then it begins anew: whoever looks once a second sees no frame twice in a row
)

// film writes the film for one browser into its profile and returns its path.
func film(t testing.TB, profile string) string {
	t.Helper()
	path := filepath.Join(profile, "somebody.y4m")
	if err := os.WriteFile(path, somebody(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// somebody is a figure before a wall that sways a little, and light that wanders over
// the wall, in YUV4MPEG2. No two frames are the same: a camera that is stuck is a story
// of its own.
var somebody = sync.OnceValue(func() []byte {
	var out bytes.Buffer
	fmt.Fprintf(&out, "YUV4MPEG2 W%d H%d F%d:1 Ip A1:1 C420jpeg\n", filmWide, filmHigh, filmRate)
	for n := range filmFrames {
		turn := 2 * math.Pi * float64(n) / filmFrames
		x, y := filmWide/2+20*math.Sin(turn), 150+6*math.Cos(2*turn)
		inside := func(px, py int) bool {
			dx, dy := float64(px)-x, float64(py)-y
			head := dx*dx/(60*60)+dy*dy/(76*76) < 1
			shoulders := dx*dx/(150*150)+(dy-200)*(dy-200)/(125*125) < 1
			return head || shoulders
		}
		out.WriteString("FRAME\n")
		for py := range filmHigh {
			for px := range filmWide {
				luma := byte(70 + px*50/filmWide + py*30/filmHigh)
				if bar := (px + n*filmWide/filmFrames) % filmWide; bar < 80 {
					luma += 40
				}
				if inside(px, py) {
					luma = byte(150 + py*40/filmHigh)
				}
				out.WriteByte(luma)
			}
		}
		for _, tint := range [2][2]byte{{136, 116}, {118, 142}} { // Cb and Cr, of the wall and of somebody
			for py := range filmHigh / 2 {
				for px := range filmWide / 2 {
					if inside(2*px, 2*py) {
						out.WriteByte(tint[1])
					} else {
						out.WriteByte(tint[0])
					}
				}
			}
		}
	}
	return out.Bytes()
})
