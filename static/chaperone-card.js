// The one card: what is happening, when to look in next, and the few things that
// a chaperone can say.

import { createAlarms } from "./chaperone-alarms.js";
import { words } from "./chaperone-words.js";
import { ago, ms, span, timeOfDay } from "./clock.js";
import { calm, each, el, enable, set, show, text, usable } from "./element.js";
import { createRing } from "./ring.js";
import { createWays } from "./chaperone-ways.js";
import { play, release } from "./play.js";
import { refusedWords } from "./act-form.js";

/**
 * @typedef {import("./desk.js").Desk} Desk
 * @typedef {import("./desk.js").ClientView} ClientView
 */

const onceIn = 1000; // ms: two presses within it are one
const oldAfter = 4; // s without a new picture: from here on it is not shown as if it were true

/**
 * @param {Desk} desk
 * @param {(seat: string) => void} enterVitals
 */
export function createCardPage(desk, enterVitals) {
  const w = words.card;
  const videos = el("div", { class: "card-videos" });
  const happening = el("h1", { class: "happening", tabindex: "-1" });
  const early = el("p", { class: "lead" });
  const test = el("p", { class: "notice" });
  const alarms = createAlarms(desk, "others");
  const asked = createAlarms(desk, "asked"); // beside what was pressed
  const ring = createRing();
  const last = el("p", { class: "card-last" });
  const said = el("p", { class: "card-said", role: "status" });
  const problem = el("p", { class: "problem", role: "alert", hidden: true });
  const look = el("button", { type: "button", class: "primary thumb look", "data-act": "CheckIn", onclick: () => void send("CheckIn", {}, (when) => (thanked = w.looked(when))) }, w.look);
  const lookReason = el("p", { class: "reason" });
  const asks = el("div", { class: "card-asks" });
  const takeOvers = el("div", { class: "card-asks" });
  const others = el("div", { class: "card-others" });
  const leave = el("button", { type: "button", class: "thumb quiet", onclick: () => sure(true) }, w.leave);
  const ways = createWays(desk, words.connection.ways);
  const leaveBox = el("div", { class: "leave", hidden: true }, el("p", null, w.leaveSure),
    el("button", { type: "button", class: "thumb", "data-act": "AnnounceLeaving", onclick: () => void send("AnnounceLeaving", { words: "" }, () => "").then(() => sure(false)) }, w.leaveNow),
    el("button", { type: "button", class: "thumb primary", onclick: () => sure(false) }, w.stay));
  const next = el("div", { class: "card-next" }, ring.element, last);
  const element = el("section", { class: "page card" }, videos, happening, alarms.element, test, early, takeOvers, next, problem, look, lookReason, said, asks, asked.element, el("div", { class: "card-more" }, others, leave), ways.element, leaveBox);
  /** @type {Map<string, MediaStream>} */
  const streams = new Map();
  /** Whose picture moves. A still one does not look like somebody who lies still. @type {Set<string>} */
  let fresh = new Set();
  let thanked = ""; // for a look
  /** @type {Set<string>} */
  const took = new Set();
  /** @type {Set<string>} */
  const sending = new Set();

  /** @param {boolean} open */
  function sure(open) {
    show(leaveBox, open);
    show(leave, !open);
    calm(element);
    if (open) leaveBox.querySelector("button")?.focus();
  }

  /**
   * Says one thing to the server. The second press of a double one says nothing more.
   *
   * @param {string} act
   * @param {object} body
   * @param {(when: string) => string} done
   */
  async function send(act, body, done) {
    const what = `${act} ${JSON.stringify(body)}`;
    if (sending.has(what)) return false;
    sending.add(what);
    setTimeout(() => sending.delete(what), onceIn);
    text(said, w.looking);
    show(problem, false);
    const answer = await desk.command(act, body);
    text(said, answer.ok ? done(timeOfDay(desk.now())) : "");
    text(problem, answer.ok ? "" : refusedWords(answer) || words.refused);
    show(problem, !answer.ok);
    return answer.ok;
  }

  function update() {
    const view = desk.view();
    const clients = view.clients ?? [];
    const called = view.parts?.find((part) => part.id === "test_call");
    text(test, words.test.waiting((view.people ?? []).find((person) => person.role === "therapist")?.name ?? ""));
    show(test, called && !called.done && clients.some((client) => !client.t0));
    alarms.update();
    asked.update();
    const may = desk.action("CheckIn");
    enable(look, Boolean(may?.allowed));
    text(lookReason, may?.allowed ? "" : may?.reason);
    show(lookReason, lookReason.textContent);
    const living = clients.filter((client) => !words.over.says[client.phase]);
    // A look can be told at any time; it is asked for once there is something to look after.
    const dosed = living.some((client) => client.t0);
    text(early, dosed ? "" : w.early(words.and(living.map((client) => client.name))));
    show(early, living.length > 0 && !dosed);
    look.classList.toggle("primary", dosed);
    look.classList.toggle("look", dosed);
    each(asks, living.filter((client) => client.vitals_ask), (client) => client.seat, (client) => el("div", { class: "notice" }, el("p", null, w.vitals(client.name)), el("button", { type: "button", class: "thumb", onclick: () => enterVitals(client.seat) }, w.enter)));
    each(takeOvers, living.filter((client) => client.phase === "release_check" && desk.action("SettleCriterion", client.seat)?.allowed), (client) => client.seat, (client) => {
      const button = el("button", { type: "button", class: "thumb primary", "data-act": "SettleCriterion", onclick: async () => {
        const ok = await send("SettleCriterion", { client: client.seat, criterion: "chaperone_takes_over", values: { confirmed: "yes" } }, () => w.tookOver);
        if (ok) took.add(client.seat);
        update();
      } }, w.takeOver);
      return el("div", { class: "notice" }, el("p", null, w.takeOverWords(client.name)), button);
    }, (/** @type {Element} */ node, client) => show(node, !took.has(client.seat))); // the page at the end says it again
    each(others, living.length ? [...living.map((client) => ({ client, condition: "please_come" })), ...living.map((client) => ({ client, condition: "please_look" }))] : [], (one) => `${one.client.seat} ${one.condition}`, (one) => el("button", { type: "button", class: one.condition === "please_come" ? "thumb come" : "thumb", "data-act": "RaiseAlarm", "data-condition": one.condition, onclick: (/** @type {Event} */ event) => {
      if (usable(/** @type {Element} */ (event.currentTarget))) void send("RaiseAlarm", { client: one.client.seat, condition: one.condition, words: "" }, w.asked).then(() => asked.element.scrollIntoView({ block: "nearest" }));
    } }), (node, one) => {
      text(node, `${one.condition === "please_come" ? w.come : w.please}${living.length > 1 ? ` (${one.client.name})` : ""}`);
      enable(node, Boolean(desk.action("RaiseAlarm", one.client.seat)?.allowed));
    });
    show(leave, leaveBox.hidden && desk.action("AnnounceLeaving"));
    ways.update();
    paintVideos();
    tick();
  }

  function tick() {
    const view = desk.view();
    const now = desk.now();
    const living = (view.clients ?? []).filter((client) => !words.over.says[client.phase]);
    const phases = [...new Set(living.map((client) => client.phase))];
    text(happening, phases.map((phase) => words.happening(living.filter((client) => client.phase === phase).map((client) => ({ name: client.name, since: client.t0 ? now - ms(client.t0) : 0 })), phase)).join(" "));
    const next = living.filter((client) => client.look?.due).sort((a, b) => ms(a.look?.due) - ms(b.look?.due))[0];
    show(ring.element, next);
    const seen = next?.look ?? living[0]?.look;
    text(last, seen?.last ? w.last(seen.by ?? "", ago(ms(seen.last), now)) : "");
    show(last, last.textContent);
    // Past its time it would be read as the answer to what is asked for now.
    if (said.textContent === thanked && (!next?.look?.due || ms(next.look.due) <= now)) text(said, "");
    if (!next?.look?.due) return;
    const left = ms(next.look.due) - now;
    ring.update(left / (next.look.every_s * 1000), left > 0 ? w.next(left < 60_000 ? span(left) : span(left + 59_000)) : left > -60_000 ? w.now : w.late(span(-left)));
  }

  function paintVideos() {
    const sees = (desk.view().clients ?? []).filter((client) => client.chaperone_sees && streams.has(client.seat));
    each(videos, sees, (client) => client.seat, (client) => {
      const video = el("video", { playsinline: true, autoplay: true, "aria-label": client.name });
      play(video, /** @type {MediaStream} */ (streams.get(client.seat)));
      return el("figure", null, video, el("p", { role: "status" }));
    }, (node, client) => {
      const still = !fresh.has(client.seat);
      set(node, "data-still", still ? "yes" : null);
      text(node.lastElementChild, still ? w.still(client.name) : "");
    });
    show(videos, sees.length > 0);
  }

  addEventListener("pointerup", () => void release(videos.querySelectorAll("video")));

  return {
    element,
    update,
    tick,
    /** @param {boolean} needed the server is away, and somebody is under the medicine */
    dial: (needed) => show(ways.element, needed && ways.any()),
    /** @param {string} what */
    said: (what) => text(said, what),
    /** @param {string} seat @param {MediaStream} stream */
    remote(seat, stream) {
      streams.set(seat, stream);
      paintVideos();
    },
    /** @param {import("./types.d.ts").Seen[]} seen */
    seen(seen) {
      fresh = new Set(seen.filter((one) => one.frame_age >= 0 && one.frame_age < oldAfter).map((one) => one.seat));
      paintVideos();
    },
    /** @param {string} seat */
    gone(seat) {
      streams.delete(seat);
      paintVideos();
    },
  };
}
