// A page of words: connecting, waiting, ended. It is written anew only when its
// words change, so that a screen reader is not told twice.

import { el } from "./element.js";

/**
 * @typedef {{title: string, lines?: string[], sections?: {title: string, items: string[], ordered?: boolean}[],
 *   after?: string[], buttons?: {words: string, primary?: boolean, press: () => void, testid?: string}[]}} Words
 */

/** createPlain makes the page. */
export function createPlain() {
  const element = el("section", { class: "plain", role: "status" });
  let written = "";
  return {
    element,
    /** @param {Words} page */
    update({ title, lines = [], sections = [], after = [], buttons = [] }) {
      const next = JSON.stringify([title, lines, sections, after, buttons.map((one) => one.words)]);
      if (next === written) return;
      written = next;
      element.replaceChildren(
        el("h1", null, title),
        ...lines.map((line) => el("p", { class: "lead" }, line)),
        ...sections.map((one) =>
          el("section", null, el("h2", null, one.title), el(one.ordered ? "ol" : "ul", null, ...one.items.map((item) => el("li", null, item)))),
        ),
        ...after.map((line) => el("p", null, line)),
        ...buttons.map((one) =>
          el("button", { type: "button", class: one.primary ? "primary wide" : "", onclick: one.press, "data-testid": one.testid }, one.words),
        ),
      );
    },
  };
}
