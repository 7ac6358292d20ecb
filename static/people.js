// Who takes part, whether they are here, and their links.

import { createActButton } from "./act-button.js";
import { createActForm } from "./act-form.js";
import { ago, ms } from "./clock.js";
import { each, el, enable, show, text, usable, whole } from "./element.js";
import { words } from "./therapist-words.js";

/**
 * @typedef {import("./desk.js").Desk} Desk
 * @typedef {import("./desk.js").Person} Person
 */

/** @param {Desk} desk */
export function createPeople(desk) {
  const w = words.people;
  const title = el("h2", { id: "people-title", tabindex: "-1" }, w.title);
  const list = el("ul", { class: "people-list" });
  const add = createActButton(desk, {
    act: "AddSeat",
    words: () => w.add,
    ask: () => ({
      questions: [
        { name: "role", label: w.role, kind: "choice", choices: w.roles, value: "chaperone" },
        { name: "name", label: w.name, kind: "text" },
        { name: "phone", label: w.phone, kind: "tel", optional: true },
      ],
      submit: w.addIt,
    }),
    body: (values) => ({ seat: { id: freeSeat(values["role"] ?? "chaperone"), role: values["role"], name: values["name"], phone: values["phone"] } }),
  });
  const element = el("section", { class: "sheet people-sheet", "aria-labelledby": "people-title", hidden: true, onkeydown: (/** @type {KeyboardEvent} */ event) => event.key === "Escape" && close() },
    el("div", { class: "card-head" }, title, el("button", { type: "button", onclick: close }, w.close)), list, add.element);
  /** @type {Map<string, ReturnType<typeof createPerson>>} */
  const rows = new Map();
  /** @type {Element | null} */
  let before = null;

  /** @param {string} role */
  function freeSeat(role) {
    const stem = role === "co_therapist" ? "co-therapist" : role;
    let n = 1;
    while ((desk.view().people ?? []).some((person) => person.seat === `${stem}-${n}`)) n++;
    return `${stem}-${n}`;
  }

  /** @param {string} seat */
  function createPerson(seat) {
    const person = () => (desk.view().people ?? []).find((one) => one.seat === seat);
    const name = el("h3");
    const facts = el("span");
    const phone = whole("");
    const shown = el("div", { class: "people-link" });
    const problem = el("p", { class: "problem", role: "alert", hidden: true });
    const fresh = el("button", { type: "button", "data-open": "link", onclick: askFresh }, w.fresh);
    const revoke = el("button", { type: "button", class: "quiet", onclick: askRevoke }, w.revoke);
    const place = el("div");
    const edit = createActButton(desk, {
      act: "UpdateSeat", title: person()?.name ?? "",
      words: () => w.edit,
      ask: () => ({
        questions: [
          { name: "name", label: w.name, kind: "text", value: person()?.name ?? "" },
          { name: "pronouns", label: w.pronouns, kind: "text", optional: true, value: person()?.pronouns ?? "" },
          { name: "phone", label: w.phone, kind: "tel", optional: true, value: person()?.phone ?? "" },
        ],
        submit: w.save,
      }),
      body: (values) => ({ seat, name: values["name"], pronouns: values["pronouns"], phone: values["phone"] }),
    });
    edit.button.classList.add("quiet");
    const node = el("li", { class: "people-person", "data-seat": seat }, name, el("p", { class: "gate-facts" }, facts, " ", phone), el("div", { class: "act-buttons" }, fresh, revoke, edit.element), problem, place, shown);

    const path = () => `/api/sessions/${encodeURIComponent(desk.view().session)}/links`;

    /** A link that is in use is not replaced by a slip. */
    function askFresh() {
      const link = person()?.link;
      if (link !== "valid" && link !== "used") {
        void make();
        return;
      }
      ask({ consequence: () => w.replacing(desk.name(seat)), submit: w.freshIt, act: "IssueInvitation", send: async () => {
        await make();
        return { ok: true };
      } });
    }

    /** @param {{consequence: () => string, submit: string, act: string, send: () => Promise<import("./act-form.js").Answer>}} asking */
    function ask(asking) {
      const form = createActForm({ ...asking, questions: [], words: words.form, close: () => place.replaceChildren() });
      place.replaceChildren(form.element);
      form.focus();
    }

    async function make() {
      if (!usable(fresh)) return;
      enable(fresh, false);
      show(problem, false);
      try {
        const answer = await fetch(path(), { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ seat }) });
        const got = await answer.json();
        if (!answer.ok) throw new Error(got.words || w.failed);
        paintLink(String(got.url), String(got.qr));
      } catch (error) {
        text(problem, error instanceof Error && error.message ? error.message : w.failed);
        show(problem, true);
      } finally {
        enable(fresh, true);
      }
    }

    /** @param {string} url @param {string} qr */
    function paintLink(url, qr) {
      const copied = el("span", { role: "status", class: "hint" });
      const field = el("input", { type: "text", readonly: true, value: url, "aria-label": w.copy, "data-testid": "link", onfocus: (/** @type {FocusEvent} */ event) => /** @type {HTMLInputElement} */ (event.target).select() });
      shown.replaceChildren(
        el("p", { class: "hint" }, w.only(desk.name(seat))), field,
        el("div", { class: "act-buttons" }, el("button", { type: "button", onclick: async () => {
          try {
            await navigator.clipboard.writeText(url);
            text(copied, w.copied);
          } catch {
            field.select();
          }
        } }, w.copy), copied),
        qr.startsWith("data:image/") ? el("img", { src: qr, alt: w.qr, width: 200, height: 200 }) : "");
    }

    function askRevoke() {
      ask({
        consequence: () => w.revoking(desk.name(seat)), submit: w.revokeIt, act: "RevokeInvitation",
        send: async () => {
          try {
            const answer = await fetch(`${path()}/${encodeURIComponent(seat)}`, { method: "DELETE" });
            if (answer.ok) {
              shown.replaceChildren();
              return { ok: true };
            }
            const got = await answer.json();
            return { ok: false, refused: { code: "refused", words: got.words || w.failed } };
          } catch {
            return { ok: false, refused: { code: "unreachable", words: w.failed } };
          }
        },
      });
    }

    function update() {
      const now = person();
      if (!now) return;
      const at = desk.now();
      text(name, `${now.name}${now.pronouns ? ` · ${now.pronouns}` : ""} · ${w.role_[now.role] ?? now.role}`);
      const here = now.present ? w.here : now.since ? `${w.away}, ${ago(ms(now.since), at)}` : w.never;
      const clients = desk.view().clients ?? [];
      text(phone, now.phone && `· ${now.phone}`);
      text(facts, [here, now.device ? w.found(now.device) : "", now.link && now.role !== "therapist" ? w.link[now.link] : "",
        now.role === "chaperone" && clients.some((client) => client.chaperone_sees) ? w.sees : ""].filter(Boolean).join(" · "));
      const invited = now.role === "client" || now.role === "chaperone" || now.role === "co_therapist";
      show(fresh, invited);
      show(revoke, invited && (now.link === "valid" || now.link === "used"));
      edit.update();
    }
    return { node, update };
  }

  function open() {
    if (element.hidden) before = document.activeElement;
    show(element, true);
    element.dispatchEvent(new Event("sheet", { bubbles: true }));
    update();
    title.focus({ preventScroll: true });
  }

  function close() {
    show(element, false);
    if (before instanceof HTMLElement && before.isConnected) before.focus();
  }

  function update() {
    if (element.hidden) return;
    each(list, desk.view().people ?? [], (person) => person.seat, (person) => {
      const row = rows.get(person.seat) ?? createPerson(person.seat);
      rows.set(person.seat, row);
      return row.node;
    }, (_, person) => rows.get(person.seat)?.update());
    add.update();
  }

  return { element, update, open, close };
}
