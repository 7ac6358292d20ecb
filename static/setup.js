// The page of a set-up link: the first account, one more, or a new password.

import { call, Problem, wordsOf } from "./api.js";
import { createField, createForm, Wrong } from "./fields.js";
import { el } from "./element.js";
import { states } from "./states.js";
import { setup as w } from "./console-words.js";

const screen = /** @type {HTMLElement} */ (document.getElementById("screen"));
const fragment = location.hash.slice(1);
const reset = fragment.startsWith("reset.");
const token = reset ? fragment.slice("reset.".length) : fragment;

/** done leaves the used link behind. */
function done() {
  location.replace("/");
}

function password() {
  return createField({ label: w.password, hint: w.passwordHint, type: "password", autocomplete: "new-password", name: "password" });
}

/** @param {import("./fields.js").Field} field */
function longEnough(field) {
  if ([...field.input.value].length < 12) throw new Wrong(field, w.passwordShort);
}

function createReset() {
  const fresh = password();
  return [
    el("h1", null, w.resetTitle),
    createForm({
      children: [fresh.element], submit: w.resetSubmit, sending: w.sending, testid: "submit",
      send: async () => {
        longEnough(fresh);
        await call("POST", "/api/reset", { token, password: fresh.input.value });
        done();
      },
    }),
  ];
}

function createSetup() {
  const name = createField({ label: w.name, hint: w.nameHint, autocomplete: "name", maxlength: 120, name: "name" });
  const email = createField({ label: w.email, hint: w.emailHint, type: "email", autocomplete: "username", maxlength: 254, name: "email" });
  const secret = password();
  const boxes = states.map(([code, words]) => ({ code, words, box: el("input", { type: "checkbox", value: code, "data-testid": `state-${code}` }) }));
  return [
    el("h1", null, w.title),
    el("p", null, w.lead),
    createForm({
      children: [
        name.element, email.element, secret.element,
        el("fieldset", { class: "field" }, el("legend", { class: "label" }, w.states), el("p", { class: "hint" }, w.statesHint),
          el("div", { class: "states" }, ...boxes.map(({ words, box }) => el("label", { class: "choice" }, box, words)))),
      ],
      submit: w.submit, sending: w.sending, testid: "submit",
      send: async () => {
        if (!name.input.value.trim()) throw new Wrong(name, w.nameMissing);
        if (!email.input.value.trim()) throw new Wrong(email, w.emailMissing);
        longEnough(secret);
        const chosen = boxes.filter(({ box }) => box.checked).map(({ code }) => code);
        await call("POST", "/api/setup", { token, name: name.input.value, email: email.input.value, password: secret.input.value, states: chosen });
        done();
      },
    }),
    el("p", { class: "hint" }, w.not),
  ];
}

/**
 * say shows what is so, in the place of the form.
 *
 * @param {string} title
 * @param {string} line
 * @param {Node | null} [beside]
 */
function say(title, line, beside = null) {
  screen.replaceChildren(...[el("div", { role: "status" }, el("h1", null, title), el("p", null, line)), beside].filter((node) => node !== null));
}

const signIn = () => el("p", null, el("a", { href: "/" }, w.signIn));

/** Nobody fills a form in that the server will not take. */
async function begin() {
  if (!token) {
    say(w.noToken, w.noTokenHint, signIn());
    return;
  }
  say(w.asking, w.askingHint);
  try {
    await call("POST", "/api/setup/opens", { token, reset });
  } catch (error) {
    const used = error instanceof Problem && error.code === "link_used";
    say(used ? w.used : w.failed, wordsOf(error), used ? signIn() : el("p", null, el("button", { type: "button", class: "primary", onclick: () => void begin() }, w.again)));
    return;
  }
  screen.replaceChildren(...(reset ? createReset() : createSetup()));
}

addEventListener("hashchange", () => location.reload());
void begin();
