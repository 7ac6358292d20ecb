package server

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"mime"
	"net/http"
	"path"
	"regexp"
	"runtime/debug"
	"strconv"
	"strings"

	"belay/session"
	"belay/signaling/access"
)

// site serves the browser's files: whole, compressed once, with an ETag, so that
// a page that comes back asks and gets nothing again.
type site struct {
	files map[string]file
	door  *access.Door
	log   *slog.Logger
}

type file struct {
	kind  string
	etag  string
	plain []byte
	gzip  []byte // nil where it would not be smaller
}

// pages are the screens of seats, by role.
var pages = map[session.Role]string{
	session.Therapist: "therapist.html", session.CoTherapist: "therapist.html",
	session.Client: "client.html", session.Chaperone: "chaperone.html",
}

func newSite(from fs.FS, door *access.Door, log *slog.Logger) (*site, error) {
	s := &site{files: map[string]file{}, door: door, log: log}
	err := fs.WalkDir(from, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		raw, err := fs.ReadFile(from, name)
		if err != nil {
			return err
		}
		sum := sha256.Sum256(raw)
		f := file{kind: kindOf(name), etag: `"` + hex.EncodeToString(sum[:12]) + `"`, plain: raw}
		var small bytes.Buffer
		zip, err := gzip.NewWriterLevel(&small, gzip.BestCompression)
		if err != nil {
			return err
		}
		if _, err := zip.Write(raw); err != nil {
			return err
		}
		if err := zip.Close(); err != nil {
			return err
		}
		if small.Len() < len(raw) {
			f.gzip = small.Bytes()
		}
		s.files[name] = f
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the browser's files: %w", err)
	}
	return s, nil
}

// kindOf does not ask the machine's own tables: a browser refuses a module whose
// type is wrong.
func kindOf(name string) string {
	switch path.Ext(name) {
	case ".html":
		return "text/html; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	case ".webmanifest":
		return "application/manifest+json"
	}
	if t := mime.TypeByExtension(path.Ext(name)); t != "" {
		return t
	}
	return "application/octet-stream"
}

func (s *site) page(name string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { s.serve(w, r, name, http.StatusOK) }
}

func (s *site) static(w http.ResponseWriter, r *http.Request) {
	s.serve(w, r, r.PathValue("file"), http.StatusOK)
}

func (s *site) serve(w http.ResponseWriter, r *http.Request, name string, status int) {
	f, ok := s.files[name]
	if !ok {
		s.say(w, http.StatusNotFound, "There is nothing here", "Please check the address, or open your link again.")
		return
	}
	h := w.Header()
	h.Set("Content-Type", f.kind)
	h.Set("Cache-Control", "no-cache") // may be kept, must be asked for
	h.Set("Vary", "Accept-Encoding")
	body := f.plain
	etag := f.etag
	if f.gzip != nil && acceptsGzip(r) {
		h.Set("Content-Encoding", "gzip")
		body, etag = f.gzip, strings.TrimSuffix(f.etag, `"`)+`-z"`
	}
	h.Set("ETag", etag)
	if status == http.StatusOK && r.Header.Get("If-None-Match") == etag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(body) // the browser may have gone: nobody to tell
	}
}

func acceptsGzip(r *http.Request) bool {
	for part := range strings.SplitSeq(r.Header.Get("Accept-Encoding"), ",") {
		name, q, _ := strings.Cut(strings.TrimSpace(part), ";")
		if name == "gzip" {
			return strings.TrimSpace(q) != "q=0"
		}
	}
	return false
}

// seat serves the page of a seat to the browser that has its cookie.
func (s *site) seat(w http.ResponseWriter, r *http.Request) {
	role, err := s.door.Enter(r, r.PathValue("session"), session.SeatID(r.PathValue("seat")))
	var refusal *session.Refusal
	switch {
	case errors.As(err, &refusal) && refusal.Code == access.NotAdmitted:
		s.say(w, http.StatusForbidden, "This page is not open in this browser",
			"Your link may have expired, or it was opened in another browser. Please open the link that your therapist sent you again. If that does not help, ask your therapist for a new one.")
	case errors.As(err, &refusal): // signed out: the therapist signs in and comes back here
		http.Redirect(w, r, "/?next="+r.URL.EscapedPath(), http.StatusSeeOther)
	case err != nil:
		s.log.Error("a seat's page could not be opened", "session", r.PathValue("session"), "seat", r.PathValue("seat"), "err", err)
		s.say(w, http.StatusInternalServerError, "The server could not open this page", "Please try again in a moment.")
	default:
		s.serve(w, r, pages[role], http.StatusOK)
	}
}

// say answers with a page that needs nothing else: it must be readable when all
// the rest is not.
func (s *site) say(w http.ResponseWriter, status int, title, words string) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	fmt.Fprintf(w, `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>%[1]s – Belay</title>
<link rel="stylesheet" href="/static/tokens.css">
<link rel="stylesheet" href="/static/base.css">
<link rel="stylesheet" href="/static/join.css">
<main class="plain">
<h1>%[1]s</h1>
<p>%[2]s</p>
</main>
</html>
`, title, words) // both are ours: nothing of the request is in them
}

// sayPanics has a request that panics told to the operator, and ends that request alone.
func sayPanics(next http.Handler, log *slog.Logger) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			switch cause := recover(); cause {
			case nil:
			case http.ErrAbortHandler:
				panic(cause)
			default:
				log.Error("a request panicked", "route", r.Pattern, "stack", string(debug.Stack()))
				panic(http.ErrAbortHandler) // whoever asked sees that it broke off
			}
		}()
		next.ServeHTTP(w, r)
	})
}

var plainHost = regexp.MustCompile(`^[A-Za-z0-9.\-]+(:[0-9]+)?$|^\[[0-9A-Fa-f:.]+\](:[0-9]+)?$`)

// guard sets what every answer says to the browser.
func guard(next http.Handler, secure bool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sockets := ""
		if plainHost.MatchString(r.Host) { // older browsers don't count a socket to the same host as 'self'
			sockets = " ws://" + r.Host + " wss://" + r.Host
		}
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; connect-src 'self'"+sockets+
			"; manifest-src 'self'; worker-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(self), microphone=(self), speaker-selection=(self), screen-wake-lock=(self), geolocation=(), payment=(), usb=()")
		if secure {
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		next.ServeHTTP(w, r)
	})
}
