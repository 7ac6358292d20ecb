// The chaperone's page: one phone, one hand, one question at a time.

import { createAlarmSound } from "./alarm-sound.js";
import { createChaperoneScreen } from "./chaperone-screen.js";
import { words } from "./chaperone-words.js";
import { openConnection } from "./connection.js";
import { el, text } from "./element.js";
import { watchFaults } from "./fault.js";
import { guardLeaving } from "./leaving.js";
import { createMedia } from "./media.js";
import { whenTurnedOut } from "./turned-out.js";
import { keepAwake } from "./wake-lock.js";

watchFaults();

const screen = /** @type {HTMLElement} */ (document.getElementById("screen"));
const waiting = el("p", { class: "page", role: "status" }, words.starting);
screen.replaceChildren(waiting);

const sound = createAlarmSound({ vibrate: true });
for (const gesture of ["pointerup", "keydown"]) addEventListener(gesture, sound.unlock, { capture: true, passive: true });

const connection = openConnection({ path: `${location.pathname.replace(/\/?$/, "/")}ws`, media: true });
/** @type {ReturnType<typeof createChaperoneScreen> | undefined} */
let shown;
// It only watches and listens, and only where the client has allowed it.
const media = createMedia({
  connection,
  send: false,
  onRemote: (seat, stream) => shown?.remote(seat, stream),
  onGone: (seat) => shown?.gone(seat),
  onSeen: (seen) => shown?.seen(seen),
});
const awake = keepAwake(() => shown?.tick());

// A thumb that swipes back would leave nobody to call.
const out = whenTurnedOut(connection, media.close);
const arm = guardLeaving({ wanted: () => !out() && (shown?.watching() ?? false), onCaught: () => shown?.stay() });

connection.on("view", (view) => {
  if (shown) {
    shown.take(view);
  } else {
    shown = createChaperoneScreen({ connection, sound, awake, first: view });
    screen.replaceChildren(shown.element);
    for (const [seat, stream] of media.remote) shown.remote(seat, stream); // that came before it said whose they are
  }
  arm();
});
connection.on("state", (state) => {
  if (shown) shown.tick();
  else if (state.name === "ended") text(waiting, words.connection.ended[state.why ?? ""] ?? state.words ?? "");
  else if (state.name === "replaced") text(waiting, words.connection.replaced);
});
