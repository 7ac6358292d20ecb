// A small form that stands in the place of the button that opened it, asks what
// an act needs, names its consequence, and sends it. It covers nothing, is made
// once when it is opened and not touched by later views, so that nothing that
// somebody is writing is lost.

import { el, enable, set, show, text, usable } from "./element.js";
import { createClock, createMoment, readClock } from "./times.js";

/**
 * One question. "clock" is a time of today ("14:03"), "moment" a date and time,
 * "long" several lines, "check" must be ticked.
 *
 * @typedef {object} Question
 * @property {string} name
 * @property {string} label
 * @property {string} kind "text", "long", "tel", "number", "state", "check", "clock", "moment" (also "time"), "choice"
 * @property {boolean} [optional]
 * @property {string} [value] what stands in it at first
 * @property {string} [hint]
 * @property {{value: string, label: string}[]} [choices]
 * @property {number} [min]
 * @property {number} [max]
 * @property {boolean} [fraction] a number that need not be whole
 *
 * @typedef {Record<string, string>} Values by the questions' names; a ticked box is "yes"
 * @typedef {{ok: boolean, refused?: {code: string, words: string, missing?: string[]} | null}} Answer
 *
 * @typedef {object} FormWords
 * @property {string} required
 * @property {string} choose
 * @property {string} optional
 * @property {string} cancel
 * @property {string} sending
 * @property {(min: number, max: number) => string} number
 * @property {string} clock what is wrong with a time of day
 * @property {string} moment what is wrong with a date and time
 * @property {(label: string) => string} time the time of a moment, for a screen reader
 *
 * A question's control on the page.
 * @typedef {object} Control
 * @property {HTMLElement} element
 * @property {HTMLElement} input that gets the cursor, and is called wrong
 * @property {() => string | undefined} read undefined: what was entered is no answer
 * @property {(value: string) => void} write
 */

let made = 0;

/**
 * @param {object} options
 * @param {string | undefined} [options.title]
 * @param {Question[]} options.questions
 * @param {(values: Values) => string} [options.consequence] what will be true once it is sent
 * @param {(values: Values) => Values} [options.refill] what stands in those fields that nobody has written into, as the others are answered
 * @param {string} options.submit the button's words
 * @param {string} options.act the act that the button sends
 * @param {readonly string[]} [options.states] postal codes to choose from
 * @param {FormWords} options.words
 * @param {(values: Values) => Promise<Answer>} options.send
 * @param {() => void} options.close is called when it was sent, or given up
 */
