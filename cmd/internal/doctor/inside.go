package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"belay/cmd/internal/disk"
	"belay/cmd/internal/server"
	"belay/session/store"
	"belay/session/store/bolt"
	"belay/session/store/redis"
)

// Free space: below the first a visit may not be recorded to its end, below the
// second somebody should look.
const (
	tooLittle = 64 << 20
	little    = 1 << 30
)

// inside looks at the data folder and returns what the server on it says; nil:
// there is none.
func (d *doctor) inside(ctx context.Context) *server.Status {
	dir := d.opts.Data
	if dir == "" {
		return nil
	}
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		d.say(Finding{Unknown, "There is no data folder at " + dir + ".", "Either no server has run here yet, or it keeps its record elsewhere.", "Say where: -data FOLDER, or BELAY_DATA."})
		return nil
	case err != nil, !info.IsDir():
		d.say(Finding{Wrong, fmt.Sprintf("The data folder %s can't be read: %v.", dir, err), "The server can't start on it.", "Run this as the user that the server runs as, and look at the folder's owner."})
		return nil
	}
	d.folder(dir, info)
	d.kernelClock()
	status, err := server.NewAdmin(dir).Status(ctx)
	if err == nil {
		d.fine("A server runs on %s, listens on %s and keeps its record in %s.", dir, status.Listen, status.Store)
		for _, words := range status.Warnings {
			d.say(Finding{Careful, "The server warned at its start: " + words + ".", "", ""})
		}
		if status.Degraded > 0 {
			d.say(Finding{Wrong, fmt.Sprintf("%d sessions are told that their record can't be written, or that the clock stepped.", status.Degraded), "What is done in them now may not be kept.", "Look at the free space and at the server's log, at once."})
		}
		return &status
	}
	if errors.Is(err, server.ErrWaits) {
		d.say(Finding{Wrong, "A server runs on the data folder, and waits for Redis.", "Nobody can join a session there, and it raises no alarm.", "Bring Redis back: the server goes on by itself."})
		return nil
	}
	d.log(ctx, dir)
	return nil
}

// folder looks at who may read it, and whether there is room.
func (d *doctor) folder(dir string, info fs.FileInfo) {
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		d.say(Finding{Careful, fmt.Sprintf("Others on this machine may look into the data folder (mode %o).", mode), "The record itself is readable by its owner only, but its name and size are not hidden.", "chmod 700 " + dir})
	}
	for _, name := range server.Secrets {
		if info, err := os.Stat(filepath.Join(dir, name)); err == nil && info.Mode().Perm()&0o077 != 0 {
			d.say(Finding{Wrong, fmt.Sprintf("Others on this machine may read %s (mode %o).", name, info.Mode().Perm()), "Whoever reads it reads the practice's record, or can pose as the server.", "chmod 600 " + filepath.Join(dir, name)})
		}
	}
	if err := writable(dir); err != nil {
		d.say(Finding{Wrong, fmt.Sprintf("Nothing can be written into the data folder: %v.", err), "Nothing that happens in a session would be recorded.", "Run this as the server's user; look at owner, mount options and free space."})
	} else {
		d.fine("The data folder %s can be written.", dir)
	}
	free, err := disk.Free(dir)
	switch {
	case err != nil:
		d.say(Finding{Unknown, fmt.Sprintf("The free space is not known: %v.", err), "", ""})
	case free < tooLittle:
		d.say(Finding{Wrong, fmt.Sprintf("The disk of the data folder has %d MiB left.", free>>20), "Soon nothing will be recorded any more; screens will say so.", "Free space now."})
	case free < little:
		d.say(Finding{Careful, fmt.Sprintf("The disk of the data folder has %d MiB left.", free>>20), "That is some thousand visits, if nothing else fills it.", "Free space this week."})
	default:
		d.fine("The disk of the data folder has %d GiB left.", free>>30)
	}
}

// writable leaves nothing behind.
func writable(dir string) error {
	f, err := os.CreateTemp(dir, ".doctor-*")
	if err != nil {
		return err
	}
	_, err = f.WriteString("x")
	return errors.Join(err, f.Sync(), f.Close(), os.Remove(f.Name()))
}

