// After the visit: summary, code, signature, addenda.

import { createActButton } from "./act-button.js";
import { refusedWords } from "./act-form.js";
import { each, el, enable, set, show, text, usable } from "./element.js";
import { tab } from "./kept.js";
import { words } from "./therapist-words.js";

/** @typedef {import("./desk.js").Desk} Desk */

/** @param {Desk} desk */
export function createAfter(desk) {
  const w = words.after;
  const signed = el("p", { class: "after-signed" }, w.signed);
  const clients = el("div", { class: "after-clients" });
  const sign = createActButton(desk, { act: "Sign", words: () => w.sign, ask: () => ({ consequence: () => w.signing, submit: w.sign }), body: () => ({}) });
  const addendum = createActButton(desk, {
    act: "AddAddendum", words: () => w.addendum,
    ask: () => ({ questions: [{ name: "text", label: w.addendumText, kind: "long" }], submit: w.addIt }),
    body: ({ text: written }) => ({ text: written }),
  });
  const element = el("section", { class: "after", "aria-label": w.title, "data-testid": "after" }, signed, clients, sign.element, addendum.element, el("p", null, el("a", { href: "/" }, w.back)));
  /** @type {Map<string, ReturnType<typeof createOne>>} */
  const rows = new Map();

  /** @param {string} seat */
  function createOne(seat) {
    const key = `belay-summary ${desk.view().session} ${seat}`;
    const id = `summary-${seat}`;
    const name = el("h3");
    const area = el("textarea", { id, rows: 6, oninput: () => tab.write(key, area.value) });
    const status = el("span", { role: "status", class: "hint" });
    const problem = el("p", { class: "problem", role: "alert", hidden: true });
    const save = el("button", { type: "button", "data-act": "WriteSummary", onclick: write }, w.saveSummary);
    const code = createActButton(desk, {
      act: "EnterCode", client: seat,
      words: () => [w.code, desk.client(seat)?.cpt].filter(Boolean).join(": "),
      ask: () => ({
        questions: [{ name: "cpt", label: w.code, kind: "choice", choices: w.codes, optional: true, value: desk.client(seat)?.cpt ?? "" }, { name: "other", label: w.otherCode, kind: "text", optional: true }],
        submit: w.saveCode,
      }),
      body: (values) => ({ client: seat, cpt: values["other"] || values["cpt"] }),
    });
    const node = el("div", { class: "after-one", "data-client": seat }, name, el("label", { for: id }, w.summary), area, problem, el("div", { class: "act-buttons" }, save, status), code.element);
    area.value = tab.read(key) ?? desk.client(seat)?.summary ?? "";

    async function write() {
      if (!usable(save) || !area.value.trim()) return;
      const sent = area.value;
      enable(save, false);
      const answer = await desk.command("WriteSummary", { client: seat, text: sent });
      enable(save, true);
      show(problem, !answer.ok);
      text(problem, answer.ok ? "" : refusedWords(answer));
      if (!answer.ok) return;
      if (area.value === sent) tab.drop(key);
      text(status, w.saved);
    }

    function update() {
      const client = desk.client(seat);
      if (!client) return;
      text(name, w.of(client.name));
      show(name, (desk.view().clients ?? []).length > 1);
      const may = desk.action("WriteSummary", seat);
      show(save, may);
      enable(save, Boolean(may?.allowed));
      set(area, "readonly", !may?.allowed);
      set(save, "title", may?.allowed ? null : may?.reason);
      code.update();
    }
    return { node, update };
  }

  function update() {
    show(signed, desk.view().signed);
    each(clients, desk.view().clients ?? [], (client) => client.seat, (client) => {
      const row = rows.get(client.seat) ?? createOne(client.seat);
      rows.set(client.seat, row);
      return row.node;
    }, (_, client) => rows.get(client.seat)?.update());
    sign.update();
    addendum.update();
  }

  return { element, update };
}
