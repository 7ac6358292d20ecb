// Every text of the therapist's screen that is not the server's.

import { ago, ms, span, timeOfDay } from "./clock.js";

/**
 * @typedef {import("./types.d.ts").ClientView} ClientView
 * @typedef {import("./types.d.ts").Person} Person
 * @typedef {import("./types.d.ts").Order} Order
 * @typedef {import("./types.d.ts").Authorization} Authorization
 * @typedef {import("./types.d.ts").Vitals} Vitals
 * @typedef {import("./types.d.ts").DeviceFound} DeviceFound
 * @typedef {import("./types.d.ts").Phase} Phase
 */

/** @param {number} minutes */
const t = (minutes) => `T+${Math.round(minutes)}`;

/** @param {number} n @param {string} one @param {string} [many] */
const count = (n, one, many = `${one}s`) => `${n} ${n === 1 ? one : many}`;

export const words = {
  /** @type {Record<Phase, string>} */
  phases: {
    scheduled: "Not open yet", lobby: "In the lobby", check_in: "Checking in", ready: "Ready for the dose", absorbing: "Absorbing",
    active: "Active", integrating: "Integrating", release_check: "Release check", closed: "Released", signed: "Signed",
    cancelled: "Cancelled", ended_early: "Ended early", transferred: "Handed over to emergency services",
  },
  /** @type {Phase[]} phases in which nothing runs any more */
  over: ["closed", "signed", "cancelled", "ended_early", "transferred"],

  /** @param {string} names */
  sessionWith: (names) => `Session with ${names}`,
  practice: "Practice session. Nothing real happens here.",
  /** @param {number} rate */
  practiceFast: (rate) => `Practice session. Nothing real happens here. The clock runs ${rate} times as fast.`,

  join: {
    title: "Join the session",
    lead: "Alarms on this computer have sound. Joining switches it on.",
    button: "Join the session",
    first: "If you like, first",
    check: "Try camera and microphone",
    hear: "Hear an alarm",
    picture: "Your own picture",
    level: "Loudness of your microphone",
    speak: "Say a few words: the bar moves with your voice.",
    heard: "Your microphone works.",
    without: "Join without camera and microphone",
    noMedia: "This browser cannot carry picture and sound. The clock, the alarms and the record work; to see and hear the client, open this page in a current Chrome, Edge, Firefox or Safari.",
    waiting: "Reading the session from the server …",
  },

  form: {
    required: "Please fill this in.",
    choose: "Choose …",
    optional: "(optional)",
    cancel: "Not now",
    sending: "Sending …",
    /** @param {number} min @param {number} max */
    number: (min, max) => `A number from ${min} to ${max}, please.`,
    clock: "Please write the time of day as hh:mm, for example 14:03.",
    moment: "Please give the date, and the time of day as hh:mm, for example 14:03.",
    /** @param {string} label */
    time: (label) => `${label}: time of day, hh:mm`,
  },
  reason: "Reason, for the record",
  more: "More",
  nextTitle: "What comes next",
  /** @param {string} name */
  panelOf: (name) => `${name}: clock and next step`,

  /** @param {ClientView} client */
  facts(client) {
    const dose = client.doses?.at(-1);
    const said = client.doses?.length ? `${client.doses.map((d) => `dose ${d.number}: ${d.mg} mg at ${timeOfDay(d.at)}${d.corrections?.length ? " (corrected)" : ""}`).join(" · ")}` : "";
    const unwitnessed = dose && !dose.witnessed_by ? ", not witnessed" : "";
    const since = !client.doses?.length && client.phase_since ? `since ${timeOfDay(client.phase_since)}` : "";
    return `${since}${said}${unwitnessed}`;
  },
  /** @param {ClientView} client */
  notDosed(client) {
    const order = client.order;
    if (!order) return "The clock starts with the dose.";
    return `Ordered: ${order.product ? `${order.product}, ` : ""}${order.dose_mg} mg in ${count(order.tablets, "tablet")}. The clock starts with the dose.`;
  },
  /** @param {string} left */
  holding: (left) => `Hold timer: ${left} left.`,
  /** @param {Authorization} allowed @param {string} left */
  allowed: (allowed, left) => `Dose ${allowed.number}, ${allowed.mg} mg in ${count(allowed.tablets, "tablet")}, may be taken now. This lapses in ${left}.`,
  /** @param {string} why */
  lapsed: (why) => `The dose may not be taken: ${why}${/[.!?…]$/.test(why) ? "" : "."}`, // the reason may have a full stop of its own

  /** @param {ClientView} client */
  admit: (client) => `Begin the check-in with ${client.name}`,
  /** @param {ClientView} client */
  returning: (client) => `${client.name} is returning`,
  /** @param {{name: string}} client */
  hide: (client) => `${client.name} no longer wants to be seen by the chaperone`,
  lookedIn: "Record a look-in that you were told of",
  releaseCheck: "Start the release check",
  /** @param {ClientView} client */
  release: (client) => `Release ${client.name}`,
  /** @param {ClientView} client @param {string} at */
  releasing: (client, at) => `Release ${client.name} at ${at}: every criterion is met, the visit ends, the watch over ${client.name} stops. This cannot be taken back.`,
  endEarly: "End early …",
  endEarlyNow: "End early now",
  /** @param {ClientView} client */
  endingEarly: (client) => `The visit with ${client.name} ends now without the release criteria, and the record says so. The watch stops. This cannot be taken back.`,
  transfer: "Hand over to emergency services …",
  transferNow: "Handed over now",
  transferTo: "To whom, and why",
  /** @param {ClientView} client */
  transferring: (client) => `${client.name} is in the care of emergency services from now on. The watch of this session over ${client.name} stops. This cannot be taken back.`,
  cancel: "Cancel the visit …",
  cancelNow: "Cancel the visit now",
  /** @param {ClientView} client */
  cancelling: (client) => `The visit with ${client.name} does not take place. Nobody has dosed. This cannot be taken back.`,

  dose: {
    mg: "Amount, mg",
    tablets: "Tablets",
    which: "Which dose",
    takenAt: "Taken at",
    asReported: "As it was reported to you.",
    /** @param {Order} order @param {number} taken */
    order: (order, taken) => `Ordered: ${order.dose_mg} mg first, ${order.total_mg} mg at most${taken ? `, ${taken} mg taken` : ""}.`,
    /** @param {number} number */
    authorize: (number) => `Authorise dose ${number}`,
    /** @param {ClientView} client @param {number} number @param {string} mg @param {string} tablets */
    authorizing: (client, number, mg, tablets) => `${client.name} may then take dose ${number}: ${mg || "…"} mg in ${tablets || "…"} ${tablets === "1" ? "tablet" : "tablets"}. Nothing is taken yet; it lapses by itself.`,
    /** @param {number} number */
    record: (number) => `Record dose ${number}`,
    /** @param {number} number @param {number} mg @param {string} at @param {boolean} first */
    recording: (number, mg, at, first) => `Record dose ${number}: ${mg} mg taken at ${at}. ${first ? "The clock starts." : "The earliest release moves with it."}`,
    /** @param {number} number */
    witness: (number) => `I saw dose ${number} taken`,
    swallowed: "It has already been swallowed …",
    recordIt: "Record it as taken",
    /** @param {ClientView} client @param {number} number @param {string} mg @param {string} at */
    swallowing: (client, number, mg, at) => `Records dose ${number} of ${client.name}: ${mg || "…"} mg taken at ${at || "…"}, past every check that is still open. ${client.t0 ? "" : "The clock starts at that time. "}A high alarm says so.`,
    withdraw: "Take the authorisation back …",
    correct: "Correct a dose …",
    correctIt: "Correct it",
    /** @param {number} number @param {number} mg @param {string} at */
    one: (number, mg, at) => `Dose ${number}: ${mg} mg at ${at}`,
    /** @param {string} number @param {string} mg @param {string} tablets @param {string} at */
    correcting: (number, mg, tablets, at) => `Dose ${number || "…"} becomes ${mg || "…"} mg in ${tablets || "…"} ${tablets === "1" ? "tablet" : "tablets"} at ${at || "…"}. Both values stay in the record, and every window follows.`,
    hold: "Swallowed or spat out? …",
    holdAsk: "What became of the medicine?",
    holdSwallowed: "Swallowed",
    holdSpat: "Spat out",
    /** @param {number} number */
    holdIt: (number) => `Record for dose ${number}`,
  },

  offer: {
    button: "Offer words …",
    /** @param {ClientView} client */
    ask: (client) => `Words on ${client.name}'s screen`,
    hint: "A question or a sentence to rest on. Empty takes them away.",
    send: "Show these words",
  },

  /** @param {number} now @param {{hold: number, from: number, to: number, release: number, end: number}} at */
  band: (now, at) => `Now ${t(now)}. Hold until ${t(at.hold)}. Returning is expected from ${t(at.from)} to ${t(at.to)}. Earliest release ${t(at.release)}. Planned end ${t(at.end)}.`,
  bandLegend: "Minutes since the first dose. Hatched: hold. Shaded: returning is expected. Triangle: earliest release.",

  head: {
    /** @param {ClientView} client */
    client(client) {
      const dosing = client.order?.number ? `dosing ${client.order.number}${client.order.of ? ` of ${client.order.of}` : ""}` : "";
      return [client.pronouns, dosing].filter(Boolean).join(" · ");
    },
    /** @param {Person} person @param {ClientView | undefined} client @param {number} now */
    chaperone(person, client, now) {
      if (person.leaving) return "has to leave";
      if (!person.arrived) return person.present ? "has opened the link, not tapped “I’m here” yet" : "not here yet";
      const said = [];
      said.push(person.confirmed ? `confirmed ${ago(ms(person.confirmed), now)}` : "here, not confirmed yet");
      if (client?.look?.due) {
        const left = ms(client.look.due) - now;
        said.push(left >= 0 ? `next in ${left < 60_000 ? "under 1 min" : span(left)}` : `look overdue ${span(-left)}`);
      }
      if (!person.present) said.push(words.head.phoneAway);
      return said.join(" · ");
    },
    phoneAway: "phone not connected",
    /** @type {Record<string, string>} */
    call: { called: "called, has not answered yet", going: "is going in", with: "is with them now" },
    people: "People and links",
  },

  devices: {
    /** @param {string} name @param {string} what */
    ask: (name, what) => `Someone opens ${name}’s link on another device${what ? ` (${what})` : ""}.`,
    /** @param {string} name @param {string} ago */
    instead: (name, ago) => `${name}’s page was opened once more ${ago}: loaded again, in another window or on another device. The one before was closed.`,
    admit: "Let them in",
    refuse: "No",
  },

  alarm: {
    title: "Alarms",
    /** @type {Record<string, string>} */
    priority: { high: "High", medium: "Medium", low: "Low" },
    /** @type {Record<string, string>} */
    shape: { high: "▲", medium: "◆", low: "●" },
    acknowledge: "Acknowledge",
    /** @param {number} n */
    together: (n) => `Acknowledge all ${n} shown here`,
    resolve: "Resolved …",
    resolveIt: "It is over",
    how: "How it ended, for the record",
    /** @param {string} at @param {string} long */
    since: (at, long) => `since ${at} (${long})`,
    /** @param {string} what @param {string} at */
    from: (what, at) => `${what}, since ${at}`,
    /** @param {number} rung @param {number} of */
    rung: (rung, of) => `step ${rung} of ${of}`,
    late: "raised later than it was due",
    /** @param {string} who @param {string} at */
    acknowledged: (who, at) => `acknowledged by ${who}, ${at}`,
    ended: "over; stays until acknowledged",
    /** @param {number} n @param {string[]} what */
    more: (n, what) => `${n} more: ${what.join(" · ")}`,
    fewer: "Only the first",
    silent: "Alarm sounds are off until you click or press a key on this page.",
    here: "on this computer",
    /** @param {string} seconds */
    serverSilent: (seconds) => `The server has not answered for ${seconds}. The picture may go on. What you do now is kept and sent when the server is back. Watch the client and the clock yourself.`,
    /** @param {string} name */
    direct: (name) => `${name} asks for help. It came directly, without the server: the chaperone has not been called. Phone them.`,
    /** @param {string} since @param {string} said @param {number} noted */
    degraded: (since, said, noted) => `The record cannot be written since ${since}. ${said}${noted ? ` Noted here so far: ${noted}.` : ""}`,
  },

  picture: {
    /** @param {string} name */
    of: (name) => `Picture of ${name}`,
    /** @param {string} name */
    notHere: (name) => `${name} is not here yet.`,
    /** @param {string} name @param {string} ago */
    gone: (name, ago) => `${name}’s page has been away for ${ago}. The picture comes back by itself.`,
    /** @param {string} name */
    still: (name) => `You do not see ${name} now: this picture stands still.`,
    /** @param {string} name */
    waits: (name) => `${name} is here and waits. You see each other when you begin the check-in.`,
    /** @param {string} name */
    over: (name) => `The visit with ${name} is over. Picture and sound have ended.`,
    /** @param {string} name */
    connecting: (name) => `${name} is here. The picture is being connected.`,
    /** @param {string} name */
    dark: (name) => `You do not see ${name}: their camera is off.`,
    unheard: "Nobody hears you now.",
    again: "Try again",
    never: "This browser cannot carry picture and sound. Open this page in a current Chrome, Edge, Firefox or Safari.",
    /** @param {string} age */
    old: (age) => `picture ${age} old`,
    lost: "picture lost",
    silent: "no sound arrives",
    /** @param {string} since */
    quiet: (since) => `your microphone is off since ${since}`,
    hearsNobody: "they do not hear you",
    heldBack: "their browser plays no sound until they tap",
    micOff: "their microphone gives nothing",
    camOff: "their camera is off",
    asleep: "their screen may go to sleep",
    hidden: "their page is in the background",
    /** @param {number} percent */
    battery: (percent) => `their battery ${percent} %`,
    poor: "poor line",
    relayed: "relayed",
    reconnecting: "reconnecting the picture",
    hear: "The browser holds the sound back. Click here to hear.",
    self: "Your own picture. Drag it, or move it with the arrow keys.",
    selfNone: "Your camera is off",
    hideSelf: "Hide",
    showSelf: "Show my picture",
    swap: "Swap pictures",
    stack: "One large, one small",
    split: "Both the same size",
    understood: "Hide this",
    needsTap: "Camera or microphone stopped. Click here to start them again.",
  },

  chooseClient: "Whom the part below is about",
  tabs: { checks: "Checks", vitals: "Vitals", release: "Release", after: "Record" },
  /** @param {number} open */
  openChecks: (open) => (open === 0 ? "all settled" : `${open} open`),

  gates: {
    title: "Checks before the dose",
    confirm: "Confirm",
    settle: "Settle …",
    settleIt: "Confirm",
    override: "Override …",
    overrideIt: "Override this check",
    /** @param {string} title */
    overriding: (title) => `“${title}” counts as passed without being settled. Your reason stands in the record.`,
    reopen: "Reopen …",
    reopenIt: "Reopen",
    overridden: "Overridden",
    passed: "Passed",
    open: "Open",
    /** @param {string} title @param {number} n */
    done: (title, n) => `${title} (${n})`,
    settled: "Settled",
    stated: "Stated by the client today; please confirm it with them.",
    takeVitals: "Enter a reading",
    answered: "They answered the test call",
    ring: "Ring",
    noPhone: "no number noted",
    /** @param {import("./types.d.ts").Today} today */
    today: (today) => `The client says: ${[today.fasted ? "fasted" : "not fasted", today.changes ? `changes since screening: ${today.changes}` : "no changes since screening", today.intention ? `intention: ${today.intention}` : ""].filter(Boolean).join(" · ")}`,
  },

  criteria: {
    title: "Before release",
    met: "Met",
    open: "Open",
    confirm: "Confirm",
    settle: "Enter …",
    reopen: "Reopen …",
    reopenIt: "Reopen",
  },

  vitals: {
    pressure: "Blood pressure, mmHg",
    heart: "Heart rate, per minute",
    none: "No reading yet",
    /** @type {Record<string, string>} */
    level: { ok: "", caution: "caution", block: "above the limit for a dose", alarm: "very high" },
    due: "A reading is due.",
    systolic: "Upper (systolic)",
    diastolic: "Lower (diastolic)",
    heartRate: "Heart rate",
    spo2: "SpO₂, %",
    source: "Where it comes from",
    sources: [{ value: "read aloud", label: "Read aloud from their cuff" }, { value: "home cuff", label: "Seen on their cuff" }],
    at: "Measured at",
    save: "Record the reading",
    /** @param {Vitals} v */
    said: (v) => `${v.systolic}/${v.diastolic}${v.heart_rate ? `, heart rate ${v.heart_rate}` : ""}${v.spo2 ? `, SpO₂ ${v.spo2} %` : ""}`,
    /** @param {string} what @param {string} list */
    chart: (what, list) => `${what}: ${list}`,
  },

  effects: {
    over: "Over …",
    overIt: "It is over",
    action: "What was done",
    /** @param {string} at */
    since: (at) => `since ${at}`,
    /** @param {string} from @param {string} to */
    was: (from, to) => `${from} to ${to}`,
    kind: "What",
    kinds: ["nausea", "vomiting", "dizziness", "vertigo", "sedation", "fatigue", "double vision", "hypoesthesia", "dissociation"],
    other: "Or in other words",
    note: "How it is",
    began: "Began at",
    save: "Record it",
  },

  ratings: {
    title: "Ratings",
    scale: "Scale and value",
    moaas: ["0: no response to a painful squeeze", "1: responds only to a painful squeeze", "2: responds only to mild prodding", "3: responds only when the name is called loudly or repeatedly", "4: lethargic response to the name", "5: responds readily to the name"],
    dissociation: ["0: none", "1: slight", "2: moderate", "3: strong", "4: very strong"],
    moaasName: "Sedation (MOAA/S)",
    dissociationName: "Dissociation",
    hint: "A sedation rating is never an all-clear.",
    save: "Record the rating",
    /** @param {string} scale @param {number} value @param {string} at */
    said: (scale, value, at) => `${scale === "moaas" ? "MOAA/S" : "dissociation"} ${value} at ${at}`,
  },

  observe: {
    /** @param {string} name */
    title: (name) => `Write down for ${name}`,
    vitals: "+ Vitals",
    effect: "+ Side effect",
    rating: "+ Rating",
    intervention: "+ Action",
    note: "+ Note",
    concern: "▲ Alarm",
    interventionText: "What was done",
    at: "At",
    save: "Record it",
    saved: "Recorded",
  },

  /** Conditions that a therapist sees and raises. */
  concern: {
    label: "What do you see?",
    words: "In your words",
    save: "Raise the alarm",
    /** @param {string} name @param {string} chaperone */
    consequence: (name, chaperone) => `A high alarm for ${name}. ${chaperone} is called in at once.`,
    kinds: [{ value: "unresponsive", label: "Does not respond" }, { value: "breathing", label: "Trouble breathing" }, { value: "chest_pain", label: "Chest pain" }],
  },

  note: {
    label: "Note",
    /** @param {string} at */
    begun: (at) => `begun ${at}`,
    blank: "takes its time from your first letter",
    record: "A line of the record, which others may read. Process notes stay apart from it: not here.",
    save: "Save the note",
    saving: "Saving …",
    kept: "Not saved yet. It is kept on this computer.",
    close: "Close",
    keys: "Ctrl+Enter saves, Esc closes. What you wrote stays here.",
  },

  lines: { title: "The record so far", all: "Whole record", less: "Only the last lines", none: "Nothing yet." },

  emergency: {
    button: "Emergency card",
    /** @param {string} name */
    title: (name) => `Emergency card: ${name}`,
    close: "Close the card",
    copy: "Copy",
    copied: "Copied",
    print: "Print",
    script: "Read this aloud",
    call: "Call",
    local: "Emergency number for this address",
    noNumber: "Not noted yet. 911 reaches the dispatch centre where you are, not where the client is.",
    address: "Address today",
    doses: "Medicine",
    noDoses: "No dose recorded in this session",
    vitals: "Last reading",
    noVitals: "None",
    conditions: "Conditions",
    noConditions: "None noted",
    none: "There is no card yet.",
    /** @param {string} time */
    asOf: (time) => `As of ${time}`,
    limits: "Belay is not an emergency service. It does not call anyone outside this session by itself.",
  },
  goIn: {
    button: "Please go in",
    key: "g",
    again: "Press g once more to call",
    /** @param {string} name */
    to: (name) => `Calls the chaperone in to ${name}`,
  },

  controls: {
    micOn: "Mic on", micOff: "Mic off", micNone: "No mic", micSilent: "Mic: no sound", camOn: "Camera on", camOff: "Camera off", camNone: "No camera",
    devices: "Devices",
    camera: "Camera", microphone: "Microphone", speaker: "Loudspeaker",
    keys: "Keys n, e and g",
    sample: "Hear an alarm",
    standard: "The browser’s choice",
    music: "Music plays in this room: filter nothing out",
    /** @param {string} name */
    musicAt: (name) => `Music plays at ${name}’s side: send it unfiltered`,
    noSpeaker: "This browser plays through the system’s loudspeaker.",
  },

  connection: {
    connecting: "server: connecting",
    open: "server: connected",
    /** @param {string} long */
    reconnecting: (long) => `server: reconnecting for ${long}`,
    left: "server: this window no longer takes part",
    replaced: "This seat was taken over by another window or device.",
    takeBack: "Continue here instead",
    /** @type {Record<string, string>} */
    ended: { revoked: "You are no longer signed in. Please sign in again; the session goes on.", unknown: "There is no such session any more.", protocol: "This page is out of date. Please load it again." },
    reload: "Load the page again",
    signIn: "Sign in",
    out: "Signed out",
    title: "Connection",
    noSecond: "no second path",
    noDirect: "Without the server, a call for help cannot reach you directly.",
    noDirectShort: "no direct line",
    /** @type {Record<string, string>} */
    route: { direct: "direct", "relay-udp": "relayed", "relay-tcp": "relayed (TCP)", "relay-tls": "relayed (TLS)" },
    /** @param {string} name @param {string} route */
    peer: (name, route) => `${name}: ${route || "connecting"}`,
    /** @param {number} fps */
    rate: (fps) => `${Math.round(fps)} pictures/s`,
    /** @param {string} route @param {boolean} second */
    way: (route, second) => `Way: ${route || "being connected"}. ${second ? "A second one stands ready." : "No second one stands ready."}`,
    figures: { age: "Age of the picture", frames: "Pictures per second", sound: "Loudness", loss: "Lost on the way", trip: "There and back" },
    nothing: "nothing yet",
    /** @param {number} value */
    seconds: (value) => `${Math.max(0, value).toFixed(1)} s`,
    /** @param {number} value */
    whole: (value) => String(Math.round(Math.max(0, value))),
    /** @param {number} value */
    loud: (value) => (value > 0.01 ? "sound" : value > 0 ? "quiet" : "digital silence"),
    /** @param {number} value */
    percent: (value) => `${Math.round(value)} %`,
    /** @param {number} value */
    milliseconds: (value) => `${Math.round(value)} ms`,
    /** @param {string} what @param {string} least @param {string} most */
    trend: (what, least, most) => `${what}, last 5 minutes: ${least === most ? least : `${least} to ${most}`}`,
    legend: "Each line is the last five minutes, now at its right end. Measured at this page; what a device tells of itself is shown only while it goes on telling.",
    /** @param {string[]} facts */
    theirs: (facts) => `Their device: ${facts.join(" · ")}.`,
    /** @param {string} name */
    untold: (name) => `${name}’s device tells nothing of itself now.`,
    noBattery: "battery not told",
    /** @param {number} percent @param {boolean} charging */
    battery: (percent, charging) => `battery ${percent} %${charging ? ", charging" : ""}`,
    awake: "screen stays awake", asleep: "screen may sleep", front: "page in front", behind: "page in the background",
    /** @param {string} name @param {number} fps @param {number} ms @param {number} loss */
    seesYou: (name, fps, ms, loss) => `${name} gets you: ${Math.round(fps)} pictures/s · ${Math.round(ms)} ms · ${Math.round(loss * 100)} % lost`,
    noVoice: "none of your sound",
  },

  people: {
    title: "People and links",
    close: "Close",
    fresh: "New link",
    /** @param {string} name */
    replacing: (name) => `A new link for ${name} replaces the old one. A device that is in stays in; another one that opens the new link waits for your tap. To turn a device out, withdraw the link.`,
    freshIt: "Make a new link",
    revoke: "Withdraw the link",
    /** @param {string} name */
    revoking: (name) => `${name}’s link stops working, and every device that it let in is shut out, also one that is connected now.`,
    revokeIt: "Withdraw it",
    copy: "Copy the link", copied: "Copied", qr: "QR code for a phone",
    /** @param {string} name */
    only: (name) => `Only for ${name}. It is shown once.`,
    failed: "The server did not make a link. Please try again.",
    /** @type {Record<string, string>} */
    link: { none: "no link yet", valid: "link not opened yet", used: "link opened", expired: "link expired", revoked: "link withdrawn" },
    here: "connected", away: "not connected", never: "has not been here",
    phone: "Phone",
    edit: "Change name or phone …",
    save: "Save",
    name: "Name", pronouns: "Pronouns",
    add: "Add a person …", addIt: "Add", role: "As",
    roles: [{ value: "chaperone", label: "Chaperone" }, { value: "co_therapist", label: "Co-therapist" }],
    therapists: ["therapist", "co_therapist"],
    /** @type {Record<string, string>} */
    role_: { therapist: "therapist", co_therapist: "co-therapist", client: "client", chaperone: "chaperone" },
    /** @param {DeviceFound} d */
    found(d) {
      /** @type {Record<string, string>} */
      const said = { ok: "works", none: "none", refused: "refused", busy: "in use elsewhere", failed: "failed", heard: "heard", not_heard: "not heard", untested: "not tested" };
      return `camera ${said[d.camera] ?? d.camera}, microphone ${said[d.microphone] ?? d.microphone}, loudspeaker ${said[d.loudspeaker] ?? d.loudspeaker}`;
    },
    sees: "The client allows the chaperone to see and hear.",
  },

  after: {
    title: "Finish the record",
    summary: "Summary",
    saveSummary: "Save the summary",
    saved: "Saved",
    code: "CPT code",
    codes: [{ value: "90791", label: "90791 diagnostic evaluation" }, { value: "90792", label: "90792 with medical services" }, { value: "90837", label: "90837 psychotherapy, 60 minutes" }],
    otherCode: "Or another: five digits",
    saveCode: "Enter the code",
    sign: "Sign the record",
    signing: "Signing makes the record unalterable. After it, only addenda can be added.",
    signed: "This record is signed. Addenda can be added.",
    addendum: "Add an addendum …",
    addendumText: "Addendum",
    addIt: "Add it",
    /** @param {string} name */
    of: (name) => `Record of ${name}`,
    back: "Back to the console",
  },

  /** @param {string[]} names */
  and: (names) => (names.length < 2 ? names.join("") : `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`),
};
