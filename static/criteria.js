// The release criteria, in the place where the checks stood before.

import { momentAnswer, momentValue } from "./times.js";
import { createActButton } from "./act-button.js";
import { day, timeOfDay } from "./clock.js";
import { calm, each, el, set, show, text } from "./element.js";
import { words } from "./therapist-words.js";

/**
 * @typedef {import("./desk.js").Desk} Desk
 * @typedef {import("./types.d.ts").Criterion} Criterion
 */

const hour = 3_600_000;

/**
 * @param {Desk} desk
 * @param {string} seat of the client
 * @param {() => void} enterVitals opens the form for a reading
 */
export function createCriteria(desk, seat, enterVitals) {
  const list = el("ul", { class: "gates", "data-testid": "criteria" });
  const element = el("section", { class: "gates-part", "aria-label": words.criteria.title }, list);
  /** @type {Map<string, ReturnType<typeof createRow>>} */
  const rows = new Map();
  /** @param {string} id */
  const criterion = (id) => desk.client(seat)?.criteria?.find((one) => one.id === id);

  /** @param {string} id */
  function createRow(id) {
    const state = el("span", { class: "gate-state", role: "img" });
    const title = el("h3");
    const facts = el("p", { class: "gate-facts" });
    const single = () => {
      const fields = criterion(id)?.fields ?? [];
      return fields.length === 1 && fields[0]?.kind === "check" ? fields[0] : undefined;
    };
    const settle = createActButton(desk, {
      act: "SettleCriterion", client: seat, closed: () => update(), title: criterion(id)?.title ?? "",
      words: () => (single() ? words.criteria.confirm : words.criteria.settle),
      ask: () => (single() ? null : {
        questions: (criterion(id)?.fields ?? []).map((field) => ({ ...field, value: field.kind === "time" ? momentValue(Math.ceil((desk.now() + 24 * hour) / hour) * hour + hour) : "" })),
        submit: words.criteria.confirm,
      }),
      body: (values) => {
        const field = single();
        const fields = criterion(id)?.fields ?? [];
        const given = field ? { [field.name]: "yes" } : Object.fromEntries(fields.map((one) => [one.name, one.kind === "time" ? momentAnswer(values[one.name] ?? "") : values[one.name] ?? ""]));
        return { client: seat, criterion: id, values: given };
      },
    });
    const reopen = createActButton(desk, {
      act: "ReopenCriterion", client: seat, closed: () => update(), title: criterion(id)?.title ?? "",
      words: () => words.criteria.reopen,
      ask: () => ({ questions: [{ name: "reason", label: words.reason, kind: "text" }], submit: words.criteria.reopenIt }),
      body: ({ reason }) => ({ client: seat, criterion: id, reason }),
    });
    reopen.button.classList.add("quiet");
    const vitals = el("button", { type: "button", onclick: enterVitals }, words.gates.takeVitals);
    const node = el("li", { class: "gate", "data-criterion": id }, el("div", { class: "gate-text" }, el("div", { class: "gate-head" }, state, title), facts), el("div", { class: "gate-buttons" }, settle.element, vitals, reopen.element));

    function update() {
      const now = criterion(id);
      if (!now) return;
      set(node, "data-state", now.met ? "passed" : "open");
      text(state, now.met ? "✓" : "○");
      set(state, "aria-label", now.met ? words.criteria.met : words.criteria.open);
      text(title, now.title);
      const values = Object.values(now.values ?? {}).filter((value) => value && value !== "yes").map((value) => (/^\d{4}-\d\d-\d\dT/.test(value) ? `${day(value)}, ${timeOfDay(value)}` : value));
      const who = [now.at ? timeOfDay(now.at) : "", now.by ? desk.name(now.by) : ""].filter(Boolean).join(" ");
      text(facts, now.met ? [...values, who].filter(Boolean).join(" · ") : [now.why, single()?.label].filter(Boolean).join(" · "));
      show(facts, facts.textContent);
      settle.update();
      reopen.update();
      show(vitals, !now.met && id === "vitals");
      show(settle.element, !now.met && (now.fields ?? []).length > 0 && (desk.action("SettleCriterion", seat) || settle.open()));
      show(reopen.element, now.met && (now.fields ?? []).length > 0 && (desk.action("ReopenCriterion", seat)?.allowed || reopen.open()));
    }
    return { node, update };
  }

  let settled = 0;

  function update() {
    const now = desk.client(seat)?.criteria ?? [];
    const sorted = [...now.filter((one) => !one.met), ...now.filter((one) => one.met)];
    show(element, now.length > 0);
    const met = now.length - now.filter((one) => !one.met).length;
    if (met > settled) calm(list);
    settled = met;
    each(list, sorted, (one) => one.id, (one) => {
      const row = rows.get(one.id) ?? createRow(one.id);
      rows.set(one.id, row);
      return row.node;
    }, (_, one) => rows.get(one.id)?.update());
  }

  return { element, update };
}
