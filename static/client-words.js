// Every text of the client's pages.

/** @typedef {import("./types.d.ts").Phase} Phase */

/** @param {string[]} names */
export function list(names) {
  if (names.length < 2) return names[0] ?? "";
  return `${names.slice(0, -1).join(", ")} and ${names[names.length - 1]}`;
}

/** @param {string[]} who */
const are = (who) => (who.length > 1 ? "are" : "is");

export const words = {
  title: "Your session",
  practice: "Practice: nothing here is real.",
  practiceShort: "Practice",

  // Connection.
  connecting: "Connecting to your room.",
  connectingLong: "This takes longer than usual. It goes on by itself; you can leave this page open.",
  reconnecting: "Reconnecting. This happens by itself; you don’t need to do anything.",
  replacedTitle: "Your session is open somewhere else",
  replaced: "It was opened in another tab or on another device, and goes on there. You can close this page.",
  takeBack: "Continue here instead",
  revokedTitle: "This link does not work any more",
  revoked: "It has expired, or was withdrawn. Please ask your therapist for a new link.",
  unknownTitle: "There is no such session",
  unknown: "Please open the link in your invitation once more, or ask your therapist for a new one.",
  protocolTitle: "This page is out of date",
  protocol: "Please load it again.",
  reload: "Load the page again",
  /** @param {string} what */
  degraded: (what) => what || "Right now nothing can be saved. We try again by ourselves.",

  // Arriving.
  back: "Back",
  next: "Continue",
  save: "Save and continue",
  saving: "Saving.",
  notSaved: "This could not be saved yet. It is tried again by itself.",
  /** @param {number} n @param {number} of */
  step: (n, of) => `Step ${n} of ${of}`,
  missing: "Please fill this in.",
  choose: "Please choose one.",

  nameTitle: "Welcome. How should we call you?",
  nameLead: "These are the words everyone will use for you today.",
  name: "Name",
  pronouns: "Pronouns",
  pronounsHint: "For example: she/her, they/them. You can leave this empty.",

  devicesTitle: "Camera, microphone and sound",
  devicesLead: "Your therapist sees and hears you the whole time. Put this device where it sees you lying down, and plug it in.",

  placeTitle: "Where are you today?",
  placeLead: "If you ever needed help in person, it would be sent to this address.",
  street: "Street and number, apartment",
  city: "City",
  state: "State",
  stateChoose: "Choose a state",
  access: "How to get in",
  accessHint: "Floor, door code, a dog. You can leave this empty.",
  phone: "Your phone number today",
  phoneHint: "Your therapist calls it if the picture is lost. Keep that phone beside you.",

  withTitle: "Who is with you?",
  withLead: "Someone you trust stays in the next room until you are fully back.",
  /** @param {string} name */
  withHere: (name) => `${name} is there: ready on their own phone.`,
  /** @param {string} name */
  withPresent: (name) => `${name} has opened their link, and still has to tap “I’m here” on their own phone.`,
  /** @param {string} name */
  withNotYet: (name) => `${name} is not there yet. They have a link of their own, to open on their own phone.`,
  withNobody: "Nobody is planned in this session. Please talk to your therapist about it.",
  withUnknown: "As soon as we are connected again, you see here who has arrived.",
  withHelp: "They are in another room with their phone, look in from time to time, and come when you or your therapist call.",

  todayTitle: "How is today?",
  fasted: "Did you eat and drink only as agreed in your preparation?",
  yes: "Yes",
  no: "No",
  noMatter: "That is all right to say. You and your therapist will look at it together.",
  changes: "Has anything changed in your health or your medicines since your last talk?",
  changesHint: "If nothing has changed, leave this empty.",
  intention: "What is your intention for today?",
  intentionHint: "As many or as few words as you like. You can leave this empty.",

  consentTitle: "Your consent",
  consentAgree: "I have read this and I consent",
  /** @param {string} version */
  consentVersion: (version) => `Version ${version}`,
  consentUnknown: "The text of this version is not on this page. Please read it together with your therapist before you consent.",
  consentGiven: "You have consented to this. You can take that back at any time: tell your therapist.",

  /** @param {string} who */
  seeTitle: (who) => `May ${who} see and hear you?`,
  /** @param {string} who */
  seeLead: (who) => `It is up to you. Without it, ${who} sees only what is happening in words, and when to look in. You can say yes until you take the medicine, and take it back at any time.`,
  seeYes: "Yes, picture and sound",
  seeNo: "No, only words",

  waitingTitle: "All set. Your therapist comes to you here.",
  waitingAlone: "Your therapist is not here yet. You don’t need to do anything.",
  /** @param {string[]} who */
  waitingHere: (who) => `${list(who)} ${are(who)} here. You don’t need to do anything.`,
  /** @param {string} at */
  waitingStart: (at) => `Your session is planned for ${at}.`,
  nextTitle: "What happens next",
  nextSteps: [
    "Your therapist greets you on this screen.",
    "You go through some checks together, and measure your blood pressure.",
    "When everything is ready and you say yes, you take the medicine together.",
    "After that the screen goes dark and quiet. There is nothing more to do. One touch on “Help” calls everyone.",
  ],
  meanwhileTitle: "Meanwhile",
  meanwhile: [
    "Plug this device in, and turn on “Do not disturb”.",
    "Keep a blanket, water, your eyeshade and the blood pressure cuff within reach.",
    "Use the bathroom once more.",
  ],
  change: "Look at my answers again",
  /** @param {string[]} who */
  therapistHere: (who) => `${list(who)} ${are(who)} with you and can see you. You can finish this together.`,
  goToTherapist: "Go to your therapist",

  // With the therapist.
  openTitle: "Still to do together",
  /** @param {number} n */
  openMore: (n) => `and ${n} more`,
  yesLead: "Do you want to begin today? You can always say no, also later.",
  begin: "Yes, I want to begin",
  said: "You have said yes. Your therapist tells you when it is time.",
  /** @param {number} mg @param {number} tablets */
  amount: (mg, tablets) => `${mg} mg (${tablets} ${tablets === 1 ? "tablet" : "tablets"})`,
  /** @param {string} amount */
  takeLead: (amount) => `Everything is ready: ${amount}.`,
  take: "I am taking it now",
  /** @param {string} name */
  takeFor: (name) => `${name}: I am taking it now`,
  /** @param {string} amount */
  takeAsk: (amount) => `You take ${amount} now. The time is noted, and this screen turns dark and quiet.`,
  takeYes: "Yes, I am taking it now",
  takeNo: "Not yet",
  help: "Help",
  /** @param {string} name */
  helpFor: (name) => `Help for ${name}`,
  noPicture: "No picture of your therapist arrives right now. You don’t need to do anything.",
  therapistAway: "Your therapist is not connected right now. You don’t need to do anything.",
  pictureOnly: "Your camera is not on: your therapist cannot see you.",
  finish: "Finish my answers",
  devices: {
    title: "Camera, microphone, loudspeaker",
    camera: "Camera",
    microphone: "Microphone",
    speaker: "Loudspeaker",
    standard: "The browser’s choice",
    music: "Music plays in my room",
    musicHint: "Then nothing is filtered out of the sound, and your therapist hears the music too. Headphones or a quiet loudspeaker keep your therapist from hearing themselves.",
  },
  /** @param {string} who */
  sees: (who) => `${who} can see and hear you.`,
  /** @param {string} who */
  hide: (who) => `${who} should not see or hear me any more`,
  /** @param {string} name @param {string} who */
  hideFor: (name, who) => `${name}: ${who} should not see or hear me any more`,
  tapForSound: "Tap anywhere to hear your therapist",
  tapForCamera: "Tap anywhere to turn your camera and microphone on again",
  roomTitle: "With your therapist",
  darkTitle: "Rest. Help is one touch away.",
  pictures: "Pictures",
  selfView: "You, as your therapist sees you",
  therapistView: "Your therapist",

  // After the dose.
  calling: "Calling them.",
  known: "They know.",
  /** @param {string} who */
  coming: (who) => `${who} is coming.`,
  /** @param {string} who */
  with: (who) => `${who} is with you.`,
  callingDirect: "Calling your therapist. Call out loudly, too.",
  knownDirect: "Your therapist knows. Call out loudly, too.",
  callOut: "Call out loudly. This page keeps calling them.",
  /** @param {string[]} who */
  darkWith: (who) => `${list(who)} ${are(who)} with you.`,
  /** @param {string} who */
  darkAway: (who) => `${who} is not connected right now.`,
  /** @param {string[]} who */
  darkNear: (who) => `${list(who)} ${are(who)} in the next room.`,
  darkBack: "The picture is coming back by itself. You don’t need to do anything.",
  darkAlone: "This page is reconnecting by itself. If you need anyone, call out.",
  darkReplaced: "Your session is open on another screen now. Help works here too.",
  darkEnded: "This page is not connected. If you need anyone, call out.",
  /** @param {string} who */
  hideDark: (who) => `Hide me from ${who}`,
  /** @param {string} name @param {string} who */
  hideDarkFor: (name, who) => `Hide ${name} from ${who}`,
  faceShow: "Show the face",
  faceHide: "Hide the face",

  // Returning.
  returning: "Welcome back. Take all the time you need.",
  returningNext: "There is nothing you have to do. Your therapist stays with you.",

  // The end.
  /** @type {Partial<Record<Phase, string>>} */
  endTitle: {
    closed: "Your visit is complete.",
    signed: "Your visit is complete.",
    ended_early: "Your visit has ended.",
    cancelled: "Today’s visit was cancelled.",
    transferred: "The emergency team takes over now.",
  },
  /** @type {Partial<Record<Phase, string[]>>} */
  endAgreed: {
    closed: [
      "No driving until tomorrow, after a night’s sleep.",
      "The person who is with you stays with you now.",
      "Rest, drink, eat something light. Write down or draw what you want to keep.",
    ],
    ended_early: [
      "If you have taken the medicine: no driving until tomorrow, after a night’s sleep, and do not be alone today.",
      "Your therapist talks with you about what comes next.",
    ],
    cancelled: ["No medicine was recorded today. Your therapist will talk with you about another day."],
    transferred: ["Stay where you are, and stay with the person who is with you. Do what the emergency team says."],
  },
  agreed: "What is agreed",
  /** @param {string} when */
  visitAt: (when) => `Your integration visit: ${when}.`,
  endTrouble: "If you feel unwell later, call your therapist. In an emergency call 911.",
  endClose: "Your camera and microphone are off. You can close this page.",
};
words.endAgreed.signed = words.endAgreed.closed;

