package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"belay/static"
)

// modules serves a page with nothing on it but body, from which a test can import the
// pages' own modules. It returns its address.
func modules(t *testing.T, body string) string {
	t.Helper()
	files := http.FileServerFS(static.Files)
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/" {
			w.Header().Set("Content-Type", "text/html")
			fmt.Fprint(w, `<!doctype html><html lang="en"><link rel="icon" href="data:,"><title>Modules</title>`, body, `</html>`)
			return
		}
		files.ServeHTTP(w, r)
	}))
	t.Cleanup(web.Close)
	return web.URL
}

// camera is a script that makes one, of which no two pictures are the same.
const camera = `
		const canvas = document.createElement("canvas");
		const context = canvas.getContext("2d");
		let drawn = 0;
		setInterval(() => {
			context.fillStyle = "hsl(" + ((drawn++ * 7) % 360) + " 80% 50%)";
			context.fillRect(0, 0, canvas.width, canvas.height);
		}, 50);
		const camera = canvas.captureStream(20);`
