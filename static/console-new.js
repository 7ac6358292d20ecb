// The form of a new session. What stands in it is kept for this tab until the
// session is made: a reload or a wrong click loses nothing.

import { call } from "./api.js";
import { words } from "./console-words.js";
import { createField, createForm, createMomentField, fieldOf, Wrong } from "./fields.js";
import { el, show } from "./element.js";
import { browser, tab } from "./kept.js";
import { momentValue } from "./times.js";

/** @typedef {import("./console.js").Made} Made */

const w = words.form;
const kept = "belay new session";
const ownPhone = "belay own phone"; // the same in the next session, on this computer

/** @param {HTMLInputElement} input */
const number = (input) => Number(input.value || 0);

/**
 * createPerson asks for somebody.
 *
 * @param {{title: string, hint?: string, pronouns?: boolean, remove?: () => void, name: string}} options
 */
function createPerson({ title, hint, pronouns, remove, name }) {
  const called = createField({ label: w.name, maxlength: 120, name: `${name}-name`, required: true });
  const said = pronouns ? createField({ label: w.pronouns, maxlength: 120, name: `${name}-pronouns`, required: false }) : null;
  const phone = createField({ label: w.phone, type: "tel", maxlength: 40, name: `${name}-phone`, hint: w.phoneHint, required: false });
  const rest = el("div", { class: "grid" });
  return {
    element: el("fieldset", { class: "group" },
      el("legend", null, title), hint ? el("p", { class: "hint" }, hint) : null,
      el("div", { class: "grid" }, called.element, said?.element, phone.element), rest,
      remove ? el("button", { type: "button", class: "quiet", onclick: remove }, `${w.remove}: ${title}`) : null),
    rest,
    value: () => ({ name: called.input.value, phone: phone.input.value, ...(said ? { pronouns: said.input.value } : {}) }),
  };
}

/**
 * createOrder asks for what is prescribed.
 *
 * @param {string} name
 * @param {import("./types.d.ts").Order} [was] what is prescribed as it was entered
 */
export function createOrder(name, was) {
  const product = createField({ label: w.prepared, value: "ketamine lozenge", maxlength: 120, name: `${name}-product`, required: true });
  const dose = createField({ label: w.doseMg, type: "number", min: 1, max: 2000, step: "any", name: `${name}-dose`, required: true, short: true });
  const tablets = createField({ label: w.tablets, type: "number", min: 1, max: 10, step: 1, value: 1, name: `${name}-tablets`, required: true, short: true });
  const total = createField({ label: w.totalMg, type: "number", min: 1, max: 4000, step: "any", name: `${name}-total`, required: true, hint: w.totalHint, short: true });
  const nth = createField({ label: w.number, type: "number", min: 1, max: 99, step: 1, value: 1, name: `${name}-number`, short: true });
  const of = createField({ label: w.of, type: "number", min: 1, max: 99, step: 1, value: 6, name: `${name}-of`, short: true });
  const from = createField({ label: w.boosterFrom, type: "number", min: 1, max: 600, step: 1, value: 30, name: `${name}-booster-from`, short: true });
  const to = createField({ label: w.boosterTo, type: "number", min: 1, max: 600, step: 1, value: 60, name: `${name}-booster-to`, short: true });
  const times = el("div", { class: "grid", hidden: true }, from.element, to.element);
  const booster = el("input", { type: "checkbox", name: `${name}-booster`, onchange: () => show(times, booster.checked) });
  const conditions = createField({ label: w.conditions, hint: w.conditionsHint, name: `${name}-conditions`, required: false });
  const prescriber = createField({ label: w.prescriber, maxlength: 120, name: `${name}-prescriber`, required: false });
  const phone = createField({ label: w.prescriberPhone, type: "tel", maxlength: 40, name: `${name}-prescriber-phone`, required: false });
  if (was) {
    const { input } = product;
    input.value = was.product;
    /** @type {[{input: HTMLInputElement}, number | string | undefined][]} */
    const values = [[dose, was.dose_mg], [tablets, was.tablets], [total, was.total_mg], [nth, was.number], [of, was.of], [conditions, was.conditions], [prescriber, was.prescriber], [phone, was.phone]];
    for (const [field, value] of values) field.input.value = String(value || "");
    booster.checked = Boolean(was.booster_to_s);
    show(times, booster.checked);
    if (was.booster_to_s) {
      from.input.value = String((was.booster_from_s ?? 0) / 60);
      to.input.value = String(was.booster_to_s / 60);
    }
  }
  return {
    element: el("div", { class: "order" }, el("h2", null, w.order),
      el("div", { class: "grid" }, product.element, dose.element, tablets.element, total.element, nth.element, of.element),
      el("label", { class: "choice" }, booster, w.booster), times,
      el("div", { class: "grid" }, conditions.element, prescriber.element, phone.element)),
    value: () => ({
      ...(was?.limits ? { limits: was.limits } : {}), // they have no field here
      product: product.input.value, dose_mg: number(dose.input), tablets: number(tablets.input), total_mg: number(total.input),
      booster_from_s: booster.checked ? number(from.input) * 60 : 0, booster_to_s: booster.checked ? number(to.input) * 60 : 0,
      number: number(nth.input), of: number(of.input), conditions: conditions.input.value, prescriber: prescriber.input.value, phone: phone.input.value,
    }),
  };
}

