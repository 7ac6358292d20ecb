// Command rehearse plays a whole dosing session with scripted people: a
// therapist, a client or a couple, and a chaperone, who open their links, speak
// the protocol and exchange real picture and sound. It prints the transcript and
// every promise that it could observe, and exits 0 only if all of them were kept.
//
//	rehearse                        with a server of its own, sixty times as fast
//	rehearse -speed 1               as long as the real thing: two and a half hours
//	rehearse -couple                two clients, each with an own dose and clock
//	rehearse -server URL -email E   on a running server, in the account's name
//	rehearse -sessions 20 -stay 1m -speed 1     many at once, and what they cost
//
// A server of its own runs as a child process on a temporary data folder; in the
// middle of the session it is killed with SIGKILL and started again. A server
// that is given is left alone: there only connections are cut.
//
// The password of the account is read from the environment, BELAY_PASSWORD. On a
// server that nobody has an account on yet, rehearse makes that account with the
// set-up link in BELAY_SETUP_LINK. A certificate that the machine does not know,
// such as a self-signed one, is named in SSL_CERT_FILE.
//
// # Load
//
// With -sessions that many sessions begin over the time of -ramp, each is judged
// like a single one, and a table says in how many each promise was kept, how long
// commands took, how late deadlines were, the longest time without a picture, what
// each server was told and which connections it lost, and what a server of our own
// took of processor and memory. With -stay they go up to the dose, stay together for that
// time with an act every ten seconds, and leave; the costs are those of that time.
// -signaling leaves picture and sound away, -relay sends them through the server's
// relay too: the differences are what each costs. -nodes names several servers on
// one Redis; the people of each session sit at different ones, and stay there: where one
// of the servers is killed meanwhile they come back when it does, and what their screens
// were without is noticed or a promise is broken. Servers on other
// machines are refused without -abroad: a load is an attack on who does not expect it.
//
// # How it is made
//
//	script ─► person (cmd/internal/person) ─► server
//	              │ what each screen was told, when
//	              ▼
//	          evidence ─► promises ─► kept or broken
//
// The script (scenes*.go) only acts and waits. Whatever the screens are told is
// collected as evidence on the way, and judged at the end: each promise is one
// function over the evidence. So a promise can be tested without a session, by
// spoiling the evidence.
package main
