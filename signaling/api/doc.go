// Package api is the HTTP API of the console and of the invitation page: JSON
// over the paths under /api/. openapi.json describes it; a test keeps the two
// the same.
//
// # Guarantees
//
//   - Every request is bounded in size and time. What is not what the description
//     says (another type, unknown fields, text that is not UTF-8) is refused
//     with words, and nothing is done.
//   - Every answer that is no success is {"code", "words"}: the code for
//     programs, the words for the person at the screen.
//   - What changes something is accepted from this server's own pages only
//     (Sec-Fetch-Site and Origin), besides the cookie.
//   - A session can be seen by the account that owns it and by nobody else:
//     somebody else's looks as if it did not exist.
//
// The same in plainer words: a page of ours gets a clear answer to everything,
// and a page of somebody else's gets nothing.
package api
