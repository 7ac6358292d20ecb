// Arriving: one thing per page, in an order, with a way back. What the server
// knows decides which page comes next, so that a reload continues; what is
// being written stays untouched by the views that come in meanwhile.

import { createDeviceCheck } from "./device-check.js";
import { calm, el, show, text } from "./element.js";
import { consents, list, words } from "./client-words.js";
import { action, chaperones } from "./own-view.js";
import { area, field, wrap } from "./question.js";
import { states } from "./states.js";

/**
 * @typedef {import("./types.d.ts").View} View
 * @typedef {import("./types.d.ts").ClientView} ClientView
 * @typedef {import("./types.d.ts").Result} Result
 * @typedef {{ask: (act: string, body: object) => Promise<Result>, media: import("./types.d.ts").Media,
 *   view: () => View, connected: () => boolean, remember: (name: string, value?: string) => string}} Room
 * @typedef {{element: HTMLElement, submit: () => Promise<Result | null>, update?: () => void, close?: () => void,
 *   button?: string, even?: boolean, second?: {words: string, submit: () => Promise<Result | null>}, done?: boolean}} Page
 * @typedef {{id: string, client: string, title: string, done: (client: ClientView) => boolean, make: (client: ClientView) => Page}} Step
 */

const settled = { ok: true };

/**
 * createArrival makes the pages. OnDone is called when the last one is settled.
 *
 * @param {Room} room
 * @param {() => void} onDone
 */
