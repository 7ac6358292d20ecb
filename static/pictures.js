// The pictures: each client as large as it goes, oneself small. Words stand over
// a picture only when something is odd.

import { ms, span, timeOfDay } from "./clock.js";
import { each, el, set, show, text } from "./element.js";
import { browser } from "./kept.js";
import { createLoudspeaker } from "./loudspeaker.js";
import { heldBack, play, release } from "./play.js";
import { words } from "./therapist-words.js";

/**
 * @typedef {import("./desk.js").Desk} Desk
 * @typedef {import("./types.d.ts").Seen} Seen
 * @typedef {import("./types.d.ts").Telemetry} Telemetry
 * @typedef {import("./types.d.ts").Media} Media
 */

const spot = "belay-self-view";
const oldAfter = 4; // s without a new one: from here on it is not shown as if it were true
const toldFor = 5000; // ms: a page tells of itself once a second

/** @param {Desk} desk */
export function createPictures(desk) {
  const w = words.picture;
  const grid = el("div", { class: "pictures-grid" });
  const self = el("video", { class: "self-video", "aria-hidden": "true", muted: true, autoplay: true, playsinline: true });
  self.muted = true;
  const hide = el("button", { type: "button", class: "self-hide", onclick: () => hideSelf(true) }, w.hideSelf);
  const selfBox = el("div", { class: "self", tabindex: "0", role: "group", "aria-label": w.self, onkeydown: nudge, onpointerdown: drag }, self, el("p", { class: "self-none" }, w.selfNone), hide);
  const showSelf = el("button", { type: "button", class: "self-show", hidden: true, onclick: () => hideSelf(false) }, w.showSelf);
  const swap = el("button", { type: "button", class: "pictures-swap", hidden: true, onclick: () => {
    front = (front + 1) % Math.max(1, (desk.view().clients ?? []).length);
    update();
  } }, w.swap);
  const layout = el("button", { type: "button", class: "pictures-layout", hidden: true, onclick: () => {
    stacked = !stacked;
    update();
  } }, w.stack);
  const hear = el("button", { type: "button", class: "primary pictures-hear", hidden: true, onclick: () => letOut() }, w.hear);
  const tap = el("button", { type: "button", class: "primary pictures-hear", hidden: true, onclick: () => void media?.start() }, w.needsTap);
  const element = el("section", { class: "pictures" }, grid, selfBox, el("div", { class: "pictures-tools" }, showSelf, swap, layout), hear, tap);

  let front = 0;
  let stacked = false;
  /** @type {Media | undefined} */
  let media;
  /** @type {Map<string, MediaStream>} */
  const streams = new Map();
  /** @type {Map<string, ReturnType<typeof createPicture>>} */
  const pictures = new Map();
  /** @type {Map<string, HTMLVideoElement>} */
  const voices = new Map();
  /** @type {Seen[]} */
  let seen = [];
  /** @type {Map<string, {seen: Telemetry, at: number}>} */
  const truths = new Map();
  /** Where the own picture is: x and y from 0 (left, top) to 1. */
  let position = { x: 1, y: 1, hidden: false };

  place(browser.value(spot) ?? position);

  /** @param {string} seat */
  function createPicture(seat) {
    const video = el("video", { class: "picture-video", playsinline: true, autoplay: true, "data-seat": seat, "data-testid": `video-${seat}` });
    const state = el("p", { class: "picture-state" });
    const odd = el("p", { class: "picture-odd", "aria-hidden": "true" });
    const spoken = el("p", { class: "spoken", role: "status" }); // once, not at every second
    const name = el("p", { class: "picture-name" });
    const node = el("figure", { class: "picture" }, video, state, odd, spoken, name);
    let playing = false;
    let first = -Infinity; // when the first picture came: what is measured of it comes a second later
    video.addEventListener("loadeddata", () => {
      first = performance.now();
      tick();
    });

    function attach() {
      const stream = streams.get(seat);
      if (!stream || playing) return;
      playing = true;
      sound(video, stream);
    }

    function tick() {
      const client = desk.client(seat);
      if (!client) return;
      const person = (desk.view().people ?? []).find((one) => one.seat === seat);
      const got = best(seat);
      const age = got && got.frame_age >= 0 ? got.frame_age : performance.now() - first < 2000 ? 0 : -1;
      const live = age >= 0 && age < oldAfter;
      const still = !live && first > 0; // the last picture stands there, also of a page that was left, and of which the element knows no size
      const now = desk.now();
      set(video, "aria-label", w.of(client.name));
      text(name, client.name);
      show(name, (desk.view().clients ?? []).length > 1);
      const over = words.over.includes(client.phase);
      set(node, "data-still", still && !over ? "yes" : null);
      const away = person?.since && !person.present ? w.gone(client.name, span(now - ms(person.since))) : "";
      const waits = client.phase === "scheduled" || client.phase === "lobby";
      show(video, !over);
      // While frames come directly, the picture is true, whatever the server has heard.
      text(state, over ? w.over(client.name) : live ? "" : waits && person?.present ? w.waits(client.name) : !person?.since ? w.notHere(client.name) : away || (still ? w.still(client.name) : told(seat)?.cam_live === false ? w.dark(client.name) : "RTCPeerConnection" in globalThis ? w.connecting(client.name) : w.never));
      show(state, state.textContent);
      // Before they have met nothing is sent, and nothing of it is odd.
      const all = over || waits ? [] : oddities(seat, got);
      text(odd, all.join(" · "));
      show(odd, all.length);
      text(spoken, all.map((one) => (got && one === aged(got) ? w.lost : one)).join(" · "));
    }
    return { node, attach, tick, video, gone: () => {
      playing = false;
    } };
  }

  /**
   * The way over which the freshest picture of a seat comes.
   *
   * @param {string} seat
   * @returns {Seen | undefined}
   */
  function best(seat) {
    return seen.filter((one) => one.seat === seat).sort((a, b) => (a.frame_age < 0 ? 1e9 : a.frame_age) - (b.frame_age < 0 ? 1e9 : b.frame_age))[0];
  }

  /**
   * What a page has told of itself is true for as long as it goes on telling.
   *
   * @param {string} seat
   */
  function told(seat) {
    const last = truths.get(seat);
    return last && performance.now() - last.at < toldFor ? last.seen : undefined;
  }

  /** @param {Seen} got */
  const aged = (got) => w.old(span(got.frame_age * 1000));

  /** @param {string} seat @param {Seen | undefined} got */
  function oddities(seat, got) {
    const odd = [];
    const client = desk.client(seat);
    const quiet = media?.capture().quiet;
    if (quiet) odd.push(w.quiet(timeOfDay(quiet)));
    if (got && got.frame_age >= 2) odd.push(aged(got));
    else if (client?.picture_lost) odd.push(w.lost);
    if (got && (got.state === "disconnected" || got.state === "failed")) odd.push(w.reconnecting);
    if ((got && got.sound_age > 3) || client?.sound_lost) odd.push(w.silent);
    if (got && got.route.startsWith("relay")) odd.push(w.relayed);
    if (got && (got.loss > 0.05 || got.round_trip > 0.5)) odd.push(w.poor);
    const truth = told(seat);
    if (truth?.no_sound) odd.push(w.heldBack);
    else if (client?.voice_lost && !quiet) odd.push(w.hearsNobody);
    if (truth) {
      if (!truth.cam_live) odd.push(w.camOff);
      if (!truth.mic_live) odd.push(w.micOff);
      if (!truth.visible) odd.push(w.hidden);
      else if (!truth.wake_lock) odd.push(w.asleep);
      if (truth.battery !== undefined && truth.battery < 0.2 && !truth.charging) odd.push(w.battery(Math.round(truth.battery * 100)));
    }
    return odd;
  }

  function update() {
    const clients = desk.view().clients ?? [];
    each(grid, clients, (client) => client.seat, (client) => {
      const picture = createPicture(client.seat);
      pictures.set(client.seat, picture);
      return picture.node;
    }, (node, client) => {
      pictures.get(client.seat)?.attach();
      set(node, "data-front", clients[front]?.seat === client.seat ? "yes" : null);
    });
    const many = clients.length > 1;
    show(layout, many);
    text(layout, stacked ? w.split : w.stack);
    show(swap, many && stacked);
    set(grid, "data-layout", many ? (stacked ? "stack" : "split") : "one");
    tick();
  }

  function tick() {
    for (const picture of pictures.values()) picture.tick();
    const capture = media?.capture();
    show(tap, capture?.needsTap);
    set(selfBox, "data-off", capture && capture.camera !== "ok" ? "yes" : null);
  }

  const loudspeaker = createLoudspeaker(() => videos());
  const videos = () => [...[...pictures.values()].map((picture) => picture.video), ...voices.values()];
  const hears = () => show(hear, videos().some(heldBack));
  const letOut = () => void release(videos()).then(hears);
  addEventListener("pointerup", letOut); // any tap will do

  /**
   * Plays a stream with its sound.
   *
   * @param {HTMLVideoElement} video
   * @param {MediaStream} stream
   */
  function sound(video, stream) {
    play(video, stream, hears);
    void loudspeaker.apply(video);
  }

  /** @param {{x: number, y: number, hidden: boolean}} where */
  function place(where) {
    selfBox.style.setProperty("--self-x", String(where.x));
    selfBox.style.setProperty("--self-y", String(where.y));
    show(selfBox, !where.hidden);
    show(showSelf, where.hidden);
    position = where;
  }

  /** @param {{x: number, y: number, hidden: boolean}} where */
  function keep(where) {
    place({ x: Math.min(1, Math.max(0, where.x)), y: Math.min(1, Math.max(0, where.y)), hidden: where.hidden });
    browser.write(spot, JSON.stringify(position));
  }

  /** @param {boolean} hidden */
  function hideSelf(hidden) {
    keep({ ...position, hidden });
    (hidden ? showSelf : hide).focus();
  }

  /** @param {KeyboardEvent} event */
  function nudge(event) {
    const step = { ArrowLeft: [-0.1, 0], ArrowRight: [0.1, 0], ArrowUp: [0, -0.1], ArrowDown: [0, 0.1] }[event.key];
    if (!step || event.target !== selfBox) return;
    event.preventDefault();
    keep({ ...position, x: position.x + (step[0] ?? 0), y: position.y + (step[1] ?? 0) });
  }

  /** @param {PointerEvent} event */
  function drag(event) {
    if (event.target === hide) return;
    event.preventDefault();
    selfBox.setPointerCapture(event.pointerId);
    const room = { x: element.clientWidth - selfBox.offsetWidth, y: element.clientHeight - selfBox.offsetHeight };
    const from = { x: event.clientX, y: event.clientY, at: { ...position } };
    /** @param {PointerEvent} moved */
    const move = (moved) => keep({ ...position, x: from.at.x + (moved.clientX - from.x) / Math.max(1, room.x), y: from.at.y + (moved.clientY - from.y) / Math.max(1, room.y) });
    selfBox.addEventListener("pointermove", move);
    selfBox.addEventListener("lostpointercapture", () => selfBox.removeEventListener("pointermove", move), { once: true });
  }

  return {
    element,
    update,
    tick,
    /** @param {Media} given */
    use(given) {
      media = given;
      loudspeaker.whenGone(() => given.gone({ kind: "loudspeaker", label: "" }));
    },
    /** The own camera is off for good. */
    leave() {
      media = undefined;
      self.srcObject = null;
      show(selfBox, false);
      show(showSelf, false);
    },
    /** @param {string} seat @param {MediaStream} stream */
    remote(seat, stream) {
      streams.set(seat, stream);
      pictures.get(seat)?.attach();
      // A co-therapist is heard; the pictures are the clients'.
      if (desk.client(seat) || voices.has(seat)) return;
      const voice = el("video", { hidden: true, playsinline: true, autoplay: true });
      voices.set(seat, voice);
      element.append(voice);
      sound(voice, stream);
    },
    /** @param {string} seat */
    gone(seat) {
      streams.delete(seat);
      pictures.get(seat)?.gone();
      voices.get(seat)?.remove();
      voices.delete(seat);
    },
    /** @param {MediaStream} stream */
    local(stream) {
      if (self.srcObject !== stream) self.srcObject = stream;
      void self.play().catch(() => undefined);
    },
    /** @param {Seen[]} now */
    seen(now) {
      seen = now;
    },
    /** @param {string} seat @param {Telemetry} truth */
    truth(seat, truth) {
      truths.set(seat, { seen: truth, at: performance.now() });
    },
    told,
    speaker: loudspeaker.choose,
    best,
  };
}