export function createActForm(options) {
  const { words } = options;
  /** @type {{question: Question, control: Control, problem: HTMLElement}[]} */
  const fields = [];
  const rows = options.questions.map(row);
  const consequence = el("p", { class: "act-consequence" });
  const refused = el("p", { class: "problem", role: "alert", hidden: true });
  const submit = el("button", { type: "submit", class: "primary", "data-act": options.act }, options.submit);
  const form = el("form", { class: "act-form", novalidate: true, oninput: answered, onsubmit: send, onkeydown: escape },
    options.title ? el("p", { class: "act-title" }, options.title) : null,
    ...rows, consequence, refused,
    el("div", { class: "act-buttons" }, submit, el("button", { type: "button", onclick: () => options.close() }, words.cancel)));

  /** @param {Question} question */
  function row(question) {
    const id = `asked-${++made}`;
    const problem = el("span", { class: "act-problem", id: `${id}-problem` });
    const hint = question.hint ? el("span", { class: "hint", id: `${id}-hint` }, question.hint) : null;
    const control = createControl(question, id, hint ? `${id}-hint ${id}-problem` : `${id}-problem`);
    control.write(question.value ?? "");
    fields.push({ question, control, problem });
    const asked = question.optional ? `${question.label} ${words.optional}` : question.label;
    if (question.kind === "check") return el("div", { class: "act-row" }, el("label", { class: "choice" }, control.element, asked), problem);
    return el("div", { class: `act-row act-${question.kind}` }, el("label", { for: id }, asked), hint, control.element, problem);
  }

  /**
   * @param {Question} question
   * @param {string} id
   * @param {string} described ids
   * @returns {Control}
   */
  function createControl(question, id, described) {
    const same = { id, name: question.name, autocomplete: "off", "aria-describedby": described };
    switch (question.kind) {
      case "long":
        return plain(el("textarea", { ...same, rows: 3 }));
      case "state":
      case "choice": {
        const choices = question.kind === "choice" ? [...(question.choices ?? [])] : (options.states ?? []).map((state) => ({ value: state, label: state }));
        const { value = "" } = question;
        if (value && !choices.some((choice) => choice.value === value)) choices.push({ value, label: value });
        return plain(el("select", same, el("option", { value: "" }, words.choose), ...choices.map((choice) => el("option", { value: choice.value }, choice.label))));
      }
      case "check": {
        const input = el("input", { ...same, type: "checkbox" });
        return { element: input, input, read: () => (input.checked ? "yes" : ""), write: (value) => void (input.checked = value === "yes") };
      }
      case "clock": {
        const clock = plain(createClock(same));
        return { ...clock, read: () => (clock.read() ? readClock(clock.read()) || undefined : "") };
      }
      case "moment":
      case "time": {
        const moment = createMoment({ id, name: question.name, described, time: words.time(question.label) });
        return { element: moment.element, get input() { return moment.wrong(); }, read: moment.read, write: moment.write };
      }
    }
    const input = el("input", { ...same, type: question.kind === "tel" ? "tel" : "text" });
    if (question.kind === "number") input.inputMode = question.fraction ? "decimal" : "numeric";
    return plain(input);
  }

  /** @param {HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement} input */
  function plain(input) {
    return { element: input, input, read: () => input.value.trim(), write: (/** @type {string} */ value) => void (input.value = value) };
  }

  function values() {
    /** @type {Values} */
    const all = {};
    for (const { question, control } of fields) all[question.name] = control.read() ?? "";
    return all;
  }

  function complete() {
    /** @type {HTMLElement | undefined} */
    let first;
    for (const { question, control, problem } of fields) {
      const wrong = wrongIn(question, control.read());
      const { input } = control;
      for (const other of control.element.querySelectorAll("[aria-invalid]")) set(other, "aria-invalid", null);
      text(problem, wrong);
      set(input, "aria-invalid", wrong ? "true" : null);
      if (wrong) first ??= input;
    }
    first?.focus();
    return !first;
  }

  /**
   * @param {Question} question
   * @param {string | undefined} value
   */
  function wrongIn(question, value) {
    if (value === undefined) return question.kind === "clock" ? words.clock : words.moment;
    if (value === "") return question.optional ? "" : words.required;
    if (question.kind !== "number") return "";
    const n = Number(value.replace(",", "."));
    const { min = 0, max = 1e6 } = question;
    const fits = Number.isFinite(n) && n >= min && n <= max && (question.fraction || Number.isInteger(n));
    return fits ? "" : words.number(min, max);
  }

  /** @type {Set<string>} */
  const written = new Set();

  /** @param {Event} event */
  function answered(event) {
    written.add(/** @type {HTMLInputElement} */ (event.target).name);
    const fills = options.refill?.(values()) ?? {};
    for (const { question, control } of fields) {
      const fill = fills[question.name];
      if (fill !== undefined && !written.has(question.name)) control.write(fill);
    }
    paint();
  }

  function paint() {
    const says = options.consequence?.(values()) ?? "";
    show(consequence, says);
    text(consequence, says);
  }

  /** @param {KeyboardEvent} event */
  function escape(event) {
    if (event.key !== "Escape") return;
    event.stopPropagation();
    options.close();
  }

  /** @param {Event} event */
  async function send(event) {
    event.preventDefault();
    const all = values();
    if (!usable(submit) || !complete()) return;
    enable(submit, false);
    text(submit, words.sending);
    show(refused, false);
    const answer = await options.send(all);
    enable(submit, true);
    text(submit, options.submit);
    if (answer.ok) {
      options.close();
      return;
    }
    text(refused, refusedWords(answer));
    show(refused, true);
  }

  paint();
  return {
    element: form,
    /** Says the consequence anew: time goes on while one reads. */
    paint,
    /** Puts the cursor where one begins. */
    focus() {
      (fields[0]?.control.input ?? submit).focus();
    },
  };
}

/**
 * What a refusal says, with what is missing.
 *
 * @param {Answer} answer
 */
export function refusedWords(answer) {
  const missing = answer.refused?.missing ?? [];
  return [answer.refused?.words ?? "", missing.join("; ")].filter(Boolean).join(": ");
}

/**
 * The moment that a "clock" answer means: the last time that clocks showed it.
 *
 * @param {string} value "14:03"
 * @param {number} now session time in ms
 * @returns {string | undefined} RFC 3339, or undefined where nothing was entered
 */
export function clockAnswer(value, now) {
  const [hours, minutes] = value.split(":").map(Number);
  if (hours === undefined || minutes === undefined || Number.isNaN(hours + minutes)) return undefined;
  const at = new Date(now);
  at.setHours(hours, minutes, 0, 0);
  // A minute may pass between looking at the clock and entering it.
  if (at.getTime() > now + 60_000) at.setDate(at.getDate() - 1);
  return at.toISOString();
}
