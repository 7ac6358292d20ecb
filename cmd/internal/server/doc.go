// Package server is the whole of Belay in one value: store, sessions, socket
// edge, pages, API and administration, wired together and run on one address.
// cmd/belay gives it flags; tests and cmd/rehearse start it in their own process.
//
// # Guarantees
//
//   - Start returns when everything answers, or with the error that kept it from
//     that, and then nothing is left behind: no goroutine, no open file.
//   - Close ends what Start began, last in first out, each step by its name and
//     within its own time, and returns when nothing runs any more.
//   - Every request has a deadline and a size; pages come with a strict
//     Content-Security-Policy and nothing from other hosts.
//   - Secrets are printed by nobody but whoever asked Start for them: the
//     set-up link's token is returned, never logged.
//
// The same in plainer words: it runs or it doesn't, and it says which.
package server
