// The first line: who this is about, and what is known of the chaperones. And
// the browsers that wait to be let in.

import { ago, ms, span } from "./clock.js";
import { each, el, set, show, text } from "./element.js";
import { words } from "./therapist-words.js";

/**
 * @typedef {import("./desk.js").Desk} Desk
 * @typedef {import("./desk.js").Person} Person
 */

/**
 * @param {Desk} desk
 * @param {() => void} openPeople
 */
export function createHead(desk, openPeople) {
  const practice = el("p", { class: "practice", hidden: true });
  const clients = el("div", { class: "head-clients" });
  const chaperones = el("div", { class: "head-chaperones", "data-testid": "chaperones" });
  const people = el("button", { type: "button", class: "quiet", onclick: openPeople }, words.head.people);
  const element = el("header", { class: "head" }, el("div", { class: "head-line" }, clients, chaperones, people), practice);

  function update() {
    const view = desk.view();
    show(practice, view.practice);
    text(practice, view.rate > 1 ? words.practiceFast(view.rate) : words.practice);
    each(clients, view.clients ?? [], (client) => client.seat, () => el("p", { class: "head-client" }, el("strong"), " ", el("span")), (node, client) => {
      text(node.querySelector("strong"), client.name);
      text(node.querySelector("span"), words.head.client(client));
    });
    tick();
  }

  function tick() {
    const view = desk.view();
    const now = desk.now();
    const watching = (view.clients ?? []).filter((client) => client.look?.due).sort((a, b) => ms(a.look?.due) - ms(b.look?.due))[0] ?? view.clients?.[0];
    each(chaperones, (view.people ?? []).filter((person) => person.role === "chaperone"), (person) => person.seat, () => el("p", { class: "head-chaperone" }, el("strong"), " ", el("span"), el("span", { class: "head-call" })), (/** @type {Element} */ node, /** @type {Person} */ person) => {
      const [name, state, call] = node.children;
      if (!name || !state || !call) return;
      text(name, `${person.name} (${words.people.role_.chaperone})`);
      // While they are called, that is what matters: there is no room for both.
      text(state, person.call ? (person.present ? "" : words.head.phoneAway) : words.head.chaperone(person, watching, now));
      text(call, person.call ? `${words.head.call[person.call.stage] ?? ""} · ${span(now - ms(person.call.since))}` : "");
      show(call, person.call);
      set(call, "data-stage", person.call?.stage);
      set(node, "data-absent", person.arrived && !person.leaving ? null : "yes");
    });
  }

  return { element, update, tick };
}

const saidFor = 10 * 60_000; // ms of the session

/** @param {Desk} desk */
export function createDeviceRequests(desk) {
  const list = el("ul", { class: "device-requests" });
  const taken = el("ul", { class: "device-taken" });
  const element = el("div", { role: "status" }, list, taken);
  /** @type {Set<string>} */
  const hidden = new Set();

  /** Who came in by another page while theirs was open: quiet, and gone by itself. */
  function others() {
    const now = desk.now();
    const me = desk.view().you.seat;
    return (desk.view().people ?? []).filter((person) => person.instead && person.seat !== me && now - ms(person.instead) < saidFor && !hidden.has(person.seat + person.instead));
  }

  function tick() {
    const now = desk.now();
    each(taken, others(), (person) => person.seat, (person) => el("li", { "data-instead": person.seat },
      el("span"), el("button", { type: "button", class: "quiet", onclick: () => {
        const is = (desk.view().people ?? []).find((one) => one.seat === person.seat);
        hidden.add(person.seat + (is?.instead ?? ""));
        tick();
      } }, words.picture.understood)),
    (/** @type {Element} */ node, person) => text(/** @type {Element} */ (node.firstElementChild), words.devices.instead(person.name, ago(ms(person.instead), now))));
    show(taken, taken.children.length > 0);
    show(element, list.children.length + taken.children.length > 0);
  }

  function update() {
    const asked = desk.view().devices ?? [];
    each(list, asked, (one) => one.request, (one) => el("li", { "data-request": one.request },
      el("span", null, words.devices.ask(one.name || desk.name(one.seat), one.words)),
      el("button", { type: "button", class: "primary", "data-act": "AdmitDevice", onclick: () => void desk.command("AdmitDevice", { request: one.request }) }, words.devices.admit),
      el("button", { type: "button", "data-act": "RefuseDevice", onclick: () => void desk.command("RefuseDevice", { request: one.request }) }, words.devices.refuse)));
    show(list, asked.length > 0);
    tick();
  }

  return { element, update, tick };
}
