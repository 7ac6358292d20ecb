// The client's page: which screen the last view calls for, and what passes
// between the parts.

import { createArrival } from "./arrival.js";
import { therapists } from "./own-view.js";
import { words } from "./client-words.js";
import { timeOfDay, day } from "./clock.js";
import { openConnection } from "./connection.js";
import { createDark } from "./dark.js";
import { createDevices } from "./devices.js";
import { el, set, show, text } from "./element.js";
import { createHelp } from "./help.js";
import { watchFaults } from "./fault.js";
import { tab } from "./kept.js";
import { guardLeaving } from "./leaving.js";
import { createMedia } from "./media.js";
import { createPlain } from "./plain.js";
import { createRoom } from "./room.js";
import { createStage } from "./stage.js";
import { whenTurnedOut } from "./turned-out.js";

/** @typedef {import("./types.d.ts").View} View */
/** @typedef {import("./types.d.ts").ClientView} ClientView */
/** @typedef {"plain" | "arrival" | "room" | "dark"} Screen */

const over = ["closed", "signed", "cancelled", "ended_early", "transferred"];
const pictureWithin = 4000; // ms without a new picture before the screen says so
const veilFor = 60; // s in which the brightness comes back

watchFaults();

/** @type {View | null} */
let view = null;
/** @type {import("./types.d.ts").Degraded | null} */
let degraded = null;
let arriving = false; // the arrival's pages are wanted
let quiet = performance.now(); // since when no picture of the therapist arrives; 0: it does
let flowing = true; // as the screen says it: a picture that is about to come is not missing
let ended = false;
let playing = false; // music, as the last view says
/** @type {Screen | ""} */
let screen = "";

/**
 * What this tab remembers through a reload, and nothing longer.
 *
 * @param {string} name
 * @param {string} [value]
 */
function remember(name, value) {
  const key = `belay ${location.pathname} ${name}`;
  if (value !== undefined) tab.write(key, value);
  return tab.read(key) ?? "";
}

const connection = openConnection({
  path: "ws",
  on: {
    view(next) {
      view = next;
      paint();
    },
    degraded(now) {
      degraded = now.ok ? null : now;
      paint();
    },
    state: () => paint(),
  },
});
const stage = createStage({
  onSound: () => paint(),
  onPicture() {
    quiet = 0;
    flowing = true;
    paint();
  },
});
const media = createMedia({
  connection,
  onRemote: (seat, stream) => {
    stage.remote(seat, stream);
    paint();
  },
  onGone: (seat) => {
    stage.gone(seat);
    paint();
  },
  onLocal(stream) {
    stage.local(stream);
    // A page that has the microphone may be heard without a tap (Chromium 156), and the
    // therapist's voice may have come before it: nobody under the medicine has to tap.
    if (stage.needsTap()) void stage.letOut();
  },
  onCapture: () => paint(),
  onDirect: (_seat, message) => help.onDirect(message),
  noSound: () => stage.needsTap(),
  onSeen(seen) {
    stage.look(seen, view && connected() ? therapists(view).filter((one) => !one.present).map((one) => one.seat) : []);
    if (seen.some((one) => one.frame_age >= 0 && one.frame_age < 2)) quiet = 0;
    else quiet ||= performance.now();
    const now = quiet === 0 || performance.now() - quiet < pictureWithin;
    if (now === flowing) return;
    flowing = now;
    paint();
  },
});
stage.loudspeaker.whenGone(() => media.gone({ kind: "loudspeaker", label: "" }));
const out = whenTurnedOut(connection, () => {
  media.close();
  stage.clear();
  paint();
});
const help = createHelp({ connection, media, remember, onChange: () => paint() });
/** @param {string} act @param {object} body */
const ask = (act, body) => connection.command(act, body, { insist: true }); // nobody under the medicine presses twice
const connected = () => connection.state().name === "open";

const arrival = createArrival({ ask, media, view: () => /** @type {View} */ (view), connected, remember }, () => {
  arriving = false;
  paint();
});
// Whether music plays is the session's to know: the therapist can say it for somebody
// who lies with closed eyes.
const devices = createDevices({
  media, speaker: stage.loudspeaker.choose, words: words.devices,
  music: (on) => {
    void media.setMusic(on);
    for (const client of view?.clients ?? []) void connection.command("SetMusic", { client: client.seat, on });
  },
});
const room = createRoom({ ask, help, finish: () => arrive(), devices: devices.element });
const dark = createDark({ ask, help, remember });
const plain = createPlain();

