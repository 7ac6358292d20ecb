// "Please go in": one tap, no question. By key it takes two presses of g, since
// a key is pressed by accident sooner than a button is.

import { span, ms } from "./clock.js";
import { refusedWords } from "./act-form.js";
import { each, el, enable, set, show, text, usable } from "./element.js";
import { words } from "./therapist-words.js";

/**
 * @param {import("./desk.js").Desk} desk
 * @param {() => string} chosen the client whom the key is about
 */
export function createGoIn(desk, chosen) {
  const w = words.goIn;
  const buttons = el("div", { class: "go-in-buttons" });
  const who = el("span", { class: "go-in-who" });
  const state = el("span", { class: "go-in-state" });
  const long = el("span");
  // How long it is counts up: it is read where one looks, and said to nobody.
  const said = el("span", { class: "go-in-said" }, el("span", { role: "status" }, who, " ", state), " ", long);
  const element = el("div", { class: "go-in" }, buttons, said);
  let armed = 0;

  /** @param {string} seat */
  async function call(seat) {
    armed = 0;
    const answer = await desk.command("CallChaperone", { client: seat });
    update();
    if (!answer.ok) say("", refusedWords(answer));
  }

  /** @param {string} seat @returns {HTMLButtonElement | null} */
  const button = (seat) => buttons.querySelector(`[data-key="${CSS.escape(seat)}"]`);

  function update() {
    const clients = desk.view().clients ?? [];
    each(buttons, clients, (client) => client.seat, (client) => el("button", { type: "button", class: "urgent", "aria-keyshortcuts": "g", "data-act": "CallChaperone", "data-client": client.seat, onclick: () => usableAt(client.seat) && void call(client.seat) }, el("span"), el("kbd", null, w.key)), (node, client) => {
      const action = desk.action("CallChaperone", client.seat);
      const waits = armed > Date.now() && client.seat === chosen();
      text(node.firstElementChild, waits ? w.again : clients.length > 1 ? `${w.button}: ${client.name}` : w.button);
      enable(node, Boolean(action?.allowed));
      set(node, "title", action?.allowed ? w.to(client.name) : action?.reason);
    });
    tick();
  }

  function tick() {
    const called = (desk.view().people ?? []).find((person) => person.call);
    const reason = desk.action("CallChaperone", chosen());
    if (called?.call) say(`${called.name}:`, words.head.call[called.call.stage] ?? "", `· ${span(desk.now() - ms(called.call.since))}`);
    else say("", reason && !reason.allowed ? reason.reason ?? "" : "");
  }

  /** @param {string} name may be cut off, the rest may not @param {string} rest @param {string} [since] */
  function say(name, rest, since) {
    text(who, name);
    text(state, rest);
    text(long, since);
    show(who, name);
    show(said, rest);
  }

  /** @param {string} seat */
  function usableAt(seat) {
    const node = button(seat);
    return node !== null && usable(node);
  }

  return {
    element,
    update,
    tick,
    /** The key g. */
    key() {
      const seat = chosen();
      button(seat)?.focus();
      if (!usableAt(seat)) return;
      if (armed > Date.now()) {
        void call(seat);
        return;
      }
      armed = Date.now() + 4000;
      update();
      setTimeout(update, 4100);
    },
  };
}
