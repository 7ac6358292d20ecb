// Today's sessions and those to come, "New session" and the practice session.

import { call } from "./api.js";
import { words } from "./console-words.js";
import { el, each, enable, show, text, usable } from "./element.js";
import { createCard, past } from "./summary.js";

/**
 * @typedef {import("./summary.js").Summary} Summary
 * @typedef {import("./console.js").Made} Made
 */

/** @param {{made: (made: Made) => void}} options */
export function createSessions({ made }) {
  const w = words.sessions;
  const list = el("div", { class: "cards", "aria-live": "off" });
  const none = el("div", { class: "empty", hidden: true }, el("h2", null, w.none), el("p", null, w.noneHint));
  const problem = el("p", { class: "problem", role: "alert", hidden: true });
  const speed = el("select", { "data-testid": "speed" }, ...w.speeds.map(([rate, label]) => el("option", { value: rate }, label)));
  const tryIt = el("button", { type: "button", onclick: () => void practise(), "data-testid": "practice" }, w.practice);
  /** @type {Map<string, string>} what each card was drawn from */
  const drawn = new Map();
  const element = el("div", { class: "wide" },
    el("div", { class: "bar" }, el("h1", null, w.title), el("a", { class: "button primary", href: "#new", "data-testid": "new" }, w.new)),
    none, list,
    el("section", { class: "practise" },
      el("h2", null, w.practice), el("p", null, w.practiceHint),
      el("div", { class: "buttons" }, el("label", { class: "inline" }, w.speed, speed), tryIt), problem));

  async function practise() {
    if (!usable(tryIt)) return;
    enable(tryIt, false);
    text(tryIt, w.making);
    show(problem, false);
    try {
      made(await call("POST", "/api/sessions", sample(Number(speed.value))));
    } catch (error) {
      text(problem, error instanceof Error ? error.message : String(error));
      show(problem, true);
    } finally {
      enable(tryIt, true);
      text(tryIt, w.practice);
    }
  }

  async function refresh() {
    const answer = /** @type {{now: string, sessions: Summary[]}} */ (await call("GET", "/api/sessions"));
    const now = Date.parse(answer.now);
    const shown = answer.sessions.filter((session) => !past(session, now)).reverse(); // soonest first
    show(none, shown.length === 0);
    each(list, shown, (session) => session.id, () => el("div"), (node, session) => {
      const from = JSON.stringify([session, new Date(now).toDateString()]);
      if (drawn.get(session.id) === from && node.firstChild) return;
      drawn.set(session.id, from);
      const focused = node.contains(document.activeElement) ? document.activeElement?.getAttribute("data-testid") : null;
      const open = node.querySelector("details")?.open ?? false;
      node.replaceChildren(createCard(session, now, [
        el("a", { class: "button primary", href: `/s/${session.id}/therapist-1/`, "data-testid": "open" }, w.open),
        el("a", { class: "button", href: `#session/${session.id}`, "data-testid": "people" }, w.links),
      ]));
      if (open) for (const one of node.querySelectorAll("details")) one.open = true;
      if (focused) node.querySelector(`[data-testid="${focused}"]`)?.focus();
    });
  }

  return { element, title: w.title, refresh };
}

/**
 * sample is a practice session with invented people.
 *
 * @param {number} rate
 */
function sample(rate) {
  return {
    practice: true, rate,
    clients: [{
      name: "Alex", pronouns: "they/them", phone: "503-555-0142",
      order: {
        product: "ketamine lozenge 100 mg", dose_mg: 100, tablets: 1, total_mg: 200, booster_from_s: 30 * 60, booster_to_s: 60 * 60, number: 3, of: 6,
        conditions: "none known (practice)", prescriber: "Dr. Example", phone: "503-555-0100",
      },
    }],
    chaperones: [{ name: "Sam", phone: "503-555-0178" }],
    phone: "503-555-0119",
  };
}
