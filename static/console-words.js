// Every text of the console and of the set-up page that is not the server's.

import { span } from "./clock.js";

export const setup = {
  title: "Set up Belay",
  lead: "You are the first therapist here, or the next. This link works once: after it you sign in with your e-mail address and your password.",
  name: "Your name",
  nameHint: "As clients and chaperones will read it.",
  nameMissing: "Please give your name.",
  email: "E-mail address",
  emailMissing: "Please give an e-mail address: it is your name for signing in.",
  emailHint: "Your name for signing in. Nothing is sent to it.",
  password: "Password",
  passwordHint: "At least 12 characters. A short sentence is easy to remember; your browser's password manager is better still.",
  passwordShort: "The password needs at least 12 characters.",
  states: "States in which you are licensed",
  statesHint: "A client must be in one of them on the day. You can change this later.",
  submit: "Set up and sign in",
  sending: "Setting up …",
  not: "Belay is not a medical device and not an emergency service: it supports observation and does not replace it.",
  resetTitle: "A new password",
  resetSubmit: "Set the password and sign in",
  asking: "Opening your link …",
  askingHint: "This takes a moment.",
  used: "This link cannot be used any more",
  failed: "This link could not be opened",
  again: "Try again",
  noToken: "This set-up link is not complete",
  noTokenHint: "The server printed it when it started: please open the whole line, up to its end.",
  signIn: "Sign in instead",
};

/** @type {Record<string, string>} */
export const phases = {
  scheduled: "not open yet", lobby: "lobby open", check_in: "checking in", ready: "ready for the dose", absorbing: "absorbing",
  active: "active", integrating: "integrating", release_check: "release check", closed: "released", signed: "signed",
  cancelled: "cancelled", ended_early: "ended early", transferred: "handed over to emergency services",
};

/** @type {Record<string, string>} */
export const gateStates = { open: "open", passed: "✓", overridden: "overridden" };

/** @type {Record<string, string>} */
export const roles = { therapist: "therapist", co_therapist: "co-therapist", client: "client", chaperone: "chaperone" };

/** @type {Record<string, string>} shape and words, never colour alone */
export const alarms = { high: "▲ High alarm", medium: "◆ Alarm", low: "● Notice" };

/** @type {Record<string, string>} */
export const links = {
  account: "opens with your account", none: "no link yet", valid: "link not opened yet", used: "link opened", expired: "link expired", revoked: "link withdrawn",
};

