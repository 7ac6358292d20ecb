// Past sessions, with a search.

import { call } from "./api.js";
import { phases, words } from "./console-words.js";
import { createField } from "./fields.js";
import { el, show, text } from "./element.js";
import { groupOf, names, past, when } from "./summary.js";

/** @typedef {import("./summary.js").Summary} Summary */

export function createPast() {
  const w = words.past;
  const search = createField({ label: w.search, type: "search", name: "search" });
  const body = el("tbody");
  const table = el("table", null, el("thead", null, el("tr", null, el("th", { scope: "col" }, words.record.client), el("th", { scope: "col" }, words.form.when), el("th", { scope: "col" }, w.record))), body);
  const none = el("p", { role: "status", hidden: true });
  /** @type {Summary[]} */
  let sessions = [];
  let now = Date.now();
  let drawn = "";
  search.input.addEventListener("input", paint);

  function paint() {
    const looked = search.input.value.trim().toLowerCase();
    const found = sessions.filter((session) => !looked || `${names(session)} ${when(session.starts_at, now)} ${session.starts_at.slice(0, 10)}`.toLowerCase().includes(looked));
    text(none, sessions.length === 0 ? w.none : w.noneFound);
    show(none, found.length === 0);
    show(table, found.length > 0);
    const next = JSON.stringify(found);
    if (next === drawn) return;
    drawn = next;
    body.replaceChildren(...found.map((session) => el("tr", { "data-session": session.id },
      el("td", null, names(session), session.practice ? el("span", { class: "mark" }, words.sessions.practiceMark) : null),
      el("td", null, when(session.starts_at, now)),
      el("td", null, el("a", { href: `#record/${session.id}` }, `${w.record}: ${(session.clients ?? []).map((client) => phases[client.phase] ?? client.phase).join(", ")}`, el("span", { class: "spoken" }, `, ${names(session)}, ${when(session.starts_at, now)}`)),
        groupOf(session, now) === "sign" ? ` · ${w.unsigned}` : ""))));
  }

  async function refresh() {
    const answer = await call("GET", "/api/sessions");
    now = Date.parse(answer.now);
    sessions = answer.sessions.filter((/** @type {Summary} */ session) => past(session, now));
    paint();
  }

  return { element: el("div", { class: "wide" }, el("h1", null, w.title), search.element, none, table), title: w.title, refresh };
}
