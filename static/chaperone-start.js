// The questions of the beginning, one a page. A reload goes on where one was.

import { createAlarms } from "./chaperone-alarms.js";
import { createWays } from "./chaperone-ways.js";
import { words } from "./chaperone-words.js";
import { each, el, set, show, text } from "./element.js";
import { refusedWords } from "./act-form.js";

/** @typedef {import("./desk.js").Desk} Desk */

/** @param {Desk} desk */
export function createStartPages(desk) {
  const who = () => words.and((desk.view().clients ?? []).map((client) => client.name));
  const therapist = () => (desk.view().people ?? []).find((person) => person.role === "therapist")?.name ?? "";
  const every = () => Math.round((desk.view().clients?.[0]?.look?.every_s ?? 900) / 60);

  /** @param {string} act @param {() => object} body @param {string} label */
  function button(act, body, label) {
    const problem = el("p", { class: "problem", role: "alert", hidden: true });
    const node = el("button", { type: "button", class: "primary thumb", "data-act": act, onclick: async () => {
      if (node.getAttribute("aria-busy")) return;
      set(node, "aria-busy", "true");
      const answer = await desk.command(act, body());
      set(node, "aria-busy", null);
      text(problem, answer.ok ? "" : refusedWords(answer) || words.refused);
      show(problem, !answer.ok);
    } }, label);
    return /** @type {const} */ ([problem, node]);
  }

  const list = el("ol", { class: "duties" });
  const dutiesTitle = el("h1", { tabindex: "-1" });
  /** @param {string} part */
  const confirm = (part) => ({ chaperone: desk.view().you.seat, part });
  const duties = el("section", { class: "page", "data-page": "duties" }, dutiesTitle, list, el("div", { class: "page-foot" }, ...button("ConfirmChaperone", () => confirm("duties_read"), words.duties.button)));

  /** @type {Map<string, {node: HTMLElement, title: HTMLElement, why: HTMLElement}>} */
  const questions = new Map();
  for (const part of ["adult", "on_site", "another_room"]) {
    const asked = words.parts[part];
    if (!asked) continue;
    const title = el("h1", { tabindex: "-1" });
    const why = el("p", { class: "lead" });
    const otherwise = el("p", { class: "problem", role: "status", hidden: true }, asked.no);
    const node = el("section", { class: "page", "data-page": part }, title, why, otherwise,
      el("div", { class: "page-foot" }, ...button("ConfirmChaperone", () => confirm(part), asked.yes), el("button", { type: "button", class: "thumb", onclick: () => show(otherwise, true) }, words.no)));
    questions.set(part, { node, title, why });
  }

  const testSays = el("p", { class: "lead" });
  const test = el("section", { class: "page", "data-page": "test" }, el("h1", { tabindex: "-1" }, words.test.title), testSays, el("p", { class: "lead" }, words.test.ringer),
    el("div", { class: "page-foot" }, ...button("Arrive", () => ({}), words.test.button)));

  const leftWords = el("p", { class: "lead", role: "status" });
  const ways = createWays(desk, words.connection.ways);
  // Until somebody has answered they are the one who is there, and may see that something is wrong.
  const alarms = createAlarms(desk);
  const comes = el("div", { class: "card-asks" });
  const left = el("section", { class: "page", "data-page": "left" }, el("h1", { tabindex: "-1" }, words.card.left), leftWords, alarms.element, el("div", { class: "page-foot" }, ways.element, comes, ...button("Arrive", () => ({}), words.card.back)));

  /** @param {string} seat of the client */
  function makeCome(seat) {
    const [problem, node] = button("RaiseAlarm", () => ({ client: seat, condition: "please_come", words: "" }), "");
    node.className = "thumb come";
    set(node, "data-condition", "please_come");
    return el("div", null, problem, node);
  }

  /** Nobody is let go by a page that only sent something. */
  const heard = () => words.card.leftWords((desk.view().people ?? []).some((person) => person.role === "therapist" && person.present));

  return {
    /** @returns {HTMLElement | null} the page to be shown, or null: they are here */
    current() {
      const { you, parts = [] } = desk.view();
      const done = (/** @type {string} */ id) => parts.find((part) => part.id === id)?.done ?? false;
      if (you.leaving) return left;
      if (!done("duties_read")) return duties;
      for (const [part, { node }] of questions) if (!done(part)) return node;
      return you.arrived ? null : test;
    },
    update() {
      text(dutiesTitle, words.duties.title(who()));
      const lines = words.duties.list(who(), every());
      if (list.childElementCount === 0 || list.firstElementChild?.getAttribute("data-for") !== who()) list.replaceChildren(...lines.map((line) => el("li", { "data-for": who() }, line)));
      for (const [part, { title, why }] of questions) {
        text(title, words.parts[part]?.title(who()));
        text(why, words.parts[part]?.why(who()));
      }
      text(testSays, words.test.says(therapist()));
      text(leftWords, heard());
      ways.update();
      alarms.update();
      const living = (desk.view().clients ?? []).filter((client) => !words.over.says[client.phase]);
      each(comes, living.filter((client) => desk.action("RaiseAlarm", client.seat)?.allowed), (client) => client.seat, (client) => makeCome(client.seat), (node, client) => {
        text(node.lastElementChild, living.length > 1 ? `${words.card.come} (${client.name})` : words.card.come);
      });
    },
  };
}
