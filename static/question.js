// One question of a form: its label, what helps to answer it, and what is
// missing, tied to the field for who does not see them.

import { el, set, show, text } from "./element.js";

let number = 0;

/**
 * @param {string} label
 * @param {HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement} control
 * @param {string} [hint]
 */
export function wrap(label, control, hint) {
  control.id = `answer-${++number}`;
  const wrong = el("span", { class: "problem", id: `${control.id}-wrong`, hidden: true });
  const help = hint ? el("span", { class: "hint", id: `${control.id}-hint` }, hint) : null;
  set(control, "aria-describedby", `${help ? help.id : ""} ${wrong.id}`.trim());
  return {
    control,
    element: el("div", { class: "question" }, el("label", { for: control.id }, label), help, wrong, control),
    value: () => control.value.trim(),
    /** @param {string} words */
    complain(words) {
      text(wrong, words);
      show(wrong, words);
      set(control, "aria-invalid", words ? "true" : null);
    },
  };
}

/**
 * @param {string} label
 * @param {Record<string, string>} attributes
 * @param {string} [hint]
 */
export function field(label, attributes, hint) {
  const { value, ...rest } = attributes;
  const input = el("input", { type: "text", maxlength: "120", ...rest });
  input.value = value;
  return wrap(label, input, hint);
}

/**
 * @param {string} label
 * @param {string} value
 * @param {string} hint
 * @param {string} name
 */
export function area(label, value, hint, name) {
  const control = el("textarea", { rows: "3", maxlength: "4000", name });
  control.value = value;
  return wrap(label, control, hint);
}
