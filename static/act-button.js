// A button for one act. Whether it may be used stands in the view's list of
// actions; when it may not, it stays where it is and says why.

import { calm, el, enable, set, show, text, usable } from "./element.js";
import { createActForm, refusedWords } from "./act-form.js";
import { words } from "./therapist-words.js";

/**
 * @typedef {import("./desk.js").Desk} Desk
 * @typedef {import("./desk.js").Action} Action
 * @typedef {import("./desk.js").Result} Result
 * @typedef {import("./act-form.js").Question} Question
 * @typedef {import("./act-form.js").Values} Values
 *
 * What is asked before an act is sent.
 * @typedef {object} Asking
 * @property {string | undefined} [title]
 * @property {Question[]} [questions]
 * @property {(values: Values) => string} [consequence]
 * @property {(values: Values) => Values} [refill]
 * @property {string} submit
 */

/**
 * @param {Desk} desk
 * @param {object} options
 * @param {string} options.act
 * @param {string} [options.client]
 * @param {() => string} options.words
 * @param {(values: Values) => object} options.body of the act
 * @param {(action: Action) => Asking | null} [options.ask] null: it is sent at once
 * @param {string} [options.title] for a screen reader, where the words alone say too little
 * @param {() => void} [options.closed] is called when a form was closed: what held its place may go
 */
export function createActButton(desk, options) {
  const button = el("button", { type: "button", "data-act": options.act, "data-client": options.client, onclick: press });
  const reason = el("span", { class: "reason" });
  const refused = el("span", { class: "problem", role: "alert", hidden: true });
  const place = el("div", { class: "act-place" });
  const element = el("div", { class: "act" }, button, reason, refused, place);
  /** @type {ReturnType<typeof createActForm> | null} */
  let form = null;
  let sending = false;

  const action = () => desk.action(options.act, options.client);

  function press() {
    const now = action();
    if (!now || !usable(button) || sending) return;
    show(refused, false);
    const asking = withReason(now, options.ask?.(now) ?? null);
    if (asking) open(asking);
    else void send({});
  }

  /**
   * Where the server wants a reason, the form asks for one.
   *
   * @param {Action} now
   * @param {Asking | null} asking
   * @returns {Asking | null}
   */
  function withReason(now, asking) {
    if (now.needs !== "reason" || asking?.questions?.some((question) => question.name === "reason")) return asking;
    const why = { name: "reason", label: words.reason, kind: "long", hint: now.reason };
    return { submit: options.words(), ...asking, questions: [...(asking?.questions ?? []), why] };
  }

  /** @param {Asking} asking */
  function open(asking) {
    form = createActForm({ ...asking, questions: asking.questions ?? [], act: options.act, states: desk.view().states, words: words.form, send, close });
    place.replaceChildren(form.element);
    calm(place);
    show(button, false);
    show(reason, false);
    form.focus();
    form.element.scrollIntoView({ block: "nearest" });
  }

  function close() {
    const had = place.contains(document.activeElement);
    form = null;
    place.replaceChildren();
    show(button, true);
    update();
    options.closed?.();
    if (had) button.focus();
  }

  /** @param {Values} values */
  async function send(values) {
    sending = true;
    set(button, "aria-busy", "true");
    const answer = await desk.command(options.act, options.body(values));
    sending = false;
    set(button, "aria-busy", null);
    if (!answer.ok && !form) {
      text(refused, refusedWords(answer));
      show(refused, true);
    }
    return answer;
  }

  /** Repaints from the last view. */
  function update() {
    const now = action();
    show(element, now || form);
    if (!now) return;
    text(button, options.words());
    if (options.title) set(button, "aria-label", `${options.words()}: ${options.title}`);
    enable(button, now.allowed);
    button.classList.toggle("primary", Boolean(now.primary && now.allowed));
    text(reason, now.reason);
    show(reason, now.reason && !form);
    if (now.allowed) return;
    show(refused, false);
  }

  return {
    element,
    button,
    update,
    /** The time goes on: a form that names it says it anew. */
    tick: () => form?.paint(),
    /** Whether something is being asked. */
    open: () => form !== null,
    press,
  };
}
