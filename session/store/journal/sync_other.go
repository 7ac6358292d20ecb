//go:build !linux

package journal

import "os"

func synced(f *os.File) error { return f.Sync() }
