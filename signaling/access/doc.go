// Package access decides who comes in: therapists with an account and a
// password, everybody else with a link that opens one seat of one session.
//
// # Guarantees
//
//   - A link's secret has 130 random bits. It stands in the fragment of the
//     address, which browsers don't send; the page posts it once and gets a cookie
//     for that one seat. The server keeps only the SHA-256 of both.
//   - A seat's cookie opens that seat and nothing else. It is derived from a
//     secret of the browser's by HMAC over session and seat, so that the cookies
//     of two seats in one browser tell nothing of each other, and three links can be
//     opened side by side.
//   - The first browser that shows a link gets the seat; another one waits for
//     the therapist's tap (the rules decide: session.OpenLink). A link that has
//     expired, was replaced or revoked opens nothing.
//   - A therapist's seat is opened by the account that owns the session and by no
//     link. Links of a session are made and revoked by its owner only.
//   - A sign-in that ends (signed out, another password) ends the open pages of its
//     visits too, within seconds, at every node. One that could not be looked up ends
//     nothing.
//   - Guessing is limited by address and by account, in bounded memory. A browser
//     that has signed in before has a limit of its own, so that no strangers,
//     however many, lock a therapist out of her account.
//   - A proxy is believed about addresses only where it runs on this machine or the
//     operator has named it.
//
// The same in plainer words: a chaperone's link leaked tonight opens the
// chaperone's page, for one more browser, if the therapist says yes; and nothing
// tomorrow.
//
// # Cookies
//
// All are HttpOnly and SameSite=Lax, and Secure where the browser came over TLS
// or the practice's public address is https.
//
//	belay_account   /                     the sign-in of a therapist
//	belay_known     /api/signin           that this browser has signed in to the account
//	belay_device    /api/open             the browser's own secret
//	belay_seat      /s/SESSION/SEAT/      the seat
package access
