// The call: the whole screen one colour, one sentence, one button. The numbers
// to call stand below.

import { words } from "./chaperone-words.js";
import { createWays } from "./chaperone-ways.js";
import { el, set, show, text } from "./element.js";
import { refusedWords } from "./act-form.js";

const longWords = 60; // letters that a small phone shows whole in the size of a call

/** @param {import("./desk.js").Desk} desk */
export function createCallPage(desk) {
  const says = el("h1", { tabindex: "-1" });
  const problem = el("p", { class: "problem", role: "alert", hidden: true });
  const going = button("GoIn", {}, words.call.going);
  const there = button("BeWith", {}, words.call.with);
  const well = button("ReportBack", { well: true, words: "" }, words.call.well);
  const help = button("ReportBack", { well: false, words: "" }, words.call.help);
  const ways = createWays(desk, words.call.ways);
  const element = el("section", { class: "page call" }, el("div", { class: "call-words", role: "alert" }, says), problem, el("div", { class: "call-buttons" }, going, there, well, help), ways.element);

  /** @param {string} act @param {object} body @param {string} label */
  function button(act, body, label) {
    const node = el("button", { type: "button", class: "thumb call-button", "data-act": act, onclick: async () => {
      if (node.getAttribute("aria-busy")) return;
      set(node, "aria-busy", "true");
      const answer = await desk.command(act, body);
      set(node, "aria-busy", null);
      text(problem, answer.ok ? "" : refusedWords(answer) || words.refused);
      show(problem, !answer.ok);
    } }, label);
    return node;
  }

  function update() {
    const call = desk.view().call;
    if (!call) return;
    set(element, "data-stage", call.stage);
    set(element, "data-long", call.words.length > longWords ? "yes" : null);
    text(says, call.words);
    show(going, call.stage === "called");
    show(there, call.stage === "going");
    show(well, call.stage === "with");
    show(help, call.stage === "with");
    ways.update();
  }

  return { element, update };
}
