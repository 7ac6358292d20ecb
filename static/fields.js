// Fields of the console's forms: a label above, a hint below it, then the field.

import { el, set, show, text } from "./element.js";
import { createMoment, momentAnswer } from "./times.js";

let made = 0;

/**
 * @typedef {object} FieldOptions
 * @property {string} label
 * @property {string} [hint]
 * @property {string} [type]
 * @property {string | number} [value]
 * @property {boolean} [required]
 * @property {string} [autocomplete]
 * @property {number | string} [min]
 * @property {number | string} [max]
 * @property {number | string} [step]
 * @property {number} [maxlength]
 * @property {string} [name] also its data-testid
 * @property {boolean} [short] for a number
 */

/**
 * createField makes one field; read its input's value.
 *
 * @param {FieldOptions} options
 * @returns {Field}
 */
export function createField(options) {
  const id = `field-${++made}`;
  const hint = options.hint ? el("p", { class: "hint", id: `${id}-hint` }, options.hint) : null;
  const problem = el("p", { class: "problem", id: `${id}-problem`, hidden: true });
  const input = el("input", {
    id, type: options.type ?? "text", value: options.value ?? "", required: options.required, autocomplete: options.autocomplete ?? "off",
    min: options.min, max: options.max, step: options.step, maxlength: options.maxlength, name: options.name, "data-testid": options.name,
    "aria-describedby": `${hint ? `${id}-hint ` : ""}${id}-problem`,
  });
  const label = options.required === false ? `${options.label} (optional)` : options.label;
  const field = {
    element: el("div", { class: options.short ? "field short" : "field" }, el("label", { for: id }, label), hint, problem, input), input,
    /** Says beside the field what is wrong with it; "": nothing any more. @param {string} words */
    complain(words) {
      text(problem, words);
      show(problem, words);
      set(input, "aria-invalid", words ? "true" : null);
    },
  };
  fields.set(input, field);
  return field;
}

/**
 * createMomentField makes a field for a date and a time of day.
 *
 * @param {{label: string, time: string, wrong: string, name: string, value?: string}} options
 */
export function createMomentField({ label, time, wrong, name, value }) {
  const id = `field-${++made}`;
  const problem = el("p", { class: "problem", id: `${id}-problem`, hidden: true });
  const moment = createMoment({ id, name, time, described: `${id}-problem` });
  if (value) moment.write(value);
  const inputs = moment.element.querySelectorAll("input");
  const field = {
    element: el("div", { class: "field" }, el("label", { for: id }, label), problem, moment.element),
    get input() {
      return moment.wrong();
    },
    /** @param {string} words */
    complain(words) {
      text(problem, words);
      show(problem, words);
      for (const input of inputs) set(input, "aria-invalid", words && input === moment.wrong() ? "true" : null);
    },
    write: moment.write,
    /** The moment in RFC 3339; throws Wrong where it is none. */
    read() {
      const at = moment.read();
      if (!at) throw new Wrong(field, wrong);
      return momentAnswer(at);
    },
  };
  for (const input of inputs) fields.set(input, field);
  return field;
}

/** @type {WeakMap<HTMLInputElement, Field>} */
const fields = new WeakMap();

/** The field of an input that createField made. @param {HTMLInputElement} input */
export const fieldOf = (input) => /** @type {Field} */ (fields.get(input));

/** @typedef {{element: HTMLElement, readonly input: HTMLInputElement, complain: (words: string) => void}} Field */

/** Wrong is what somebody entered and the form does not take: it is said at the field, which gets the cursor. */
export class Wrong extends Error {
  /**
   * @param {Field} field
   * @param {string} words
   */
  constructor(field, words) {
    super(words);
    this.field = field;
  }
}

/**
 * createForm makes a form that sends itself once at a time and says what the
 * server said when it did not work.
 *
 * @param {object} options
 * @param {(Node | null)[]} options.children
 * @param {string} options.submit
 * @param {string} options.sending
 * @param {() => Promise<void>} options.send throws with words
 * @param {string} [options.testid]
 * @param {Node[]} [options.beside] beside the button
 */
export function createForm(options) {
  const problem = el("p", { class: "problem", role: "alert", hidden: true });
  const button = el("button", { type: "submit", class: "primary", "data-testid": options.testid }, options.submit);
  let busy = false;
  /** @type {Field | null} */
  let wrong = null;
  const form = el("form", { class: "form", onsubmit: (/** @type {SubmitEvent} */ event) => void send(event) },
    ...options.children, problem, el("div", { class: "buttons" }, button, ...(options.beside ?? [])));

  /** @param {SubmitEvent} event */
  async function send(event) {
    event.preventDefault();
    if (busy) return;
    busy = true;
    problem.hidden = true;
    wrong?.complain("");
    wrong = null;
    button.textContent = options.sending;
    try {
      await options.send();
    } catch (error) {
      if (error instanceof Wrong) {
        wrong = error.field;
        wrong.complain(error.message);
        wrong.input.focus();
        return;
      }
      problem.textContent = error instanceof Error ? error.message : String(error);
      problem.hidden = false;
    } finally {
      busy = false;
      button.textContent = options.submit;
    }
  }

  return form;
}
