// What is written down during the visit: readings, side effects, ratings, what
// was done, notes. One opens at a time, in the same place, beside the picture and
// never over it.

import { clockAnswer, createActForm } from "./act-form.js";
import { timeOfDay } from "./clock.js";
import { el, set, show, text } from "./element.js";
import { createNote } from "./note.js";
import { words } from "./therapist-words.js";

/**
 * @typedef {import("./desk.js").Desk} Desk
 * @typedef {import("./act-form.js").Question} Question
 * @typedef {import("./act-form.js").Values} Values
 *
 * @typedef {object} Kind
 * @property {string} act
 * @property {string} words
 * @property {() => Question[]} questions
 * @property {string} submit
 * @property {(values: Values) => object} body
 * @property {(values: Values) => string} [consequence]
 */

/**
 * @param {Desk} desk
 * @param {() => string} chosen the client whom it is about
 */
export function createObservations(desk, chosen) {
  const place = el("div", { class: "observe-place" });
  const whose = el("p", { class: "observe-whose" });
  const said = el("span", { class: "spoken", role: "status" });
  const note = createNote(desk, () => noteButton.focus());
  /** @type {string | null} */
  let opened = null;

  /** @param {string} value */
  const whole = (value) => (value === "" ? 0 : Number(value));
  const at = () => ({ name: "at", label: words.observe.at, kind: "clock", value: timeOfDay(desk.now()) });
  /** @param {Values} values */
  const when = (values) => clockAnswer(values["at"] ?? "", desk.now());

  /** @type {Kind[]} */
  const kinds = [
    {
      act: "RecordVitals", words: words.observe.vitals, submit: words.vitals.save,
      questions: () => [
        { name: "systolic", label: words.vitals.systolic, kind: "number", min: 40, max: 300 },
        { name: "diastolic", label: words.vitals.diastolic, kind: "number", min: 20, max: 200 },
        { name: "heart_rate", label: words.vitals.heartRate, kind: "number", min: 20, max: 250, optional: true },
        { name: "spo2", label: words.vitals.spo2, kind: "number", min: 50, max: 100, optional: true },
        { name: "source", label: words.vitals.source, kind: "choice", choices: words.vitals.sources, value: "read aloud" },
        at(),
      ],
      body: (values) => ({
        systolic: whole(values["systolic"] ?? ""), diastolic: whole(values["diastolic"] ?? ""), heart_rate: whole(values["heart_rate"] ?? ""),
        spo2: whole(values["spo2"] ?? ""), source: values["source"], at: when(values),
      }),
    },
    {
      act: "RecordSideEffect", words: words.observe.effect, submit: words.effects.save,
      questions: () => [
        { name: "kind", label: words.effects.kind, kind: "choice", choices: [...words.effects.kinds.map((kind) => ({ value: kind, label: kind })), { value: "other", label: words.effects.other }] },
        { name: "note", label: words.effects.note, kind: "text", optional: true },
        { ...at(), label: words.effects.began },
      ],
      body: (values) => {
        const other = values["kind"] === "other" && values["note"];
        return { kind: other ? values["note"] : values["kind"], note: other ? "" : values["note"], at: when(values) };
      },
    },
    {
      act: "Rate", words: words.observe.rating, submit: words.ratings.save,
      questions: () => [
        { name: "rating", label: words.ratings.scale, kind: "choice", hint: words.ratings.hint, choices: [
          ...words.ratings.moaas.map((label, value) => ({ value: `moaas ${value}`, label: `${words.ratings.moaasName} ${label}` })).reverse(),
          ...words.ratings.dissociation.map((label, value) => ({ value: `dissociation ${value}`, label: `${words.ratings.dissociationName} ${label}` })),
        ] },
        at(),
      ],
      body: (values) => {
        const [scale, value] = (values["rating"] ?? "").split(" ");
        return { scale, value: Number(value), at: when(values) };
      },
    },
    {
      act: "RecordIntervention", words: words.observe.intervention, submit: words.observe.save,
      questions: () => [{ name: "text", label: words.observe.interventionText, kind: "long" }, at()],
      body: (values) => ({ text: values["text"], at: when(values) }),
    },
    {
      act: "RaiseAlarm", words: words.observe.concern, submit: words.concern.save,
      questions: () => [
        { name: "condition", label: words.concern.label, kind: "choice", choices: words.concern.kinds },
        { name: "words", label: words.concern.words, kind: "text", optional: true },
      ],
      consequence: () => words.concern.consequence(desk.name(chosen()), words.and((desk.view().people ?? []).filter((person) => person.role === "chaperone").map((person) => person.name))),
      body: (values) => ({ condition: values["condition"], words: values["words"] ?? "" }),
    },
  ];

  const buttons = kinds.map((kind) => el("button", { type: "button", "aria-expanded": "false", "data-open": kind.act, onclick: () => toggle(kind) }, kind.words));
  const noteButton = el("button", { type: "button", "aria-expanded": "false", "aria-keyshortcuts": "n", "data-open": "WriteNote", onclick: () => (opened === "WriteNote" ? close() : openNote()) }, words.observe.note, el("kbd", null, "n"));
  const element = el("section", { class: "observe" }, el("div", { class: "observe-open" }, whose, place), el("div", { class: "observe-buttons", role: "group" }, ...buttons, noteButton, said));

  /** @param {Kind} kind */
  function toggle(kind) {
    if (opened === kind.act) close();
    else open(kind);
  }

  /** @param {Kind} kind */
  function open(kind) {
    const seat = chosen();
    opened = kind.act;
    const button = buttons[kinds.indexOf(kind)];
    const form = createActForm({
      questions: kind.questions(), consequence: kind.consequence, submit: kind.submit, act: kind.act, words: words.form,
      send: async (values) => {
        const answer = await desk.command(kind.act, { client: seat, ...kind.body(values) });
        if (answer.ok) text(said, `${words.observe.saved} ${timeOfDay(desk.now())}`);
        return answer;
      },
      close: () => {
        close();
        button?.focus();
      },
    });
    form.element.classList.add("act-form-wide");
    place.replaceChildren(form.element);
    text(whose, words.observe.title(desk.name(seat)));
    show(whose, (desk.view().clients ?? []).length > 1);
    text(said, "");
    update();
    form.focus();
  }

  function openNote() {
    opened = "WriteNote";
    place.replaceChildren(note.element);
    show(whose, false);
    update();
    note.focus();
  }

  function close() {
    opened = null;
    place.replaceChildren();
    show(whose, false);
    update();
  }

  note.onClose(() => {
    close();
    noteButton.focus();
  });

  function update() {
    for (const [i, kind] of kinds.entries()) {
      const button = buttons[i];
      if (!button) continue;
      const action = desk.action(kind.act, chosen());
      show(button, action);
      set(button, "aria-disabled", action?.allowed ? null : "true");
      set(button, "title", action?.allowed ? null : action?.reason);
      set(button, "aria-expanded", opened === kind.act ? "true" : "false");
    }
    const writing = desk.action("WriteNote");
    show(noteButton, writing);
    set(noteButton, "aria-disabled", writing?.allowed ? null : "true");
    set(noteButton, "title", writing?.allowed ? null : writing?.reason);
    set(noteButton, "aria-expanded", opened === "WriteNote" ? "true" : "false");
    noteButton.classList.toggle("has-draft", note.draft());
  }

  // A note that a reload interrupted is open again, with the cursor where it was.
  if (note.draft()) {
    opened = "WriteNote";
    place.append(note.element);
  }

  return { element, update, openNote, enterVitals: () => kinds[0] && open(kinds[0]) };
}
