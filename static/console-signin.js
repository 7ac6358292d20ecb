// Sign in, or where to find the set-up link while nobody has an account.

import { call } from "./api.js";
import { words } from "./console-words.js";
import { createField, createForm } from "./fields.js";
import { el } from "./element.js";

/** @param {{nobody: boolean, again: boolean, done: () => void}} options again: somebody was signed in here, and did not sign out here */
export function createSignIn({ nobody, again, done }) {
  const w = words.signIn;
  if (nobody) {
    return { title: w.nobody, element: el("main", { class: "narrow" }, el("h1", null, w.nobody), el("p", null, w.nobodyHint)) };
  }
  const email = createField({ label: w.email, type: "email", autocomplete: "username", name: "email" });
  const password = createField({ label: w.password, type: "password", autocomplete: "current-password", name: "password" });
  const form = createForm({
    children: [email.element, password.element], submit: w.submit, sending: w.sending, testid: "submit",
    send: async () => {
      await call("POST", "/api/signin", { email: email.input.value, password: password.input.value });
      done();
    },
  });
  return { title: w.title, element: el("main", { class: "narrow" }, el("h1", null, w.title), again ? el("p", { role: "status" }, w.again) : null, form, el("p", { class: "hint" }, w.forgot)) };
}