/** @param {{made: (made: Made) => void}} options */
export function createNew({ made }) {
  /** @type {{element: HTMLElement, value: () => any}[]} */
  const clients = [];
  /** @type {ReturnType<typeof createPerson>[]} */
  const chaperones = [];
  /** @type {ReturnType<typeof createPerson> | null} */
  let co = null;
  const clientPlace = el("div");
  const chaperonePlace = el("div");
  const coPlace = el("div");
  const addClientButton = el("button", { type: "button", class: "quiet", onclick: () => addClient() }, w.addClient);
  const addCoButton = el("button", { type: "button", class: "quiet", onclick: () => addCo() }, w.addCo);

  function addClient() {
    const n = clients.length + 1;
    const name = `client-${n}`;
    const person = createPerson({ title: n === 1 ? w.client : w.clientN(n), pronouns: true, name, ...(n > 1 ? { remove: () => {
      clients.splice(clients.indexOf(one), 1);
      one.element.remove();
      show(addClientButton, true);
    } } : {}) });
    const shares = el("input", { type: "checkbox", name: `${name}-shares` });
    const order = createOrder(name);
    if (n > 1) person.rest.append(el("label", { class: "choice" }, shares, w.shares));
    person.rest.after(order.element);
    const one = { element: person.element, value: () => ({ ...person.value(), ...(n > 1 ? { shares_device: shares.checked } : {}), order: order.value() }) };
    clients.push(one);
    clientPlace.append(one.element);
    show(addClientButton, clients.length < 2);
  }

  function addChaperone() {
    const n = chaperones.length + 1;
    const one = createPerson({ title: w.chaperone, hint: w.chaperoneHint, name: `chaperone-${n}`, ...(n > 1 ? { remove: () => {
      chaperones.splice(chaperones.indexOf(one), 1);
      one.element.remove();
    } } : {}) });
    chaperones.push(one);
    chaperonePlace.append(one.element);
  }

  function addCo() {
    co = createPerson({ title: w.co, name: "co", remove: () => {
      co?.element.remove();
      co = null;
      show(addCoButton, true);
    } });
    coPlace.replaceChildren(co.element);
    show(addCoButton, false);
  }

  const now = el("input", { type: "radio", name: "when", checked: true, onchange: () => show(at.element, false) });
  const later = el("input", { type: "radio", name: "when", value: "later", onchange: () => show(at.element, true) });
  const at = createMomentField({ label: w.at, time: w.atTime, wrong: w.missingTime, name: "at", value: soon() });
  show(at.element, false);
  const mine = createField({ label: w.ownPhone, type: "tel", maxlength: 40, name: "own-phone", hint: w.ownPhoneHint, required: false, value: browser.read(ownPhone) ?? "" });
  addClient();
  addChaperone();

  const form = createForm({
    children: [
      clientPlace, addClientButton, chaperonePlace,
      el("div", { class: "buttons" }, el("button", { type: "button", class: "quiet", onclick: addChaperone }, w.addChaperone), addCoButton), coPlace,
      el("fieldset", { class: "group" }, el("legend", null, w.you), mine.element),
      el("fieldset", { class: "group" }, el("legend", null, w.when),
        el("label", { class: "choice" }, now, w.nowOption), el("label", { class: "choice" }, later, w.atOption), at.element),
    ],
    submit: w.submit, sending: w.sending, testid: "create",
    beside: [el("a", { class: "button", href: "#sessions" }, w.cancel)],
    send: async () => {
      const wrong = form.querySelector("input:invalid");
      if (wrong instanceof HTMLInputElement) throw new Wrong(fieldOf(wrong), wrong.validity.valueMissing ? w.missing : w.range(wrong.min, wrong.max));
      const answer = await call("POST", "/api/sessions", {
        clients: clients.map((one) => one.value()), chaperones: chaperones.map((one) => one.value()),
        ...(co ? { co_therapist: co.value() } : {}), phone: mine.input.value, ...(later.checked ? { starts_at: at.read() } : {}),
      });
      tab.drop(kept);
      browser.write(ownPhone, mine.input.value);
      made(answer);
    },
  });
  form.noValidate = true;
  form.addEventListener("input", () => keep(form));
  restore(form);
  return { element: el("div", { class: "wide" }, el("h1", null, w.title), form), title: w.title };
}

/** soon is tomorrow at ten. */
function soon() {
  const time = new Date(Date.now() + 24 * 3600_000);
  time.setHours(10, 0, 0, 0);
  return momentValue(time.getTime());
}

/** @param {HTMLFormElement} form */
function keep(form) {
  /** @type {Record<string, string>} */
  const values = {};
  for (const input of form.querySelectorAll("input")) if (input.name && input.type !== "radio" && input.type !== "checkbox") values[input.name] = input.value;
  tab.write(kept, JSON.stringify(values));
}

/** @param {HTMLFormElement} form */
function restore(form) {
  const values = tab.value(kept) ?? {};
  for (const input of form.querySelectorAll("input")) if (typeof values[input.name] === "string") input.value = values[input.name];
}