const practice = el("header", { class: "practice", hidden: true }, words.practice);
const notice = el("div", { class: "notice", role: "status", hidden: true });
const noticeWords = el("p");
const noticeButton = el("button", { type: "button", class: "primary", hidden: true, onclick: () => arrival.hide() }, words.goToTherapist);
notice.append(noticeWords, noticeButton);
const veil = el("div", { class: "veil", hidden: true });
const main = el("main", { id: "screen" });
document.body.replaceChildren(practice, stage.element, el("div", { class: "over" }, notice, main), veil);

const arm = guardLeaving({
  wanted: () => !ended && !out() && (view?.clients ?? []).some((one) => !over.includes(one.phase) && one.phase !== "scheduled" && one.phase !== "lobby"),
  onCaught: () => dark.wake(),
});

// The whole screen is the button, where a browser wants a tap.
addEventListener("pointerup", () => {
  if (stage.needsTap()) void stage.letOut();
  if (media.capture().needsTap) void media.start();
});

function arrive() {
  arriving = true;
  arrival.show(view !== null && arrival.answered());
  paint();
}

/** @param {ClientView[]} clients @returns {Screen} */
function wanted(clients) {
  const state = connection.state();
  if (!view || !clients.length) return "plain";
  // Of two at one device, the second still takes theirs in the light.
  if (clients.some((one) => one.dimmed) && !clients.some((one) => !one.dimmed && one.may_take)) return "dark";
  if (clients.every((one) => over.includes(one.phase))) return "plain";
  if (state.name === "replaced" || state.name === "ended") return "plain";
  if (arriving) return "arrival";
  return clients.some((one) => one.phase !== "scheduled" && one.phase !== "lobby" && !over.includes(one.phase)) ? "room" : "plain";
}

/** @param {ClientView[]} clients */
function begin(clients) {
  // The first view of this page: go on where one was.
  const before = clients.every((one) => one.phase === "scheduled" || one.phase === "lobby");
  const over_ = clients.every((one) => over.includes(one.phase));
  if (!over_ && clients.some((one) => one.steps?.device)) void media.start();
  else if (!over_ && !before) void media.start();
  if (before && !arrival.complete()) {
    arriving = true;
    arrival.show();
  }
}

let begun = false;

function paint() {
  const clients = view?.clients ?? [];
  if (view && clients.length && !begun) {
    begun = true;
    begin(clients);
  }
  if (view && clients.length && clients.every((one) => over.includes(one.phase)) && !ended) {
    ended = true;
    media.close();
    stage.clear();
  }
  const next = wanted(clients);
  if (arriving && next === "dark") {
    arriving = false;
    arrival.hide();
    return;
  }
  if (next !== screen) turnTo(next);
  arm();

  const state = connection.state();
  const tap = stage.needsTap() ? words.tapForSound : media.capture().needsTap ? words.tapForCamera : "";
  show(practice, view?.practice && screen !== "dark");
  const here = view ? therapists(view).filter((one) => one.present).map((one) => one.name) : [];
  const called = screen === "arrival" && connected() && here.length > 0 && clients.some((one) => one.phase === "check_in" || one.phase === "ready");
  const unsaved = screen === "arrival" && degraded ? words.degraded(degraded.words) : "";
  const away = screen === "arrival" && !connected() ? words.reconnecting : "";
  text(noticeWords, called ? words.therapistHere(here) : away || unsaved);
  show(noticeButton, called);
  show(notice, noticeWords.textContent);
  set(document.body, "data-returned", screen === "room" && clients.some((one) => one.phase === "integrating" || one.phase === "release_check") ? "yes" : null);
  // The picture beside the pages of the arrival, once there is one.
  set(document.body, "data-picture", stage.any() ? "yes" : null);

  const music = clients.some((one) => one.music);
  if (view && music !== playing) {
    playing = music;
    devices.playing(music);
    void media.setMusic(music);
  }

  if (screen === "plain") plain.update(plainWords(clients));
  if (!view) return;
  if (screen === "arrival") arrival.update();
  if (screen === "room") {
    const { camera } = media.capture();
    room.update(view, {
      connected: connected(),
      picture: flowing,
      camera: camera === "ok" || camera === "off",
      complete: arrival.answered(),
      needsTap: tap,
      device: media.capture().instead || media.capture().soundless ? media.capture().words : "",
    });
  }
  if (screen === "dark") {
    const lost = state.name === "replaced" ? words.darkReplaced : state.name === "ended" ? words.darkEnded : "";
    dark.update(view, { connected: connected(), lost, picture: flowing, needsTap: tap });
  }
}

