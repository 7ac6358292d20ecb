// What goes on now, what comes today, what waits for a signature, what comes later,
// "New session" and the practice session.

import { call } from "./api.js";
import { words } from "./console-words.js";
import { calm, el, each, enable, show, text, usable } from "./element.js";
import { byUrgency, createCard, groupOf, names, phaseOf, when } from "./summary.js";

/**
 * @typedef {import("./summary.js").Summary} Summary
 * @typedef {import("./summary.js").Group} Group
 * @typedef {import("./console.js").Made} Made
 */

/** @type {Group[]} */
const groups = ["now", "today", "sign", "later", "practice"];

/** @param {{made: (made: Made) => void}} options */
export function createSessions({ made }) {
  const w = words.sessions;
  const sections = groups.map((name) => {
    const list = name === "sign" ? el("ul", { class: "rows" }) : el("div", { class: "cards" });
    return { name, list, element: el("section", { class: "group-of", hidden: true, "data-group": name }, el("h2", null, w.groups[name]), list) };
  });
  const lists = el("div", { class: "groups" }, ...sections.map((one) => one.element));
  const none = el("div", { class: "empty", hidden: true }, el("h2", null, w.none), el("p", null, w.noneHint));
  const problem = el("p", { class: "problem", role: "alert", hidden: true });
  const speed = el("select", { "data-testid": "speed" }, ...w.speeds.map(([rate, label]) => el("option", { value: rate }, label)));
  const tryIt = el("button", { type: "button", onclick: () => void practise(), "data-testid": "practice" }, w.practice);
  /** @type {Map<string, string>} what each card was drawn from */
  const drawn = new Map();
  const element = el("div", { class: "wide" },
    el("div", { class: "bar" }, el("h1", null, w.title), el("a", { class: "button primary", href: "#new", "data-testid": "new" }, w.new)),
    none, lists,
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
    const shown = answer.sessions.map((session) => ({ session, group: groupOf(session, now) })).filter(({ group }) => group);
    show(none, shown.length === 0);
    const focused = document.activeElement;
    const held = lists.contains(focused) ? { of: focused?.closest("[data-session]")?.getAttribute("data-session"), what: focused?.getAttribute("data-testid") } : null;
    const before = order();
    for (const { name, list, element: section } of sections) {
      const here = shown.filter(({ group }) => group === name).map(({ session }) => session);
      if (name !== "sign") here.reverse(); // soonest first
      if (name === "now") here.sort(byUrgency);
      show(section, here.length > 0);
      each(list, here, (session) => session.id, () => el(name === "sign" ? "li" : "div"), (node, session) => draw(node, session, name, now));
    }
    if (before && before !== order()) calm(lists); // what was about to be pressed may stand elsewhere
    const again = held && lists.querySelector(`[data-session="${held.of}"] [data-testid="${held.what}"]`);
    if (again instanceof HTMLElement && !lists.contains(document.activeElement)) again.focus();
  }

  /** Which session stands where. */
  const order = () => [...lists.querySelectorAll("[data-session]")].map((node) => node.getAttribute("data-session")).join();

  /** @param {HTMLElement} node @param {Summary} session @param {Group} group @param {number} now */
  function draw(node, session, group, now) {
    const phase = (session.clients ?? []).map((client) => phaseOf(session, client, now)).join(", ");
    const from = JSON.stringify([session, group, phase, new Date(now).toDateString()]);
    if (drawn.get(session.id) === from && node.firstChild) return;
    drawn.set(session.id, from);
    if (group === "sign") {
      node.setAttribute("data-session", session.id);
      node.replaceChildren(el("span", null, el("b", null, names(session)), ` · ${when(session.starts_at, now)} · ${phase}`),
        el("a", { class: "button", href: `/s/${session.id}/therapist-1/#after`, "data-testid": "sign", "aria-label": `${w.sign}: ${names(session)}` }, w.sign));
      return;
    }
    const open = node.querySelector("details")?.open ?? false;
    node.replaceChildren(createCard(session, now, [
      el("a", { class: group === "now" || group === "today" ? "button primary" : "button", href: `/s/${session.id}/therapist-1/`, "data-testid": "open", "aria-label": `${w.open}: ${names(session)}` }, w.open),
      el("a", { class: "button", href: `#session/${session.id}`, "data-testid": "people", "aria-label": `${w.links}: ${names(session)}` }, w.links),
    ]));
    if (open) for (const one of node.querySelectorAll("details")) one.open = true;
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