/**
 * checks are the checks before the dose as a client reads them.
 *
 * @type {Record<string, string>}
 */
export const checks = {
  identity: "Say who you are",
  address: "Confirm your address",
  emergency_number: "The emergency number for your address",
  callback: "The number to call you back",
  consent: "Your consent",
  chaperone: "The person who is with you is ready",
  prescription: "Show the medicine and its label",
  contraindications: "Talk about your health today",
  fasting: "What you ate and drank",
  vitals: "Measure your blood pressure",
  space: "Look around your room together",
  camera: "Your camera sees you lying down",
  no_driving: "No driving until tomorrow",
  connection_plan: "What we do if the connection is lost",
  client_yes: "Your own yes",
};

/**
 * consents are the texts by version. A version that is not here is read
 * together with the therapist; it is never replaced by another one's text.
 *
 * @type {Record<string, string[]>}
 */
export const consents = {
  "2026-1": [
    "Today you take a medicine that your prescriber ordered for you, at home, while your therapist is with you over video and another adult is in the next room.",
    "For about one to two hours you may feel far away, dizzy, sick, or see double, and your blood pressure may rise. Most of this passes within two hours. You may feel tired afterwards.",
    "Being treated at home over video has limits: nobody medical is in the room, the connection can fail, and help has to travel to you. If the connection is lost, your therapist calls the numbers you gave, and the person with you comes to you.",
    "You do not drive, decide anything important or stay alone with children until tomorrow, after a night’s sleep.",
    "Your therapist writes a record of this visit: times, amounts, measurements, what happened. Picture and sound are not recorded.",
    "You can say no, now or at any moment before you take the medicine. Saying no has no consequence for your care.",
  ],
};
