// Package static holds the browser's side of Belay: three screens, a console
// and the modules they share, as plain files that a browser reads as they are.
//
// # Guarantees
//
//   - Nothing is built: what lies here is what is served, embedded in the binary.
//   - Nothing comes from another host, and no text becomes HTML: elements are
//     made by element.js, with textContent only.
//   - A screen repaints from one whole view ([belay/session.View]). It holds no
//     rules: every button is an action of the view, with the server's reason when
//     it may not be used now.
//
// # The same in plain words
//
// Each screen is one HTML file, one script of the same name, one stylesheet and
// one file with its words. A part of a screen is a function that makes its
// elements once and returns an update(view) that may be called any number of
// times. tokens.css has every colour and size; base.css the type, buttons and
// forms. connection.js speaks the belay.1 protocol, media.js exchanges picture
// and sound, and both keep going when the network does not.
//
// Types are JSDoc comments, checked by the TypeScript compiler without being
// compiled; types.d.ts repeats the view and the messages in TypeScript's words.
package static
