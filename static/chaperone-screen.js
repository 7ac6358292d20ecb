// Which page stands on the chaperone's phone: the call before everything else,
// then the questions of the beginning, then the one card. Below it, always:
// whether this phone can be reached, and the connection, in words.

import { createCallPage } from "./chaperone-call.js";
import { createCardPage } from "./chaperone-card.js";
import { createStartPages } from "./chaperone-start.js";
import { createWays } from "./chaperone-ways.js";
import { words } from "./chaperone-words.js";
import { everySecond, ms, span } from "./clock.js";
import { createDesk } from "./desk.js";
import { calm, el, set, show, text } from "./element.js";
import { createKeypad } from "./keypad.js";
import { refusedWords } from "./act-form.js";

/**
 * @typedef {import("./types.d.ts").View} View
 * @typedef {import("./types.d.ts").Connection} Connection
 */

/**
 * @param {{connection: Connection, sound: ReturnType<typeof import("./alarm-sound.js").createAlarmSound>, awake: {held: () => boolean}, first: View}} given
 */
export function createChaperoneScreen({ connection, sound, awake, first }) {
  const polite = el("div", { class: "spoken", role: "status" });
  const desk = createDesk(connection, first, (said) => text(polite, said));
  const start = createStartPages(desk);
  const call = createCallPage(desk);
  const card = createCardPage(desk, enterVitals);
  const keypad = createKeypad({ send: sendVitals, close: () => {
    entering = "";
    update();
  } });
  const later = createWays(desk, words.over.ways);
  const over = el("section", { class: "page over" }, el("h1", { tabindex: "-1" }), el("p", { class: "lead" }), el("p"), later.element);
  const practice = el("header", { class: "practice" }, words.practice);
  const page = el("div", { class: "stage" });
  const locked = el("p");
  const lamp = el("p", { class: "foot-connection" });
  const spoken = el("div", { class: "spoken", role: "status" }); // said once, not at every second
  const again = el("button", { type: "button", class: "primary", onclick: () => (connection.state().name === "replaced" ? connection.retry() : location.reload()) });
  const foot = el("footer", { class: "reach" }, lamp, " ", again, locked);
  const element = el("div", { class: "chaperone" }, practice, page, foot, polite, spoken);
  /** Whose blood pressure is being entered; empty: nobody's. */
  let entering = "";
  let stage = ""; // of the call

  /** @param {string} seat */
  function enterVitals(seat) {
    entering = seat;
    keypad.open(desk.client(seat)?.name ?? "");
    update();
  }

  /** @param {Record<string, number>} reading */
  async function sendVitals(reading) {
    const answer = await desk.command("RecordVitals", { client: entering, ...reading, spo2: 0, source: "home cuff" });
    if (answer.ok) card.said(words.vitals.sent);
    return answer.ok ? "" : refusedWords(answer) || words.refused;
  }

  function isOver() {
    const clients = desk.view().clients ?? [];
    return clients.length > 0 && clients.every((client) => words.over.says[client.phase]);
  }

  /** @returns {HTMLElement} */
  function current() {
    if (desk.view().call) return call.element;
    if (isOver()) return over;
    const question = start.current();
    if (question) return question;
    return entering ? keypad.element : card.element;
  }

  function update() {
    const view = desk.view();
    const clients = view.clients ?? [];
    show(practice, view.practice);
    start.update();
    call.update();
    card.update();
    const [title, says, thanks] = over.children;
    if (title && says && thanks) {
      text(title, words.over.title(words.and(clients.map((client) => client.name))));
      const ends = [...new Set(clients.map((client) => client.phase))];
      text(says, ends.map((phase) => {
        const who = clients.filter((client) => client.phase === phase).map((client) => client.name);
        return words.over.says[phase]?.(words.and(who), who.length > 1 ? "are" : "is") ?? "";
      }).join(" "));
      text(thanks, words.over.thanks);
      later.update();
      show(later.element, later.any() && clients.some((client) => client.t0));
    }
    const now = current();
    if (page.firstElementChild !== now) {
      const had = page.firstElementChild;
      page.replaceChildren(now);
      if (had) calm(page);
      scrollTo(0, 0);
      if (had) /** @type {HTMLElement | null} */ (now.querySelector("h1"))?.focus({ preventScroll: true });
    }
    set(document.documentElement, "data-call", view.call?.stage);
    if (view.call && stage && stage !== view.call.stage) calm(page);
    stage = view.call?.stage ?? "";
    tick();
  }

  function tick() {
    card.tick();
    const state = connection.state();
    const open = state.name === "open" && state.silentFor === 0;
    const away = state.name === "open" ? state.silentFor : Date.now() - (state.heard || state.since);
    const lost = state.name === "replaced" || state.name === "ended";
    const ended = state.name === "replaced" ? words.connection.replaced : words.connection.ended[state.why ?? ""] ?? state.words ?? "";
    const dosed = (desk.view().clients ?? []).some((client) => client.t0 && !words.over.says[client.phase]);
    text(lamp, lost ? ended : open ? words.connection.open : away < 5000 ? words.connection.connecting : [words.connection.away(span(away)), dosed && away > 15_000 ? words.connection.alone : words.connection.kept].join(" "));
    text(spoken, lost ? ended : open ? (late() >= 0 ? words.card.now : "") : away < 5000 ? spoken.textContent : words.connection.lost);
    set(foot, "data-open", open ? "yes" : null);
    set(foot, "data-tall", foot.offsetHeight > innerHeight / 4 ? "yes" : null);
    show(again, lost && state.why !== "revoked");
    text(again, state.name === "replaced" ? words.connection.takeBack : words.connection.reload);
    // Once all is over nobody is called any more, and the page says that it can be closed.
    text(locked, isOver() ? "" : [sound.blocked() ? words.reach.sound : "", awake.held() ? words.reach.awake : words.reach.asleep].filter(Boolean).join(" "));
    card.dial(!open && dosed && away > 15_000 || (desk.view().alarms ?? []).some((alarm) => alarm.own && alarm.condition === "please_come" && !alarm.acknowledged));
    sound.set(lost ? null : ringing(open ? 0 : away, dosed));
  }

  /** For how many ms a look has been due; below 0: none is. */
  const late = () => Math.max(...(desk.view().clients ?? []).map((client) => (client.look?.due ? desk.now() - ms(client.look.due) : -1)));

  /**
   * What is to be heard and felt now: a call most, then a look that is due.
   *
   * @param {number} away ms without the server
   * @param {boolean} dosed somebody is under the medicine
   */
  function ringing(away, dosed) {
    const view = desk.view();
    if (view.call) return view.call.stage === "called" ? "high" : null;
    if (away > 15_000 && dosed) return "medium";
    const due = late();
    if (due > 120_000) return "medium";
    return due >= 0 || (view.clients ?? []).some((client) => client.vitals_ask) ? "low" : null;
  }

  update();
  everySecond(tick, () => Date.now());

  return {
    element,
    tick,
    /** @param {View} view */
    take(view) {
      desk.take(view);
      update();
    },
    /** Somebody is under the medicine, and this phone is how one is called to them. */
    watching: () => Boolean(desk.view().you.arrived) && !["replaced", "ended"].includes(connection.state().name) && (desk.view().clients ?? []).some((client) => client.t0 && !words.over.says[client.phase]),
    /** "Back" was caught. */
    stay: () => card.said(words.stay),
    /** @param {string} seat @param {MediaStream} stream */
    remote: (seat, stream) => card.remote(seat, stream),
    /** @param {string} seat */
    gone: (seat) => card.gone(seat),
    /** @param {import("./types.d.ts").Seen[]} seen */
    seen: (seen) => card.seen(seen),
  };
}