export const words = {
  product: "Belay",
  nav: { sessions: "Sessions", past: "Past sessions", settings: "Settings" },
  signedInAs: "Signed in as",
  signOut: "Sign out",
  signingOut: {
    /** @param {string} who @param {boolean} dosed */
    ask: (who, dosed) => `Your visit with ${who} is not over. Signing out ends its page too: nobody sees or hears ${who} from here until you sign in again.${dosed ? ` ${who} has taken the medicine.` : ""}`,
    and: " and ",
    yes: "Sign out and end the page",
    no: "Stay signed in",
  },
  starting: "Reading …",
  notAnswering: "The server does not answer. What you see may be old. This page tries again by itself.",
  /** @param {string} base */
  onlyHere: (base) => `Links made here begin with ${base} and work in browsers on this computer only. For a phone, open this page by the computer's address on the network, or start the server with -public-url.`,
  signIn: {
    title: "Sign in", email: "E-mail address", password: "Password", submit: "Sign in", sending: "Signing in …",
    again: "You are no longer signed in: you signed out in another window, or your sign-in has ended. What you have begun here is kept until you sign in again.",
    forgot: "Forgotten your password? Whoever runs the server can make a link for a new one: belay therapist reset-link, with your address.",
    nobody: "Nobody has an account here yet",
    nobodyHint: "When the server started, it printed a link that begins with this address and /setup. Open it to set up the first therapist. If you don't find it, start the server again: it prints a new one.",
  },
  sessions: {
    title: "Sessions",
    new: "New session",
    practice: "Try a practice session",
    practiceHint: "Invented people, three links, nothing real: open them side by side in this browser and play all three parts.",
    speed: "Clock",
    speeds: /** @type {[number, string][]} */ ([[10, "10 times as fast (15 min in all)"], [60, "60 times as fast (3 min in all)"], [1, "as in real life"]]),
    making: "Making it …",
    none: "No session is planned",
    noneHint: "Make one with “New session”, or try a practice session first.",
    open: "Open your page",
    links: "People, links, time",
    here: "here now",
    nobody: "nobody is here yet", nobodyNow: "nobody is connected now",
    groups: { now: "Now", today: "Today", sign: "To be signed", later: "Later", practice: "Practice" },
    sign: "Write the summary and sign",
    /** @param {number} minutes */
    since: (minutes) => `T+${minutes} min`,
    you: "you",
    chaperone: "chaperone",
    /** @param {number} n */
    gates: (n) => (n === 1 ? "1 check is open" : `${n} checks are open`),
    practiceMark: "Practice",
    /** @param {number} n @param {number} of */
    dosing: (n, of) => (of ? `dosing ${n} of ${of}` : `dosing ${n}`),
  },
  form: {
    title: "New session",
    cancel: "Not now",
    submit: "Make the session and its links",
    sending: "Making it …",
    client: "Client",
    /** @param {number} n */
    clientN: (n) => `Client ${n}`,
    addClient: "Add a partner (a couple, each with an own clock)",
    shares: "uses the same device as the first client",
    chaperone: "Chaperone",
    chaperoneHint: "An adult in the home, in another room, for the whole visit.",
    addChaperone: "Add another chaperone",
    addCo: "Add a co-therapist",
    co: "Co-therapist",
    you: "You", ownPhone: "Your phone during the session", ownPhoneHint: "The chaperone sees it when they are called, and when they cannot reach you here.",
    remove: "Remove",
    name: "Name",
    pronouns: "Pronouns", phone: "Phone", phoneHint: "With area code: to call them when the connection is lost.",
    order: "The prescriber's order",
    prepared: "Product", doseMg: "Dose (mg)", tablets: "Tablets per dose", totalMg: "Never more than (mg in all)", totalHint: "Boosters included.",
    booster: "A second dose is prescribed", boosterFrom: "earliest, minutes after the first", boosterTo: "latest, minutes after the first",
    number: "Dosing number", of: "of how many",
    conditions: "Relevant conditions", conditionsHint: "For the emergency card: what somebody at the door must know.",
    prescriber: "Prescriber", prescriberPhone: "Prescriber's phone",
    when: "When", nowOption: "Now", atOption: "At", at: "Date and time",
    missing: "Please fill this in.",
    /** @param {string} min @param {string} max */
    range: (min, max) => `A number from ${min} to ${max}, please.`,
    missingTime: "Please give the date, and the time of day as hh:mm, for example 14:03.",
    atTime: "Time of day of the start, hh:mm",
  },
  made: {
    title: "Links for this session",
    lead: "Each link is for one person. It opens once by itself, in the browser that shows it first; another device waits for your one tap. Links are shown only now: a lost one is replaced by a new one at any time.",
    you: "You", own: "Open your own page", ownHint: "It opens with your account, on any device on which you sign in, in a tab of its own.",
    copy: "Copy", copyMessage: "Copy as a message", copied: "Copied", notCopied: "Select the line and copy it",
    openHere: "Open here, in a new tab",
    scan: "Scan with the phone's camera",
    print: "Print", back: "Back to the sessions",
    /** @param {string} until */
    until: (until) => `Valid until ${until}`,
    printLead: "Open this link in a browser (Chrome, Edge, Firefox or Safari), about a quarter of an hour before the start. Keep it to yourself: it opens your page and nobody else's.",
    link: "Link",
  },
  one: {
    title: "People and links",
    here: "connected", away: "not connected",
    fresh: "New link", revoke: "Withdraw the link", admit: "Let them in", refuse: "No",
    /** @param {string} name */
    asks: (name) => `Somebody opens ${name}'s link on another device:`,
    /** @param {string} name */
    revokeAsk: (name) => `Withdraw ${name}'s link? Every browser that it let in is closed out.`,
    yes: "Withdraw it", no: "Keep it",
    record: "Record so far",
    /** @param {string} at */
    planned: (at) => `Planned for ${at}`,
    edit: "Change name or phone", save: "Save",
    order: "Correct the order", orderWhy: "Reason, for the record", orderSave: "Correct the order",
    orderHint: "Both orders stay in the record. If the visit has begun, the medicine is checked against the order again. Once a dose is taken, its order stays as it was.",
    moveTitle: "Another time …", move: "Move the session", moved: "Moved. The links that you have sent go on working.",
    cancelTitle: "Cancel the session …", cancelWhy: "Reason, for the record", cancel: "Cancel the session",
    cancelling: "It does not take place, and whoever opens their link reads so. This cannot be taken back.",
  },
  past: {
    title: "Past sessions", search: "Search by name or date", none: "There is no past session", noneFound: "Nothing fits the search", record: "Record", unsigned: "not signed",
  },
  record: {
    title: "Record", back: "Back", print: "Print", log: "Download the event log (JSON)", find: "Search in this record", lines: "What happened", none: "Nothing is recorded yet",
    doses: "Doses", vitals: "Vitals", effects: "Side effects", summary: "Summary", cpt: "CPT", unsigned: "This record is not signed.", signedLine: "This record is signed: addenda only.",
    client: "Client",
    planned: "Planned for", times: "All times", signature: "Signature", addenda: "Addenda", people: "People", versions: "Versions", id: "Session", session: "In the session",
    /** @param {string} id @param {number} seq */
    entries: (id, seq) => `${id}, ${seq} entries`,
    /** @param {number} settings @param {string} consent */
    versionsAre: (settings, consent) => `settings ${settings}, consent ${consent || "none"}`,
    intention: "Intention", order: "Order", authorizations: "Authorised", phases: "Phases", ready: "Ready for release", released: "Released", checkIns: "Look-ins", ratings: "Ratings",
    interventions: "Actions", consent: "Consent", today: "Said on arrival", gates: "Checks before the dose", criteria: "Release criteria", conditions: "Conditions",
    alarms: "Alarms", calls: "Called in", interruptions: "Interruptions",
    /** @param {import("./types.d.ts").Order} order */
    ordered: (order) => [`${order.product}: ${order.dose_mg} mg in ${order.tablets} ${order.tablets === 1 ? "tablet" : "tablets"}, ${order.total_mg} mg at most`,
      order.booster_to_s ? `a second dose ${order.booster_from_s / 60} to ${order.booster_to_s / 60} min after the first` : "", order.number ? `dosing ${order.number}${order.of ? ` of ${order.of}` : ""}` : "",
      [order.prescriber, order.phone].filter(Boolean).join(", ")].filter(Boolean).join(" · "),
    /** @param {import("./types.d.ts").Dose} dose @param {string} at @param {string} by @param {string} witness */
    dose: (dose, at, by, witness) => `${dose.number}: ${dose.mg} mg in ${dose.tablets} ${dose.tablets === 1 ? "tablet" : "tablets"} at ${at}, recorded by ${by}, ${witness ? `witnessed by ${witness}` : "not witnessed"}, ${{ swallowed: "swallowed after the hold", spat: "spat out after the hold" }[dose.outcome ?? ""] ?? "what became of it is not recorded"}`,
    /** @param {number} open @param {string} reason */
    past: (open, reason) => `not authorised when it was taken, ${open} ${open === 1 ? "check" : "checks"} open: ${reason}`,
    /** @param {number} mg @param {number} tablets 0: they were not corrected @param {string} at @param {string} on @param {string} by @param {string} reason */
    corrected: (mg, tablets, at, on, by, reason) => `was ${mg} mg${tablets ? ` in ${tablets} ${tablets === 1 ? "tablet" : "tablets"}` : ""} at ${at} until ${by} corrected it at ${on}: ${reason}`,
    /** @param {string} at @param {string} by @param {string} due @param {number} late minutes */
    look: (at, by, due, late) => `${at} ${by}${due ? `, due ${due}${late > 0 ? `, ${late} min late` : ""}` : ""}`,
    /** @param {import("./types.d.ts").SideEffect} one @param {string} from @param {string} to */
    effect: (one, from, to) => [`${from} ${one.kind}`, one.note, to ? `over ${to}` : "not noted as over", one.action].filter(Boolean).join(" · "),
    /** @param {string} version @param {string} at */
    consentGiven: (version, at) => `version ${version}, ${at}.`,
    noConsent: "not given", sees: "The chaperone may see and hear.", seesNot: "The chaperone may not see or hear.",
    /** @param {boolean} fasted @param {string} changes */
    stated: (fasted, changes) => `${fasted ? "fasted" : "not fasted"}; ${changes ? `changes since screening: ${changes}` : "no changes since screening"}`,
    late: "raised later than it was due",
    /** @param {string} by @param {string} at */
    acknowledged: (by, at) => `acknowledged ${at}, ${by}`,
    /** @param {string} by @param {string} text */
    resolved: (by, text) => `${by}: ${text}`,
    /** @param {string} at */
    over: (at) => `over ${at}`,
    /** @param {string} at */
    going: (at) => `went ${at}`,
    notGoing: "did not answer that they go",
    /** @param {string} at */
    with: (at) => `with them ${at}`,
    /** @param {string} who @param {string} what @param {string} from @param {number} long ms; -1: for good */
    lost: (who, what, from, long) => `${from} ${what === "voice" ? `therapist's voice to ${who}` : `${what} of ${who}`} ${long < 0 ? "lost until the end" : `lost for ${span(long)}`}`,
  },
  settings: {
    title: "Settings of the practice",
    /** @param {number} version */
    version: (version) => `Version ${version}. A change counts for sessions made after it; those that exist keep the numbers that they were made with.`,
    states: "Licensed states", consent: "Consent", consentVersion: "Version of the consent text",
    consentHint: "A new version must be consented to again before any dose.",
    times: "Times", limits: "Blood pressure and heart rate", alarms: "Alarms", alarmsHint: "No setting switches an alarm off. The ladder of each, as it is pinned to new sessions:",
    save: "Save as a new version", sending: "Saving …", saved: "Saved. It counts for sessions made from now on.",
    min: "min", hours: "h", usual: "usual", condition: "Alarm", ladder: "Ladder", at: "at once",
    password: "Your password", old: "Old password", fresh: "New password", change: "Change the password", changed: "Changed. Your other browsers are signed out.",
  },
};

