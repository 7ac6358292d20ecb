// What happens to a page whose link was withdrawn, or whose person is not signed in any
// more: nothing of the visit stays on it, and whoever is let in again begins anew.

/**
 * whenTurnedOut calls leave, once, when the server itself has said that this page may not
 * be here any more.
 *
 * @param {import("./types.d.ts").Connection} connection
 * @param {(state: import("./types.d.ts").ConnectionState) => void} leave
 * @returns {() => boolean} whether it has happened
 */
export function whenTurnedOut(connection, leave) {
  let out = false;
  connection.on("state", (state) => {
    if (out && state.name === "open") location.reload();
    if (out || state.why !== "revoked" || !state.told) return;
    out = true;
    leave(state);
  });
  return () => out;
}