/** @param {Screen} next */
function turnTo(next) {
  const from = screen;
  screen = next;
  set(document.body, "data-screen", next);
  const parts = { plain: plain.element, arrival: arrival.element, room: room.element, dark: dark.element };
  main.replaceChildren(parts[next]);
  if (next === "dark") dark.enter();
  else dark.leave();
  // The bars of a phone's browser go dark with the page.
  document.querySelector("meta[name=theme-color]")?.setAttribute("content", next === "dark" ? "#000000" : "");
  if (from === "dark" && next !== "dark") lift();
  scrollTo(0, 0);
}

/** After the dark, brightness comes back in small steps. */
function lift() {
  const steps = 120;
  let left = steps;
  show(veil, true);
  const step = () => {
    veil.style.opacity = String(0.55 * (left / steps));
    if (left-- <= 0 || screen === "dark") {
      show(veil, false);
      return;
    }
    setTimeout(step, (veilFor * 1000) / steps);
  };
  step();
}

/** @param {ClientView[]} clients @returns {import("./plain.js").Words} */
function plainWords(clients) {
  const state = connection.state();
  if (view && clients.length && clients.every((one) => over.includes(one.phase))) return goodbye(clients[0]);
  if (state.name === "replaced") {
    return { title: words.replacedTitle, lines: [words.replaced], buttons: [{ words: words.takeBack, press: () => connection.retry(), testid: "take-back" }] };
  }
  if (state.name === "ended") {
    const reload = { words: words.reload, primary: true, press: () => location.reload() };
    switch (state.why) {
      case "unknown":
        return { title: words.unknownTitle, lines: [words.unknown] };
      case "protocol":
        return { title: words.protocolTitle, lines: [words.protocol], buttons: [reload] };
      default:
        return { title: words.revokedTitle, lines: [words.revoked] };
    }
  }
  if (!view) return { title: words.connecting, lines: state.silentFor > 0 ? [words.connectingLong] : [] };
  return waiting(view);
}

/** @param {View} now @returns {import("./plain.js").Words} */
function waiting(now) {
  const lines = [];
  if (!connected()) {
    lines.push(words.reconnecting);
  } else {
    const here = therapists(now).filter((one) => one.present).map((one) => one.name);
    lines.push(here.length ? words.waitingHere(here) : words.waitingAlone);
    const starts = Date.parse(now.starts_at);
    if (!here.length && starts > connection.now()) {
      const today = day(starts) === day(connection.now());
      lines.push(words.waitingStart(today ? timeOfDay(starts) : `${day(starts)}, ${timeOfDay(starts)}`));
    }
  }
  return {
    title: words.waitingTitle,
    lines,
    sections: [
      { title: words.nextTitle, items: words.nextSteps, ordered: true },
      { title: words.meanwhileTitle, items: words.meanwhile },
    ],
    buttons: [{ words: words.change, press: arrive, testid: "change" }],
  };
}

/** @param {ClientView} client @returns {import("./plain.js").Words} */
function goodbye(client) {
  const visit = client.visit_at ? Date.parse(client.visit_at) : NaN;
  const booked = Number.isNaN(visit) ? [] : [words.visitAt(`${day(visit)}, ${timeOfDay(visit)}`)];
  return {
    title: words.endTitle[client.phase] ?? words.title,
    sections: [{ title: words.agreed, items: [...(words.endAgreed[client.phase] ?? []), ...booked] }],
    after: [words.endTrouble, words.endClose],
  };
}

paint();
