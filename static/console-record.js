// The record of one session: what CLINICAL.md asks a record to hold, in its order,
// then everything that happened in words, and the event log to keep.

import { call } from "./api.js";
import { date, day, ms, timeOfDay, zone } from "./clock.js";
import { gateStates, phases, roles, words } from "./console-words.js";
import { createField } from "./fields.js";
import { el, show, text, whole } from "./element.js";
import { ends } from "./summary.js";

/**
 * @typedef {import("./types.d.ts").View} View
 * @typedef {import("./types.d.ts").ClientView} ClientView
 * @typedef {{at: string, by: string, text: string}} Entry
 * @typedef {{title: string, state: "open" | "passed" | "overridden", reason?: string, at: string | null, by?: string,
 *   values?: Record<string, string>}} Settled
 *
 * As session/record writes them.
 * @typedef {{seat: string, phases: {phase: string, at: string, by: string, reason?: string}[] | null, consent_given: string, consent_at: string | null,
 *   chaperone_sees: boolean, gates: Settled[] | null, criteria: Settled[] | null, order_corrections: Entry[] | null, authorizations: Entry[] | null, check_ins: {due: string | null, at: string, by: string}[] | null,
 *   vitals: import("./types.d.ts").Vitals[] | null, side_effects: import("./types.d.ts").SideEffect[] | null, ratings: import("./types.d.ts").Rating[] | null,
 *   interventions: Entry[] | null, ready_at: string | null, released_at: string | null}} RecordClient
 * @typedef {{settings_version: number, consent_version: string, signed_at: string | null, signed_by: string, clients: RecordClient[] | null,
 *   alarms: {words: string, priority: string, since: string, raised: string, late?: boolean, acknowledged: Entry[], ended: string | null, why?: string, resolved?: Entry}[] | null,
 *   calls: {who: string, to: string, at: string, going: string | null, with: string | null, report?: Entry}[] | null,
 *   interruptions: {who: string, what: string, from: string, to: string | null}[] | null, addenda: Entry[] | null}} Whole
 */

const w = words.record;

/** @param {string | null | undefined} time */
const clock = (time) => (time ? timeOfDay(ms(time)) : "");

/** @param {Entry} entry */
const said = (entry) => `${clock(entry.at)} ${entry.by}${entry.text ? `: ${entry.text}` : ""}`;

/** @param {string} id */
export function createRecord(id) {
  const base = `/api/sessions/${encodeURIComponent(id)}`;
  const title = el("h1", null, w.title);
  const body = el("div", { class: "record-body" }, el("p", { role: "status" }, words.starting));
  const running = el("p", { class: "print-head", "aria-hidden": "true" });
  const sign = el("a", { class: "button primary", href: `/s/${encodeURIComponent(id)}/therapist-1/#after`, hidden: true, "data-testid": "sign" }, words.sessions.sign);
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
    const view = /** @type {View & {record: Whole}} */ (await call("GET", `${base}/record`));
    if (view.seq === drawn) return;
    drawn = view.seq;
    const clients = view.clients ?? [];
    title.textContent = `${w.title}: ${clients.map((client) => client.name).join(", ")}`;
    show(sign, !view.practice && !view.record.signed_at && clients.some((client) => client.phase !== "cancelled") && clients.every((client) => ends.includes(client.phase)));
    text(running, [title.textContent, date(view.starts_at), view.practice ? words.sessions.practiceMark : "", view.record.signed_at ? "" : w.unsigned].filter(Boolean).join(" · "));
    const all = view.lines ?? [];
    lines.replaceChildren(...all.flatMap((line, n) => {
      const before = all[n - 1];
      const sameDay = before && new Date(before.at).toDateString() === new Date(line.at).toDateString();
      return [...(sameDay ? [] : [el("li", { class: "day" }, day(line.at))]),
        el("li", { class: `line-${line.kind}` }, el("time", { datetime: line.at }, timeOfDay(ms(line.at))), el("span", null, line.words))];
    }));
    body.replaceChildren(
      view.practice ? el("p", { class: "practice" }, words.sessions.practiceMark) : "",
      ...head(view), ...clients.map((client) => createClient(client, view)), ...session(view),
      el("h2", null, w.lines), search.element, all.length ? lines : el("p", null, w.none));
    find();
  }

  return {
    element: el("div", { class: "wide record" }, running,
      el("div", { class: "bar" }, title, el("span", { class: "buttons screen-only" }, sign,
        el("a", { class: "button", href: `${base}/log`, download: true, "data-testid": "log" }, w.log),
        el("button", { type: "button", onclick: () => window.print() }, w.print), el("a", { class: "button", href: "#past" }, w.back))), body),
    title: w.title, refresh,
  };
}

