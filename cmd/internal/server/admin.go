package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"belay/session"
)

// SocketName is the administration's socket in the data folder. Whoever may open
// it may read the log anyway: both are the server's user's alone.
const SocketName = "admin.sock"

// listenAdmin opens the socket. One that a killed server left behind is taken
// away: the folder's lock has made sure that no other server runs on this folder.
func listenAdmin(dir string) (net.Listener, error) {
	path := filepath.Join(dir, SocketName)
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	var l net.Listener
	err := byShortPath(dir, func(short string) (err error) {
		if l, err = net.Listen("unix", short); err == nil && short != path {
			l.(*net.UnixListener).SetUnlinkOnClose(false) // the path leads elsewhere by then
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

// longestPath is how many bytes of path fit into a socket's address on every system.
const longestPath = 103

// byShortPath calls use with a path to the folder's socket that fits into an address. On
// Linux a longer one leads through the folder itself, opened; elsewhere use then fails.
func byShortPath(dir string, use func(path string) error) error {
	path := filepath.Join(dir, SocketName)
	if len(path) <= longestPath || runtime.GOOS != "linux" {
		return use(path)
	}
	folder, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer folder.Close()
	return use(fmt.Sprintf("/proc/self/fd/%d/%s", folder.Fd(), SocketName))
}

// admin is what the socket answers.
func (s *Server) admin() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /setup-link", func(w http.ResponseWriter, r *http.Request) {
		token, err := s.practice.IssueSetupLink(r.Context())
		s.answerAdmin(w, s.URL()+"/setup#"+token, err)
	})
	mux.HandleFunc("POST /reset-link", func(w http.ResponseWriter, r *http.Request) {
		token, err := s.practice.IssueResetLink(r.Context(), r.FormValue("email"))
		s.answerAdmin(w, s.URL()+"/setup#reset."+token, err)
	})
	mux.HandleFunc("POST /status", s.status)
	mux.HandleFunc("GET /backup", func(w http.ResponseWriter, r *http.Request) {
		if s.backup == nil {
			http.Error(w, "the record lies on Redis: back that up by its own means (its append-only file), or end the server and use belay migrate -from redis: -to bolt:FOLDER", http.StatusNotImplemented)
			return
		}
		w.Header().Set("Content-Type", "application/octet-stream")
		w.Header().Set("Trailer", "Belay-Backup")
		if err := s.backup(w); err != nil {
			s.opts.Log.Error("backup failed", "err", err)
			panic(http.ErrAbortHandler) // the reader must see that it is not whole
		}
		w.Header().Set("Belay-Backup", "whole")
	})
	return mux
}

func (s *Server) answerAdmin(w http.ResponseWriter, words string, err error) {
	var refusal *session.Refusal
	switch {
	case errors.As(err, &refusal):
		http.Error(w, refusal.Words, http.StatusConflict)
	case err != nil:
		s.opts.Log.Error("administration failed", "err", err)
		http.Error(w, err.Error(), http.StatusInternalServerError)
	default:
		fmt.Fprintln(w, words)
	}
}

// Admin talks to the server that runs on a data folder.
type Admin struct{ client http.Client }

// NewAdmin returns the administration of the server on the data folder.
func NewAdmin(dir string) *Admin {
	var d net.Dialer
	return &Admin{http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			var c net.Conn
			err := byShortPath(dir, func(path string) (err error) {
				c, err = d.DialContext(ctx, "unix", path)
				return err
			})
			if err != nil {
				return nil, fmt.Errorf("no belay runs on %s: %w", dir, err)
			}
			return c, nil
		},
	}}}
}

// SetupLink returns a new link with which a therapist can make an account.
func (a *Admin) SetupLink(ctx context.Context) (string, error) {
	return a.post(ctx, "/setup-link", url.Values{})
}

// ResetLink returns a link with which a therapist sets a new password.
func (a *Admin) ResetLink(ctx context.Context, email string) (string, error) {
	return a.post(ctx, "/reset-link", url.Values{"email": {email}})
}

// Status asks the running server about itself.
func (a *Admin) Status(ctx context.Context) (st Status, err error) {
	answer, err := a.post(ctx, "/status", url.Values{})
	if err == nil {
		err = json.Unmarshal([]byte(answer), &st)
	}
	return st, err
}

func (a *Admin) post(ctx context.Context, path string, form url.Values) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://belay"+path, strings.NewReader(form.Encode()))
	if err != nil {
		return "", err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	res, err := a.client.Do(req)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	words, err := io.ReadAll(io.LimitReader(res.Body, 64<<10))
	if err != nil {
		return "", err
	}
	if res.StatusCode == http.StatusServiceUnavailable {
		return "", ErrWaits
	}
	if res.StatusCode != http.StatusOK {
		return "", errors.New(strings.TrimSpace(string(words)))
	}
	return strings.TrimSpace(string(words)), nil
}

// Backup writes a consistent copy of the log to the file, which must not exist. It has
// another name until it is whole: what is called so is, whenever the power goes.
func (a *Admin) Backup(ctx context.Context, file string) (err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://belay/backup", nil)
	if err != nil {
		return err
	}
	if _, err := os.Lstat(file); err == nil {
		return fmt.Errorf("%s is there already: a copy is never written over another", file)
	}
	res, err := a.client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode == http.StatusServiceUnavailable {
		return ErrWaits
	}
	if res.StatusCode != http.StatusOK {
		words, _ := io.ReadAll(io.LimitReader(res.Body, 4<<10))
		return errors.New(strings.TrimSpace(string(words)))
	}
	part, err := os.CreateTemp(filepath.Dir(file), "."+filepath.Base(file)+".part-*") // mode 600
	if err != nil {
		return err
	}
	if err = errors.Join(fill(part, res), part.Close()); err == nil {
		err = os.Rename(part.Name(), file)
	}
	if err != nil {
		return errors.Join(err, os.Remove(part.Name()))
	}
	return syncDir(filepath.Dir(file))
}

// fill writes what comes, and fails where it is not whole.
func fill(part *os.File, res *http.Response) error {
	if _, err := io.Copy(part, res.Body); err != nil {
		return fmt.Errorf("the backup broke off: %w", err)
	}
	if res.Trailer.Get("Belay-Backup") != "whole" {
		return errors.New("the backup broke off")
	}
	return part.Sync()
}

// syncDir makes a file's new name durable, where its file system can.
func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	if err = f.Sync(); errors.Is(err, syscall.EINVAL) || errors.Is(err, errors.ErrUnsupported) {
		err = nil
	}
	return errors.Join(err, f.Close())
}
