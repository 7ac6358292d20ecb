// Blood pressure and heart rate as two small curves with their limits, the last
// value and its age; side effects and ratings below.

import { createActButton } from "./act-button.js";
import { ago, ms, timeOfDay } from "./clock.js";
import { each, el, set, show, svg, text } from "./element.js";
import { words } from "./therapist-words.js";

/**
 * @typedef {import("./desk.js").Desk} Desk
 * @typedef {import("./desk.js").ClientView} ClientView
 * @typedef {import("./types.d.ts").Vitals} Vitals
 * @typedef {import("./types.d.ts").SideEffect} SideEffect
 *
 * @typedef {object} Curve
 * @property {{at: number, value: number}[]} points
 */

const wide = 240;
const high = 76;

/**
 * @param {Desk} desk
 * @param {string} seat of the client
 */
export function createVitals(desk, seat) {
  const pressure = createChart(words.vitals.pressure);
  const heart = createChart(words.vitals.heart);
  const due = el("p", { class: "vitals-due" }, words.vitals.due);
  const effects = el("ul", { class: "effects" });
  const ratings = el("p", { class: "ratings" });
  const element = el("section", { class: "vitals" }, due, el("div", { class: "charts" }, pressure.element, heart.element),
    el("div", { class: "vitals-more" }, effects, ratings));
  /** @type {Map<string, ReturnType<typeof createActButton>>} */
  const overs = new Map();

  function update() {
    const client = desk.client(seat);
    if (!client) return;
    const list = client.vitals ?? [];
    const limits = client.limits;
    const from = client.t0 ? ms(client.t0) : list[0] ? ms(list[0].at) : desk.now();
    pressure.draw([
      { points: list.map((one) => ({ at: ms(one.at), value: one.systolic })) },
      { points: list.map((one) => ({ at: ms(one.at), value: one.diastolic })) },
    ], { from: Math.min(from, list[0] ? ms(list[0].at) : from), to: desk.now(), low: 40, high: 200, above: limits ? [limits.block_systolic, limits.block_diastolic] : [], caution: limits?.caution_systolic }, list.map((one) => `${timeOfDay(one.at)} ${one.systolic}/${one.diastolic}`));
    const rates = list.filter((one) => one.heart_rate);
    heart.draw([{ points: rates.map((one) => ({ at: ms(one.at), value: one.heart_rate ?? 0 })) }],
      { from: Math.min(from, rates[0] ? ms(rates[0].at) : from), to: desk.now(), low: 40, high: 140, above: limits ? [limits.block_heart_rate] : [] }, rates.map((one) => `${timeOfDay(one.at)} ${one.heart_rate}`));
    show(due, client.vitals_ask);
    paintEffects(client);
    const rated = (client.ratings ?? []).slice(-3).map((one) => words.ratings.said(one.scale, one.value, timeOfDay(one.at)));
    text(ratings, rated.length ? `${words.ratings.title}: ${rated.join(" · ")}` : "");
    show(ratings, rated.length);
    tick();
  }

  /** @param {ClientView} client */
  function paintEffects(client) {
    each(effects, client.side_effects ?? [], (one) => one.id, (one) => {
      const over = createActButton(desk, {
        act: "ResolveSideEffect", client: seat, title: one.kind,
        words: () => words.effects.over,
        ask: () => ({ questions: [{ name: "action", label: words.effects.action, kind: "text", optional: true }], submit: words.effects.overIt }),
        body: ({ action }) => ({ client: seat, id: one.id, action: action ?? "" }),
      });
      overs.set(one.id, over);
      return el("li", null, el("span"), over.element);
    }, (/** @type {Element} */ node, one) => {
      const when = one.resolved ? words.effects.was(timeOfDay(one.onset), timeOfDay(one.resolved)) : words.effects.since(timeOfDay(one.onset));
      text(/** @type {Element} */ (node.firstElementChild), [`${one.kind} ${when}`, one.note, one.action].filter(Boolean).join(" · "));
      set(node, "data-over", one.resolved ? "yes" : null);
      const over = overs.get(one.id);
      over?.update();
      if (one.resolved && over) show(over.element, false);
    });
    show(effects, (client.side_effects ?? []).length);
  }

  function tick() {
    const list = desk.client(seat)?.vitals ?? [];
    const now = desk.now();
    const last = list.at(-1);
    const rate = list.filter((one) => one.heart_rate).at(-1);
    pressure.last(last ? `${last.systolic}/${last.diastolic}` : "", last ? ago(ms(last.at), now) : words.vitals.none, last?.level ?? "ok");
    heart.last(rate ? String(rate.heart_rate) : "", rate ? ago(ms(rate.at), now) : words.vitals.none, "ok", rate?.spo2 ? `SpO₂ ${rate.spo2} %` : "");
  }

  return { element, update, tick };
}

