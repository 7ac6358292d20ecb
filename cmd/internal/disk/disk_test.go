package disk

import (
	"errors"
	"testing"
)

func TestTheRoomOnTheDiskIsKnown(t *testing.T) {
	free, err := Free(t.TempDir())
	if errors.Is(err, ErrUnknown) {
		t.Skip(err)
	}
	if err != nil || free == 0 {
		t.Errorf("%d bytes, %v", free, err)
	}
	if _, err := Free("/nonexistent/folder"); err == nil {
		t.Error("a folder that is not there has room")
	}
}