// log opens the record, where no server answers.
func (d *doctor) log(ctx context.Context, dir string) {
	path := filepath.Join(dir, server.FileName)
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		d.say(Finding{Careful, "No server runs on the data folder, and it holds no record.", "It is new, or its record lies on Redis, or this is the wrong folder.", "Start the server; or say -data FOLDER."})
		return
	}
	if who := lockedBy(path); who != "" {
		d.say(Finding{Wrong, fmt.Sprintf("The record is in use by %s, which does not answer on its socket.", who), "That server hangs, is starting, or is no server.", "Look at its log. If it hangs, end it and start it again: nothing that was acknowledged is lost."})
		return
	}
	s, err := bolt.Open(bolt.Options{Path: path})
	if err != nil {
		d.say(Finding{Wrong, fmt.Sprintf("The record can't be opened: %v.", err), "The server can't start on it.", "If it says damaged: put the file aside, do not delete it, and restore the last backup (deploy/GUIDE.md, Restore)."})
		return
	}
	logs, after := 0, ""
	for err == nil {
		var page []store.Head
		if page, err = s.Heads(ctx, after, store.MaxPage); len(page) == 0 {
			break
		}
		logs, after = logs+len(page), page[len(page)-1].Log
	}
	if err = errors.Join(err, s.Close()); err != nil {
		d.say(Finding{Wrong, fmt.Sprintf("The record can't be read: %v.", err), "Some of it is damaged.", "Put the file aside, do not delete it, and restore the last backup (deploy/GUIDE.md, Restore)."})
		return
	}
	d.say(Finding{Careful, fmt.Sprintf("The record opens (%d logs), but no server runs on it.", logs), "Nobody can join a session, and no alarm is raised.", "Start the server, if it should run here."})
}

// redis looks at the settings of a Redis, and who uses it.
func (d *doctor) redis(ctx context.Context, opts redis.Options) {
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	began := time.Now()
	s, err := redis.Open(ctx, opts)
	if err != nil {
		d.say(Finding{Wrong, fmt.Sprintf("%s: %v.", opts, err), "The server can't start on it, or would lose events there.", "If it does not answer: address, password, firewall. If it is a setting: change it in redis.conf, and restart Redis."})
		return
	}
	defer s.Close()
	d.fine("%s answers, and keeps what it is given.", opts)
	for _, words := range s.Warnings() {
		d.say(Finding{Careful, "Redis: " + words + ".", "The last moments before a loss of power could be missing from the record.", "Set it in redis.conf, and restart Redis."})
	}
	asked := time.Now()
	if _, err := s.Head(ctx, "practice"); err != nil {
		d.say(Finding{Wrong, fmt.Sprintf("The record on Redis can't be read: %v.", err), "The server can't start on it.", "Look at the rights of the user of Redis: it needs its own keys, scripts and PUBLISH."})
	} else if took := time.Since(asked); took > 100*time.Millisecond {
		d.say(Finding{Careful, fmt.Sprintf("Redis takes %s for one question (%s to open).", took.Round(time.Millisecond), asked.Sub(began).Round(time.Millisecond)), "Every tap on a screen waits at least this long.", "Keep Redis near the server: same machine, or same network."})
	}
	if half, err := s.Unfinished(ctx); err == nil && half {
		d.say(Finding{Wrong, "A migration into this Redis did not come to its end.", "What lies there is not the whole record; no server starts on it.", "Run the same belay migrate again: it goes on where it stopped."})
	}
	all, _ := s.Nodes(ctx)
	switch by, there, err := s.Holder(ctx); {
	case there && len(all) > 0:
		for _, n := range all {
			d.fine("This Redis is in use by %s.", strings.TrimSpace(n.Words))
		}
	case err != nil:
		d.say(Finding{Wrong, fmt.Sprintf("Who uses this Redis can't be read: %v.", err), "", ""})
	case there:
		d.fine("This Redis is in use by %s.", strings.TrimSpace(by.Words))
	default:
		d.fine("No server uses this Redis now.")
	}
}
