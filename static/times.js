// Entering a time: on the 24-hour clock, like every time that is shown. A browser's
// own time field speaks the language of its system, and would say "02:03 PM" beside
// "14:03".

import { el } from "./element.js";

/**
 * readClock is a time of day as "14:03", or "" where it is none. Beside "14:03" it reads
 * "9:05", "1403" (a phone's keypad has no colon), "14.03" and "2:03 pm".
 *
 * @param {string} written
 */
export function readClock(written) {
  const [, hour = "", minute = "", half = ""] = /^(\d{1,2})[:.]?(\d\d) ?(?:([ap])\.?m\.?)?$/i.exec(written.trim()) ?? [];
  if (!hour) return "";
  let hours = Number(hour);
  if (half) {
    if (hours < 1 || hours > 12) return "";
    hours = (hours % 12) + (half.toLowerCase() === "p" ? 12 : 0);
  }
  return hours < 24 && Number(minute) < 60 ? `${String(hours).padStart(2, "0")}:${minute}` : "";
}

/**
 * createClock makes a field for a time of day. What was entered stands in it as "14:03"
 * once it is left.
 *
 * @param {import("./element.js").Attributes} attributes
 */
export function createClock(attributes) {
  const input = el("input", { ...attributes, type: "text", class: "clock digits", inputmode: "numeric", autocomplete: "off", placeholder: "hh:mm", maxlength: 10, onchange: () => {
    input.value = readClock(input.value) || input.value;
  } });
  return input;
}

/**
 * createMoment makes two fields, a day and a time of that day, for a moment in this
 * device's time zone.
 *
 * @param {object} options
 * @param {string} options.id of the first field, which the label is for
 * @param {string} options.name
 * @param {string} options.time what the second field is called
 * @param {string} [options.described] ids
 */
export function createMoment({ id, name, time, described }) {
  const date = el("input", { type: "date", id, name, "data-testid": name, "aria-describedby": described, max: "9999-12-31" });
  const clock = createClock({ name: `${name}-time`, "data-testid": `${name}-time`, "aria-label": time, "aria-describedby": described });
  return {
    element: el("span", { class: "moment" }, date, clock),
    /** The one to mend first. */
    wrong: () => (date.value ? clock : date),
    /** "2026-11-23T14:00"; "" where nothing was entered, undefined where it is no moment. */
    read() {
      const at = readClock(clock.value);
      if (date.value && at) return `${date.value}T${at}`;
      return date.value || clock.value.trim() || date.validity.badInput ? undefined : "";
    },
    /** @param {string} value "2026-11-23T14:00" or "" */
    write(value) {
      const [day = "", at = ""] = value.split("T");
      date.value = day;
      clock.value = at;
    },
  };
}

/**
 * The moment that a read one means, in this device's time zone, in RFC 3339.
 *
 * @param {string} value "2026-11-23T14:00"
 */
export function momentAnswer(value) {
  const at = new Date(value);
  return Number.isNaN(at.getTime()) ? value : at.toISOString();
}

/**
 * What the fields show for a time.
 *
 * @param {number} time ms
 */
export function momentValue(time) {
  const at = new Date(time);
  return new Date(time - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}