/**
 * A table of names and values; what is empty is left out.
 *
 * @param {[name: string, values: string | (string | Node)[]][]} facts
 */
function pairs(facts) {
  return el("dl", { class: "pairs" }, ...facts.filter(([, values]) => values.length > 0).flatMap(([name, values]) =>
    [el("dt", null, name), el("dd", null, ...[values].flat().map((value) => el("div", null, value)))]));
}

/** @param {View & {record: Whole}} view */
function head(view) {
  const { record } = view;
  return [pairs([
    [w.planned, `${date(view.starts_at)}, ${clock(view.starts_at)}`],
    [w.times, zone(view.starts_at)],
    [w.signature, record.signed_at ? `${w.signedLine} ${record.signed_by}, ${day(record.signed_at)}, ${clock(record.signed_at)}` : w.unsigned],
    [w.addenda, (record.addenda ?? []).map((one) => `${day(one.at)}, ${said(one)}`)],
    [w.people, (view.people ?? []).map((person) => el("span", null, [person.name, person.pronouns, roles[person.role] ?? person.role].filter(Boolean).join(" · "), person.phone && " · ", person.phone && whole(person.phone)))],
    [w.versions, w.versionsAre(record.settings_version, record.consent_version)],
    [w.id, w.entries(view.session, view.seq)],
  ])];
}

/**
 * What was entered. What was ticked says no more than that it was settled.
 *
 * @param {Record<string, string>} values
 */
function entered(values) {
  if (values["street"]) return [[values["street"], values["city"], values["state"]].join(", "), values["access"]];
  if (values["systolic"]) return [`${values["systolic"]}/${values["diastolic"]}`, values["heart_rate"] ? `${values["heart_rate"]}/min` : ""];
  return Object.values(values).filter((value) => value !== "yes").map((value) => (/^\d{4}-\d\d-\d\dT/.test(value) ? `${day(value)}, ${clock(value)}` : value));
}

/** @param {Settled} one */
function settled(one) {
  const values = entered(one.values ?? {});
  return `${one.title}: ${[gateStates[one.state], ...values, one.reason].filter(Boolean).join(" · ")}${one.at && one.state !== "open" ? ` (${clock(one.at)}${one.by ? `, ${one.by}` : ""})` : ""}`;
}

