// A ring that empties until the next look, with words in its middle. It moves
// once a second and no more.

import { el, set, svg, text } from "./element.js";

const radius = 54;
const round = 2 * Math.PI * radius;

/** Makes the ring. Update takes what is left of the whole, 0 to 1, and the words. */
export function createRing() {
  const left = svg("circle", { class: "ring-left", cx: 60, cy: 60, r: radius, transform: "rotate(-90 60 60)", "stroke-dasharray": round });
  const says = el("p", { class: "ring-words" });
  const element = el("div", { class: "ring" }, svg("svg", { viewBox: "0 0 120 120", "aria-hidden": "true" }, svg("circle", { class: "ring-whole", cx: 60, cy: 60, r: radius }), left), says);

  /** @param {number} share @param {string} words */
  function update(share, words) {
    set(left, "stroke-dashoffset", (round * (1 - Math.min(1, Math.max(0, share)))).toFixed(1));
    set(element, "data-due", share <= 0 ? "yes" : null);
    text(says, words);
  }

  return { element, update };
}
