package static

import "embed"

// Files are the browser's files, at the top of the file system: "client.html".
// Safe for concurrent use.
//
//go:embed *.html *.css *.js *.svg
var Files embed.FS
