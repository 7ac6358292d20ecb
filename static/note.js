// A note. Its time is that of its first letter. What is written is kept in this
// tab at every keystroke, so that a reload loses nothing, until the server has it.

import { el, enable, show, text, usable } from "./element.js";
import { refusedWords } from "./act-form.js";
import { timeOfDay } from "./clock.js";
import { tab } from "./kept.js";
import { words } from "./therapist-words.js";

/** @typedef {import("./desk.js").Desk} Desk */

/**
 * @param {Desk} desk
 * @param {() => void} left is called when the keyboard leaves it
 */
export function createNote(desk, left) {
  const key = `belay-note ${desk.view().session} ${desk.view().you.seat}`;
  const kept = /** @type {{text: string, begun: string} | null} */ (tab.value(key));
  const begunWords = el("span", { class: "hint" });
  const area = el("textarea", { id: "note", rows: 4, "data-testid": "note", oninput: write, onkeydown: keys });
  const problem = el("p", { class: "problem", role: "alert", hidden: true });
  const save = el("button", { type: "submit", class: "primary", "data-act": "WriteNote" }, words.note.save);
  const element = el("form", { class: "act-form note", onsubmit: send },
    el("div", { class: "note-head" }, el("label", { for: "note" }, words.note.label), begunWords),
    area, el("p", { class: "hint" }, words.note.record), problem,
    el("div", { class: "act-buttons" }, save, el("button", { type: "button", onclick: close }, words.note.close), el("span", { class: "hint" }, words.note.keys)));
  let begun = kept?.begun ?? "";
  /** @type {() => void} */
  let closed = left;
  area.value = kept?.text ?? "";
  paint();

  function write() {
    if (area.value === "") begun = "";
    else if (!begun) begun = new Date(desk.now()).toISOString();
    keep();
    paint();
  }

  function keep() {
    if (area.value === "") tab.drop(key);
    else tab.write(key, JSON.stringify({ text: area.value, begun }));
  }

  function paint() {
    text(begunWords, begun ? words.note.begun(timeOfDay(begun)) : words.note.blank);
  }

  /** @param {KeyboardEvent} event */
  function keys(event) {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) void send(event);
    if (event.key === "Escape") close();
    event.stopPropagation();
  }

  function close() {
    closed();
  }

  /** @param {Event} event */
  async function send(event) {
    event.preventDefault();
    const written = area.value.trim();
    if (!written || !usable(save)) return;
    enable(save, false);
    text(save, words.note.saving);
    show(problem, false);
    const sent = area.value;
    const answer = await desk.command("WriteNote", { text: written, begun });
    enable(save, true);
    text(save, words.note.save);
    if (!answer.ok) {
      text(problem, `${refusedWords(answer)} ${words.note.kept}`);
      show(problem, true);
      return;
    }
    // What was written while the first part was under way is a note of its own.
    area.value = area.value === sent ? "" : area.value.slice(sent.length).trimStart();
    begun = area.value ? new Date(desk.now()).toISOString() : "";
    keep();
    paint();
    if (!area.value && element.isConnected) close();
  }

  return {
    element,
    focus: () => area.focus(),
    /** Whether something is written and not saved. */
    draft: () => area.value !== "",
    /** @param {() => void} f */
    onClose(f) {
      closed = f;
    },
  };
}
