// A session in a list: who, when, where it stands.

import { alarms, phases, words } from "./console-words.js";
import { day, ms, timeOfDay } from "./clock.js";
import { el } from "./element.js";

/**
 * @typedef {{seat: string, name: string, pronouns?: string, phase: string, open_gates?: string[], t0?: string, number?: number, of?: number}} SummaryClient
 * @typedef {{id: string, owner: string, practice: boolean, starts_at: string, clients: SummaryClient[] | null, arrived: string[] | null,
 *   alarm?: string, signed: boolean}} Summary
 */

const ends = ["closed", "signed", "cancelled", "ended_early", "transferred"];
const dosed = ["absorbing", "active", "integrating", "release_check"];

/** @param {Summary} session */
export const names = (session) => (session.clients ?? []).map((client) => client.name).join(" and ") || "?";

/** @param {Summary} session */
export const ended = (session) => session.signed || (session.clients ?? []).length > 0 && (session.clients ?? []).every((client) => ends.includes(client.phase));

/** @param {Summary} session a client is under the medicine */
export const underWay = (session) => (session.clients ?? []).some((client) => dosed.includes(client.phase));

/**
 * past: over, or planned for a day that has gone by with nobody there.
 *
 * @param {Summary} session
 * @param {number} now
 */
export const past = (session, now) => ended(session) || !underWay(session) && !(session.arrived ?? []).length && now - ms(session.starts_at) > 18 * 3600_000;

/**
 * when: "today, 14:00".
 *
 * @param {string} time
 * @param {number} now
 */
export function when(time, now) {
  const then = ms(time);
  const date = new Date(then).toDateString();
  if (date === new Date(now).toDateString()) return `today, ${timeOfDay(then)}`;
  if (date === new Date(now + 24 * 3600_000).toDateString()) return `tomorrow, ${timeOfDay(then)}`;
  const year = new Date(then).getFullYear();
  return `${day(then)}${year === new Date(now).getFullYear() ? "" : ` ${year}`}, ${timeOfDay(then)}`;
}

/** @param {Summary} session */
function arrived(session) {
  const w = words.sessions;
  const all = (session.arrived ?? []).map((seat) => {
    const client = (session.clients ?? []).find((one) => one.seat === seat);
    if (client) return client.name;
    return seat === "therapist-1" ? w.you : seat.startsWith("chaperone") ? w.chaperone : seat;
  });
  return all.length ? `${w.here}: ${all.join(", ")}` : w.nobody;
}

/**
 * createCard draws one session. It is drawn anew when something changed.
 *
 * @param {Summary} session
 * @param {number} now
 * @param {Node[]} buttons
 */
export function createCard(session, now, buttons) {
  const w = words.sessions;
  return el("article", { class: session.alarm ? `card alarm-${session.alarm}` : "card", "data-testid": "session", "data-session": session.id },
    el("div", { class: "card-head" },
      el("h2", null, names(session)),
      session.practice ? el("span", { class: "mark" }, w.practiceMark) : null,
      session.alarm ? el("strong", { class: `alarm ${session.alarm}` }, alarms[session.alarm] ?? session.alarm) : null),
    el("p", { class: "when" }, when(session.starts_at, now), " · ", arrived(session)),
    el("ul", { class: "facts" }, ...(session.clients ?? []).map((client) => {
      const gates = client.open_gates ?? [];
      const facts = [client.pronouns, client.number ? w.dosing(client.number, client.of ?? 0) : "", phases[client.phase] ?? client.phase].filter(Boolean);
      return el("li", null,
        (session.clients ?? []).length > 1 ? el("b", null, `${client.name}: `) : null, facts.join(" · "),
        gates.length ? el("details", null, el("summary", null, w.gates(gates.length)), el("ul", null, ...gates.map((gate) => el("li", null, gate)))) : null);
    })),
    el("div", { class: "buttons" }, ...buttons));
}
