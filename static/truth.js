// The truth panel: for each person what of their picture and sound really arrives
// here, what their device tells of itself, and what they get of the therapist: as
// figures, and as small lines over the last minutes. In the foot stands the least
// of it; the sheet has all.

import { span } from "./clock.js";
import { each, el, set, show, text } from "./element.js";
import { createTrend } from "./trend.js";
import { words } from "./therapist-words.js";

/**
 * @typedef {import("./desk.js").Desk} Desk
 * @typedef {import("./types.d.ts").Media} Media
 * @typedef {import("./types.d.ts").Connection} Connection
 * @typedef {import("./types.d.ts").Seen} Seen
 * @typedef {import("./types.d.ts").Telemetry} Telemetry
 * @typedef {ReturnType<typeof createTrend>} Trend
 *
 * One figure of a person: where it comes from, how it is said, how it is drawn.
 * @typedef {object} Figure
 * @property {string} name
 * @property {(got: Seen) => number} of
 * @property {(value: number) => string} said
 * @property {number} top what reaches the upper edge of the line, unless something is higher
 */

const w = words.connection;

/**
 * How many pictures come in a second. Undefined where they come, and no whole second of
 * them is over yet.
 *
 * @param {Seen} got
 */
function counted({ frame_age, fps }) {
  if (frame_age > 2) return 0;
  return frame_age >= 0 && fps === 0 ? undefined : fps;
}

/** @type {Figure[]} */
const figures = [
  { name: w.figures.age, of: (got) => got.frame_age, said: w.seconds, top: 2 },
  { name: w.figures.frames, of: (got) => counted(got) ?? -1, said: w.whole, top: 25 },
  { name: w.figures.sound, of: (got) => got.sound_level, said: w.loud, top: 0.1 },
  { name: w.figures.loss, of: (got) => got.loss * 100, said: w.percent, top: 10 },
  { name: w.figures.trip, of: (got) => got.round_trip * 1000, said: w.milliseconds, top: 300 },
];

/**
 * @param {Desk} desk
 * @param {object} parts
 * @param {Connection} parts.connection
 * @param {() => Media | undefined} parts.media
 * @param {(seat: string) => Telemetry | undefined} parts.truth what the page there tells of itself; undefined where it has told nothing lately
 */
