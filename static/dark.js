// After the dose: near-black, no clock, no number, nothing that moves, no sound
// of ours, no dialog. One area for help, large enough to be found without
// looking, and a touch anywhere that says who is there while it is so.

import { chaperones, therapists } from "./own-view.js";
import { each, el, set, show, text } from "./element.js";
import { list, words } from "./client-words.js";

/** @typedef {import("./types.d.ts").View} View */
/** @typedef {import("./types.d.ts").ClientView} ClientView */

const awakeFor = 25_000; // ms after the last touch
const readWithin = 1000; // ms: before, nobody has read what a button says

/**
 * createDark makes the screen.
 *
 * @param {{ask: (act: string, body: object) => Promise<unknown>, help: {ask: (seat: string) => void, words: (client: ClientView, seq: number, connected: boolean) => string},
 *   remember: (name: string, value?: string) => string}} options
 */
export function createDark({ ask: send, help, remember }) {
  const said = el("p", { class: "dark-help", role: "status" });
  const who = el("p", { class: "dark-who", "aria-live": "polite" });
  const trouble = el("p", { class: "dark-trouble", "aria-live": "polite" });
  const practice = el("p", { class: "dark-practice" }, words.practiceShort);
  const face = el("button", { type: "button", class: "dark-face", onclick: turnFace });
  const hides = el("div", { class: "dark-hides" });
  const helps = el("div", { class: "dark-helps" });
  const element = el("section", { class: "dark" }, el("div", { class: "dark-words" }, el("h1", { class: "spoken" }, words.darkTitle), said, trouble, who, face, hides, practice), helps);
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let sleep;
  let woke = 0;
  let waking = false; // the touch that is going on found the screen asleep
  let shown = false;
  let asking = false;

  function touched() {
    waking = shown && !document.body.hasAttribute("data-awake");
    wake();
  }

  /** The touch that wakes the screen means nothing else, nor does one before anybody can have read. */
  function meant() {
    return !waking && performance.now() - woke >= readWithin;
  }

  function wake() {
    if (!shown) return;
    clearTimeout(sleep);
    if (!document.body.hasAttribute("data-awake")) woke = performance.now();
    set(document.body, "data-awake", "yes");
    sleep = setTimeout(() => set(document.body, "data-awake", asking ? "yes" : null), awakeFor);
  }

  function turnFace() {
    if (!meant()) return;
    remember("face", remember("face") === "kept" ? "hidden" : "kept");
    paintFace();
  }

  function paintFace() {
    const kept = remember("face") === "kept";
    set(document.body, "data-face", kept ? "kept" : null);
    text(face, kept ? words.faceHide : words.faceShow);
  }

  // A finger that trembles or slides makes no click: what counts is that it
  // came down.
  /** @param {string} seat */
  function makeHelp(seat) {
    let down = 0;
    const ask = () => {
      wake();
      help.ask(seat);
    };
    return el("button", {
      type: "button",
      class: "dark-help-button",
      "data-act": "AskHelp",
      "data-client": seat,
      onpointerdown: () => {
        down = performance.now();
        ask();
      },
      onclick: () => {
        if (performance.now() - down > 1500) ask();
      },
    });
  }

  /**
   * The yes to the chaperone's eyes is taken back with one touch, once the screen
   * is awake and the words can be read.
   *
   * @param {ClientView} client
   */
  function makeHide(client) {
    return el("button", { type: "button", class: "dark-face", "data-act": "HideFromChaperone", "data-client": client.seat, onclick: hide });
    function hide() {
      if (meant()) void send("HideFromChaperone", { client: client.seat });
    }
  }

  addEventListener("pointerdown", touched, { passive: true });
  addEventListener("keydown", touched);
  element.addEventListener("contextmenu", (event) => event.preventDefault());

  return {
    element,
    enter() {
      if (shown) return;
      shown = true;
      paintFace();
      // The words of the change stand for a while, then the dark.
      wake();
      queueMicrotask(() => /** @type {HTMLElement | null} */ (helps.querySelector("button"))?.focus({ preventScroll: true }));
    },
    leave() {
      shown = false;
      clearTimeout(sleep);
      set(document.body, "data-awake", null);
      set(document.body, "data-face", null);
    },
    wake,
    /**
     * @param {View} view
     * @param {{connected: boolean, lost: string, picture: boolean, needsTap: string}} now lost: words for a page that lost its place
     */
    update(view, now) {
      const clients = view.clients ?? [];
      const calls = clients.map((one) => help.words(one, view.seq, now.connected)).filter(Boolean);
      const began = calls.length > 0 && !asking;
      asking = calls.length > 0;
      text(said, calls[0] ?? "");
      show(said, asking);
      if (began) wake();

      /** @type {string[]} */
      const there = [];
      let wrong = "";
      if (now.connected) {
        const here = therapists(view).filter((one) => one.present).map((one) => one.name);
        const away = therapists(view).filter((one) => !one.present && one.role === "therapist").map((one) => one.name);
        if (here.length) there.push(words.darkWith(here));
        if (away.length) wrong = words.darkAway(list(away));
        else if (!now.picture) wrong = words.darkBack;
        const near = chaperones(view).filter((one) => one.near).map((one) => one.name);
        if (near.length) there.push(words.darkNear(near));
      } else {
        wrong = now.lost || words.darkAlone;
      }
      if (now.needsTap) wrong = now.needsTap;
      each(who, there, (one) => one, (one) => el("span", null, one, " "));
      text(trouble, asking ? "" : wrong);
      show(trouble, trouble.textContent);
      show(practice, view.practice && !asking);
      show(face, now.picture && !asking && !wrong);
      const eyes = list(chaperones(view).map((one) => one.name));
      each(
        hides,
        clients.filter((one) => one.chaperone_sees && now.connected && !asking),
        (one) => one.seat,
        makeHide,
        (node, one) => text(node, clients.length > 1 ? words.hideDarkFor(one.name, eyes) : words.hideDark(eyes)),
      );
      each(
        helps,
        clients,
        (one) => one.seat,
        (one) => makeHelp(one.seat),
        (node, one) => text(node, clients.length > 1 ? words.helpFor(one.name) : words.help),
      );
    },
  };
}
