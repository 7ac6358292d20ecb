// Every text of the chaperone's page that is not the server's. Said to somebody
// who was told ten minutes ago, in a dark room.

import { span } from "./clock.js";

/**
 * @typedef {import("./types.d.ts").Phase} Phase
 */

export const words = {
  starting: "Connecting to the session …",
  practice: "Practice. Nothing real happens here.",
  and: /** @param {string[]} names */ (names) => (names.length < 2 ? names.join("") : `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`),

  duties: {
    /** @param {string} who */
    title: (who) => `You are here for ${who} today. Your part:`,
    /** @param {string} who @param {number} minutes @returns {string[]} */
    list: (who, minutes) => [
      "Stay in the home, in another room, until the therapist says that it is over.",
      `Look in on ${who} every ${minutes} minutes, quietly, and tap here that you did.`,
      "Keep this phone with you: charged, ringer on, this page open. While it is locked it cannot call you.",
      "When it calls you: go in at once. The therapist tells you what to do.",
      `${who} does not drive until tomorrow, after a night’s sleep.`,
    ],
    button: "I’ve read this",
  },
  /** @type {Record<string, {title: (who: string) => string, why: (who: string) => string, yes: string, no: string}>} */
  parts: {
    adult: { title: () => "Are you 18 or older?", why: () => "An adult has to be there.", yes: "Yes, I am", no: "Somebody else has to do this. Please tell the therapist." },
    on_site: { title: (who) => `Are you in the home with ${who} now?`, why: () => "On the phone from elsewhere is not enough.", yes: "Yes, I’m in the home", no: "Please go there first, then open this page again." },
    another_room: { title: (who) => `Is there another room for you, within call of ${who}?`, why: () => "Close enough to hear a voice, and a door between you.", yes: "Yes, there is", no: "Please tell the therapist. They decide with you." },
  },
  no: "No",
  test: {
    title: "Almost ready",
    /** @param {string} therapist */
    says: (therapist) => `Tap “I’m here” when you are in place. Then ${therapist || "your therapist"} rings this phone once, as a test. Please answer it.`,
    ringer: "Before that: ringer on, “do not disturb” off, volume up.",
    button: "I’m here",
    /** @param {string} therapist */
    waiting: (therapist) => `${therapist || "The therapist"} rings this phone once, as a test. Please answer it.`,
  },

  card: {
    look: "I looked in: all is well",
    /** @param {string} who */
    early: (who) => `There is nothing you have to do yet. Stay where you can hear ${who}. After the medicine is taken, this page shows when to look in.`,
    looking: "Telling the therapist …",
    /** @param {string} when */
    looked: (when) => `Noted, ${when}. Thank you.`,
    /** @param {string} by @param {string} ago */
    last: (by, ago) => `Last look: ${by || "somebody"}, ${ago}`,
    /** @param {string} left */
    next: (left) => `Look in again in ${left}`,
    now: "Please look in now",
    /** @param {string} late */
    late: (late) => `Please look in now. It was due ${late} ago.`,
    /** @param {string} who */
    still: (who) => `You do not see ${who} now.`,
    please: "Please look, therapist",
    come: "Please come: something is wrong",
    /** @param {string} when */
    asked: (when) => `Asked, ${when}.`,
    recorded: "It is recorded. It does not stand on the therapist’s screen yet.",
    shown: "It stands on the therapist’s screen.",
    /** @param {string} who */
    known: (who) => `${who} knows.`,
    leave: "I need to go",
    leaveSure: "The therapist is told at once. Please stay until they answer, if you can.",
    leaveNow: "Tell them that I need to go",
    stay: "I can stay",
    vitals: (/** @type {string} */ who) => `Please measure ${who}’s blood pressure now.`,
    enter: "Enter the blood pressure",
    takeOver: "I take over now",
    takeOverWords: (/** @type {string} */ who) => `When the therapist ends the session, you look after ${who} from then on: stay until they are fully themselves. No driving until tomorrow, after a night’s sleep.`,
    tookOver: "Noted: you take over.",
    left: "You said that you need to go.",
    /** @param {boolean} present the therapist */
    leftWords: (present) => (present ? "It stands on the therapist’s screen. Until they have answered, please stay if you can." : "The therapist is not connected right now. Please call them, and stay until they have answered."),
    back: "I’m here after all",
  },

  /**
   * What is happening with one client, or with several who are equally far.
   *
   * @param {{name: string, since: number}[]} clients since: ms since the first dose
   * @param {Phase} phase
   */
  happening(clients, phase) {
    const who = words.and(clients.map((client) => client.name));
    const be = clients.length > 1 ? "are" : "is";
    const took = clients.map(({ name, since }) => `${name} took the medicine ${since < 60_000 ? "just now" : `${span(since)} ago`}.`).join(" ");
    /** @type {Partial<Record<Phase, string>>} */
    const all = {
      scheduled: `The room is not open yet. ${who} and the therapist come soon.`,
      lobby: `${who} ${be} getting ready. The therapist begins with them soon.`,
      check_in: `${who} and the therapist are going through the last questions. No medicine has been taken.`,
      ready: `${who} ${be} about to take the medicine.`,
      absorbing: `${took} The effects begin within minutes. ${who} may become quiet: that is normal.`,
      active: `${took} This is the quiet part. ${who} may not answer much: that is normal.`,
      integrating: `${took} ${who} ${be} coming back, with the therapist. Standing up only with help.`,
      release_check: `${took} The therapist is checking whether ${who} can be released.`,
    };
    return all[phase] ?? "";
  },
  over: {
    /** @param {string} who */
    title: (who) => `The session with ${who} is over`,
    /** @type {Partial<Record<Phase, (who: string, be: string) => string>>} */
    says: {
      closed: (who, be) => `${who} ${be} in your care now. Stay until they are fully themselves. No driving until tomorrow, after a night’s sleep.`,
      signed: (who, be) => `${who} ${be} in your care now. Stay until they are fully themselves. No driving until tomorrow, after a night’s sleep.`,
      ended_early: (who) => `It ended early. Please stay with ${who} until the therapist tells you otherwise.`,
      transferred: (who, be) => `${who} ${be} in the care of the emergency services. Please do what they tell you.`,
      cancelled: () => "It does not take place today.",
    },
    thanks: "Thank you. You can close this page.",
    ways: "If something worries you later:",
  },

  call: {
    going: "I’m going",
    with: "I’m with them",
    well: "All is well",
    help: "We need help",
    ways: "If the therapist does not answer here:",
  },

  vitals: {
    /** @param {string} who */
    title: (who) => `${who}’s blood pressure`,
    upper: "Upper number", lower: "Lower number", heart: "Heart rate",
    /** @type {Record<string, string>} */
    hint: { upper: "The first, larger number on the cuff", lower: "The second number", heart: "Beats per minute, often with a heart beside it" },
    next: "Next", skip: "It shows none", back: "Back", erase: "Delete",
    send: "Send to the therapist",
    /** @param {string} v */
    check: (v) => `${v}. Is this what the cuff shows?`,
    /** @param {number} low @param {number} high */
    range: (low, high) => `That should be between ${low} and ${high}. Please look again.`,
    sent: "Sent to the therapist.",
  },

  reach: {
    awake: "While this phone is locked, it cannot call you. Leave this page open: the screen stays on by itself.",
    asleep: "While this phone is locked, it cannot call you. Leave this page open, and tap it now and then.",
    sound: "Tap anywhere so that this phone can ring.",
  },
  connection: {
    open: "Connected.",
    connecting: "Connecting …",
    /** @param {string} long */
    away: (long) => `No connection for ${long}. It comes back by itself.`,
    lost: "No connection. It comes back by itself.",
    kept: "What you tap now is sent when it is back.",
    alone: "Please look in on them now, and call if something is wrong.",
    ways: "The numbers to call:",
    replaced: "This page is open somewhere else now.",
    takeBack: "Use it here",
    /** @type {Record<string, string>} */
    ended: { revoked: "This link is no longer valid. If the session still goes on, please call the therapist.", unknown: "There is no such session any more.", protocol: "This page is out of date. Please load it again." },
    reload: "Load the page again",
  },
  stay: "This page stays open until the session is over: it is how you are called.",
  refused: "That did not work. Please tap it once more; if it does not work then, call the therapist.",
};
