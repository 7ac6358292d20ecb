// The checks before a dose: open ones first, each with one button that settles
// it or opens the form that does; below them, those that are settled.

import { createActButton } from "./act-button.js";
import { timeOfDay } from "./clock.js";
import { calm, each, el, set, show, text } from "./element.js";
import { tel } from "./tel.js";
import { words } from "./therapist-words.js";

/**
 * @typedef {import("./desk.js").Desk} Desk
 * @typedef {import("./desk.js").ClientView} ClientView
 * @typedef {import("./types.d.ts").Gate} Gate
 * @typedef {import("./types.d.ts").Person} Person
 * @typedef {import("./act-form.js").Values} Values
 */

/**
 * @param {Desk} desk
 * @param {string} seat of the client
 * @param {() => void} enterVitals opens the form for a reading
 */
export function createGates(desk, seat, enterVitals) {
  const today = el("p", { class: "gates-today" });
  const open = el("ul", { class: "gates", "data-testid": "gates-open" });
  const done = el("ul", { class: "gates gates-done" });
  const summary = el("summary");
  const doneBox = el("details", { class: "gates-settled" }, summary, done);
  const notNow = el("p", { class: "reason" });
  const element = el("section", { class: "gates-part", "aria-label": words.gates.title }, today, notNow, open, doneBox);
  /** @type {Map<string, ReturnType<typeof createGate>>} */
  const rows = new Map();

  /** @returns {ClientView} */
  const client = () => /** @type {ClientView} */ (desk.client(seat));
  /** @param {string} id @returns {Gate | undefined} */
  const gate = (id) => client().gates?.find((one) => one.id === id);

  /**
   * What the client has stated is offered; the therapist confirms it.
   *
   * @param {string} id
   * @param {string} name
   */
  function stated(id, name) {
    const now = gate(id);
    if (now?.values?.[name]) return now.values[name];
    const { stated: address, today: answers } = client();
    if (id === "address" && address) return { street: address.street, city: address.city, state: address.state, access: address.access }[name];
    if (id === "callback" && address) return address.phone || undefined;
    if (id === "contraindications" && name === "changes") return answers?.changes || undefined;
    return undefined;
  }

  /** @param {string} id */
  function createGate(id) {
    const title = el("h3");
    const facts = el("p", { class: "gate-facts" });
    const parts = el("div", { class: "gate-parts" });
    const state = el("span", { class: "gate-state" });
    const single = () => {
      const fields = gate(id)?.fields ?? [];
      const must = fields.filter((field) => !field.optional);
      return fields.length === 1 && must[0]?.kind === "check" ? must[0] : undefined;
    };
    const settle = createActButton(desk, {
      act: "SettleGate", client: seat, closed: () => update(), title: gate(id)?.title ?? "",
      words: () => (single() ? words.gates.confirm : words.gates.settle),
      ask: () => (single() ? null : {
        title: (gate(id)?.fields ?? []).some((field) => stated(id, field.name)) && !gate(id)?.values ? words.gates.stated : undefined,
        questions: (gate(id)?.fields ?? []).map((field) => ({ ...field, value: stated(id, field.name) ?? "" })),
        submit: words.gates.settleIt,
      }),
      body: (values) => ({ client: seat, gate: id, values: single() ? { [single()?.name ?? ""]: "yes" } : filled(values) }),
    });
    const override = createActButton(desk, {
      act: "OverrideGate", client: seat, closed: () => update(), title: gate(id)?.title ?? "",
      words: () => words.gates.override,
      ask: () => ({ questions: [{ name: "reason", label: words.reason, kind: "long" }], consequence: () => words.gates.overriding(gate(id)?.title ?? ""), submit: words.gates.overrideIt }),
      body: ({ reason }) => ({ client: seat, gate: id, reason }),
    });
    const reopen = createActButton(desk, {
      act: "ReopenGate", client: seat, closed: () => update(), title: gate(id)?.title ?? "",
      words: () => words.gates.reopen,
      ask: () => ({ questions: [{ name: "reason", label: words.reason, kind: "text" }], submit: words.gates.reopenIt }),
      body: ({ reason }) => ({ client: seat, gate: id, reason }),
    });
    const vitals = el("button", { type: "button", onclick: enterVitals }, words.gates.takeVitals);
    for (const quiet of [override, reopen]) quiet.button.classList.add("quiet");
    const node = el("li", { class: "gate", "data-gate": id }, el("div", { class: "gate-text" }, el("div", { class: "gate-head" }, state, title), facts, parts), el("div", { class: "gate-buttons" }, settle.element, vitals, override.element, reopen.element));
    /** @type {Map<string, ReturnType<typeof createActButton>>} */
    const answered = new Map();

    function update() {
      const now = gate(id);
      if (!now) return;
      const isOpen = now.state === "open";
      set(node, "data-state", now.state);
      text(title, now.title);
      text(state, isOpen ? "○" : now.state === "overridden" ? "!" : "✓");
      set(state, "aria-label", isOpen ? words.gates.open : now.state === "overridden" ? words.gates.overridden : words.gates.passed);
      set(state, "role", "img");
      text(facts, factsOf(now));
      show(facts, facts.textContent);
      for (const button of [settle, override, reopen]) button.update();
      show(settle.element, isOpen && (now.fields ?? []).length > 0);
      show(override.element, isOpen && (desk.action("OverrideGate", seat) || override.open()));
      show(reopen.element, !isOpen && (desk.action("ReopenGate", seat) || reopen.open()));
      show(vitals, isOpen && id === "vitals");
      // The reason is the same for all: it stands once, at the top.
      for (const button of [settle, override, reopen]) for (const reason of button.element.querySelectorAll(":scope > .reason")) show(reason, false);
      const people = id === "chaperone" ? (desk.view().people ?? []).filter((person) => person.role === "chaperone") : [];
      each(parts, people, (person) => person.seat, makeParts, paintParts);
    }

    /** @param {Gate} now */
    function factsOf(now) {
      const field = single();
      const said = Object.entries(now.values ?? {}).filter(([, value]) => value && value !== "yes").map(([, value]) => value).join(", ");
      if (now.state === "open") {
        const why = now.reason ? `${words.gates.open}: ${now.reason}` : "";
        return [why, now.hint ?? "", field ? field.label : "", said].filter(Boolean).join(" · ");
      }
      const who = [now.at ? timeOfDay(now.at) : "", now.by ? desk.name(now.by) : ""].filter(Boolean).join(" ");
      return [now.state === "overridden" ? `${words.gates.overridden}: ${now.reason ?? ""}` : "", said, who].filter(Boolean).join(" · ");
    }

    /** @param {Person} person */
    function makeParts(person) {
      const button = createActButton(desk, {
        act: "ConfirmChaperone", title: person.name,
        words: () => words.gates.answered,
        body: () => ({ chaperone: person.seat, part: "test_call" }),
      });
      answered.set(person.seat, button);
      return el("div", { class: "gate-person" }, el("p", { class: "gate-person-parts" }), el("p", { class: "gate-person-call" }), button.element);
    }

    /** @param {Element} where @param {Person} person */
    function paintParts(where, person) {
      const [list, call] = where.children;
      if (!list || !call) return;
      text(list, `${person.name}: ${(person.parts ?? []).map((part) => `${part.done ? "✓" : "○"} ${part.title}`).join(" · ")}`);
      const called = person.parts?.find((part) => part.id === "test_call")?.done;
      each(call, called ? [] : [person.phone ?? ""], (phone) => phone, (phone) => (phone
        ? el("a", { class: "button", href: tel(phone) }, `${words.gates.ring} ${person.name}: ${phone}`)
        : el("span", { class: "reason" }, `${person.name}: ${words.gates.noPhone}`)));
      show(call, !called);
      answered.get(person.seat)?.update();
      if (called) show(answered.get(person.seat)?.element ?? where, false);
    }
    return { node, update };
  }

  function update() {
    const now = desk.client(seat);
    show(element, now?.gates?.length);
    if (!now?.gates) return;
    const openGates = now.gates.filter((one) => one.state === "open");
    const settled = now.gates.filter((one) => one.state !== "open");
    /** @param {Gate} one */
    const row = (one) => {
      const have = rows.get(one.id) ?? createGate(one.id);
      rows.set(one.id, have);
      return have.node;
    };
    /** @param {Element} _ @param {Gate} one */
    const paint = (_, one) => rows.get(one.id)?.update();
    const before = document.activeElement;
    if (openGates.length < open.childElementCount) calm(open);
    each(open, openGates, (one) => one.id, row, paint);
    each(done, settled, (one) => one.id, row, paint);
    // Whoever settles one check by keyboard stands at the next one.
    if (before !== document.activeElement && done.contains(before)) /** @type {HTMLElement | null} */ (open.querySelector("button:not([hidden])"))?.focus();
    const settle = desk.action("SettleGate", seat);
    const override = desk.action("OverrideGate", seat);
    text(notNow, settle && !settle.allowed ? settle.reason : override && !override.allowed ? `${words.gates.override} ${override.reason}` : "");
    show(notNow, notNow.textContent && openGates.length);
    text(summary, words.gates.done(words.gates.settled, settled.length));
    show(doneBox, settled.length > 0);
    text(today, now.today ? words.gates.today(now.today) : "");
    show(today, now.today && openGates.length > 0);
  }

  return { element, update };
}

/** @param {Values} values */
function filled(values) {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== ""));
}
