// One session: who is connected, links, browsers that wait to be let in.

import { call } from "./api.js";
import { createLink } from "./console-links.js";
import { links, roles, words } from "./console-words.js";
import { each, el, enable, show, text, usable } from "./element.js";
import { names } from "./summary.js";

/**
 * @typedef {{id: string, role: string, name: string, phone?: string, shares_with?: string, present: boolean, link: string}} SeatLook
 * @typedef {{request: string, seat: string, name: string, words: string, since: string}} Waiting
 */

/** @param {string} id */
export function createLook(id) {
  const w = words.one;
  const base = `/api/sessions/${encodeURIComponent(id)}`;
  const title = el("h1", null, w.title);
  const waiting = el("div", { class: "waiting", role: "alert" });
  const people = el("ul", { class: "people" });
  const problem = el("p", { class: "problem", role: "alert", hidden: true });
  const own = el("a", { class: "button primary", href: "#sessions" }, words.sessions.open);
  const element = el("div", { class: "wide" },
    el("div", { class: "bar" }, title, el("span", { class: "buttons" }, own,
      el("a", { class: "button", href: `#record/${id}` }, w.record), el("a", { class: "button", href: "#sessions" }, words.made.back))),
    waiting, problem, people);

  /**
   * attempt does one thing at a time and says what the server said against it.
   *
   * @param {HTMLElement} button
   * @param {() => Promise<void>} what
   */
  async function attempt(button, what) {
    if (!usable(button)) return;
    enable(button, false);
    show(problem, false);
    try {
      await what();
      await refresh();
    } catch (error) {
      text(problem, error instanceof Error ? error.message : String(error));
      show(problem, true);
    } finally {
      enable(button, true);
    }
  }

  /** @param {SeatLook} seat */
  function createSeat(seat) {
    const state = el("p", { class: "hint" });
    const shown = el("div");
    const fresh = el("button", { type: "button", "data-testid": `fresh-${seat.id}`, onclick: () => void attempt(fresh, async () => {
      shown.replaceChildren(createLink(await call("POST", `${base}/links`, { seat: seat.id })));
    }) }, w.fresh);
    const sure = el("div", { class: "sure", hidden: true });
    const revoke = el("button", { type: "button", class: "quiet", "data-testid": `revoke-${seat.id}`, onclick: () => show(sure, true) }, w.revoke);
    const yes = el("button", { type: "button", "data-testid": `sure-${seat.id}`, onclick: () => void attempt(yes, async () => {
      await call("DELETE", `${base}/links/${encodeURIComponent(seat.id)}`);
      shown.replaceChildren();
      show(sure, false);
    }) }, w.yes);
    sure.append(el("p", null, w.revokeAsk(seat.name)), el("div", { class: "buttons" }, yes, el("button", { type: "button", onclick: () => show(sure, false) }, w.no)));
    const byLink = seat.role !== "therapist" && !seat.shares_with;
    const node = el("li", { class: "card", "data-seat": seat.id }, el("h2", null, seat.name, el("span", { class: "role" }, roles[seat.role] ?? seat.role)), state,
      byLink ? el("div", { class: "buttons" }, fresh, revoke) : null, sure, shown);
    /** @param {SeatLook} now */
    const update = (now) => {
      text(state, [now.present ? w.here : w.away, links[now.link] ?? now.link, now.phone].filter(Boolean).join(" · "));
      show(revoke, now.link === "valid" || now.link === "used");
    };
    return { node, update };
  }

  /** @type {Map<string, ReturnType<typeof createSeat>>} */
  const rows = new Map();

  async function refresh() {
    const look = /** @type {{summary: import("./summary.js").Summary, place: string, seats: SeatLook[], devices: Waiting[]}} */ (await call("GET", base));
    text(title, `${names(look.summary)}: ${w.title.toLowerCase()}`);
    own.href = look.place;
    each(waiting, look.devices, (device) => device.request, (device) => {
      /** @param {boolean} admit @param {string} label */
      const answer = (admit, label) => {
        const button = el("button", { type: "button", class: admit ? "primary" : "", "data-testid": admit ? "admit" : "refuse", onclick: () => void attempt(button, async () => {
          await call("POST", `${base}/devices`, { request: device.request, admit });
        }) }, label);
        return button;
      };
      return el("div", { class: "notice" }, el("p", null, `${w.asks(device.name)} ${device.words}`), el("div", { class: "buttons" }, answer(true, w.admit), answer(false, w.refuse)));
    });
    each(people, look.seats, (seat) => seat.id, (seat) => {
      const row = createSeat(seat);
      rows.set(seat.id, row);
      return row.node;
    }, (_, seat) => rows.get(seat.id)?.update(seat));
  }

  return { element, title: w.title, refresh };
}