/**
 * Spans of the settings: key, words, unit, and where the usual number comes from.
 *
 * @type {[key: string, label: string, unit: "min" | "h", source: string][]}
 */
export const spans = [
  ["opens_before_s", "The room opens before the start", "min", "our own judgement"],
  ["chaperone_before_s", "The chaperone is due before the start", "min", "Journey Clinical, chaperone guidelines"],
  ["authorization_for_s", "A dose stays authorised for", "min", "our own judgement"],
  ["hold_per_tablet_s", "Held under the tongue, each tablet", "min", "tracysantomarco.com, oral ketamine chaperone tips"],
  ["vitals_at_s", "Blood pressure is due after the dose", "min", "FDA Spravato REMS; spravatohcp.com"],
  ["remeasure_after_s", "Measure again after a very high reading", "min", "our own judgement"],
  ["check_in_every_s", "The chaperone looks in every", "min", "Journey Clinical; Mindbloom"],
  ["window_from_s", "Returning is offered from", "min", "practice documents"],
  ["window_to_s", "The active window is overdue from", "min", "practice documents"],
  ["release_minimum_s", "No release before, since the last dose", "min", "FDA Spravato REMS (2 hours of monitoring)"],
  ["planned_end_s", "Planned end of the visit", "min", "practice documents"],
  ["release_overdue_s", "Not released is said after the earliest release plus", "min", "our own judgement"],
  ["integration_from_s", "Integration visit, earliest", "h", "Journey Clinical"],
  ["integration_to_s", "Integration visit, latest", "h", "Journey Clinical"],
];

/** @type {[key: string, label: string, unit: string, source: string][]} */
export const limits = [
  ["block_systolic", "No dose above, systolic", "mmHg", "chooseketamine.com, remote treatment agreement"],
  ["block_diastolic", "No dose above, diastolic", "mmHg", "chooseketamine.com, remote treatment agreement"],
  ["block_heart_rate", "No dose above, heart rate", "per min", "chooseketamine.com, remote treatment agreement"],
  ["caution_systolic", "Caution above, systolic", "mmHg", "Spravato label (over 140/90: consider delaying)"],
  ["caution_diastolic", "Caution above, diastolic", "mmHg", "Spravato label (over 140/90: consider delaying)"],
  ["alarm_systolic", "Alarm at or above, systolic", "mmHg", "our own judgement"],
  ["alarm_diastolic", "Alarm at or above, diastolic", "mmHg", "our own judgement"],
  ["baseline_span", "Release: within this of the last reading before the dose, up and down", "mmHg, per min", "droracle.ai 756346"],
];
