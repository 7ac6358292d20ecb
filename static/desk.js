// What every part of the therapist's and the chaperone's screen needs: the last
// view, the session's time, a way to send an act, a voice for screen readers.

/**
 * @typedef {import("./types.d.ts").View} View
 * @typedef {import("./types.d.ts").ClientView} ClientView
 * @typedef {import("./types.d.ts").Person} Person
 * @typedef {import("./types.d.ts").Action} Action
 * @typedef {import("./types.d.ts").Result} Result
 * @typedef {import("./types.d.ts").Connection} Connection
 */

/**
 * @typedef {object} Desk
 * @property {() => View} view the last view; there is always one
 * @property {() => number} now session time in ms
 * @property {(act: string, body?: object) => Promise<Result>} command
 * @property {(act: string, client?: string) => Action | undefined} action what the view says about an act
 * @property {(seat: string) => ClientView | undefined} client
 * @property {(seat: string) => string} name of whoever sits there
 * @property {(words: string) => void} say politely, to a screen reader
 */

/**
 * @param {Connection} connection
 * @param {View} first
 * @param {(words: string) => void} say
 * @returns {Desk & {take: (view: View) => void}}
 */
export function createDesk(connection, first, say) {
  let view = first;
  return {
    take: (next) => {
      view = next;
    },
    view: () => view,
    now: () => connection.now(),
    command: (act, body) => connection.command(act, body),
    action: (act, client) => (view.actions ?? []).find((action) => action.act === act && (action.client ?? "") === (client ?? ""))
      ?? (view.actions ?? []).find((action) => action.act === act && !action.client),
    client: (seat) => (view.clients ?? []).find((client) => client.seat === seat),
    name: (seat) => (view.people ?? []).find((person) => person.seat === seat)?.name || seat,
    say,
  };
}
