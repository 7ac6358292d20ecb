// The client's call for help: one tap, sent over every way there is, and words
// for what has become of it that are never more than what is known.

import { words } from "./client-words.js";

/** @typedef {import("./types.d.ts").ClientView} ClientView */
/** @typedef {{id: string, pending: boolean, seq: number, direct: number, seen: boolean, refused: string}} Asked */
/** A call as it outlives its page. @typedef {{seat: string, id: string, at: number}} Kept */

const directAfter = 2000; // ms without an answer of the server
const directAgain = 3000; // ms between two tries past it

/**
 * createHelp makes the call. The command stays in the connection's queue until
 * the server has it; meanwhile the therapist's page is called directly. A call that
 * was not answered yet goes on when the page is loaded again, under the same id.
 *
 * @param {{connection: import("./types.d.ts").Connection, media: import("./types.d.ts").Media, remember: (name: string, value?: string) => string,
 *   onChange: () => void}} options remember: through a reload
 */
export function createHelp({ connection, media, remember, onChange }) {
  /** @type {Map<string, Asked>} */
  const asked = new Map();

  /** @returns {Kept[]} */
  function kept() {
    try {
      return JSON.parse(remember("help") || "[]");
    } catch {
      return []; // not ours
    }
  }

  /** @param {Kept[]} calls */
  const keep = (calls) => void remember("help", JSON.stringify(calls));

  /** @param {string} seat */
  function ask(seat) {
    // Whoever presses here needs somebody, whichever page had the seat last.
    if (connection.state().name === "replaced") connection.retry();
    const before = asked.get(seat);
    if (before?.pending) {
      direct(before);
      return;
    }
    const fresh = { seat, id: connection.name(), at: Date.now() };
    send(fresh);
    keep([...kept(), fresh]);
    onChange();
  }

  /** @param {Kept} call */
  function send({ seat, id, at }) {
    /** @type {Asked} */
    const mine = { id, pending: true, seq: 0, direct: 0, seen: false, refused: "" };
    asked.set(seat, mine);
    void connection.command("AskHelp", { client: seat }, { insist: true, id, askedAt: at }).then((answer) => {
      if (answer.refused?.code !== "protocol") keep(kept().filter((one) => one.id !== id)); // else the next page asks
      mine.pending = false;
      mine.seq = answer.seq ?? 0;
      mine.refused = answer.ok ? "" : (answer.refused?.words ?? "");
      onChange();
    });
    if (connection.state().name === "open") setTimeout(() => again(mine, seat), directAfter);
    else again(mine, seat);
  }

  /** @param {Asked} mine @param {string} seat */
  function again(mine, seat) {
    if (!mine.pending || asked.get(seat) !== mine) return;
    if (connection.state().name === "replaced") connection.retry(); // the call may have gone down with the place
    if (!mine.seen) direct(mine);
    setTimeout(() => again(mine, seat), directAgain);
  }

  /** @param {Asked} mine */
  function direct(mine) {
    mine.direct = media.sendDirect({ kind: "help", id: mine.id });
    onChange();
  }

  const before = kept();
  queueMicrotask(() => before.forEach(send)); // once whoever makes this can say so

  return {
    ask,
    /** @param {import("./types.d.ts").Direct} message */
    onDirect(message) {
      if (message.kind !== "seen") return;
      for (const mine of asked.values()) if (mine.id === message.id) mine.seen = true;
      onChange();
    },
    /**
     * What may be said about this person's call now; empty: there is none.
     *
     * @param {ClientView} client
     * @param {number} seq of the view
     * @param {boolean} connected
     */
    words(client, seq, connected) {
      const mine = asked.get(client.seat);
      if (mine?.pending && !connected) {
        return mine.seen ? words.knownDirect : mine.direct > 0 ? words.callingDirect : words.callOut;
      }
      if (!connected) return "";
      const who = client.help?.who ?? "";
      switch (client.help?.stage) {
        case "with":
          return words.with(who);
        case "coming":
          return words.coming(who);
        case "known":
          return words.known;
        case "calling":
          return words.calling;
      }
      if (mine?.refused) return mine.refused;
      return mine && (mine.pending || seq < mine.seq) ? words.calling : "";
    },
  };
}