export function createArrival(room, onDone) {
  const back = el("button", { type: "button", class: "quiet", onclick: goBack, "data-testid": "back" }, words.back);
  const count = el("p", { class: "arrival-count" });
  const title = el("h1", { tabindex: "-1" });
  const place = el("div", { class: "arrival-place" });
  const problem = el("p", { class: "problem", role: "alert", hidden: true });
  const next = el("button", { type: "submit", class: "primary wide", "data-testid": "next" }, words.next);
  const second = el("button", { type: "button", class: "wide", hidden: true, onclick: () => submit(true) });
  const form = el("form", { onsubmit: onSubmit, novalidate: true }, title, place, problem, el("div", { class: "arrival-buttons" }, next, second));
  const element = el("section", { class: "arrival" }, el("div", { class: "arrival-top" }, back, count), form);

  /** @type {Page | null} */
  let page = null;
  let shown = "";
  let sending = false;

  /** The steps there are, for everyone on this device. @returns {Step[]} */
  function steps() {
    const view = room.view();
    const clients = view.clients ?? [];
    const couple = clients.length > 1;
    /** @param {string} words @param {ClientView} client */
    const named = (words, client) => (couple ? `${client.name}: ${words}` : words);
    const who = list(chaperones(view).map((one) => one.name));
    /** @type {Step[]} */
    const all = [];
    clients.forEach((client, i) => {
      all.push({ id: "name", client: client.seat, title: named(words.nameTitle, client), done: (c) => c.steps?.introduced === true, make: namePage });
      if (i === 0) {
        all.push({ id: "devices", client: client.seat, title: words.devicesTitle, done: (c) => c.steps?.device === true && here("devices", c), make: devicesPage });
      }
      all.push({ id: "place", client: client.seat, title: named(words.placeTitle, client), done: (c) => Boolean(c.steps?.address), make: placePage });
      if (i === 0) all.push({ id: "with", client: client.seat, title: words.withTitle, done: (c) => here("with", c), make: withPage });
      all.push({ id: "today", client: client.seat, title: named(words.todayTitle, client), done: (c) => Boolean(c.steps?.today), make: todayPage });
      all.push({ id: "consent", client: client.seat, title: named(words.consentTitle, client), done: (c) => c.steps?.consented === true, make: consentPage });
      if (who && action(view, "AllowChaperone", client.seat)) {
        all.push({ id: "see", client: client.seat, title: named(words.seeTitle(who), client), done: (c) => here("see", c), make: seePage });
      }
    });
    return all;
  }

  /** What only this page knows: that somebody has looked at it. @param {string} step @param {ClientView} client */
  function here(step, client) {
    return room.remember(`${step} ${client.seat}`) !== "";
  }

  /** @param {Step} step */
  const clientOf = (step) => /** @type {ClientView} */ ((room.view().clients ?? []).find((one) => one.seat === step.client));
  /** @param {Step} step */
  const keyOf = (step) => `${step.id} ${step.client}`;

  /** The first page that is not settled; -1: all are. @param {Step[]} all */
  const open = (all) => all.findIndex((step) => !step.done(clientOf(step)));

  /** @param {Step[]} all @param {number} at @param {boolean} [quietly] */
  function turnTo(all, at, quietly) {
    page?.close?.();
    const step = all[at];
    page = step.make(clientOf(step));
    shown = keyOf(step);
    text(title, step.title);
    place.replaceChildren(page.element);
    text(next, page.button ?? words.save);
    next.classList.toggle("primary", !page.even);
    show(second, page.second);
    text(second, page.second?.words);
    show(problem, false);
    text(count, words.step(at + 1, all.length));
    back.classList.toggle("first", at === 0);
    calm(element);
    scrollTo(0, 0);
    if (!quietly) title.focus();
  }

  function goBack() {
    const all = steps();
    const at = all.findIndex((step) => keyOf(step) === shown);
    if (at > 0) turnTo(all, at - 1);
  }

  /** @param {Event} event */
  function onSubmit(event) {
    event.preventDefault();
    void submit(false);
  }

  /** @param {boolean} other */
  async function submit(other) {
    if (sending || !page) return;
    const mine = shown;
    sending = true;
    show(problem, false);
    const slow = setTimeout(() => {
      text(problem, words.notSaved);
      show(problem, true);
    }, 3000);
    const answer = await (other && page.second ? page.second.submit() : page.submit());
    clearTimeout(slow);
    sending = false;
    show(problem, false);
    if (!answer || mine !== shown) return;
    if (!answer.ok) {
      text(problem, answer.refused?.words ?? words.notSaved);
      show(problem, true);
      return;
    }
    onward();
  }

  /** From the page that was just settled to the one after it, or to the first that is still open. */
  function onward() {
    const all = steps();
    const at = all.findIndex((step) => keyOf(step) === shown);
    if (at + 1 < all.length) turnTo(all, at + 1);
    else if (open(all) >= 0 && open(all) !== at) turnTo(all, open(all));
    else finish();
  }

  function finish() {
    page?.close?.();
    page = null;
    shown = "";
    onDone();
  }

  // The pages.

  /** @param {ClientView} client @returns {Page} */
  function namePage(client) {
    const name = field(words.name, { value: client.name, autocomplete: "given-name", name: "name" });
    const pronouns = field(words.pronouns, { value: client.pronouns ?? "", name: "pronouns" }, words.pronounsHint);
    return {
      element: el("div", null, el("p", { class: "lead" }, words.nameLead), name.element, pronouns.element),
      submit: async () =>
        filled(name) ? room.ask("IntroduceSelf", { client: client.seat, name: name.value(), pronouns: pronouns.value() }) : null,
    };
  }

  /** @param {ClientView} client @returns {Page} */
  function devicesPage(client) {
    // While something is missing, trying again comes first.
    const offer = () => {
      const { camera, microphone } = check.found();
      show(next, check.started());
      next.classList.toggle("primary", camera === "ok" && microphone === "ok");
    };
    const check = createDeviceCheck({ media: room.media, onChange: offer });
    queueMicrotask(offer);
    return {
      element: el("div", null, el("p", { class: "lead" }, words.devicesLead), check.element),
      button: words.next,
      async submit() {
        if (!check.started()) return null;
        const answer = await room.ask("CheckDevice", { ...check.found() });
        if (answer.ok) room.remember(`devices ${client.seat}`, "yes");
        return answer;
      },
      close() {
        check.close();
        show(next, true);
      },
    };
  }

  /** @param {ClientView} client @returns {Page} */
  function placePage(client) {
    const said = client.steps?.address;
    const street = field(words.street, { value: said?.street ?? "", autocomplete: "street-address", name: "street" });
    const city = field(words.city, { value: said?.city ?? "", autocomplete: "address-level2", name: "city" });
    const state = el(
      "select",
      { name: "state", autocomplete: "address-level1" },
      el("option", { value: "" }, words.stateChoose),
      ...states.map(([code, name]) => el("option", { value: code }, name)),
    );
    state.value = said?.state ?? "";
    const stateField = wrap(words.state, state);
    const access = field(words.access, { value: said?.access ?? "", name: "access" }, words.accessHint);
    const phone = field(words.phone, { value: said?.phone ?? "", type: "tel", autocomplete: "tel", name: "phone" }, words.phoneHint);
    return {
      element: el("div", null, el("p", { class: "lead" }, words.placeLead), street.element, city.element, stateField.element, access.element, phone.element),
      submit: async () =>
        filled(street, city, stateField, phone)
          ? room.ask("StateAddress", {
              client: client.seat, street: street.value(), city: city.value(), state: stateField.value(), access: access.value(), phone: phone.value(),
            })
          : null,
    };
  }

  /** @param {ClientView} client @returns {Page} */
  function withPage(client) {
    const people = el("div", { class: "people", "aria-live": "polite" });
    function update() {
      const all = chaperones(room.view());
      const lines = !room.connected()
        ? [words.withUnknown]
        : all.length === 0
          ? [words.withNobody]
          : all.map(({ name, arrived, present }) => (arrived ? words.withHere(name) : present ? words.withPresent(name) : words.withNotYet(name)));
      text(people, lines.join("\n"));
    }
    update();
    return {
      element: el("div", null, el("p", { class: "lead" }, words.withLead), people, el("p", null, words.withHelp)),
      button: words.next,
      update,
      async submit() {
        room.remember(`with ${client.seat}`, "yes");
        return settled;
      },
    };
  }

  /** @param {ClientView} client @returns {Page} */
  function todayPage(client) {
    const said = client.steps?.today;
    const yes = el("input", { type: "radio", name: "fasted", value: "yes" });
    const no = el("input", { type: "radio", name: "fasted", value: "no" });
    if (said) (said.fasted ? yes : no).checked = true;
    const matter = el("p", { class: "hint", hidden: true }, words.noMatter);
    const fasted = el(
      "fieldset",
      { onchange: () => show(matter, no.checked) },
      el("legend", { class: "label" }, words.fasted),
      el("label", { class: "choice" }, yes, words.yes),
      el("label", { class: "choice" }, no, words.no),
      matter,
    );
    const changes = area(words.changes, said?.changes ?? "", words.changesHint, "changes");
    const intention = area(words.intention, said?.intention ?? "", words.intentionHint, "intention");
    return {
      element: el("div", null, fasted, changes.element, intention.element),
      async submit() {
        if (!yes.checked && !no.checked) {
          text(problem, words.choose);
          show(problem, true);
          yes.focus();
          return null;
        }
        return room.ask("AnswerToday", { client: client.seat, fasted: yes.checked, changes: changes.value(), intention: intention.value() });
      },
    };
  }

  /** @param {ClientView} client @returns {Page} */
  function consentPage(client) {
    const version = room.view().consent ?? "";
    const given = client.steps?.consented === true;
    const body = el("div", { class: "consent" });
    for (const paragraph of consents[version] ?? [words.consentUnknown]) body.append(el("p", null, paragraph));
    body.append(el("p", { class: "hint" }, words.consentVersion(version)));
    if (given) body.append(el("p", { class: "lead" }, words.consentGiven));
    return {
      element: body,
      button: given ? words.next : words.consentAgree,
      submit: async () => (given ? settled : room.ask("GiveConsent", { client: client.seat, version })),
    };
  }

  /** @param {ClientView} client @returns {Page} */
  function seePage(client) {
    const who = list(chaperones(room.view()).map((one) => one.name));
    /** @param {boolean} see */
    const say = async (see) => {
      const answer = await room.ask("AllowChaperone", { client: client.seat, see });
      if (answer.ok) room.remember(`see ${client.seat}`, see ? "yes" : "no");
      return answer;
    };
    return {
      element: el("p", { class: "lead" }, words.seeLead(who)),
      even: true,
      button: words.seeNo,
      submit: () => say(false),
      second: { words: words.seeYes, submit: () => say(true) },
    };
  }

  /** @param {...{control: HTMLElement, value: () => string, complain: (words: string) => void}} fields */
  function filled(...fields) {
    const empty = fields.filter((one) => one.value() === "");
    for (const one of fields) one.complain(one.value() === "" ? words.missing : "");
    empty[0]?.control.focus();
    return empty.length === 0;
  }

  return {
    element,
    /** Whether every page is settled. */
    complete: () => open(steps()) < 0,
    /** Whether the server has every answer of everyone on this device. */
    answered: () =>
      (room.view().clients ?? []).every(({ steps: s }) => !s || (s.introduced && s.address && s.today && s.consented)),
    /** Shows the first page that is not settled, or the very first. @param {boolean} [fromStart] */
    show(fromStart) {
      const all = steps();
      if (all.length) turnTo(all, fromStart ? 0 : Math.max(0, open(all)), true);
    },
    showing: () => page !== null,
    update() {
      page?.update?.();
    },
    hide: finish,
  };
}
