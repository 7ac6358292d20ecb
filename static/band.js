// The band: where in the visit a client is, at one look. A line from T+0 to the
// planned end with the hold, the window in which returning is expected, the
// earliest release, and now. Every time on it comes from the view.

import { el, set } from "./element.js";
import { words } from "./therapist-words.js";

/** @typedef {import("./types.js").ClientView} ClientView */

/** Makes the band of one client. */
export function createBand() {
  const past = el("div", { class: "band-past" });
  const hold = el("div", { class: "band-hold" });
  const active = el("div", { class: "band-window" });
  const marks = el("div", { class: "band-marks" });
  const marker = el("div", { class: "band-now" });
  const ticks = el("div", { class: "band-ticks" });
  const element = el("div", { class: "band", role: "img", title: words.bandLegend }, el("div", { class: "band-track" }, active, hold, past, marks, marker), ticks);
  let drawn = "";

  /**
   * @param {ClientView} client
   * @param {number} now session time in ms
   */
  function update(client, now) {
    const { windows, t0 } = client;
    element.hidden = !windows || !t0;
    if (!windows || !t0) return;
    /** @param {string | number} time @returns {number} minutes since T+0 */
    const minute = (time) => (new Date(time).getTime() - Date.parse(t0)) / 60_000;
    const elapsed = minute(now);
    const end = Math.max(minute(windows.planned_end), minute(windows.release_from), Math.ceil(elapsed / 15) * 15, 1);
    /** @param {number} minutes */
    const share = (minutes) => `${(Math.min(1, Math.max(0, minutes / end)) * 100).toFixed(2)}%`;
    /** @param {HTMLElement} node @param {number} from @param {number} to */
    const place = (node, from, to) => {
      node.style.setProperty("left", share(from));
      node.style.setProperty("right", `calc(100% - ${share(to)})`);
    };

    const shape = JSON.stringify([windows, client.doses?.map((dose) => dose.at), end]);
    if (shape !== drawn) {
      drawn = shape;
      place(hold, 0, minute(windows.hold_ends));
      place(active, minute(windows.offered), minute(windows.overdue));
      const times = [0, minute(windows.offered), minute(windows.overdue), minute(windows.release_from), minute(windows.planned_end)];
      ticks.replaceChildren(...[...new Set(times.map(Math.round))].map((time) => {
        const tick = el("span", null, String(time));
        tick.style.setProperty("left", share(time));
        return tick;
      }));
      const boosters = (client.doses ?? []).slice(1).map((dose) => {
        const mark = el("span", { class: "band-dose" }, String(dose.number));
        mark.style.setProperty("left", share(minute(dose.at)));
        return mark;
      });
      const release = el("span", { class: "band-release" });
      release.style.setProperty("left", share(minute(windows.release_from)));
      marks.replaceChildren(release, ...boosters);
    }
    place(past, 0, elapsed);
    marker.style.setProperty("left", share(elapsed));
    set(element, "aria-label", words.band(Math.floor(elapsed), {
      hold: minute(windows.hold_ends), from: minute(windows.offered), to: minute(windows.overdue),
      release: minute(windows.release_from), end: minute(windows.planned_end),
    }));
  }

  return { element, update };
}

