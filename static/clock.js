// Times as they are spoken, and the server's clock as this page knows it.

import { attempt } from "./fault.js";

const slowAnswer = 1000; // ms there and back: nobody knows any more which way took how long

/**
 * @typedef {{
 *   now: () => number,
 *   correct: (session: string, rate?: number, roundTrip?: number) => void,
 *   rate: () => number,
 *   known: () => boolean,
 * }} ServerClock
 */

/**
 * serverClock follows the session's time. Now is in milliseconds since 1970,
 * like Date.now(), but by the server's clock and at the session's rate; until
 * the first correction it is this device's own time.
 *
 * A small difference is taken up gently, so that a clock on the screen neither
 * stops nor jumps; a large one at once.
 *
 * @param {() => number} [steady] a clock in ms that is never set
 * @returns {ServerClock}
 */
export function serverClock(steady = () => performance.now()) {
  let base = Date.now(); // session time ...
  let at = steady(); // ... at this steady time
  let rate = 1;
  let known = false;
  const now = () => base + (steady() - at) * rate;
  return {
    now,
    rate: () => rate,
    known: () => known,
    correct(session, newRate = rate, roundTrip = 0) {
      const told = Date.parse(session) + (roundTrip / 2) * newRate;
      if (Number.isNaN(told)) return;
      const shown = now();
      const off = told - shown;
      if (known && newRate === rate && roundTrip > slowAnswer && Math.abs(off) <= (roundTrip / 2) * rate) return;
      const gentle = known && newRate === rate && Math.abs(off) < 400 * rate;
      base = gentle ? shown + off / 8 : told;
      at = steady();
      rate = newRate;
      known = true;
    },
  };
}

/** @param {string | null | undefined} time a time of the view; NaN if absent */
export function ms(time) {
  return time ? Date.parse(time) : Number.NaN;
}

/**
 * tPlus is the time since the first dose: "T+37:12", in minutes and seconds,
 * since every window is spoken of in minutes. Before it: "T−0:30".
 *
 * @param {number} milliseconds
 */
export function tPlus(milliseconds) {
  const seconds = Math.floor(Math.abs(milliseconds) / 1000);
  const sign = milliseconds < 0 && seconds > 0 ? "−" : "+";
  return `T${sign}${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}

/**
 * span is a length of time in words that does not change every second: "40 s",
 * "3 min", "1 h 5 min".
 *
 * @param {number} milliseconds
 */
export function span(milliseconds) {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  if (minutes < 24 * 60) {
    const rest = minutes % 60;
    return rest ? `${Math.floor(minutes / 60)} h ${rest} min` : `${minutes / 60} h`;
  }
  const days = Math.floor(minutes / (24 * 60));
  return days === 1 ? "1 day" : `${days} days`;
}

/**
 * ago: "just now", "3 min ago".
 *
 * @param {number} then ms
 * @param {number} now ms
 */
export function ago(then, now) {
  return now - then < 60_000 ? "just now" : `${span(now - then)} ago`;
}

/**
 * due: "due in 8 min", "due now", "2 min overdue".
 *
 * @param {number} when ms
 * @param {number} now ms
 */
export function due(when, now) {
  const left = when - now;
  if (left >= 60_000) return `due in ${span(left)}`;
  if (left > -60_000) return "due now";
  return `${span(-left)} overdue`;
}

/**
 * timeOfDay is the wall time at this device: "14:03".
 *
 * @param {number | string} time ms, or a time of the view
 */
export function timeOfDay(time) {
  return new Date(time).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
}

/**
 * day is the date at this device: "Sunday, November 22".
 *
 * @param {number | string} time ms, or a time of the view
 */
export function day(time) {
  return new Date(time).toLocaleDateString("en-US", { weekday: "long", month: "long", day: "numeric" });
}

/**
 * date is the day with its year, for paper: "Sunday, November 22, 2026".
 *
 * @param {number | string} time ms, or a time of the view
 */
export function date(time) {
  return `${day(time)}, ${new Date(time).getFullYear()}`;
}

/**
 * zone names the time zone in which this device shows a time, for paper:
 * "Pacific Standard Time (GMT-8)".
 *
 * @param {number | string} time ms, or a time of the view
 */
export function zone(time) {
  /** @param {"long" | "shortOffset"} style */
  const named = (style) => new Intl.DateTimeFormat("en-US", { timeZoneName: style }).formatToParts(new Date(time)).find((part) => part.type === "timeZoneName")?.value ?? "";
  return `${named("long")} (${named("shortOffset")})`;
}

/**
 * everySecond calls f at once and then about once a second, on the second of
 * the given clock where it runs at rate 1, whether f fails or not. It returns a
 * function that stops it.
 *
 * @param {() => void} f
 * @param {() => number} now
 */
export function everySecond(f, now) {
  /** @type {ReturnType<typeof setTimeout>} */
  let timer;
  const tick = () => {
    timer = setTimeout(tick, 1000 - (now() % 1000) + 5);
    attempt(f);
  };
  tick();
  return () => clearTimeout(timer);
}
