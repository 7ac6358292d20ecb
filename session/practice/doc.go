// Package practice keeps what belongs to a practice and not to one session:
// the therapists' accounts, their sign-ins and the clinical settings with their
// versions. It is an event log of its own, named [LogName], in the same store as
// the sessions, in the same envelope and chain: it survives what they survive,
// moves where they move, and who changed which number when is part of it.
//
// # Guarantees
//
//   - Nothing that could be used to get in is kept: of a password only its
//     argon2id hash, of set-up links, reset links and sign-ins only the SHA-256
//     of 256 random bits.
//   - There is no default password. The first account is made with a one-time
//     link; a link is used up by the same append that makes the account.
//   - A sign-in outlives a restart of the server and ends a day after it was last
//     used, so that a therapist's screen comes back by itself in a session.
//   - A new password ends every other sign-in of the account.
//   - Settings change only from the version that the editor saw: two editors
//     can't overwrite each other unseen. Every version stays in the log.
//   - Two nodes on one store see each other's changes within [freshness].
//
// The same in plainer words: nobody gets in with what the disk holds, nobody is
// thrown out in the middle of a visit, and no number changes without a name.
//
// # Why argon2id
//
// bcrypt cuts a passphrase off after 72 bytes and costs an attacker's graphics
// card little memory. argon2id does neither (RFC 9106); its parameters are those
// that OWASP recommends for it, stand in each hash, and at most two hashes are
// computed at a time, so that a flood of sign-ins can't take the memory that a
// running session needs.
package practice
