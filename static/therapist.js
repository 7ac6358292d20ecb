// The therapist's screen: joins, then mounts its parts and repaints them from
// every view. What each part shows is described in its own file.

import { createAlarmSound } from "./alarm-sound.js";
import { openConnection } from "./connection.js";
import { el, text } from "./element.js";
import { watchFaults } from "./fault.js";
import { tab } from "./kept.js";
import { askBeforeLeaving } from "./leaving.js";
import { createMedia } from "./media.js";
import { createJoin } from "./therapist-join.js";
import { createTherapistScreen, endedWords } from "./therapist-screen.js";
import { words } from "./therapist-words.js";
import { whenTurnedOut } from "./turned-out.js";

/** @typedef {import("./types.d.ts").View} View */

watchFaults();

const screen = /** @type {HTMLElement} */ (document.getElementById("screen"));
const path = location.pathname.replace(/\/?$/, "/");
const joined = `belay-joined ${path}`;
const sound = createAlarmSound();
// A click or a key anywhere lets the browser sound alarms.
for (const gesture of ["pointerdown", "keydown"]) addEventListener(gesture, sound.unlock, { capture: true, passive: true });

// Whoever was in the session and loads the page again is in it again at once.
const before = tab.read(joined);
if (before) enter(before === "media");
else if (location.hash === "#after") enter(false); // what is left is to write and to sign: nobody is filmed for it
else screen.replaceChildren(createJoin({ sound, enter }).element);

/** @param {boolean} withMedia */
function enter(withMedia) {
  tab.write(joined, withMedia ? "media" : "plain");
  const waiting = el("div", { class: "starting", role: "status" }, words.join.waiting);
  screen.replaceChildren(waiting);
  const connection = openConnection({ path: `${path}ws`, media: true });
  /** @type {ReturnType<typeof createTherapistScreen> | undefined} */
  let shown;

  const media = createMedia({
    connection,
    onRemote: (seat, remote) => shown?.parts.pictures.remote(seat, remote),
    onGone: (seat) => shown?.parts.pictures.gone(seat),
    onDirect: (seat, message) => shown?.direct(seat, message),
    onLocal: (local) => shown?.parts.pictures.local(local),
    onCapture: () => shown?.tick(), // a microphone that is on is not called off for a second
    onSeen: (seen) => shown?.seen(seen),
  });
  if (withMedia) void media.start();

  // Nothing of the visit stays before somebody who is not signed in: no picture, no
  // sound, no word. Whoever signs in, here or in another tab, is in it again.
  const out = whenTurnedOut(connection, (state) => {
    sound.set(null);
    media.close();
    screen.replaceChildren(el("main", { class: "starting" }, el("h1", { class: "spoken" }, words.connection.out), el("div", { class: "taken", role: "alert" }, ...endedWords(state))));
  });
  const heard = { ...sound, set: (/** @type {Parameters<typeof sound.set>[0]} */ priority) => sound.set(out() ? null : priority) };

  connection.on("view", (view) => {
    if (out()) return;
    if (shown) {
      shown.take(view);
      return;
    }
    shown = createTherapistScreen({ connection, media, sound: heard, first: view });
    screen.replaceChildren(shown.element);
  });
  askBeforeLeaving(() => shown?.watching() ?? false);
  connection.on("truth", (truth) => shown?.parts.pictures.truth(truth.seat, truth.seen));
  connection.on("degraded", (degraded) => shown?.degraded(degraded));
  connection.on("state", (state) => {
    if (shown) shown.state(state);
    if (shown || out()) return;
    else if (state.name === "ended") waiting.replaceChildren(...endedWords(state));
    else if (state.name === "replaced") text(waiting, words.connection.replaced);
    else if (state.name !== "open") text(waiting, words.connection.connecting);
  });
}
