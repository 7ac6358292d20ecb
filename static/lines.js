// The record in words, newest visible, and all of it on demand.

import { timeOfDay } from "./clock.js";
import { each, el, set, show, text } from "./element.js";
import { words } from "./therapist-words.js";

/** @typedef {import("./desk.js").Desk} Desk */

/** @param {Desk} desk */
export function createLines(desk) {
  const list = el("ol");
  const log = el("div", { class: "lines-list", role: "log", "aria-live": "polite", "aria-label": words.lines.title, tabindex: "0", "data-testid": "lines" }, list);
  const none = el("p", { class: "hint" }, words.lines.none);
  const toggle = el("button", { type: "button", class: "quiet", "aria-expanded": "false", onclick: () => expand(!all) }, words.lines.all);
  const element = el("section", { class: "lines" }, log, none, toggle);
  let all = false;

  /** @param {boolean} open */
  function expand(open) {
    all = open;
    element.classList.toggle("lines-all", all);
    set(toggle, "aria-expanded", all ? "true" : "false");
    text(toggle, all ? words.lines.less : words.lines.all);
    log.scrollTop = log.scrollHeight;
  }

  function update() {
    const lines = desk.view().lines ?? [];
    const last = list.lastElementChild?.getAttribute("data-key");
    const below = log.scrollHeight - log.scrollTop - log.clientHeight < 24;
    // An alarm is spoken once, by the bar it stands in.
    /** @param {import("./types.d.ts").Line} line */
    const spoken = (line) => line.kind === "alarm" && (desk.view().alarms ?? []).some((alarm) => !alarm.acknowledged && !alarm.ended && line.words.includes(alarm.words));
    each(list, lines, (line) => `${line.seq} ${line.words}`, (line) => el("li", { "data-kind": line.kind, "aria-live": spoken(line) ? "off" : null }, el("time", { class: "digits" }, timeOfDay(line.at)), " ", line.words));
    show(none, lines.length === 0);
    show(log, lines.length > 0);
    if (below || !last) requestAnimationFrame(() => {
      log.scrollTop = log.scrollHeight;
    });
  }

  return { element, update };
}
