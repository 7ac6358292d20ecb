// The record of one session, in words, and its event log to keep.

import { call } from "./api.js";
import { day, ms, timeOfDay } from "./clock.js";
import { phases, words } from "./console-words.js";
import { createField } from "./fields.js";
import { el, show } from "./element.js";

/**
 * @typedef {import("./types.d.ts").View} View
 * @typedef {import("./types.d.ts").ClientView} ClientView
 */

const w = words.record;

/** @param {string} id */
export function createRecord(id) {
  const base = `/api/sessions/${encodeURIComponent(id)}`;
  const title = el("h1", null, w.title);
  const body = el("div", null, el("p", { role: "status" }, words.starting));
  const search = createField({ label: w.find, type: "search", name: "search" });
  search.element.classList.add("screen-only");
  const lines = el("ol", { class: "lines" });
  let drawn = -1;
  search.input.addEventListener("input", find);

  function find() {
    const looked = search.input.value.trim().toLowerCase();
    for (const line of lines.children) show(line, !looked || !line.classList.contains("day") && (line.textContent ?? "").toLowerCase().includes(looked));
  }

  async function refresh() {
    const view = /** @type {View} */ (await call("GET", `${base}/record`));
    if (view.seq === drawn) return;
    drawn = view.seq;
    title.textContent = `${w.title}: ${(view.clients ?? []).map((client) => client.name).join(", ")}`;
    const all = view.lines ?? [];
    lines.replaceChildren(...all.flatMap((line, n) => {
      const before = all[n - 1];
      const sameDay = before && new Date(before.at).toDateString() === new Date(line.at).toDateString();
      return [...(sameDay ? [] : [el("li", { class: "day" }, day(line.at))]),
        el("li", { class: `line-${line.kind}` }, el("time", { datetime: line.at }, timeOfDay(ms(line.at))), el("span", null, line.words))];
    }));
    body.replaceChildren(
      view.practice ? el("p", { class: "practice" }, words.sessions.practiceMark) : "",
      el("p", null, `${day(view.starts_at)} ${new Date(view.starts_at).getFullYear()}, ${timeOfDay(ms(view.starts_at))} · ${view.signed ? w.signedLine : w.unsigned}`),
      ...(view.clients ?? []).map(createClient), el("h2", null, w.lines), search.element, all.length ? lines : el("p", null, w.none));
    find();
  }

  return {
    element: el("div", { class: "wide record" },
      el("div", { class: "bar" }, title, el("span", { class: "buttons screen-only" },
        el("a", { class: "button", href: `${base}/log`, download: true, "data-testid": "log" }, w.log),
        el("button", { type: "button", onclick: () => window.print() }, w.print), el("a", { class: "button", href: "#past" }, w.back))), body),
    title: w.title, refresh,
  };
}

/** @param {ClientView} client */
function createClient(client) {
  /** @type {[string, string][]} */
  const facts = [
    [w.doses, (client.doses ?? []).map((dose) => `${dose.number}: ${dose.mg} mg, ${timeOfDay(ms(dose.at))}${dose.outcome ? `, ${dose.outcome}` : ""}`).join("; ")],
    [w.vitals, (client.vitals ?? []).map((one) => `${one.systolic}/${one.diastolic}${one.heart_rate ? `, ${one.heart_rate}/min` : ""} (${timeOfDay(ms(one.at))})`).join("; ")],
    [w.effects, (client.side_effects ?? []).map((one) => one.kind).join(", ")],
    [w.summary, client.summary ?? ""],
    [w.cpt, client.cpt ?? ""],
  ];
  return el("section", null,
    el("h2", null, client.name, el("span", { class: "role" }, [client.pronouns, phases[client.phase] ?? client.phase].filter(Boolean).join(" · "))),
    el("dl", { class: "pairs" }, ...facts.filter(([, value]) => value).flatMap(([name, value]) => [el("dt", null, name), el("dd", null, value)])));
}
