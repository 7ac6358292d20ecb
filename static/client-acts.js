// What a therapist can do with one client's visit: the words of each button, and
// what is asked before it is sent. Whether it may be done is the server's to say.

import { clockAnswer } from "./act-form.js";
import { timeOfDay } from "./clock.js";
import { words } from "./therapist-words.js";

/**
 * @typedef {import("./desk.js").Desk} Desk
 * @typedef {import("./desk.js").ClientView} ClientView
 * @typedef {import("./act-form.js").Values} Values
 * @typedef {import("./act-button.js").Asking} Asking
 *
 * @typedef {object} ClientAct
 * @property {(client: ClientView) => string} words
 * @property {(values: Values, client: ClientView) => object} [body] besides the client's seat
 * @property {(client: ClientView) => Asking | null} [ask]
 */

/** The acts that lead through the visit, in its order. */
export const journey = ["Admit", "AuthorizeDose", "RecordDose", "RecordHold", "MarkReturning", "BeginReleaseCheck", "Release"];

/** Acts that stand beside the next step as soon as they may be used. */
export const beside = ["RecordSwallowed", "WithdrawAuthorization", "OfferWords"];

/** Acts that are there when they are needed. */
export const rare = ["CheckIn", "HideFromChaperone", "CorrectDose", "EndEarly", "Transfer", "Cancel"];

/**
 * The step that comes next in each phase: it is shown also while it may not be
 * taken, with the server's reason.
 *
 * @type {Record<string, string>}
 */
export const nextStep = {
  scheduled: "Admit", lobby: "Admit", check_in: "AuthorizeDose", ready: "RecordDose", absorbing: "MarkReturning",
  active: "MarkReturning", integrating: "BeginReleaseCheck", release_check: "Release",
};

/** @param {string} value */
const number = (value) => Number(value.replace(",", "."));

/** @param {ClientView} client */
function amounts(client) {
  const taken = (client.doses ?? []).reduce((sum, one) => sum + one.mg, 0);
  const order = client.order;
  const first = taken === 0;
  const left = order ? Math.max(0, order.total_mg - taken) : 0;
  return [
    { name: "mg", label: words.dose.mg, kind: "number", fraction: true, min: 1, max: 2000, value: order ? String(first ? order.dose_mg : left || "") : "", hint: order ? words.dose.order(order, taken) : "" },
    { name: "tablets", label: words.dose.tablets, kind: "number", min: 1, max: 20, value: order ? String(first ? order.tablets : 1) : "1" },
  ];
}

/**
 * @param {Desk} desk
 * @returns {Record<string, ClientAct>}
 */
