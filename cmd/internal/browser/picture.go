package browser

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// Shot writes what the person sees to NAME.png in the directory that
// BELAY_SHOTS names (.ci/out/shots of the module by default). Name may contain
// slashes. ShotWhole shows also what would have to be scrolled to.
func (p *Person) Shot(name string) { p.t.Helper(); p.shot(name, false) }

// ShotWhole is [Person.Shot] of the whole page.
func (p *Person) ShotWhole(name string) { p.t.Helper(); p.shot(name, true) }

// pictured is which test has taken the picture of a name: stories that begin alike need
// the pictures of their beginning once.
var pictured sync.Map

func (p *Person) shot(name string, whole bool) {
	p.t.Helper()
	test, _, _ := strings.Cut(p.t.Name(), "/")
	if first, _ := pictured.LoadOrStore(name, test); first != test {
		return
	}
	p.step("taking the picture "+name, func(ctx context.Context) error {
		return savePicture(ctx, p.Page, name, whole)
	})
}

func savePicture(ctx context.Context, page Page, name string, whole bool) error {
	dir := os.Getenv("BELAY_SHOTS")
	if dir == "" {
		root, err := moduleRoot()
		if err != nil {
			return err
		}
		dir = filepath.Join(root, ".ci", "out", "shots")
	}
	data, err := page.Screenshot(ctx, whole)
	if err != nil {
		return err
	}
	path := filepath.Join(dir, filepath.FromSlash(name)+".png")
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, data, 0o644)
}

// lastPicture keeps what the person saw when the test failed, where it can.
func (p *Person) lastPicture() {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	name := "failed/" + strings.NewReplacer("/", "_", " ", "_").Replace(p.t.Name()+"-"+p.Name)
	if err := savePicture(ctx, p.Page, name, false); err != nil {
		p.t.Logf("no picture of %s's page: %v", p.Name, err)
	}
}
