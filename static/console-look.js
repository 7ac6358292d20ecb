// One session: who is connected, links, browsers that wait to be let in; and what is
// put right before it begins: a name, a number, the time, or that it does not take place.

import { call } from "./api.js";
import { createLink } from "./console-links.js";
import { links, phases, roles, words } from "./console-words.js";
import { each, el, enable, show, text, usable, whole } from "./element.js";
import { createField, createForm, createMomentField } from "./fields.js";
import { createOrder } from "./console-new.js";
import { names, when } from "./summary.js";
import { momentValue } from "./times.js";

/**
 * @typedef {{id: string, role: string, name: string, pronouns?: string, phone?: string, shares_with?: string, present: boolean, link: string}} SeatLook
 * @typedef {{request: string, seat: string, name: string, words: string, since: string}} Waiting
 */

const correctable = ["scheduled", "lobby", "check_in", "ready"];

/** @param {string} id */
export function createLook(id) {
  const w = words.one;
  const base = `/api/sessions/${encodeURIComponent(id)}`;
  const title = el("h1", null, w.title);
  const waiting = el("div", { class: "waiting", role: "alert" });
  const people = el("ul", { class: "people" });
  const problem = el("p", { class: "problem", role: "alert", hidden: true });
  const own = el("a", { class: "button primary", href: "#sessions" }, words.sessions.open);
  const planned = el("p", { class: "planned" });
  const change = createChange();
  const element = el("div", { class: "wide" },
    el("div", { class: "bar" }, title, el("span", { class: "buttons" }, own,
      el("a", { class: "button", href: `#record/${id}` }, w.record), el("a", { class: "button", href: "#sessions" }, words.made.back))),
    planned, waiting, problem, people, change.element);

  /** The time, and the end before the beginning: while nobody has been admitted. */
  function createChange() {
    const at = createMomentField({ label: words.form.at, time: words.form.atTime, wrong: words.form.missingTime, name: "starts-at" });
    const why = createField({ label: w.cancelWhy, name: "cancel-reason", maxlength: 2000 });
    const said = el("p", { role: "status", class: "said" });
    const move = createForm({ children: [at.element], submit: w.move, sending: words.form.sending, testid: "move", beside: [said], send: async () => {
      text(said, "");
      await call("PUT", `${base}/start`, { starts_at: at.read() });
      text(said, w.moved);
      await refresh();
    } });
    const cancel = createForm({ children: [el("p", null, w.cancelling), why.element], submit: w.cancel, sending: words.form.sending, testid: "cancel", send: async () => {
      await call("POST", `${base}/cancel`, { reason: why.input.value });
      await refresh();
    } });
    let filled = "";
    return {
      element: el("div", { class: "changes", hidden: true }, el("details", { class: "group" }, el("summary", null, w.moveTitle), move), el("details", { class: "group" }, el("summary", null, w.cancelTitle), cancel)),
      /** @param {import("./summary.js").Summary} summary */
      update(summary) {
        show(this.element, !summary.signed && (summary.clients ?? []).every((client) => ["scheduled", "lobby", "cancelled"].includes(client.phase)) && (summary.clients ?? []).some((client) => client.phase !== "cancelled"));
        if (filled === summary.starts_at) return;
        filled = summary.starts_at;
        at.write(momentValue(Date.parse(summary.starts_at)));
      },
    };
  }

  /**
   * attempt does one thing at a time and says what the server said against it.
   *
   * @param {HTMLElement} button
   * @param {() => Promise<void>} what
   */
  async function attempt(button, what) {
    if (!usable(button)) return;
    enable(button, false);
    show(problem, false);
    try {
      await what();
      await refresh();
    } catch (error) {
      text(problem, error instanceof Error ? error.message : String(error));
      show(problem, true);
    } finally {
      enable(button, true);
    }
  }

  /** @param {SeatLook} seat */
  function createSeat(seat) {
    const state = el("span");
    const phone = whole("");
    const shown = el("div");
    const fresh = el("button", { type: "button", "data-testid": `fresh-${seat.id}`, onclick: () => void attempt(fresh, async () => {
      shown.replaceChildren(createLink(await call("POST", `${base}/links`, { seat: seat.id })));
    }) }, w.fresh);
    const sure = el("div", { class: "sure", hidden: true });
    const revoke = el("button", { type: "button", class: "quiet", "data-testid": `revoke-${seat.id}`, onclick: () => {
      show(sure, true);
      yes.focus();
    } }, w.revoke);
    const yes = el("button", { type: "button", "data-testid": `sure-${seat.id}`, onclick: () => void attempt(yes, async () => {
      await call("DELETE", `${base}/links/${encodeURIComponent(seat.id)}`);
      shown.replaceChildren();
      show(sure, false);
    }) }, w.yes);
    sure.append(el("p", null, w.revokeAsk(seat.name)), el("div", { class: "buttons" }, yes, el("button", { type: "button", onclick: () => show(sure, false) }, w.no)));
    const name = el("span", null, seat.name);
    const place = el("div");
    const edit = el("button", { type: "button", class: "quiet", "data-testid": `edit-${seat.id}`, onclick: () => (place.firstChild ? place.replaceChildren() : place.replaceChildren(createEdit(seat.id, () => place.replaceChildren()))) }, w.edit);
    // What was prescribed is put right until something is taken on it.
    const order = el("button", { type: "button", class: "quiet", hidden: true, "data-testid": `order-${seat.id}`, onclick: () => (place.firstChild ? place.replaceChildren() : place.replaceChildren(createCorrection(seat.id, () => place.replaceChildren()))) }, w.order);
    const byLink = seat.role !== "therapist" && !seat.shares_with;
    const node = el("li", { class: "card", "data-seat": seat.id }, el("h2", null, name, " ", el("span", { class: "role" }, roles[seat.role] ?? seat.role)), el("p", { class: "hint" }, state, " ", phone),
      el("div", { class: "buttons" }, ...(byLink ? [fresh, revoke] : []), edit, order), sure, place, shown);
    /** @param {SeatLook} now */
    const update = (now) => {
      text(name, now.name);
      text(state, [now.present ? w.here : w.away, links[now.link] ?? now.link].join(" · "));
      text(phone, now.phone && `· ${now.phone}`);
      show(order, orders[seat.id] && correctable.includes(phaseOf[seat.id] ?? ""));
      show(revoke, now.link === "valid" || now.link === "used");
    };
    return { node, update };
  }

  /** @type {SeatLook[]} */
  let seats = [];
  /** @type {Record<string, import("./types.d.ts").Order>} */
  let orders = {};
  /** @type {Record<string, string>} */
  let phaseOf = {};

  /** @param {string} seat @param {() => void} close */
  function createCorrection(seat, close) {
    const order = createOrder(seat, orders[seat]);
    const why = createField({ label: w.orderWhy, name: `order-reason-${seat}`, maxlength: 2000, required: true });
    return createForm({ children: [el("p", null, w.orderHint), order.element, why.element], submit: w.orderSave, sending: words.settings.sending, testid: `save-order-${seat}`, send: async () => {
      await call("PUT", `${base}/seats/${encodeURIComponent(seat)}/order`, { order: order.value(), reason: why.input.value });
      close();
      await refresh();
    } });
  }

  /** @param {string} seat @param {() => void} close */
  function createEdit(seat, close) {
    const now = seats.find((one) => one.id === seat);
    const name = createField({ label: words.form.name, value: now?.name, maxlength: 120, name: `name-${seat}` });
    const pronouns = createField({ label: words.form.pronouns, value: now?.pronouns, maxlength: 120, name: `pronouns-${seat}`, required: false });
    const phone = createField({ label: words.form.phone, type: "tel", value: now?.phone, maxlength: 40, name: `phone-${seat}`, required: false });
    return createForm({ children: [name.element, pronouns.element, phone.element], submit: w.save, sending: words.settings.sending, testid: `save-${seat}`, send: async () => {
      await call("PUT", `${base}/seats/${encodeURIComponent(seat)}`, { name: name.input.value, pronouns: pronouns.input.value, phone: phone.input.value });
      close();
      await refresh();
    } });
  }

  /** @type {Map<string, ReturnType<typeof createSeat>>} */
  const rows = new Map();

  async function refresh() {
    const look = /** @type {{summary: import("./summary.js").Summary, place: string, seats: SeatLook[], orders: Record<string, import("./types.d.ts").Order>, devices: Waiting[]}} */ (await call("GET", base));
    text(title, `${names(look.summary)}: ${w.title.toLowerCase()}`);
    own.href = look.place;
    seats = look.seats;
    orders = look.orders;
    phaseOf = Object.fromEntries((look.summary.clients ?? []).map((client) => [client.seat, client.phase]));
    text(planned, [w.planned(when(look.summary.starts_at, Date.now())), ...(look.summary.clients ?? []).map((client) => phases[client.phase] ?? client.phase)].join(" · "));
    change.update(look.summary);
    each(waiting, look.devices, (device) => device.request, (device) => {
      /** @param {boolean} admit @param {string} label */
      const answer = (admit, label) => {
        const button = el("button", { type: "button", class: admit ? "primary" : "", "data-testid": admit ? "admit" : "refuse", onclick: () => void attempt(button, async () => {
          await call("POST", `${base}/devices`, { request: device.request, admit });
        }) }, label);
        return button;
      };
      return el("div", { class: "notice" }, el("p", null, `${w.asks(device.name)} ${device.words}`), el("div", { class: "buttons" }, answer(true, w.admit), answer(false, w.refuse)));
    });
    each(people, look.seats, (seat) => seat.id, (seat) => {
      const row = createSeat(seat);
      rows.set(seat.id, row);
      return row.node;
    }, (_, seat) => rows.get(seat.id)?.update(seat));
  }

  return { element, title: w.title, refresh };
}
