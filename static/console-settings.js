// The practice's settings: states, consent, numbers with their sources, and the
// account's password.

import { call } from "./api.js";
import { limits, spans, words } from "./console-words.js";
import { createField, createForm } from "./fields.js";
import { el } from "./element.js";
import { states } from "./states.js";

/**
 * @typedef {{condition: string, words: string, ladder: {after_s: number, priority: string, do: string[] | null}[]}} Rule
 * @typedef {Record<string, any> & {version: number, licensed_states: string[] | null, consent_version: string, limits: Record<string, number>, alarms: Rule[]}} Settings
 */

const w = words.settings;
const size = { min: 60, h: 3600 };

export function createSettings() {
  const body = el("div", { class: "form" }, el("p", { role: "status" }, words.starting));
  let read = false;

  async function refresh() {
    if (read) return; // nothing that is being edited is overwritten
    draw(await call("GET", "/api/settings"));
    read = true;
  }

  /** @param {{settings: Settings, defaults: Settings}} answer @param {string} [said] */
  function draw({ settings, defaults }, said = "") {
    const boxes = states.map(([code, name]) => ({ code, name, box: el("input", { type: "checkbox", value: code, checked: (settings.licensed_states ?? []).includes(code) }) }));
    const consent = createField({ label: w.consentVersion, value: settings.consent_version, maxlength: 60, hint: w.consentHint, name: "consent" });
    const times = spans.map(([key, label, unit, source]) => ({ key, factor: size[unit],
      field: row(label, settings[key] / size[unit], defaults[key] / size[unit], w[unit === "h" ? "hours" : "min"], source, key) }));
    const bounds = limits.map(([key, label, unit, source]) => ({ key, field: row(label, settings.limits[key] ?? 0, defaults.limits[key] ?? 0, unit, source, key) }));
    const status = el("p", { role: "status", class: "said" }, said);
    const form = createForm({
      children: [
        el("fieldset", { class: "group" }, el("legend", null, w.states), el("div", { class: "states" }, ...boxes.map(({ name, box }) => el("label", { class: "choice" }, box, name)))),
        el("fieldset", { class: "group" }, el("legend", null, w.consent), consent.element),
        el("fieldset", { class: "group" }, el("legend", null, w.times), el("div", { class: "numbers" }, ...times.map(({ field }) => field.element))),
        el("fieldset", { class: "group" }, el("legend", null, w.limits), el("div", { class: "numbers" }, ...bounds.map(({ field }) => field.element))),
      ],
      submit: w.save, sending: w.sending, testid: "save", beside: [status],
      send: async () => {
        /** @type {Settings} */
        const next = { ...settings, consent_version: consent.input.value, licensed_states: boxes.filter(({ box }) => box.checked).map(({ code }) => code),
          limits: { ...settings.limits } };
        for (const { key, factor, field } of times) next[key] = Math.round(Number(field.input.value) * factor);
        for (const { key, field } of bounds) next.limits[key] = Math.round(Number(field.input.value));
        status.textContent = "";
        draw(await call("PUT", "/api/settings", next), w.saved);
      },
    });
    form.addEventListener("input", () => { status.textContent = ""; });
    body.replaceChildren(el("p", null, w.version(settings.version)), form, createAlarms(settings.alarms), createPassword());
    if (said) body.querySelector(".said")?.scrollIntoView({ block: "center" });
  }

  return { element: el("div", { class: "wide" }, el("h1", null, w.title), body), title: words.nav.settings, refresh };
}

/**
 * @param {string} label
 * @param {number} value
 * @param {number} usual
 * @param {string} unit
 * @param {string} source
 * @param {string} name
 */
function row(label, value, usual, unit, source, name) {
  return createField({ label: `${label} (${unit})`, value, type: "number", min: 0, step: "any", hint: `${w.usual}: ${usual} · ${source}`, name, short: true });
}

/** @param {Rule[]} rules */
function createAlarms(rules) {
  /** @param {number} seconds */
  const after = (seconds) => (seconds === 0 ? w.at : seconds % 60 ? `${seconds} s` : `${seconds / 60} min`);
  return el("details", { class: "group" }, el("summary", null, w.alarms), el("p", { class: "hint" }, w.alarmsHint),
    el("table", null, el("thead", null, el("tr", null, el("th", { scope: "col" }, w.condition), el("th", { scope: "col" }, w.ladder))),
      el("tbody", null, ...rules.map((rule) => el("tr", null, el("td", null, rule.words.replace(/[{}]/g, "")),
        el("td", null, rule.ladder.map((rung) => `${after(rung.after_s)}: ${rung.priority}`).join(" → ")))))));
}

function createPassword() {
  const old = createField({ label: w.old, type: "password", autocomplete: "current-password", name: "old" });
  const fresh = createField({ label: w.fresh, type: "password", autocomplete: "new-password", name: "new" });
  const status = el("p", { role: "status" });
  return el("details", { class: "group" }, el("summary", null, w.password), createForm({
    children: [old.element, fresh.element], submit: w.change, sending: w.sending, beside: [status],
    send: async () => {
      status.textContent = "";
      await call("POST", "/api/password", { old: old.input.value, new: fresh.input.value });
      old.input.value = fresh.input.value = "";
      status.textContent = w.changed;
    },
  }));
}