/** @param {string} what */
function createChart(what) {
  const value = el("strong", { class: "chart-value digits" });
  const level = el("span", { class: "chart-level" });
  const age = el("span", { class: "chart-age" });
  const drawing = svg("svg", { class: "chart-drawing", viewBox: `0 0 ${wide} ${high}`, role: "img", preserveAspectRatio: "none" });
  const element = el("figure", { class: "chart" }, el("figcaption", null, el("span", { class: "chart-what" }, what), el("span", { class: "chart-last" }, value, level, age)), drawing);
  let drawn = "";

  /**
   * @param {Curve[]} curves
   * @param {{from: number, to: number, low: number, high: number, above: number[], caution?: number | undefined}} frame
   * @param {string[]} said
   */
  function draw(curves, frame, said) {
    const until = Math.max(frame.to, frame.from + 30 * 60_000);
    const shape = JSON.stringify([curves, frame.above, Math.round(until / 60_000)]);
    if (shape === drawn) return;
    drawn = shape;
    const values = curves.flatMap((curve) => curve.points.map((point) => point.value));
    const low = Math.min(frame.low, ...values.map((v) => v - 10));
    const top = Math.max(frame.high, ...values.map((v) => v + 10));
    /** @param {number} at */
    const x = (at) => 4 + ((at - frame.from) / (until - frame.from)) * (wide - 8);
    /** @param {number} v */
    const y = (v) => high - 2 - ((v - low) / (top - low)) * (high - 4);
    const parts = [];
    // The limit of the upper curve is shaded, that of the lower one a line.
    const [first, second] = frame.above;
    if (first) parts.push(svg("rect", { class: "chart-limit", x: 0, y: 0, width: wide, height: Math.max(0, y(first)) }));
    if (second) parts.push(svg("line", { class: "chart-line", x1: 0, x2: wide, y1: y(second), y2: y(second) }));
    for (const [i, curve] of curves.entries()) {
      const line = curve.points.map((point) => `${x(point.at).toFixed(1)},${y(point.value).toFixed(1)}`);
      parts.push(svg("polyline", { class: i === 0 ? "chart-trace" : "chart-trace chart-trace-soft", points: line.join(" ") }));
      for (const point of curve.points) parts.push(svg("ellipse", { class: "chart-point", cx: x(point.at), cy: y(point.value), rx: 2.4, ry: 2.4 }));
    }
    drawing.replaceChildren(...parts);
    set(drawing, "aria-label", words.vitals.chart(what, said.join("; ") || words.vitals.none));
  }

  /** @param {string} now @param {string} when @param {string} how @param {string} [also] */
  function last(now, when, how, also = "") {
    text(value, now);
    show(value, now);
    text(level, how === "ok" ? "" : `${how === "caution" ? "◆" : "▲"} ${words.vitals.level[how] ?? how}`);
    set(level, "data-level", how);
    text(age, [also, when].filter(Boolean).join(" · "));
  }

  return { element, draw, last };
}
