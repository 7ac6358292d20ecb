// How a connection has been over the last minutes: small lines, without a word
// or a colour unless one looks.

import { set, svg } from "./element.js";

const kept = 300; // samples, one a second
const wide = 120;
const high = 14;

/**
 * points is a line through samples, the newest at the right edge; a negative
 * sample is a gap, drawn at the bottom.
 *
 * @param {number[]} samples
 * @param {number} top what reaches the upper edge, unless a sample is higher
 */
export function points(samples, top) {
  const most = Math.max(top, ...samples);
  const from = kept - samples.length;
  return samples.map((value, i) => `${(((from + i) / (kept - 1)) * wide).toFixed(1)},${(high - 1 - (Math.max(0, value) / most) * (high - 2)).toFixed(1)}`).join(" ");
}

/**
 * createTrend makes one line. Said is called for words that a screen reader
 * gets, with the lowest, the highest and the last value.
 *
 * @param {{top: number, said: (least: number, most: number, last: number) => string}} options
 */
export function createTrend({ top, said }) {
  const line = svg("polyline", { class: "trend-line" });
  const title = svg("title");
  const element = svg("svg", { class: "trend", viewBox: `0 0 ${wide} ${high}`, role: "img", preserveAspectRatio: "none" }, title, line);
  /** @type {number[]} */
  const samples = [];
  let added = 0;
  return {
    element,
    /** @param {number} value */
    add(value) {
      samples.push(value);
      if (samples.length > kept) samples.shift();
      set(line, "points", points(samples, top));
      // Not every second: a screen reader or a resting pointer would read it anew.
      if (added++ % 10 === 0) title.textContent = said(Math.min(...samples), Math.max(...samples), value);
    },
  };
}