export function clientActs(desk) {
  /**
   * The number of the dose that the server means: the one allowed now, or the
   * one that the other side recorded and nobody here has witnessed.
   *
   * @param {string} act
   * @param {ClientView} client
   */
  const dose = (act, client) => desk.action(act, client.seat)?.number ?? (client.doses?.length ?? 0) + 1;
  /** @param {ClientView} client */
  const recorded = (client) => client.doses?.find((one) => one.number === dose("RecordDose", client));
  /** @param {ClientView} client */
  const unsaid = (client) => (client.doses?.find((one) => !one.outcome) ?? client.doses?.at(-1))?.number ?? 1;
  const reason = { name: "reason", label: words.reason, kind: "long" };
  return {
    Admit: { words: words.admit },
    AuthorizeDose: {
      words: (client) => words.dose.authorize(dose("AuthorizeDose", client)),
      ask: (client) => ({
        questions: amounts(client),
        consequence: (values) => words.dose.authorizing(client, dose("AuthorizeDose", client), values["mg"] ?? "", values["tablets"] ?? ""),
        submit: words.dose.authorize(dose("AuthorizeDose", client)),
      }),
      body: (values, client) => ({ number: dose("AuthorizeDose", client), mg: number(values["mg"] ?? ""), tablets: number(values["tablets"] ?? "") }),
    },
    RecordDose: {
      words: (client) => (recorded(client) ? words.dose.witness(dose("RecordDose", client)) : words.dose.record(dose("RecordDose", client))),
      ask: (client) => {
        const seen = recorded(client);
        if (seen) return null; // witnessing can be corrected
        const mg = client.authorization?.mg ?? 0;
        return { consequence: () => words.dose.recording(dose("RecordDose", client), mg, timeOfDay(desk.now()), !client.t0), submit: words.dose.record(dose("RecordDose", client)) };
      },
      body: (_, client) => ({ number: dose("RecordDose", client) }),
    },
    RecordSwallowed: {
      words: () => words.dose.swallowed,
      ask: (client) => ({
        title: words.dose.swallowed,
        questions: [...amounts(client), { name: "at", label: words.dose.takenAt, kind: "clock", value: timeOfDay(desk.now()), hint: words.dose.asReported }, reason],
        consequence: (values) => words.dose.swallowing(client, (client.doses?.length ?? 0) + 1, values["mg"] ?? "", values["at"] ?? ""),
        submit: words.dose.recordIt,
      }),
      body: (values) => ({ mg: number(values["mg"] ?? ""), tablets: number(values["tablets"] ?? ""), at: clockAnswer(values["at"] ?? "", desk.now()), reason: values["reason"] }),
    },
    WithdrawAuthorization: {
      words: () => words.dose.withdraw,
      ask: () => ({ questions: [reason], submit: words.dose.withdraw }),
      body: ({ reason: why }) => ({ reason: why }),
    },
    CorrectDose: {
      words: () => words.dose.correct,
      ask: (client) => {
        const doses = client.doses ?? [];
        const last = doses.at(-1);
        /** @param {import("./types.d.ts").Dose | undefined} one @returns {Values} */
        const asRecorded = (one) => (one ? { at: timeOfDay(one.at), mg: String(one.mg), tablets: String(one.tablets) } : {});
        const first = asRecorded(last);
        return {
          title: words.dose.correct,
          refill: (values) => asRecorded(doses.find((one) => String(one.number) === values["number"])),
          questions: [
            { name: "number", label: words.dose.which, kind: "choice", value: String(last?.number ?? ""), choices: doses.map((one) => ({ value: String(one.number), label: words.dose.one(one.number, one.mg, timeOfDay(one.at)) })) },
            { name: "at", label: words.dose.takenAt, kind: "clock", value: first["at"] ?? "" },
            { name: "mg", label: words.dose.mg, kind: "number", fraction: true, min: 1, max: 2000, value: first["mg"] ?? "" },
            { name: "tablets", label: words.dose.tablets, kind: "number", min: 1, max: 10, value: first["tablets"] ?? "" },
            reason,
          ],
          consequence: (values) => words.dose.correcting(values["number"] ?? "", values["mg"] ?? "", values["tablets"] ?? "", values["at"] ?? ""),
          submit: words.dose.correctIt,
        };
      },
      body: (values, client) => {
        const one = client.doses?.find((dose) => String(dose.number) === values["number"]);
        // A clock shows no seconds: a time that was not touched stays what it was.
        const at = one && timeOfDay(one.at) === values["at"] ? one.at : clockAnswer(values["at"] ?? "", desk.now());
        return { number: number(values["number"] ?? ""), at, mg: number(values["mg"] ?? ""), tablets: number(values["tablets"] ?? ""), reason: values["reason"] };
      },
    },
    RecordHold: {
      words: () => words.dose.hold,
      ask: (client) => ({
        questions: [{ name: "outcome", label: words.dose.holdAsk, kind: "choice", choices: [{ value: "swallowed", label: words.dose.holdSwallowed }, { value: "spat", label: words.dose.holdSpat }] }],
        submit: words.dose.holdIt(unsaid(client)),
      }),
      body: (values, client) => ({ number: unsaid(client), outcome: values["outcome"] }),
    },
    CheckIn: { words: () => words.lookedIn },
    HideFromChaperone: { words: words.hide },
    MarkReturning: { words: words.returning, body: ({ reason: why }) => ({ reason: why ?? "" }) },
    OfferWords: {
      words: () => words.offer.button,
      ask: (client) => ({
        questions: [{ name: "text", label: words.offer.ask(client), kind: "long", optional: true, hint: words.offer.hint, value: client.words ?? "" }],
        submit: words.offer.send,
      }),
      body: ({ text }) => ({ text: text ?? "" }),
    },
    BeginReleaseCheck: { words: () => words.releaseCheck },
    Release: {
      words: words.release,
      ask: (client) => ({ consequence: () => words.releasing(client, timeOfDay(desk.now())), submit: words.release(client) }),
    },
    EndEarly: {
      words: () => words.endEarly,
      ask: (client) => ({ title: words.endEarly, questions: [reason], consequence: () => words.endingEarly(client), submit: words.endEarlyNow }),
      body: ({ reason: why }) => ({ reason: why }),
    },
    Transfer: {
      words: () => words.transfer,
      ask: (client) => ({ title: words.transfer, questions: [{ ...reason, label: words.transferTo }], consequence: () => words.transferring(client), submit: words.transferNow }),
      body: ({ reason: why }) => ({ reason: why }),
    },
    Cancel: {
      words: () => words.cancel,
      ask: (client) => ({ title: words.cancel, questions: [reason], consequence: () => words.cancelling(client), submit: words.cancelNow }),
      body: ({ reason: why }) => ({ reason: why }),
    },
  };
}
