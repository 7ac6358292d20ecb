package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"strconv"
	"unicode/utf8"

	"belay/session"
	"belay/session/live"
	"belay/session/practice"
	"belay/session/store"
	"belay/signaling/access"
)

// problem is every answer that is no success.
type problem struct {
	Code    string   `json:"code"`
	Words   string   `json:"words"`
	Missing []string `json:"missing,omitempty"`
}

// badRequest is a body that is not what the description says.
type badRequest struct {
	status int
	words  string
}

func (e *badRequest) Error() string { return e.words }

// body reads the request's JSON into v, strictly.
func (x *exchange) body(v any) error {
	if kind, _, err := mime.ParseMediaType(x.r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return &badRequest{http.StatusUnsupportedMediaType, "The body must be application/json."}
	}
	raw, err := io.ReadAll(x.r.Body)
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return &badRequest{http.StatusRequestEntityTooLarge, "The body is larger than " + strconv.Itoa(maxBody>>10) + " KiB."}
	case err != nil:
		return &badRequest{http.StatusBadRequest, "The body did not arrive whole."}
	}
	return decode(raw, v)
}

// decode reads one JSON value: UTF-8, known fields only, nothing after it.
func decode(raw []byte, v any) error {
	if !utf8.Valid(raw) {
		return &badRequest{http.StatusBadRequest, "The body is not UTF-8 text."}
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil {
		return &badRequest{http.StatusBadRequest, "The body is not what was expected: " + err.Error() + "."}
	}
	if _, err := dec.Token(); err != io.EOF {
		return &badRequest{http.StatusBadRequest, "Something follows the body."}
	}
	return nil
}

// translate is the one place where an error becomes an answer.
func (a *API) translate(route route, err error) (int, problem) {
	var refusal *session.Refusal
	var bad *badRequest
	switch {
	case errors.As(err, &refusal):
		return statusOf(refusal.Code), problem{refusal.Code, refusal.Words, refusal.Missing}
	case errors.As(err, &bad):
		return bad.status, problem{Code: "bad_request", Words: bad.words}
	case errors.Is(err, live.ErrUnknown):
		return http.StatusNotFound, problem{Code: session.NoSuchThing, Words: "There is no such session."}
	case errors.Is(err, live.ErrNotRecorded), errors.Is(err, store.ErrFull):
		a.log.Error("the store does not take it", "method", route.method, "path", route.path, "err", err)
		return http.StatusServiceUnavailable, problem{Code: "not_recorded", Words: "The server cannot write its record now. Nothing was changed. Please tell whoever runs it."}
	case errors.Is(err, live.ErrClosed), errors.Is(err, store.ErrClosed):
		return http.StatusServiceUnavailable, problem{Code: "stopping", Words: "The server is being restarted. Please try again in a moment."}
	case errors.Is(err, context.Canceled):
		return 499, problem{Code: "gone", Words: "The browser did not wait for the answer."}
	case errors.Is(err, context.DeadlineExceeded):
		a.log.Error("too slow", "method", route.method, "path", route.path)
		return http.StatusServiceUnavailable, problem{Code: "too_slow", Words: "The server is too busy to answer. Please try again in a moment."}
	}
	a.log.Error("request failed", "method", route.method, "path", route.path, "err", err)
	return http.StatusInternalServerError, problem{Code: "internal", Words: "The server failed. What you did may not be recorded. Please look, and try again."}
}

// statuses of refusals; a code that is not here is a conflict with what is so.
var statuses = map[string]int{
	session.BadValue:       http.StatusUnprocessableEntity,
	session.NoSuchThing:    http.StatusNotFound,
	session.NotYourRole:    http.StatusForbidden,
	session.LinkInvalid:    http.StatusForbidden,
	access.NotAdmitted:     http.StatusForbidden,
	access.TooMany:         http.StatusTooManyRequests,
	practice.SignedOutCode: http.StatusUnauthorized,
	practice.WrongPassword: http.StatusForbidden,
	practice.LinkUsed:      http.StatusForbidden,
	noAccount:              http.StatusUnauthorized,
}

func statusOf(code string) int {
	if status, ok := statuses[code]; ok {
		return status
	}
	return http.StatusConflict
}

func write(w http.ResponseWriter, status int, v any) {
	raw, err := json.Marshal(v)
	if err != nil {
		status, raw = http.StatusInternalServerError, []byte(`{"code":"internal","words":"The server failed."}`)
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(raw) // the browser may have gone: nobody to tell
}

func fail(w http.ResponseWriter, status int, p problem) {
	if status == http.StatusTooManyRequests {
		w.Header().Set("Retry-After", "60")
	}
	write(w, status, p)
}

// download is an answer that is kept as a file.
type download struct {
	name string
	raw  []byte
}

func (d download) write(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Content-Type", "application/json; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	if d.name != "" {
		h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": d.name}))
	}
	_, _ = w.Write(d.raw)
}

func refuse(code, words string) error { return &session.Refusal{Code: code, Words: words} }
