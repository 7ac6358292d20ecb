// The emergency card: what is said on the phone and what is known, large enough
// to be read aloud. It stands below the clock and beside the picture, never over
// them or the buttons at the bottom, and needs nothing but the last view.

import { date, timeOfDay, zone } from "./clock.js";
import { each, el, set, show, text } from "./element.js";
import { tel } from "./tel.js";
import { words } from "./therapist-words.js";

/**
 * @typedef {import("./desk.js").Desk} Desk
 * @typedef {import("./types.d.ts").Card} Card
 */

/**
 * @param {Desk} desk
 * @param {() => string} chosen the client shown first
 */
export function createEmergencyCard(desk, chosen) {
  const w = words.emergency;
  const title = el("h2", { id: "card-title", tabindex: "-1" });
  const whose = el("div", { class: "card-whose", role: "group" });
  const none = el("p", null, w.none);
  // "34 min ago" is counted from here: on paper, and while the server does not answer.
  const asOf = el("p", { class: "hint" });
  const number = el("p", { class: "card-number" });
  const address = el("p", { class: "card-address" });
  const confirmed = el("p", { class: "hint" });
  const script = el("ol", { class: "card-script" });
  const ways = el("ul", { class: "card-ways" });
  const doses = el("ul");
  const vitals = el("p");
  const conditions = el("p");
  const copied = el("span", { role: "status", class: "hint" });
  const body = el("div", { class: "card-body" }, asOf,
    el("h3", null, w.local), number,
    el("h3", null, w.address), address, confirmed,
    el("h3", null, w.script), script,
    el("h3", null, w.call), ways,
    el("div", { class: "card-facts" },
      el("div", null, el("h3", null, w.doses), doses),
      el("div", null, el("h3", null, w.vitals), vitals),
      el("div", null, el("h3", null, w.conditions), conditions)),
    el("p", { class: "hint" }, w.limits));
  const element = el("section", { class: "sheet card-sheet", role: "region", "aria-labelledby": "card-title", hidden: true, "data-testid": "card", onkeydown: (/** @type {KeyboardEvent} */ event) => event.key === "Escape" && close() },
    el("div", { class: "card-head" }, title, el("button", { type: "button", onclick: close }, w.close)),
    whose, none, body,
    el("div", { class: "act-buttons" }, el("button", { type: "button", onclick: copy }, w.copy), el("button", { type: "button", onclick: () => window.print() }, w.print), copied));
  let seat = "";
  /** @type {Element | null} */
  let before = null;
  /** @type {Set<string>} */
  const opened = new Set();

  /**
   * @param {string} [client]
   * @param {boolean} [itself] nobody asked for it: whoever is writing goes on writing
   */
  function open(client, itself = false) {
    seat = client || chosen();
    if (element.hidden) before = document.activeElement;
    show(element, true);
    element.dispatchEvent(new Event("sheet", { bubbles: true }));
    update();
    if (!itself || !document.activeElement?.closest("input, textarea, select")) title.focus({ preventScroll: true });
    element.scrollTop = 0;
    if (desk.action("OpenCard", seat)?.allowed) void desk.command("OpenCard", { client: seat });
  }

  function close() {
    show(element, false);
    if (before instanceof HTMLElement && before.isConnected) before.focus();
  }

  /** @returns {Card | undefined} */
  const card = () => desk.client(seat)?.card;

  async function copy() {
    const now = card();
    if (!now) return;
    const all = [desk.name(seat), asOf.textContent, `${w.local}: ${now.emergency || w.noNumber}`, `${w.address}: ${now.address}`, now.confirmed, ...now.script,
      ...(now.ways ?? []).map((way) => `${way.name}: ${way.phone}`), ...(now.doses ?? []), now.vitals, now.conditions];
    try {
      await navigator.clipboard.writeText(all.filter(Boolean).join("\n"));
      text(copied, w.copied);
    } catch {
      getSelection()?.selectAllChildren(body);
    }
  }

  function update() {
    const clients = desk.view().clients ?? [];
    // A card that an alarm asks for opens by itself, once for each alarm.
    for (const alarm of desk.view().alarms ?? []) {
      if (!alarm.card || opened.has(alarm.id)) continue;
      opened.add(alarm.id);
      if (!alarm.ended && element.hidden) open(alarm.client, true);
    }
    if (element.hidden) return;
    const now = card();
    text(title, w.title(desk.name(seat)));
    each(whose, clients.length > 1 ? clients : [], (client) => client.seat, (client) => el("button", { type: "button", onclick: () => open(client.seat) }, client.name), (node, client) => set(node, "aria-pressed", client.seat === seat ? "true" : "false"));
    show(none, !now);
    show(body, now);
    if (!now) return;
    const { now: told, practice } = desk.view();
    text(asOf, [practice ? words.practice : "", w.asOf(`${date(told)}, ${timeOfDay(told)} ${zone(told)}`)].filter(Boolean).join(" "));
    each(number, [now.emergency ?? ""], (one) => one, (one) => (one ? el("a", { href: tel(one) }, one) : el("span", null, w.noNumber)));
    text(address, now.address);
    text(confirmed, now.confirmed);
    each(script, now.script ?? [], (line) => line, (line) => el("li", null, line));
    each(ways, now.ways ?? [], (way) => way.name + way.phone, (way) => el("li", null, el("span", null, way.name), el("a", { class: "button", href: tel(way.phone) }, way.phone)));
    each(doses, now.doses?.length ? now.doses : [w.noDoses], (line) => line, (line) => el("li", null, line));
    text(vitals, now.vitals || w.noVitals);
    text(conditions, now.conditions || w.noConditions);
  }

  return { element, update, open, close, toggle: () => (element.hidden ? open() : close()), isOpen: () => !element.hidden };
}
