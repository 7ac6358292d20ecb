// One client's clock, band, next things and next step. With a couple there are
// two, one above the other, each with its own clock.

import { createActButton } from "./act-button.js";
import { createBand } from "./band.js";
import { beside, clientActs, journey, nextStep, rare } from "./client-acts.js";
import { due, ms, span, tPlus, timeOfDay } from "./clock.js";
import { calm, each, el, set, show, text } from "./element.js";
import { words } from "./therapist-words.js";

/**
 * @typedef {import("./desk.js").Desk} Desk
 * @typedef {import("./desk.js").ClientView} ClientView
 */

/**
 * @param {Desk} desk
 * @param {string} seat
 */
export function createClientPanel(desk, seat) {
  const whose = el("h2", { class: "panel-name" });
  const clock = el("p", { class: "panel-clock digits", "data-testid": "clock" });
  const phase = el("span", { class: "panel-phase", "data-testid": "phase" });
  const facts = el("span", { class: "panel-facts" });
  const band = createBand();
  const before = el("p", { class: "panel-before" });
  const next = el("ul", { class: "panel-next", "aria-label": words.nextTitle });
  const steps = el("div", { class: "panel-steps" });
  const more = el("div", { class: "panel-more-acts" });
  const moreBox = el("details", { class: "panel-more" }, el("summary", null, words.more), more);
  const element = el("section", { class: "client-panel", "data-testid": `panel-${seat}`, "data-client": seat },
    el("div", { class: "panel-head" }, clock, el("div", { class: "panel-where" }, whose, el("p", null, phase, " ", facts))),
    band.element, next, before, el("div", { class: "panel-acts" }, steps, moreBox));

  const acts = clientActs(desk);
  const buttons = new Map([...journey, ...beside, ...rare].map((act) => {
    const spec = acts[act];
    if (!spec) throw new Error(`no words for ${act}`);
    /** @returns {ClientView} */
    const client = () => /** @type {ClientView} */ (desk.client(seat));
    return [act, createActButton(desk, {
      act, client: seat,
      words: () => spec.words(client()),
      ask: () => spec.ask?.(client()) ?? null,
      closed: () => update(),
      body: (values) => ({ client: seat, ...spec.body?.(values, client()) }),
    })];
  }));

  let step = "";

  function update() {
    const client = desk.client(seat);
    show(element, client);
    if (!client) return;
    const many = (desk.view().clients ?? []).length > 1;
    text(whose, client.name);
    whose.classList.toggle("spoken", !many);
    set(element, "aria-label", words.panelOf(client.name));
    set(element, "data-phase", client.phase);
    text(phase, words.phases[client.phase]);
    text(facts, words.facts(client));

    // Where a form is open its button stays where it is, whatever the view says.
    const inRow = [...journey, ...beside].filter((act) => {
      const action = desk.action(act, seat);
      return buttons.get(act)?.open() || (action && (action.allowed ? near(act, client) : act === nextStep[client.phase]));
    });
    const first = inRow.filter((act) => act === nextStep[client.phase]);
    const row = [...first, ...inRow.filter((act) => !first.includes(act))];
    const booster = client.t0 && client.order?.booster_to_s ? ["AuthorizeDose"] : [];
    const held = client.doses?.length ? ["RecordHold"] : [];
    const rest = [...booster, ...held, ...beside, ...rare].filter((act) => !row.includes(act) && desk.action(act, seat));
    for (const button of buttons.values()) button.update();
    each(steps, row, (act) => act, element_);
    if (step && step !== client.phase) calm(steps);
    step = client.phase;
    each(more, rest, (act) => act, element_);
    for (const act of rest) buttons.get(act)?.button.classList.remove("primary");
    show(moreBox, rest.length > 0);
    tick();
  }

  /**
   * Of what may be done now, what stands beside the next step; the rest is under
   * "More". A second dose is never what is offered first.
   *
   * @param {string} act
   * @param {ClientView} client
   */
  function near(act, client) {
    if (act === "RecordSwallowed") return !client.t0;
    if (act === "AuthorizeDose") return !client.t0 && !client.authorization?.valid;
    if (act === "RecordHold") return !client.holding && client.doses?.some((dose) => !dose.outcome);
    return true;
  }

  /** @param {string} act */
  function element_(act) {
    return /** @type {Element} */ (buttons.get(act)?.element);
  }

  /** What changes with the time alone. */
  function tick() {
    const client = desk.client(seat);
    if (!client) return;
    const now = desk.now();
    const over = words.over.includes(client.phase);
    show(clock, client.t0 && !over);
    if (client.t0) text(clock, tPlus(now - ms(client.t0)));
    // After the end the band shows where the visit ended.
    band.update(client, over && client.phase_since ? ms(client.phase_since) : now);
    text(before, beforeDose(client, now));
    show(before, before.textContent);
    const coming = over ? [] : (client.next ?? []).slice(0, (desk.view().clients ?? []).length > 1 ? 1 : 2);
    each(next, coming, (item) => `${item.words} ${item.at}`, () => el("li", null, el("span"), " ", el("span", { class: "panel-due" })), (node, item) => {
      const [what, when] = node.children;
      text(what, item.words);
      text(when, `${timeOfDay(item.at)} (${due(ms(item.at), now).replace("due ", "")})`);
      set(node, "data-late", ms(item.at) < now - 60_000 ? "yes" : null);
    });
    show(next, coming.length > 0);
    for (const button of buttons.values()) button.tick();
  }

  /**
   * @param {ClientView} client
   * @param {number} now
   */
  function beforeDose(client, now) {
    const allowed = client.authorization;
    if (client.holding && ms(client.holding) > now) return words.holding(tPlus(ms(client.holding) - now).slice(2));
    if (allowed?.valid) return words.allowed(allowed, span(ms(allowed.lapses) - now));
    if (allowed?.why && !client.t0) return words.lapsed(allowed.why);
    return client.t0 || words.over.includes(client.phase) ? "" : words.notDosed(client);
  }

  return { element, update, tick, seat };
}
