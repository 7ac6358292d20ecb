// A session in a list: who, when, where it stands.

import { alarms, phases, words } from "./console-words.js";
import { day, ms, timeOfDay } from "./clock.js";
import { el } from "./element.js";

/**
 * @typedef {{seat: string, name: string, pronouns?: string, phase: string, open_gates?: string[], t0?: string, number?: number, of?: number}} SummaryClient
 * @typedef {{id: string, owner: string, practice: boolean, starts_at: string, clients: SummaryClient[] | null, arrived: string[] | null,
 *   alarm?: string, signed: boolean}} Summary
 */

export const ends = ["closed", "signed", "cancelled", "ended_early", "transferred"];
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

/** Alarms of a session, the most urgent highest. @param {Summary} session */
const urgency = (session) => ["low", "medium", "high"].indexOf(session.alarm ?? "") + 1;

/** @typedef {"now" | "today" | "sign" | "later" | "practice"} Group */

/**
 * groupOf is where a session stands in the list; null: among the past ones alone.
 *
 * @param {Summary} session
 * @param {number} now
 * @returns {Group | null}
 */
export function groupOf(session, now) {
  const clients = session.clients ?? [];
  if (ended(session)) return session.signed || session.practice || clients.every((client) => client.phase === "cancelled") ? null : "sign";
  if (past(session, now)) return null;
  if (underWay(session) || urgency(session) > 1 || (session.arrived ?? []).length || !session.practice && clients.some((client) => ["check_in", "ready"].includes(client.phase))) return "now";
  if (session.practice) return "practice";
  return ms(session.starts_at) < now || new Date(ms(session.starts_at)).toDateString() === new Date(now).toDateString() ? "today" : "later";
}

/**
 * Alarms first, then who is under the medicine, then the earliest start.
 *
 * @param {Summary} a
 * @param {Summary} b
 */
export const byUrgency = (a, b) => urgency(b) - urgency(a) || Number(underWay(b)) - Number(underWay(a)) || ms(a.starts_at) - ms(b.starts_at);

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
  if (all.length) return `${w.here}: ${all.join(", ")}`;
  return underWay(session) ? w.nobodyNow : w.nobody;
}

/**
 * The phase, and how long the medicine has been taken; a practice session's clock may
 * run faster than that of this list.
 *
 * @param {Summary} session
 * @param {SummaryClient} client
 * @param {number} now
 */
export function phaseOf(session, client, now) {
  const phase = phases[client.phase] ?? client.phase;
  return client.t0 && dosed.includes(client.phase) && !session.practice ? `${phase} · ${words.sessions.since(Math.max(0, Math.floor((now - ms(client.t0)) / 60_000)))}` : phase;
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
  const clients = session.clients ?? [];
  return el("article", { class: session.alarm ? `card alarm-${session.alarm}` : "card", "data-testid": "session", "data-session": session.id },
    el("div", { class: "card-head" },
      el("h3", null, names(session)),
      session.practice ? el("span", { class: "mark" }, w.practiceMark) : null,
      session.alarm ? el("strong", { class: `alarm ${session.alarm}` }, alarms[session.alarm] ?? session.alarm) : null),
    el("p", { class: "when" }, when(session.starts_at, now), " · ", arrived(session)),
    el("ul", { class: "facts" }, ...clients.map((client) => {
      const gates = client.open_gates ?? [];
      return el("li", null,
        el("strong", null, clients.length > 1 ? `${client.name}: ` : "", phaseOf(session, client, now)),
        el("p", { class: "hint" }, [client.pronouns, client.number ? w.dosing(client.number, client.of ?? 0) : ""].filter(Boolean).join(" · ")),
        gates.length && client.phase !== "scheduled" ? el("details", null, el("summary", null, w.gates(gates.length)), el("ul", null, ...gates.map((gate) => el("li", null, gate)))) : null);
    })),
    el("div", { class: "buttons" }, ...buttons));
}
