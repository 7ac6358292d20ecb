// With the therapist, before the dose and after the return: the therapist is
// large, and beside them stands the one thing to do now.

import { action, chaperones, therapists } from "./own-view.js";
import { calm, each, el, enable, show, text, usable } from "./element.js";
import { checks, list, words } from "./client-words.js";

/**
 * @typedef {import("./types.d.ts").View} View
 * @typedef {import("./types.d.ts").ClientView} ClientView
 * @typedef {import("./types.d.ts").Result} Result
 */

const most = 3; // checks that are named at a time

/**
 * createRoom makes the panel beside the pictures.
 *
 * @param {{ask: (act: string, body: object) => Promise<Result>, help: {ask: (seat: string) => void,
 *   words: (client: ClientView, seq: number, connected: boolean) => string}, finish: () => void, devices: HTMLElement}} options
 */
export function createRoom({ ask, help, finish, devices }) {
  const status = el("div", { class: "room-status", "aria-live": "polite" });
  const parts = el("div", { class: "room-parts" });
  const answers = el("button", { type: "button", onclick: finish, hidden: true, "data-testid": "finish" }, words.finish);
  const helpWords = el("p", { class: "help-words", role: "status" });
  const helps = el("div", { class: "room-helps" });
  const element = el("section", { class: "room" }, el("h1", { class: "spoken" }, words.roomTitle), status, parts, answers, devices, helpWords, helps);

  /** @type {View} */
  let view;

  /** One client's part: a couple has two. @param {ClientView} client */
  function makePart({ seat }) {
    const name = el("h2");
    const greeting = el("h2", null, words.returning);
    const offered = el("figure", { class: "offered", hidden: true });
    const title = el("h2");
    const open = el("ul", { class: "room-open" });
    const lead = el("p", { class: "lead" });
    const begin = button(words.begin, "SettleGate", () => ({ client: seat, gate: "client_yes", values: { yes: "yes" } }));
    const take = el("button", { type: "button", class: "primary wide", "data-testid": "take", "data-client": seat, onclick: () => usable(take) && sure(true) });
    const takeReason = el("p", { class: "reason" });
    const question = el("p", { class: "lead" });
    const yes = button(words.takeYes, "RecordDose", () => ({ client: seat, number: action(view, "RecordDose", seat)?.number ?? current()?.may_take?.number ?? 0 }), () => sure(false));
    const no = el("button", { type: "button", class: "wide", onclick: () => sure(false) }, words.takeNo);
    const confirm = el("div", { class: "confirm", role: "group", hidden: true }, question, yes.element, no);
    const hide = button(words.hide(list(chaperones(view).map((one) => one.name))), "HideFromChaperone", () => ({ client: seat }));
    hide.button.classList.remove("primary");
    let asking = false;

    const current = () => (view.clients ?? []).find((one) => one.seat === seat);

    /** @param {boolean} on */
    function sure(on) {
      const focus = element.contains(document.activeElement);
      asking = on;
      paint();
      calm(node);
      if (focus) (on ? yes.button : take).focus();
    }

    function paint() {
      const client = current();
      if (!client) return;
      const couple = (view.clients ?? []).length > 1;
      const back = client.phase === "integrating" || client.phase === "release_check";
      const steps = client.steps;
      const authorised = client.may_take !== undefined;
      const amount = client.may_take ? words.amount(client.may_take.mg, client.may_take.tablets) : "";
      text(name, client.name);
      show(name, couple);

      text(offered, client.words);
      show(offered, client.words);

      const missing = back || authorised || client.phase === "ready" ? [] : (steps?.open ?? []);
      show(greeting, back);
      text(title, words.openTitle);
      show(title, missing.length);
      // A few large lines: what comes next, and how much is left.
      const next = missing.length > most + 1 ? missing.slice(0, most) : missing;
      each(open, next.length < missing.length ? [...next, `+${missing.length - next.length}`] : next, (one) => one, (one) => el("li", null, one.startsWith("+") ? words.openMore(Number(one)) : checks[one] ?? one.replaceAll("_", " ")));
      show(open, missing.length);

      const settle = action(view, "SettleGate", seat);
      const mayBegin = !back && !authorised && steps?.said_yes === false && settle !== undefined;
      begin.update(mayBegin ? settle : undefined);
      begin.button.classList.toggle("primary", missing.length <= 1); // it comes last
      const ready = authorised && !back && !asking ? words.takeLead(amount) : "";
      text(lead, ready || back ? ready || (client.words ? "" : words.returningNext) : mayBegin ? words.yesLead : !authorised && steps?.said_yes ? words.said : "");
      show(lead, lead.textContent);

      const record = action(view, "RecordDose", seat);
      const offeredNow = !back && record !== undefined && (authorised || client.phase === "ready");
      if (!offeredNow || !record.allowed) asking = false;
      text(take, couple ? words.takeFor(client.name) : words.take);
      show(take, offeredNow && !asking);
      enable(take, record?.allowed ?? false);
      text(takeReason, record?.allowed ? "" : record?.reason);
      show(takeReason, offeredNow && takeReason.textContent);
      text(question, words.takeAsk(amount));
      show(confirm, asking);
      yes.update(asking ? record : undefined);

      const seen = action(view, "HideFromChaperone", seat);
      hide.update(seen?.allowed ? seen : undefined);
    }

    const node = el("section", { class: "room-part" }, name, offered, greeting, lead, begin.element, title, open, take, takeReason, confirm, hide.element);
    return Object.assign(node, { paint });
  }

  /**
   * A button that sends one act, with the reason when it may not.
   *
   * @param {string} label
   * @param {string} act
   * @param {() => object} body
   * @param {() => void} [sent]
   */
  function button(label, act, body, sent) {
    const press = el("button", { type: "button", class: "primary wide", "data-act": act, onclick: send }, label);
    const reason = el("p", { class: "reason" });
    const problem = el("p", { class: "problem", role: "alert", hidden: true });
    const place = el("div", { class: "act", hidden: true }, press, reason, problem);
    let sending = false;
    async function send() {
      if (sending || !usable(press)) return;
      sending = true;
      show(problem, false);
      text(press, words.saving);
      const answer = await ask(act, body());
      sending = false;
      text(press, label);
      if (answer.ok) {
        sent?.();
      } else {
        text(problem, answer.refused?.words);
        show(problem, true);
      }
    }
    return {
      element: place,
      button: press,
      /** @param {import("./types.d.ts").Action} [now] */
      update(now) {
        show(place, now);
        if (!now) show(problem, false);
        enable(press, now?.allowed ?? false);
        text(reason, now?.allowed ? "" : now?.reason);
        show(reason, reason.textContent);
      },
    };
  }

  return {
    element,
    /**
     * @param {View} next
     * @param {{connected: boolean, picture: boolean, camera: boolean, complete: boolean, needsTap: string, device: string}} now device: words about a device that failed or was replaced
     */
    update(next, now) {
      view = next;
      const clients = view.clients ?? [];
      const here = therapists(view).filter((one) => one.present);
      const watching = clients.some((one) => one.chaperone_sees) ? chaperones(view).map((one) => one.name) : [];
      /** @type {string[]} */
      const lines = [];
      if (now.needsTap) lines.push(now.needsTap);
      if (!now.connected) lines.push(words.reconnecting);
      else if (!here.length) lines.push(words.therapistAway);
      else if (!now.picture) lines.push(words.noPicture);
      if (now.device) lines.push(now.device);
      else if (!now.camera) lines.push(words.pictureOnly);
      if (now.connected && watching.length) lines.push(words.sees(list(watching)));
      each(status, lines, (line) => line, (line) => el("p", null, line));
      each(parts, clients, (one) => one.seat, makePart, (node) => node.paint());
      // Before the dose every answer can still be changed.
      show(answers, clients.some((one) => one.steps));
      text(answers, now.complete ? words.change : words.finish);
      answers.classList.toggle("quiet", now.complete);

      const said = clients.map((one) => help.words(one, view.seq, now.connected)).filter(Boolean);
      text(helpWords, said[0] ?? "");
      show(helpWords, said.length);
      each(
        helps,
        clients.filter((one) => action(view, "AskHelp", one.seat)),
        (one) => one.seat,
        (one) => el("button", { type: "button", class: "help-button", "data-act": "AskHelp", "data-client": one.seat, onclick: () => help.ask(one.seat) }),
        (node, one) => text(node, clients.length > 1 ? words.helpFor(one.name) : words.help),
      );
    },
  };
}
