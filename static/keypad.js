// Blood pressure by thumb: one number after the other, on keys as large as they
// go, and once more to look at before it is sent.

import { el, enable, show, text, usable } from "./element.js";
import { words } from "./chaperone-words.js";

const steps = [
  { name: "systolic", title: words.vitals.upper, hint: words.vitals.hint["upper"], low: 40, high: 300 },
  { name: "diastolic", title: words.vitals.lower, hint: words.vitals.hint["lower"], low: 20, high: 200 },
  { name: "heart_rate", title: words.vitals.heart, hint: words.vitals.hint["heart"], low: 20, high: 250 },
];

/**
 * @param {object} options
 * @param {(reading: Record<string, number>) => Promise<string>} options.send resolves with what went wrong, or ""
 * @param {() => void} options.close
 */
export function createKeypad({ send, close }) {
  const w = words.vitals;
  const title = el("h1", { tabindex: "-1" });
  const asked = el("p", { class: "keypad-asked" });
  const hint = el("p", { class: "keypad-hint" });
  const value = el("output", { class: "keypad-value digits", "aria-live": "polite" });
  const problem = el("p", { class: "problem", role: "alert", hidden: true });
  const keys = el("div", { class: "keypad-keys" }, ...["1", "2", "3", "4", "5", "6", "7", "8", "9"].map(key), el("button", { type: "button", class: "keypad-key", onclick: erase, "aria-label": w.erase }, "⌫"), key("0"));
  const next = el("button", { type: "button", class: "keypad-key primary", onclick: forward }, w.next);
  keys.append(next);
  const skip = el("button", { type: "button", class: "quiet", onclick: () => {
    typed[at] = "";
    go(steps.length);
  } }, w.skip);
  const sendIt = el("button", { type: "button", class: "primary thumb", "data-act": "RecordVitals", onclick: submit }, w.send);
  const element = el("section", { class: "page keypad" }, title, asked, hint, value, problem, keys, sendIt, el("div", { class: "keypad-foot" }, el("button", { type: "button", onclick: back }, w.back), skip));
  let at = 0;
  let typed = ["", "", ""];

  /** @param {string} digit */
  function key(digit) {
    return el("button", { type: "button", class: "keypad-key", onclick: () => {
      if ((typed[at] ?? "").length < 3) typed[at] += digit;
      show(problem, false);
      paint();
    } }, digit);
  }

  function erase() {
    typed[at] = (typed[at] ?? "").slice(0, -1);
    paint();
  }

  function forward() {
    const step = steps[at];
    const n = Number(typed[at]);
    if (!step || !typed[at] || n < step.low || n > step.high) {
      text(problem, w.range(step?.low ?? 0, step?.high ?? 0));
      show(problem, true);
      return;
    }
    go(at + 1);
  }

  function back() {
    if (at === 0) close();
    else go(at - 1);
  }

  /** @param {number} step */
  function go(step) {
    at = step;
    show(problem, false);
    paint();
    title.focus({ preventScroll: true });
  }

  async function submit() {
    if (!usable(sendIt)) return;
    const [systolic, diastolic, heart] = typed.map(Number);
    enable(sendIt, false);
    const wrong = await send({ systolic: systolic ?? 0, diastolic: diastolic ?? 0, heart_rate: heart ?? 0 });
    enable(sendIt, true);
    text(problem, wrong);
    show(problem, wrong);
    if (!wrong) close();
  }

  function paint() {
    const step = steps[at];
    const last = !step;
    text(asked, step ? step.title : w.check(`${typed[0]}/${typed[1]}${typed[2] ? `, ${w.heart.toLowerCase()} ${typed[2]}` : ""}`));
    text(hint, step?.hint);
    show(hint, step);
    text(value, typed[at] || " ");
    for (const part of [value, keys]) show(part, step);
    show(skip, step?.name === "heart_rate");
    show(sendIt, last);
  }

  element.addEventListener("keydown", (event) => {
    const button = [...keys.children].find((child) => child.textContent === event.key);
    if (button instanceof HTMLElement) button.click();
    else if (event.key === "Backspace") erase();
    else if (event.key === "Escape") close();
  });

  return {
    element,
    /** @param {string} who */
    open(who) {
      typed = ["", "", ""];
      text(title, w.title(who));
      go(0);
    },
  };
}