/** @param {ClientView} client @param {View & {record: Whole}} view */
function createClient(client, view) {
  const record = view.record.clients?.find((one) => one.seat === client.seat);
  /** @param {string} seat */
  const name = (seat) => (view.people ?? []).find((person) => person.seat === seat)?.name ?? seat;
  const { order, today } = client;
  const doses = (client.doses ?? []).flatMap((dose) => [
    w.dose(dose, clock(dose.at), name(dose.by), dose.witnessed_by ? name(dose.witnessed_by) : ""),
    ...(dose.past_gates ? [w.past((dose.open_gates ?? []).length, dose.reason ?? "")] : []),
    ...(dose.corrections ?? []).map((one) => w.corrected(one.mg, one.tablets ?? 0, clock(one.at), clock(one.on), name(one.by), one.reason)),
  ]);
  return el("section", null,
    el("h2", null, client.name, " ", el("span", { class: "role" }, [client.pronouns, phases[client.phase] ?? client.phase].filter(Boolean).join(" · "))),
    pairs([
      [w.summary, client.summary ?? ""],
      [w.cpt, client.cpt ?? ""],
      [w.intention, today?.intention ?? ""],
      [w.order, order ? [w.ordered(order), ...(record?.order_corrections ?? []).map(said)] : []],
      [w.doses, doses],
      [w.authorizations, (record?.authorizations ?? []).map(said)],
      [w.phases, (record?.phases ?? []).map((one) => `${clock(one.at)} ${phases[one.phase] ?? one.phase}${one.reason ? `: ${one.reason}` : ""}${one.by && !["clock", "server"].includes(one.by) ? ` (${one.by})` : ""}`)],
      [w.ready, record?.ready_at ? clock(record.ready_at) : ""],
      [w.released, record?.released_at ? clock(record.released_at) : ""],
      [w.vitals, (record?.vitals ?? []).map((one) => `${clock(one.at)} ${one.systolic}/${one.diastolic}${one.heart_rate ? `, ${one.heart_rate}/min` : ""}${one.spo2 ? `, SpO₂ ${one.spo2} %` : ""} (${[name(one.by), one.source].filter(Boolean).join(", ")})`)],
      [w.checkIns, (record?.check_ins ?? []).map((one) => w.look(clock(one.at), one.by, one.due ? clock(one.due) : "", one.due ? Math.floor((ms(one.at) - ms(one.due)) / 60_000) : 0))],
      [w.effects, (record?.side_effects ?? []).map((one) => w.effect(one, clock(one.onset), one.resolved ? clock(one.resolved) : ""))],
      [w.ratings, (record?.ratings ?? []).map((one) => `${clock(one.at)} ${one.scale === "moaas" ? "MOAA/S" : "dissociation"} ${one.value} (${name(one.by)})`)],
      [w.interventions, (record?.interventions ?? []).map(said)],
      [w.consent, record?.consent_given ? `${w.consentGiven(record.consent_given, clock(record.consent_at))} ${record.chaperone_sees ? w.sees : w.seesNot}` : w.noConsent],
      [w.today, today ? w.stated(today.fasted, today.changes) : ""],
      [w.gates, (record?.gates ?? []).map(settled)],
      [w.criteria, (client.doses ?? []).length ? (record?.criteria ?? []).map(settled) : []],
      [w.conditions, order?.conditions ?? ""],
    ]));
}

/** What belongs to the session and not to one client. @param {View & {record: Whole}} view */
function session(view) {
  const { alarms, calls, interruptions } = view.record;
  if (![alarms, calls, interruptions].some((all) => all?.length)) return [];
  return [el("h2", null, w.session), pairs([
    [w.alarms, (alarms ?? []).map((one) => [`${clock(one.raised)} ${one.priority}: ${one.words}`, one.late ? w.late : "", ...one.acknowledged.map((entry) => w.acknowledged(entry.by, clock(entry.at))),
      one.resolved ? w.resolved(one.resolved.by, one.resolved.text) : "", one.ended ? `${w.over(clock(one.ended))}${one.why ? ` (${one.why})` : ""}` : ""].filter(Boolean).join(" · "))],
    [w.calls, (calls ?? []).map((one) => [`${clock(one.at)} ${one.who} → ${one.to}`, one.going ? w.going(clock(one.going)) : w.notGoing, one.with ? w.with(clock(one.with)) : "", one.report ? said(one.report) : ""].filter(Boolean).join(" · "))],
    [w.interruptions, (interruptions ?? []).map((one) => w.lost(one.who, one.what, clock(one.from), one.to ? ms(one.to) - ms(one.from) : -1))],
  ])];
}