export function createTruth(desk, parts) {
  const small = el("span", { class: "connection-people" });
  const server = el("span", { class: "connection-server" });
  const button = el("button", { type: "button", class: "connection", "data-testid": "connection", "aria-expanded": "false", onclick: () => (element.hidden ? open() : close()) }, el("span", { class: "spoken" }, `${w.title}: `), small, server);
  const title = el("h2", { id: "truth-title", tabindex: "-1" }, w.title);
  const lines = el("ul", { class: "truth-lines" });
  const people = el("div", { class: "truth-people" });
  const element = el("section", { class: "sheet", "aria-labelledby": "truth-title", hidden: true, "data-testid": "truth", onkeydown: (/** @type {KeyboardEvent} */ event) => event.key === "Escape" && close() },
    el("div", { class: "card-head" }, title, el("button", { type: "button", onclick: close }, words.people.close)), lines, people, el("p", { class: "hint" }, w.legend));
  /** @type {Map<string, ReturnType<typeof createPerson>>} */
  const rows = new Map();
  /** @type {Element | null} */
  let before = null;
  let sampled = 0; // a view may repaint oftener than once a second

  /** @param {string} seat */
  function createPerson(seat) {
    const name = el("h3");
    const trends = figures.map((figure) => createTrend({ top: figure.top, said: (least, most) => w.trend(figure.name, figure.said(least), figure.said(most)) }));
    const glance = createTrend({ top: 25, said: (least, most) => w.trend(w.figures.frames, w.whole(least), w.whole(most)) });
    const values = figures.map(() => el("td", { class: "digits" }));
    const table = el("table", { class: "truth-table" }, el("tbody", null, ...figures.map((figure, i) => el("tr", null, el("th", { scope: "row" }, figure.name), values[i], el("td", null, trends[i]?.element)))));
    const way = el("p");
    const theirs = el("p");
    const yours = el("p");
    const node = el("section", { class: "truth-person", "data-seat": seat }, name, table, way, theirs, yours);
    const line = el("span", { class: "connection-person", "data-seat": seat });
    const said = el("span");
    const rate = el("span", { class: "connection-rate" });
    const second = el("span");
    line.append(said, rate, second, " ", glance.element);

    /** @param {Seen | undefined} got @param {boolean} due */
    function update(got, due) {
      const who = desk.name(seat);
      text(name, who);
      show(table, got);
      show(way, got);
      if (got) {
        const route = w.route[got.route] ?? got.route;
        text(said, w.peer(who, route));
        const fps = counted(got);
        text(rate, fps === undefined ? "" : ` · ${w.rate(fps)}`);
        text(second, got.second || !got.route ? "" : ` · ${w.noSecond}`);
        text(way, w.way(route, got.second));
        figures.forEach((figure, i) => {
          const value = figure.of(got);
          text(values[i] ?? way, value < 0 ? w.nothing : figure.said(value));
          if (due) trends[i]?.add(value);
        });
        if (due) glance.add(counted(got) ?? -1);
      }
      const truth = parts.truth(seat);
      text(theirs, truth ? device(truth) : w.untold(who));
      const mine = truth?.receiving?.find(({ peer }) => peer === parts.connection.peer);
      const unheard = mine && (mine.sound_age < 0 || mine.sound_age > 3) ? ` · ${w.noVoice}` : "";
      text(yours, mine ? `${w.seesYou(who, mine.fps, mine.round_trip * 1000, mine.loss)}${unheard}.` : "");
      show(yours, mine);
    }
    return { node, line, update };
  }

  /** What somebody's device tells of itself. @param {Telemetry} truth */
  function device(truth) {
    return w.theirs([
      truth.battery === undefined ? w.noBattery : w.battery(Math.round(truth.battery * 100), truth.charging === true),
      truth.visible ? w.front : w.behind,
      truth.wake_lock ? w.awake : w.asleep,
    ]);
  }

  function open() {
    if (element.hidden) before = document.activeElement;
    show(element, true);
    element.dispatchEvent(new Event("sheet", { bubbles: true }));
    set(button, "aria-expanded", "true");
    title.focus({ preventScroll: true });
  }

  function close() {
    show(element, false);
    set(button, "aria-expanded", "false");
    if (before instanceof HTMLElement && before.isConnected) before.focus();
  }

  /** @param {Seen[]} seen */
  function tick(seen) {
    set(button, "aria-expanded", element.hidden ? "false" : "true");
    const due = performance.now() - sampled > 900;
    if (due) sampled = performance.now();
    const over = (desk.view().clients ?? []).every((client) => words.over.includes(client.phase));
    const here = over ? [] : seen.filter((one) => one.frame_age >= 0 || one.state !== "new");
    const state = parts.connection.state();
    const heard = state.name === "open" ? w.open : state.name === "connecting" ? w.connecting : state.name === "reconnecting" ? w.reconnecting(span(Date.now() - state.since)) : w.left;
    const alone = here.length > 0 && !parts.media()?.hasDirect() ? w.noDirect : "";
    const own = parts.media()?.capture().words ?? "";
    text(server, alone ? `${heard} · ${w.noDirectShort}` : heard);
    each(lines, [heard, alone, own].filter(Boolean).map((line, i) => ({ line, i })), (one) => String(one.i), () => el("li"), (node, one) => text(node, one.line));

    const others = over ? [] : (desk.view().people ?? []).filter((person) => person.seat !== desk.view().you.seat && (person.present || here.some((one) => one.seat === person.seat))).map((person) => person.seat);
    /** @param {string} seat */
    const row = (seat) => {
      const had = rows.get(seat) ?? createPerson(seat);
      rows.set(seat, had);
      return had;
    };
    for (const seat of others) row(seat).update(here.filter((one) => one.seat === seat).sort((a, b) => freshness(a) - freshness(b))[0], due);
    each(people, others, (seat) => seat, (seat) => row(seat).node);
    each(small, others.filter((seat) => here.some((one) => one.seat === seat)), (seat) => seat, (seat) => row(seat).line);
  }

  return { element, button, tick };
}

/** @param {Seen} one */
const freshness = (one) => (one.frame_age < 0 ? Infinity : one.frame_age);
