// What fails on this page itself, and words for it. A screen that could not be
// repainted shows what was: it must not look as if that were so now. The words have a
// place of their own at the top, from which everything else makes way.

import { el, show, text } from "./element.js";

const words = {
  old: "Part of this page has failed. What stands here may be old.",
  pressed: "Something on this page has failed. What was pressed last may not have been done.",
  dark: "Part of this page has failed. If you need anyone, call out.",
  again: "Load this page again",
};

/** What has failed, and has not worked since. @type {Set<unknown>} */
const failing = new Set();
const pressed = {}; // what nobody tries again by itself

const says = {
  /** @type {HTMLElement | undefined} */
  element: undefined,
  /** @type {HTMLElement | undefined} */
  words: undefined,
  /** @type {HTMLElement | undefined} */
  dark: undefined,
};

/**
 * attempt calls a part of the page that is called again and again. Where it throws, the
 * others go on, and the page says that it has failed until the same part has worked.
 *
 * @template {unknown[]} V
 * @param {(...values: V) => void} part
 * @param {V} values
 */
export function attempt(part, ...values) {
  try {
    part(...values);
    if (failing.delete(part)) say();
  } catch (error) {
    console.error(error);
    failing.add(part);
    say();
  }
}

/** watchFaults has the page say, too, what fails in an answer to somebody. Once per page. */
export function watchFaults() {
  /** @param {string} where what is not ours, as a browser's extensions, is not this page's to tell */
  const own = (where) => {
    if (!where.includes(location.origin)) return;
    failing.add(pressed);
    say();
  };
  addEventListener("error", ({ filename }) => own(filename ?? ""));
  addEventListener("unhandledrejection", ({ reason }) => own(reason instanceof Error ? (reason.stack ?? "") : ""));
}

function say() {
  if (!globalThis.document?.body) return;
  says.words ??= el("p", { class: "fault-light" });
  says.dark ??= el("p", { class: "fault-dark" }, words.dark); // whoever lies there presses nothing
  if (!says.element) {
    says.element = el("div", { class: "fault", role: "alert" }, says.words, says.dark, el("button", { type: "button", class: "fault-light", "data-reloads": true, onclick: () => location.reload() }, words.again));
    new ResizeObserver(makeWay).observe(says.element);
  }
  if (!says.element.isConnected) document.body.append(says.element);
  text(says.words, [...failing].some((one) => one !== pressed) ? words.old : words.pressed);
  show(says.element, failing.size > 0);
  makeWay();
}

/** Nothing that counts stands under the words. */
function makeWay() {
  document.documentElement.style.setProperty("--taken", `${says.element?.offsetHeight ?? 0}px`);
}
